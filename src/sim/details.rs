//! Contract details: what a gateway tells about an instrument.

use std::collections::BTreeMap;

use chrono::{Datelike, Days, NaiveDate, Weekday};
use chrono_tz::Tz;

use super::expiry;
use super::holidays::{DayKind, us_day};
use super::instrument::{Instrument, Venue};
use super::sessions::Calendar;
use super::universe::Universe;
use crate::tws::message::contract::{ContractData, ContractDetails};

/// Days of trading hours told in contract details.
const HOURS_DAYS: u64 = 6;
const ORDER_TYPES: &str = "ACTIVETIM,ADJUST,ALERT,ALGO,ALLOC,AVGCOST,BASKET,COND,CONDORDER,DAY,DEACT,DEACTDIS,DEACTEOD,\
GAT,GTC,GTD,GTT,IOC,LIT,LMT,MIT,MKT,MTL,NGCOMB,NONALGO,OCA,OPG,PEGMID,REL,SCALE,STP,STPLMT,TRAIL,TRAILLIT,TRAILLMT,WHATIF";

/// Which hours instruments have.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hours {
    /// Regular sessions are those of the real exchange.
    pub(super) regular: bool,
    /// Markets open and close as in the world.
    pub(super) closes: bool,
}

/// The answer to a contract details request for one match.
pub(super) fn contract_data(
    req_id: i32,
    instrument: &Instrument,
    universe: &Universe,
    exchange: Option<&str>,
    now_ms: i64,
    hours: Hours,
) -> ContractData {
    let mut contract = instrument.contract.clone();
    if let Some(exchange) = exchange {
        contract.exchange = Some(exchange.to_owned());
    }
    ContractData {
        req_id: Some(req_id),
        contract: Some(contract),
        contract_details: Some(details(instrument, universe, now_ms, hours)),
    }
}

fn details(instrument: &Instrument, universe: &Universe, now_ms: i64, hours_of: Hours) -> ContractDetails {
    let regular = hours_of.regular || hours_of.closes;
    let all = Calendar { venue: instrument.venue, regular: false, closes: hours_of.closes };
    let text = |value: &str| Some(value.to_owned());
    let today = expiry::day_of(instrument.venue.zone, now_ms);
    let under = instrument.under.and_then(|con_id| universe.by_con_id(con_id));
    let (industry, category) = industry(instrument);
    let sec_type = instrument.sec_type();
    let size_step = instrument.size.text(1);
    let exchanges = instrument.venue.exchanges.split(',').count();
    let mut details = ContractDetails {
        market_name: instrument.contract.trading_class.clone(),
        min_tick: Some(decimal(instrument.tick.size())),
        order_types: text(ORDER_TYPES),
        valid_exchanges: text(instrument.venue.exchanges),
        price_magnifier: Some(1),
        under_con_id: instrument.under,
        long_name: text(instrument.name),
        contract_month: instrument.expiry.map(|day| day.format("%Y%m").to_string()),
        industry: text(industry),
        category: text(category),
        subcategory: text(category),
        time_zone_id: text(instrument.venue.zone.name()),
        trading_hours: Some(hours(instrument.venue, today, all)),
        liquid_hours: Some(hours(instrument.venue, today, Calendar { regular, ..all })),
        agg_group: Some(if sec_type == "STK" { 1 } else { 2 }),
        market_rule_ids: Some(vec![market_rule(instrument).to_string(); exchanges].join(",")),
        real_expiration_date: instrument.expiry.map(|day| day.format("%Y%m%d").to_string()),
        min_size: Some(size_step.clone()),
        size_increment: Some(size_step.clone()),
        suggested_size_increment: Some(if sec_type == "STK" { "100".to_owned() } else { size_step }),
        ..ContractDetails::default()
    };
    if let Some(under) = under {
        details.under_symbol.clone_from(&under.contract.symbol);
        details.under_sec_type.clone_from(&under.contract.sec_type);
    }
    if !instrument.isin.is_empty() {
        details.sec_id_list = BTreeMap::from([("ISIN".to_owned(), instrument.isin.to_owned())]);
    }
    if sec_type == "STK" {
        details.stock_type =
            text(if instrument.name.contains("ETF") || instrument.symbol() == "QQQ" { "ETF" } else { "COMMON" });
    }
    if sec_type == "BOND" {
        details.cusip = instrument.isin.get(2..11).map(str::to_owned);
        details.coupon = Some(4.0);
        details.coupon_type = text("FIXED");
        details.issue_date = text("20120620");
        details.ratings = text("A3/A-");
        details.bond_type = text("CORP");
        details.desc_append = text("IBM 4 06/20/42");
        details.convertible = Some(false);
        details.callable = Some(false);
        details.puttable = Some(false);
    }
    details
}

