//! What a historical query shows: the prices it is made of, and how a bar of them is written.

use super::bar_size::service;
use super::instrument::Instrument;
use super::price::{Bar, Prices, Side};
use super::universe::Refusal;
use crate::tws::message::history::HistoricalDataBar;

/// The data type of a query (`whatToShow`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Series {
    /// Prices of one side.
    Side(Side),
    /// Bid and ask together: average bid, highest ask, lowest bid, average ask.
    BidAsk,
    /// Realised volatility.
    HistoricalVolatility,
    /// Volatility implied by options.
    ImpliedVolatility,
    /// Fee rate for borrowing.
    FeeRate,
    /// Current yield of a bond, at a side's price.
    Yield(Side),
    /// Trading sessions instead of prices.
    Schedule,
}

/// Annual coupon of the bond, in percent of its face value.
const COUPON: f64 = 4.0;

impl Series {
    /// Reads the text and checks that the instrument has such data.
    ///
    /// # Errors
    ///
    /// 321 for an unknown text, 162 for data the instrument does not have.
    pub(super) fn parse(text: &str, instrument: &Instrument) -> Result<Self, Refusal> {
        let kind = instrument.sec_type();
        let (series, exists) = match text {
            "TRADES" | "ADJUSTED_LAST" => (Self::Side(Side::Trades), instrument.has_trades()),
            "AGGTRADES" => (Self::Side(Side::Trades), kind == "CRYPTO"),
            "MIDPOINT" => (Self::Side(Side::Midpoint), !instrument.is_index()),
            "BID" => (Self::Side(Side::Bid), !instrument.is_index()),
            "ASK" => (Self::Side(Side::Ask), !instrument.is_index()),
            "BID_ASK" => (Self::BidAsk, !instrument.is_index()),
            "HISTORICAL_VOLATILITY" => (Self::HistoricalVolatility, matches!(kind, "STK" | "IND")),
            "OPTION_IMPLIED_VOLATILITY" => (Self::ImpliedVolatility, matches!(kind, "STK" | "IND")),
            "FEE_RATE" => (Self::FeeRate, kind == "STK"),
            "YIELD_BID" => (Self::Yield(Side::Bid), kind == "BOND"),
            "YIELD_ASK" => (Self::Yield(Side::Ask), kind == "BOND"),
            "YIELD_BID_ASK" => (Self::Yield(Side::Midpoint), kind == "BOND"),
            "YIELD_LAST" => (Self::Yield(Side::Trades), kind == "BOND"),
            "SCHEDULE" => (Self::Schedule, true),
            _ => return Err(Refusal::invalid(&format!("What to show is invalid: {text}"))),
        };
        if exists {
            return Ok(series);
        }
        let exchange = instrument.contract.exchange.as_deref().unwrap_or_default();
        Err(service(&format!(
            "No data of type {text} is available for the exchange '{exchange}' and the security type '{kind}'"
        )))
    }

    /// True for data that is kept up to date.
    pub(super) fn is_live(self) -> bool {
        matches!(self, Self::Side(_))
    }

    /// The bar over a stretch of slots, dated `date`; `None` if the stretch is empty.
    pub(super) fn bar(
        self,
        prices: &Prices,
        instrument: &Instrument,
        slots: std::ops::Range<i64>,
        date: String,
    ) -> Option<HistoricalDataBar> {
        let of = |side| prices.bar(instrument, side, slots.clone());
        let (values, traded) = match self {
            Self::Side(side) => {
                let bar = of(side)?;
                (ohlc(&bar, |value| price(instrument, side, value)), (side == Side::Trades).then_some(bar))
            }
            Self::BidAsk => {
                let (bid, ask) = (of(Side::Bid)?, of(Side::Ask)?);
                let at = |value| instrument.tick.price(value);
                let mean = |bar: &Bar| f64::midpoint(at(bar.open), at(bar.close));
                ([mean(&bid), at(ask.high), at(bid.low), mean(&ask)], None)
            }
            Self::Yield(side) => {
                let bar = of(side)?;
                let at = |value| 100.0 * COUPON / price(instrument, side, value).max(0.01);
                // A low price is a high yield.
                ([at(bar.open), at(bar.low), at(bar.high), at(bar.close)], None)
            }
            Self::HistoricalVolatility => (volatility(&of(Side::Trades)?, instrument, 0.95), None),
            Self::ImpliedVolatility => (volatility(&of(Side::Trades)?, instrument, 1.0), None),
            Self::FeeRate => ([0.25; 4], None),
            Self::Schedule => return None,
        };
        let [open, high, low, close] = values;
        Some(HistoricalDataBar {
            date: Some(date),
            open: Some(open),
            high: Some(high),
            low: Some(low),
            close: Some(close),
            volume: Some(traded.map_or_else(|| "-1".to_owned(), |bar| instrument.size.text(bar.volume))),
            wap: Some(traded.map_or_else(|| "-1".to_owned(), |bar| average(instrument, &bar))),
            bar_count: Some(traded.map_or(-1, |bar| i32::try_from(bar.count).unwrap_or(i32::MAX))),
        })
    }
}

/// A price of a side in the instrument's currency.
pub(super) fn price(instrument: &Instrument, side: Side, value: i64) -> f64 {
    if side == Side::Midpoint {
        f64::midpoint(instrument.tick.price(value.div_euclid(2)), instrument.tick.price(value - value.div_euclid(2)))
    } else {
        instrument.tick.price(value)
    }
}

/// The average price of a bar as decimal text.
pub(super) fn average(instrument: &Instrument, bar: &Bar) -> String {
    super::details::decimal(bar.average * instrument.tick.size())
}

fn ohlc(bar: &Bar, read: impl Fn(i64) -> f64) -> [f64; 4] {
    [read(bar.open), read(bar.high), read(bar.low), read(bar.close)]
}

/// Volatility rises when the price falls below its base.
fn volatility(bar: &Bar, instrument: &Instrument, factor: f64) -> [f64; 4] {
    let at = |value| {
        let depth = (instrument.walk.base / instrument.tick.price(value).max(0.01)).ln();
        instrument.walk.volatility * factor * (1.0 + 0.5 * depth).max(0.2)
    };
    [at(bar.open), at(bar.low), at(bar.high), at(bar.close)]
}
