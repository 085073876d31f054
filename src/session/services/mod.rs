//! What else the gateway offers: news, scanners, option calculators, the events calendar, tables.
//!
//! Each part owns its state and none calls another; this file hands each request, answer and cause
//! to the part it belongs to.

mod headlines;
mod news;
mod options;
mod reference;
mod scan;
mod shared;
mod sizes;
#[cfg(test)]
mod tests;
mod wsh;

use std::time::Instant;

use serde::Serialize;

use super::{
    Answer, Ask, CacheItem, Command, Listing,
    core::{Core, Owner},
    notice::Notice,
    truth::IbChange,
};
use crate::{
    schema::{
        ApiError, ErrorCode,
        connection::FarmKind,
        contract::ContractSpec,
        request::{
            market::Usage,
            news::{
                Article, ArticleRequest, Bulletins, BulletinsRequest, Headline, HeadlinesManifest, HeadlinesRequest,
                Providers, ProvidersRequest,
            },
            option::{Computation, PriceRequest, VolatilityRequest},
            reference::{
                Advisor, AdvisorRequest, Components, ComponentsRequest, DepthExchanges, Families, FundamentalsRequest,
                GatewayTime, ReferenceRequest, SoftDollarTiers, User,
            },
            scan::{
                ListScans, Parameters, ParametersRequest, RenewScan, RunScan, ScanLease, Scans as ScanList,
                SubscribeScan, UnsubscribeScan, UnsubscribedScan,
            },
            wsh::{Calendar, EventsRequest, MetaRequest},
        },
        scan::ScanEvent,
    },
    tws::{Response, message::login::CurrentTimeInMillis},
};

/// What can be asked of these services.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "a variant is the request of its name in the published table")]
pub enum ServiceAsk {
    NewsProviders(ProvidersRequest),
    Headlines(HeadlinesRequest),
    Article(ArticleRequest),
    Bulletins(BulletinsRequest),
    ScanParameters(ParametersRequest),
    RunScan(RunScan),
    SubscribeScan(SubscribeScan),
    RenewScan(RenewScan),
    UnsubscribeScan(UnsubscribeScan),
    ListScans(ListScans),
    OptionPrice(PriceRequest),
    OptionVolatility(VolatilityRequest),
    WshMeta(MetaRequest),
    WshEvents(EventsRequest),
    Components(ComponentsRequest),
    DepthExchanges(ReferenceRequest),
    Families(ReferenceRequest),
    SoftDollarTiers(ReferenceRequest),
    User(ReferenceRequest),
    Time(ReferenceRequest),
    Advisor(AdvisorRequest),
    Fundamentals(FundamentalsRequest),
}

impl From<ServiceAsk> for Ask {
    fn from(ask: ServiceAsk) -> Self {
        Self::Service(Box::new(ask))
    }
}

impl ServiceAsk {
    /// The contract that must be resolved to exactly one before this can be served.
    pub fn contract(&self) -> Option<&ContractSpec> {
        match self {
            Self::Headlines(ask) => Some(&ask.contract),
            Self::OptionPrice(ask) => Some(&ask.contract),
            Self::OptionVolatility(ask) => Some(&ask.contract),
            Self::WshEvents(ask) => ask.contract.as_ref(),
            Self::Components(ask) => ask.contract.as_ref(),
            _ => None,
        }
    }
}

/// What these services answer. Serialized as the `data` of the reply.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
#[expect(missing_docs, reason = "a variant is the answer of its name in the published table")]
pub enum ServiceAnswer {
    Providers(Providers),
    /// Cut into pages by the publisher; `manifest.pages` is filled in there.
    Headlines {
        rows: Vec<Headline>,
        manifest: HeadlinesManifest,
    },
    Article(Article),
    /// The publisher fills in `subject`.
    Bulletins(Bulletins),
    Parameters(Parameters),
    ScanResult(ScanEvent),
    /// The publisher fills in `subject`, as in the next.
    ScanLease(Box<ScanLease>),
    Scans(ScanList),
    UnsubscribedScan(UnsubscribedScan),
    Computation(Computation),
    Calendar(Calendar),
    Components(Components),
    DepthExchanges(DepthExchanges),
    Families(Families),
    SoftDollarTiers(SoftDollarTiers),
    User(User),
    Time(GatewayTime),
    Advisor(Advisor),
}

impl From<ServiceAnswer> for Answer {
    fn from(answer: ServiceAnswer) -> Self {
        Self::Service(Box::new(answer))
    }
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Services {
    is_up: bool,
    news: news::News,
    scan: scan::Scans,
    options: options::Calculators,
    reference: reference::Reference,
    wsh: wsh::Wsh,
}

impl Services {
    // Requests.

