//! Which part of an option chain is wanted, and what must be looked up for it.

use std::{cmp::Ordering, collections::VecDeque};

use crate::schema::{
    ApiError, ErrorCode, Instrument,
    request::chain::{ChainParameters, ChainRequest, ChainRow},
};

/// Contracts of one request.
const CONTRACTS_MAX: usize = 2_000;
/// Lookups of one request: one for each expiry, trading class and multiplier.
const LOOKUPS_MAX: usize = 50;
/// Expiries or strikes listed in one request.
const LISTED_MAX: usize = 1_000;
/// Strikes and multipliers closer than this are the same.
const SAME: f64 = 1e-9;

/// One expiry of one trading class and multiplier: futures options and adjusted stock options of the same class
/// are told apart by the multiplier only.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Step {
    pub(super) expiry: String,
    pub(super) trading_class: String,
    pub(super) multiplier: Option<f64>,
}

impl Step {
    fn compare(&self, other: &Self) -> Ordering {
        let multiplier = |step: &Self| step.multiplier.unwrap_or_default();
        (self.expiry.cmp(&other.expiry))
            .then_with(|| self.trading_class.cmp(&other.trading_class))
            .then_with(|| multiplier(self).total_cmp(&multiplier(other)))
    }
}

/// A checked request.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    ask: ChainRequest,
    /// Where the underlying trades.
    home: String,
}

