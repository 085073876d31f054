//! Models of advisors: their values, positions and profit, followed from the login on or once asked for.

use std::collections::BTreeMap;

use super::{
    portfolio::Portfolio,
    positions::Held,
    profits::Profits,
    streams::{Kind, Streams},
};
use crate::{
    schema::{ApiError, ErrorCode},
    session::{Command, core::Core, notice::Notice},
};

/// What a question about a model is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Values,
    Positions,
    Profit,
}

#[derive(Debug)]
struct Model {
    held: Held,
    /// Why the gateway tells nothing of it.
    refused: Option<ApiError>,
}

/// The models followed, and who waits for the first figures of one.
#[derive(Debug, Default)]
pub(super) struct Models {
    followed: BTreeMap<Portfolio, Model>,
    waiting: Vec<(Portfolio, Part, Command)>,
}

impl Models {
    /// Who waits for a portfolio's figures.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Follows what the configuration names; at each login all that is followed is asked for again.
    pub(super) fn on_login(
        &mut self,
        core: &mut Core,
        accounts: &[String],
        streams: &mut Streams,
        profits: &mut Profits,
    ) {
        let configured: Vec<Portfolio> =
            core.config.account.models.iter().filter_map(|text| Portfolio::read(text)).collect();
        for portfolio in configured.into_iter().filter(|portfolio| accounts.contains(&portfolio.account)) {
            self.add(&portfolio);
        }
        for (portfolio, model) in &mut self.followed {
            model.refused = None;
            model.held.start_download();
            subscribe(core, portfolio, streams, profits);
        }
    }

    fn add(&mut self, portfolio: &Portfolio) {
        let model = || Model { held: Held::of_model(portfolio.model.clone()), refused: None };
        self.followed.entry(portfolio.clone()).or_insert_with(model);
    }

    /// Names of the models followed in an account.
    pub(super) fn in_account(&self, account: &str) -> Vec<String> {
        let own = self.followed.keys().filter(|portfolio| portfolio.account == account);
        own.filter_map(|portfolio| portfolio.model.clone()).collect()
    }

    pub(super) fn held(&self, portfolio: &Portfolio) -> Option<&Held> {
        self.followed.get(portfolio).map(|model| &model.held)
    }

    pub(super) fn held_mut(&mut self, portfolio: &Portfolio) -> Option<&mut Held> {
        self.followed.get_mut(portfolio).map(|model| &mut model.held)
    }

    /// True if the question can be answered now; else it waits, or is refused.
    pub(super) fn is_known(
        &mut self,
        core: &mut Core,
        (portfolio, part): (&Portfolio, Part),
        command: &Command,
        (streams, profits): (&mut Streams, &mut Profits),
    ) -> bool {
        if !self.followed.contains_key(portfolio) {
            if self.followed.len() >= core.config.account.models_max {
                let message = "account.models_max models are followed; no other can be until the bridge is restarted";
                core.refuse(command.token, ApiError::new(ErrorCode::Busy, message));
                return false;
            }
            self.add(portfolio);
            subscribe(core, portfolio, streams, profits);
        }
        if let Some(refused) = self.followed.get(portfolio).and_then(|model| model.refused.clone()) {
            // Asked again by the next login; a misspelt name must not take a place for ever.
            self.followed.remove(portfolio);
            core.refuse(command.token, refused);
            return false;
        }
        if has_come(portfolio, part, streams, profits) {
            return true;
        }
        self.waiting.retain(|(.., command)| core.is_waiting(command.token));
        self.waiting.push((portfolio.clone(), part, command.clone()));
        false
    }

    /// Commands that can be answered since something came.
    pub(super) fn take_answerable(&mut self, streams: &Streams, profits: &Profits) -> Vec<Command> {
        let is_due = |(portfolio, part, _): &(Portfolio, Part, Command)| {
            has_come(portfolio, *part, streams, profits)
                || self.followed.get(portfolio).is_none_or(|model| model.refused.is_some())
        };
        let (due, waiting): (Vec<_>, Vec<_>) = std::mem::take(&mut self.waiting).into_iter().partition(is_due);
        self.waiting = waiting;
        due.into_iter().map(|(.., command)| command).collect()
    }

    /// The gateway tells nothing of this model.
    pub(super) fn refused(&mut self, portfolio: &Portfolio, notice: &Notice) {
        if let Some(model) = self.followed.get_mut(portfolio) {
            let mut error = notice.to_error();
            error.message = format!("{}: {}", portfolio.name(), error.message);
            model.refused = Some(error);
        }
    }
}

fn subscribe(core: &mut Core, portfolio: &Portfolio, streams: &mut Streams, profits: &mut Profits) {
    streams.ask(core, Kind::Positions, portfolio);
    streams.ask(core, Kind::Values, portfolio);
    profits.subscribe(core, portfolio);
}

fn has_come(portfolio: &Portfolio, part: Part, streams: &Streams, profits: &Profits) -> bool {
    match part {
        Part::Values => streams.has_ended(Kind::Values, portfolio) == Some(true),
        Part::Positions => streams.has_ended(Kind::Positions, portfolio) == Some(true),
        Part::Profit => profits.known(portfolio).is_some(),
    }
}
