//! Forgets orders that have been over for long, a few at a time, when nothing else is to be written.

use rusqlite::{Connection, TransactionBehavior};

use super::archive;

/// Orders forgotten in one go: a short transaction.
const ORDERS_AT_ONCE: i64 = 100;
/// Rows of other tables forgotten in one go.
const ROWS_AT_ONCE: i64 = 1_000;

/// Forgets what ended before this time. True if there is more.
///
/// What has not been published stays whatever its age. With an order goes everything about it but what its key stands for ([`archive`]).
pub(super) fn prune(connection: &mut Connection, before_us: i64) -> rusqlite::Result<bool> {
    let page = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let keys: Vec<String> = page
        .prepare_cached(
            "SELECT key FROM orders WHERE final_us < ?1
             AND NOT EXISTS (SELECT 1 FROM events WHERE events.key = orders.key AND published_us IS NULL)
             ORDER BY final_us LIMIT ?2",
        )?
        .query_map((before_us, ORDERS_AT_ONCE), |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for key in &keys {
        archive::keep(&page, key)?;
        for table in ["orders", "evidence", "requests", "fills", "events", "subjects"] {
            page.prepare_cached(&format!("DELETE FROM {table} WHERE key = ?1"))?.execute([key])?;
        }
    }
    // What the gateway said of no order that could be named, and orders' fills without an order.
    let loose = [
        "DELETE FROM evidence WHERE number IN (SELECT number FROM evidence WHERE key IS NULL AND at_us < ?1 LIMIT ?2)",
        "DELETE FROM fills WHERE number IN (SELECT number FROM fills WHERE learned_us < ?1
            AND NOT EXISTS (SELECT 1 FROM orders WHERE orders.key = fills.key) LIMIT ?2)",
        "DELETE FROM events WHERE number IN (SELECT number FROM events WHERE written_us < ?1 AND published_us IS NOT NULL
            AND NOT EXISTS (SELECT 1 FROM orders WHERE orders.key = events.key) LIMIT ?2)",
        "DELETE FROM runs WHERE run IN (SELECT run FROM runs WHERE started_us < ?1 LIMIT ?2)",
    ];
    let mut gone = 0;
    for sql in loose {
        gone = gone.max(page.prepare_cached(sql)?.execute((before_us, ROWS_AT_ONCE))?);
    }
    page.commit()?;
    let is_cut = |count: usize, most: i64| i64::try_from(count).is_ok_and(|count| count >= most);
    Ok(is_cut(keys.len(), ORDERS_AT_ONCE) || is_cut(gone, ROWS_AT_ONCE))
}
