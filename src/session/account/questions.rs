//! What clients ask of accounts, groups and models.

use std::collections::BTreeSet;

use super::{Account, Kind, models::Part, not_ready, portfolio::Portfolio};
use crate::{
    schema::{
        ApiError,
        account::AccountValueEvent,
        request::account::{
            self, AccountQuery, Accounts, ExecutionsRequest, Pnl, PnlQuery, Positions, Summary, Unsettled,
        },
    },
    session::{Answer, Command, core::Core},
};

/// What a question is about.
#[derive(Debug)]
enum Scope {
    /// Whole accounts: the named one, those of a group, or all for `None`.
    Accounts(Option<BTreeSet<String>>),
    Model(Portfolio),
}

impl Scope {
    fn admits(&self, account: &str) -> bool {
        match self {
            Self::Accounts(wanted) => wanted.as_ref().is_none_or(|wanted| wanted.contains(account)),
            Self::Model(portfolio) => portfolio.account == account,
        }
    }
}

/// How a question names what it is about.
struct Named<'a> {
    account: Option<&'a str>,
    group: Option<&'a str>,
    model: Option<&'a str>,
}

impl Account {
    pub(crate) fn list(&mut self, core: &mut Core, command: &Command) {
        if self.accounts.is_empty() {
            return core.refuse(command.token, not_ready("no login yet: the accounts are not known"));
        }
        let account = |name: &String| {
            let mut account = account::Account {
                account: name.clone(),
                paper: name.starts_with('D'),
                followed: self.followed.contains(name),
                ready: None,
                base_currency: None,
                exchange_rates: std::collections::BTreeMap::new(),
                models: self.models.in_account(name),
            };
            self.values.describe(&mut account);
            account
        };
        let accounts = self.accounts.iter().map(account).collect();
        core.answer(command.token, Answer::Accounts(Accounts { accounts }));
    }

    pub(crate) fn summary(&mut self, core: &mut Core, command: &Command, ask: &AccountQuery) {
        let Some(scope) = self.scope(core, command, &named(ask), Part::Values) else { return };
        let values = match &scope {
            Scope::Accounts(_) => self.values.of(|event| event.model.is_none() && scope.admits(&event.account)),
            Scope::Model(of) => {
                let is_wanted = |event: &AccountValueEvent| event.account == of.account && event.model == of.model;
                self.values.of(is_wanted)
            }
        };
        let unsettled = self.accounts.iter().filter(|account| scope.admits(account));
        let unsettled = unsettled.filter_map(|account| self.unsettled(account)).collect();
        core.answer(command.token, Answer::Summary(Summary { values, unsettled }));
    }

    /// Why the values of an account are incomplete or not the newest, if they are.
    fn unsettled(&self, account: &str) -> Option<Unsettled> {
        let is_followed = self.followed.iter().any(|followed| followed == account);
        let reason = if self.values.is_unready(account) {
            "IB is resetting this account (AccountReady is false): its values are those from before"
        } else if !is_followed {
            "not followed: the login has more accounts than account.followed_max"
        } else if self.followed.len() > 1
            && self.streams.has_ended(Kind::Values, &Portfolio::whole(account)) != Some(true)
        {
            "its values have not all come since the last login"
        } else {
            return None;
        };
        Some(Unsettled { account: account.to_owned(), reason: reason.to_owned() })
    }

    pub(crate) fn positions(&mut self, core: &mut Core, command: &Command, ask: &AccountQuery) {
        let Some(scope) = self.scope(core, command, &named(ask), Part::Positions) else { return };
        let positions = match &scope {
            Scope::Accounts(_) => self.held.positions(|account| scope.admits(account)),
            Scope::Model(of) => match self.models.held(of) {
                Some(held) => held.positions(|_| true),
                None => Positions { positions: Vec::new() },
            },
        };
        core.answer(command.token, Answer::Positions(positions));
    }

