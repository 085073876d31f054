//! What a new or modified order must satisfy against its contract.

use rust_decimal::Decimal;

use super::Moment;
use super::book::{Resolved, price};
use super::ledger::multiplier;
use super::reply::Refusal;
use super::terms::{QUANTITY_MAX, Side, Terms};

/// Turns money to spend into a quantity at the limit, or else at the opposite quote.
pub(super) fn size_from_cash(terms: &mut Terms, at: Moment, resolved: &Resolved) -> Result<(), Refusal> {
    let Some(cash) = terms.cash.filter(|_| terms.total.is_zero()) else { return Ok(()) };
    let quote = at.book.quote(resolved.contract.con_id()).unwrap_or_default();
    let opposite = price(if terms.side == Side::Buy { quote.ask } else { quote.bid });
    let unit = terms.limit.or(opposite).map(|price| price * multiplier(resolved));
    let digits = match resolved.contract.sec_type() {
        "CRYPTO" => 8,
        "STK" => 4,
        "CASH" => 0,
        _ => return Err(Refusal::new(10244, "Cash quantity cannot be used for this order.")),
    };
    terms.total = unit
        .filter(|unit| *unit > Decimal::ZERO)
        .and_then(|unit| cash.checked_div(unit))
        .map(|total| total.trunc_with_scale(digits))
        .filter(|total| *total > Decimal::ZERO && *total <= Decimal::from(QUANTITY_MAX))
        .ok_or_else(|| Refusal::new(10244, "Cash quantity cannot be used for this order."))?;
    Ok(())
}

pub(super) fn check_price_step(terms: &Terms, resolved: &Resolved) -> Result<(), Refusal> {
    let Some(step) = price(Some(resolved.min_tick)).filter(|step| *step > Decimal::ZERO) else { return Ok(()) };
    if terms.prices().any(|price| price.checked_rem(step).is_some_and(|rest| !rest.is_zero())) {
        return Err(Refusal::new(110, "The price does not conform to the minimum price variation for this contract."));
    }
    Ok(())
}

/// Through the API fractions are for currencies, and for what is bought for an amount of money.
pub(super) fn check_size(terms: &Terms, resolved: &Resolved) -> Result<(), Refusal> {
    match resolved.contract.sec_type() {
        "CASH" | "CRYPTO" => Ok(()),
        _ if terms.total.fract().is_zero() => Ok(()),
        "STK" => Err(Refusal::new(10243, "Fractional-sized order cannot be placed via API.")),
        _ => Err(Refusal::new(10250, "Order size does not conform to the minimum size increment.")),
    }
}
