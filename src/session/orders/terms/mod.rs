//! What an order request must, may and must not say; each error names the field.

mod account;
mod compare;
mod parts;
#[cfg(test)]
mod tests;

pub(super) use account::account;
pub(super) use compare::{contradiction, difference};

use rust_decimal::Decimal;

use super::{
    prices::{Need, rules},
    wire,
};
use crate::{
    schema::{
        ApiError, Size,
        order::{OrderType, Side, TimeInForce},
        request::order::{PlaceOrder, WaitFor},
    },
    tws::ServerVersion,
};

/// Longest text of one field.
const TEXT_CHARS_MAX: usize = 256;
/// Smallest block order.
const BLOCK_MIN: u32 = 50;

/// Checks everything but the account and the parent. `version` is the gateway's, if it is known.
///
/// # Errors
///
/// Names the first field that is missing, wrong, or impossible beside another one.
pub(super) fn check(ask: &PlaceOrder, version: Option<u32>) -> Result<(), ApiError> {
    quantity(ask)?;
    price_fields(ask)?;
    trailing(ask)?;
    times(ask)?;
    sizes(ask)?;
    relations(ask)?;
    texts(ask)?;
    parts::check(ask)?;
    wire::check_extra(&ask.extra)?;
    gates(ask, version)
}

fn quantity(ask: &PlaceOrder) -> Result<(), ApiError> {
    let by_percent = ask.advisor.as_ref().is_some_and(|advisor| advisor.percentage.is_some());
    let is_derived = ask.hedge.is_some() || by_percent;
    if let Some(size) = &ask.quantity {
        at_most_quantity("quantity", size)?;
    }
    #[expect(clippy::cast_precision_loss, reason = "a power of ten far below what a double tells apart")]
    if ask.cash_quantity.is_some_and(|cash| cash > Size::QUANTITY_MAX as f64) {
        return Err(wrong("cash_quantity", &format!("is more than {}", Size::QUANTITY_MAX)));
    }
    match (&ask.quantity, ask.cash_quantity) {
        (Some(_), Some(_)) => Err(wrong("cash_quantity", "excludes quantity")),
        (None, None) if !is_derived => Err(wrong("quantity", "is required, or else cash_quantity")),
        (Some(size), None) if size.decimal() <= Decimal::ZERO => Err(wrong("quantity", "must be above zero")),
        (None, Some(cash)) if !cash.is_finite() || cash <= 0.0 => Err(wrong("cash_quantity", "must be above zero")),
        _ => Ok(()),
    }
}

/// Sums of quantities are taken later, where nobody could be refused any more.
pub(in crate::session::orders) fn at_most_quantity(field: &str, size: &Size) -> Result<(), ApiError> {
    if size.is_quantity() { Ok(()) } else { Err(wrong(field, &format!("is more than {}", Size::QUANTITY_MAX))) }
}

fn price_fields(ask: &PlaceOrder) -> Result<(), ApiError> {
    let rules = rules(ask.order_type);
    let optional = |taken: bool| if taken { Need::Optional } else { Need::Forbidden };
    price("limit_price", ask.limit_price, rules.limit, ask.order_type)?;
    price("stop_price", ask.stop_price, rules.stop, ask.order_type)?;
    price("trailing_amount", ask.trailing_amount, optional(rules.is_trailing), ask.order_type)?;
    price("trailing_percent", ask.trailing_percent, optional(rules.is_trailing), ask.order_type)?;
    price("limit_offset", ask.limit_offset, optional(rules.takes_limit_offset()), ask.order_type)?;
    price("offset", ask.offset, optional(rules.takes_offset), ask.order_type)?;
    price("percent_offset", ask.percent_offset, optional(rules.takes_percent_offset), ask.order_type)?;
    price("discretionary_amount", ask.discretionary_amount, Need::Optional, ask.order_type)?;
    if ask.offset.is_some() && ask.percent_offset.is_some() {
        return Err(wrong("percent_offset", "excludes offset"));
    }
    if ask.percent_offset.is_some_and(|share| !(0.0..=1.0).contains(&share)) {
        return Err(wrong("percent_offset", "is a share between 0 and 1"));
    }
    if ask.discretionary_amount.is_some_and(|amount| amount < 0.0) {
        return Err(wrong("discretionary_amount", "must not be negative"));
    }
    if ask.discretionary_amount.is_some() && ask.limit_price.is_none() {
        return Err(wrong("discretionary_amount", "needs a limit_price"));
    }
    Ok(())
}

fn trailing(ask: &PlaceOrder) -> Result<(), ApiError> {
    let rules = rules(ask.order_type);
    if !rules.is_trailing {
        return Ok(());
    }
    if ask.trailing_amount.is_some() == ask.trailing_percent.is_some() {
        return Err(wrong("trailing_amount", "give exactly one of trailing_amount and trailing_percent"));
    }
    if ask.trailing_amount.is_some_and(|amount| amount <= 0.0) {
        return Err(wrong("trailing_amount", "must be above zero"));
    }
    if ask.trailing_percent.is_some_and(|percent| percent <= 0.0 || percent >= 100.0) {
        return Err(wrong("trailing_percent", "must be above 0 and below 100"));
    }
    if rules.takes_limit_offset() && ask.limit_offset.is_some() == ask.limit_price.is_some() {
        return Err(wrong("limit_offset", "give exactly one of limit_offset and limit_price"));
    }
    if rules.takes_limit_offset() && ask.limit_price.is_some() && ask.stop_price.is_none() {
        return Err(wrong("stop_price", "is required beside the limit_price of a trailing limit order"));
    }
    Ok(())
}

