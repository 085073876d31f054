//! Commands to IBC, the program that runs the gateway: one at a time, for a client or, after long trouble, unasked.
//!
//! What is decided here is what to send and when; who sends it is no business of the session.

#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use super::{Answer, Command, Event, Now, Output, Session, Token};
use crate::{
    config,
    schema::{
        ApiError, ErrorCode,
        bridge::BridgeEvent,
        connection::IbLink,
        request::gateway::{GatewayAnswer, GatewayCommand, GatewayRequest},
    },
};

/// Why a command came to nothing, or may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommandFailure {
    /// No byte of it left.
    NotSent(String),
    /// IBC said no.
    Refused(String),
    /// It was sent, and what became of it is not known.
    Unanswered(String),
}

/// A command on its way.
#[derive(Debug)]
struct Sent {
    number: u64,
    command: GatewayCommand,
    caller: Option<Token>,
    /// Who wants it and why, for people.
    why: String,
}

/// What was sent to IBC, and for how long there has been a reason to send something.
#[derive(Debug, Default)]
pub(crate) struct Ibc {
    sent: Option<Sent>,
    numbers: u64,
    /// A farm has been down since.
    data_down_since: Option<Instant>,
    /// The gateway has been of no use since.
    away_since: Option<Instant>,
    /// No command of the session's own before.
    not_before: Option<Instant>,
    /// Commands of the session's own since all was well.
    tries: u32,
}

impl Ibc {
    /// True while a restart is asked for and not answered: it may happen at any moment.
    fn may_restart(&self) -> bool {
        self.sent.as_ref().is_some_and(|sent| sent.command == GatewayCommand::Restart)
    }

    /// Takes note of how things are.
    fn look(&mut self, now: Instant, is_data_down: bool, is_away: bool) {
        for (since, is_so) in [(&mut self.data_down_since, is_data_down), (&mut self.away_since, is_away)] {
            *since = is_so.then(|| since.unwrap_or(now));
        }
        if !is_data_down && !is_away {
            self.tries = 0;
        }
    }

    /// What the session would send next by itself, and when. The greater trouble comes first.
    fn next(&self, config: &config::Ibc) -> Option<(Instant, GatewayCommand)> {
        if self.sent.is_some() || self.tries >= config.tries_max {
            return None;
        }
        let due = |since: Option<Instant>, after_s: u64| {
            let at = since.filter(|_| after_s > 0)? + Duration::from_secs(after_s);
            Some(self.not_before.map_or(at, |earliest| at.max(earliest)))
        };
        let restart = due(self.away_since, config.restart_after_s).map(|at| (at, GatewayCommand::Restart));
        let data = due(self.data_down_since, config.reconnect_data_after_s);
        restart.or(data.map(|at| (at, GatewayCommand::ReconnectData)))
    }
}

impl Session {
    /// Where IBC takes commands.
    pub fn ibc_config(&self) -> config::Ibc {
        self.core.config.ibc.clone()
    }

    /// A client wants the gateway restarted or connected anew.
    pub(super) fn command_gateway(&mut self, command: &Command, wanted: GatewayCommand, ask: &GatewayRequest) {
        let error = if !self.core.config.ibc.is_there() {
            ApiError::new(ErrorCode::Unsupported, "no command port of IBC is configured (ibc.address)")
        } else if let Some(sent) = &self.ibc.sent {
            let message = format!("IBC has not answered {} yet", sent.command.verb());
            ApiError::new(ErrorCode::Busy, message).retry_after_ms(1_000)
        } else {
            let by = command.client.as_deref().unwrap_or("a client without a name");
            let reason = ask.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
            return self.send_to_ibc(wanted, Some(command.token), format!("asked for by {by}{reason}"));
        };
        self.core.refuse(command.token, error);
    }

    fn send_to_ibc(&mut self, command: GatewayCommand, caller: Option<Token>, why: String) {
        self.ibc.numbers += 1;
        let number = self.ibc.numbers;
        self.ibc.sent = Some(Sent { number, command, caller, why });
        self.core.output(Output::CommandGateway { number, command });
    }

