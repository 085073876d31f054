//! What an order may be, and whether any may be sent at all: the last judge before the journal.
//!
//! Like pacing this is a gate that the order part asks; it sends nothing itself. Limits come from the
//! configuration or from `risk.set_limits`; the latter, the kill switch and promised heartbeats are
//! handed out as [`RiskMemory`] whenever they change, to be kept over restarts.

pub(crate) mod audit;
mod day;
mod heartbeat;
pub(crate) mod kept;
#[cfg(test)]
mod kept_tests;
mod measure;
#[cfg(test)]
mod tests;
mod worth;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

pub(crate) use measure::{Exposure, Proposal, Reference, Traded, View};

use super::{durable::DayCount, now::Now, pacing::Window};
use crate::{
    config::{
        Config,
        risk::{NotionalCurrency, Unmeasured},
    },
    schema::{
        ApiError, ErrorCode,
        request::risk::{LimitsInForce, LimitsSource, RiskState},
        risk::{Halted, Limits},
    },
};
use day::Days;
use heartbeat::Heartbeats;
use kept::Kept;
use measure::{Means, Planned};
use worth::Worth;

/// Different clients whose rates are measured at a time.
const CLIENTS_MAX: usize = 10_000;
const MINUTE: Duration = Duration::from_secs(60);

/// What has to survive a restart of the bridge.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RiskMemory {
    /// The kill switch, if thrown.
    pub halted: Option<Halted>,
    /// Global limits, if a request replaced those of the configuration.
    pub global: Option<Limits>,
    /// Limits of clients, where a request replaced those of the configuration.
    pub clients: BTreeMap<String, Limits>,
    /// Longest silence each client has promised, in seconds.
    pub heartbeats: BTreeMap<String, u32>,
    /// Of these, the clients that were silent for longer and have not been heard of since.
    pub silent: BTreeSet<String>,
    /// Counts what one run asked to be kept.
    #[serde(skip)]
    pub number: u64,
}

/// The gate every new or modified order passes.
#[derive(Debug)]
pub(crate) struct Risk {
    config: Arc<Config>,
    memory: RiskMemory,
    rate: Window,
    client_rates: BTreeMap<String, Window>,
    days: Days,
    worth: Worth,
    heartbeats: Heartbeats,
    views: Vec<View>,
    /// Orders of the request at hand that have passed.
    planned: Vec<Planned>,
    /// Who waits for the disk.
    pub(crate) kept: Kept,
    /// The halt file exists: nobody may resume.
    pub(crate) is_halt_file_there: bool,
    /// When to look for open orders that a halt has not reached yet.
    pub(crate) sweep_at: Option<Instant>,
}

impl Risk {
    pub(crate) fn new(config: Arc<Config>) -> Self {
        Self {
            config,
            memory: RiskMemory::default(),
            rate: new_rate(),
            client_rates: BTreeMap::new(),
            days: Days::default(),
            worth: Worth::default(),
            heartbeats: Heartbeats::default(),
            views: Vec::new(),
            planned: Vec::new(),
            kept: Kept::default(),
            is_halt_file_there: false,
            sweep_at: None,
        }
    }

    /// Clients whose rate is measured; those of a minute ago stay until the next order.
    pub(crate) fn rates(&self) -> usize {
        self.client_rates.len()
    }

    /// Goes on where an earlier run ended. Silence is counted anew, since nobody could be heard meanwhile; but who was
    /// silent before is still to be heard of.
    pub(crate) fn restore(&mut self, now: Now, memory: RiskMemory) {
        self.heartbeats = Heartbeats::restore(now.at, &memory.heartbeats, &memory.silent);
        self.sweep_at = (memory.halted.is_some() || !memory.silent.is_empty()).then_some(now.at);
        self.memory = memory;
    }

    /// Goes on counting the day where an earlier run ended.
    pub(crate) fn restore_days(&mut self, now: Now, today: &[DayCount]) {
        for count in today {
            let day = self.days.of(now.us, &count.account);
            (day.messages, day.executed) = (count.messages, count.executed);
        }
    }

