//! What an order request must, may and must not say; each error names the field.

use rust_decimal::Decimal;

use crate::{
    config,
    schema::{
        ApiError, Size,
        order::{OrderEvent, OrderType, TimeInForce},
        request::order::PlaceOrder,
    },
};

/// The account an order is for.
///
/// # Errors
///
/// If none is named and there are several, or the named one may not be traded.
pub(super) fn account(ask: &PlaceOrder, login: &[String], allowed: &config::Gateway) -> Result<String, ApiError> {
    let may_trade = |account: &&String| allowed.accounts.is_empty() || allowed.accounts.contains(account);
    let account = if let Some(account) = &ask.account {
        if !login.contains(account) {
            return Err(wrong("account", &format!("{account:?} is not an account of this login")));
        }
        if !may_trade(&account) {
            return Err(wrong("account", &format!("{account} is not among gateway.accounts of the configuration")));
        }
        account
    } else {
        let mut candidates = login.iter().filter(may_trade);
        match (candidates.next(), candidates.next()) {
            (Some(only), None) => only,
            (None, _) => return Err(wrong("account", "no account of this login may be traded")),
            _ => return Err(wrong("account", "the login has several accounts; name one")),
        }
    };
    if !account.starts_with('D') && !allowed.allow_live {
        return Err(wrong("account", &format!("{account} is a live account and gateway.allow_live is false")));
    }
    Ok(account.clone())
}

/// Whether a field is needed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Need {
    Required,
    Optional,
    Forbidden,
}

/// Checks everything but the account and the parent.
pub(super) fn check(ask: &PlaceOrder) -> Result<(), ApiError> {
    use Need::{Forbidden, Optional, Required};
    if ask.quantity.decimal() <= Decimal::ZERO {
        return Err(wrong("quantity", "must be above zero"));
    }
    let (limit, stop) = match ask.order_type {
        OrderType::Market | OrderType::MarketOnClose => (Forbidden, Forbidden),
        OrderType::Limit | OrderType::LimitOnClose => (Required, Forbidden),
        OrderType::Stop | OrderType::MarketIfTouched => (Forbidden, Required),
        OrderType::StopLimit | OrderType::LimitIfTouched => (Required, Required),
        OrderType::TrailingStop => (Forbidden, Optional),
        OrderType::TrailingStopLimit => (Optional, Optional),
    };
    price("limit_price", ask.limit_price, limit, ask.order_type)?;
    price("stop_price", ask.stop_price, stop, ask.order_type)?;
    trailing(ask)?;
    if matches!(ask.order_type, OrderType::MarketOnClose | OrderType::LimitOnClose) && ask.tif != TimeInForce::Day {
        return Err(wrong("tif", "orders on the close are for the day"));
    }
    match (ask.tif == TimeInForce::Gtd, ask.good_till.as_deref().map(str::trim)) {
        (true, None | Some("")) => return Err(wrong("good_till", "is required with tif gtd")),
        (false, Some(_)) => return Err(wrong("good_till", "is only for tif gtd")),
        _ => {}
    }
    if ask.oca_group.as_deref().is_some_and(|group| group.trim().is_empty()) {
        return Err(wrong("oca_group", "is empty"));
    }
    if ask.parent_key.as_ref() == Some(&ask.key) {
        return Err(wrong("parent_key", "an order is not its own parent"));
    }
    Ok(())
}

fn trailing(ask: &PlaceOrder) -> Result<(), ApiError> {
    let is_trailing = matches!(ask.order_type, OrderType::TrailingStop | OrderType::TrailingStopLimit);
    let need = if is_trailing { Need::Optional } else { Need::Forbidden };
    price("trailing_amount", ask.trailing_amount, need, ask.order_type)?;
    price("trailing_percent", ask.trailing_percent, need, ask.order_type)?;
    let takes_offset = ask.order_type == OrderType::TrailingStopLimit;
    let need = if takes_offset { Need::Optional } else { Need::Forbidden };
    price("limit_offset", ask.limit_offset, need, ask.order_type)?;
    if is_trailing && ask.trailing_amount.is_some() == ask.trailing_percent.is_some() {
        return Err(wrong("trailing_amount", "give exactly one of trailing_amount and trailing_percent"));
    }
    if ask.trailing_amount.is_some_and(|amount| amount <= 0.0) {
        return Err(wrong("trailing_amount", "must be above zero"));
    }
    if ask.trailing_percent.is_some_and(|percent| percent <= 0.0 || percent >= 100.0) {
        return Err(wrong("trailing_percent", "must be above 0 and below 100"));
    }
    if takes_offset && ask.limit_offset.is_some() == ask.limit_price.is_some() {
        return Err(wrong("limit_offset", "give exactly one of limit_offset and limit_price"));
    }
    if takes_offset && ask.limit_price.is_some() && ask.stop_price.is_none() {
        return Err(wrong("stop_price", "is required beside the limit_price of a trailing_stop_limit order"));
    }
    Ok(())
}

