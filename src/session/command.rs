//! What can be asked of the session, and what it answers.

use std::time::Instant;

use compact_str::CompactString;
use serde::Serialize;

use super::{
    figures::Figures,
    orders::Family,
    reconfigure::Reconfigure,
    services::{ServiceAnswer, ServiceAsk},
};
use crate::schema::{
    ApiError,
    contract::ContractSpec,
    request::{
        account::{AccountQuery, Accounts, Executions, ExecutionsRequest, Pnl, PnlQuery, Positions, Summary},
        chain::{ChainManifest, ChainParameters, ChainRequest, ChainRow},
        contract::{
            Details, DetailsRequest, HoursAnswer, HoursRequest, RulesAnswer, RulesRequest, SearchAnswer, SearchRequest,
            ValidateRequest, Validated,
        },
        doctor::{Diagnosis, Doctor},
        gateway::{GatewayAnswer, GatewayCommand, GatewayRequest},
        history::{
            BarsRequest, BatchManifest, BatchRequest, Head, HeadRequest, Histogram, HistogramRequest, Manifest,
            PastTick, Progress, Schedule, ScheduleRequest, TicksRequest,
        },
        market::{Lease, Leases, ListLeases, Renew, Snapshot, SnapshotAnswer, Subscribe, Unsubscribe, Unsubscribed},
        order::{
            Bracket, CancelAll, CancelAllAnswer, CancelOrder, GetOrder, ListOrders, ModifyOrder, Oca, OrderAnswer,
            OrderAnswers, OrderCheck, OrderDetails, Orders, PlaceOrder, SettleOrder,
        },
        pace::{PaceCheck, PaceChecked, PaceStats, PaceStatus},
        process::{ConfigAnswer, LogLevel, LogLevelAnswer, Metrics},
        reload::{Reload, ReloadAnswer},
        risk::{Halt, HaltAnswer, Heartbeat, HeartbeatAnswer, Resumed, RiskState, SetLimits},
        status::{BridgeInfo, Health, PoolStatus},
    },
    risk::Sweep,
};

/// Names a caller that waits for a reply. Never used twice in one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Token(pub u64);

impl Token {
    /// True for requests the session makes of itself: their replies come back to it.
    pub(crate) fn is_own(self) -> bool {
        self.0 >= super::standing::OWN_TOKENS
    }
}

/// One request of a client.
#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    /// Who waits.
    pub token: Token,
    /// The client's name from the subject; `None` if the subject had none.
    pub client: Option<CompactString>,
    /// When the caller gives up.
    pub deadline: Instant,
    /// What is asked.
    pub ask: Ask,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "a variant is the request of its name in the published table")]
pub enum Ask {
    Subscribe(Box<Subscribe>),
    Renew(Renew),
    Unsubscribe(Unsubscribe),
    ListLeases(ListLeases),
    Snapshot(Box<Snapshot>),
    Bars(Box<BarsRequest>),
    Batch(Box<BatchRequest>),
    Ticks(Box<TicksRequest>),
    Schedule(Box<ScheduleRequest>),
    Histogram(Box<HistogramRequest>),
    Head(Box<HeadRequest>),
    Details(Box<DetailsRequest>),
    Hours(Box<HoursRequest>),
    Rules(Box<RulesRequest>),
    Chain(Box<ChainRequest>),
    Search(SearchRequest),
    Validate(ValidateRequest),
    PlaceOrder(Box<PlaceOrder>),
    CheckOrder(Box<PlaceOrder>),
    Bracket(Box<Bracket>),
    Oca(Box<Oca>),
    /// A bracket or a group, taken apart into its orders.
    Family(Box<Family>),
    ModifyOrder(Box<ModifyOrder>),
    CancelOrder(CancelOrder),
    CancelAll(CancelAll),
    ListOrders(ListOrders),
    GetOrder(GetOrder),
    SettleOrder(Box<SettleOrder>),
    ListAccounts,
    AccountSummary(AccountQuery),
    Positions(AccountQuery),
    Pnl(PnlQuery),
    Executions(ExecutionsRequest),
    RiskLimits,
    SetLimits(Box<SetLimits>),
    Halt(Halt),
    /// The halt file appeared or went; not for clients.
    HaltFile {
        is_there: bool,
        cancel: Sweep,
    },
    Resume,
    Heartbeat(Heartbeat),
    Gateway(GatewayCommand, GatewayRequest),
    BridgeInfo,
    BridgeHealth,
    PaceStatus,
    PaceStats,
    PaceCheck(Box<PaceCheck>),
    PoolStatus,
    /// Every figure of the session at one moment; not for clients.
    Figures,
    /// Other limits and subscriptions; not for clients.
    Reconfigure(Box<Reconfigure>),
    /// About the process, which the session knows nothing of.
    Process(Box<ProcessAsk>),
    /// News, scanners, option calculators, the calendar and tables.
    Service(Box<ServiceAsk>),
}

impl Ask {
    /// The contract that must be resolved to exactly one before this can be served.
    pub fn contract(&self) -> Option<&ContractSpec> {
        match self {
            Self::Subscribe(ask) => Some(&ask.contract),
            Self::Snapshot(ask) => Some(&ask.contract),
            Self::Bars(ask) => Some(&ask.contract),
            Self::Head(ask) => Some(&ask.contract),
            Self::Ticks(ask) => Some(&ask.contract),
            Self::Schedule(ask) => Some(&ask.contract),
            Self::Histogram(ask) => Some(&ask.contract),
            Self::Chain(ask) => Some(&ask.contract),
            Self::PlaceOrder(ask) | Self::CheckOrder(ask) => Some(&ask.contract),
            Self::Family(family) => family.next_contract(),
            Self::Service(ask) => ask.contract(),
            _ => None,
        }
    }

