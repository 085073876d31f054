//! Checks of the parts that most orders do not have.

use rust_decimal::Decimal;

use super::{plain, time, wrong};
use crate::schema::{
    ApiError,
    order::{OrderKey, OrderType},
    request::order::{
        Adjusted, Advisor, Algo, Attached, Condition, Conditions, DeltaNeutral, Hedge, HedgeKind, LongShortSale,
        Pegged, PlaceOrder, Scale, ShortSale, ShortSaleSlot, Volatility,
    },
};

/// Most conditions of one order.
const CONDITIONS_MAX: usize = 50;

pub(super) fn check(ask: &PlaceOrder) -> Result<(), ApiError> {
    each(ask.algo.as_deref(), algo)?;
    each(ask.scale.as_deref(), scale)?;
    each(ask.conditions.as_deref(), conditions)?;
    each(ask.short_sale.as_deref(), short_sale)?;
    each(ask.advisor.as_deref(), advisor)?;
    each(ask.adjusted.as_deref(), |part| adjusted(ask, part))?;
    each(ask.hedge.as_deref(), |part| hedge(ask, part))?;
    each(ask.attached.as_deref(), |part| attached(&ask.key, part))?;
    volatility(ask)?;
    pegged(ask)
}

fn each<T>(part: Option<&T>, check: impl FnOnce(&T) -> Result<(), ApiError>) -> Result<(), ApiError> {
    part.map_or(Ok(()), check)
}

fn above_zero(field: &str, value: Option<f64>) -> Result<(), ApiError> {
    match value {
        Some(value) if !value.is_finite() || value <= 0.0 || value >= f64::MAX => {
            Err(wrong(field, "must be above zero"))
        }
        _ => Ok(()),
    }
}

fn finite(field: &str, value: Option<f64>) -> Result<(), ApiError> {
    match value {
        Some(value) if !value.is_finite() || value.abs() >= f64::MAX => Err(wrong(field, "is not a number")),
        _ => Ok(()),
    }
}

fn positive(field: &str, value: Option<i32>) -> Result<(), ApiError> {
    if value.is_some_and(|value| value <= 0) { Err(wrong(field, "must be above zero")) } else { Ok(()) }
}

fn algo(algo: &Algo) -> Result<(), ApiError> {
    plain("algo.strategy", Some(&algo.strategy))?;
    plain("algo.id", algo.id.as_deref())?;
    algo.params.iter().try_for_each(|(name, value)| {
        plain("algo.params", Some(name))?;
        plain(&format!("algo.params.{name}"), Some(value))
    })
}

fn scale(scale: &Scale) -> Result<(), ApiError> {
    positive("scale.initial_size", scale.initial_size)?;
    positive("scale.subsequent_size", scale.subsequent_size)?;
    positive("scale.price_adjust_interval_s", scale.price_adjust_interval_s)?;
    above_zero("scale.price_increment", scale.price_increment)?;
    above_zero("scale.profit_offset", scale.profit_offset)?;
    finite("scale.price_adjust_value", scale.price_adjust_value)?;
    plain("scale.table", scale.table.as_deref())?;
    time("scale.active_start", scale.active_start.as_deref())?;
    time("scale.active_stop", scale.active_stop.as_deref())?;
    if scale.table.is_none() {
        if scale.initial_size.is_none() {
            return Err(wrong("scale.initial_size", "is required, or else scale.table"));
        }
        if scale.price_increment.is_none() {
            return Err(wrong("scale.price_increment", "is required, or else scale.table"));
        }
    }
    if scale.auto_reset && scale.profit_offset.is_none() {
        return Err(wrong("scale.profit_offset", "is required with scale.auto_reset"));
    }
    if scale.price_adjust_value.is_some() != scale.price_adjust_interval_s.is_some() {
        return Err(wrong("scale.price_adjust_value", "and scale.price_adjust_interval_s go together"));
    }
    Ok(())
}

