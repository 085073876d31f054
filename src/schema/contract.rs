//! How a request names a contract: short text or an object.

use std::{borrow::Cow, fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_with::skip_serializing_none;
use thiserror::Error;

use super::request::order::OpenClose;

/// A contract as asked for. Fields left out may be filled by IB; if several contracts fit, the
/// request is refused with the candidates.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ContractQuery {
    /// `STK`, `FUT`, `OPT`, `CASH`, `IND`, `CRYPTO`, `BOND`, `CFD`, `FOP`, `WAR`, `FUND`, `CMDTY`, `CONTFUT`, `BAG`, `NEWS` (a broad tape of headlines).
    pub sec_type: Option<String>,
    /// IB's contract id; enough on its own.
    pub con_id: Option<i32>,
    /// Symbol of the instrument or of its underlying. For a currency pair the base currency.
    pub symbol: Option<String>,
    /// Where to route: `SMART` (the default for stocks and options) or an exchange.
    pub exchange: Option<String>,
    /// Listing exchange, to tell apart contracts that `SMART` reaches.
    pub primary_exchange: Option<String>,
    /// Trading currency. Default `USD` for everything but currency pairs named in short text.
    pub currency: Option<String>,
    /// Expiry as `YYYYMM` or `YYYYMMDD`.
    pub expiry: Option<String>,
    /// Strike price.
    pub strike: Option<f64>,
    /// `C` or `P`.
    pub right: Option<String>,
    /// Contract multiplier.
    pub multiplier: Option<f64>,
    /// The exchange's own symbol, such as `ESZ6`.
    pub local_symbol: Option<String>,
    /// Trading class, such as `SPXW`.
    pub trading_class: Option<String>,
    /// Also look at expired futures.
    pub include_expired: Option<bool>,
    /// Kind of `sec_id`: `ISIN`, `CUSIP`, `FIGI`.
    pub sec_id_type: Option<String>,
    /// Identifier of the kind `sec_id_type`.
    pub sec_id: Option<String>,
    /// Legs of a combo (`sec_type` `BAG`).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub legs: Vec<ComboLeg>,
}

/// One leg of a combo.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ComboLeg {
    /// Contract id of the leg.
    pub con_id: i32,
    /// How many of it in one combo, at least 1.
    pub ratio: i32,
    /// `BUY` or `SELL` when the combo is bought.
    pub action: String,
    /// Where the leg is routed.
    pub exchange: String,
    /// Opens or closes a position, for institutions.
    pub open_close: Option<OpenClose>,
    /// Where the shares of a short sale come from as IB numbers it: 1 the broker, 2 elsewhere.
    pub short_sale_slot: Option<i32>,
    /// Location of those shares, for slot 2.
    pub designated_location: Option<String>,
    /// Exemption code of the short sale rule.
    pub exempt_code: Option<i32>,
    /// Price of this leg alone, in orders that are priced by leg.
    pub per_leg_price: Option<f64>,
}

/// Short text that is not a contract.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error(
    "{text:?} is not a contract: {reason}. Examples: STK:AAPL, STK:SHOP@SMART/CAD, FUT:ES:202612@CME, OPT:AAPL:20261218:C:250, CASH:EUR.USD, CRYPTO:BTC@PAXOS, IND:SPX@CBOE, CONID:265598"
)]
pub struct BadContract {
    /// The refused text.
    pub text: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

impl FromStr for ContractQuery {
    type Err = BadContract;

    fn from_str(text: &str) -> Result<Self, BadContract> {
        let bad = |reason| BadContract { text: text.chars().take(80).collect(), reason };
        let (body, route) = match text.split_once('@') {
            Some((body, route)) => (body, Some(route)),
            None => (text, None),
        };
        let mut parts = body.split(':');
        let sec_type = parts.next().unwrap_or_default().to_ascii_uppercase();
        let Some(subject) = parts.next() else { return Err(bad("a security type and a colon come first")) };
        if subject.is_empty() {
            return Err(bad("nothing after the first colon"));
        }
        let rest: Vec<&str> = parts.collect();

        let mut query = Self { sec_type: Some(sec_type.clone()), symbol: Some(subject.to_owned()), ..Self::default() };
        match (sec_type.as_str(), rest.as_slice()) {
            ("CONID", []) => {
                let con_id = subject.parse().map_err(|_| bad("a contract id is a number"))?;
                query = Self { con_id: Some(con_id), ..Self::default() };
            }
            ("CASH", []) => {
                let (base, quote) = subject.split_once('.').ok_or_else(|| bad("a currency pair is written EUR.USD"))?;
                query.symbol = Some(base.to_owned());
                query.currency = Some(quote.to_owned());
            }
            ("STK" | "IND" | "CRYPTO" | "BOND" | "CFD" | "FUND" | "CMDTY" | "CONTFUT", []) => {}
            ("FUT", [expiry]) => {
                query.expiry = Some(expiry_text(expiry).ok_or_else(|| bad("an expiry is YYYYMM or YYYYMMDD"))?);
            }
            ("OPT" | "FOP" | "WAR", [expiry, right, strike]) => {
                query.expiry = Some(expiry_text(expiry).ok_or_else(|| bad("an expiry is YYYYMM or YYYYMMDD"))?);
                query.right = Some(right_text(right).ok_or_else(|| bad("a right is C or P"))?);
                query.strike = Some(
                    strike.parse().ok().filter(|s: &f64| s.is_finite()).ok_or_else(|| bad("a strike is a number"))?,
                );
            }
            ("FUT", _) => return Err(bad("a future is written FUT:SYMBOL:YYYYMM")),
            ("OPT" | "FOP" | "WAR", _) => return Err(bad("an option is written OPT:SYMBOL:YYYYMMDD:C:STRIKE")),
            ("STK" | "IND" | "CRYPTO" | "BOND" | "CFD" | "FUND" | "CMDTY" | "CONTFUT" | "CASH" | "CONID", _) => {
                return Err(bad("too many colons"));
            }
            _ => return Err(bad("unknown security type")),
        }
        if let Some(route) = route {
            let (exchange, currency) = route.split_once('/').map_or((route, None), |(e, c)| (e, Some(c)));
            if exchange.is_empty() || currency.is_some_and(str::is_empty) {
                return Err(bad("a route is written @EXCHANGE or @EXCHANGE/CURRENCY"));
            }
            query.exchange = Some(exchange.to_owned());
            query.currency = currency.map(str::to_owned).or(query.currency);
        }
        Ok(query)
    }
}

fn expiry_text(text: &str) -> Option<String> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    (digits && (text.len() == 6 || text.len() == 8)).then(|| text.to_owned())
}

