//! Decides, from an order and a quote alone, whether it triggers and what it fills.

use rust_decimal::Decimal;

use super::book::{BookQuote, price};
use super::terms::{Distance, Kind, Side, Tif};
use super::ticket::Ticket;

/// Part of an order that trades now.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Match {
    pub quantity: Decimal,
    pub price: Decimal,
}

/// Moves a trailing stop along with the market; it never moves back.
pub(super) fn trail(ticket: &mut Ticket, quote: &BookQuote) {
    let (Some(distance), Some(last)) = (ticket.terms.distance, price(quote.last)) else { return };
    let gap = match distance {
        Distance::Amount(amount) => amount,
        Distance::Percent(percent) => (last * percent / Decimal::ONE_HUNDRED).round_dp(8),
    };
    let sign = ticket.terms.side.sign();
    let wanted = last + sign * gap;
    let stop = match (ticket.terms.stop, ticket.terms.side) {
        (None, _) => wanted,
        (Some(stop), Side::Buy) => stop.min(wanted),
        (Some(stop), Side::Sell) => stop.max(wanted),
    };
    ticket.terms.stop = Some(stop);
    ticket.wire.trail_stop_price = Some(super::reply::number(stop));
    if let Some(offset) = ticket.terms.limit_offset {
        let limit = stop + sign * offset;
        (ticket.terms.limit, ticket.wire.lmt_price) = (Some(limit), Some(super::reply::number(limit)));
    }
}

/// True if the last trade has reached the order's stop or touch price.
pub(super) fn is_triggered(ticket: &Ticket, quote: &BookQuote) -> bool {
    let (Some(level), Some(last)) = (ticket.terms.stop, price(quote.last)) else { return false };
    let touched_from_below = match ticket.terms.kind {
        Kind::MarketIfTouched | Kind::LimitIfTouched => ticket.terms.side == Side::Sell,
        _ => ticket.terms.side == Side::Buy,
    };
    if touched_from_below { last >= level } else { last <= level }
}

/// What a working order trades against the quote, of which others have `taken` some already.
pub(super) fn against(ticket: &Ticket, quote: &BookQuote, taken: Decimal) -> Option<Match> {
    let (opposite, size) = match ticket.terms.side {
        Side::Buy => (price(quote.ask)?, quote.ask_size),
        Side::Sell => (price(quote.bid)?, quote.bid_size),
    };
    if ticket.terms.kind == Kind::Resting {
        return None;
    }
    let limit = ticket.terms.limit;
    let crosses = match (limit, ticket.terms.side) {
        (None, _) => true,
        (Some(limit), Side::Buy) => opposite <= limit,
        (Some(limit), Side::Sell) => opposite >= limit,
    };
    let remaining = ticket.remaining();
    let available = whole_units(ticket, size - taken).min(remaining);
    let all_needed = ticket.terms.all_or_none || ticket.terms.tif == Tif::FillOrKill;
    if !crosses || available <= Decimal::ZERO || (all_needed && available < remaining) {
        return None;
    }
    // An order that stood in the book is hit at its own price; one that arrives takes the quote's.
    let price = if ticket.resting { limit.unwrap_or(opposite) } else { opposite };
    Some(Match { quantity: available, price })
}

/// Whole orders are filled in whole units, except where fractions are the rule.
fn whole_units(ticket: &Ticket, size: Decimal) -> Decimal {
    let fractional = matches!(ticket.resolved.contract.sec_type(), "CRYPTO" | "CASH");
    if fractional || !ticket.remaining().fract().is_zero() { size } else { size.floor() }
}
