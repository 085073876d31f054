//! Futures and options: instruments computed from a calendar, with contract ids that can be read back.

use chrono::NaiveDate;
use chrono_tz::Tz;

use super::expiry::{self, Month};
use super::instrument::{Instrument, Permission, Shape, SizeStep, Tick, Venue, Walk};
use super::listing::{NDX, SPX, US_OPTION, contract, text};
use crate::tws::message::contract::Contract;

/// Contract ids of futures start here: base + product * [`PRODUCT_SPAN`] + month.
const FUTURE_IDS: i32 = 600_000_000;
const PRODUCT_SPAN: i32 = 100_000;
/// Contract ids of options start here.
const OPTION_IDS: i32 = 1_000_000_000;
const STRIKES: i32 = 512;
const DAYS: i32 = 8192;
/// Option expiries are counted in days from here.
const OPTION_EPOCH: Option<NaiveDate> = NaiveDate::from_ymd_opt(2020, 1, 1);
const CME: Venue = Venue { exchanges: "CME", zone: Tz::US__Central, regular: Some((510, 915)) };
const NYMEX: Venue = Venue { exchanges: "NYMEX", zone: Tz::US__Eastern, regular: Some((540, 870)) };
const COMEX: Venue = Venue { exchanges: "COMEX", zone: Tz::US__Eastern, regular: Some((500, 810)) };

/// A futures contract without its month.
pub(super) struct FutureRoot {
    pub(super) symbol: &'static str,
    name: &'static str,
    multiplier: f64,
    tick: Tick,
    walk: (i32, f64, f64),
    under: i32,
    venue: Venue,
    /// Months between two expiries.
    cycle: Month,
    /// Expiries listed at a time.
    listed: usize,
    last_day: fn(Month) -> Option<NaiveDate>,
    daily: i64,
}

/// Options on one stock or index.
pub(super) struct OptionRoot {
    pub(super) symbol: &'static str,
    pub(super) under: i32,
    name: &'static str,
    walk: (i32, f64, f64),
    /// Distance of two strikes in half dollars.
    strike_step: i32,
}

pub(super) const FUTURES: &[FutureRoot] = &[
    FutureRoot {
        symbol: "ES",
        name: "E-mini S&P 500",
        multiplier: 50.0,
        tick: Tick { num: 1, den: 4 },
        walk: (SPX, 6700.0, 0.16),
        under: SPX,
        venue: CME,
        cycle: 3,
        listed: 5,
        last_day: expiry::third_friday,
        daily: 1_500_000,
    },
    FutureRoot {
        symbol: "NQ",
        name: "E-mini NASDAQ 100",
        multiplier: 20.0,
        tick: Tick { num: 1, den: 4 },
        walk: (NDX, 24_500.0, 0.2),
        under: NDX,
        venue: CME,
        cycle: 3,
        listed: 5,
        last_day: expiry::third_friday,
        daily: 600_000,
    },
    FutureRoot {
        symbol: "MES",
        name: "Micro E-Mini S&P 500 Stock Price Index",
        multiplier: 5.0,
        tick: Tick { num: 1, den: 4 },
        walk: (SPX, 6700.0, 0.16),
        under: SPX,
        venue: CME,
        cycle: 3,
        listed: 5,
        last_day: expiry::third_friday,
        daily: 1_200_000,
    },
    FutureRoot {
        symbol: "CL",
        name: "Light Sweet Crude Oil",
        multiplier: 1000.0,
        tick: Tick::CENT,
        walk: (17_340_715, 62.0, 0.33),
        under: 17_340_715,
        venue: NYMEX,
        cycle: 1,
        listed: 12,
        last_day: expiry::crude_oil_end,
        daily: 350_000,
    },
    FutureRoot {
        symbol: "GC",
        name: "Gold",
        multiplier: 100.0,
        tick: Tick { num: 1, den: 10 },
        walk: (17_340_718, 4100.0, 0.18),
        under: 17_340_718,
        venue: COMEX,
        cycle: 2,
        listed: 6,
        last_day: expiry::gold_end,
        daily: 200_000,
    },
];