    /// What to keep from now on.
    pub(crate) fn keep(&mut self) -> RiskMemory {
        let silent = self.heartbeats.silent().into_iter().collect();
        let heartbeats = self.heartbeats.promises();
        RiskMemory { heartbeats, silent, number: self.kept.ask(), ..self.memory.clone() }
    }

    /// Other limits; what a request has set goes on to outrank them.
    pub(crate) fn set_config(&mut self, config: Arc<Config>) {
        self.config = config;
    }

    /// Of these settings, those that limits set by a request outrank.
    pub(crate) fn outranked(&self, keys: &[String]) -> Vec<String> {
        let is_outranked = |key: &&String| match key.strip_prefix("risk.") {
            Some(rest) if rest.starts_with("limits") => self.memory.global.is_some(),
            Some(rest) => {
                let client = rest.strip_prefix("clients.").and_then(|rest| rest.split('.').next());
                client.is_some_and(|client| self.memory.clients.contains_key(client))
            }
            None => false,
        };
        keys.iter().filter(is_outranked).cloned().collect()
    }

    // The kill switch.

    pub(crate) fn halted(&self) -> Option<&Halted> {
        self.memory.halted.as_ref()
    }

    /// Throws the switch; a second halt keeps the first's time and name, and may widen what is cancelled.
    pub(crate) fn halt(&mut self, now: Now, halted: Halted) -> Halted {
        let standing = match self.memory.halted.take() {
            Some(first) => {
                Halted { cancel: wider(first.cancel, halted.cancel), reason: halted.reason.or(first.reason), ..first }
            }
            None => halted,
        };
        self.sweep_at = Some(now.at);
        self.memory.halted = Some(standing.clone());
        standing
    }

    /// True if it was halted.
    pub(crate) fn resume(&mut self) -> bool {
        self.sweep_at = None;
        self.memory.halted.take().is_some()
    }

    // Limits.

    /// Replaces limits, or goes back to the configuration's.
    ///
    /// # Errors
    ///
    /// `invalid_request` if a figure cannot be a limit.
    pub(crate) fn set_limits(&mut self, name: Option<String>, limits: Option<Limits>) -> Result<(), ApiError> {
        if let Some(limits) = &limits {
            limits.check().map_err(|message| ApiError::invalid(format!("limits.{message}")))?;
        }
        match (name, limits) {
            (None, limits) => self.memory.global = limits,
            (Some(name), Some(limits)) => {
                if !self.memory.clients.contains_key(&name) && self.memory.clients.len() >= CLIENTS_MAX {
                    return Err(ApiError::new(ErrorCode::TooLarge, "too many clients have limits of their own"));
                }
                self.memory.clients.insert(name, limits);
            }
            (Some(name), None) => {
                self.memory.clients.remove(&name);
            }
        }
        Ok(())
    }

    fn global_limits(&self) -> &Limits {
        self.memory.global.as_ref().unwrap_or(&self.config.risk.limits)
    }

    fn client_limits(&self, client: &str) -> Option<&Limits> {
        self.memory.clients.get(client).or_else(|| self.config.risk.clients.get(client))
    }

    /// A request is at hand, and this is known of its contracts.
    pub(crate) fn look(&mut self, views: Vec<View>) {
        self.views = views;
        self.planned.clear();
    }

    /// This order has passed: others of the same request are measured as if it were open.
    pub(crate) fn plan(&mut self, proposal: &Proposal<'_>) {
        self.planned.push(Planned {
            account: proposal.account.to_owned(),
            traded: proposal.traded.clone(),
            side: proposal.side,
            quantity: proposal.quantity.map(crate::schema::Size::decimal).unwrap_or_default(),
            orders: proposal.orders(),
        });
    }