    pub(crate) fn pnl(&mut self, core: &mut Core, command: &Command, ask: &PnlQuery) {
        if ask.model.is_some() && (ask.positions || ask.con_id.is_some()) {
            let error =
                ApiError::invalid("model: IB tells the profit of a model as a whole; leave out con_id and positions");
            return core.refuse(command.token, error);
        }
        let (account, group, model) = (ask.account.as_deref(), ask.group.as_deref(), ask.model.as_deref());
        let Some(scope) = self.scope(core, command, &Named { account, group, model }, Part::Profit) else { return };
        let answer = match &scope {
            Scope::Accounts(_) => {
                let accounts: Vec<&String> = self.accounts.iter().filter(|account| scope.admits(account)).collect();
                self.profits.answer(&accounts, ask, &self.held.places())
            }
            Scope::Model(of) => Pnl {
                accounts: self.profits.known(of).cloned().into_iter().collect(),
                positions: Vec::new(),
                missing: Vec::new(),
            },
        };
        core.answer(command.token, Answer::Pnl(answer));
    }

    /// The accounts whose executions are asked for; `None` inside for all. `None` if the question waits or
    /// was refused.
    #[expect(clippy::option_option, reason = "no restriction and no answer yet are different things")]
    pub(crate) fn accounts_of(
        &mut self,
        core: &mut Core,
        command: &Command,
        ask: &ExecutionsRequest,
    ) -> Option<Option<BTreeSet<String>>> {
        match (&ask.account, &ask.group) {
            (Some(_), Some(_)) => {
                core.refuse(command.token, one_of_two());
                None
            }
            (Some(account), None) => Some(Some(BTreeSet::from([account.clone()]))),
            (None, Some(group)) => self.groups.members(core, group, command).map(Some),
            (None, None) => Some(None),
        }
    }

    /// What is asked about; `None` if the question was refused, or waits for a group or a model.
    fn scope(&mut self, core: &mut Core, command: &Command, named: &Named<'_>, part: Part) -> Option<Scope> {
        if let Err(error) = self.check(named) {
            core.refuse(command.token, error);
            return None;
        }
        if let Some(group) = named.group {
            return self.groups.members(core, group, command).map(|members| Scope::Accounts(Some(members)));
        }
        let Some(account) = named.account else { return Some(Scope::Accounts(None)) };
        let Some(model) = named.model else {
            return Some(Scope::Accounts(Some(BTreeSet::from([account.to_owned()]))));
        };
        let of = Portfolio::model(account, model);
        let sources = (&mut self.streams, &mut self.profits);
        self.models.is_known(core, (&of, part), command, sources).then_some(Scope::Model(of))
    }

    fn check(&self, named: &Named<'_>) -> Result<(), ApiError> {
        if named.group.is_some() && (named.account.is_some() || named.model.is_some()) {
            return Err(one_of_two());
        }
        let is_plain = |text: &str| {
            (1..=100).contains(&text.len()) && text.bytes().all(|byte| (b' '..=b'~').contains(&byte) && byte != b'/')
        };
        match (named.model, named.account) {
            (Some(_), None) => return Err(ApiError::invalid("model: give the account too")),
            (Some(model), Some(_)) if !is_plain(model) => {
                return Err(ApiError::invalid("model: a name of 1 to 100 characters without a slash"));
            }
            _ => {}
        }
        if !self.was_synced {
            return Err(not_ready("the first download of positions and account values has not ended"));
        }
        match named.account {
            Some(account) if !self.accounts.iter().any(|known| known == account) => {
                let known = self.accounts.join(", ");
                Err(ApiError::invalid(format!("account: {account:?} is not an account of this login ({known})")))
            }
            _ => Ok(()),
        }
    }
}

fn named(ask: &AccountQuery) -> Named<'_> {
    Named { account: ask.account.as_deref(), group: ask.group.as_deref(), model: ask.model.as_deref() }
}

fn one_of_two() -> ApiError {
    ApiError::invalid("group: stands for accounts; leave out account and model")
}
