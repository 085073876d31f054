//! An account's trading day, in New York: messages, executed orders and profit.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate};
use chrono_tz::America::New_York;

use crate::schema::request::risk::AccountDay;

/// What was counted on one day.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Day {
    pub(super) messages: u32,
    pub(super) executed: u32,
    pub(super) daily_pnl: Option<f64>,
}

impl Day {
    /// Order efficiency ratio if so many messages more were sent.
    pub(super) fn efficiency_ratio_with(&self, more: u32) -> f64 {
        f64::from(self.messages + more) / (f64::from(self.executed) + 1.0)
    }
}

/// The accounts' days. The login names the accounts, so there are few.
#[derive(Debug, Default)]
pub(super) struct Days {
    today: Option<NaiveDate>,
    days: BTreeMap<String, Day>,
}

impl Days {
    pub(super) fn of(&mut self, now_us: i64, account: &str) -> &mut Day {
        self.turn(now_us);
        self.days.entry(account.to_owned()).or_default()
    }

    pub(super) fn tell(&mut self, now_us: i64) -> BTreeMap<String, AccountDay> {
        self.turn(now_us);
        let tell = |day: &Day| AccountDay {
            messages: day.messages,
            executed: day.executed,
            efficiency_ratio: day.efficiency_ratio_with(0),
            daily_pnl: day.daily_pnl,
        };
        self.days.iter().map(|(account, day)| (account.clone(), tell(day))).collect()
    }

    /// Counts start again with the day; the profit stays what IB told last.
    fn turn(&mut self, now_us: i64) {
        let today = DateTime::from_timestamp_micros(now_us).map(|now| now.with_timezone(&New_York).date_naive());
        if self.today == today {
            return;
        }
        self.today = today;
        for day in self.days.values_mut() {
            *day = Day { daily_pnl: day.daily_pnl, ..Day::default() };
        }
    }
}