    /// Serves a request. `listing` is its contract, if it names one.
    pub(crate) fn ask(&mut self, core: &mut Core, command: &Command, ask: &ServiceAsk, listing: Option<&Listing>) {
        match ask {
            // What is known here needs no gateway.
            ServiceAsk::Bulletins(_) => return self.news.bulletins(core, command),
            ServiceAsk::RenewScan(ask) => return self.scan.renew(core, command, ask),
            ServiceAsk::UnsubscribeScan(ask) => return self.scan.unsubscribe(core, command, ask),
            ServiceAsk::ListScans(_) => return self.scan.list(core, command),
            ServiceAsk::Fundamentals(_) => return core.refuse(command.token, reference::no_fundamentals()),
            _ => {}
        }
        if let Err(error) = self.check(core, ask) {
            return core.refuse(command.token, error);
        }
        match (ask, listing) {
            (ServiceAsk::NewsProviders(_), _) => self.news.providers(core, command),
            (ServiceAsk::Article(ask), _) => self.news.article(core, command, ask),
            (ServiceAsk::Headlines(ask), Some(listing)) => self.news.headlines(core, command, ask, listing),
            (ServiceAsk::ScanParameters(ask), _) => self.scan.parameters(core, command, ask),
            (ServiceAsk::RunScan(ask), _) => self.scan.run(core, command, ask),
            (ServiceAsk::SubscribeScan(ask), _) => self.scan.subscribe(core, command, ask),
            (ServiceAsk::OptionPrice(ask), Some(listing)) => self.options.price(core, command, ask, listing),
            (ServiceAsk::OptionVolatility(ask), Some(listing)) => self.options.volatility(core, command, ask, listing),
            (ServiceAsk::WshMeta(_), _) => self.wsh.meta(core, command),
            (ServiceAsk::WshEvents(ask), listing) => self.wsh.events(core, command, ask, listing),
            (ServiceAsk::Components(ask), listing) => self.reference.components(core, command, ask, listing),
            (ask, _) => self.reference.ask(core, command, ask),
        }
    }

    /// Without IB the gateway leaves most of this unanswered; its clock is its own.
    fn check(&self, core: &Core, ask: &ServiceAsk) -> Result<(), ApiError> {
        if !self.is_up {
            return Err(not_ready("the data link to the gateway is down and will be dialled again"));
        }
        if core.ib_lost && !matches!(ask, ServiceAsk::Time(_)) {
            return Err(not_ready("the gateway has lost its link to IB").retry_after_ms(5_000));
        }
        Ok(())
    }

    /// Scanners at the gateway and allowed.
    pub(crate) fn scanner_usage(&self, core: &Core) -> Usage {
        self.scan.usage(core)
    }

    // Causes.

    /// Something that an earlier run asked to be kept. To be called before anything else.
    pub(crate) fn recall(&mut self, core: &mut Core, item: &CacheItem) {
        self.scan.recall(core, item);
    }

    /// `is_ib_lost`: the gateway has no link to IB.
    pub(crate) fn on_link_ready(&mut self, core: &mut Core, is_ib_lost: bool) {
        self.is_up = true;
        self.news.on_link_ready(core);
        self.scan.on_link_ready(core, is_ib_lost);
    }

    /// Called for each failed attempt, too.
    pub(crate) fn on_link_down(&mut self, core: &mut Core) {
        self.is_up = false;
        self.news.on_link_down(core);
        self.scan.on_link_down(core);
        self.options.on_link_down(core);
        self.reference.on_link_down(core);
        self.wsh.on_link_down(core);
    }

    /// The gateway lost IB or has it back.
    pub(crate) fn on_ib_change(&mut self, core: &mut Core, change: IbChange) {
        if change == IbChange::RestoredEmpty {
            news::News::on_ib_back_empty(core);
        }
        match change {
            IbChange::Lost => self.scan.on_ib_lost(core),
            IbChange::RestoredEmpty | IbChange::RestoredKept => self.scan.on_ib_back(core),
        }
    }

    /// The trading link was told that IB is in reach. What has become of the streams is told on their own link.
    pub(crate) fn on_ib_reached(&mut self, core: &mut Core) {
        self.scan.on_ib_reached(core);
    }

    /// A farm of this kind is back.
    pub(crate) fn on_farm_up(&mut self, core: &mut Core, kind: FarmKind) {
        if kind == FarmKind::Historical {
            self.scan.on_farm_up(core);
        }
    }

