//! Keeps the positions compared last in step with fills that are corrected after the comparison.

use rusqlite::{OptionalExtension as _, Transaction};
use rust_decimal::Decimal;

use crate::{
    schema::order::{FillEvent, Side},
    session::durable::HeldPosition,
};

/// What a fill makes of a position. The legs of a combo move positions, its summary does not.
pub(super) fn effect(fill: &FillEvent) -> Decimal {
    match (fill.instrument.sec_type.as_str(), fill.side) {
        ("BAG", _) => Decimal::ZERO,
        (_, Side::Buy) => fill.quantity.decimal(),
        (_, Side::Sell) => -fill.quantity.decimal(),
    }
}

/// A fill is about to be written. Fills known at the last comparison are part of the positions written down then:
/// if a correction or bust takes some of one back, so do those positions.
pub(super) fn follow(page: &Transaction<'_>, fill: &FillEvent) -> rusqlite::Result<()> {
    let mut statement = page.prepare_cached("SELECT number, event FROM fills WHERE fill = ?1")?;
    let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?));
    let Some((number, event)) = statement.query_row([fill.name()], read).optional()? else { return Ok(()) };
    let Ok(before) = serde_json::from_str::<FillEvent>(&event) else { return Ok(()) };
    let change = effect(fill).saturating_sub(effect(&before));
    if change.is_zero() {
        return Ok(());
    }
    let mut statement = page.prepare_cached("SELECT positions FROM compared WHERE last_fill >= ?1")?;
    let positions: Option<String> = statement.query_row([number], |row| row.get(0)).optional()?;
    let held = positions.and_then(|text| serde_json::from_str::<Vec<HeldPosition>>(&text).ok());
    let Some(mut held) = held else { return Ok(()) };
    add(&mut held, fill, change);
    let text = serde_json::to_string(&held).unwrap_or_default();
    page.prepare_cached("UPDATE compared SET positions = ?1")?.execute([text]).map(|_| ())
}

/// Adds to the position that the fill is about.
pub(super) fn add(held: &mut Vec<HeldPosition>, fill: &FillEvent, size: Decimal) {
    match held.iter_mut().find(|held| held.account == fill.account && held.con_id == fill.con_id) {
        Some(held) => held.size = held.size.saturating_add(size),
        None => held.push(HeldPosition { account: fill.account.clone(), con_id: fill.con_id, size }),
    }
}
