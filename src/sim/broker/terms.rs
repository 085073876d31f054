//! Reads the terms of an order out of IB's message, refusing what no gateway would take.

use chrono::{DateTime, NaiveDateTime, TimeZone, Utc};
use chrono_tz::Tz;
use rust_decimal::Decimal;

use super::book::price;
use super::reply::Refusal;
use crate::tws::message::order::Order;

/// Largest order quantity accepted, in the contract's units.
pub(super) const QUANTITY_MAX: u32 = 1_000_000_000;

/// Order types that this simulator accepts and keeps at work without ever filling them: their prices follow from
/// markets it does not have, or from the middle of its own.
const TYPES_THAT_REST: &[&str] = &[
    "PEG MID",
    "PEG PRIM",
    "PEG BEST",
    "PEG BENCH",
    "PEG STK",
    "REL",
    "VOL",
    "MIDPRICE",
    "SNAP MID",
    "SNAP PRIM",
    "PASSV REL",
    "TRAIL MIT",
    "TRAIL LIT",
];

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Side {
    Buy,
    Sell,
}

impl Side {
    /// +1 for buys, -1 for sells.
    pub(super) fn sign(self) -> Decimal {
        match self {
            Self::Buy => Decimal::ONE,
            Self::Sell => Decimal::NEGATIVE_ONE,
        }
    }

    /// The word executions use.
    pub(super) fn executed(self) -> &'static str {
        match self {
            Self::Buy => "BOT",
            Self::Sell => "SLD",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Market,
    Limit,
    Stop,
    StopLimit,
    Trail,
    TrailLimit,
    MarketIfTouched,
    LimitIfTouched,
    MarketOnClose,
    LimitOnClose,
    /// At work, and never filled here.
    Resting,
}

impl Kind {
    fn read(order: &Order) -> Result<Self, Refusal> {
        let has_limit = price(order.lmt_price).is_some_and(|limit| !limit.is_zero());
        Ok(match order.order_type() {
            // They take the other side of the market, up to a limit if there is one.
            "PEG MKT" | "SNAP MKT" if has_limit => Self::Limit,
            "MKT" | "MTL" | "MKT PRT" | "BOX TOP" | "REL + MKT" | "PEG MKT" | "SNAP MKT" => Self::Market,
            "LMT" | "LMT + MKT" | "REL + LMT" => Self::Limit,
            "STP" | "STP PRT" => Self::Stop,
            "STP LMT" => Self::StopLimit,
            "TRAIL" => Self::Trail,
            "TRAIL LIMIT" => Self::TrailLimit,
            "MIT" => Self::MarketIfTouched,
            "LIT" => Self::LimitIfTouched,
            "MOC" => Self::MarketOnClose,
            "LOC" => Self::LimitOnClose,
            other if TYPES_THAT_REST.contains(&other) => Self::Resting,
            _ => return Err(Refusal::invalid("Invalid order type was entered")),
        })
    }

    /// Waits for a price before it works.
    pub(super) fn is_triggered_by_price(self) -> bool {
        !matches!(self, Self::Market | Self::Limit | Self::MarketOnClose | Self::LimitOnClose | Self::Resting)
    }

    pub(super) fn is_trailing(self) -> bool {
        matches!(self, Self::Trail | Self::TrailLimit)
    }

    pub(super) fn is_at_close(self) -> bool {
        matches!(self, Self::MarketOnClose | Self::LimitOnClose)
    }

    fn needs_limit(self) -> bool {
        matches!(self, Self::Limit | Self::StopLimit | Self::LimitIfTouched | Self::LimitOnClose)
    }

    fn needs_aux(self) -> bool {
        matches!(self, Self::Stop | Self::StopLimit | Self::MarketIfTouched | Self::LimitIfTouched)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tif {
    Day,
    GoodTillCancel,
    ImmediateOrCancel,
    FillOrKill,
    /// Ms since the epoch.
    GoodTillDate(i64),
}

/// How far a trailing stop stays behind the market.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Distance {
    Amount(Decimal),
    Percent(Decimal),
}

/// What matching needs to know of an order.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Terms {
    pub side: Side,
    pub kind: Kind,
    pub tif: Tif,
    /// Quantity of the whole order. Zero only while it is to be derived from `cash`.
    pub total: Decimal,
    /// Money to spend instead of a quantity.
    pub cash: Option<Decimal>,
    pub limit: Option<Decimal>,
    /// Stop or touch price. For trailing orders the stop as it stands now, `None` before the first price.
    pub stop: Option<Decimal>,
    pub distance: Option<Distance>,
    /// Limit of a trailing order, as its distance from the stop.
    pub limit_offset: Option<Decimal>,
    /// Not before, ms since the epoch.
    pub active_at_ms: Option<i64>,
    pub all_or_none: bool,
}

impl Terms {
    /// Checks the order by itself, without market or account.
    pub(super) fn read(order: &Order) -> Result<Self, Refusal> {
        let side = match order.action() {
            "BUY" => Side::Buy,
            "SELL" | "SSHORT" => Side::Sell,
            _ => return Err(Refusal::invalid("Invalid side")),
        };
        let kind = Kind::read(order)?;
        let cash = price(order.cash_qty).filter(|cash| *cash > Decimal::ZERO);
        // A hedge takes its size from its parent, an allocation from the accounts of its group.
        let is_derived = cash.is_some() || !order.hedge_type().is_empty() || !order.fa_percentage().is_empty();
        let total = quantity(order.total_quantity(), is_derived)?;
        let limit = price(order.lmt_price);
        let aux = price(order.aux_price);
        if kind.needs_limit() && limit.is_none() {
            return Err(Refusal::new(107, "Cannot transmit incomplete order: limit price is missing."));
        }
        if kind.needs_aux() && aux.is_none_or(|aux| aux.is_zero()) {
            return Err(Refusal::new(403, "Invalid stop price."));
        }
        let distance = if kind.is_trailing() { Some(distance(order, aux)?) } else { None };
        let trail_stop = price(order.trail_stop_price);
        let limit_offset = match kind {
            Kind::TrailLimit => Some(trail_limit_offset(order, side, limit, trail_stop)?),
            _ => None,
        };
        Ok(Self {
            side,
            kind,
            tif: tif(order, kind)?,
            total,
            cash,
            limit: limit.filter(|_| kind.needs_limit()),
            stop: if kind.is_trailing() { trail_stop } else { aux.filter(|_| kind.needs_aux()) },
            distance,
            limit_offset,
            active_at_ms: date_time(order.good_after_time())
                .ok_or_else(|| Refusal::new(337, "The date, time, or time-zone entered is invalid."))?,
            all_or_none: order.all_or_none(),
        })
    }

