//! A journal with damaged pages is read as far as it can be, or refused.
#![no_main]

use std::{fs, path::PathBuf, sync::OnceLock};

use ibnats::{
    config::Config,
    gateway::clock,
    journal::{
        reader::{Reader, Which},
        start,
    },
    schema::order::OrderState,
    session::durable::{Entry, Fact, OrderFact, OrderMemory},
};
use libfuzzer_sys::fuzz_target;

/// Orders that are in the file before it is damaged.
const ORDERS: i64 = 40;

/// A journal's bytes, a page or two of each table among them.
fn whole() -> &'static [u8] {
    static WHOLE: OnceLock<Vec<u8>> = OnceLock::new();
    WHOLE.get_or_init(|| {
        let folder = folder();
        let mut config = Config::default();
        folder.clone_into(&mut config.state.dir);
        let mut journal = start(&config, clock::now).expect("a journal");
        (0..ORDERS).for_each(|number| journal.pen.write(order(number)));
        drop((journal.pen, journal.mail));
        journal.running.join();
        fs::read(folder.join("journal.sqlite")).expect("its bytes")
    })
}

/// An order as the session has it written down.
fn order(number: i64) -> Entry {
    let event = serde_json::json!({
        "key": format!("order-{number}"), "account": "DU1", "recv_us": number, "state": OrderState::Working,
        "origin": "bridge", "revision": 1, "filled": "0",
    });
    let event = serde_json::from_value(event).expect("an event");
    let memory = OrderMemory { event, ask: None, client: None, facts: "{}".to_owned() };
    let fact = OrderFact { memory, client_id: 1, next_order_id: 1, is_told: true, is_new: true };
    Entry { at_us: number, receipt: None, fact: Fact::Order(Box::new(fact)) }
}

fn folder() -> PathBuf {
    let folder = std::env::temp_dir().join(format!("ibnats-fuzz-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a folder");
    folder
}

fuzz_target!(|input: (u32, &[u8])| {
    let (offset, damage) = input;
    let mut bytes = whole().to_vec();
    let from = offset as usize % bytes.len();
    let to = (from + damage.len()).min(bytes.len());
    bytes[from..to].copy_from_slice(&damage[..to - from]);
    let folder = folder();
    fs::write(folder.join("journal.sqlite"), &bytes).expect("written");
    if let Ok(reader) = Reader::open(&folder) {
        let _ = reader.orders(&Which { count_max: 100, ..Which::default() });
        let _ = reader.keys();
        let _ = reader.check(&folder);
        let _ = reader.export(&mut std::io::sink());
    }
    let mut config = Config::default();
    folder.clone_into(&mut config.state.dir);
    if let Ok(journal) = start(&config, clock::now) {
        drop((journal.pen, journal.mail));
        journal.running.join();
    }
});
