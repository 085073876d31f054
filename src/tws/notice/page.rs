//! The catalogue of notices for people, made of the two tables.

use std::fmt::Write as _;

use super::table;

/// `docs/notices.md`.
pub fn page() -> String {
    let mut page = String::from(
        "# Notices of the gateway\n\n\
         What the bridge makes of each code that a gateway may send. This page is written from `src/tws/notice/codes.csv` and \
         `texts.csv`; a test keeps them equal. A notice is read by its text first (in English; any other falls back to the \
         code), then by its code, then by its range: unlisted codes from 2100 to 2199 are warnings. A notice \
         that names no request ends none and no stream, whatever its code. One that names a request by its id ends that one alone, \
         as its row says: a 162 in a language that no pattern knows ends the question or stream it names, which may be asked for again, \
         and no other. Only requests that change nothing are asked again by the bridge itself; an \
         order never is.\n\n\
         * **severity**: `info`, `warning`, `error`, `system`. **about**: the `class` of `ib.conn.notice`. **names**: what the id \
         of the notice means.\n\
         * **again**: whether the same may be asked again, and after how many seconds.\n\n\
         | code | severity | about | names | again | wait | meaning |\n|---|---|---|---|---|---|---|\n",
    );
    for row in table::code_rows() {
        let wait = row.wait_seconds.map(|seconds| seconds.to_string()).unwrap_or_default();
        let (severity, category, scope, retry) = (row.severity, row.category, row.scope, row.retry);
        let _ = writeln!(
            page,
            "| {} | {severity} | {category} | {scope} | {retry} | {wait} | {} |",
            row.code,
            cell(&row.summary)
        );
    }
    page.push_str(
        "\n## Codes whose text decides\n\nThe first pattern that is found in the text counts, in this order.\n\n\
         | code | text | about | again | wait | meaning |\n|---|---|---|---|---|---|\n",
    );
    for row in table::text_rows() {
        let wait = row.wait_seconds.map(|seconds| seconds.to_string()).unwrap_or_default();
        let _ = writeln!(
            page,
            "| {} | `{}` | {} | {} | {wait} | {} |",
            row.code,
            cell(&row.text_pattern),
            row.category,
            row.retry,
            cell(&row.summary)
        );
    }
    page
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path, time::Duration};

    use super::*;
    use crate::tws::notice::{Category, MeaningSource, Severity, classify};

    /// Texts that fit the patterns which are more than a piece of text.
    const SAMPLES: &[(&str, &str)] = &[
        ("cancel(l)?ed", "cancelled"),
        ("type .* is", "type Last is"),
        ("(invalid destination|destination or exchange)", "invalid destination"),
        ("in ?sufficient", "insufficient"),
        ("on (either )?the", "on either the"),
        (r"reason:\s*$", "reason: "),
        ("(through|from)", "through"),
        ("can.?t", "can't"),
        ("state: ?", "state: "),
    ];

    fn sample(pattern: &str) -> String {
        SAMPLES.iter().fold(pattern.to_owned(), |text, (from, to)| text.replace(from, to))
    }

    #[test]
    fn the_page_is_what_the_tables_say() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/notices.md");
        if std::env::var_os("IBNATS_WRITE_DOCS").is_some() {
            fs::write(&path, page()).expect("written");
        }
        let found = fs::read_to_string(&path).unwrap_or_default();
        assert!(found == page(), "docs/notices.md is stale; run IBNATS_WRITE_DOCS=1 cargo test --lib notice");
    }

    #[test]
    fn every_code_means_what_its_row_says_in_any_language() {
        for row in table::code_rows() {
            for text in ["", "Übersetzter Text", "約定"] {
                let meaning = classify(row.code, text);
                let wait = row.wait_seconds.map(Duration::from_secs);
                assert_eq!(
                    (meaning.severity, meaning.category, meaning.scope, meaning.retry, meaning.wait, meaning.source),
                    (row.severity, row.category, row.scope, row.retry, wait, MeaningSource::Code),
                    "{} {text}",
                    row.code
                );
            }
        }
    }

    #[test]
    fn every_text_means_what_its_row_or_an_earlier_one_says() {
        let rows: Vec<_> = table::text_rows().collect();
        for (place, row) in rows.iter().enumerate() {
            let meaning = classify(row.code, &sample(&row.text_pattern));
            assert_eq!(meaning.source, MeaningSource::Text, "{} {:?}", row.code, row.text_pattern);
            let says = |other: &&table::TextRow| {
                let wait = other.wait_seconds.map(Duration::from_secs);
                other.code == row.code
                    && (other.category, other.retry, wait) == (meaning.category, meaning.retry, meaning.wait)
            };
            assert!(rows.iter().take(place + 1).any(|other| says(&other)), "{} {:?}", row.code, row.text_pattern);
        }
    }

    #[test]
    fn unlisted_codes_from_2100_to_2199_are_warnings_that_end_nothing() {
        for code in (2_100..=2_199).filter(|code| table::code_rows().all(|row| row.code != *code)) {
            let meaning = classify(code, "unknown");
            assert_eq!((meaning.severity, meaning.category), (Severity::Warning, Category::Other), "{code}");
            assert!(!meaning.ends_request(), "{code}");
        }
    }
}
