//! A description of a contract in its normal form, and as the gateway reads it.

use crate::{
    schema::{ApiError, ErrorCode, contract::ContractQuery},
    tws::message::contract::Contract,
};

/// Longest text of one field.
const FIELD_CHARS_MAX: usize = 64;
/// Security types a description may name.
const SEC_TYPES: [&str; 15] = [
    "STK", "FUT", "OPT", "CASH", "IND", "CRYPTO", "BOND", "CFD", "FOP", "WAR", "FUND", "CMDTY", "CONTFUT", "BAG",
    "NEWS",
];

/// A checked description with defaults filled in. Equal descriptions have equal keys.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Normal(ContractQuery);

impl Normal {
    /// Trims, fills in defaults and refuses what no gateway could answer.
    pub(super) fn of(query: &ContractQuery) -> Result<Self, ApiError> {
        let mut query = query.clone();
        // Empty text is a wish as well: any exchange, any currency.
        let is_any = |field: &Option<String>| field.as_deref().is_some_and(|text| text.trim().is_empty());
        let (any_exchange, any_currency) = (is_any(&query.exchange), is_any(&query.currency));
        let upper = [&mut query.sec_type, &mut query.exchange, &mut query.primary_exchange, &mut query.currency];
        for field in upper.into_iter().chain([&mut query.right, &mut query.sec_id_type]) {
            *field = clean(field.as_ref())?.map(|text| text.to_ascii_uppercase());
        }
        let plain = [&mut query.symbol, &mut query.expiry, &mut query.local_symbol, &mut query.trading_class];
        for field in plain.into_iter().chain([&mut query.sec_id]) {
            *field = clean(field.as_ref())?;
        }
        query.con_id = query.con_id.filter(|id| *id != 0);
        query.include_expired = query.include_expired.filter(|wanted| *wanted);
        if query.sec_type.as_deref() == Some("BAG") || !query.legs.is_empty() {
            let text = "IB has no contract data and no history of combos (BAG): they can be traded, quoted and streamed, else name each leg on its own";
            return Err(ApiError::new(ErrorCode::Unsupported, text));
        }
        check(&query)?;
        query.right = query.right.map(|right| right.chars().take(1).collect());
        if query.con_id.is_none() {
            fill_in(&mut query, any_exchange, any_currency);
        }
        Ok(Self(query))
    }

    /// The description of an instrument by its number and route.
    pub(super) fn con_id(con_id: i32, exchange: &str) -> Self {
        Self(ContractQuery { con_id: Some(con_id), exchange: Some(exchange.to_owned()), ..ContractQuery::default() })
    }

    /// Text that is equal for equal descriptions only: it names every field that is given.
    pub(super) fn key(&self) -> String {
        super::keeping::key(self)
    }

    pub(super) fn query(&self) -> &ContractQuery {
        &self.0
    }

    pub(super) fn exchange(&self) -> Option<&str> {
        self.0.exchange.as_deref()
    }

    pub(super) fn include_expired(&self) -> bool {
        self.0.include_expired == Some(true)
    }

    /// The description as the gateway reads it.
    pub(super) fn contract(&self) -> Contract {
        let query = self.0.clone();
        Contract {
            con_id: query.con_id,
            symbol: query.symbol,
            sec_type: query.sec_type,
            last_trade_date_or_contract_month: query.expiry,
            strike: query.strike,
            right: query.right,
            multiplier: query.multiplier,
            exchange: query.exchange,
            primary_exch: query.primary_exchange,
            currency: query.currency,
            local_symbol: query.local_symbol,
            trading_class: query.trading_class,
            include_expired: query.include_expired,
            sec_id_type: query.sec_id_type,
            sec_id: query.sec_id,
            ..Contract::default()
        }
    }

