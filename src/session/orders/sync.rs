//! What the gateway is asked about orders as a whole: open orders, completed orders and executions,
//! at login, when IB is back, on a timer, and sooner while an outcome is unknown.

use std::time::{Duration, Instant};

use super::{Orders, book::Identity};
use crate::{
    config::ms,
    schema::{bridge::BridgeEvent, connection::LinkName},
    session::{
        Event,
        core::{Core, Errand, Owner},
        notice::Notice,
        pacing::Class,
        truth::IbChange,
    },
    tws::{
        Request,
        message::{
            login::IdsRequest,
            order_flow::{
                AllOpenOrdersRequest, AutoOpenOrdersRequest, CompletedOrdersRequest, ExecutionFilter, ExecutionRequest,
                OpenOrdersRequest,
            },
        },
    },
};

/// A round that messages may have been dropped from is followed by another after this.
const ROUND_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Ends of a list that are taken to be on their way still, at most.
const OWED_MAX: u8 = 2;
/// So many times `timing.sync_ms` after it was given up, an end has been swallowed.
const OWED_FOR: u32 = 2;

/// One of the three lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Open,
    Completed,
    Executions,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Progress {
    #[default]
    Idle,
    /// So many ends are still to come.
    Asked(u8),
    Ended,
    /// The gateway does not tell this login.
    Refused,
}

impl Progress {
    fn is_over(self) -> bool {
        matches!(self, Self::Ended | Self::Refused)
    }
}

/// How far the lists asked for last are.
///
/// The end of a list of open orders names no request, and a gateway may send one unasked after the
/// login. The list is therefore asked for twice: whichever two ends come, one whole list lies before
/// the second.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts about the rounds")]
pub(super) struct Sync {
    open: Progress,
    completed: Progress,
    executions: Progress,
    executions_id: Option<i32>,
    /// Counts rounds of all three lists; names what a list has told.
    pub(super) round: u64,
    /// The first round since the login.
    pub(super) login_round: u64,
    /// The round under way, since when.
    asked_at: Option<Instant>,
    /// A reason for another round came while one was under way.
    again: bool,
    next_at: Option<Instant>,
    /// IB was out of reach during the round: what the lists leave out proves nothing.
    is_partial: bool,
    /// Ends of open and of completed orders that stayed out too long, and since when. Should they come yet, they come
    /// before those of the next round; whether they were swallowed nobody says. The next round asks once more for each:
    /// whichever ends come then, one whole list of its own lies before the last.
    owed: [u8; 2],
    owed_since: Option<Instant>,
    /// The first round since the login is over.
    is_done: bool,
    was_done: bool,
    /// A round has begun, or ended, since this was last taken.
    pub(super) has_begun: bool,
    pub(super) has_ended: bool,
    /// Why the gateway takes no orders of this login.
    pub(super) read_only: Option<String>,
    /// IB is back: what became of orders meanwhile is asked, until then at the longest.
    reconciling_until: Option<Instant>,
    /// Lists that the gateway has not told since the login, which went on without them.
    pub(super) missing: Missing,
}

/// Lists without which the login went on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Missing {
    completed: bool,
    pub(super) executions: bool,
}

impl Missing {
    /// Their names; `None` if nothing is missing.
    pub(super) fn names(self) -> Option<&'static str> {
        match (self.completed, self.executions) {
            (true, true) => Some("the lists of completed orders and of executions"),
            (true, false) => Some("the list of completed orders"),
            (false, true) => Some("the list of executions"),
            (false, false) => None,
        }
    }
}

impl Sync {
    pub(super) fn is_done(&self) -> bool {
        self.is_done
    }

    /// Lists are on their way.
    pub(super) fn is_asking(&self) -> bool {
        self.asked_at.is_some()
    }

    /// IB is back, and what became of orders meanwhile is not known yet.
    pub(super) fn is_reconciling(&self, now: Instant) -> bool {
        self.reconciling_until.is_some_and(|until| now < until)
    }

    /// True from the first complete download on.
    pub(super) fn was_done(&self) -> bool {
        self.was_done
    }

    pub(super) fn on_link_down(&mut self) {
        *self =
            Self { round: self.round, was_done: self.was_done, read_only: self.read_only.take(), ..Self::default() };
    }

    /// True if this answers our request for executions, so that what it tells was not heard live.
    pub(super) fn is_recovery(&self, req_id: i32) -> bool {
        req_id >= 0 && Some(req_id) == self.executions_id
    }

