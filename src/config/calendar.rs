//! `[calendar]`: what is known beforehand of when the gateway or IB will be away.

use chrono::NaiveTime;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::check::Broken;

/// `[calendar]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Calendar {
    /// Region of the account's primary server, whose nightly and weekend resets are known. Paper accounts are always
    /// served from North America.
    pub region: Region,
    /// When the gateway restarts by itself each day, as `hh:mm`; empty if it does not.
    pub gateway_restart: String,
    /// Time zone of `gateway_restart`, IANA's name.
    pub zone: String,
    /// How long a restart may last, in seconds.
    pub restart_lasts_s: u64,
    /// Announce that IB's tokens end on Sunday at 01:00 in New York: the next start of the gateway needs a full login.
    pub weekly_login: bool,
    /// Announce a window so long before it begins, in seconds.
    pub announce_s: u64,
    /// Refuse new orders so long before the gateway restarts, in seconds. Cancels always go through.
    pub fence_orders_s: u64,
    /// Send no history requests while IB resets or the gateway restarts.
    pub hold_history: bool,
}

/// Where the account's primary server stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Region {
    /// Not told: nothing is planned for.
    #[default]
    None,
    /// Daily from 00:15 to 01:45 in New York.
    NorthAmerica,
    /// Daily from 06:25 to 07:45 in central Europe.
    Europe,
    /// Daily from 04:45 to 06:05 and from 20:15 to 21:15 in Hong Kong.
    AsiaPacific,
}

impl Default for Calendar {
    fn default() -> Self {
        Self {
            region: Region::None,
            gateway_restart: String::new(),
            zone: "America/New_York".to_owned(),
            restart_lasts_s: 300,
            weekly_login: false,
            announce_s: 900,
            fence_orders_s: 60,
            hold_history: true,
        }
    }
}

impl Calendar {
    /// The time of the daily restart; `None` if there is none.
    pub fn restart_time(&self) -> Option<NaiveTime> {
        NaiveTime::parse_from_str(&self.gateway_restart, "%H:%M").ok()
    }

    /// What cannot be read.
    pub(super) fn check(&self, broken: &mut Broken) {
        if !self.gateway_restart.is_empty() && self.restart_time().is_none() {
            broken.add("calendar.gateway_restart", format!("{:?} is not hh:mm", self.gateway_restart));
        }
        if self.zone.parse::<chrono_tz::Tz>().is_err() {
            broken.add("calendar.zone", format!("{:?} is no IANA time zone", self.zone));
        }
        let day_s = 86_400;
        for (key, seconds) in [
            ("calendar.restart_lasts_s", self.restart_lasts_s),
            ("calendar.announce_s", self.announce_s),
            ("calendar.fence_orders_s", self.fence_orders_s),
        ] {
            broken.if_so(seconds > day_s, key, "must not be above a day");
        }
        broken.if_so(
            self.fence_orders_s > self.announce_s,
            "calendar.fence_orders_s",
            "must not be above calendar.announce_s: orders are not refused before it is said why",
        );
    }
}