    /// The description for a person, close to the short text that would give it.
    pub(super) fn describe(&self) -> String {
        let query = &self.0;
        let mut text = match (query.con_id, &query.sec_type) {
            (Some(id), _) => format!("CONID:{id}"),
            (None, Some(sec_type)) => sec_type.clone(),
            (None, None) => "contract".to_owned(),
        };
        let strike = query.strike.map(|strike| strike.to_string());
        let named = [&query.symbol, &query.local_symbol, &query.sec_id, &query.expiry, &query.right, &strike];
        for part in named.into_iter().chain([&query.trading_class]).flatten() {
            text.push(':');
            text.push_str(part);
        }
        if let Some(exchange) = &query.exchange {
            text.push('@');
            text.push_str(exchange);
        }
        if let Some(currency) = &query.currency {
            text.push_str(if query.exchange.is_some() { "/" } else { " in " });
            text.push_str(currency);
        }
        if let Some(primary) = &query.primary_exchange {
            text.push_str(" listed at ");
            text.push_str(primary);
        }
        text
    }

    /// What usually helps when nothing fits.
    pub(super) fn hint(&self) -> &'static str {
        if self.0.con_id.is_some() {
            return "contract ids change on corporate actions, and the exchange must be one the contract trades at";
        }
        match self.0.sec_type.as_deref() {
            Some("STK") => "check symbol and currency, or look for it with contract.search",
            Some("FUT" | "CONTFUT") => {
                "name the exchange (FUT:ES:202612@CME) and a listed expiry; expired ones need include_expired"
            }
            Some("OPT" | "FOP" | "WAR") => "check that expiry, strike and right are listed",
            Some("CASH") => "the pair may be quoted the other way round",
            Some("IND") => "name the exchange of the index (IND:SPX@CBOE)",
            Some("CRYPTO") => "check symbol, currency and exchange (CRYPTO:BTC@PAXOS)",
            _ => "check every field of the description",
        }
    }
}

fn clean(field: Option<&String>) -> Result<Option<String>, ApiError> {
    let Some(text) = field.map(String::as_str).map(str::trim).filter(|text| !text.is_empty()) else { return Ok(None) };
    if text.chars().count() > FIELD_CHARS_MAX || text.chars().any(char::is_control) {
        let shown: String = text.chars().take(20).collect();
        let message = format!("contract field {shown:?} is longer than {FIELD_CHARS_MAX} characters or not plain text");
        return Err(ApiError::invalid(message));
    }
    Ok(Some(text.to_owned()))
}

fn check(query: &ContractQuery) -> Result<(), ApiError> {
    if query.con_id.is_some_and(|id| id < 0) {
        return Err(ApiError::invalid("con_id is a positive number"));
    }
    if let Some(sec_type) = &query.sec_type
        && !SEC_TYPES.contains(&sec_type.as_str())
    {
        return Err(ApiError::invalid(format!(
            "sec_type {sec_type:?} is unknown; use one of {}",
            SEC_TYPES.join(", ")
        )));
    }
    let digits = |text: &String| matches!(text.len(), 6 | 8) && text.bytes().all(|byte| byte.is_ascii_digit());
    if query.expiry.as_ref().is_some_and(|expiry| !digits(expiry)) {
        return Err(ApiError::invalid("expiry is YYYYMM or YYYYMMDD"));
    }
    if query.right.as_deref().is_some_and(|right| !matches!(right, "C" | "P" | "CALL" | "PUT")) {
        return Err(ApiError::invalid("right is C or P"));
    }
    let unusable = |value: Option<f64>| value.is_some_and(|value| !value.is_finite());
    if unusable(query.strike) || unusable(query.multiplier) {
        return Err(ApiError::invalid("strike and multiplier are finite numbers"));
    }
    if query.sec_id.is_some() != query.sec_id_type.is_some() {
        return Err(ApiError::invalid("sec_id and sec_id_type go together"));
    }
    if query.con_id.is_some() || query.sec_id.is_some() {
        return Ok(());
    }
    if query.sec_type.is_none() {
        return Err(ApiError::invalid("name the contract's sec_type (such as STK), or give con_id"));
    }
    if query.symbol.is_none() && query.local_symbol.is_none() {
        return Err(ApiError::invalid("name the contract's symbol, local_symbol, con_id or sec_id"));
    }
    Ok(())
}

/// Where a security type is routed when the description does not say. Futures and indices have no
/// default: the gateway lists what there is.
pub(crate) fn default_exchange(sec_type: &str) -> Option<&'static str> {
    match sec_type {
        "STK" | "OPT" => Some("SMART"),
        "CASH" => Some("IDEALPRO"),
        "CRYPTO" => Some("PAXOS"),
        _ => None,
    }
}