fn times(ask: &PlaceOrder) -> Result<(), ApiError> {
    if rules(ask.order_type).is_at_close && ask.tif != TimeInForce::Day {
        return Err(wrong("tif", "orders on the close are for the day"));
    }
    good_till(ask.tif, ask.good_till.as_deref())?;
    time("good_after", ask.good_after.as_deref())?;
    time("manual_order_time", ask.manual_order_time.as_deref())?;
    let at_once = matches!(ask.tif, TimeInForce::Ioc | TimeInForce::Fok);
    if ask.post_only && at_once {
        return Err(wrong("post_only", "an order that only adds liquidity cannot fill at once"));
    }
    if ask.good_after.is_some() && at_once {
        return Err(wrong("good_after", "an order to fill at once cannot wait"));
    }
    if ask.duration.is_some_and(|seconds| seconds <= 0) {
        return Err(wrong("duration", "must be above zero"));
    }
    Ok(())
}

/// The end of a `gtd` order, and of no other.
pub(in crate::session::orders) fn good_till(tif: TimeInForce, good_till: Option<&str>) -> Result<(), ApiError> {
    match (tif == TimeInForce::Gtd, good_till.map(str::trim)) {
        (true, None | Some("")) => Err(wrong("good_till", "is required with tif gtd")),
        (false, Some(_)) => Err(wrong("good_till", "is only for tif gtd")),
        (_, text) => time("good_till", text),
    }
}

/// `20261218-21:00:00`, or `20261218 16:00:00` with or without a zone behind it.
pub(in crate::session::orders) fn time(field: &str, text: Option<&str>) -> Result<(), ApiError> {
    let Some(text) = text else { return Ok(()) };
    let is_like = |pattern: &str, text: &str| {
        text.len() == pattern.len()
            && text.bytes().zip(pattern.bytes()).all(|(have, want)| match want {
                b'0' => have.is_ascii_digit(),
                want => have == want,
            })
    };
    let (moment, zone) = text.split_at_checked(17).unwrap_or((text, ""));
    let is_utc = is_like("00000000-00:00:00", moment) && matches!(zone, "" | "Z");
    let is_plain = |zone: &str| zone.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/_+-".contains(&byte));
    let is_local = is_like("00000000 00:00:00", moment)
        && (zone.is_empty() || zone.strip_prefix(' ').is_some_and(|zone| !zone.is_empty() && is_plain(zone)));
    if is_utc || is_local {
        return Ok(());
    }
    Err(wrong(field, "is written 20261218-21:00:00 for UTC or 20261218 16:00:00 US/Eastern"))
}

fn sizes(ask: &PlaceOrder) -> Result<(), ApiError> {
    let total = ask.quantity.as_ref().map(Size::decimal);
    for (field, size) in [
        ("display_size", ask.display_size),
        ("min_quantity", ask.min_quantity),
        ("min_trade_quantity", ask.min_trade_quantity),
    ] {
        let Some(size) = size else { continue };
        if size <= 0 {
            return Err(wrong(field, "must be above zero"));
        }
        if total.is_some_and(|total| Decimal::from(size) > total) {
            return Err(wrong(field, "is more than quantity"));
        }
    }
    if ask.display_size.map(Decimal::from).is_some_and(|shown| total == Some(shown)) {
        return Err(wrong("display_size", "must be below quantity"));
    }
    if ask.display_size.is_some() && ask.hidden {
        return Err(wrong("display_size", "a hidden order shows nothing"));
    }
    if ask.display_size.is_some() && ask.discretionary_amount.is_some() {
        return Err(wrong("discretionary_amount", "and display_size exclude each other"));
    }
    if ask.min_quantity.is_some() && ask.all_or_none {
        return Err(wrong("min_quantity", "all_or_none fills everything at once"));
    }
    if ask.block && total.is_none_or(|total| total < Decimal::from(BLOCK_MIN)) {
        return Err(wrong("block", &format!("a block order has a quantity of at least {BLOCK_MIN}")));
    }
    if ask.post_to_ats.is_some_and(|seconds| seconds < 0) {
        return Err(wrong("post_to_ats", "must not be negative"));
    }
    Ok(())
}