fn conditions(conditions: &Conditions) -> Result<(), ApiError> {
    if conditions.list.is_empty() || conditions.list.len() > CONDITIONS_MAX {
        return Err(wrong("conditions.list", &format!("has 1 to {CONDITIONS_MAX} conditions")));
    }
    for (place, condition) in conditions.list.iter().enumerate() {
        let field = |name: &str| format!("conditions.list[{place}].{name}");
        if let Condition::Price { con_id, exchange, .. }
        | Condition::Volume { con_id, exchange, .. }
        | Condition::PercentChange { con_id, exchange, .. } = condition
        {
            positive(&field("con_id"), Some(*con_id))?;
            plain(&field("exchange"), Some(exchange))?;
        }
        match condition {
            Condition::Price { price, .. } => finite(&field("price"), Some(*price))?,
            Condition::Time { time: moment, .. } => time(&field("time"), Some(moment))?,
            Condition::Margin { percent, .. } if !(0..=100).contains(percent) => {
                return Err(wrong(&field("percent"), "is between 0 and 100"));
            }
            Condition::Margin { .. } => {}
            Condition::Execution { symbol, sec_type, exchange, .. } => {
                plain(&field("symbol"), Some(symbol))?;
                plain(&field("sec_type"), Some(sec_type))?;
                plain(&field("exchange"), Some(exchange))?;
            }
            Condition::Volume { volume, .. } => positive(&field("volume"), Some(*volume))?,
            Condition::PercentChange { change_percent, .. } => finite(&field("change_percent"), Some(*change_percent))?,
        }
    }
    Ok(())
}

fn short_sale(short: &ShortSale) -> Result<(), ApiError> {
    if short.slot.is_some() && short.segment != Some(LongShortSale::Short) {
        return Err(wrong("short_sale.slot", "needs segment short"));
    }
    short_slot("short_sale", short.slot, short.designated_location.as_deref())
}

/// A location belongs to shares that come from elsewhere, and to no others.
fn short_slot(part: &str, slot: Option<ShortSaleSlot>, location: Option<&str>) -> Result<(), ApiError> {
    let field = format!("{part}.designated_location");
    plain(&field, location)?;
    match (slot, location) {
        (Some(ShortSaleSlot::ThirdParty), None) => Err(wrong(&field, "is required with slot third_party")),
        (None | Some(ShortSaleSlot::Broker), Some(_)) => Err(wrong(&field, "is only for slot third_party")),
        _ => Ok(()),
    }
}

fn advisor(advisor: &Advisor) -> Result<(), ApiError> {
    plain("advisor.group", advisor.group.as_deref())?;
    plain("advisor.method", advisor.method.as_deref())?;
    if advisor.group.is_none() {
        return Err(wrong("advisor.group", "is required"));
    }
    if advisor.percentage.as_ref().is_some_and(|percent| percent.parse::<Decimal>().is_err()) {
        return Err(wrong("advisor.percentage", "is a decimal number"));
    }
    Ok(())
}

fn adjusted(ask: &PlaceOrder, part: &Adjusted) -> Result<(), ApiError> {
    let is_stop = |kind: OrderType| {
        matches!(kind, OrderType::Stop | OrderType::StopLimit | OrderType::TrailingStop | OrderType::TrailingStopLimit)
    };
    if !is_stop(ask.order_type) {
        return Err(wrong("adjusted", "is for stop and trailing stop orders"));
    }
    let Some(kind) = part.order_type else { return Err(wrong("adjusted.order_type", "is required")) };
    if !is_stop(kind) {
        return Err(wrong("adjusted.order_type", "is one of stop, stop_limit, trailing_stop, trailing_stop_limit"));
    }
    if part.trigger_price.is_none() {
        return Err(wrong("adjusted.trigger_price", "is required"));
    }
    finite("adjusted.trigger_price", part.trigger_price)?;
    finite("adjusted.stop_price", part.stop_price)?;
    finite("adjusted.stop_limit_price", part.stop_limit_price)?;
    above_zero("adjusted.trailing_amount", part.trailing_amount)?;
    let is_limit = matches!(kind, OrderType::StopLimit | OrderType::TrailingStopLimit);
    if part.stop_limit_price.is_some() != is_limit {
        return Err(wrong("adjusted.stop_limit_price", "belongs to stop-limit types, and is required for them"));
    }
    let is_trailing = matches!(kind, OrderType::TrailingStop | OrderType::TrailingStopLimit);
    if part.trailing_amount.is_some() != is_trailing {
        return Err(wrong("adjusted.trailing_amount", "belongs to trailing types, and is required for them"));
    }
    if part.trailing_unit.is_some() && !is_trailing {
        return Err(wrong("adjusted.trailing_unit", "belongs to trailing types"));
    }
    Ok(())
}

