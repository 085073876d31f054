//! Writes entries into the tables, all of a batch or none.

use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use super::{compared, letter::Letter};
use crate::{
    schema::order::FillEvent,
    session::durable::{Entry, Evidence, Fact, OrderFact, Requested},
};

/// An entry and the event that is published with it.
#[derive(Debug)]
pub(super) struct Note {
    pub(super) entry: Entry,
    /// The receipt of the entries it is written with, together or not at all.
    pub(super) batch: Option<u64>,
    pub(super) letter: Option<Letter>,
    /// When JetStream acknowledged the event, if that was before the disk took it.
    pub(super) published_us: Option<i64>,
}

/// Writes all notes in one transaction: after it they are on the disk.
pub(super) fn write(
    connection: &mut Connection,
    notes: &[Note],
    published: &[i64],
    now_us: i64,
) -> rusqlite::Result<()> {
    let page = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for note in notes {
        write_fact(&page, &note.entry)?;
        if let Some(letter) = &note.letter {
            write_letter(&page, letter, note.entry.at_us, note.published_us)?;
        }
    }
    for number in published {
        page.prepare_cached("UPDATE events SET published_us = ?2 WHERE number = ?1")?.execute((number, now_us))?;
    }
    page.commit()
}

/// Marks events that JetStream has acknowledged, without a wait for the disk that an order might have to share. A
/// mark that a power cut takes back only means that the next run asks the stream.
pub(super) fn mark(connection: &mut Connection, published: &[i64], now_us: i64) -> rusqlite::Result<()> {
    connection.pragma_update(None, "synchronous", "normal")?;
    let marked = write(connection, &[], published, now_us);
    connection.pragma_update(None, "synchronous", "full")?;
    marked
}

/// Notes the start of a run. Shows that the file can be written.
pub(super) fn write_run(connection: &Connection, now_us: i64) -> rusqlite::Result<()> {
    let sql = "INSERT INTO runs (started_us, version) VALUES (?1, ?2)";
    connection.execute(sql, (now_us, env!("CARGO_PKG_VERSION"))).map(|_| ())
}

/// Writes without effect: does the disk take anything again?
pub(super) fn probe(connection: &mut Connection) -> rusqlite::Result<()> {
    let page = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Pages that are new to the file: a full disk takes a change of an old one.
    let filler = "x".repeat(64 * 1024);
    page.execute("INSERT INTO evidence (number, at_us, kind, message) VALUES (-1, 0, 'probe', ?1)", [&filler])?;
    page.commit()?;
    connection.execute("DELETE FROM evidence WHERE number = -1", []).map(|_| ())
}

fn write_fact(page: &Transaction<'_>, entry: &Entry) -> rusqlite::Result<()> {
    match &entry.fact {
        Fact::Order(order) => write_order(page, order, entry.at_us),
        Fact::Fill(fill) => {
            compared::follow(page, fill)?;
            write_fill(page, fill, entry.at_us)
        }
        Fact::Evidence(evidence) => write_evidence(page, evidence, entry.at_us),
        Fact::Request(request) => write_request(page, request, entry.at_us),
        Fact::Claim(_) => Ok(()),
        Fact::Positions(held) => {
            let sql = "INSERT OR REPLACE INTO compared (one, at_us, last_fill, positions)
                       VALUES (1, ?1, (SELECT coalesce(max(number), 0) FROM fills), ?2)";
            page.prepare_cached(sql)?.execute((entry.at_us, json(held))).map(|_| ())
        }
    }
}

