//! Entries that are one are written together or none of them is, whatever the disk does in between.

use super::*;

/// A writer over a file of its own, prepared by `prepare`.
fn begin(folder: &Path, trouble: Option<&str>, prepare: impl FnOnce(&super::super::Database)) -> (Pen, Mail, Running) {
    let file = JOURNAL.open(folder).expect("made");
    prepare(&file);
    let begin = Start {
        folder: folder.to_owned(),
        keep_days: 1,
        clock,
        file: Some(file),
        numbers: Numbers::new(TODAY_US),
        trouble: trouble.map(str::to_owned),
    };
    launch(begin).expect("started")
}

fn family(pen: &mut Pen, keys: &[&str], receipt: u64) {
    pen.write(claim(keys, receipt, keys.len()));
    for (place, key) in keys.iter().enumerate() {
        pen.write(order(key, OrderState::Journaled, (place + 1 == keys.len()).then_some(receipt)));
    }
}

fn keys_on_disk(folder: &Path) -> Vec<String> {
    let which = Which { count_max: 100, ..Which::default() };
    let orders = Reader::open(folder).expect("readable").orders(&which).expect("read");
    let mut keys: Vec<String> = orders.iter().map(|order| order["key"].as_str().expect("a key").to_owned()).collect();
    keys.sort_unstable();
    keys
}

#[tokio::test]
async fn a_family_that_comes_while_the_disk_takes_nothing_is_not_written_later() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut pen, mail, running) = begin(folder.path(), Some("the disk is full"), |_| {});
    assert!(matches!(pen.news().await, News::Trouble(Some(_))));
    family(&mut pen, &["b", "b-tp", "b-sl"], 1);
    assert!(matches!(pen.news().await, News::NotWritten(1, _)));
    assert_eq!(pen.news().await, News::Trouble(None));
    assert!(mail.letters(0, 10).await.is_empty(), "nothing is told of what was refused");
    family(&mut pen, &["b", "b-tp", "b-sl"], 2);
    written(&mut pen, 2).await;
    assert_eq!(mail.letters(0, 10).await.len(), 3);
    close(pen, mail, running);
    assert_eq!(keys_on_disk(folder.path()), ["b", "b-sl", "b-tp"]);
}

#[tokio::test]
async fn a_family_on_which_the_disk_fails_leaves_nothing_behind() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut pen, mail, running) = begin(folder.path(), None, |file| {
        let pages: i64 = file.connection.query_row("PRAGMA page_count", [], |row| row.get(0)).expect("counted");
        file.connection.query_row(&format!("PRAGMA max_page_count = {}", pages + 60), [], |_| Ok(())).expect("limited");
    });
    pen.write(claim(&["b", "b-tp"], 1, 2));
    pen.write(order("b", OrderState::Journaled, None));
    let mut large = order("b-tp", OrderState::Journaled, Some(1));
    if let Fact::Order(order) = &mut large.fact {
        order.memory.facts = "x".repeat(1_000_000);
    }
    pen.write(large);
    assert!(matches!(pen.news().await, News::Trouble(Some(_))));
    assert!(matches!(pen.news().await, News::NotWritten(1, _)));
    assert_eq!(pen.news().await, News::Trouble(None), "the disk takes small things");
    assert!(mail.letters(0, 10).await.is_empty());
    assert_eq!(pen.status().unpublished, 0);
    close(pen, mail, running);
    assert!(keys_on_disk(folder.path()).is_empty());
}

#[tokio::test]
async fn a_member_that_the_tables_do_not_take_keeps_its_family_back_and_nobody_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut pen, mail, running) = begin(folder.path(), None, |file| {
        let trigger = "CREATE TRIGGER strange BEFORE INSERT ON orders WHEN new.key = 'strange'
                       BEGIN SELECT raise(ABORT, 'not this one'); END";
        file.connection.execute_batch(trigger).expect("made");
    });
    pen.write(order("alone", OrderState::Journaled, Some(1)));
    family(&mut pen, &["strange", "b-tp", "b-sl"], 2);
    pen.write(order("other", OrderState::Journaled, Some(3)));
    let (mut refused, mut done) = (Vec::new(), Vec::new());
    while refused.len() + done.len() < 3 {
        match pen.news().await {
            News::Written(receipts) => done.extend(receipts),
            News::NotWritten(receipt, _) => refused.push(receipt),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((refused, done), (vec![2], vec![1, 3]));
    close(pen, mail, running);
    assert_eq!(keys_on_disk(folder.path()), ["alone", "other"]);
}
