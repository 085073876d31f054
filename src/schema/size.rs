//! Quantities as decimal text, digit for digit.

use std::{borrow::Cow, fmt, str::FromStr};

use compact_str::CompactString;
use rust_decimal::Decimal;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use thiserror::Error;

/// A size, quantity or volume in the instrument's own units, with the digits it was written with.
///
/// On the wire it is text (`"100"`, `"0.00012"`); a request may also give a plain number. Compared
/// as text by `==`; compare values with [`Size::decimal`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Size(CompactString);

/// Text that is not a decimal number.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{text:?} is not a decimal quantity")]
pub struct NotDecimal {
    /// The refused text.
    pub text: String,
}

impl Size {
    /// Zero.
    pub const ZERO: Self = Self(CompactString::const_new("0"));
    /// More than anybody trades or holds of anything: a quantity beyond it is a fault of whoever tells it.
    pub const QUANTITY_MAX: i64 = 1_000_000_000_000_000;

    /// The text as the sender wrote it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The value. Zero if the text has more digits than a [`Decimal`] holds.
    pub fn decimal(&self) -> Decimal {
        parse(&self.0).unwrap_or_default()
    }

    /// True if it is no more than [`Self::QUANTITY_MAX`], in either direction.
    pub fn is_quantity(&self) -> bool {
        self.decimal().abs() <= Decimal::from(Self::QUANTITY_MAX)
    }

    /// Text that is already known to come from a gateway's decimal field.
    ///
    /// `None` for empty text and for text that is no number (the gateway's "unset").
    pub fn from_gateway(text: &str) -> Option<Self> {
        parse(text).map(|_| Self(CompactString::new(text)))
    }
}

impl From<Decimal> for Size {
    fn from(value: Decimal) -> Self {
        Self(CompactString::from(value.normalize().to_string()))
    }
}

impl FromStr for Size {
    type Err = NotDecimal;

    fn from_str(text: &str) -> Result<Self, NotDecimal> {
        Self::from_gateway(text).ok_or_else(|| NotDecimal { text: text.chars().take(40).collect() })
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn parse(text: &str) -> Option<Decimal> {
    // Fast path: ticks carry short plain integers.
    if !text.is_empty() && text.len() < 19 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse::<i64>().ok().map(Decimal::from);
    }
    Decimal::from_str(text).or_else(|_| Decimal::from_scientific(text)).ok()
}

impl Serialize for Size {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SizeVisitor)
    }
}

struct SizeVisitor;

impl de::Visitor<'_> for SizeVisitor {
    type Value = Size;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a decimal quantity, as text or number")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Size, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Size, E> {
        self.visit_str(&value.to_string())
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Size, E> {
        self.visit_str(&value.to_string())
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Size, E> {
        self.visit_str(&value.to_string())
    }
}

impl JsonSchema for Size {
    fn schema_name() -> Cow<'static, str> {
        "Size".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A decimal quantity in the instrument's own units, as text with the sender's digits. Requests may give a plain number.",
            "anyOf": [
                { "type": "string", "pattern": "^[+-]?([0-9]+(\\.[0-9]*)?|\\.[0-9]+)([eE][+-]?[0-9]+)?$" },
                { "type": "number" }
            ]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(json: &str, text: &str) {
        let size: Size = serde_json::from_str(json).expect("a size");
        assert_eq!(size.as_str(), text);
        assert_eq!(serde_json::to_string(&size).expect("text"), format!("{text:?}"));
    }

    #[test]
    fn the_senders_digits_are_kept() {
        check(r#""100.000""#, "100.000");
        check(r#""0.00000001""#, "0.00000001");
    }

    #[test]
    fn a_request_may_give_a_number() {
        check("100", "100");
        check("0.5", "0.5");
    }

    #[test]
    fn words_and_empty_text_are_refused() {
        assert!(serde_json::from_str::<Size>(r#""many""#).is_err());
        assert!(serde_json::from_str::<Size>(r#""""#).is_err());
        assert_eq!(Size::from_gateway(""), None);
    }
}
