//! Members of an advisor's groups, as the gateway tells them when it is asked for a summary of the group.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::{Duration, Instant},
};

use super::submit_within;
use crate::{
    config::ms,
    schema::{ApiError, ErrorCode},
    session::{Command, core::Core, notice::Notice},
    tws::{
        Request,
        message::account::{AccountSummaryRequest, CancelAccountSummary},
    },
};

/// Groups whose members are kept.
const GROUPS_MAX: usize = 1_000;
/// Bytes of a group's name.
const NAME_BYTES_MAX: usize = 100;

/// The group asked about now.
#[derive(Debug)]
struct Asked {
    req_id: i32,
    group: String,
    members: BTreeSet<String>,
}

/// IB allows two summaries at once. One is the account's own; groups take turns with the other.
#[derive(Debug, Default)]
pub(super) struct Groups {
    known: BTreeMap<String, (Instant, BTreeSet<String>)>,
    asked: Option<Asked>,
    waiting: VecDeque<(String, Command)>,
    resumed: VecDeque<Command>,
}

impl Groups {
    /// Who waits for the members of a group.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len() + self.resumed.len()
    }

    /// The members, if they were told lately; else the command waits until they are.
    pub(super) fn members(&mut self, core: &mut Core, group: &str, command: &Command) -> Option<BTreeSet<String>> {
        let keep = Duration::from_secs(core.config.account.group_keep_s);
        if let Some((at, members)) = self.known.get(group)
            && (*at == core.now.at || *at + keep > core.now.at)
        {
            return Some(members.clone());
        }
        let is_name = |byte: u8| (b' '..=b'~').contains(&byte);
        if group.is_empty() || group.len() > NAME_BYTES_MAX || !group.bytes().all(is_name) || group == "All" {
            let error = ApiError::invalid("group: a name of an advisor's group, of up to 100 characters");
            core.refuse(command.token, error);
            return None;
        }
        self.waiting.push_back((group.to_owned(), command.clone()));
        self.ask_next(core);
        None
    }

    /// A command whose group is known now.
    pub(super) fn next_resumed(&mut self) -> Option<Command> {
        self.resumed.pop_front()
    }

    fn ask_next(&mut self, core: &mut Core) {
        self.waiting.retain(|(_, command)| core.is_waiting(command.token));
        if self.asked.is_some() {
            return;
        }
        let Some(group) = self.waiting.front().map(|(group, _)| group.clone()) else { return };
        let req_id = core.new_req_id();
        let request = AccountSummaryRequest {
            req_id: Some(req_id),
            group: Some(group.clone()),
            tags: Some("AccountType".to_owned()),
        };
        if submit_within(core, req_id, Request::AccountSummaryRequest(request), ms(core.config.timing.request_ms)) {
            self.asked = Some(Asked { req_id, group, members: BTreeSet::new() });
        } else {
            self.fail(core, &group, &ApiError::new(ErrorCode::Busy, "too many account requests are waiting"));
        }
    }

    /// True if the summary is of a group.
    pub(super) fn is_asked(&self, req_id: i32) -> bool {
        self.asked.as_ref().is_some_and(|asked| asked.req_id == req_id)
    }

    pub(super) fn on_member(&mut self, account: &str) {
        if let Some(asked) = &mut self.asked {
            asked.members.insert(account.to_owned());
        }
    }

    pub(super) fn on_end(&mut self, core: &mut Core) {
        let Some(asked) = self.asked.take() else { return };
        cancel(core, asked.req_id);
        if self.known.len() >= GROUPS_MAX {
            self.known.clear();
        }
        self.known.insert(asked.group.clone(), (core.now.at, asked.members));
        let (ready, waiting) =
            std::mem::take(&mut self.waiting).into_iter().partition(|(name, _)| *name == asked.group);
        self.waiting = waiting;
        let ready: VecDeque<(String, Command)> = ready;
        self.resumed.extend(ready.into_iter().map(|(_, command)| command));
        self.ask_next(core);
    }

    pub(super) fn refused(&mut self, core: &mut Core, notice: &Notice) {
        let Some(asked) = self.asked.take() else { return };
        core.done(asked.req_id);
        let mut error = notice.to_error();
        error.message = format!("group {:?}: {}", asked.group, error.message);
        self.fail(core, &asked.group, &error);
        self.ask_next(core);
    }

    pub(super) fn on_timeout(&mut self, core: &mut Core) {
        let Some(asked) = self.asked.take() else { return };
        cancel(core, asked.req_id);
        let error = ApiError::new(ErrorCode::Timeout, "the gateway does not tell the members of the group");
        self.fail(core, &asked.group, &error);
        self.ask_next(core);
    }

    /// Who waits is answered by the next login, or at the deadline.
    pub(super) fn on_link_down(&mut self) {
        self.asked = None;
        self.known.clear();
    }

    /// Logged in again: ask for who still waits.
    pub(super) fn on_login(&mut self, core: &mut Core) {
        self.ask_next(core);
    }

    fn fail(&mut self, core: &mut Core, group: &str, error: &ApiError) {
        for (_, command) in self.waiting.iter().filter(|(name, _)| name == group) {
            core.refuse(command.token, error.clone());
        }
        self.waiting.retain(|(name, _)| name != group);
    }
}

fn cancel(core: &mut Core, req_id: i32) {
    let request = Request::CancelAccountSummary(CancelAccountSummary { req_id: Some(req_id) });
    super::submit(core, None, request);
    core.cancelled(req_id);
    core.done(req_id);
}