fn fill_in(query: &mut ContractQuery, any_exchange: bool, any_currency: bool) {
    let sec_type = query.sec_type.as_deref().unwrap_or_default();
    if query.exchange.is_none() && !any_exchange {
        query.exchange = default_exchange(sec_type).map(str::to_owned);
    }
    // An identifier such as an ISIN names the security itself, whatever it trades in.
    if query.currency.is_none() && !any_currency && sec_type != "CASH" && query.sec_id.is_none() {
        query.currency = Some("USD".to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, described: &str) {
        let query = text.parse().expect("short text");
        assert_eq!(Normal::of(&query).expect("a good description").describe(), described);
    }

    #[test]
    fn what_is_left_out_is_filled_in_by_kind() {
        check("STK:AAPL", "STK:AAPL@SMART/USD");
        check("STK:SHOP@SMART/CAD", "STK:SHOP@SMART/CAD");
        check("stk:AAPL@smart", "STK:AAPL@SMART/USD");
        check("OPT:AAPL:20261218:C:250", "OPT:AAPL:20261218:C:250@SMART/USD");
        check("CASH:EUR.USD", "CASH:EUR@IDEALPRO/USD");
        check("CRYPTO:BTC", "CRYPTO:BTC@PAXOS/USD");
        check("FUT:ES:202612", "FUT:ES:202612 in USD");
        check("FUT:ES:202612@CME", "FUT:ES:202612@CME/USD");
        check("IND:SPX", "IND:SPX in USD");
        check("CONID:265598", "CONID:265598");
        check("CONID:265598@NASDAQ", "CONID:265598@NASDAQ");
    }

    #[test]
    fn empty_text_means_any() {
        let short: ContractQuery = "STK:SHOP".parse().expect("short text");
        let any = ContractQuery { currency: Some(String::new()), ..short.clone() };
        assert_eq!(Normal::of(&any).expect("good").describe(), "STK:SHOP@SMART");
        let any = ContractQuery { exchange: Some(String::new()), ..short };
        assert_eq!(Normal::of(&any).expect("good").describe(), "STK:SHOP in USD");
    }

    #[test]
    fn two_ways_to_say_the_same_have_one_key() {
        let key = |query: &ContractQuery| Normal::of(query).expect("good").key();
        let short: ContractQuery = "STK:AAPL".parse().expect("short text");
        let long = ContractQuery {
            currency: Some(" usd ".into()),
            exchange: Some("smart".into()),
            primary_exchange: Some(String::new()),
            include_expired: Some(false),
            con_id: Some(0),
            ..short.clone()
        };
        assert_eq!(key(&short), key(&long));
        assert_eq!(key(&"CONID:7@SMART".parse().expect("short text")), Normal::con_id(7, "SMART").key());
        assert_ne!(key(&short), key(&"STK:MSFT".parse().expect("short text")));
    }

    #[test]
    fn what_no_gateway_could_answer_is_refused() {
        let query = |sec_type: &str| ContractQuery { sec_type: Some(sec_type.into()), ..ContractQuery::default() };
        let with_symbol = |sec_type: &str| ContractQuery { symbol: Some("X".into()), ..query(sec_type) };
        for (query, word) in [
            (ContractQuery::default(), "sec_type"),
            (query("STK"), "symbol"),
            (with_symbol("STOCK"), "STOCK"),
            (ContractQuery { expiry: Some("DEC26".into()), ..with_symbol("FUT") }, "YYYYMM"),
            (ContractQuery { right: Some("X".into()), ..with_symbol("OPT") }, "right"),
            (ContractQuery { strike: Some(f64::NAN), ..with_symbol("OPT") }, "strike"),
            (ContractQuery { symbol: Some("A\r\nB".into()), ..query("STK") }, "plain text"),
            (ContractQuery { symbol: Some("A".repeat(65)), ..query("STK") }, "64"),
            (ContractQuery { sec_id: Some("US0378331005".into()), ..query("STK") }, "sec_id_type"),
        ] {
            let error = Normal::of(&query).expect_err("refused");
            assert_eq!(error.code, ErrorCode::InvalidRequest, "{error}");
            assert!(error.message.contains(word), "{error}");
        }
        assert_eq!(Normal::of(&with_symbol("BAG")).expect_err("refused").code, ErrorCode::Unsupported);
    }
}
