//! The kill switch and the dead-man switch: refuse at once, cancel oldest first, and keep at it.

use std::time::Duration;

use super::{
    Answer, Command, Event, Now, Output, Session,
    orders::{Swept, Whose, halted_reason},
    risk::{RiskMemory, kept::Due},
};
use crate::schema::{
    ApiError, ErrorCode,
    bridge::BridgeEvent,
    request::risk::{Halt, HaltAnswer, Heartbeat, HeartbeatAnswer, Resumed, SetLimits},
    risk::{Halted, Sweep},
};

/// How often open orders are looked for while a halt stands.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

impl Session {
    /// Goes on with the kill switch, limits and promises of an earlier run. Call it before the first cause.
    pub fn restore_risk(&mut self, memory: RiskMemory) {
        let now = self.core.now;
        self.core.risk.restore(now, memory);
    }

    pub(super) fn tell_limits(&mut self, command: &Command) {
        let state = self.core.risk.state(self.core.now);
        self.core.answer(command.token, Answer::Risk(Box::new(state)));
    }

    pub(super) fn set_limits(&mut self, command: &Command, ask: &SetLimits) {
        if let Err(error) = self.core.risk.set_limits(ask.name.clone(), ask.limits.clone()) {
            return self.core.refuse(command.token, error);
        }
        self.core.accept(command.token);
        self.keep_risk();
        let state = self.core.risk.state(self.core.now);
        self.answer_once_kept(command, Answer::Risk(Box::new(state)));
        let whose = ask.name.as_deref().unwrap_or("all clients");
        let back = if ask.limits.is_none() { " back to the configuration" } else { "" };
        self.tell_risk("risk_limits", format!("limits of {whose} were set{back}{}", asked_by(command)), &[]);
    }

    /// No order passes from here on; then the open ones are cancelled.
    pub(super) fn halt(&mut self, command: &Command, ask: &Halt) {
        let by = command.client.as_ref().map_or_else(|| "a client without a name".to_owned(), ToString::to_string);
        let halted = Halted { since_us: self.core.now.us, by, reason: ask.reason.clone(), cancel: ask.cancel };
        let halted = self.core.risk.halt(self.core.now, halted);
        self.core.accept(command.token);
        self.keep_risk();
        // What waits for the disk or for its turn is not open yet: it goes nowhere, whatever is to be cancelled.
        let unsent = halted_reason(&halted.by, halted.reason.as_deref());
        let mut swept = Swept { withdrawn: self.orders.take_back_unsent(&mut self.core, &unsent), cancels: 0 };
        swept += self.sweep();
        let reason = ask.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        let figures = [("withdrawn", swept.withdrawn), ("cancels", swept.cancels)];
        self.tell_risk("kill", format!("halted{}{reason}", asked_by(command)), &figures);
        let answer = HaltAnswer {
            halted,
            withdrawn: swept.withdrawn,
            cancels: swept.cancels,
            waits_for_link: ask.cancel != Sweep::None && !self.fence().may_cancel,
            kept: true,
        };
        self.answer_once_kept(command, Answer::Halted(Box::new(answer)));
    }

    /// The file halts when it appears; when it goes, a request may resume.
    pub(super) fn on_halt_file(&mut self, command: &Command, is_there: bool, cancel: Sweep) {
        self.core.risk.is_halt_file_there = is_there;
        if is_there {
            return self.halt(command, &Halt { cancel, reason: Some("the halt file exists".to_owned()) });
        }
        self.core.answer(command.token, Answer::Resumed(Resumed { was_halted: false }));
    }

    pub(super) fn resume(&mut self, command: &Command) {
        if self.core.risk.is_halt_file_there {
            let name = &self.core.config.risk.halt_file;
            let message = format!("the file {name} is in the state folder; remove it first");
            return self.core.refuse(command.token, ApiError::new(ErrorCode::RejectedByRisk, message));
        }
        let was_halted = self.core.risk.resume();
        if was_halted {
            self.core.accept(command.token);
            self.keep_risk();
            self.tell_risk("resume", format!("orders are taken again{}", asked_by(command)), &[]);
            return self.answer_once_kept(command, Answer::Resumed(Resumed { was_halted }));
        }
        self.core.answer(command.token, Answer::Resumed(Resumed { was_halted }));
    }