fn relations(ask: &PlaceOrder) -> Result<(), ApiError> {
    if ask.oca_group.as_deref().is_some_and(|group| group.trim().is_empty()) {
        return Err(wrong("oca_group", "is empty"));
    }
    if ask.oca_type.is_some() && ask.oca_group.is_none() {
        return Err(wrong("oca_type", "needs an oca_group"));
    }
    if ask.parent_key.as_ref() == Some(&ask.key) {
        return Err(wrong("parent_key", "an order is not its own parent"));
    }
    if ask.auto_cancel_parent && ask.parent_key.is_none() {
        return Err(wrong("auto_cancel_parent", "needs a parent_key"));
    }
    if !ask.transmit && matches!(ask.wait_for, WaitFor::FirstFill | WaitFor::Final) {
        return Err(wrong("wait_for", "an order with transmit false does not fill until it is transmitted"));
    }
    if ask.post_only && rules(ask.order_type).limit == Need::Forbidden {
        return Err(wrong("post_only", "is for order types with a limit"));
    }
    if ask.short_sale.is_some() && ask.side != Side::Sell {
        return Err(wrong("short_sale", "is for sales"));
    }
    let is_combo = ask.contract.0.sec_type.as_deref().is_some_and(|kind| kind.eq_ignore_ascii_case("BAG"));
    if !ask.smart_combo_routing.is_empty() && !is_combo {
        return Err(wrong("smart_combo_routing", "is for combos"));
    }
    if is_combo && ask.oca_group.is_some() && ask.contract.0.exchange.as_deref().is_none_or(|route| route == "SMART") {
        return Err(wrong("oca_group", "a smart-routed combo takes none"));
    }
    let combo_only = [OrderType::LimitPlusMarket, OrderType::RelativePlusLimit, OrderType::RelativePlusMarket];
    if combo_only.contains(&ask.order_type) && !is_combo {
        return Err(wrong("order_type", &format!("{} orders are for combos", ask.order_type.ib_text())));
    }
    Ok(())
}

/// Text is plain and short, so that it neither breaks a report nor fills the journal.
fn texts(ask: &PlaceOrder) -> Result<(), ApiError> {
    let fields = [
        ("oca_group", &ask.oca_group),
        ("rule_80a", &ask.rule_80a),
        ("external_operator", &ask.external_operator),
        ("customer_account", &ask.customer_account),
        ("model", &ask.model),
    ];
    for (field, text) in fields {
        plain(field, text.as_deref())?;
    }
    for (field, map) in [("smart_combo_routing", &ask.smart_combo_routing), ("misc_options", &ask.misc_options)] {
        for (name, value) in map {
            plain(field, Some(name))?;
            plain(field, Some(value))?;
        }
    }
    Ok(())
}

pub(in crate::session::orders) fn plain(field: &str, text: Option<&str>) -> Result<(), ApiError> {
    let is_bad = |text: &str| {
        text.trim().is_empty() || text.chars().count() > TEXT_CHARS_MAX || text.chars().any(char::is_control)
    };
    if text.is_some_and(is_bad) {
        return Err(wrong(field, &format!("is plain text of 1 to {TEXT_CHARS_MAX} characters")));
    }
    Ok(())
}

/// What an older gateway would drop without a word is refused.
fn gates(ask: &PlaceOrder, version: Option<u32>) -> Result<(), ApiError> {
    let Some(version) = version else { return Ok(()) };
    let has_max_size = ask.hedge.as_ref().is_some_and(|hedge| hedge.max_size.is_some());
    let has_overnight = ask.conditions.as_ref().is_some_and(|conditions| conditions.include_overnight);
    let gated = [
        ("deactivate", ask.deactivate, 216),
        ("post_only", ask.post_only, 216),
        ("allow_pre_open", ask.allow_pre_open, 216),
        ("ignore_open_auction", ask.ignore_open_auction, 216),
        ("route_marketable_to_bbo", ask.route_marketable_to_bbo.is_some(), 217),
        ("seek_price_improvement", ask.seek_price_improvement.is_some(), 217),
        ("extra.what_if_type", ask.extra.contains_key("what_if_type"), 217),
        ("attached", ask.attached.is_some(), ServerVersion::ATTACHED_ORDERS.0),
        ("hedge.max_size", has_max_size, 223),
        ("conditions.include_overnight", has_overnight, 226),
    ];
    match gated.iter().find(|(_, is_used, since)| *is_used && version < *since) {
        Some((field, _, since)) => {
            Err(wrong(field, &format!("needs server version {since}; this gateway speaks {version}")))
        }
        None => Ok(()),
    }
}

/// Checks one price of an order of this type.
pub(in crate::session::orders) fn price(
    field: &str,
    value: Option<f64>,
    need: Need,
    order_type: OrderType,
) -> Result<(), ApiError> {
    let kind = order_type.ib_text();
    match value {
        None if need == Need::Required => Err(wrong(field, &format!("is required for {kind} orders"))),
        Some(_) if need == Need::Forbidden => Err(wrong(field, &format!("does not belong to {kind} orders"))),
        // The largest double is how IB says "not set".
        Some(value) if !value.is_finite() || value.abs() >= f64::MAX => Err(wrong(field, "is not a price")),
        _ => Ok(()),
    }
}

pub(in crate::session::orders) fn wrong(field: &str, what: &str) -> ApiError {
    ApiError::invalid(format!("{field}: {what}"))
}