    /// What the open orders just told leave out is not open.
    pub(super) fn lists_open(&self) -> bool {
        self.open == Progress::Ended && !self.is_partial
    }

    /// What all three lists leave out does not exist at the gateway.
    pub(super) fn lists_all(&self) -> bool {
        let ended = |progress| progress == Progress::Ended;
        self.lists_open() && ended(self.completed) && ended(self.executions)
    }

    /// Every list of the round has ended, or is not told this login.
    fn is_over(&self) -> bool {
        [self.open, self.completed, self.executions].into_iter().all(Progress::is_over)
    }

    /// The round takes too long.
    fn give_up(&mut self, now: Instant) {
        for (owed, progress) in self.owed.iter_mut().zip([&mut self.open, &mut self.completed]) {
            if let Progress::Asked(ends) = *progress {
                *owed = ends.min(OWED_MAX);
                *progress = Progress::Idle;
            }
        }
        self.owed_since = Some(now);
        if !self.executions.is_over() {
            (self.executions, self.executions_id) = (Progress::Idle, None);
        }
    }

    /// Ends of earlier rounds that may still come before those of the next one.
    fn take_owed(&mut self, now: Instant, swallowed_after: Duration) -> [u8; 2] {
        let may_come = self.owed_since.take().is_some_and(|since| since + swallowed_after > now);
        let owed = std::mem::take(&mut self.owed);
        if may_come { owed } else { [0; 2] }
    }

    /// An end came while nobody waits for it: that of a round that was given up.
    fn on_late_end(&mut self, part: Part) {
        let [open, completed] = &mut self.owed;
        match part {
            Part::Open => *open = open.saturating_sub(1),
            Part::Completed => *completed = completed.saturating_sub(1),
            Part::Executions => {}
        }
    }

    fn progress(&mut self, part: Part) -> &mut Progress {
        match part {
            Part::Open => &mut self.open,
            Part::Completed => &mut self.completed,
            Part::Executions => &mut self.executions,
        }
    }

    /// The next round comes this soon at the latest.
    pub(super) fn look_again_after(&mut self, now: Instant, wait: Duration) {
        let at = now + wait;
        self.next_at = Some(self.next_at.map_or(at, |next| next.min(at)));
    }

    fn wake_at(&self, core: &Core) -> Option<Instant> {
        let given_up_at = self.asked_at.filter(|_| self.is_done).map(|at| at + ms(core.config.timing.sync_ms));
        given_up_at.or(self.next_at)
    }
}

impl Orders {
    /// Logged in: take the order ids and ask for everything that is known about orders.
    pub(crate) fn start_sync(&mut self, core: &mut Core, client_id: i32, next_order_id: i32, accounts: &[String]) {
        self.client_id = client_id;
        self.accounts = accounts.to_vec();
        self.next_order_id = self.next_order_id.max(next_order_id).max(1);
        self.sync.read_only = None;
        if self.binds_manual_orders(core) {
            ask(core, None, Request::AutoOpenOrdersRequest(AutoOpenOrdersRequest { auto_bind: Some(true) }));
        }
        self.begin_round(core);
        self.sync.login_round = self.sync.round;
    }

    /// Only client 0 may bind, and binding can cost an order its place in the queue.
    fn binds_manual_orders(&self, core: &Core) -> bool {
        self.client_id == 0 && core.config.gateway.bind_manual_orders
    }

    fn begin_round(&mut self, core: &mut Core) {
        self.sync.round += 1;
        self.sync.asked_at = Some(core.now.at);
        self.sync.next_at = None;
        self.sync.again = false;
        self.sync.is_partial = core.ib_lost;
        self.sync.has_begun = true;
        let swallowed_after = ms(core.config.timing.sync_ms) * OWED_FOR;
        let [open_owed, completed_owed] = self.sync.take_owed(core.now.at, swallowed_after);
        let mut ends = 2 + open_owed;
        if self.binds_manual_orders(core) {
            // The list of our own orders binds what was typed in before.
            ask(core, None, Request::OpenOrdersRequest(OpenOrdersRequest {}));
            ends += 1;
        }
        for _ in 0..2 + open_owed {
            ask(core, None, Request::AllOpenOrdersRequest(AllOpenOrdersRequest {}));
        }
        for _ in 0..=completed_owed {
            ask(core, None, Request::CompletedOrdersRequest(CompletedOrdersRequest { api_only: Some(false) }));
        }
        (self.sync.open, self.sync.completed) = (Progress::Asked(ends), Progress::Asked(1 + completed_owed));
        let req_id = core.new_req_id();
        let request = ExecutionRequest { req_id: Some(req_id), execution_filter: Some(ExecutionFilter::default()) };
        if let Some(replaced) = self.sync.executions_id.replace(req_id) {
            core.done(replaced);
        }
        self.sync.executions = Progress::Asked(1);
        ask(core, Some(req_id), Request::ExecutionRequest(Box::new(request)));
        if self.sync.read_only.is_some() {
            (self.sync.open, self.sync.completed) = (Progress::Refused, Progress::Refused);
        }
    }