    /// Prices a client set, for the check against the price step.
    pub(super) fn prices(&self) -> impl Iterator<Item = Decimal> {
        [self.limit, self.stop].into_iter().flatten()
    }
}

fn quantity(text: &str, is_derived: bool) -> Result<Decimal, Refusal> {
    if text.is_empty() && is_derived {
        return Ok(Decimal::ZERO);
    }
    let total: Decimal = text.parse().map_err(|_| Refusal::new(140, "The size value should be a number."))?;
    if total.is_zero() && !is_derived {
        return Err(Refusal::new(434, "The order size cannot be zero."));
    }
    if total.is_sign_negative() || total > Decimal::from(QUANTITY_MAX) {
        return Err(Refusal::invalid("Order size is not valid"));
    }
    Ok(total)
}

fn distance(order: &Order, aux: Option<Decimal>) -> Result<Distance, Refusal> {
    if let Some(percent) = price(order.trailing_percent) {
        return if percent > Decimal::ZERO && percent <= Decimal::ONE_HUNDRED {
            Ok(Distance::Percent(percent))
        } else {
            Err(Refusal::new(159, "The percent offset must be between 0 and 100."))
        };
    }
    aux.filter(|aux| *aux > Decimal::ZERO)
        .map(Distance::Amount)
        .ok_or_else(|| Refusal::new(158, "A trailing order needs a trailing amount or percentage."))
}

/// A trailing limit is given as an offset, or as a price beside the first stop price.
fn trail_limit_offset(
    order: &Order,
    side: Side,
    limit: Option<Decimal>,
    stop: Option<Decimal>,
) -> Result<Decimal, Refusal> {
    let from_prices = || limit.zip(stop).map(|(limit, stop)| (limit - stop) * side.sign());
    price(order.lmt_price_offset)
        .or_else(from_prices)
        .ok_or_else(|| Refusal::new(107, "Cannot transmit incomplete order: limit offset is missing."))
}

fn tif(order: &Order, kind: Kind) -> Result<Tif, Refusal> {
    let tif = match order.tif() {
        // The simulated market has no auctions: what waits for one works for the day.
        "" | "DAY" | "DTC" | "OPG" | "AUC" => Tif::Day,
        "GTC" => Tif::GoodTillCancel,
        "IOC" => Tif::ImmediateOrCancel,
        "FOK" => Tif::FillOrKill,
        "GTD" => match date_time(order.good_till_date()) {
            Some(Some(at_ms)) => Tif::GoodTillDate(at_ms),
            _ => return Err(Refusal::new(334, "Invalid Good Till Date order.")),
        },
        _ => return Err(Refusal::new(10052, "Invalid time in force.")),
    };
    let at_once = matches!(tif, Tif::ImmediateOrCancel | Tif::FillOrKill);
    if kind.is_at_close() && tif != Tif::Day {
        return Err(Refusal::new(113, "The TIF should be DAY for MOC and LOC orders."));
    }
    if at_once && kind.is_triggered_by_price() {
        return Err(Refusal::new(111, "The TIF and the order type are incompatible."));
    }
    Ok(tif)
}

/// `yyyymmdd-hh:mm:ss` is UTC; `yyyymmdd hh:mm:ss Zone/Name` is local. `Some(None)` for no text, `None`
/// for text that is no time.
#[expect(clippy::option_option, reason = "no text and wrong text are two answers")]
pub(super) fn date_time(text: &str) -> Option<Option<i64>> {
    if text.is_empty() {
        return Some(None);
    }
    if let Ok(utc) = NaiveDateTime::parse_from_str(text, "%Y%m%d-%H:%M:%S") {
        return Some(Some(utc.and_utc().timestamp_millis()));
    }
    let (moment, zone) = text.split_at_checked(17).unwrap_or((text, ""));
    let local = NaiveDateTime::parse_from_str(moment, "%Y%m%d %H:%M:%S").ok()?;
    let zone = if zone.trim().is_empty() { Tz::UTC } else { zone.trim().parse().ok()? };
    let at: DateTime<Tz> = zone.from_local_datetime(&local).earliest()?;
    Some(Some(at.with_timezone(&Utc).timestamp_millis()))
}
