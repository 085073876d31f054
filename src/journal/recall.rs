//! Reads back what the session must know at the start.

use chrono::{DateTime, NaiveTime};
use chrono_tz::America::New_York;
use rusqlite::{Connection, OptionalExtension as _};

use super::compared;
use crate::{
    schema::order::{FillEvent, OrderEvent},
    session::{
        Memory,
        durable::{DayCount, HeldPosition, OrderMemory},
    },
};

/// Finished orders and fills read back; the session holds no more.
const FINISHED_MAX: i64 = 100_000;

/// What earlier runs wrote down. Rows that this release cannot read are counted in `unreadable`.
pub(super) fn recall(
    connection: &Connection,
    client_id: i32,
    now_us: i64,
    unreadable: &mut u64,
) -> rusqlite::Result<Memory> {
    let sql = "SELECT next_order_id FROM order_ids WHERE client_id = ?1";
    let next_order_id = connection.query_row(sql, [client_id], |row| row.get(0)).optional()?.unwrap_or(0);
    let mut orders = Vec::new();
    let mut statement = connection.prepare(
        "SELECT event, ask, client, facts, first_us FROM orders
         WHERE final_us IS NULL OR number > (SELECT coalesce(max(number), 0) FROM orders) - ?1 ORDER BY number",
    )?;
    let mut rows = statement.query([FINISHED_MAX])?;
    while let Some(row) = rows.next()? {
        let (event, ask): (String, Option<String>) = (row.get(0)?, row.get(1)?);
        match serde_json::from_str(&event) {
            Ok(mut event) => {
                date(&mut event, row.get(4)?);
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
    let today = today(connection, now_us)?;
    Ok(Memory { orders, fills, next_order_id, today, positions })
}

/// Gives an order its times that was written down before orders had them.
pub(super) fn date(event: &mut OrderEvent, first_us: i64) {
    event.placed_us.get_or_insert(first_us);
    event.changed_us.get_or_insert(event.recv_us);
}

/// What was asked and executed since midnight in New York, by account.
fn today(connection: &Connection, now_us: i64) -> rusqlite::Result<Vec<DayCount>> {
    let midnight = DateTime::from_timestamp_micros(now_us)
        .map(|now| now.with_timezone(&New_York).date_naive().and_time(NaiveTime::MIN))
        .and_then(|midnight| midnight.and_local_timezone(New_York).earliest());
    let Some(since_us) = midnight.map(|midnight| midnight.timestamp_micros()) else { return Ok(Vec::new()) };
    let sql = "SELECT account, sum(messages), sum(executed) FROM (
        SELECT account, count(*) AS messages, 0 AS executed FROM orders
            WHERE first_us >= ?1 AND ask IS NOT NULL GROUP BY account
        UNION ALL SELECT orders.account, count(*), 0 FROM requests JOIN orders USING (key)
            WHERE at_us >= ?1 AND verb IN ('cancel', 'modify') GROUP BY orders.account
        UNION ALL SELECT account, 0, count(*) FROM
            (SELECT account, min(coalesce(executed_us, learned_us)) AS first FROM fills GROUP BY account, key)
            WHERE first >= ?1 GROUP BY account)
        GROUP BY account";
    let read =
        |row: &rusqlite::Row<'_>| Ok(DayCount { account: row.get(0)?, messages: row.get(1)?, executed: row.get(2)? });
    connection.prepare(sql)?.query_map([since_us], read)?.collect()
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
        let size = compared::effect(&fill);
        if !size.is_zero() {
            compared::add(&mut held, &fill, size);
        }
    }
    Ok(Some(held))
}