    /// IBC answered the command with this number, in these words, or did not.
    pub fn on_gateway_command(&mut self, now: Now, number: u64, outcome: Result<String, CommandFailure>) {
        self.begin(now);
        let Some(sent) = self.ibc.sent.take_if(|sent| sent.number == number) else { return };
        let Sent { command, caller, why, .. } = sent;
        let may_restart =
            command == GatewayCommand::Restart && matches!(outcome, Ok(_) | Err(CommandFailure::Unanswered(_)));
        let until_us = may_restart.then(|| self.maintenance.begin_restart(&mut self.core));
        let verb = command.verb();
        match outcome {
            Ok(message) => {
                self.tell_ibc("gateway_command", format!("{verb}, {why}: IBC answered {message:?}"));
                if let Some(token) = caller {
                    self.core.accept(token);
                    self.core.answer(token, Answer::Gateway(GatewayAnswer { command, message, until_us }));
                }
            }
            Err(failure) => {
                let (code, text) = match failure {
                    CommandFailure::NotSent(text) => (ErrorCode::NotReady, format!("IBC was not reached: {text}")),
                    CommandFailure::Refused(text) => (ErrorCode::RejectedByGateway, format!("IBC said: {text}")),
                    CommandFailure::Unanswered(text) => {
                        (ErrorCode::OutcomeUnknown, format!("IBC gave no answer: {text}"))
                    }
                };
                self.tell_ibc("gateway_command_failed", format!("{verb}, {why}: {text}"));
                if let Some(token) = caller {
                    self.core.refuse(token, ApiError::new(code, text));
                }
            }
        }
        self.settle();
    }

    /// Until when new orders are refused because the gateway was just asked to restart.
    pub(super) fn restart_asked_until_us(&self) -> Option<i64> {
        let second_us = 1_000_000;
        self.ibc.may_restart().then(|| self.core.now.us.saturating_add(second_us))
    }

    /// After every cause: is there a trouble that IBC could end?
    pub(super) fn note_gateway_troubles(&mut self) {
        let config = &self.core.config.ibc;
        if config.restart_after_s == 0 && config.reconnect_data_after_s == 0 {
            return;
        }
        let is_ib_lost = self.truth.ib_link == IbLink::Lost;
        // What is planned ends by itself, and what a person must do IBC cannot.
        let counts = !self.core.is_maintained && self.needs_person().is_none();
        let is_away = counts && (is_ib_lost || (!self.trading.is_ready() && !self.data.is_ready()));
        let is_dead = self.core.market_farms_down || self.core.history_farms_down || self.market.is_dead();
        let is_data_down = counts && !is_ib_lost && self.data.is_ready() && is_dead;
        self.ibc.look(self.core.now.at, is_data_down, is_away);
    }

    /// Sends what is due by itself.
    pub(super) fn watch_gateway(&mut self) {
        let config = &self.core.config.ibc;
        let Some((_, command)) = self.ibc.next(config).filter(|(at, _)| *at <= self.core.now.at) else { return };
        self.ibc.not_before = Some(self.core.now.at + Duration::from_secs(config.again_after_s));
        self.ibc.tries += 1;
        let trouble = match command {
            GatewayCommand::Restart => "the gateway could not be used for too long",
            _ => "data has been away for too long",
        };
        let (tries, tries_max) = (self.ibc.tries, config.tries_max);
        self.send_to_ibc(command, None, format!("as {trouble} (attempt {tries} of {tries_max})"));
    }

    /// When [`Self::watch_gateway`] has something to do.
    pub(super) fn gateway_wake_at(&self) -> Option<Instant> {
        self.ibc.next(&self.core.config.ibc).map(|(at, _)| at)
    }

    fn tell_ibc(&mut self, name: &str, message: String) {
        let mut event = BridgeEvent::new(name, self.core.now.us);
        event.message = Some(message);
        self.core.emit(Event::Bridge(Box::new(event)));
    }
}