fn write_order(page: &Transaction<'_>, order: &OrderFact, at_us: i64) -> rusqlite::Result<()> {
    let (memory, event) = (&order.memory, &order.memory.event);
    let mut statement = page.prepare_cached(
        "INSERT INTO orders (key, account, state, side, order_type, quantity, filled, limit_price, stop_price, tif,
            instrument, con_id, order_id, perm_id, client_id, origin, client, reason, ib_code, first_us, changed_us, final_us,
            event, ask, facts)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?20, ?21, ?22, ?23, ?24)
         ON CONFLICT (key) DO UPDATE SET account = excluded.account, state = excluded.state, side = excluded.side,
            order_type = excluded.order_type, quantity = excluded.quantity, filled = excluded.filled,
            limit_price = excluded.limit_price, stop_price = excluded.stop_price, tif = excluded.tif,
            instrument = excluded.instrument, con_id = excluded.con_id, order_id = excluded.order_id,
            perm_id = excluded.perm_id, client_id = excluded.client_id, origin = excluded.origin, client = excluded.client,
            reason = excluded.reason, ib_code = excluded.ib_code, changed_us = excluded.changed_us,
            final_us = excluded.final_us, event = excluded.event, ask = excluded.ask, facts = excluded.facts",
    )?;
    let instrument = event.instrument.as_ref().map(|instrument| {
        format!("{} {} {} {}", instrument.sec_type, instrument.local_symbol, instrument.exchange, instrument.currency)
    });
    statement.execute(params![
        event.key.as_str(),
        event.account,
        word(&event.state),
        event.side.as_ref().map(word),
        event.order_type,
        event.quantity.as_ref().map(ToString::to_string),
        event.filled.to_string(),
        event.limit_price,
        event.stop_price,
        event.tif,
        instrument,
        event.con_id,
        event.order_id,
        event.perm_id,
        event.client_id,
        event.origin,
        memory.client,
        event.reason,
        event.ib_code,
        at_us,
        event.state.is_final().then_some(at_us),
        json(event),
        memory.ask.as_ref().map(json),
        memory.facts,
    ])?;
    let sql = "INSERT INTO order_ids (client_id, next_order_id) VALUES (?1, ?2)
               ON CONFLICT (client_id) DO UPDATE SET next_order_id = max(next_order_id, excluded.next_order_id)";
    page.prepare_cached(sql)?.execute((order.client_id, order.next_order_id)).map(|_| ())
}

fn write_fill(page: &Transaction<'_>, fill: &FillEvent, at_us: i64) -> rusqlite::Result<()> {
    let mut statement = page.prepare_cached(
        "INSERT INTO fills (fill, exec_id, key, account, side, quantity, price, executed_us, commission,
            commission_currency, realized_pnl, learned_us, event)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
         ON CONFLICT (fill) DO UPDATE SET exec_id = excluded.exec_id, key = excluded.key, account = excluded.account,
            side = excluded.side, quantity = excluded.quantity, price = excluded.price, executed_us = excluded.executed_us,
            commission = excluded.commission, commission_currency = excluded.commission_currency,
            realized_pnl = excluded.realized_pnl, event = excluded.event",
    )?;
    let name = fill.name();
    statement
        .execute(params![
            name,
            fill.exec_id,
            fill.key.as_str(),
            fill.account,
            word(&fill.side),
            fill.quantity.to_string(),
            fill.price,
            fill.event_us,
            fill.commission,
            fill.commission_currency,
            fill.realized_pnl,
            at_us,
            json(fill),
        ])
        .map(|_| ())
}

fn write_evidence(page: &Transaction<'_>, evidence: &Evidence, at_us: i64) -> rusqlite::Result<()> {
    let mut statement = page.prepare_cached(
        "INSERT INTO evidence (at_us, kind, key, client_id, order_id, perm_id, exec_id, ib_code, message)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?;
    let key = evidence.key.as_ref().map(crate::schema::order::OrderKey::as_str);
    let (client_id, order_id, perm_id) = (evidence.client_id, evidence.order_id, evidence.perm_id);
    statement
        .execute(params![
            at_us,
            evidence.kind,
            key,
            client_id,
            order_id,
            perm_id,
            evidence.exec_id,
            evidence.ib_code,
            evidence.text
        ])
        .map(|_| ())
}

fn write_request(page: &Transaction<'_>, request: &Requested, at_us: i64) -> rusqlite::Result<()> {
    let sql = "INSERT INTO requests (at_us, verb, key, client, request) VALUES (?1, ?2, ?3, ?4, ?5)";
    let mut statement = page.prepare_cached(sql)?;
    statement.execute(params![at_us, request.verb, request.key.as_str(), request.client, request.body]).map(|_| ())
}

fn write_letter(
    page: &Transaction<'_>,
    letter: &Letter,
    at_us: i64,
    published_us: Option<i64>,
) -> rusqlite::Result<()> {
    let Some((kind, account, key, seq)) = letter.address() else { return Ok(()) };
    let seq = i64::try_from(seq).unwrap_or(i64::MAX);
    let sql = "INSERT INTO events (number, kind, account, key, seq, message_id, event, written_us, published_us)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    let row =
        params![letter.number, kind.name(), account, key, seq, letter.message_id, letter.json(), at_us, published_us];
    page.prepare_cached(sql)?.execute(row)?;
    let sql = "INSERT INTO subjects (kind, account, key, seq) VALUES (?1, ?2, ?3, ?4)
               ON CONFLICT (kind, account, key) DO UPDATE SET seq = max(seq, excluded.seq)";
    page.prepare_cached(sql)?.execute((kind.name(), account, key, seq)).map(|_| ())
}

/// A word of the public contract, such as `partially_filled`.
fn word<T: serde::Serialize>(value: &T) -> String {
    json(value).trim_matches('"').to_owned()
}

fn json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
