//! The journal by itself: what is written is found again, and what cannot be written is said to be so.

mod families;

use std::path::Path;

use super::{
    Journal, Letter, Mail, News, Pen, Running,
    layout::JOURNAL,
    letter::Numbers,
    offline::OfflineJournal,
    page,
    prune::prune,
    reader::{Reader, Which},
    start::{launch, start},
    writer::Start,
};
use crate::{
    config::Config,
    schema::{
        Size,
        order::{FillEvent, OrderEvent, OrderState},
    },
    session::{
        Event, Now,
        durable::{Claim, DayCount, Entry, Evidence, Fact, OrderFact, OrderMemory, Requested},
    },
};

const TODAY_US: i64 = 1_800_000_000_000_000;

#[expect(clippy::disallowed_methods, reason = "the writer waits for real disks")]
fn clock() -> Now {
    Now { at: std::time::Instant::now(), us: TODAY_US }
}

fn open(folder: &Path) -> Journal {
    let mut config = Config::default();
    folder.clone_into(&mut config.state.dir);
    start(&config, clock).expect("a journal")
}

fn close(pen: Pen, mail: Mail, running: Running) {
    drop((pen, mail));
    running.join();
}

/// An event as this release writes it. If a field is missing here that later releases ask for, journals that are out
/// there cannot be read any more: give the field a default instead.
fn event(key: &str, state: OrderState) -> OrderEvent {
    serde_json::from_value(serde_json::json!({
        "key": key, "account": "DU1", "seq": 0, "recv_us": TODAY_US, "state": state, "origin": "bridge", "filled": 0,
        "revision": 1,
        "limit_price": 0.1 + 0.2, "order_id": 7, "client_id": 1
    }))
    .expect("an order event")
}

fn order(key: &str, state: OrderState, receipt: Option<u64>) -> Entry {
    let memory = OrderMemory { event: event(key, state), ask: None, client: None, facts: "{}".to_owned() };
    let fact = OrderFact { memory, client_id: 1, next_order_id: 8, is_told: true, is_new: false };
    Entry { at_us: TODAY_US, receipt, fact: Fact::Order(Box::new(fact)) }
}

fn fill(key: &str, exec_id: &str) -> Entry {
    let fill: FillEvent = serde_json::from_value(serde_json::json!({
        "key": key, "account": "DU1", "con_id": 1, "seq": 0, "recv_us": TODAY_US, "exec_id": exec_id, "side": "buy",
        "quantity": "0.5", "price": 180.25,
        "instrument": { "con_id": 1, "sec_type": "STK", "symbol": "A", "local_symbol": "A", "exchange": "SMART", "currency": "USD" }
    }))
    .expect("a fill");
    Entry { at_us: TODAY_US, receipt: None, fact: Fact::Fill(Box::new(fill)) }
}

