//! Which account an order is for.

use super::wrong;
use crate::{
    config,
    schema::{ApiError, request::order::PlaceOrder},
};

/// The account an order is for.
///
/// # Errors
///
/// If none is named and there are several, or the named one may not be traded.
pub(in crate::session::orders) fn account(
    ask: &PlaceOrder,
    login: &[String],
    allowed: &config::Gateway,
) -> Result<String, ApiError> {
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

#[cfg(test)]
mod tests {
    use super::*;

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
