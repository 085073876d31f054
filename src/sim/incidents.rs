//! What the gateway does, and what happens to it, when a fault is set off or ends.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::book::Market;
use super::broker::Book;
use super::faults::action::{LinkBack, StreamKind, Streams};
use super::faults::{Action, Door, Ending, Fired, GatewayFault, IbFault, LineFault, Target};
use super::gateway::Gateway;
use super::login;
use super::outbox::{ConnectionId, Effect, NO_ID, Outbox};

/// 2110, as a client hears it that logs in while the gateway has no link.
pub(super) const LINK_BROKEN: &str =
    "Connectivity between Trader Workstation and server is broken. It will be restored automatically.";
const LOST: &str = "Connectivity between IBKR and Trader Workstation has been lost.";
const BACK_WITHOUT_DATA: &str = "Connectivity between IBKR and Trader Workstation has been restored - data lost. \
                                 All market data requests must be resubmitted.";
const BACK_WITH_DATA: &str = "Connectivity between IBKR and Trader Workstation has been restored - data maintained.";
const NO_UPDATES: &str = "Failed to request live updates (disconnected).";
const COMPETING: &str = "No market data during competing live session";

impl Gateway {
    /// Acts on every rule that was set off.
    pub(super) fn suffer(&mut self, now_ms: i64) -> Vec<Effect> {
        let mut effects = Vec::new();
        for Fired { action, target } in self.faults.take_fired() {
            let more = match action {
                Action::Line(fault) => self.on_lines(target, fault),
                Action::Door { door, for_ms } => self.shut(now_ms, door, for_ms),
                Action::Gateway(fault) => self.misbehave(now_ms, target, fault),
                Action::Ib(fault) => self.befall(now_ms, &fault),
                // Decided where the message or the request passes.
                Action::Message(_) | Action::Request(_) => Vec::new(),
            };
            effects.extend(more);
        }
        effects
    }

    fn targets(&self, target: Target) -> Vec<ConnectionId> {
        match target {
            Target::One(connection) => vec![connection],
            Target::All(None) => self.clients.connections(),
            Target::All(Some(client_id)) => self.clients.connection_of(client_id).into_iter().collect(),
        }
    }

    fn on_lines(&self, target: Target, fault: LineFault) -> Vec<Effect> {
        self.targets(target).into_iter().map(|connection| Effect::Line(connection, fault)).collect()
    }

    fn shut(&mut self, now_ms: i64, door: Door, for_ms: i64) -> Vec<Effect> {
        self.faults.set_door(now_ms, door, for_ms);
        Vec::new()
    }

    fn misbehave(&mut self, now_ms: i64, target: Target, fault: GatewayFault) -> Vec<Effect> {
        let mut out = Outbox::at(now_ms);
        match fault {
            GatewayFault::Notice { code, text, count } => {
                for connection in self.targets(target) {
                    for _ in 0..count {
                        out.error(connection, NO_ID, code, text.as_str());
                    }
                }
            }
            GatewayFault::StreamError { streams, code, text, ends } => {
                let keys = self.faults.streams.running(&streams);
                for (connection, req_id) in &keys {
                    out.error(*connection, *req_id, code, text.as_str());
                }
                if ends {
                    self.faults.streams.kill_keys(&keys);
                }
            }
            GatewayFault::KillStreams(streams) => {
                self.faults.streams.kill(&streams);
            }
            GatewayFault::Restart { for_ms } => {
                self.shut(now_ms, Door::Closed, for_ms);
                for connection in self.clients.connections() {
                    out.close(connection);
                }
                self.faults.forget_held();
                self.broker.restart();
            }
            GatewayFault::ReadOnly { for_ms } => self.faults.read_only(now_ms, for_ms),
            GatewayFault::OrderFlood { count } => {
                for connection in self.targets(target) {
                    super::faults::order_flood(count).for_each(|message| out.send(connection, message));
                }
            }
            GatewayFault::RollBackIds { by } => self.broker.roll_back_next_id(by),
            GatewayFault::RejectNext { code, text } => self.broker.force_reject(code, &text),
            GatewayFault::SilenceNext => self.broker.hold_next_order_silent(),
            GatewayFault::Acknowledge => {
                let sent = self.broker.release_silent(now_ms, &Market { world: &self.world, now_ms });
                self.deliver(sent, &mut out);
            }
        }
        out.into_effects()
    }

