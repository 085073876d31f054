//! Reads back what the session must know at the start.

use rusqlite::{Connection, OptionalExtension as _};

use crate::{
    schema::order::{FillEvent, Side},
    session::{
        Memory,
        durable::{HeldPosition, OrderMemory},
    },
};

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
    let positions = positions(connection)?;
    Ok(Memory { orders, fills, next_order_id, positions })
}

/// What was held when positions were compared last, and what the fills learned of since then make of it.
fn positions(connection: &Connection) -> rusqlite::Result<Option<Vec<HeldPosition>>> {
    let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?));
    let row = connection.query_row("SELECT last_fill, positions FROM compared", [], read).optional()?;
    let Some((last_fill, text)) = row else { return Ok(None) };
    let Ok(mut held) = serde_json::from_str::<Vec<HeldPosition>>(&text) else { return Ok(None) };
    let mut statement = connection.prepare("SELECT event FROM fills WHERE number > ?1")?;
    let mut rows = statement.query([last_fill])?;
    while let Some(row) = rows.next()? {
        let Ok(fill) = serde_json::from_str::<FillEvent>(&row.get::<_, String>(0)?) else { continue };
        // The legs of a combo are what moves positions.
        if fill.instrument.sec_type == "BAG" {
            continue;
        }
        let size = if fill.side == Side::Buy { fill.quantity.decimal() } else { -fill.quantity.decimal() };
        match held.iter_mut().find(|held| held.account == fill.account && held.con_id == fill.con_id) {
            Some(held) => held.size += size,
            None => held.push(HeldPosition { account: fill.account, con_id: fill.con_id, size }),
        }
    }
    Ok(Some(held))
}
