//! What is kept for ever of orders that are forgotten otherwise: their key and how they ended, so that the key is
//! answered with the first outcome and never used for a second order.

use rusqlite::{Connection, OptionalExtension as _, Transaction};

use super::recall::date;
use crate::{schema::order::OrderKey, session::durable::OrderMemory};

/// Keeps the order of this key, if it was placed through a bridge, before its row goes.
pub(super) fn keep(page: &Transaction<'_>, key: &str) -> rusqlite::Result<()> {
    let sql =
        "INSERT OR REPLACE INTO archive (key, account, state, side, order_type, quantity, filled, instrument, client,
                   first_us, final_us, event, ask)
               SELECT key, account, state, side, order_type, quantity, filled, instrument, client, first_us, final_us,
                   event, ask
               FROM orders WHERE key = ?1 AND origin = 'bridge'";
    page.prepare_cached(sql)?.execute([key]).map(|_| ())
}

/// Event, request, client, facts, and when it was written down first.
type Row = (String, Option<String>, Option<String>, String, i64);

/// The order that this key stands for, in the archive or among those that a session may have forgotten. `Err` with
/// the reason if there is one that cannot be read.
pub(super) fn find(connection: &Connection, key: &OrderKey) -> Result<Option<OrderMemory>, String> {
    let sql = "SELECT event, ask, client, facts, first_us FROM orders WHERE key = ?1
               UNION ALL SELECT event, ask, client, '', first_us FROM archive WHERE key = ?1 LIMIT 1";
    let read = |row: &rusqlite::Row<'_>| -> rusqlite::Result<Row> {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
    };
    let row =
        connection.prepare_cached(sql).and_then(|mut statement| statement.query_row([key.as_str()], read).optional());
    let Some((event, ask, client, facts, first_us)) = row.map_err(|error| error.to_string())? else { return Ok(None) };
    let unreadable = |error| format!("key {key} was used before, and this release cannot read for what: {error}");
    let mut event = serde_json::from_str(&event).map_err(unreadable)?;
    date(&mut event, first_us);
    let ask = ask.and_then(|ask| serde_json::from_str(&ask).ok()).map(Box::new);
    Ok(Some(OrderMemory { event, ask, client, facts }))
}

/// The orders that these keys stand for.
pub(super) fn find_all(connection: &Connection, keys: &[OrderKey]) -> Result<Vec<OrderMemory>, String> {
    keys.iter().filter_map(|key| find(connection, key).transpose()).collect()
}