    /// True if parts of the answer come before the outcome.
    pub fn has_parts(&self) -> bool {
        matches!(self, Self::Bars(_) | Self::Batch(_) | Self::Ticks(_) | Self::Chain(_))
    }
}

impl Ask {
    /// True for what may bring about an order, so that an unknown outcome matters.
    pub fn is_order(&self) -> bool {
        matches!(
            self,
            Self::PlaceOrder(_)
                | Self::CheckOrder(_)
                | Self::Bracket(_)
                | Self::Oca(_)
                | Self::Family(_)
                | Self::ModifyOrder(_)
                | Self::CancelOrder(_)
                | Self::CancelAll(_)
        )
    }
}

/// What is asked about the process.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "a variant is the request of its name in the published table")]
pub enum ProcessAsk {
    Metrics,
    Config,
    LogLevel(LogLevel),
    Reload(Reload),
    Doctor(Box<Doctor>),
}

impl From<ProcessAsk> for Ask {
    fn from(ask: ProcessAsk) -> Self {
        Self::Process(Box::new(ask))
    }
}

/// What is answered about the process.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
#[expect(missing_docs, reason = "a variant is the answer of its name in the published table")]
pub enum ProcessAnswer {
    Metrics(Metrics),
    Config(ConfigAnswer),
    LogLevel(LogLevelAnswer),
    Reload(ReloadAnswer),
    Doctor(Diagnosis),
}

impl From<ProcessAnswer> for Answer {
    fn from(answer: ProcessAnswer) -> Self {
        Self::Process(Box::new(answer))
    }
}

/// What is answered. Serialized as the `data` of the reply.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
#[expect(missing_docs, reason = "a variant is the answer of its name in the published table")]
pub enum Answer {
    Lease(Box<Lease>),
    Unsubscribed(Unsubscribed),
    Leases(Box<Leases>),
    Snapshot(Box<SnapshotAnswer>),
    /// `manifest.pages` is filled in by the publisher.
    Bars(Box<Bars>),
    Batch(Box<BatchManifest>),
    /// The manifest; the ticks came in parts.
    Ticks(Box<Manifest>),
    Schedule(Box<Schedule>),
    Histogram(Box<Histogram>),
    Head(Box<Head>),
    Details(Box<Details>),
    Hours(Box<HoursAnswer>),
    Rules(Box<RulesAnswer>),
    /// The manifest; the options came in parts.
    Chain(Box<Chain>),
    Search(SearchAnswer),
    Validated(Validated),
    Order(Box<OrderAnswer>),
    OrderFamily(OrderAnswers),
    CancelAll(CancelAllAnswer),
    OrderCheck(Box<OrderCheck>),
    OrderDetails(Box<OrderDetails>),
    Orders(Orders),
    Accounts(Accounts),
    Summary(Summary),
    Positions(Positions),
    Pnl(Pnl),
    Executions(Executions),
    Risk(Box<RiskState>),
    Halted(Box<HaltAnswer>),
    Resumed(Resumed),
    Heartbeat(HeartbeatAnswer),
    Gateway(GatewayAnswer),
    BridgeInfo(Box<BridgeInfo>),
    Health(Box<Health>),
    PaceStatus(Box<PaceStatus>),
    PaceStats(PaceStats),
    PaceChecked(Box<PaceChecked>),
    PoolStatus(Box<PoolStatus>),
    Figures(Box<Figures>),
    /// Limits that a request outranks.
    Reconfigured {
        outranked: Vec<String>,
    },
    Process(Box<ProcessAnswer>),
    Service(Box<ServiceAnswer>),
}

/// The end of a history answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Bars {
    /// All rows if the session itself asked; none if a client did, who was sent them in parts before.
    pub rows: Vec<crate::schema::bar::Bar>,
    /// The summary.
    pub manifest: Manifest,
}

/// The end of an option chain.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Chain {
    /// What chains there are; if only this was asked for.
    pub parameters: Option<Vec<ChainParameters>>,
    /// The summary.
    pub manifest: ChainManifest,
}

/// Outcome of a command.
pub type Outcome = Result<Answer, ApiError>;

/// Parts of one answer that may wait to be taken. The session sends no more than this.
pub const PARTS_MAX: usize = 512;

/// A piece of a long answer, sent before the outcome.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// Place of the contract it belongs to, in answers about several.
    pub entry: Option<u32>,
    /// None if only the progress is told.
    pub rows: Rows,
    /// How far the answer has come.
    pub progress: Progress,
}

/// Rows of a part.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the kinds of rows there are")]
pub enum Rows {
    Bars(Vec<crate::schema::bar::Bar>),
    Ticks(Vec<PastTick>),
    Chain(Vec<ChainRow>),
}

impl Rows {
    /// True if there are no rows.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Bars(rows) => rows.is_empty(),
            Self::Ticks(rows) => rows.is_empty(),
            Self::Chain(rows) => rows.is_empty(),
        }
    }
}
