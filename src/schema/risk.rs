//! Risk limits, the kill switch and the audit trail, in the words of `risk.*` and `[risk]`.

use std::{borrow::Cow, fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, de};
use serde_with::skip_serializing_none;
use thiserror::Error;

use super::{
    ErrorCode, Instrument,
    order::{OrderKey, OrderType},
};

/// Limits on new and modified orders. A limit that is left out does not apply.
///
/// Those of a client apply beside the global ones: an order has to keep both.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// True refuses every order; cancels still go.
    pub read_only: Option<bool>,
    /// Accounts that may be traded.
    pub accounts: Option<Vec<String>>,
    /// What may be traded: `STK`, `FUT:ES` or `CONID:265598`.
    pub instruments: Option<Vec<InstrumentRule>>,
    /// What may not be traded, written the same way; it outranks `instruments`.
    pub blocked_instruments: Option<Vec<InstrumentRule>>,
    /// Order types that may be used, also by attached orders.
    pub order_types: Option<Vec<OrderType>>,
    /// Largest quantity of one order, in the instrument's units. Of an order sized in money it is the money over the
    /// price; an order of which IB derives the quantity (hedges, advisors' percentages) is refused.
    pub order_quantity: Option<f64>,
    /// Largest value of one order: quantity times price times multiplier, in the base currency of the order's
    /// account or, with `risk.notional_currency`, in the instrument's. The price is the limit price, else the stop price, else the quote an order of this side would meet. A combo's
    /// multiplier is the largest of its legs', which have to have been looked up; an order of which IB derives the
    /// quantity is refused.
    pub order_notional: Option<f64>,
    /// Farthest a limit or stop price may lie from the last quote, in percent of it, on the side that costs money:
    /// a buy above it, a sell below it. The limit price of a stop order is measured from its stop price.
    pub price_collar_percent: Option<f64>,
    /// Most open orders for one account, contract (or combo) and side. IB's own limit is 15 or 20.
    pub open_orders: Option<u32>,
    /// Most new orders and modifications in any 60 seconds.
    pub orders_per_minute: Option<u32>,
    /// Highest order efficiency ratio of an account's day (New York): (new orders + modifications + cancels) /
    /// (executed orders + 1). IB calls more than 20 excessive. Counted by this bridge, over its restarts.
    pub efficiency_ratio: Option<f64>,
    /// Loss of the day, in the account's base currency and as a positive number, from which only orders that reduce
    /// a position are taken.
    pub daily_loss: Option<f64>,
}

impl Limits {
    /// # Errors
    ///
    /// What is wrong, with the field's name.
    pub fn check(&self) -> Result<(), String> {
        match self.faults().first() {
            Some((name, message)) => Err(format!("{name}: {message}")),
            None => Ok(()),
        }
    }

    /// Fields that cannot be limits, and why.
    pub fn faults(&self) -> Vec<(&'static str, &'static str)> {
        let figures = [
            ("order_quantity", self.order_quantity),
            ("order_notional", self.order_notional),
            ("price_collar_percent", self.price_collar_percent),
            ("efficiency_ratio", self.efficiency_ratio),
            ("daily_loss", self.daily_loss),
        ];
        figures
            .into_iter()
            .filter(|(_, figure)| figure.is_some_and(|figure| !figure.is_finite() || figure <= 0.0))
            .map(|(name, _)| (name, "has to be above zero; leave it out for no limit"))
            .collect()
    }
}

/// Instruments that a limit names: a security type, one symbol of it, or one contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InstrumentRule {
    /// Every instrument of a security type: `STK`.
    SecType(String),
    /// One symbol of a security type: `FUT:ES`.
    Symbol(String, String),
    /// One contract: `CONID:265598`.
    Contract(i32),
}

/// Text that names no instruments.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{text:?} names no instruments: write STK, FUT:ES or CONID:265598")]
pub struct BadInstrumentRule {
    /// The refused text.
    pub text: String,
}

