//! Subjects, metrics, settings, error codes and commands that a page names exist.

use std::collections::BTreeSet;

use ibnats::{
    cli,
    config::Config,
    ops::metrics::catalogue::CATALOGUE,
    schema::{ErrorCode, registry},
};
use serde_json::Value;

use crate::{markdown, pages};

/// First tokens of subjects that stand for a configured prefix, not for a subject.
const PREFIXES: [&str; 4] = ["ib.paper", "ib.live", "ib.>", "ib.<subject>"];

/// Every page but the changelog, which names what was, with what it sets as code.
fn code() -> Vec<(String, Vec<String>, Vec<String>)> {
    let mut found = Vec::new();
    for (path, text) in pages::all().into_iter().filter(|(path, _)| path != "CHANGELOG.md") {
        let page = markdown::read(&text);
        let lines = page.blocks.iter().filter(|(language, _)| language.is_empty() || language == "sh");
        let lines =
            lines.flat_map(|(_, code)| code.replace("\\\n", " ").lines().map(str::to_owned).collect::<Vec<_>>());
        let lines = lines.collect();
        found.push((path, page.code, lines));
    }
    found
}

/// The words of a shell line; a comment ends it.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for c in line.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, '#') if word.is_none() => break,
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

fn verbs() -> BTreeSet<String> {
    registry::all().iter().filter_map(|entry| entry.name.strip_prefix("request.")).map(str::to_owned).collect()
}

/// Patterns of subjects, token by token, below the prefix.
fn patterns() -> Vec<Vec<String>> {
    let mut patterns = Vec::new();
    for entry in registry::all() {
        let subject = entry.subject.replace("<inst>", "<a>.<b>.<c>.<d>");
        let tokens: Vec<String> = subject.split('.').map(str::to_owned).collect();
        if entry.name.starts_with("request.") {
            let mut named = tokens.clone();
            named.push("<client>".to_owned());
            patterns.push(named);
        }
        patterns.push(tokens);
    }
    // `<inst>` may be named by one word, and a family by its first.
    for entry in registry::all() {
        let short: Vec<String> = entry.subject.split('.').map(str::to_owned).collect();
        patterns.extend(short.first().map(|family| vec![family.clone()]));
        patterns.push(short);
    }
    patterns
}

fn fits(subject: &[&str], pattern: &[String]) -> bool {
    match (subject, pattern) {
        ([], []) | ([">" | "..."], _) => true,
        // A stream's name may hold a point: `bar.5s`.
        ([_, ..], [last]) if last == "<stream>" => true,
        ([first, rest @ ..], [wanted, others @ ..]) => {
            let is_free = |token: &str| {
                token.starts_with('<') || token == "*" || token.contains("noun") || token.contains("verb")
            };
            (is_free(first) || is_free(wanted) || *first == wanted || first.split('|').any(|one| one == wanted))
                && fits(rest, others)
        }
        _ => false,
    }
}