    fn befall(&mut self, now_ms: i64, fault: &IbFault) -> Vec<Effect> {
        let mut out = Outbox::at(now_ms);
        match fault {
            IbFault::LinkDown { .. } => {
                self.tell_all(1100, LOST, &mut out);
                let updated =
                    self.faults.streams.running(&Streams { kind: Some(StreamKind::UpdatedBars), symbol: None });
                for (connection, req_id) in &updated {
                    out.error(*connection, *req_id, 10182, NO_UPDATES);
                }
                self.faults.streams.kill_keys(&updated);
            }
            IbFault::FarmDown { farm, .. } => self.tell_farm(farm, false, &mut out),
            IbFault::CompetingSession { .. } => {
                for kind in [StreamKind::MarketData, StreamKind::TickByTick] {
                    for (connection, req_id) in self.faults.streams.running(&Streams { kind: Some(kind), symbol: None })
                    {
                        out.error(connection, req_id, 10197, COMPETING);
                    }
                }
            }
            IbFault::Correct { change_ppm } => self.correct_newest(now_ms, *change_ppm, &mut out),
            IbFault::Bust => self.bust_newest(now_ms, &mut out),
            IbFault::Price { symbol, to, change_ppm } => {
                let moved = to.or_else(|| changed(self.price_of(now_ms, symbol)?, *change_ppm));
                if moved.is_none_or(|price| !self.set_price(now_ms, symbol, price)) {
                    tracing::warn!(symbol, "a fault moves a price that does not exist");
                }
            }
            IbFault::Halt { symbol, .. } => {
                if !self.halt(now_ms, symbol) {
                    tracing::warn!(symbol, "a fault halts what does not exist or is halted");
                }
            }
        }
        self.faults.begin(now_ms, fault);
        out.into_effects()
    }

    /// Something that lasted is over.
    pub(super) fn recover(&mut self, now_ms: i64, ending: &Ending) -> Vec<Effect> {
        let mut out = Outbox::at(now_ms);
        match ending {
            Ending::StillDown => self.tell_all(1100, LOST, &mut out),
            Ending::LinkBack(LinkBack::DataLost) => {
                self.faults.streams.kill(&Streams::default());
                self.tell_all(1101, BACK_WITHOUT_DATA, &mut out);
            }
            Ending::LinkBack(LinkBack::DataKept) => {
                for kind in [StreamKind::RealTimeBars, StreamKind::TickByTick] {
                    self.faults.streams.kill(&Streams { kind: Some(kind), symbol: None });
                }
                self.tell_all(1102, BACK_WITH_DATA, &mut out);
            }
            Ending::LinkBack(LinkBack::Untold) => {}
            Ending::FarmUp(farm) => self.tell_farm(farm, true, &mut out),
            Ending::Resume(symbol) => {
                self.resume(now_ms, symbol);
            }
        }
        out.into_effects()
    }

    fn tell_farm(&self, farm: &str, is_up: bool, out: &mut Outbox) {
        let (code, text) = login::farm_notice(farm, is_up);
        self.tell_all(code, &text, out);
    }

    fn tell_all(&self, code: i32, text: &str, out: &mut Outbox) {
        for client in self.clients.started() {
            out.error(client.connection, NO_ID, code, text);
        }
    }

    fn price_of(&self, now_ms: i64, symbol: &str) -> Option<f64> {
        let instrument = self.world.universe.named(symbol, now_ms)?;
        let quote = Market { world: &self.world, now_ms }.quote(instrument.con_id())?;
        quote.last.or(quote.bid).or(quote.ask)
    }

    fn correct_newest(&mut self, now_ms: i64, change_ppm: i64, out: &mut Outbox) {
        let newest = self.broker.executed().pop();
        let corrected = newest.and_then(|fill| Some((fill.exec_id, changed(fill.price.to_f64()?, change_ppm)?)));
        let Some((exec_id, price)) = corrected else { return };
        let market = Market { world: &self.world, now_ms };
        let sent = self.broker.correct_execution(now_ms, &exec_id, price, &market).unwrap_or_default();
        self.deliver(sent, out);
    }

    fn bust_newest(&mut self, now_ms: i64, out: &mut Outbox) {
        let Some(fill) = self.broker.executed().pop() else { return };
        let market = Market { world: &self.world, now_ms };
        let sent = self.broker.bust_execution(now_ms, &fill.exec_id, &market).unwrap_or_default();
        self.deliver(sent, out);
    }
}

/// A price changed by a share, in whole cents.
fn changed(price: f64, change_ppm: i64) -> Option<f64> {
    let share = Decimal::from(1_000_000_i64.saturating_add(change_ppm)).checked_div(Decimal::from(1_000_000))?;
    let price = Decimal::try_from(price).ok()?.checked_mul(share)?;
    price.round_dp(2).to_f64().filter(|price| *price > 0.0)
}
