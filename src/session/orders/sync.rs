//! The download at login: open orders, completed orders and executions.

use super::{Orders, book::Identity};
use crate::{
    schema::{connection::LinkName, order::OrderState},
    session::{
        core::{Core, Errand, Owner},
        notice::Notice,
        pacing::Class,
        truth::IbChange,
    },
    tws::{
        Request,
        message::{
            login::IdsRequest,
            order_flow::{AllOpenOrdersRequest, CompletedOrdersRequest, ExecutionFilter, ExecutionRequest},
        },
    },
};

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
    Asked,
    Ended,
    /// The gateway does not tell this login.
    Refused,
}

/// How far the download since the last login is.
#[derive(Debug, Default)]
pub(super) struct Sync {
    open: Progress,
    completed: Progress,
    executions: Progress,
    executions_id: Option<i32>,
    /// Counts logins; names what a download has listed.
    pub(super) generation: u64,
    was_done: bool,
    /// Why the gateway takes no orders of this login.
    pub(super) read_only: Option<String>,
}

impl Sync {
    pub(super) fn is_done(&self) -> bool {
        let over = |progress| matches!(progress, Progress::Ended | Progress::Refused);
        over(self.open) && over(self.completed) && over(self.executions)
    }

    /// True from the first complete download on.
    pub(super) fn was_done(&self) -> bool {
        self.was_done
    }

    pub(super) fn on_link_down(&mut self) {
        (self.open, self.completed, self.executions) = (Progress::Idle, Progress::Idle, Progress::Idle);
        self.executions_id = None;
    }

    /// True if this answers our request for executions, so that what it tells was not heard live.
    pub(super) fn is_recovery(&self, req_id: i32) -> bool {
        req_id >= 0 && Some(req_id) == self.executions_id
    }

    fn progress(&mut self, part: Part) -> &mut Progress {
        match part {
            Part::Open => &mut self.open,
            Part::Completed => &mut self.completed,
            Part::Executions => &mut self.executions,
        }
    }
}

impl Orders {
    /// Logged in: take the order ids and ask for everything that is known about orders.
    pub(crate) fn start_sync(&mut self, core: &mut Core, client_id: i32, next_order_id: i32, accounts: &[String]) {
        self.client_id = client_id;
        self.accounts = accounts.to_vec();
        self.next_order_id = self.next_order_id.max(next_order_id).max(1);
        self.sync.generation += 1;
        self.sync.read_only = None;
        (self.sync.open, self.sync.completed) = (Progress::Asked, Progress::Asked);
        ask(core, None, Request::AllOpenOrdersRequest(AllOpenOrdersRequest {}));
        let completed = CompletedOrdersRequest { api_only: Some(false) };
        ask(core, None, Request::CompletedOrdersRequest(completed));
        self.ask_executions(core);
    }

    fn ask_executions(&mut self, core: &mut Core) {
        let req_id = core.new_req_id();
        let request = ExecutionRequest { req_id: Some(req_id), execution_filter: Some(ExecutionFilter::default()) };
        if let Some(replaced) = self.sync.executions_id.replace(req_id) {
            core.done(replaced);
        }
        self.sync.executions = Progress::Asked;
        ask(core, Some(req_id), Request::ExecutionRequest(Box::new(request)));
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
            self.end(core, Part::Executions, Progress::Ended);
        }
    }

    /// A notice for the request of executions.
    pub(super) fn on_request_notice(&mut self, core: &mut Core, req_id: i32, notice: &Notice) {
        if Some(req_id) == self.sync.executions_id && notice.meaning.ends_request() {
            core.done(req_id);
            if self.sync.executions == Progress::Asked {
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
        let was_done = self.sync.is_done();
        let slot = self.sync.progress(part);
        // A list that was given up may still come; one that came stays.
        if matches!(*slot, Progress::Idle | Progress::Ended) {
            return;
        }
        *slot = progress;
        if self.sync.is_done() && !was_done {
            self.sync.was_done = true;
            self.on_synced(core);
        }
    }

    /// What IB does not list as open any more, and nothing else accounts for, is in doubt.
    fn on_synced(&mut self, core: &mut Core) {
        let generation = self.sync.generation;
        let lists_open = self.sync.open == Progress::Ended;
        for key in self.book.open_keys() {
            self.change(core, &key, |record| {
                let may_be_unlisted = record.event.state == OrderState::Inactive || !record.facts.is_sent;
                if record.listed_in == generation || may_be_unlisted || !lists_open {
                    return;
                }
                let reason = if record.facts.is_heard_of() {
                    "IB no longer lists this order as open and does not say how it ended"
                } else {
                    "IB mentions this order neither as open, nor as completed, nor in an execution"
                };
                record.facts.in_doubt = true;
                record.explain(None, reason);
            });
        }
    }

    /// IB is back: what filled or ended meanwhile may have been told to nobody. The download counts as
    /// done all the while, so that a list which never comes holds up no order.
    pub(crate) fn on_ib_change(&mut self, core: &mut Core, change: IbChange) {
        if change == IbChange::Lost || !self.sync.is_done() {
            return;
        }
        ask(core, None, Request::AllOpenOrdersRequest(AllOpenOrdersRequest {}));
        ask(core, None, Request::CompletedOrdersRequest(CompletedOrdersRequest { api_only: Some(false) }));
        let progress = self.sync.executions;
        self.ask_executions(core);
        self.sync.executions = progress;
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