    /// Another round as soon as the one under way is over.
    fn want_round(&mut self, core: &mut Core) {
        if self.sync.asked_at.is_some() {
            self.sync.again = true;
        } else if self.sync.is_done {
            self.begin_round(core);
        }
    }

    /// The gateway took fewer messages than were sent and does not say which it dropped (100): the lists tell what became
    /// of orders, and cancels of those that live are sent again after it.
    pub(crate) fn on_messages_lost(&mut self, core: &mut Core) {
        self.doubt_cancels();
        if self.sync.asked_at.is_some() {
            // It may have dropped a part of the round, too. Not at once: complaints come in bursts.
            self.sync.look_again_after(core.now.at, ROUND_AGAIN_AFTER);
        } else {
            self.want_round(core);
        }
    }

    pub(crate) fn on_timer(&mut self, core: &mut Core) {
        if self.sync.wake_at(core).is_none_or(|at| at > core.now.at) {
            return;
        }
        if self.sync.asked_at.is_some() {
            if let Some(req_id) = self.sync.executions_id.filter(|_| !self.sync.executions.is_over()) {
                core.done(req_id);
            }
            self.sync.give_up(core.now.at);
            self.end_round(core);
        } else if core.ib_lost {
            // The gateway may swallow the question. When IB is back it is put at once.
            self.sync.next_at = None;
        } else {
            self.begin_round(core);
        }
    }

    pub(crate) fn wake_at(&self, core: &Core) -> Option<Instant> {
        self.sync.wake_at(core)
    }

    /// Everything asked for at login has been answered.
    pub(crate) fn is_synced(&self) -> bool {
        self.sync.is_done()
    }

    pub(super) fn on_download_end(&mut self, core: &mut Core, part: Part) {
        self.end(core, part, Progress::Ended);
    }

    pub(super) fn on_executions_end(&mut self, core: &mut Core, req_id: i32) {
        if Some(req_id) == self.sync.executions_id {
            core.done(req_id);
            self.recount(core);
            self.end(core, Part::Executions, Progress::Ended);
        }
    }

    /// A notice for the request of executions.
    pub(super) fn on_request_notice(&mut self, core: &mut Core, req_id: i32, notice: &Notice) {
        if Some(req_id) == self.sync.executions_id && notice.meaning.ends_request() {
            core.done(req_id);
            if !self.sync.executions.is_over() {
                self.end(core, Part::Executions, Progress::Refused);
            }
        }
    }

    /// The gateway refused something without saying what. In read-only mode it lists no orders and
    /// takes none, so there is nothing to wait for.
    pub(crate) fn on_unnamed_refusal(&mut self, core: &mut Core, notice: &Notice) {
        if notice.code == 321 && notice.text.to_ascii_lowercase().contains("read-only") {
            self.sync.read_only = Some(notice.text.clone());
            self.end(core, Part::Open, Progress::Refused);
            self.end(core, Part::Completed, Progress::Refused);
        }
    }

    fn end(&mut self, core: &mut Core, part: Part, progress: Progress) {
        self.find_missing(core, part);
        let slot = self.sync.progress(part);
        match (*slot, progress) {
            (Progress::Idle, Progress::Ended) => return self.sync.on_late_end(part),
            // One that came stays; and nobody asked.
            (Progress::Idle | Progress::Ended, _) => return,
            (Progress::Asked(ends), Progress::Ended) if ends > 1 => *slot = Progress::Asked(ends - 1),
            // A list that was given up may still come.
            _ => *slot = progress,
        }
        if self.sync.asked_at.is_some() && self.sync.is_over() {
            self.end_round(core);
        }
    }