fn hedge(ask: &PlaceOrder, part: &Hedge) -> Result<(), ApiError> {
    if ask.parent_key.is_none() {
        return Err(wrong("hedge", "needs a parent_key: it follows what the parent fills"));
    }
    positive("hedge.max_size", part.max_size)?;
    let needs_param = match part.kind {
        None => return Err(wrong("hedge.kind", "is required")),
        Some(HedgeKind::Beta | HedgeKind::Pair) => true,
        Some(HedgeKind::Delta | HedgeKind::Fx) => false,
    };
    match &part.param {
        None if needs_param => Err(wrong("hedge.param", "is required: the beta, or the ratio of the pair")),
        Some(_) if !needs_param => Err(wrong("hedge.param", "is for beta and pair hedges")),
        Some(param) if param.parse::<Decimal>().is_err() => Err(wrong("hedge.param", "is a decimal number")),
        _ => Ok(()),
    }
}

fn attached(key: &OrderKey, part: &Attached) -> Result<(), ApiError> {
    let stop = part.stop_loss.as_ref();
    let profit = part.profit_taker.as_ref();
    if stop.is_none() && profit.is_none() {
        return Err(wrong("attached", "names neither stop_loss nor profit_taker"));
    }
    for (field, order) in [("attached.stop_loss", stop), ("attached.profit_taker", profit)] {
        let Some(order) = order else { continue };
        plain(&format!("{field}.order_type"), Some(&order.order_type))?;
        if order.key == *key {
            return Err(wrong(&format!("{field}.key"), "is the order's own key"));
        }
    }
    if stop.zip(profit).is_some_and(|(stop, profit)| stop.key == profit.key) {
        return Err(wrong("attached.profit_taker.key", "is the stop-loss's key"));
    }
    Ok(())
}

fn volatility(ask: &PlaceOrder) -> Result<(), ApiError> {
    let is_volatility = ask.order_type == OrderType::Volatility;
    let Some(part) = ask.volatility.as_deref() else {
        return if is_volatility { Err(wrong("volatility", "is required for VOL orders")) } else { Ok(()) };
    };
    if !is_volatility {
        return Err(wrong("volatility", "is for VOL orders"));
    }
    let Volatility { value, period, delta_neutral, .. } = part;
    if value.is_none() {
        return Err(wrong("volatility.value", "is required"));
    }
    above_zero("volatility.value", *value)?;
    if period.is_none() {
        return Err(wrong("volatility.period", "is required"));
    }
    each(delta_neutral.as_deref(), |hedge: &DeltaNeutral| {
        plain("volatility.delta_neutral.order_type", Some(&hedge.order_type))?;
        finite("volatility.delta_neutral.aux_price", hedge.aux_price)?;
        let location = hedge.designated_location.as_deref();
        short_slot("volatility.delta_neutral", hedge.short_sale_slot, location)
    })
}

