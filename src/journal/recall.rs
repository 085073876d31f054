//! Reads back what the session must know at the start.

use rusqlite::{Connection, OptionalExtension as _};

use crate::session::{Memory, durable::OrderMemory};

/// Finished orders and fills read back; the session holds no more.
const FINISHED_MAX: i64 = 100_000;

/// What earlier runs wrote down. Rows that this release cannot read are counted in `unreadable`.
pub(super) fn recall(connection: &Connection, client_id: i32, unreadable: &mut u64) -> rusqlite::Result<Memory> {
    let sql = "SELECT next_order_id FROM order_ids WHERE client_id = ?1";
    let next_order_id = connection.query_row(sql, [client_id], |row| row.get(0)).optional()?.unwrap_or(0);
    let mut orders = Vec::new();
    let mut statement = connection.prepare(
        "SELECT event, ask, client, facts FROM orders
         WHERE final_us IS NULL OR number > (SELECT coalesce(max(number), 0) FROM orders) - ?1 ORDER BY number",
    )?;
    let mut rows = statement.query([FINISHED_MAX])?;
    while let Some(row) = rows.next()? {
        let (event, ask): (String, Option<String>) = (row.get(0)?, row.get(1)?);
        match serde_json::from_str(&event) {
            Ok(event) => {
                // Without its request an order is compared with what IB says of it.
                let ask = ask.and_then(|ask| serde_json::from_str(&ask).ok()).map(Box::new);
                orders.push(OrderMemory { event, ask, client: row.get(2)?, facts: row.get(3)? });
            }
            Err(_) => *unreadable += 1,
        }
    }
    let mut fills = Vec::new();
    let mut statement = connection.prepare(
        "SELECT event FROM fills
         WHERE number > (SELECT coalesce(max(number), 0) FROM fills) - ?1 ORDER BY number",
    )?;
    let mut rows = statement.query([FINISHED_MAX])?;
    while let Some(row) = rows.next()? {
        match serde_json::from_str(&row.get::<_, String>(0)?) {
            Ok(fill) => fills.push(fill),
            Err(_) => *unreadable += 1,
        }
    }
    Ok(Memory { orders, fills, next_order_id })
}
