//! Orders, executions, positions and account of the simulated gateway, in IB's own messages.
//!
//! Pure: the caller passes the time (ms since the epoch, UTC) and the market ([`Book`]) and delivers what
//! comes out. Randomness comes from the seed alone, so that the same calls give the same answers.

mod account;
#[cfg(test)]
mod account_flows;
mod account_values;
mod advisor;
mod attached;
mod book;
mod calendar;
mod callbacks;
mod cancel;
mod checks;
#[cfg(test)]
mod client_flows;
mod commission;
mod conditions;
mod entry;
mod executions;
mod feeds;
mod hooks;
mod ids;
#[cfg(test)]
mod invariants;
mod ledger;
mod lifecycle;
mod matching;
#[cfg(test)]
mod order_flows;
mod orders;
mod pnl;
mod positions;
mod preview;
mod queries;
mod reply;
#[cfg(test)]
mod rig;
mod terms;
mod ticket;
mod valuation;
mod witness;

use std::collections::{BTreeMap, BTreeSet};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rust_decimal::Decimal;

pub use book::{Book, BookQuote, Resolved};
pub use callbacks::Callbacks;
pub use hooks::Behaviour;
pub use witness::{Executed, Placement, Standing};

use crate::tws::message::login::{ManagedAccounts, NextValidId};
use crate::tws::{Request, Response};

/// Dollars in a fresh paper account.
const PAPER_CASH: i64 = 250_000;

/// Who gets a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum To {
    /// The connected client with this id.
    Client(i32),
}

/// Messages in the order in which they must leave.
pub type Outgoing = Vec<(To, Response)>;

/// Time and market of one call.
#[derive(Clone, Copy)]
struct Moment<'a> {
    now_ms: i64,
    book: &'a dyn Book,
}

/// The account side of the simulated gateway, shared by all its clients.
pub struct Broker {
    accounts: BTreeMap<String, Books>,
    /// Books of models, by `<account>/<model>`: a part of the account's.
    models: BTreeMap<String, Books>,
    /// Groups of an advisor, and the accounts in each.
    groups: BTreeMap<String, Vec<String>>,
    behaviour: Behaviour,
    hooks: hooks::Pending,
    connected: BTreeSet<i32>,
    ids: ids::OrderIds,
    orders: orders::Orders,
    executions: executions::Executions,
    late_reports: Vec<(i64, i32, Response)>,
    /// News under way: when it arrives, and at whom.
    delayed: Vec<(i64, i32, Response)>,
    clock_ms: i64,
    placements: Vec<Placement>,
    binding: queries::Binding,
    feeds: feeds::Feeds,
    random: ChaCha8Rng,
    out: Outgoing,
}

/// An account's books now, and as they were before the oldest execution that can still be corrected.
struct Books {
    base: ledger::Ledger,
    now: ledger::Ledger,
    start_of_day: pnl::StartOfDay,
    /// Grows with every change of the books.
    changes: u64,
    /// IB is resetting the account: its figures are wrong.
    is_resetting: bool,
}

impl Books {
    fn with_cash(usd: Decimal) -> Self {
        let ledger = ledger::Ledger::with_cash(usd);
        let start_of_day = pnl::StartOfDay::default();
        Self { base: ledger.clone(), now: ledger, start_of_day, changes: 0, is_resetting: false }
    }
}

impl Broker {
    /// Paper accounts with 250,000 dollars each.
    pub fn new(accounts: Vec<String>, seed: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let fresh = || Books::with_cash(PAPER_CASH.into());
        Self {
            accounts: accounts.into_iter().map(|account| (account, fresh())).collect(),
            models: BTreeMap::new(),
            groups: BTreeMap::new(),
            behaviour: Behaviour::default(),
            hooks: hooks::Pending::default(),
            connected: BTreeSet::new(),
            ids: ids::OrderIds::default(),
            orders: orders::Orders::new(seed),
            executions: executions::Executions::new(random.next_u32()),
            late_reports: Vec::new(),
            delayed: Vec::new(),
            clock_ms: 0,
            placements: Vec::new(),
            binding: queries::Binding::default(),
            feeds: feeds::Feeds::default(),
            random,
            out: Vec::new(),
        }
    }