#[test]
fn every_subject_a_page_names_exists() {
    let patterns = patterns();
    let mut faults = Vec::new();
    for (path, code, lines) in code() {
        let of_lines = lines.iter().flat_map(|line| words(line));
        for word in code.iter().cloned().chain(of_lines).filter(|word| word.starts_with("ib.")) {
            let subject = word.split("[.").next().unwrap_or_default().trim_end_matches(':');
            if subject.contains(' ') || PREFIXES.contains(&subject) || subject == "ib.req" {
                continue;
            }
            let tokens: Vec<&str> = subject.split('.').skip(1).collect();
            if !patterns.iter().any(|pattern| fits(&tokens, pattern)) {
                faults.push(format!("{path}: {word}"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_metric_a_page_names_exists() {
    let mut faults = Vec::new();
    for (path, text) in pages::all() {
        for word in text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_') {
            let base = ["_bucket", "_sum", "_count"].iter().find_map(|end| word.strip_suffix(end)).unwrap_or(word);
            // The first key of a recording is none.
            let is_metric = word.starts_with("ibnats_")
                && word != "ibnats_"
                && word != "ibnats_recording"
                && word.chars().all(|c| c.is_ascii_lowercase() || c == '_');
            if is_metric && !CATALOGUE.iter().any(|metric| metric.name == word || metric.name == base) {
                faults.push(format!("{path}: {word}"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Settings as `section.key`, with what is below a key.
pub(crate) fn settings() -> BTreeSet<String> {
    fn collect(path: &str, value: &Value, into: &mut BTreeSet<String>) {
        for (key, value) in value.as_object().into_iter().flatten() {
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            collect(&path, value, into);
            into.insert(path);
        }
    }
    let mut found = BTreeSet::new();
    collect("", &serde_json::to_value(Config::default()).expect("JSON"), &mut found);
    found
}

#[test]
fn every_request_or_setting_a_page_names_exists() {
    let (verbs, settings) = (verbs(), settings());
    let events = serde_json::to_value(
        registry::all().into_iter().find(|entry| entry.name == "event.bridge").expect("known").schema,
    );
    let events = events.expect("JSON")["properties"]["event"]["description"].to_string();
    let families: BTreeSet<&str> = registry::all().iter().map(|entry| entry.subject).collect();
    let nouns: BTreeSet<&str> =
        verbs.iter().chain(&settings).filter_map(|name| name.split_once('.')).map(|(noun, _)| noun).collect();
    let mut faults = Vec::new();
    for (path, code, _) in code() {
        for word in code.iter().map(|word| word.split([' ', '=']).next().unwrap_or_default()) {
            let Some((noun, rest)) = word.split_once('.').filter(|(noun, _)| nouns.contains(noun)) else { continue };
            if rest.is_empty() || !rest.chars().all(|c| c.is_ascii_lowercase() || c == '_') {
                continue;
            }
            let is_event = noun == "bridge" && events.contains(&format!("`{rest}`"));
            let is_file = ["md", "toml", "sqlite", "json"].contains(&rest);
            // Families of subjects under their own name, such as `conn.state`, are looked at with their prefix.
            let is_family = families.contains(word);
            if !verbs.contains(word) && !settings.contains(word) && !is_event && !is_file && !is_family {
                faults.push(format!("{path}: {word}"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_readme_lists_every_error_code_and_no_other() {
    let readme = pages::text("README.md");
    let (_, list) = readme.split_once("Error codes are stable words:").expect("the list");
    let list = list.split("\n\n").next().unwrap_or_default();
    let named: BTreeSet<String> =
        markdown::read(list).code.into_iter().filter(|word| word != "retry_after_ms").collect();
    let known = ErrorCode::ALL.iter().map(|code| code.as_str().to_owned()).collect();
    assert_eq!(named, known);
}

#[test]
fn every_command_line_a_page_prints_is_one() {
    let mut faults = Vec::new();
    for (path, _, lines) in code() {
        for line in lines {
            let words = words(line.trim_start_matches("$ "));
            let Some(at) = words.iter().position(|word| word == "ibnats" || word.ends_with("/ibnats")) else {
                continue;
            };
            // `cargo build --bin ibnats`, `nats micro info ibnats`, a volume of that name.
            let is_command = at == 0 || words[at - 1] == "sudo" || words[..at].iter().all(|word| word.contains('='));
            // Usage lines hold placeholders.
            if !is_command || path == "docs/reference/cli.md" || words.get(at + 1).is_none() {
                continue;
            }
            let mut command = vec!["ibnats".to_owned()];
            command
                .extend(words[at + 1..].iter().take_while(|word| !["&", "|", ">"].contains(&word.as_str())).cloned());
            if let Err(error) = cli::command().try_get_matches_from(&command) {
                faults.push(format!("{path}: {line}: {}", error.to_string().lines().next().unwrap_or_default()));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_command_a_page_names_exists() {
    let mut faults = Vec::new();
    for (path, code, _) in code() {
        for text in code.iter().filter_map(|text| text.strip_prefix("ibnats ")) {
            let mut command = cli::command();
            for word in text.split_whitespace().take_while(|word| {
                !word.starts_with('-') && word.chars().all(|c| c.is_ascii_lowercase() || c == '-' || c == '|')
            }) {
                if !command.has_subcommands() {
                    break;
                }
                let several: Vec<&str> = word.split('|').collect();
                let found: Option<Vec<_>> = several.iter().map(|one| command.find_subcommand(one).cloned()).collect();
                let Some(last) = found.and_then(|mut found| found.pop()) else {
                    faults.push(format!("{path}: ibnats {text}"));
                    break;
                };
                command = last;
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn words_of_a_line_keep_what_is_quoted_together() {
    assert_eq!(words("nats req ib.x '{\"a\": 1}' # why"), ["nats", "req", "ib.x", "{\"a\": 1}"]);
}