fn right_text(text: &str) -> Option<String> {
    match text {
        "C" | "c" | "CALL" => Some("C".to_owned()),
        "P" | "p" | "PUT" => Some("P".to_owned()),
        _ => None,
    }
}

/// A contract in a request: short text (`"STK:AAPL"`) or an object.
#[derive(Clone, Debug, PartialEq)]
pub struct ContractSpec(pub ContractQuery);

impl Serialize for ContractSpec {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for ContractSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SpecVisitor)
    }
}

struct SpecVisitor;

impl<'de> de::Visitor<'de> for SpecVisitor {
    type Value = ContractSpec;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a contract as short text such as \"STK:AAPL\" or as an object")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<ContractSpec, E> {
        text.parse().map(ContractSpec).map_err(E::custom)
    }

    fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<ContractSpec, A::Error> {
        ContractQuery::deserialize(de::value::MapAccessDeserializer::new(map)).map(ContractSpec)
    }
}

impl JsonSchema for ContractSpec {
    fn schema_name() -> Cow<'static, str> {
        "ContractSpec".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let object = generator.subschema_for::<ContractQuery>();
        json_schema!({
            "description": "A contract, as short text or as an object.",
            "anyOf": [
                { "type": "string", "examples": ["STK:AAPL", "FUT:ES:202612@CME", "CASH:EUR.USD", "CONID:265598"] },
                object
            ]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: ContractQuery) {
        assert_eq!(text.parse(), Ok(expected));
    }

    fn query(sec_type: &str, symbol: &str) -> ContractQuery {
        ContractQuery { sec_type: Some(sec_type.into()), symbol: Some(symbol.into()), ..ContractQuery::default() }
    }

    #[test]
    fn every_documented_form_is_read() {
        check("STK:AAPL", query("STK", "AAPL"));
        check(
            "STK:SHOP@SMART/CAD",
            ContractQuery { exchange: Some("SMART".into()), currency: Some("CAD".into()), ..query("STK", "SHOP") },
        );
        check(
            "FUT:ES:202612@CME",
            ContractQuery { expiry: Some("202612".into()), exchange: Some("CME".into()), ..query("FUT", "ES") },
        );
        check(
            "OPT:AAPL:20261218:C:250",
            ContractQuery {
                expiry: Some("20261218".into()),
                right: Some("C".into()),
                strike: Some(250.0),
                ..query("OPT", "AAPL")
            },
        );
        check("CASH:EUR.USD", ContractQuery { currency: Some("USD".into()), ..query("CASH", "EUR") });
        check("CONID:265598", ContractQuery { con_id: Some(265_598), ..ContractQuery::default() });
        check("STK:BRK B", query("STK", "BRK B"));
    }

    #[track_caller]
    fn refused(text: &str, reason: &str) {
        let error = text.parse::<ContractQuery>().expect_err("refused");
        assert_eq!(error.reason, reason);
    }

    #[test]
    fn wrong_text_is_refused_with_the_reason() {
        refused("AAPL", "a security type and a colon come first");
        refused("STK:", "nothing after the first colon");
        refused("STK:AAPL:X", "too many colons");
        refused("FUT:ES", "a future is written FUT:SYMBOL:YYYYMM");
        refused("FUT:ES:DEC26", "an expiry is YYYYMM or YYYYMMDD");
        refused("OPT:AAPL:20261218:X:250", "a right is C or P");
        refused("CASH:EURUSD", "a currency pair is written EUR.USD");
        refused("XYZ:A", "unknown security type");
        refused("STK:AAPL@", "a route is written @EXCHANGE or @EXCHANGE/CURRENCY");
    }

    #[test]
    fn an_object_with_a_misspelt_field_is_refused() {
        let error = serde_json::from_str::<ContractSpec>(r#"{"sec_type":"STK","symbl":"AAPL"}"#).expect_err("refused");
        assert!(error.to_string().contains("symbl"), "{error}");
    }
}