async fn written(pen: &mut Pen, receipt: u64) {
    loop {
        match pen.news().await {
            News::Written(receipts) if receipts.contains(&receipt) => return,
            News::Written(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

fn ids(letters: &[Letter]) -> Vec<&str> {
    letters.iter().map(|letter| letter.message_id.as_str()).collect()
}

#[tokio::test]
async fn a_receipt_comes_back_when_a_reader_finds_the_entry() {
    let folder = tempfile::tempdir().expect("a folder");
    let Journal { mut pen, mail, running, .. } = open(folder.path());
    for receipt in 1..=20 {
        pen.write(order(&format!("k{receipt}"), OrderState::Journaled, Some(receipt)));
        written(&mut pen, receipt).await;
        let reader = JOURNAL.open_to_read(folder.path()).expect("readable");
        let count: u64 = reader
            .query_row("SELECT count(*) FROM orders", [], |row| row.get::<_, i64>(0))
            .map(|count| u64::try_from(count).expect("a count"))
            .expect("counted");
        assert_eq!(count, receipt);
    }
    close(pen, mail, running);
}

#[tokio::test]
async fn the_next_run_finds_orders_fills_and_order_ids_digit_for_digit() {
    let folder = tempfile::tempdir().expect("a folder");
    let Journal { mut pen, mail, running, memory } = open(folder.path());
    assert_eq!(memory, crate::session::Memory::default());
    pen.write(order("k1", OrderState::Journaled, Some(1)));
    pen.write(order("k2", OrderState::Journaled, None));
    pen.write(order("k1", OrderState::Working, None));
    pen.write(fill("k1", "0001.01.01.01"));
    pen.write(fill("k1", "0001.01.01.02"));
    written(&mut pen, 1).await;
    close(pen, mail, running);
    let Journal { pen, mail, running, memory } = open(folder.path());
    let orders: Vec<_> = memory.orders.iter().map(|order| order.event.clone()).collect();
    // An event of a release that knew no times of orders: it was first and last written down then.
    let dated =
        |key: &str, state| OrderEvent { placed_us: Some(TODAY_US), changed_us: Some(TODAY_US), ..event(key, state) };
    assert_eq!(orders, [dated("k1", OrderState::Working), dated("k2", OrderState::Journaled)]);
    let fills: Vec<_> = memory.fills.iter().map(|fill| (fill.exec_id.as_str(), fill.quantity.clone())).collect();
    assert_eq!(fills, [("0001.01.01.02", "0.5".parse::<Size>().expect("a size"))]);
    assert_eq!(memory.next_order_id, 8);
    close(pen, mail, running);
}

#[tokio::test]
async fn an_event_keeps_its_number_and_id_until_it_is_acknowledged() {
    let folder = tempfile::tempdir().expect("a folder");
    let Journal { mut pen, mail, running, .. } = open(folder.path());
    pen.write(order("k1", OrderState::Journaled, Some(1)));
    pen.write(order("k1", OrderState::Sent, Some(2)));
    pen.write(fill("k1", "0001.01.01.01"));
    written(&mut pen, 2).await;
    let first = mail.letters(0, 10).await;
    assert_eq!(first.len(), 3);
    assert!(first.iter().all(|letter| !letter.is_from_earlier_run));
    assert_eq!(mail.letters(first[0].number, 1).await, first[1..2]);
    mail.published(first[0].number);
    close(pen, mail, running);

    let Journal { mut pen, mail, running, .. } = open(folder.path());
    assert_eq!(pen.status().unpublished, 2);
    let again = mail.letters(0, 10).await;
    assert_eq!(ids(&again), ids(&first[1..]));
    assert!(again.iter().all(|letter| letter.is_from_earlier_run));
    pen.write(order("k1", OrderState::Working, Some(3)));
    written(&mut pen, 3).await;
    let newest = mail.letters(again[1].number, 10).await;
    let seq = |letter: &Letter| letter.address().expect("an address").3;
    assert_eq!(seq(&newest[0]), seq(&first[1]) + 1, "the subject is numbered on");
    close(pen, mail, running);
}

#[tokio::test]
async fn a_full_disk_refuses_who_waits_for_it_and_still_hands_out_events() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = JOURNAL.open(folder.path()).expect("made");
    let pages: i64 = file.connection.query_row("PRAGMA page_count", [], |row| row.get(0)).expect("counted");
    file.connection.query_row(&format!("PRAGMA max_page_count = {}", pages + 8), [], |_| Ok(())).expect("limited");
    let numbers = Numbers::new(TODAY_US);
    let (folder, trouble) = (folder.path().to_owned(), None);
    let begin = Start { folder, keep_days: 1, clock, file: Some(file), numbers, trouble };
    let (mut pen, mail, running) = launch(begin).expect("started");
    let text = "x".repeat(5_000);
    for receipt in 1..100 {
        let evidence = Evidence { kind: "notice", text: text.clone(), ..Evidence::default() };
        pen.write(Entry { at_us: TODAY_US, receipt: None, fact: Fact::Evidence(Box::new(evidence)) });
        pen.write(order("k1", OrderState::Journaled, Some(receipt)));
        match pen.news().await {
            News::Written(_) => assert!(receipt < 50, "the disk is never full"),
            News::Trouble(Some(reason)) => {
                assert_eq!(reason, "the disk is full");
                assert_eq!(pen.news().await, News::NotWritten(receipt, reason));
                break;
            }
            other => panic!("{other:?}"),
        }
    }
    let before = mail.letters(0, 1_000).await.len();
    pen.write(fill("k1", "0001.01.01.01"));
    let waiting = loop {
        let letters = mail.letters(0, 1_000).await;
        if letters.len() > before {
            break letters;
        }
        tokio::task::yield_now().await;
    };
    assert!(matches!(waiting.last().map(|letter| &letter.event), Some(Event::Fill(_))));
    pen.write(order("k2", OrderState::Journaled, Some(1_000)));
    assert!(matches!(pen.news().await, News::NotWritten(1_000, _)));
    assert!(pen.status().waiting > 0);
    close(pen, mail, running);
}

#[tokio::test]
async fn what_ended_long_ago_is_forgotten_unless_it_was_never_published() {
    let folder = tempfile::tempdir().expect("a folder");
    let Journal { mut pen, mail, running, .. } = open(folder.path());
    for key in ["done", "untold"] {
        pen.write(order(key, OrderState::Filled, None));
        pen.write(fill(key, &format!("{key}.01.01.01")));
    }
    pen.write(order("open", OrderState::Working, Some(1)));
    written(&mut pen, 1).await;
    for letter in mail.letters(0, 10).await {
        if letter.address().is_some_and(|(_, _, key, _)| key != "untold") {
            mail.published(letter.number);
        }
    }
    close(pen, mail, running);
    let mut file = JOURNAL.open(folder.path()).expect("opened");
    let keys = |file: &super::Database| -> Vec<String> {
        let mut statement = file.connection.prepare("SELECT key FROM orders ORDER BY number").expect("SQL");
        statement.query_map([], |row| row.get(0)).expect("rows").map(|key| key.expect("a key")).collect()
    };
    while prune(&mut file.connection, TODAY_US).expect("pruned") {}
    assert_eq!(keys(&file), ["done", "untold", "open"], "not old yet");
    while prune(&mut file.connection, TODAY_US + 1).expect("pruned") {}
    assert_eq!(keys(&file), ["untold", "open"]);
    page::mark(&mut file.connection, &[1], TODAY_US).expect("marked");
    let level = file.connection.pragma_query_value(None, "synchronous", |row| row.get::<_, i64>(0));
    assert_eq!(level.expect("a level"), 2, "what follows waits for the disk again");
    let left: i64 = file
        .connection
        .query_row("SELECT count(*) FROM events WHERE key = 'done'", [], |row| row.get(0))
        .expect("counted");
    assert_eq!(left, 0);
}

#[tokio::test]
async fn a_key_is_taken_for_ever_although_its_order_is_forgotten() {
    let folder = tempfile::tempdir().expect("a folder");
    let Journal { mut pen, mail, running, .. } = open(folder.path());
    pen.write(order("old", OrderState::Filled, Some(1)));
    written(&mut pen, 1).await;
    for letter in mail.letters(0, 10).await {
        mail.published(letter.number);
    }
    close(pen, mail, running);
    let mut file = JOURNAL.open(folder.path()).expect("opened");
    while prune(&mut file.connection, TODAY_US + 1).expect("pruned") {}
    drop(file);
    let Journal { mut pen, mail, running, memory } = open(folder.path());
    assert!(memory.orders.is_empty());
    pen.write(claim(&["new", "old"], 2, 2));
    pen.write(order("new", OrderState::Journaled, None));
    pen.write(order("old", OrderState::Journaled, Some(2)));
    match pen.news().await {
        News::Known(2, known) => {
            assert_eq!(known.iter().map(|one| one.event.key.as_str()).collect::<Vec<_>>(), ["old"]);
        }
        other => panic!("{other:?}"),
    }
    pen.write(claim(&["new"], 3, 1));
    pen.write(order("new", OrderState::Journaled, Some(3)));
    written(&mut pen, 3).await;
    assert_eq!(mail.letters(0, 10).await.len(), 1, "nothing is told of what was not written");
    close(pen, mail, running);
    let reader = Reader::open(folder.path()).expect("readable");
    assert!(reader.order("old").expect("read").is_some_and(|order| order["state"] == "filled"));
    let which = Which { count_max: 10, ..Which::default() };
    assert_eq!(reader.archived(&which).expect("read").len(), 1);
    assert_eq!(reader.orders(&which).expect("read").len(), 1);
}

fn claim(keys: &[&str], receipt: u64, entries: usize) -> Entry {
    let keys = keys.iter().map(|key| key.parse().expect("a key")).collect();
    Entry { at_us: TODAY_US, receipt: None, fact: Fact::Claim(Claim { keys, receipt, entries }) }
}

#[test]
fn a_day_goes_on_with_what_was_counted_before_the_restart() {
    let mut journal = OfflineJournal::new(TODAY_US).expect("memory");
    let ask =
        serde_json::from_str(r#"{"key":"k1","contract":"CONID:1","side":"buy","quantity":"1","order_type":"market"}"#);
    let mut entry = order("k1", OrderState::Working, None);
    if let Fact::Order(order) = &mut entry.fact {
        order.memory.ask = Some(Box::new(ask.expect("an order")));
    }
    journal.write(entry);
    let request = Requested { verb: "cancel", key: "k1".parse().expect("a key"), client: None, body: "{}".to_owned() };
    journal.write(Entry { at_us: TODAY_US, receipt: None, fact: Fact::Request(Box::new(request)) });
    journal.write(fill("k1", "0001.01.01.01"));
    journal.flush(TODAY_US).expect("written");
    let counted = DayCount { account: "DU1".to_owned(), messages: 2, executed: 1 };
    assert_eq!(journal.restart(1, TODAY_US + 1).expect("read").today, [counted]);
    let tomorrow = journal.restart(1, TODAY_US + 86_400_000_000).expect("read");
    assert!(tomorrow.today.is_empty());
}

#[test]
fn an_execution_id_cannot_break_a_header() {
    let mut numbers = Numbers::new(1);
    let Fact::Fill(fill) = fill("k1", "a\r\nb: c.01").fact else { panic!("a fill") };
    let letter = numbers.letter(None, Event::Fill(fill), 5).expect("a letter");
    assert_eq!(letter.message_id, "exec.a=0D=0Ab:=20c.01");
}

#[test]
fn a_fill_its_commission_and_a_revised_one_have_ids_of_their_own() {
    let mut numbers = Numbers::new(1);
    let mut id = |commission: Option<f64>, profit: Option<f64>| {
        let Fact::Fill(mut fill) = fill("k1", "0000e0d5.6553.01.01").fact else { panic!("a fill") };
        (fill.commission, fill.realized_pnl) = (commission, profit);
        numbers.letter(None, Event::Fill(fill), 5).expect("a letter").message_id
    };
    assert_eq!(id(None, None), "exec.0000e0d5.6553.01.01");
    assert_eq!(id(Some(1.0), None), "exec.0000e0d5.6553.01.01.commission.1");
    assert_eq!(id(Some(1.25), None), "exec.0000e0d5.6553.01.01.commission.1.25");
    assert_eq!(id(Some(1.0), Some(-7.5)), "exec.0000e0d5.6553.01.01.commission.1.pnl.-7.5");
}
