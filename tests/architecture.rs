//! Direction is tested, not remembered: which room may name which, purity, and file sizes.
#![expect(clippy::expect_used, reason = "a broken source tree may end the test")]

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Room, and the rooms it may name after `crate::`. Changing this table is a design decision: do it
/// in its own commit, with the reason.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("schema", &[]),
    ("tws", &[]),
    ("measure", &[]),
    ("config", &["schema"]),
    ("session", &["schema", "tws", "config"]),
    ("journal", &["measure", "session", "schema", "config"]),
    ("gateway", &["journal", "measure", "session", "schema", "config"]),
    ("nats", &["gateway", "journal", "measure", "session", "schema", "config"]),
    ("sim", &["tws", "config"]),
    // The doctor speaks to the gateway itself: it must see what the session would only call "down".
    ("ops", &["tws", "nats", "gateway", "journal", "measure", "session", "schema", "config"]),
    ("cli", &["tws", "sim", "ops", "nats", "gateway", "journal", "measure", "session", "schema", "config"]),
];

/// Text that must not appear in rooms without I/O, clock and random numbers.
const IMPURE: &[&str] = &[
    "tokio::",
    "async fn",
    "async_nats::",
    "std::net",
    "std::fs",
    "SystemTime::now",
    "Instant::now",
    "Utc::now",
    "rand::",
    "thread_rng",
];
const PURE_ROOMS: &[&str] = &["schema", "tws", "session"];

const LINES_MAX: usize = 500;

/// Folder names that say nothing.
const NAMELESS: &[&str] = &["utils", "util", "common", "helpers", "helper", "manager", "misc"];

fn rust_files(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of the repository") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            rust_files(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push(path);
        }
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn sources(folders: &[&str]) -> Vec<(PathBuf, String)> {
    let mut paths = Vec::new();
    for folder in folders {
        let folder = root().join(folder);
        if folder.is_dir() {
            rust_files(&folder, &mut paths);
        }
    }
    paths.sort();
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).expect("a source file");
        (path.strip_prefix(root()).expect("below the root").to_owned(), text)
    };
    paths.into_iter().map(read).collect()
}

/// The room of a source file: the first folder below `src`, or the file's own name.
fn room(path: &Path) -> String {
    let part = path.components().nth(1).expect("below src").as_os_str().to_string_lossy().into_owned();
    part.trim_end_matches(".rs").to_owned()
}

/// Production lines: what stands before the file's test module. A test may use what it likes.
fn production(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().take_while(|(_, line)| !line.starts_with("#[cfg(test)]"))
}

/// A module that exists for tests only: the file that declares it says so.
fn is_test_module(path: &Path) -> bool {
    let stem = path.file_stem().expect("a file").to_string_lossy().into_owned();
    let in_tests_folder = path.components().any(|part| part.as_os_str() == "tests");
    in_tests_folder || stem.ends_with("_tests") || stem == "tests" || stem == "rig"
}

fn report(breaches: &[String]) {
    assert!(breaches.is_empty(), "\n{}\n", breaches.join("\n"));
}

#[test]
fn rooms_name_only_the_rooms_below_them() {
    let mut breaches = Vec::new();
    for (path, text) in sources(&["src"]) {
        let room = room(&path);
        if room == "lib" || room == "main" || is_test_module(&path) {
            continue;
        }
        let Some((_, allowed)) = MAY_IMPORT.iter().find(|(name, _)| *name == room) else {
            breaches.push(format!("{}: room {room} is not in the table", path.display()));
            continue;
        };
        let mut inside_use = false;
        for (number, line) in production(&text) {
            let code = line.split("//").next().unwrap_or_default();
            for named in code.split("crate::").skip(1).chain(grouped(code, &mut inside_use)) {
                let named: String = named.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
                let is_room = MAY_IMPORT.iter().any(|(name, _)| *name == named);
                if is_room && named != room && !allowed.contains(&named.as_str()) {
                    breaches.push(format!("{}:{}: {room} may not import {named}", path.display(), number + 1));
                }
            }
        }
    }
    report(&breaches);
}

