//! Files that cannot be used are refused with advice, and stay as they are.

use std::{fs, path::Path};

use super::{Database, DatabaseError, Durability, Layout};

const ONE: Layout = Layout {
    what: "test file",
    file: "test.sqlite",
    application_id: 0x7465_7374,
    steps: &["CREATE TABLE a (x TEXT) STRICT;"],
    durability: Durability::Full,
};
const TWO: Layout = Layout { steps: &["CREATE TABLE a (x TEXT) STRICT;", "ALTER TABLE a ADD COLUMN y TEXT;"], ..ONE };

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

fn write(database: &Database, text: &str) {
    database.connection.execute("INSERT INTO a (x) VALUES (?1)", [text]).expect("written");
}

fn rows(database: &Database) -> i64 {
    database.connection.query_row("SELECT count(*) FROM a", [], |row| row.get(0)).expect("counted")
}

/// Every file of the folder but the lock.
fn content(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_none_or(|extension| extension != "lock"))
        .map(|path| (path.display().to_string(), fs::read(&path).expect("readable")))
        // Where SQLite notes which parts of the log are in use. It holds no data.
        .filter(|(name, bytes)| !(name.ends_with("-shm") || name.ends_with("-wal") && bytes.is_empty()))
        .collect();
    files.sort();
    files
}

#[track_caller]
fn refused(folder: &Path, layout: &Layout, parts: &[&str]) -> DatabaseError {
    let before = content(folder);
    let error = layout.open(folder).expect_err("refused");
    let text = error.to_string();
    for part in parts.iter().chain(&["test file"]) {
        assert!(text.contains(part), "{part:?} is missing in {text:?}");
    }
    assert_eq!(content(folder), before, "something was changed");
    error
}

#[test]
fn a_new_file_is_made_synced_and_found_again() {
    let folder = folder();
    let inner = folder.path().join("made/on/demand");
    write(&ONE.open(&inner).expect("made"), "kept");
    let database = ONE.open(&inner).expect("opened again");
    assert_eq!(rows(&database), 1);
    let text = |pragma| database.connection.pragma_query_value(None, pragma, |row| row.get::<_, String>(0));
    assert_eq!(text("journal_mode").expect("a mode"), "wal");
    let synchronous = database.connection.pragma_query_value(None, "synchronous", |row| row.get::<_, i64>(0));
    assert_eq!(synchronous.expect("a level"), 2, "full");
}

#[test]
fn an_older_layout_is_brought_up_to_date_and_a_newer_one_is_refused() {
    let folder = folder();
    write(&ONE.open(folder.path()).expect("made"), "old");
    let database = TWO.open(folder.path()).expect("brought up to date");
    database.connection.execute("UPDATE a SET y = 'new'", []).expect("the new column");
    drop(database);
    let error = refused(folder.path(), &ONE, &["newer ibnats", "layout 2", "this one knows 1"]);
    assert!(!error.may_pass());
    let newer = ONE.open_to_read(folder.path()).expect_err("not read either");
    assert!(matches!(newer, DatabaseError::Newer { .. }), "{newer}");
}

#[test]
fn a_file_in_use_is_refused_with_the_process_that_has_it() {
    let folder = folder();
    let first = ONE.open(folder.path()).expect("made");
    refused(folder.path(), &ONE, &["in use", &format!("process {}", std::process::id())]);
    write(&first, "still works");
    let reader = ONE.open_to_read(folder.path()).expect("readers may");
    let count: i64 = reader.query_row("SELECT count(*) FROM a", [], |row| row.get(0)).expect("counted");
    assert_eq!(count, 1);
    assert!(reader.execute("DELETE FROM a", []).is_err(), "a reader writes nothing");
    drop((reader, first));
    ONE.open(folder.path()).expect("free again");
}

#[test]
fn damage_anywhere_is_refused() {
    for (at, parts) in [(0, ["damaged", "begin"]), (4_096, ["damaged", ""])] {
        let folder = folder();
        let database = ONE.open(folder.path()).expect("made");
        (0..200).for_each(|_| write(&database, &"x".repeat(100)));
        drop(database);
        let path = ONE.path(folder.path());
        let mut bytes = fs::read(&path).expect("readable");
        bytes[at..at + 64].fill(0x5a);
        fs::write(&path, bytes).expect("written");
        refused(folder.path(), &ONE, &parts);
    }
    let folder = folder();
    drop(ONE.open(folder.path()).expect("made"));
    let path = ONE.path(folder.path());
    let half = fs::read(&path).expect("readable")[..50].to_vec();
    fs::write(&path, half).expect("cut");
    refused(folder.path(), &ONE, &["damaged", "begin"]);
}

#[test]
fn damage_is_refused_with_a_log_left_by_a_crash_and_the_log_stays() {
    let folder = folder();
    let database = ONE.open(folder.path()).expect("made");
    (0..200).for_each(|_| write(&database, &"x".repeat(100)));
    database.connection.execute_batch("PRAGMA wal_checkpoint(FULL);").expect("written into the file");
    write(&database, "in the log only");
    // What a crash leaves behind: a copy made while the log is in use.
    let crashed = self::folder();
    for name in ["test.sqlite", "test.sqlite-wal"] {
        fs::copy(folder.path().join(name), crashed.path().join(name)).expect("copied");
    }
    let path = ONE.path(crashed.path());
    let sound = fs::read(&path).expect("readable");
    let mut damaged = sound.clone();
    damaged[8_192..8_192 + 512].fill(0x5a);
    fs::write(&path, damaged).expect("written");
    refused(crashed.path(), &ONE, &["damaged"]);
    fs::write(&path, sound).expect("restored");
    assert_eq!(rows(&ONE.open(crashed.path()).expect("sound")), 201);
}

#[test]
fn another_programs_database_and_text_are_refused() {
    let folder = folder();
    let path = ONE.path(folder.path());
    rusqlite::Connection::open(&path).expect("made").execute_batch("CREATE TABLE theirs (x);").expect("made");
    refused(folder.path(), &ONE, &["is not the"]);
    fs::write(&path, "dear diary, ".repeat(20)).expect("written");
    refused(folder.path(), &ONE, &["damaged"]);
}

#[test]
fn a_draft_left_by_a_crash_and_an_empty_file_are_no_obstacle() {
    let folder = folder();
    fs::write(folder.path().join("test.new"), "half a file").expect("written");
    fs::write(ONE.path(folder.path()), "").expect("written");
    write(&ONE.open(folder.path()).expect("made"), "kept");
    assert!(!folder.path().join("test.new").exists());
}

#[test]
fn what_is_not_there_cannot_be_read_and_a_folder_that_cannot_be_made_says_so() {
    let folder = folder();
    let missing = ONE.open_to_read(folder.path()).expect_err("nothing there");
    assert!(matches!(missing, DatabaseError::Missing { .. }), "{missing}");
    assert!(content(folder.path()).is_empty(), "reading makes nothing");
    let file = folder.path().join("file");
    fs::write(&file, "").expect("written");
    let error = ONE.open(&file.join("below")).expect_err("no folder");
    assert!(matches!(error, DatabaseError::Unreachable { .. }), "{error}");
}