impl Wanted {
    /// Refuses what makes no sense.
    pub(super) fn of(ask: &ChainRequest, under: &Instrument) -> Result<Self, ApiError> {
        if !matches!(under.sec_type.as_str(), "STK" | "FUT" | "IND") {
            let text = format!("contract names a {}; options are on a stock, a future or an index", under.sec_type);
            return Err(ApiError::invalid(text));
        }
        let is_date = |text: &String| text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit());
        let is_month = |text: &String| text.len() == 6 && text.bytes().all(|byte| byte.is_ascii_digit());
        let is_listed = |len: usize| (1..=LISTED_MAX).contains(&len);
        if let Some(expiries) = &ask.expiries
            && !(is_listed(expiries.len()) && expiries.iter().all(|text| is_date(text) || is_month(text)))
        {
            return Err(ApiError::invalid(format!("expiries holds 1 to {LISTED_MAX} of YYYYMMDD or YYYYMM")));
        }
        if ![&ask.expiry_from, &ask.expiry_to].into_iter().flatten().all(is_date) {
            return Err(ApiError::invalid("expiry_from and expiry_to are YYYYMMDD"));
        }
        if ask.strikes.as_ref().is_some_and(|strikes| !is_listed(strikes.len())) {
            return Err(ApiError::invalid(format!("strikes holds 1 to {LISTED_MAX} strikes")));
        }
        let listed = ask.strikes.iter().flatten().copied();
        let mut prices =
            [ask.strike_from, ask.strike_to, ask.around, ask.multiplier].into_iter().flatten().chain(listed);
        if !prices.all(f64::is_finite) {
            return Err(ApiError::invalid("strikes, prices and multiplier are finite numbers"));
        }
        if ask.around.is_some() != ask.strike_count.is_some() || ask.strike_count == Some(0) {
            return Err(ApiError::invalid("around and strike_count go together, and strike_count is at least 1"));
        }
        let mut ask = ask.clone();
        ask.right = match ask.right.as_deref().map(str::trim).filter(|right| !right.is_empty()) {
            None => None,
            Some("C" | "c" | "CALL") => Some("C".to_owned()),
            Some("P" | "p" | "PUT") => Some("P".to_owned()),
            Some(_) => return Err(ApiError::invalid("right is C or P")),
        };
        ask.exchange = ask.exchange.map(|text| text.trim().to_ascii_uppercase()).filter(|text| !text.is_empty());
        ask.trading_class = ask.trading_class.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        Ok(Self { ask, home: under.exchange.clone() })
    }

    pub(super) fn parameters_only(&self) -> bool {
        self.ask.parameters_only
    }

    pub(super) fn right(&self) -> Option<&String> {
        self.ask.right.as_ref()
    }

    /// The chains that fit exchange, trading class and multiplier, as far as these are named.
    pub(super) fn chains<'a>(&self, all: &'a [ChainParameters]) -> Vec<&'a ChainParameters> {
        let fits = |wanted: &Option<String>, own: &String| wanted.as_ref().is_none_or(|wanted| wanted == own);
        let chain = |chain: &&ChainParameters| {
            let multiplier = chain.multiplier.unwrap_or(1.0);
            fits(&self.ask.exchange, &chain.exchange)
                && fits(&self.ask.trading_class, &chain.trading_class)
                && self.ask.multiplier.is_none_or(|wanted| (wanted - multiplier).abs() < SAME)
        };
        all.iter().filter(chain).collect()
    }

    /// The exchange, and what to look up there.
    pub(super) fn plan(&self, all: &[ChainParameters]) -> Result<(String, VecDeque<Step>), ApiError> {
        let chains = self.chains(all);
        let is_offered = |exchange: &&str| chains.iter().any(|chain| chain.exchange == *exchange);
        let first = chains.first().map(|chain| chain.exchange.as_str());
        let Some(exchange) = ["SMART", &self.home].into_iter().find(is_offered).or(first) else {
            let mut offered: Vec<&str> = all.iter().map(|chain| chain.trading_class.as_str()).collect();
            offered.sort_unstable();
            offered.dedup();
            let text =
                format!("no chain has this exchange, trading class and multiplier; there are the classes {offered:?}");
            return Err(ApiError::new(ErrorCode::NoData, text));
        };
        let mut steps: Vec<Step> = Vec::new();
        let mut contracts = 0;
        let rights = if self.ask.right.is_some() { 1 } else { 2 };
        for chain in chains.iter().filter(|chain| chain.exchange == exchange) {
            let expiries = chain.expiries.iter().filter(|expiry| self.is_wanted(expiry));
            let (trading_class, multiplier) = (&chain.trading_class, chain.multiplier);
            let step = |expiry: &String| {
                let (expiry, trading_class) = (expiry.clone(), trading_class.clone());
                Step { expiry, trading_class, multiplier }
            };
            let before = steps.len();
            steps.extend(expiries.map(step));
            contracts += self.strikes(chain.strikes.clone()).len() * rights * (steps.len() - before);
        }
        steps.sort_by(Step::compare);
        steps.dedup();
        let lookups = steps.len();
        let has_range = self.ask.expiry_from.is_some() || self.ask.expiry_to.is_some();
        if !has_range && self.ask.expiries.is_none() {
            let text = format!(
                "this would be {contracts} contracts of {lookups} expiries; name expiries, or expiry_from and expiry_to"
            );
            return Err(ApiError::new(ErrorCode::TooLarge, text));
        }
        if contracts > CONTRACTS_MAX || lookups > LOOKUPS_MAX {
            let text = format!(
                "this would be {contracts} contracts in {lookups} lookups, more than {CONTRACTS_MAX} in {LOOKUPS_MAX}; \
                 narrow expiries, strikes (strike_from, strike_to, or around and strike_count), right, trading_class \
                 or multiplier"
            );
            return Err(ApiError::new(ErrorCode::TooLarge, text));
        }
        if contracts == 0 {
            return Err(ApiError::new(ErrorCode::NoData, "no listed expiry and strike is within what was asked for"));
        }
        Ok((exchange.to_owned(), steps.into()))
    }

    fn is_wanted(&self, expiry: &String) -> bool {
        let ask = &self.ask;
        ask.expiries.as_ref().is_none_or(|wanted| wanted.iter().any(|wanted| expiry.starts_with(wanted)))
            && ask.expiry_from.as_ref().is_none_or(|from| expiry >= from)
            && ask.expiry_to.as_ref().is_none_or(|to| expiry <= to)
    }

    /// Those of an expiry's strikes that are wanted, lowest first.
    fn strikes(&self, mut strikes: Vec<f64>) -> Vec<f64> {
        let ask = &self.ask;
        let is_listed = |strike: f64| {
            ask.strikes.as_ref().is_none_or(|wanted| wanted.iter().any(|wanted| (wanted - strike).abs() < SAME))
        };
        strikes.retain(|strike| {
            is_listed(*strike)
                && ask.strike_from.is_none_or(|from| *strike >= from - SAME)
                && ask.strike_to.is_none_or(|to| *strike <= to + SAME)
        });
        strikes.sort_by(f64::total_cmp);
        strikes.dedup_by(|a, b| (*a - *b).abs() < SAME);
        if let (Some(around), Some(count)) = (ask.around, ask.strike_count) {
            strikes.sort_by(|a, b| (a - around).abs().total_cmp(&(b - around).abs()));
            strikes.truncate(usize::try_from(count).unwrap_or(usize::MAX));
            strikes.sort_by(f64::total_cmp);
        }
        strikes
    }

    /// The wanted of one expiry's options, by strike and right.
    pub(super) fn rows(&self, mut rows: Vec<ChainRow>) -> Vec<ChainRow> {
        let strikes = self.strikes(rows.iter().map(|row| row.strike).collect());
        rows.retain(|row| {
            self.ask.right.as_ref().is_none_or(|right| *right == row.right)
                && strikes.iter().any(|strike| (strike - row.strike).abs() < SAME)
        });
        rows.sort_by(|a, b| a.strike.total_cmp(&b.strike).then_with(|| a.right.cmp(&b.right)));
        rows
    }
}
