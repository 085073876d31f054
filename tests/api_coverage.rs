//! `docs/api-coverage.md` says of every message of the TWS API what becomes of it, and it is true.
#![expect(clippy::expect_used, reason = "a broken tree may end the test")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use ibnats::{
    nats::coverage::{self, REQUESTS, RESPONSES, Row, Use},
    schema::registry,
    tws::{Request, Response},
};

/// Messages that exist only in the text protocol and are not in the tables of the wire.
const TEXT_REQUESTS: [u32; 2] = [72, 73];
const TEXT_RESPONSES: [u32; 4] = [47, 56, 69, 70];

/// Answers that the session knows and drops on purpose: they come unasked, and nothing is made of them.
const DROPPED: [&str; 1] = ["AccountUpdateTime"];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

#[track_caller]
fn check_ids(rows: &[Row], wire: &[(u32, &str)], text_only: &[u32], total: usize) {
    assert_eq!(rows.len(), total);
    assert!(rows.is_sorted_by_key(|(id, ..)| *id), "ascending, so that each id is there once");
    let ids: BTreeSet<u32> = rows.iter().map(|(id, ..)| *id).collect();
    assert_eq!(ids.len(), total);
    for (id, name, _) in rows {
        match wire.iter().find(|(known, _)| known == id) {
            Some((_, known)) => assert_eq!(name, known, "id {id}"),
            None => assert!(text_only.contains(id), "{id} {name} is no message"),
        }
    }
    for (id, name) in wire {
        assert!(ids.contains(id), "{id} {name} has no row");
    }
}

#[test]
fn every_request_and_every_answer_has_one_row() {
    check_ids(REQUESTS, Request::IDS, &TEXT_REQUESTS, Request::IDS.len() + TEXT_REQUESTS.len());
    check_ids(RESPONSES, Response::IDS, &TEXT_RESPONSES, Response::IDS.len() + TEXT_RESPONSES.len());
}

#[test]
fn every_subject_named_is_published_and_every_reason_is_one() {
    let entries = registry::all();
    let verbs: BTreeSet<&str> = entries.iter().filter_map(|entry| entry.name.strip_prefix("request.")).collect();
    let events: BTreeSet<&str> =
        entries.iter().filter(|entry| entry.name.starts_with("event.")).map(|entry| entry.subject).collect();
    let check_verbs = |id: &u32, name: &str, named: &[&str]| {
        assert!(!named.is_empty());
        for verb in named {
            assert!(verbs.contains(verb), "{id} {name}: no request {verb}");
        }
    };
    let check_events = |id: &u32, name: &str, named: &[&str]| {
        assert!(!named.is_empty());
        for subject in named {
            assert!(events.contains(subject), "{id} {name}: no event {subject}");
        }
    };
    for (id, name, used) in REQUESTS.iter().chain(RESPONSES) {
        match used {
            Use::Verbs(named) => check_verbs(id, name, named),
            Use::Events(named) => check_events(id, name, named),
            Use::Both(asked, published) => {
                check_verbs(id, name, asked);
                check_events(id, name, published);
            }
            Use::Inside(why) | Use::Not(why) => assert!(why.len() > 5 && !why.contains('|'), "{id} {name}: {why:?}"),
        }
    }
}

/// What the session's own code says, tests left out.
fn session_code(folder: &Path, into: &mut String) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        if path.is_dir() && name != "tests" {
            session_code(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs")
            && !name.contains("test")
            && name != "rig.rs"
        {
            let text = fs::read_to_string(&path).expect("text");
            // Tests stand last in a file, and scripts of a gateway beside them.
            let code = text.split("#[cfg(test)]\n#[expect").next().and_then(|text| text.split("\nmod tests {").next());
            into.push_str(code.unwrap_or_default());
        }
    }
}

fn named(code: &str, kind: &str, name: &str) -> bool {
    let whole = format!("{kind}::{name}");
    code.match_indices(&whole).any(|(at, _)| {
        let next = code.get(at + whole.len()..).and_then(|rest| rest.chars().next());
        next.is_none_or(|next| !next.is_alphanumeric())
    })
}

#[test]
fn what_the_table_calls_served_is_sent_by_the_session_and_the_rest_is_not() {
    let mut code = String::new();
    session_code(&root().join("src/session"), &mut code);
    for (id, name, used) in REQUESTS {
        // The login is written by the link from `tws`.
        let is_sent = named(&code, "Request", name) || *name == "StartApiRequest";
        let is_served = !matches!(used, Use::Not(_));
        assert_eq!(is_sent, is_served, "{id} {name}: sent by the session: {is_sent}; correct src/nats/coverage.rs");
    }
    for (id, name, used) in RESPONSES {
        let is_read = named(&code, "Response", name) && !DROPPED.contains(name);
        let is_served = !matches!(used, Use::Not(_));
        assert_eq!(is_read, is_served, "{id} {name}: read by the session: {is_read}; correct src/nats/coverage.rs");
    }
}

#[test]
fn the_page_is_what_the_table_says() {
    let path = root().join("docs/api-coverage.md");
    if std::env::var_os("IBNATS_WRITE_DOCS").is_some() {
        fs::write(&path, coverage::page()).expect("written");
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == coverage::page(),
        "docs/api-coverage.md is stale; run IBNATS_WRITE_DOCS=1 cargo test --test api_coverage"
    );
}
