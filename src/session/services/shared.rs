//! Questions that the gateway answers once: identical ones share a request, and answers are kept a while.

use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant},
};

use super::not_ready;
use crate::{
    config::ms,
    schema::{ApiError, ErrorCode, connection::LinkName},
    session::{
        Answer, Command, Token,
        core::{Core, Errand, Owner},
        notice::Notice,
        pacing::Class,
    },
    tws::Request,
};

/// Identical questions within this time are served from the answer kept.
pub(super) const REPEAT: Duration = Duration::from_secs(15);
/// Answers kept at once.
const KEPT_MAX: usize = 64;

/// What to send.
#[derive(Debug)]
pub(super) struct Inquiry<C> {
    /// Equal for identical questions.
    pub(super) key: String,
    /// Makes the message with the request id that its answer and errors carry.
    pub(super) request: fn(i32, &C) -> Request,
    /// Tells the gateway that the answer is no longer wanted, where it would go on with it.
    pub(super) cancel: Option<fn(i32) -> Request>,
    /// What is asked, for the message and for reading its answer.
    pub(super) context: C,
    /// How long the answer is good for.
    pub(super) keep: Duration,
}

#[derive(Debug)]
struct Open<C> {
    inquiry: Inquiry<C>,
    callers: Vec<Token>,
}

#[derive(Debug)]
struct Kept {
    until: Instant,
    key: String,
    answer: Answer,
}

/// Open questions of one part of the session, by request id.
#[derive(Debug)]
pub(super) struct Shared<C> {
    open: BTreeMap<i32, Open<C>>,
    kept: VecDeque<Kept>,
}

impl<C> Default for Shared<C> {
    fn default() -> Self {
        Self { open: BTreeMap::new(), kept: VecDeque::new() }
    }
}

impl<C> Shared<C> {
    /// Questions open, and answers kept: those that are of no use any more stay until the next question.
    pub(super) fn entries(&self) -> (usize, usize) {
        (self.open.len(), self.kept.len())
    }

    /// Answers from what is kept, joins an identical question, or asks the gateway.
    pub(super) fn ask(&mut self, core: &mut Core, command: &Command, inquiry: Inquiry<C>) {
        let now = core.now.at;
        self.kept.retain(|kept| kept.until > now);
        if let Some(kept) = self.kept.iter().find(|kept| kept.key == inquiry.key) {
            return core.answer(command.token, kept.answer.clone());
        }
        if let Some((req_id, open)) = self.open.iter_mut().find(|(_, open)| open.inquiry.key == inquiry.key) {
            core.join(*req_id, command.token);
            return open.callers.push(command.token);
        }
        let req_id = core.new_req_id();
        let request = (inquiry.request)(req_id, &inquiry.context);
        let errand = Errand::new(LinkName::Data, Class::Interactive, request)
            .id(req_id)
            .client(command.client.clone())
            .deadline(Some(command.deadline))
            .answer_within(ms(core.config.timing.request_ms));
        match core.submit(Owner::Services, errand) {
            Ok(()) => drop(self.open.insert(req_id, Open { inquiry, callers: vec![command.token] })),
            Err(error) => core.refuse(command.token, error),
        }
    }

    /// The gateway's answer; false if the id is none of these questions.
    pub(super) fn answer(&mut self, core: &mut Core, req_id: i32, read: impl FnOnce(&C) -> Answer) -> bool {
        let Some(open) = self.open.remove(&req_id) else { return false };
        core.done(req_id);
        cancel(core, req_id, &open.inquiry);
        let answer = read(&open.inquiry.context);
        if !open.inquiry.keep.is_zero() {
            if self.kept.len() >= KEPT_MAX {
                self.kept.pop_front();
            }
            let (until, key) = (core.now.at + open.inquiry.keep, open.inquiry.key);
            self.kept.push_back(Kept { until, key, answer: answer.clone() });
        }
        for token in open.callers {
            core.answer(token, answer.clone());
        }
        true
    }

    /// An answer that carries no request id goes to the question with this key.
    pub(super) fn answer_to(&mut self, core: &mut Core, key: &str, read: impl FnOnce(&C) -> Answer) -> bool {
        let open = self.open.iter().find(|(_, open)| open.inquiry.key == key).map(|(req_id, _)| *req_id);
        open.is_some_and(|req_id| self.answer(core, req_id, read))
    }

    /// A notice that names a question; false if the id is none of these.
    pub(super) fn on_notice(&mut self, core: &mut Core, req_id: i32, notice: &Notice) -> bool {
        self.open.contains_key(&req_id)
            && (!notice.meaning.ends_request() || self.fail(core, req_id, &notice.to_error()))
    }

    /// The gateway refused something without saying what. If only one question can be meant, it is that.
    pub(super) fn on_unnamed_refusal(&mut self, core: &mut Core, is_unnamed: fn(&C) -> bool, notice: &Notice) {
        let mut meant = self.open.iter().filter(|(_, open)| is_unnamed(&open.inquiry.context)).map(|(id, _)| *id);
        if let (Some(req_id), None) = (meant.next(), meant.next()) {
            self.fail(core, req_id, &notice.to_error());
        }
    }

    pub(super) fn on_timeout(&mut self, core: &mut Core, req_id: i32) -> bool {
        if let Some(open) = self.open.get(&req_id) {
            cancel(core, req_id, &open.inquiry);
        }
        self.fail(core, req_id, &ApiError::new(ErrorCode::Timeout, "the gateway did not answer; ask again"))
    }

    /// Questions are not worth waiting for a new link, and what was true of the old one may not be of the next.
    pub(super) fn on_link_down(&mut self, core: &mut Core) {
        self.kept.clear();
        for (_, open) in std::mem::take(&mut self.open) {
            for token in open.callers {
                core.refuse(token, not_ready("the data link to the gateway was lost before the answer came"));
            }
        }
    }

    fn fail(&mut self, core: &mut Core, req_id: i32, error: &ApiError) -> bool {
        let Some(open) = self.open.remove(&req_id) else { return false };
        core.done(req_id);
        for token in open.callers {
            core.refuse(token, error.clone());
        }
        true
    }
}

/// What the gateway would go on with is ended, answered or not.
fn cancel<C>(core: &mut Core, req_id: i32, inquiry: &Inquiry<C>) {
    if let Some(request) = inquiry.cancel {
        core.cancelled(req_id);
        // Cancels are never refused.
        let _ = core.submit(Owner::Services, Errand::new(LinkName::Data, Class::Cancel, request(req_id)).id(req_id));
    }
}