/// Id of the price step table of an instrument.
pub(super) fn market_rule(instrument: &Instrument) -> i32 {
    match (instrument.tick.num, instrument.tick.den) {
        (1, 4) => 67,
        (1, 10) => 32,
        (1, 20) => 2108,
        (1, 200) => 59,
        (1, 20_000) => 239,
        (1, 1000) => 118,
        (1, 2) => 1905,
        _ => 26,
    }
}

/// The price steps of a market rule; `None` for an unknown rule.
pub(super) fn price_steps(rule: i32) -> Option<&'static [(f64, f64)]> {
    match rule {
        26 => Some(&[(0.0, 0.01)]),
        32 => Some(&[(0.0, 0.1)]),
        59 => Some(&[(0.0, 0.005)]),
        67 => Some(&[(0.0, 0.25)]),
        118 => Some(&[(0.0, 0.001)]),
        239 => Some(&[(0.0, 0.00005)]),
        1905 => Some(&[(0.0, 0.5)]),
        2108 => Some(&[(0.0, 0.05)]),
        _ => None,
    }
}

/// Hours of the next days, as `yyyymmdd:hhmm-yyyymmdd:hhmm` or `yyyymmdd:CLOSED`, separated by `;`.
fn hours(venue: Venue, today: NaiveDate, calendar: Calendar) -> String {
    let days = (0..HOURS_DAYS).filter_map(|ahead| today.checked_add_days(Days::new(ahead)));
    let day = |day: NaiveDate| {
        let stamp = day.format("%Y%m%d");
        match session_minutes(venue, day, calendar) {
            None => format!("{stamp}:CLOSED"),
            Some((_, 1440)) => {
                let next = day.succ_opt().unwrap_or(day).format("%Y%m%d");
                format!("{stamp}:0000-{next}:0000")
            }
            Some((open, close)) => {
                let minute = |at: u32| format!("{stamp}:{:02}{:02}", at / 60, at % 60);
                format!("{}-{}", minute(open), minute(close))
            }
        }
    };
    days.map(day).collect::<Vec<_>>().join(";")
}

/// First and last minute of a day's session after local midnight; `None` on a day without one.
/// Unless markets close, trading is open around the clock and only the regular session can be shorter.
/// Where they do, stocks of the US trade from 4:00 to 20:00, or 17:00 on a half day, and others in their
/// regular session; what has none always trades.
pub(super) fn session_minutes(venue: Venue, day: NaiveDate, calendar: Calendar) -> Option<(u32, u32)> {
    let Some((open, close)) = venue.regular else { return Some((0, 1440)) };
    let (open, close) = (u32::from(open), u32::from(close));
    if !calendar.closes {
        return match day.weekday() {
            _ if !calendar.regular => Some((0, 1440)),
            Weekday::Sat | Weekday::Sun => None,
            _ => Some((open, close)),
        };
    }
    let is_us = venue.zone == Tz::US__Eastern;
    let kind = match day.weekday() {
        Weekday::Sat | Weekday::Sun => DayKind::Closed,
        _ if is_us => us_day(day),
        _ => DayKind::Whole,
    };
    match kind {
        DayKind::Closed => None,
        DayKind::Whole if is_us && !calendar.regular => Some((4 * 60, 20 * 60)),
        DayKind::Whole => Some((open, close)),
        DayKind::Half if calendar.regular => Some((open, close.min(13 * 60))),
        DayKind::Half => Some((4 * 60, 17 * 60)),
    }
}

fn industry(instrument: &Instrument) -> (&'static str, &'static str) {
    match instrument.symbol() {
        "AAPL" | "IBM" => ("Technology", "Computers"),
        "MSFT" | "SHOP" | "SAP" => ("Technology", "Software"),
        "NVDA" => ("Technology", "Semiconductors"),
        "AMZN" | "GOOGL" | "META" => ("Communications", "Internet"),
        "TSLA" | "7203" => ("Consumer, Cyclical", "Auto Manufacturers"),
        "JPM" | "BRK B" => ("Financial", "Banks"),
        "KO" => ("Consumer, Non-cyclical", "Beverages"),
        "SPY" | "QQQ" => ("Funds", "Equity Fund"),
        "VOD" => ("Communications", "Telecommunications"),
        "SPX" | "NDX" | "VIX" | "ES" | "NQ" | "MES" => ("Indices", "Broad Range Equity Index"),
        _ => ("", ""),
    }
}

/// Decimal text without an exponent and without trailing zeros.
pub(super) fn decimal(value: f64) -> String {
    let text = format!("{value:.8}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Trading classes of the option chain on an exchange: used by option parameters.
pub(super) fn option_exchanges() -> impl Iterator<Item = &'static str> {
    super::listing::US_OPTION.exchanges.split(',')
}