impl InstrumentRule {
    /// Whether the instrument is one of those named.
    pub fn names(&self, instrument: &Instrument) -> bool {
        match self {
            Self::SecType(sec_type) => *sec_type == instrument.sec_type,
            Self::Symbol(sec_type, symbol) => *sec_type == instrument.sec_type && *symbol == instrument.symbol,
            Self::Contract(con_id) => *con_id == instrument.con_id,
        }
    }
}

impl FromStr for InstrumentRule {
    type Err = BadInstrumentRule;

    fn from_str(text: &str) -> Result<Self, BadInstrumentRule> {
        let bad = || BadInstrumentRule { text: text.chars().take(60).collect() };
        let is_word = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_uppercase());
        match text.split_once(':') {
            Some(("CONID", number)) => number.parse().map(Self::Contract).map_err(|_| bad()),
            Some((sec_type, symbol)) if is_word(sec_type) && !symbol.is_empty() => {
                Ok(Self::Symbol(sec_type.to_owned(), symbol.to_owned()))
            }
            None if is_word(text) => Ok(Self::SecType(text.to_owned())),
            _ => Err(bad()),
        }
    }
}

impl fmt::Display for InstrumentRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SecType(sec_type) => f.write_str(sec_type),
            Self::Symbol(sec_type, symbol) => write!(f, "{sec_type}:{symbol}"),
            Self::Contract(con_id) => write!(f, "CONID:{con_id}"),
        }
    }
}

impl Serialize for InstrumentRule {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for InstrumentRule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<str>::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for InstrumentRule {
    fn schema_name() -> Cow<'static, str> {
        "InstrumentRule".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A security type (STK), one symbol of it (FUT:ES) or one contract (CONID:265598).",
            "type": "string", "pattern": "^(CONID:[0-9]+|[A-Z]+(:.+)?)$"
        })
    }
}

/// Which open orders a halt or a silent client's switch cancels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sweep {
    /// None.
    None,
    /// Every open order that this bridge may cancel, oldest first.
    #[default]
    Bridge,
    /// Those, and by IB's global cancel every other order of the login, orders typed into TWS included.
    Account,
}

/// The kill switch, thrown.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Halted {
    /// Since when, microseconds UTC, our clock.
    pub since_us: i64,
    /// Client that asked, or `@file`, `@signal`.
    pub by: String,
    /// Why, if that was said.
    pub reason: Option<String>,
    /// What is cancelled while it lasts.
    pub cancel: Sweep,
}

/// How a request that may change orders was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// It was carried out, as far as it is this bridge's part.
    Accepted,
    /// It was answered from what is known; nothing was sent.
    Repeated,
    /// It was refused; nothing was sent.
    Refused,
}

/// One request that may change orders, on `ib.audit.<client>`.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AuditEvent {
    /// Grows by one per subject.
    pub seq: u64,
    /// When it was decided, microseconds UTC, our clock.
    pub recv_us: i64,
    /// The client's name from the subject; absent if the subject had none.
    pub client: Option<String>,
    /// What was asked, such as `order.place`.
    pub verb: String,
    /// The order's key, if the request names one.
    pub key: Option<OrderKey>,
    /// How it was decided.
    pub decision: Decision,
    /// Why it was refused.
    pub code: Option<ErrorCode>,
    /// Why it was refused, for a person.
    pub reason: Option<String>,
    /// The request as it was understood, as JSON text.
    pub request: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_read_as_it_is_written() {
        for text in ["STK", "FUT:ES", "CASH:EUR.USD", "CONID:265598"] {
            assert_eq!(text.parse::<InstrumentRule>().map(|rule| rule.to_string()), Ok(text.to_owned()));
        }
        for text in ["", "stk", "STK:", ":AAPL", "CONID:many"] {
            assert!(text.parse::<InstrumentRule>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_limit_of_zero_is_refused_by_name() {
        let limits = Limits { daily_loss: Some(0.0), ..Limits::default() };
        assert!(limits.check().is_err_and(|message| message.starts_with("daily_loss:")));
        assert_eq!(Limits::default().check(), Ok(()));
    }
}
