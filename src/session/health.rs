//! What can be used now, and why not: no is said when it is no.

use super::{Answer, Event, Now, Session, Token, core::Core, link::Link};
use crate::schema::{
    bridge::BridgeEvent,
    connection::{FarmKind, IbLink},
    request::status::{Health, Use, Uses},
};

/// Questions without whose answers no stream can be had, or no history. What news, scanners and calculators go
/// without is no use of its own: `pace.status` tells it.
const DATA_QUESTIONS: &[&str] = &["ContractDataRequest"];
const HISTORY_QUESTIONS: &[&str] = &[
    "ContractDataRequest",
    "HistoricalDataRequest",
    "HistoricalTicksRequest",
    "HeadTimestampRequest",
    "HistogramDataRequest",
];

impl Session {
    /// Begins the data link with this client id of its range. To be called before anything else.
    pub fn begin_data_at(&mut self, client_id: i32) {
        self.data.set_client_id(client_id);
    }

    /// Goes on with this client id of the data link's range, which is known to be free.
    pub fn use_data_id(&mut self, now: Now, client_id: i32) {
        self.begin(now);
        self.data.set_client_id(client_id);
        self.settle();
    }

    pub(super) fn tell_health(&mut self, token: Token) {
        let health = self.health();
        self.core.answer(token, Answer::Health(Box::new(health)));
    }

    pub(super) fn health(&self) -> Health {
        let uses = Uses {
            data: usable(self.market_troubles()),
            history: usable(self.history_troubles()),
            orders: usable(self.order_troubles()),
            account: usable(self.account_troubles()),
        };
        let mut reasons: Vec<String> = Vec::new();
        for reason in [&uses.data, &uses.history, &uses.account].into_iter().flat_map(|one| &one.reasons) {
            if !reasons.contains(reason) {
                reasons.push(reason.clone());
            }
        }
        for reason in self.broken_orders() {
            if !reasons.contains(&reason) {
                reasons.push(reason);
            }
        }
        Health {
            ok: reasons.is_empty(),
            data: uses.data.ok,
            history: uses.history.ok,
            orders: uses.orders.ok,
            reasons,
            uses,
            maintenance: self.maintenance.told(),
            counters: self.core.counters,
            journal: self.core.journal,
        }
    }

    /// What every use of a link needs.
    fn link_troubles(&self, name: &str, link: &Link) -> Vec<String> {
        let mut troubles = Vec::new();
        let planned = self.maintenance.reason().map(|reason| format!(", during {reason}")).unwrap_or_default();
        if !link.is_ready() {
            let why = link.last_error().map(|error| format!(" ({error})")).unwrap_or_default();
            let phase = format!("{:?}", link.phase()).to_lowercase();
            troubles.push(format!("the {name} link is {phase}{why}{planned}"));
        }
        if let Some(reason) = link.needs_person() {
            troubles.push(reason.to_owned());
        }
        if self.truth.ib_link == IbLink::Lost {
            troubles.push(format!("the gateway has lost its link to IB{planned}"));
        }
        troubles
    }

    fn data_troubles(&self, kind: FarmKind) -> Vec<String> {
        let mut troubles = self.link_troubles("data", &self.data);
        // Without definitions no contract is found that is not known already.
        for kind in [kind, FarmKind::SecurityDefinition] {
            let what = match kind {
                FarmKind::Historical => "history",
                FarmKind::SecurityDefinition => "security definition",
                FarmKind::MarketData => "market data",
            };
            let away = self.truth.names_away(kind).into_iter();
            troubles.extend(away.map(|(farm, state)| format!("the {what} farm {farm} is {state}")));
        }
        troubles
    }

    fn market_troubles(&self) -> Vec<String> {
        let mut troubles = self.data_troubles(FarmKind::MarketData);
        if self.market.is_dead() {
            troubles.push("no stream brings anything, although the data link was built anew".to_owned());
        }
        troubles.extend(self.unanswered(DATA_QUESTIONS));
        troubles
    }

    /// Which of these questions are refused because the gateway leaves them unanswered.
    fn unanswered(&self, kinds: &'static [&'static str]) -> impl Iterator<Item = String> {
        let open = self.core.breakers.told(self.core.now.at).into_iter();
        let open = open.filter(move |breaker| kinds.contains(&breaker.kind.as_str()));
        open.map(|breaker| format!("the gateway leaves requests of kind {} unanswered", breaker.kind))
    }

    fn history_troubles(&self) -> Vec<String> {
        let mut troubles = self.data_troubles(FarmKind::Historical);
        if !self.maintenance.lets_history_pass(&self.core) {
            let reason = self.maintenance.reason().unwrap_or("maintenance");
            troubles.push(format!("history waits until {reason} is over"));
        }
        troubles.extend(self.unanswered(HISTORY_QUESTIONS));
        troubles
    }

    /// What is broken about new orders.
    fn broken_orders(&self) -> Vec<String> {
        let mut troubles = self.link_troubles("trading", &self.trading);
        if troubles.is_empty()
            && let Err(error) = self.orders.check_fence(&self.core, self.fence())
        {
            troubles.push(error.message);
        }
        troubles
    }

    fn order_troubles(&self) -> Vec<String> {
        let mut troubles = self.broken_orders();
        if let Some(halted) = self.core.risk.halted() {
            let reason = halted.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
            troubles.push(format!("new orders are halted by {}{reason}", halted.by));
        }
        troubles
    }

    fn account_troubles(&self) -> Vec<String> {
        let mut troubles = self.link_troubles("trading", &self.trading);
        let resets = self.account.unready();
        troubles.extend(resets.iter().map(|account| format!("IB is resetting the account {account}")));
        troubles
    }
}

/// Says so at the start if what is said to the gateway crosses a network.
pub(super) fn tell_exposure(core: &mut Core) {
    if core.config.gateway.is_local() {
        return;
    }
    let mut event = BridgeEvent::new("gateway_not_local", core.now.us);
    event.message = Some(format!(
        "gateway.host {} is another machine: the protocol has no encryption and no password; keep it inside a trusted network or a tunnel",
        core.config.gateway.host
    ));
    core.emit(Event::Bridge(Box::new(event)));
}

fn usable(reasons: Vec<String>) -> Use {
    Use { ok: reasons.is_empty(), reasons }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::Config, session::rig::Rig};

    fn warnings(host: &str) -> Vec<String> {
        let mut config = Config::default();
        host.clone_into(&mut config.gateway.host);
        let told = Rig::with(config).events().into_iter().filter_map(|event| match event {
            Event::Bridge(event) if event.event == "gateway_not_local" => event.message,
            _ => None,
        });
        told.collect()
    }

    #[test]
    fn a_gateway_on_another_machine_is_warned_of_at_the_start() {
        for local in ["127.0.0.1", "localhost", "::1", "[::1]", "127.0.0.9"] {
            assert_eq!(warnings(local), Vec::<String>::new(), "{local}");
        }
        for remote in ["192.0.2.7", "gateway.example", "0.0.0.0", "2001:db8::1"] {
            let told = warnings(remote);
            assert!(told.len() == 1 && told[0].contains(remote) && told[0].contains("no encryption"), "{told:?}");
        }
    }
}
