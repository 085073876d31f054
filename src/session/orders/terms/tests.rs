//! What requests are refused for, each with the field it is refused for.

use super::*;
use crate::schema::ErrorCode;

#[track_caller]
fn check_terms(json: &str, field: Option<&str>) {
    let whole = format!(r#"{{"key":"k","contract":"STK:AAPL","side":"buy","quantity":"10",{json}}}"#);
    let ask: PlaceOrder = serde_json::from_str(&whole).expect("a request");
    let error = check(&ask, None).err();
    assert!(error.iter().all(|error| error.code == ErrorCode::InvalidRequest));
    let named = error.map(|error| error.message.split(':').next().unwrap_or_default().to_owned());
    assert_eq!(named.as_deref(), field, "{json}");
}

#[test]
fn each_order_type_takes_its_own_prices() {
    check_terms(r#""order_type":"market""#, None);
    check_terms(r#""order_type":"market","limit_price":1"#, Some("limit_price"));
    check_terms(r#""order_type":"limit""#, Some("limit_price"));
    check_terms(r#""order_type":"limit","limit_price":-2.5"#, None);
    check_terms(r#""order_type":"limit","limit_price":1,"stop_price":1"#, Some("stop_price"));
    check_terms(r#""order_type":"limit","limit_price":1.7976931348623157e308"#, Some("limit_price"));
    check_terms(r#""order_type":"stop","stop_price":1"#, None);
    check_terms(r#""order_type":"stop_limit","stop_price":1"#, Some("limit_price"));
    check_terms(r#""order_type":"trailing_stop""#, Some("trailing_amount"));
    check_terms(r#""order_type":"trailing_stop","trailing_amount":1"#, None);
    check_terms(r#""order_type":"trailing_stop","trailing_amount":1,"trailing_percent":1"#, Some("trailing_amount"));
    check_terms(r#""order_type":"trailing_stop","trailing_percent":100"#, Some("trailing_percent"));
    check_terms(r#""order_type":"trailing_stop_limit","trailing_amount":1"#, Some("limit_offset"));
    check_terms(r#""order_type":"trailing_stop_limit","trailing_amount":1,"limit_offset":0.1"#, None);
    check_terms(r#""order_type":"trailing_stop_limit","trailing_amount":1,"limit_price":9"#, Some("stop_price"));
    check_terms(r#""order_type":"limit_on_close","limit_price":1,"tif":"gtc""#, Some("tif"));
    check_terms(r#""order_type":"market","tif":"gtd""#, Some("good_till"));
    check_terms(r#""order_type":"market","good_till":"20261218-21:00:00""#, Some("good_till"));
    check_terms(r#""order_type":"market","oca_group":" ""#, Some("oca_group"));
    check_terms(r#""order_type":"market","parent_key":"k""#, Some("parent_key"));
}

#[test]
fn a_quantity_that_nobody_trades_is_refused() {
    let whole = |sized: &str| -> PlaceOrder {
        let text = format!(r#"{{"key":"k","contract":"STK:AAPL","side":"buy","order_type":"market",{sized}}}"#);
        serde_json::from_str(&text).expect("a request")
    };
    for (sized, field) in [
        (r#""quantity":"70000000000000000000000000000""#, Some("quantity: is more than 1000000000000000")),
        (r#""quantity":"1000000000000001""#, Some("quantity: is more than 1000000000000000")),
        (r#""quantity":"1000000000000000""#, None),
        (r#""cash_quantity":1e16"#, Some("cash_quantity: is more than 1000000000000000")),
        (r#""cash_quantity":1e15"#, None),
    ] {
        let error = check(&whole(sized), None).err().map(|error| error.message);
        assert_eq!(error.as_deref(), field, "{sized}");
    }
}