/// Which of the order types below a field of `pegged` belongs to.
const STOCK: &[OrderType] = &[OrderType::PeggedToStock];
const BENCHMARK: &[OrderType] = &[OrderType::PeggedToBenchmark];
const STARTING: &[OrderType] = &[OrderType::PeggedToStock, OrderType::PeggedToBenchmark, OrderType::BoxTop];
const RANGE: &[OrderType] = &[OrderType::PeggedToStock, OrderType::PeggedToBenchmark, OrderType::Volatility];
const BEST: &[OrderType] = &[OrderType::PeggedToBest];
const MIDDLE: &[OrderType] = &[OrderType::PeggedToBest, OrderType::PeggedToMidpoint];

fn pegged(ask: &PlaceOrder) -> Result<(), ApiError> {
    let empty = Pegged::default();
    let part = ask.pegged.as_deref().unwrap_or(&empty);
    let fields = [
        ("starting_price", part.starting_price.is_some(), STARTING),
        ("stock_reference_price", part.stock_reference_price.is_some(), RANGE),
        ("delta", part.delta.is_some(), STOCK),
        ("stock_range_lower", part.stock_range_lower.is_some(), RANGE),
        ("stock_range_upper", part.stock_range_upper.is_some(), RANGE),
        ("reference_con_id", part.reference_con_id.is_some(), BENCHMARK),
        ("reference_exchange", part.reference_exchange.is_some(), BENCHMARK),
        ("change_amount", part.change_amount.is_some(), BENCHMARK),
        ("change_is_decrease", part.change_is_decrease, BENCHMARK),
        ("reference_change_amount", part.reference_change_amount.is_some(), BENCHMARK),
        ("min_compete_size", part.min_compete_size.is_some(), BEST),
        ("compete_against_best_offset", part.compete_against_best_offset.is_some(), BEST),
        ("mid_offset_at_whole", part.mid_offset_at_whole.is_some(), MIDDLE),
        ("mid_offset_at_half", part.mid_offset_at_half.is_some(), MIDDLE),
    ];
    let kind = ask.order_type;
    if let Some((field, ..)) = fields.iter().find(|(_, is_used, types)| *is_used && !types.contains(&kind)) {
        return Err(wrong(&format!("pegged.{field}"), &format!("does not belong to {} orders", kind.ib_text())));
    }
    let required = match kind {
        OrderType::PeggedToStock => &["delta"][..],
        OrderType::PeggedToBenchmark => {
            &["starting_price", "reference_con_id", "change_amount", "reference_change_amount"][..]
        }
        _ => &[],
    };
    if let Some((field, ..)) = fields.iter().find(|(field, is_used, _)| required.contains(field) && !is_used) {
        return Err(wrong(&format!("pegged.{field}"), &format!("is required for {} orders", kind.ib_text())));
    }
    numbers(part)
}

fn numbers(part: &Pegged) -> Result<(), ApiError> {
    if part.delta.is_some_and(|delta| !(0.0..=100.0).contains(&delta)) {
        return Err(wrong("pegged.delta", "is between 0 and 100"));
    }
    for (field, value) in [
        ("pegged.starting_price", part.starting_price),
        ("pegged.stock_reference_price", part.stock_reference_price),
        ("pegged.change_amount", part.change_amount),
        ("pegged.compete_against_best_offset", part.compete_against_best_offset),
        ("pegged.mid_offset_at_whole", part.mid_offset_at_whole),
        ("pegged.mid_offset_at_half", part.mid_offset_at_half),
    ] {
        finite(field, value)?;
    }
    above_zero("pegged.reference_change_amount", part.reference_change_amount)?;
    above_zero("pegged.stock_range_lower", part.stock_range_lower)?;
    above_zero("pegged.stock_range_upper", part.stock_range_upper)?;
    if part.stock_range_lower.zip(part.stock_range_upper).is_some_and(|(lower, upper)| lower > upper) {
        return Err(wrong("pegged.stock_range_lower", "is above stock_range_upper"));
    }
    positive("pegged.min_compete_size", part.min_compete_size)?;
    positive("pegged.reference_con_id", part.reference_con_id)
}
