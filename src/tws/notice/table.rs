//! The two notice tables, read once.

use std::collections::HashMap;
use std::sync::LazyLock;
use std::time::Duration;

use regex::{Regex, RegexBuilder};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::Meaning;
use super::words::{Category, MeaningSource, Retry, Scope, Severity};

const CODES: &str = include_str!("codes.csv");
const TEXTS: &str = include_str!("texts.csv");

static TABLE: LazyLock<HashMap<i32, Entry>> = LazyLock::new(build);

/// A row of `codes.csv`.
#[derive(Debug, Deserialize)]
pub(super) struct CodeRow {
    pub(super) code: i32,
    pub(super) severity: Severity,
    pub(super) category: Category,
    pub(super) scope: Scope,
    pub(super) retry: Retry,
    pub(super) wait_seconds: Option<u64>,
    pub(super) summary: String,
}

/// A row of `texts.csv`: a meaning that a code has only with some texts.
#[derive(Debug, Deserialize)]
pub(super) struct TextRow {
    pub(super) code: i32,
    pub(super) text_pattern: String,
    pub(super) category: Category,
    pub(super) retry: Retry,
    pub(super) wait_seconds: Option<u64>,
    pub(super) summary: String,
}

#[derive(Debug)]
struct Entry {
    row: CodeRow,
    /// In file order: the first hit counts.
    texts: Vec<(Regex, TextRow)>,
}

/// The meaning by text, else by code, if the code has a row.
pub(super) fn look_up(code: i32, text: &str) -> Option<(Meaning, MeaningSource)> {
    let Entry { row, texts } = TABLE.get(&code)?;
    let Some((_, hit)) = texts.iter().find(|(pattern, _)| pattern.is_match(text)) else {
        let CodeRow { severity, category, scope, retry, wait_seconds, summary, .. } = row;
        let wait = wait_seconds.map(Duration::from_secs);
        return Some((meaning(*severity, *category, *scope, *retry, wait, summary), MeaningSource::Code));
    };
    // The text can turn a refusal that names a request into a remark about an order.
    let severity = if hit.category == Category::OrderWarning { Severity::Warning } else { row.severity };
    let scope = match hit.category {
        Category::OrderReject | Category::OrderWarning | Category::OrderCancelled => Scope::Order,
        _ => row.scope,
    };
    let wait = hit.wait_seconds.map(Duration::from_secs);
    Some((meaning(severity, hit.category, scope, hit.retry, wait, &hit.summary), MeaningSource::Text))
}

fn meaning(
    severity: Severity,
    category: Category,
    scope: Scope,
    retry: Retry,
    wait: Option<Duration>,
    summary: &'static str,
) -> Meaning {
    let source = MeaningSource::Fallback;
    Meaning { severity, category, scope, retry, wait, summary, source, ends_request: false }
}

/// A row that cannot be read is left out: its code is then judged by range. Tests keep that from
/// ever happening.
fn build() -> HashMap<i32, Entry> {
    let codes = rows::<CodeRow>(CODES).flatten();
    let mut table: HashMap<i32, Entry> = codes.map(|row| (row.code, Entry { row, texts: Vec::new() })).collect();
    for row in rows::<TextRow>(TEXTS).flatten() {
        if let (Some(entry), Ok(pattern)) = (table.get_mut(&row.code), pattern(&row.text_pattern)) {
            entry.texts.push((pattern, row));
        }
    }
    table
}

/// The rows of `codes.csv`, in its order.
pub(super) fn code_rows() -> impl Iterator<Item = CodeRow> {
    rows(CODES).flatten()
}

/// The rows of `texts.csv`, in its order.
pub(super) fn text_rows() -> impl Iterator<Item = TextRow> {
    rows(TEXTS).flatten()
}

fn rows<R: DeserializeOwned>(table: &'static str) -> impl Iterator<Item = Result<R, csv::Error>> {
    csv::Reader::from_reader(table.as_bytes()).into_deserialize()
}

fn pattern(text: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(text).case_insensitive(true).build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_both_tables_can_be_read() {
        let codes: Result<Vec<CodeRow>, _> = rows(CODES).collect();
        let texts: Result<Vec<TextRow>, _> = rows(TEXTS).collect();
        assert_eq!(codes.expect("codes.csv").len(), CODES.lines().count() - 1);
        assert_eq!(texts.expect("texts.csv").len(), TEXTS.lines().count() - 1);
    }

    #[test]
    fn no_code_has_two_rows() {
        assert_eq!(TABLE.len(), CODES.lines().count() - 1);
    }

    #[test]
    fn every_pattern_compiles_and_belongs_to_a_code_with_a_row() {
        for row in rows::<TextRow>(TEXTS) {
            let row = row.expect("texts.csv");
            if let Err(error) = pattern(&row.text_pattern) {
                panic!("{} {:?}: {error}", row.code, row.text_pattern);
            }
            assert!(TABLE.contains_key(&row.code), "{} has no row of its own", row.code);
        }
        let kept: usize = TABLE.values().map(|entry| entry.texts.len()).sum();
        assert_eq!(kept, TEXTS.lines().count() - 1);
    }

    #[test]
    fn the_words_are_exactly_those_that_the_tables_use() {
        let codes: Vec<CodeRow> = rows(CODES).map(|row| row.expect("codes.csv")).collect();
        let texts: Vec<TextRow> = rows(TEXTS).map(|row| row.expect("texts.csv")).collect();
        for &word in Category::ALL {
            assert!(codes.iter().any(|r| r.category == word) || texts.iter().any(|r| r.category == word), "{word}");
        }
        for &word in Retry::ALL {
            assert!(codes.iter().any(|r| r.retry == word) || texts.iter().any(|r| r.retry == word), "{word}");
        }
        for &word in Severity::ALL {
            assert!(codes.iter().any(|r| r.severity == word), "{word}");
        }
        for &word in Scope::ALL {
            assert!(codes.iter().any(|r| r.scope == word), "{word}");
        }
    }

    #[test]
    fn every_row_has_a_summary_and_waits_only_where_it_may_retry() {
        for row in rows::<CodeRow>(CODES) {
            let row = row.expect("codes.csv");
            assert!(!row.summary.is_empty(), "{}", row.code);
            assert!(row.wait_seconds.is_none() || row.retry == Retry::AfterWait, "{}", row.code);
        }
    }
}