pub(super) const OPTIONS: &[OptionRoot] = &[
    OptionRoot { symbol: "AAPL", under: 265_598, name: "APPLE INC", walk: (265_598, 270.0, 0.26), strike_step: 5 },
    OptionRoot {
        symbol: "SPY",
        under: 756_733,
        name: "SS SPDR S&P 500 ETF TRUST-US",
        walk: (SPX, 670.0, 0.16),
        strike_step: 10,
    },
    OptionRoot {
        symbol: "TSLA",
        under: 76_792_991,
        name: "TESLA INC",
        walk: (76_792_991, 430.0, 0.55),
        strike_step: 10,
    },
    OptionRoot { symbol: "SPX", under: SPX, name: "S&P 500 Stock Index", walk: (SPX, 6700.0, 0.16), strike_step: 50 },
];

impl FutureRoot {
    /// The exchange it trades on.
    pub(super) fn exchange(&self) -> &'static str {
        self.venue.exchanges
    }

    /// The futures listed on a day, nearest first; with `expired`, also those of the two years before.
    pub(super) fn listed_on(&self, product: usize, today: NaiveDate, expired: bool) -> Vec<Instrument> {
        let month = expiry::month_of(today);
        let first = if expired { month - 24 } else { month };
        let mut ahead = 0;
        let mut all = Vec::new();
        for month in (first..month + 60).filter(|month| (month + 1) % self.cycle == 0) {
            let Some(last_day) = (self.last_day)(month) else { continue };
            if last_day >= today {
                ahead += 1;
            } else if !expired {
                continue;
            }
            if ahead > self.listed {
                break;
            }
            all.extend(self.future(product, month));
        }
        all
    }

    fn future(&self, product: usize, month: Month) -> Option<Instrument> {
        let last_day = (self.last_day)(month)?;
        let (year, month0) = (month.div_euclid(12), month.rem_euclid(12));
        let letter = "FGHJKMNQUVXZ".chars().nth(usize::try_from(month0).ok()?)?;
        let local = format!("{}{letter}{}", self.symbol, year % 10);
        let contract = Contract {
            con_id: Some(FUTURE_IDS + i32::try_from(product).ok()? * PRODUCT_SPAN + month),
            last_trade_date_or_contract_month: Some(last_day.format("%Y%m%d").to_string()),
            last_trade_date: Some(last_day.format("%Y%m%d").to_string()),
            multiplier: Some(self.multiplier),
            ..contract("FUT", self.symbol, self.venue.exchanges, "USD", &local, self.symbol)
        };
        let (leader, base, volatility) = self.walk;
        Some(Instrument {
            contract,
            name: self.name,
            isin: "",
            tick: self.tick,
            size: SizeStep::ONE,
            walk: Walk { leader, base, volatility },
            shape: Shape::Future { expiry_ms: expiry::at_local(self.venue.zone, last_day, 8 * 60 + 30) },
            daily_volume: self.daily,
            spread: 1,
            venue: self.venue,
            under: Some(self.under),
            legs: Vec::new(),
            expiry: Some(last_day),
            permission: Permission::Live,
        })
    }
}

impl OptionRoot {
    /// The strikes of the chain, ascending, around the stock's base price.
    pub(super) fn strikes(&self) -> Vec<f64> {
        let steps = Tick { num: self.strike_step, den: 2 };
        let (_, base, _) = self.walk;
        (steps.steps(base * 0.5)..=steps.steps(base * 1.5)).map(|step| steps.price(step)).collect()
    }