    /// An answer to something asked here.
    pub(crate) fn on_response(&mut self, core: &mut Core, response: Response) {
        let was_asked = match response {
            Response::NewsProviders(message) => self.news.on_providers(core, message),
            Response::NewsArticle(message) => self.news.on_article(core, message),
            Response::HistoricalNews(message) => self.news.on_headline(core, message),
            Response::HistoricalNewsEnd(message) => self.news.on_headlines_end(core, &message),
            Response::NewsBulletin(message) => {
                self.news.on_bulletin(core, message);
                Ok(())
            }
            Response::ScannerParameters(message) => self.scan.on_parameters(core, message),
            Response::ScannerData(message) => self.scan.on_result(core, message),
            Response::TickOptionComputation(message) => self.options.on_computation(core, &message),
            Response::WshMetaData(message) => self.wsh.on_meta(core, &message),
            Response::WshEventData(message) => self.wsh.on_events(core, &message),
            other => self.reference.on_response(core, other),
        };
        if let Err(req_id) = was_asked {
            core.late_answer(req_id);
        }
    }

    /// The gateway's clock, which the links ask for, too.
    pub(crate) fn on_time(&mut self, core: &mut Core, message: &CurrentTimeInMillis) {
        self.reference.on_time(core, message);
    }

    pub(crate) fn on_notice(&mut self, core: &mut Core, req_id: i32, notice: &Notice) {
        let _ = self.news.on_notice(core, req_id, notice)
            || self.scan.on_notice(core, req_id, notice)
            || self.options.on_notice(core, req_id, notice)
            || self.reference.on_notice(core, req_id, notice)
            || self.wsh.on_notice(core, req_id, notice);
    }

    /// The gateway refused something on the data link without saying what.
    pub(crate) fn on_unnamed_refusal(&mut self, core: &mut Core, notice: &Notice) {
        self.reference.on_unnamed_refusal(core, notice);
    }

    pub(crate) fn on_timeout(&mut self, core: &mut Core, req_id: i32) {
        let _ = self.news.on_timeout(core, req_id)
            || self.scan.on_timeout(core, req_id)
            || self.options.on_timeout(core, req_id)
            || self.reference.on_timeout(core, req_id)
            || self.wsh.on_timeout(core, req_id);
    }

    pub(crate) fn on_timer(&mut self, core: &mut Core) {
        self.news.on_timer(core);
        self.scan.on_timer(core);
        self.wsh.on_timer(core);
    }

    /// When [`Self::on_timer`] has something to do.
    pub(crate) fn wake_at(&self) -> Option<Instant> {
        self.scan.wake_at()
    }
}

/// True for answers to what these services have asked.
pub(crate) fn serves(core: &Core, response: &Response) -> bool {
    let req_id = match response {
        // The option calculators answer with a tick, and market data tells an instrument's group of exchanges.
        Response::TickOptionComputation(message) => message.req_id,
        Response::TickReqParams(message) => message.req_id,
        other => return serves_alone(other),
    };
    core.owner(req_id.unwrap_or_default()) == Some(Owner::Services)
}

/// True for answers that nobody else asks for.
fn serves_alone(response: &Response) -> bool {
    matches!(
        response,
        Response::NewsProviders(_)
            | Response::NewsArticle(_)
            | Response::HistoricalNews(_)
            | Response::HistoricalNewsEnd(_)
            | Response::NewsBulletin(_)
            | Response::ScannerParameters(_)
            | Response::ScannerData(_)
            | Response::WshMetaData(_)
            | Response::WshEventData(_)
            | Response::SmartComponents(_)
            | Response::SoftDollarTiers(_)
            | Response::UserInfo(_)
            | Response::MarketDepthExchanges(_)
            | Response::FamilyCodes(_)
            | Response::ReceiveFA(_)
    )
}

/// Whether an answer was asked for: `Err` names the request nobody waits for.
type Asked = Result<(), i32>;

fn asked(was_asked: bool, req_id: Option<i32>) -> Asked {
    if was_asked { Ok(()) } else { Err(req_id.unwrap_or_default()) }
}

fn not_ready(message: &str) -> ApiError {
    ApiError::new(ErrorCode::NotReady, message).retry_after_ms(1_000)
}

/// Text that may travel to the gateway: printable ASCII, as long as a code or a name may be.
fn plain(field: &str, text: &str, chars_max: usize) -> Result<(), ApiError> {
    let fits = !text.is_empty() && text.len() <= chars_max && text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    if fits {
        Ok(())
    } else {
        Err(ApiError::invalid(format!("{field} is 1 to {chars_max} printable ASCII characters")))
    }
}