    fn beside_planned<'a>(&self, proposal: &Proposal<'a>) -> Proposal<'a> {
        let is_alike = |one: &&Planned| {
            one.account == proposal.account && one.traded == *proposal.traded && one.side == proposal.side
        };
        let alike: Vec<&Planned> = self.planned.iter().filter(is_alike).collect();
        Proposal { exposure: proposal.exposure.with(&alike), ..*proposal }
    }

    /// What the market says of a contract, and what the account holds of it.
    pub(crate) fn seen(&self, con_id: i32, account: &str) -> (Reference, Decimal) {
        let Some(view) = self.views.iter().find(|view| view.con_id == con_id) else { return Default::default() };
        let held = view.positions.iter().find(|(holder, _)| holder == account);
        (view.reference, held.map(|(_, held)| *held).unwrap_or_default())
    }

    // Judgement.

    /// Whether the order may be written down and sent.
    ///
    /// # Errors
    ///
    /// `rejected_by_risk` with the limit's name, or `not_ready` if a figure it needs is not known.
    pub(crate) fn check(&mut self, now: Now, proposal: &Proposal<'_>) -> Result<(), ApiError> {
        if let Some(halted) = &self.memory.halted {
            let reason = halted.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
            return Err(refused(format!("halted by {}{reason}; no order is taken until risk.resume", halted.by)));
        }
        if let Some(client) = proposal.client.filter(|client| self.heartbeats.is_silent(client)) {
            return Err(refused(format!(
                "client {client} promised heartbeats and was silent; send risk.heartbeat first"
            )));
        }
        let proposal = &self.beside_planned(proposal);
        let client = proposal.client.map(str::to_owned);
        let own = client.as_deref().and_then(|client| self.client_limits(client)).cloned();
        let global = self.global_limits().clone();
        self.check_limits(now, proposal, &global, "risk.limits", None)?;
        if let (Some(client), Some(own)) = (client, own) {
            self.check_limits(now, proposal, &own, &format!("risk.clients.{client}"), Some(&client))?;
        }
        Ok(())
    }

    fn check_limits(
        &mut self,
        now: Now,
        proposal: &Proposal<'_>,
        limits: &Limits,
        place: &str,
        client: Option<&str>,
    ) -> Result<(), ApiError> {
        let currency = proposal.instrument.currency.as_str();
        let means = Means {
            needs_quote: self.config.risk.without_quote == Unmeasured::Refuse,
            worth: match self.config.risk.notional_currency {
                NotionalCurrency::Base => self.worth.of(proposal.account, currency),
                NotionalCurrency::Instrument => Some((1.0, currency)),
            },
        };
        proposal.check(limits, means).map_err(|broken| broken.error(place))?;
        let planned = |account: Option<&str>| -> u32 {
            let fits = |one: &&Planned| account.is_none_or(|account| one.account == account);
            self.planned.iter().filter(fits).map(|one| one.orders).sum()
        };
        let (more, more_of_account) =
            (proposal.orders() + planned(None), proposal.orders() + planned(Some(proposal.account)));
        if let Some(max) = limits.orders_per_minute {
            let rate = client.and_then(|client| self.client_rates.get_mut(client));
            let rate = if client.is_none() { Some(&mut self.rate) } else { rate };
            let used = rate.map_or(0, |rate| rate.used(now.at));
            if used.saturating_add(more) > max {
                let with = if more > 1 { format!(" and {more} with this request") } else { String::new() };
                let message = format!("{place}.orders_per_minute: {used} in the last 60 s{with}, the most is {max}");
                let error = refused(message);
                return Err(error.retry_after_ms(60_000 / u64::from(max.max(1))));
            }
        }
        let day = self.days.of(now.us, proposal.account);
        if let Some(max) = limits.efficiency_ratio {
            let ratio = day.efficiency_ratio_with(more_of_account);
            if ratio > max {
                let message = format!("{place}.efficiency_ratio: it would be {ratio:.1}, the most is {max}");
                return Err(refused(message));
            }
        }
        let Some(max) = limits.daily_loss.filter(|_| !proposal.reduces_position()) else { return Ok(()) };
        match day.daily_pnl {
            Some(daily) if daily <= -max => {
                let message = format!(
                    "{place}.daily_loss: the day's loss is {:.2}, the most is {max}; only orders that reduce a position are taken",
                    -daily
                );
                Err(refused(message))
            }
            None if self.config.risk.without_daily_pnl == Unmeasured::Refuse => {
                let message = format!(
                    "{place}.daily_loss: IB has not told the profit of the day yet; risk.without_daily_pnl = \"allow\" takes orders all the same"
                );
                Err(ApiError::new(ErrorCode::NotReady, message).retry_after_ms(1_000))
            }
            _ => Ok(()),
        }
    }

    // Counting.

    /// IB told a value of an account.
    pub(crate) fn on_account_value(&mut self, account: &str, tag: &str, value: &str, currency: &str) {
        self.worth.on_value(account, tag, value, currency);
    }

    /// A new order or a modification was taken.
    pub(crate) fn on_order(&mut self, now: Now, client: Option<&str>, account: &str) {
        self.rate.used(now.at);
        self.rate.take(now.at, 1);
        if let Some(client) = client {
            self.client_rates.retain(|_, rate| rate.used(now.at) > 0);
            if self.client_rates.len() < CLIENTS_MAX || self.client_rates.contains_key(client) {
                self.client_rates.entry(client.to_owned()).or_insert_with(new_rate).take(now.at, 1);
            }
        }
        self.on_message(now, account);
    }

    /// A cancel was sent; orders and modifications are counted by [`Self::on_order`].
    pub(crate) fn on_message(&mut self, now: Now, account: &str) {
        self.days.of(now.us, account).messages += 1;
    }

    /// Something of an order was executed for the first time.
    pub(crate) fn on_executed(&mut self, now: Now, account: &str) {
        self.days.of(now.us, account).executed += 1;
    }

    /// IB told the profit of the day.
    pub(crate) fn on_daily_pnl(&mut self, now: Now, account: &str, daily: Option<f64>) {
        self.days.of(now.us, account).daily_pnl = daily;
    }

    // Heartbeats.

    pub(crate) fn heartbeats(&mut self) -> &mut Heartbeats {
        &mut self.heartbeats
    }

    /// When somebody becomes silent, open orders are to be looked for, or an answer waits for the disk no longer.
    pub(crate) fn wake_at(&self) -> Option<Instant> {
        [self.heartbeats.wake_at(), self.sweep_at, self.kept.wake_at()].into_iter().flatten().min()
    }

    // Answers.

    pub(crate) fn state(&mut self, now: Now) -> RiskState {
        let (limits, source) = sourced(self.memory.global.as_ref(), Some(&self.config.risk.limits));
        let global = LimitsInForce { limits, source, orders_last_minute: self.rate.used(now.at), heartbeat: None };
        let mut names: Vec<String> =
            self.memory.clients.keys().chain(self.config.risk.clients.keys()).cloned().collect();
        names.extend(self.heartbeats.promises().into_keys());
        let clients = names.into_iter().map(|name| {
            let (limits, source) = sourced(self.memory.clients.get(&name), self.config.risk.clients.get(&name));
            let orders_last_minute = self.client_rates.get_mut(&name).map_or(0, |rate| rate.used(now.at));
            let heartbeat = self.heartbeats.state(&name);
            (name, LimitsInForce { limits, source, orders_last_minute, heartbeat })
        });
        let clients = clients.collect();
        RiskState { halted: self.memory.halted.clone(), global, clients, accounts: self.days.tell(now.us) }
    }
}

fn new_rate() -> Window {
    Window::new(u32::MAX, MINUTE)
}

fn sourced(asked: Option<&Limits>, configured: Option<&Limits>) -> (Limits, LimitsSource) {
    match asked {
        Some(limits) => (limits.clone(), LimitsSource::Request),
        None => (configured.cloned().unwrap_or_default(), LimitsSource::Configuration),
    }
}

fn wider(a: crate::schema::risk::Sweep, b: crate::schema::risk::Sweep) -> crate::schema::risk::Sweep {
    use crate::schema::risk::Sweep::{Account, Bridge, None};
    match (a, b) {
        (Account, _) | (_, Account) => Account,
        (Bridge, _) | (_, Bridge) => Bridge,
        (None, None) => None,
    }
}

fn refused(message: impl Into<String>) -> ApiError {
    ApiError::new(ErrorCode::RejectedByRisk, message)
}