fn price(field: &str, value: Option<f64>, need: Need, order_type: OrderType) -> Result<(), ApiError> {
    let kind = order_type.ib_text();
    match value {
        None if need == Need::Required => Err(wrong(field, &format!("is required for {kind} orders"))),
        Some(_) if need == Need::Forbidden => Err(wrong(field, &format!("does not belong to {kind} orders"))),
        // The largest double is how IB says "not set".
        Some(value) if !value.is_finite() || value.abs() >= f64::MAX => Err(wrong(field, "is not a price")),
        _ => Ok(()),
    }
}

fn wrong(field: &str, what: &str) -> ApiError {
    ApiError::invalid(format!("{field}: {what}"))
}

/// The first field in which two requests of one key mean different orders. What to wait for and how
/// long is not part of the order.
pub(super) fn difference(first: &PlaceOrder, second: &PlaceOrder) -> Option<&'static str> {
    let differs = [
        ("account", first.account != second.account),
        ("contract", first.contract != second.contract),
        ("side", first.side != second.side),
        ("quantity", first.quantity.decimal() != second.quantity.decimal()),
        ("order_type", first.order_type != second.order_type),
        ("limit_price", first.limit_price != second.limit_price),
        ("stop_price", first.stop_price != second.stop_price),
        ("trailing_amount", first.trailing_amount != second.trailing_amount),
        ("trailing_percent", first.trailing_percent != second.trailing_percent),
        ("limit_offset", first.limit_offset != second.limit_offset),
        ("tif", first.tif != second.tif),
        ("good_till", first.good_till != second.good_till),
        ("outside_regular_hours", first.outside_regular_hours != second.outside_regular_hours),
        ("oca_group", first.oca_group != second.oca_group),
        ("parent_key", first.parent_key != second.parent_key),
        ("transmit", first.transmit != second.transmit),
    ];
    differs.into_iter().find(|(_, differs)| *differs).map(|(field, _)| field)
}

/// The first field in which a request is certainly not for the order that IB knows under its key.
/// IB writes other fields its own way, and prices of an order move.
pub(super) fn contradiction(known: &OrderEvent, ask: &PlaceOrder) -> Option<&'static str> {
    let quantity = known.quantity.as_ref().map(Size::decimal);
    let differs = [
        ("account", ask.account.as_ref().is_some_and(|account| !known.account.is_empty() && *account != known.account)),
        ("side", known.side.is_some_and(|side| side != ask.side)),
        ("quantity", quantity.is_some_and(|quantity| quantity != ask.quantity.decimal())),
    ];
    differs.into_iter().find(|(_, differs)| *differs).map(|(field, _)| field)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::ErrorCode;

    #[track_caller]
    fn check_terms(json: &str, field: Option<&str>) {
        let whole = format!(r#"{{"key":"k","contract":"STK:AAPL","side":"buy","quantity":"10",{json}}}"#);
        let ask: PlaceOrder = serde_json::from_str(&whole).expect("a request");
        let error = check(&ask).err();
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
        check_terms(
            r#""order_type":"trailing_stop","trailing_amount":1,"trailing_percent":1"#,
            Some("trailing_amount"),
        );
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
    fn only_an_allowed_account_is_traded() {
        let json = r#"{"key":"k","contract":"STK:AAPL","side":"buy","quantity":"10","order_type":"market"}"#;
        let ask: PlaceOrder = serde_json::from_str(json).expect("a request");
        let named = |name: &str| PlaceOrder { account: Some(name.to_owned()), ..ask.clone() };
        let login = ["DU1".to_owned(), "DU2".to_owned(), "U3".to_owned()];
        let open = config::Gateway::default();
        let narrow = config::Gateway { accounts: vec!["DU2".to_owned()], ..config::Gateway::default() };
        assert!(account(&ask, &login, &open).is_err(), "several accounts and none named");
        assert_eq!(account(&ask, &login, &narrow).as_deref(), Ok("DU2"));
        assert_eq!(account(&named("DU1"), &login, &open).as_deref(), Ok("DU1"));
        assert!(account(&named("DU1"), &login, &narrow).is_err());
        assert!(account(&named("DU9"), &login, &open).is_err());
        assert!(account(&named("U3"), &login, &open).is_err(), "live");
    }
}