    /// Answers a request, or `None` if it is not about orders or the account.
    pub fn handle(&mut self, now_ms: i64, client_id: i32, request: &Request, book: &dyn Book) -> Option<Outgoing> {
        let at = Moment { now_ms, book };
        self.connected.insert(client_id);
        self.clock_ms = now_ms;
        self.begin_day(at);
        match request {
            Request::PlaceOrderRequest(request) => self.place(at, client_id, request),
            Request::CancelOrderRequest(request) => self.cancel(at, client_id, request.order_id()),
            Request::GlobalCancelRequest(_) => self.cancel_all(at),
            Request::OpenOrdersRequest(_) => self.open_orders(client_id),
            Request::AllOpenOrdersRequest(_) => self.all_open_orders(client_id),
            Request::AutoOpenOrdersRequest(request) => self.auto_open_orders(at, client_id, request.auto_bind()),
            Request::CompletedOrdersRequest(request) => self.completed_orders(client_id, request.api_only()),
            Request::ExecutionRequest(request) => self.executions(at, client_id, request),
            Request::PositionsRequest(_) => self.positions(at, client_id),
            Request::CancelPositions(_) => drop(self.feeds.positions.remove(&(client_id, None))),
            Request::PositionsMultiRequest(request) => self.positions_multi(at, client_id, request),
            Request::CancelPositionsMulti(request) => drop(self.feeds.positions.remove(&(client_id, request.req_id))),
            Request::AccountDataRequest(request) => self.account_data(at, client_id, request),
            Request::AccountUpdatesMultiRequest(request) => self.account_multi(at, client_id, request),
            Request::CancelAccountUpdatesMulti(request) => {
                drop(self.feeds.values.remove(&(client_id, feeds::Sort::Multi(request.req_id()))));
            }
            Request::AccountSummaryRequest(request) => self.account_summary(at, client_id, request),
            Request::CancelAccountSummary(request) => {
                drop(self.feeds.values.remove(&(client_id, feeds::Sort::Summary(request.req_id()))));
            }
            Request::PnLRequest(request) => self.pnl(at, client_id, request),
            Request::CancelPnL(request) => drop(self.feeds.pnl.remove(&(client_id, request.req_id()))),
            Request::PnLSingleRequest(request) => self.pnl_single(at, client_id, request),
            Request::CancelPnLSingle(request) => drop(self.feeds.pnl.remove(&(client_id, request.req_id()))),
            Request::ExerciseOptionsRequest(request) => self.exercise(at, client_id, request),
            Request::FARequest(request) => self.advisor_data(at, client_id, request.fa_data_type()),
            Request::FAReplace(request) => self.refuse_advisor(at, client_id, request.req_id()),
            Request::FamilyCodesRequest(_) => self.family_codes(client_id),
            Request::SoftDollarTiersRequest(request) => self.soft_dollar_tiers(client_id, request.req_id()),
            Request::IdsRequest(_) => self.tell(client_id, self.next_valid_id(client_id)),
            Request::ManagedAccountsRequest(_) => self.tell(client_id, self.managed_accounts()),
            _ => return None,
        }
        self.advance(at);
        Some(std::mem::take(&mut self.out))
    }

    /// Prices have moved, or about 100 ms have passed: triggers, fills, expiries and subscription updates.
    pub fn on_market(&mut self, now_ms: i64, book: &dyn Book) -> Outgoing {
        self.advance(Moment { now_ms, book });
        std::mem::take(&mut self.out)
    }

    /// What a gateway sends unasked after `StartApi`: accounts, next order id, then the client's open orders.
    pub fn on_login(&mut self, client_id: i32) -> Vec<Response> {
        self.connected.insert(client_id);
        self.tell(client_id, self.managed_accounts());
        self.tell(client_id, self.next_valid_id(client_id));
        self.open_orders(client_id);
        std::mem::take(&mut self.out).into_iter().map(|(_, response)| response).collect()
    }

    /// Ends the client's subscriptions. Its orders live on.
    pub fn on_disconnect(&mut self, client_id: i32) {
        self.connected.remove(&client_id);
        self.binding.forget(client_id);
        self.feeds.forget(client_id);
        self.ids.forget_shown(client_id);
        self.drop_delayed(client_id);
    }

    /// The number `nextValidId` announces to this client.
    pub fn next_order_id(&self, client_id: i32) -> i32 {
        self.ids.next(client_id)
    }

    /// Contracts whose prices the broker needs: those of open orders and positions. Ascending, each once.
    pub fn wanted(&self) -> Vec<i32> {
        let held = self.accounts.values().flat_map(|books| books.now.positions.keys().copied());
        let ordered = self.orders.open().map(ticket::Ticket::con_id);
        held.chain(ordered).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// The account's cash in one currency, exactly. `None` if there is no such account.
    pub fn cash(&self, account: &str, currency: &str) -> Option<Decimal> {
        Some(self.accounts.get(account)?.now.cash.get(currency).copied().unwrap_or_default())
    }

    /// What the account holds of a contract, exactly; zero for what it never held.
    pub fn position(&self, account: &str, con_id: i32) -> Decimal {
        self.accounts.get(account).map(|books| books.now.quantity(con_id)).unwrap_or_default()
    }

    fn next_valid_id(&self, client_id: i32) -> Response {
        Response::NextValidId(NextValidId { order_id: Some(self.ids.next(client_id)) })
    }

    fn managed_accounts(&self) -> Response {
        let accounts: Vec<&str> = self.accounts.keys().map(String::as_str).collect();
        Response::ManagedAccounts(ManagedAccounts { accounts_list: Some(accounts.join(",")) })
    }

    /// Queues a message, unless the client is gone.
    fn tell(&mut self, client_id: i32, response: Response) {
        if self.connected.contains(&client_id) {
            self.out.push((To::Client(client_id), response));
        }
    }

    /// The client is told of an order of its own.
    fn show_id(&mut self, client_id: i32, order_id: i32) {
        if self.connected.contains(&client_id) {
            self.ids.show(client_id, order_id);
        }
    }

    /// Queues a message about an order for its owner and for the master client.
    fn tell_about(&mut self, owner: i32, response: Response) {
        // Whether it arrives, or when, makes no difference to the gateway.
        match &response {
            Response::OpenOrder(open) => self.show_id(owner, open.order_id()),
            Response::OrderStatus(status) => self.show_id(owner, status.order_id()),
            _ => {}
        }
        if let Some(master) = self.ids.master.filter(|master| *master != owner) {
            self.call_back(master, response.clone());
        }
        self.call_back(owner, response);
    }
}