    /// One option; `None` if the strike is not of this chain.
    pub(super) fn option(&self, chain: usize, last_day: NaiveDate, strike: f64, is_call: bool) -> Option<Instrument> {
        let steps = Tick { num: self.strike_step, den: 2 };
        let index = i32::try_from(steps.steps(strike)).ok().filter(|index| (1..STRIKES).contains(index))?;
        if (steps.price(i64::from(index)) - strike).abs() > 1e-9 {
            return None;
        }
        let days = i32::try_from((last_day - OPTION_EPOCH?).num_days()).ok().filter(|days| (0..DAYS).contains(days))?;
        let con_id =
            OPTION_IDS + ((i32::try_from(chain).ok()? * DAYS + days) * STRIKES + index) * 2 + i32::from(is_call);
        let right = if is_call { "C" } else { "P" };
        #[expect(clippy::cast_possible_truncation, reason = "strikes are below 2^31 thousandths")]
        let thousandths = (strike * 1000.0).round() as i64;
        let local = format!("{:<6}{}{right}{thousandths:08}", self.symbol, last_day.format("%y%m%d"));
        let contract = Contract {
            con_id: Some(con_id),
            last_trade_date_or_contract_month: Some(last_day.format("%Y%m%d").to_string()),
            last_trade_date: Some(last_day.format("%Y%m%d").to_string()),
            strike: Some(strike),
            right: text(right),
            multiplier: Some(100.0),
            ..contract("OPT", self.symbol, "SMART", "USD", &local, self.symbol)
        };
        let (leader, base, volatility) = self.walk;
        // A smile: the further from the base price, the dearer.
        let smile = 1.0 + 0.5 * (strike / base).ln().powi(2);
        Some(Instrument {
            contract,
            name: self.name,
            isin: "",
            tick: Tick::CENT,
            size: SizeStep::ONE,
            walk: Walk { leader, base, volatility },
            shape: Shape::Option {
                strike,
                is_call,
                expiry_ms: expiry::at_local(US_OPTION.zone, last_day, 16 * 60),
                volatility: volatility * smile,
            },
            daily_volume: 3_000,
            spread: 2,
            venue: US_OPTION,
            under: Some(self.under),
            legs: Vec::new(),
            expiry: Some(last_day),
            permission: Permission::Live,
        })
    }
}

/// The walks of the products that have no other instrument to lead them.
pub(super) fn walks() -> impl Iterator<Item = Walk> {
    FUTURES.iter().map(|root| {
        let (leader, base, volatility) = root.walk;
        Walk { leader, base, volatility }
    })
}

/// The future or option a contract id names.
pub(super) fn by_con_id(con_id: i32) -> Option<Instrument> {
    if let Some(offset) = con_id.checked_sub(OPTION_IDS).filter(|offset| *offset >= 0) {
        let (is_call, offset) = (offset % 2 == 1, offset / 2);
        let (index, offset) = (offset % STRIKES, offset / STRIKES);
        let (days, chain) = (offset % DAYS, usize::try_from(offset / DAYS).ok()?);
        let root = OPTIONS.get(chain)?;
        let last_day = OPTION_EPOCH?.checked_add_days(chrono::Days::new(u64::from(days.unsigned_abs())))?;
        let strike = Tick { num: root.strike_step, den: 2 }.price(i64::from(index));
        return root.option(chain, last_day, strike, is_call);
    }
    let offset = con_id.checked_sub(FUTURE_IDS).filter(|offset| *offset >= 0)?;
    let product = usize::try_from(offset / PRODUCT_SPAN).ok()?;
    let root = FUTURES.get(product)?;
    let month = offset % PRODUCT_SPAN;
    ((month + 1) % root.cycle == 0 && (1990..2200).contains(&month.div_euclid(12)))
        .then(|| root.future(product, month))
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_contract_id_names_the_instrument_it_came_from() {
        let today = NaiveDate::from_ymd_opt(2026, 11, 21).expect("a date");
        for (product, root) in FUTURES.iter().enumerate() {
            for future in root.listed_on(product, today, true) {
                assert_eq!(by_con_id(future.con_id()).as_ref(), Some(&future));
            }
        }
        for (chain, root) in OPTIONS.iter().enumerate() {
            for strike in root.strikes() {
                let option = root.option(chain, today, strike, true).expect("a listed strike");
                assert_eq!(by_con_id(option.con_id()).as_ref(), Some(&option));
            }
        }
    }

    #[test]
    fn the_front_s_and_p_future_of_november_2026_is_esz6() {
        let today = NaiveDate::from_ymd_opt(2026, 11, 21).expect("a date");
        let front = FUTURES[0].listed_on(0, today, false).remove(0);
        assert_eq!(front.contract.local_symbol.as_deref(), Some("ESZ6"));
        assert_eq!(front.contract.last_trade_date_or_contract_month.as_deref(), Some("20261218"));
    }
}