/// Inside `use crate::{ ... }` a room stands at the start of its own line, four spaces in.
fn grouped<'a>(code: &'a str, inside: &mut bool) -> Option<&'a str> {
    if code.trim_start().starts_with("use crate::{") {
        *inside = !code.contains("};");
        return None;
    }
    if code.starts_with("};") {
        *inside = false;
    }
    code.strip_prefix("    ").filter(|rest| *inside && !rest.starts_with(' '))
}

/// True if `text` stands in `code` as a name of its own, not as the end of a longer one.
fn names(code: &str, text: &str) -> bool {
    code.match_indices(text).any(|(at, _)| !code[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_'))
}

#[test]
fn pure_rooms_have_no_io_no_clock_and_no_random_numbers() {
    let mut breaches = Vec::new();
    for (path, text) in sources(&["src"]) {
        if !PURE_ROOMS.contains(&room(&path).as_str()) || is_test_module(&path) {
            continue;
        }
        for (number, line) in production(&text) {
            let code = line.split("//").next().unwrap_or_default();
            for impure in IMPURE.iter().filter(|impure| names(code, impure)) {
                breaches.push(format!("{}:{}: {impure} in a pure room", path.display(), number + 1));
            }
        }
    }
    report(&breaches);
}

#[test]
fn no_file_is_longer_than_a_reader_can_hold() {
    let mut breaches = Vec::new();
    for (path, text) in sources(&["src", "tests", "benches", "fuzz/fuzz_targets"]) {
        let lines = text.lines().count();
        if lines > LINES_MAX {
            breaches.push(format!("{}: {lines} lines, at most {LINES_MAX}", path.display()));
        }
    }
    report(&breaches);
}

#[test]
fn every_source_file_says_what_it_is_for() {
    let mut breaches = Vec::new();
    for (path, text) in sources(&["src", "tests", "benches"]) {
        if !text.starts_with("//! ") {
            breaches.push(format!("{}: does not open with a sentence", path.display()));
        }
        let named = path.components().map(|part| part.as_os_str().to_string_lossy().into_owned());
        for part in named.filter(|part| NAMELESS.contains(&part.trim_end_matches(".rs"))) {
            breaches.push(format!("{}: {part} names nothing", path.display()));
        }
    }
    report(&breaches);
}

/// What leads to a gateway socket, and the only files that may say it.
const WAY_TO_THE_SOCKET: &[(&str, &[&str])] = &[
    // The scheduler makes frames of tickets that it lets pass.
    ("Frames::of(", &["src/session/pacing/scheduler.rs"]),
    // The handshake comes before there is anything to pace.
    ("Frames::hello(", &["src/session/link.rs"]),
    ("Frames::start_api(", &["src/session/link.rs"]),
    ("Frames {", &["src/session/pacing/frames.rs"]),
    // Tickets leave the scheduler in one place, and are handed on there.
    ("pacing.next(", &["src/session/output.rs"]),
    ("Cleared {", &["src/session/pacing/scheduler.rs", "src/session/pacing/frames.rs", "src/session/output.rs"]),
    ("socket.send(", &["src/gateway/driver.rs"]),
    ("write_buf(", &["src/gateway/socket.rs"]),
];

#[test]
fn nothing_reaches_a_gateway_socket_past_the_scheduler() {
    let mut breaches = Vec::new();
    for (path, text) in sources(&["src/session", "src/gateway", "src/nats", "src/cli", "src/journal"]) {
        if is_test_module(&path) {
            continue;
        }
        for (number, line) in production(&text) {
            let code = line.split("//").next().unwrap_or_default();
            for (way, files) in WAY_TO_THE_SOCKET {
                if code.contains(way) && !files.iter().any(|file| path == Path::new(file)) {
                    breaches.push(format!("{}:{}: {way} past the scheduler", path.display(), number + 1));
                }
            }
            // Whatever else writes to a stream of bytes in this room would be a second way.
            let writes = ["write_all", "try_write", "AsyncWrite", "TcpStream"].iter().any(|word| code.contains(word));
            // IBC's command port is another program's: no byte for the gateway's API goes there.
            let is_command_port = path.starts_with("src/gateway/ibc");
            if writes && room(&path) == "gateway" && !path.ends_with("socket.rs") && !is_command_port {
                breaches.push(format!("{}:{}: writes to a socket of its own", path.display(), number + 1));
            }
        }
    }
    report(&breaches);
}