    pub(super) fn heartbeat(&mut self, command: &Command, ask: &Heartbeat) {
        let Some(client) = command.client.as_deref() else {
            let message = "a heartbeat needs the client's name: send it to <prefix>.req.risk.heartbeat.<client>";
            return self.core.refuse(command.token, ApiError::invalid(message));
        };
        let now = self.core.now;
        match self.core.risk.heartbeats().beat(now.at, client, ask.ttl_s) {
            Ok((was_silent, is_new)) => {
                if was_silent {
                    self.tell_risk("dead_man", format!("client {client} is heard of again"), &[]);
                }
                if is_new || was_silent {
                    self.keep_risk();
                }
                let until_us = (ask.ttl_s > 0).then(|| now.us + i64::from(ask.ttl_s) * 1_000_000);
                self.core.answer(command.token, Answer::Heartbeat(HeartbeatAnswer { until_us, was_silent }));
            }
            Err(error) => self.core.refuse(command.token, error),
        }
    }

    /// Finds out who has been silent, and goes on cancelling while a halt stands.
    pub(super) fn watch_risk(&mut self) {
        let now = self.core.now;
        self.answer_kept();
        let overdue = self.core.risk.heartbeats().overdue(now.at);
        if !overdue.is_empty() {
            self.keep_risk();
        }
        for client in overdue {
            let fence = self.fence();
            let swept = self.orders.sweep(&mut self.core, Whose::Client(&client), fence);
            let figures = [("withdrawn", swept.withdrawn), ("cancels", swept.cancels)];
            let message = format!("client {client} broke its promise of heartbeats; its open orders are cancelled");
            self.tell_risk("dead_man", message, &figures);
            self.core.risk.sweep_at = Some(now.at + SWEEP_EVERY);
        }
        if self.core.risk.sweep_at.is_some_and(|at| at <= now.at) {
            self.sweep();
        }
    }

    /// Cancels what a halt or a client's silence is to cancel and has not been asked to be cancelled yet: orders that
    /// were found at IB since, or that no cancel could be sent for.
    fn sweep(&mut self) -> Swept {
        let fence = self.fence();
        let scope = self.core.risk.halted().map(|halted| halted.cancel);
        let mut swept = Swept::default();
        match scope {
            Some(Sweep::Bridge) => swept += self.orders.sweep(&mut self.core, Whose::Bridge, fence),
            Some(Sweep::Account) => {
                swept += self.orders.sweep(&mut self.core, Whose::Bridge, fence);
                swept += self.orders.sweep_others(&mut self.core, fence);
            }
            Some(Sweep::None) | None => {}
        }
        let silent = self.core.risk.heartbeats().silent();
        for client in &silent {
            swept += self.orders.sweep(&mut self.core, Whose::Client(client), fence);
        }
        let goes_on = !silent.is_empty() || scope.is_some_and(|scope| scope != Sweep::None);
        self.core.risk.sweep_at = goes_on.then(|| self.core.now.at + SWEEP_EVERY);
        swept
    }

    fn keep_risk(&mut self) {
        let memory = self.core.risk.keep();
        self.core.output(Output::KeepRisk(Box::new(memory)));
    }

    /// What was asked to be kept up to this number is on the disk.
    pub fn on_risk_kept(&mut self, now: Now, number: u64) {
        self.begin(now);
        self.core.risk.kept.on_stored(number);
        self.answer_kept();
        self.settle();
    }

    /// What was asked for is in force; the caller is told so once a crash would not undo it.
    fn answer_once_kept(&mut self, command: &Command, answer: Answer) {
        self.core.risk.kept.owe(self.core.now.at, command.deadline, command.token, answer);
    }

    fn answer_kept(&mut self) {
        for Due { token, answer, is_stored } in self.core.risk.kept.take_due(self.core.now.at) {
            match answer {
                Answer::Halted(halted) => {
                    let halted = HaltAnswer { kept: is_stored, ..*halted };
                    self.core.answer(token, Answer::Halted(Box::new(halted)));
                }
                answer if is_stored => self.core.answer(token, answer),
                _ => {
                    let message = "it is in force, but could not be written down: a restart would undo it";
                    self.core.refuse(token, ApiError::new(ErrorCode::NotReady, message));
                }
            }
        }
    }

    fn tell_risk(&mut self, event: &str, message: String, figures: &[(&str, u32)]) {
        let mut told = BridgeEvent::new(event, self.core.now.us);
        told.message = Some(message);
        told.figures = figures.iter().map(|(name, figure)| ((*name).to_owned(), i64::from(*figure))).collect();
        self.core.emit(Event::Bridge(Box::new(told)));
    }
}

fn asked_by(command: &Command) -> String {
    command.client.as_ref().map(|client| format!(" by {client}")).unwrap_or_default()
}
