//! One tradable thing: its contract and how its price and sizes are made.

use std::sync::Arc;

use chrono::NaiveDate;
use chrono_tz::Tz;

use crate::tws::message::contract::Contract;

/// A price step as a fraction, so that prices are exact multiples of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tick {
    /// Numerator of the step.
    pub(super) num: i32,
    /// Denominator of the step.
    pub(super) den: i32,
}

impl Tick {
    /// A step of one hundredth.
    pub(super) const CENT: Self = Self { num: 1, den: 100 };

    /// The step in the instrument's currency.
    pub(super) fn size(self) -> f64 {
        f64::from(self.num) / f64::from(self.den)
    }

    /// The price of a whole number of steps: the double nearest to the decimal value.
    #[expect(clippy::cast_precision_loss, reason = "prices stay far below 2^53 steps")]
    pub(super) fn price(self, steps: i64) -> f64 {
        (steps * i64::from(self.num)) as f64 / f64::from(self.den)
    }

    /// The largest whole number of steps not above `price`.
    #[expect(clippy::cast_possible_truncation, reason = "saturates; prices stay far below 2^63 steps")]
    pub(super) fn steps(self, price: f64) -> i64 {
        (price / self.size() + 1e-9).floor() as i64
    }
}

/// A size step: sizes are whole multiples of `unit / 10^decimals`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SizeStep {
    /// Multiple of the last decimal place.
    pub(super) unit: i64,
    /// Decimal places.
    pub(super) decimals: u32,
}

impl SizeStep {
    /// Whole units.
    pub(super) const ONE: Self = Self { unit: 1, decimals: 0 };

    /// Decimal text of a number of size steps.
    pub(super) fn text(self, steps: i64) -> String {
        let scaled = i128::from(steps) * i128::from(self.unit);
        if self.decimals == 0 {
            return scaled.to_string();
        }
        let scale = 10_i128.pow(self.decimals.min(18));
        let width = self.decimals.min(18) as usize;
        let sign = if scaled < 0 { "-" } else { "" };
        format!("{sign}{}.{:0width$}", (scaled / scale).abs(), (scaled % scale).abs())
    }
}

/// The walk behind a price; instruments on the same walk move together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Walk {
    /// Whose walk it is: the contract id of the instrument that leads it.
    pub(super) leader: i32,
    /// Price at which the walk stands at zero, in the instrument's currency.
    pub(super) base: f64,
    /// Annual volatility as a share.
    pub(super) volatility: f64,
}

/// How a price follows from the walk.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Shape {
    /// The walk itself.
    Spot,
    /// A future: the walk plus carry until expiry.
    Future {
        /// Last trading moment, epoch milliseconds.
        expiry_ms: i64,
    },
    /// A European option valued on the walk.
    Option {
        /// Strike in the underlying's currency.
        strike: f64,
        /// Call, else put.
        is_call: bool,
        /// Last trading moment, epoch milliseconds.
        expiry_ms: i64,
        /// Implied volatility as a share.
        volatility: f64,
    },
}

/// What market data the simulated user may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Permission {
    /// Live data.
    Live,
    /// Delayed data only; live is refused with 354.
    Delayed,
    /// Delayed data only; live is refused with 10089, "additional subscription for API".
    DelayedForApi,
    /// No data at all.
    Nothing,
}

/// Where and when an instrument trades.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Venue {
    /// Exchanges a request may name, separated by commas.
    pub(super) exchanges: &'static str,
    /// Time zone of the trading hours.
    pub(super) zone: Tz,
    /// Regular session in minutes after local midnight, where it is not the whole day.
    pub(super) regular: Option<(u16, u16)>,
}

/// A part of a combination.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Leg {
    /// What is bought or sold.
    pub(super) instrument: Arc<Instrument>,
    /// Units per combination, negative if sold.
    pub(super) ratio: i32,
}

/// A tradable instrument.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Instrument {
    /// The full contract, with the exchange used when a request names none.
    pub(super) contract: Contract,
    /// Long name.
    pub(super) name: &'static str,
    /// International number, empty if there is none.
    pub(super) isin: &'static str,
    /// Price step.
    pub(super) tick: Tick,
    /// Size step.
    pub(super) size: SizeStep,
    /// The walk behind the price.
    pub(super) walk: Walk,
    /// How the price follows from the walk.
    pub(super) shape: Shape,
    /// Mean quantity traded a day, in size steps.
    pub(super) daily_volume: i64,
    /// Usual distance between bid and ask, in price steps.
    pub(super) spread: i64,
    /// Where and when it trades.
    pub(super) venue: Venue,
    /// Contract id of the underlying, if it has one.
    pub(super) under: Option<i32>,
    /// Parts of a combination; empty for everything else.
    pub(super) legs: Vec<Leg>,
    /// Last trading day, if it has one.
    pub(super) expiry: Option<NaiveDate>,
    /// What data may be seen.
    pub(super) permission: Permission,
}

impl Instrument {
    /// IB's contract id.
    pub(super) fn con_id(&self) -> i32 {
        self.contract.con_id.unwrap_or_default()
    }

    /// IB's security type, such as `STK`.
    pub(super) fn sec_type(&self) -> &str {
        self.contract.sec_type.as_deref().unwrap_or_default()
    }

    /// IB's symbol.
    pub(super) fn symbol(&self) -> &str {
        self.contract.symbol.as_deref().unwrap_or_default()
    }

    /// True for instruments that report trades; currency pairs and indices on quotes do not.
    pub(super) fn has_trades(&self) -> bool {
        self.sec_type() != "CASH"
    }

    /// The instrument to ask for instead: data of a CFD on a share is the share's own.
    pub(super) fn rerouted(&self) -> Option<i32> {
        self.under.filter(|_| self.sec_type() == "CFD")
    }

    /// True for instruments that have no quotes, only a value.
    pub(super) fn is_index(&self) -> bool {
        self.sec_type() == "IND"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_the_nearest_double_of_their_decimal() {
        assert!((Tick::CENT.price(27_013) - 270.13).abs() == 0.0);
        assert!((Tick { num: 1, den: 20_000 }.price(23_201) - 1.16005).abs() == 0.0);
        assert_eq!(Tick { num: 1, den: 4 }.steps(6700.25), 26_801);
    }

    #[test]
    fn sizes_keep_their_decimals() {
        assert_eq!(SizeStep { unit: 1, decimals: 4 }.text(15), "0.0015");
        assert_eq!(SizeStep { unit: 1000, decimals: 0 }.text(250), "250000");
        assert_eq!(SizeStep::ONE.text(7), "7");
    }
}
