//! Sets a field of a message by its name in the field table.

use prost::{
    Message,
    encoding::{bool, double, int32, int64, string},
};
use serde_json::Value;
use thiserror::Error;

use super::{Kind, Layout};

/// Why a field could not be set.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum BadField {
    /// The message has no field of this name.
    #[error("no such field")]
    Unknown,
    /// The value is not of the field's type.
    #[error("must be {0}")]
    Type(&'static str),
}

/// Sets the field called `name` to `value`, replacing what it held.
///
/// # Errors
///
/// If there is no such field, or the value is not of its type; the message is then unchanged.
pub fn assign<M: Layout + Message>(message: &mut M, name: &str, value: &Value) -> Result<(), BadField> {
    let field = M::FIELDS.iter().find(|field| field.name == name).ok_or(BadField::Unknown)?;
    if field.repeated {
        return Err(BadField::Type("set through a field of its own"));
    }
    let mut bytes = Vec::new();
    let tag = field.number;
    match field.kind {
        Kind::Int32 => {
            let number = value.as_i64().and_then(|number| i32::try_from(number).ok());
            int32::encode(tag, &number.ok_or(BadField::Type("a whole number of 32 bits"))?, &mut bytes);
        }
        Kind::Int64 => int64::encode(tag, &value.as_i64().ok_or(BadField::Type("a whole number"))?, &mut bytes),
        Kind::Bool => bool::encode(tag, &value.as_bool().ok_or(BadField::Type("true or false"))?, &mut bytes),
        Kind::Double => double::encode(tag, &value.as_f64().ok_or(BadField::Type("a number"))?, &mut bytes),
        Kind::Text => {
            let text = value.as_str().ok_or(BadField::Type("text"))?;
            string::encode(tag, &text.to_owned(), &mut bytes);
        }
        Kind::TextMap | Kind::Message(_) => return Err(BadField::Type("set through a field of its own")),
    }
    // What was just encoded by the same table is always readable.
    message.merge(bytes.as_slice()).map_err(|_| BadField::Type("of another type"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::tws::message::order::Order;

    #[test]
    fn a_field_is_set_by_name_and_type() {
        let mut order = Order::default();
        assign(&mut order, "auto_cancel_date", &json!("20261218")).expect("text");
        assign(&mut order, "what_if_type", &json!(2)).expect("a number");
        assign(&mut order, "delta", &json!(0.5)).expect("a number");
        assign(&mut order, "perm_id", &json!(5_000_000_000_i64)).expect("a number");
        assign(&mut order, "hidden", &json!(true)).expect("a flag");
        let expected = Order {
            auto_cancel_date: Some("20261218".to_owned()),
            what_if_type: Some(2),
            delta: Some(0.5),
            perm_id: Some(5_000_000_000),
            hidden: Some(true),
            ..Order::default()
        };
        assert_eq!(order, expected);
    }

    #[test]
    fn a_wrong_name_or_type_changes_nothing() {
        let mut order = Order::default();
        for (name, value) in [
            ("no_such", json!(1)),
            ("what_if_type", json!(2_147_483_648_i64)),
            ("what_if_type", json!("2")),
            ("hidden", json!(1)),
            ("delta", json!(null)),
            ("shareholder", json!(7)),
            ("conditions", json!([])),
            ("algo_params", json!({})),
        ] {
            assert!(assign(&mut order, name, &value).is_err(), "{name} {value}");
        }
        assert_eq!(order, Order::default());
    }
}