    fn end_round(&mut self, core: &mut Core) {
        self.sync.asked_at = None;
        self.sync.has_ended = true;
        self.sync.is_done = true;
        self.sync.was_done = true;
        let reconcile_ms = core.config.timing.reconcile_ms;
        if reconcile_ms > 0 {
            self.sync.look_again_after(core.now.at, ms(reconcile_ms));
        }
        if self.sync.missing.names().is_some() {
            self.sync.look_again_after(core.now.at, ms(core.config.timing.sync_ms));
        }
        self.judge_unlisted(core);
        if self.sync.again {
            self.begin_round(core);
        } else if self.sync.is_over() && !self.sync.is_partial {
            self.sync.reconciling_until = None;
        }
    }

    /// The deadline of the login has passed. If nothing but lists of what is over has stayed out, the login goes on
    /// without them: absence proves nothing then, and new orders wait until they come. False if more is missing.
    pub(crate) fn go_on_without(&mut self, core: &mut Core) -> bool {
        if self.sync.is_done || self.sync.open != Progress::Ended {
            return false;
        }
        let missing =
            Missing { completed: !self.sync.completed.is_over(), executions: !self.sync.executions.is_over() };
        if let Some(req_id) = self.sync.executions_id.filter(|_| missing.executions) {
            core.done(req_id);
        }
        self.sync.give_up(core.now.at);
        self.sync.missing = missing;
        self.end_round(core);
        if let Some(names) = missing.names() {
            let mut event = BridgeEvent::new("lists_missing", core.now.us);
            event.message = Some(format!(
                "the gateway has not told {names} within timing.sync_ms of the login: cancels go, new orders are refused \
                 until it has"
            ));
            core.emit(Event::Bridge(Box::new(event)));
        }
        true
    }

    /// A list has come, be it late: nothing waits for it any more.
    fn find_missing(&mut self, core: &mut Core, part: Part) {
        let was_missing = self.sync.missing.names().is_some();
        match part {
            Part::Open => {}
            Part::Completed => self.sync.missing.completed = false,
            Part::Executions => self.sync.missing.executions = false,
        }
        if was_missing && self.sync.missing.names().is_none() {
            let mut event = BridgeEvent::new("lists_complete", core.now.us);
            event.message = Some("the gateway has told the lists that were missing since the login".to_owned());
            core.emit(Event::Bridge(Box::new(event)));
        }
    }

    /// IB is back, as one of the links was told first: no new orders until it is known what became of the others, but
    /// for `timing.sync_ms` at the longest, so that a list which never comes holds up no order for ever.
    pub(crate) fn on_ib_back(&mut self, core: &Core) {
        self.sync.reconciling_until = Some(core.now.at + ms(core.config.timing.sync_ms));
    }

    /// IB is back: what filled or ended meanwhile may have been told to nobody.
    pub(crate) fn on_ib_change(&mut self, core: &mut Core, change: IbChange) {
        if change == IbChange::Lost {
            self.sync.is_partial = true;
            return;
        }
        self.on_ib_back(core);
        if self.sync.asked_at.is_none() {
            // What was asked while IB was away and is still unanswered has been swallowed.
            self.sync.owed = [0; 2];
        }
        self.want_round(core);
    }

    /// The gateway names the lowest order id it would take. It can be lower than ids already used.
    pub(crate) fn on_next_order_id(&mut self, order_id: i32) {
        self.next_order_id = self.next_order_id.max(order_id);
    }

    /// An order id was refused as too low: later orders need a higher one.
    pub(super) fn ask_order_id(core: &mut Core) {
        ask(core, None, Request::IdsRequest(IdsRequest { num_ids: Some(1) }));
    }

    /// Order ids of our client only grow, whoever used them.
    pub(super) fn note_order_id(&mut self, identity: &Identity<'_>) {
        if let Some((client_id, order_id)) = identity.client_order(self.client_id)
            && client_id == self.client_id
            && !Core::is_req_id(order_id)
        {
            self.next_order_id = self.next_order_id.max(order_id.saturating_add(1));
        }
    }
}

fn ask(core: &mut Core, id: Option<i32>, request: Request) {
    let mut errand = Errand::new(LinkName::Trading, Class::Account, request);
    if let Some(id) = id {
        errand = errand.id(id);
    }
    // A login asks for a handful; the queue of this class holds thousands. Were it full, the
    // download would miss its deadline and the link be built anew.
    let _ = core.submit(Owner::Orders, errand);
}
