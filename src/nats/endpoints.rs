//! Every verb of the request service: what it is called, what it reads, how long it may take.

use std::time::Duration;

use super::encoding::Encoding;
use crate::{
    config::{Timing, ms},
    schema::{
        ApiError,
        bar::BarSize,
        request::{
            account::{AccountQuery, ExecutionsRequest, ListAccounts, PnlQuery},
            chain::ChainRequest,
            contract::{DetailsRequest, HoursRequest, RulesRequest, SearchRequest, ValidateRequest},
            doctor::Doctor,
            gateway::{GatewayCommand, GatewayRequest},
            history::{
                BarsRequest, BatchRequest, HeadRequest, HistogramRequest, ScheduleRequest, TicksRequest, TimePoint,
            },
            market::{ListLeases, Renew, Snapshot, Subscribe, Unsubscribe},
            news::{ArticleRequest, BulletinsRequest, HeadlinesRequest, ProvidersRequest},
            option::{PriceRequest, VolatilityRequest},
            order::{Bracket, CancelAll, CancelOrder, GetOrder, ListOrders, ModifyOrder, Oca, PlaceOrder, SettleOrder},
            pace::PaceCheck,
            process::LogLevel,
            reference::{AdvisorRequest, ComponentsRequest, FundamentalsRequest, ReferenceRequest},
            reload::Reload,
            risk::{Halt, Heartbeat, LimitsRequest, Resume, SetLimits},
            scan::{ListScans, ParametersRequest, RenewScan, RunScan, SubscribeScan, UnsubscribeScan},
            status::NoFields,
            wsh::{EventsRequest, MetaRequest},
        },
    },
    session::{Ask, ProcessAsk, services::ServiceAsk},
};

/// Longest time a caller may ask for.
const TIMEOUT_MAX: Duration = Duration::from_secs(3_600);
/// The gateway itself may take 11 s for a snapshot.
const SNAPSHOT: Duration = Duration::from_secs(12);
/// Longest time a caller may ask for where IB's limits make an answer last.
const HISTORY_MAX: Duration = Duration::from_secs(24 * 3_600);
/// A walk over ticks that names no limit.
const TICKS: Duration = Duration::from_secs(3_600);
/// Longer than a command to the program that runs the gateway may take by any sensible configuration.
const GATEWAY: Duration = Duration::from_secs(120);
/// A doctor that visits the gateway waits for its greeting, its login and a quote.
const DOCTOR: Duration = Duration::from_secs(30);
/// Option chains are looked up expiry by expiry.
const CHAIN: Duration = Duration::from_secs(120);

/// A request as read.
pub struct Asked {
    /// What is asked.
    pub ask: Ask,
    /// The caller's own limit.
    pub timeout_ms: Option<u64>,
}

/// One verb.
pub struct Verb {
    /// First word: `md`, `hist`, `order`, ...
    pub noun: &'static str,
    /// Second word.
    pub verb: &'static str,
    /// Reads the request.
    pub read: fn(Encoding, &[u8]) -> Result<Asked, ApiError>,
}

macro_rules! verbs {
    ($($noun:literal $verb:literal: $request:ty $([$timeout:ident])? => $ask:expr,)*) => {
        /// Every verb this release offers.
        pub const VERBS: &[Verb] = &[$(Verb {
            noun: $noun,
            verb: $verb,
            read: |encoding, payload| {
                let request: $request = encoding.read(payload)?;
                let timeout_ms = None$(.or(request.$timeout))?;
                let ask: fn($request) -> Ask = $ask;
                Ok(Asked { ask: ask(request), timeout_ms })
            },
        },)*];
    };
}

verbs! {
    "md" "subscribe": Subscribe [timeout_ms] => |request| Ask::Subscribe(Box::new(request)),
    "md" "renew": Renew => Ask::Renew,
    "md" "unsubscribe": Unsubscribe => Ask::Unsubscribe,
    "md" "list": ListLeases => Ask::ListLeases,
    "md" "snapshot": Snapshot [timeout_ms] => |request| Ask::Snapshot(Box::new(request)),
    "hist" "bars": BarsRequest [timeout_ms] => |request| Ask::Bars(Box::new(request)),
    "hist" "batch": BatchRequest [timeout_ms] => |request| Ask::Batch(Box::new(request)),
    "hist" "ticks": TicksRequest [timeout_ms] => |request| Ask::Ticks(Box::new(request)),
    "hist" "schedule": ScheduleRequest [timeout_ms] => |request| Ask::Schedule(Box::new(request)),
    "hist" "histogram": HistogramRequest [timeout_ms] => |request| Ask::Histogram(Box::new(request)),
    "hist" "head": HeadRequest [timeout_ms] => |request| Ask::Head(Box::new(request)),
    "contract" "details": DetailsRequest [timeout_ms] => |request| Ask::Details(Box::new(request)),
    "contract" "hours": HoursRequest [timeout_ms] => |request| Ask::Hours(Box::new(request)),
    "contract" "rules": RulesRequest [timeout_ms] => |request| Ask::Rules(Box::new(request)),
    "contract" "chain": ChainRequest [timeout_ms] => |request| Ask::Chain(Box::new(request)),
    "contract" "search": SearchRequest [timeout_ms] => Ask::Search,
    "contract" "validate": ValidateRequest [timeout_ms] => Ask::Validate,
    "order" "place": PlaceOrder [timeout_ms] => |request| Ask::PlaceOrder(Box::new(request)),
    "order" "check": PlaceOrder [timeout_ms] => |request| Ask::CheckOrder(Box::new(request)),
    "order" "bracket": Bracket [timeout_ms] => |request| Ask::Bracket(Box::new(request)),
    "order" "oca": Oca [timeout_ms] => |request| Ask::Oca(Box::new(request)),
    "order" "modify": ModifyOrder [timeout_ms] => |request| Ask::ModifyOrder(Box::new(request)),
    "order" "cancel": CancelOrder [timeout_ms] => Ask::CancelOrder,
    "order" "cancel_all": CancelAll [timeout_ms] => Ask::CancelAll,
    "order" "list": ListOrders => Ask::ListOrders,
    "order" "settle": SettleOrder => |request| Ask::SettleOrder(Box::new(request)),
    "order" "get": GetOrder => Ask::GetOrder,
    "account" "list": ListAccounts => |_| Ask::ListAccounts,
    "account" "summary": AccountQuery [timeout_ms] => Ask::AccountSummary,
    "account" "positions": AccountQuery [timeout_ms] => Ask::Positions,
    "account" "pnl": PnlQuery [timeout_ms] => Ask::Pnl,
    "account" "executions": ExecutionsRequest [timeout_ms] => Ask::Executions,
    "news" "providers": ProvidersRequest [timeout_ms] => |ask| ServiceAsk::NewsProviders(ask).into(),
    "news" "headlines": HeadlinesRequest [timeout_ms] => |ask| ServiceAsk::Headlines(ask).into(),
    "news" "article": ArticleRequest [timeout_ms] => |ask| ServiceAsk::Article(ask).into(),
    "news" "bulletins": BulletinsRequest => |ask| ServiceAsk::Bulletins(ask).into(),
    "scan" "parameters": ParametersRequest [timeout_ms] => |ask| ServiceAsk::ScanParameters(ask).into(),
    "scan" "run": RunScan [timeout_ms] => |ask| ServiceAsk::RunScan(ask).into(),
    "scan" "subscribe": SubscribeScan [timeout_ms] => |ask| ServiceAsk::SubscribeScan(ask).into(),
    "scan" "renew": RenewScan => |ask| ServiceAsk::RenewScan(ask).into(),
    "scan" "unsubscribe": UnsubscribeScan => |ask| ServiceAsk::UnsubscribeScan(ask).into(),
    "scan" "list": ListScans => |ask| ServiceAsk::ListScans(ask).into(),
    "option" "price": PriceRequest [timeout_ms] => |ask| ServiceAsk::OptionPrice(ask).into(),
    "option" "volatility": VolatilityRequest [timeout_ms] => |ask| ServiceAsk::OptionVolatility(ask).into(),
    "wsh" "meta": MetaRequest [timeout_ms] => |ask| ServiceAsk::WshMeta(ask).into(),
    "wsh" "events": EventsRequest [timeout_ms] => |ask| ServiceAsk::WshEvents(ask).into(),
    "reference" "components": ComponentsRequest [timeout_ms] => |ask| ServiceAsk::Components(ask).into(),
    "reference" "depth_exchanges": ReferenceRequest [timeout_ms] => |ask| ServiceAsk::DepthExchanges(ask).into(),
    "reference" "families": ReferenceRequest [timeout_ms] => |ask| ServiceAsk::Families(ask).into(),
    "reference" "soft_dollar_tiers": ReferenceRequest [timeout_ms] => |ask| ServiceAsk::SoftDollarTiers(ask).into(),
    "reference" "user": ReferenceRequest [timeout_ms] => |ask| ServiceAsk::User(ask).into(),
    "reference" "time": ReferenceRequest [timeout_ms] => |ask| ServiceAsk::Time(ask).into(),
    "reference" "advisor": AdvisorRequest [timeout_ms] => |ask| ServiceAsk::Advisor(ask).into(),
    "reference" "fundamentals": FundamentalsRequest => |ask| ServiceAsk::Fundamentals(ask).into(),
    "risk" "limits": LimitsRequest => |_| Ask::RiskLimits,
    "risk" "set_limits": SetLimits => |request| Ask::SetLimits(Box::new(request)),
    "risk" "halt": Halt => Ask::Halt,
    "risk" "resume": Resume => |_| Ask::Resume,
    "risk" "heartbeat": Heartbeat => Ask::Heartbeat,
    "gateway" "restart": GatewayRequest => |ask| Ask::Gateway(GatewayCommand::Restart, ask),
    "gateway" "reconnect_data": GatewayRequest => |ask| Ask::Gateway(GatewayCommand::ReconnectData, ask),
    "gateway" "reconnect_account": GatewayRequest => |ask| Ask::Gateway(GatewayCommand::ReconnectAccount, ask),
    "bridge" "info": NoFields => |_| Ask::BridgeInfo,
    "bridge" "health": NoFields => |_| Ask::BridgeHealth,
    "pace" "status": NoFields => |_| Ask::PaceStatus,
    "pace" "stats": NoFields => |_| Ask::PaceStats,
    "pace" "check": PaceCheck => |ask| Ask::PaceCheck(Box::new(ask)),
    "pool" "status": NoFields => |_| Ask::PoolStatus,
    "pool" "metrics": NoFields => |_| ProcessAsk::Metrics.into(),
    "bridge" "config": NoFields => |_| ProcessAsk::Config.into(),
    "bridge" "log_level": LogLevel => |ask| ProcessAsk::LogLevel(ask).into(),
    "bridge" "doctor": Doctor [timeout_ms] => |ask| ProcessAsk::Doctor(Box::new(ask)).into(),
    "bridge" "reload": Reload => |ask| ProcessAsk::Reload(ask).into(),
}

impl Verb {
    /// Name of the endpoint, with or without the client's name in its subject.
    pub fn endpoint(&self, named: bool) -> String {
        let suffix = if named { "-client" } else { "" };
        format!("{}-{}{suffix}", self.noun, self.verb)
    }
}

impl Asked {
    /// How long to wait for the outcome. `now_us` is our clock, for ranges that end now.
    pub fn timeout(&self, timing: &Timing, now_us: i64) -> Duration {
        let longest = if self.ask.has_parts() { HISTORY_MAX } else { TIMEOUT_MAX };
        if let Some(own) = self.timeout_ms {
            return ms(own).min(longest);
        }
        match &self.ask {
            ask if ask.is_order() => ms(timing.order_ms),
            // The limit of the command itself counts.
            Ask::Gateway(..) => GATEWAY,
            Ask::Snapshot(_) => SNAPSHOT.max(ms(timing.request_ms)),
            Ask::Process(ask) if matches!(**ask, ProcessAsk::Doctor(_)) => DOCTOR.max(ms(timing.request_ms)),
            Ask::Chain(_) => CHAIN.max(ms(timing.request_ms)),
            Ask::Head(_) | Ask::Schedule(_) | Ask::Histogram(_) => ms(timing.history_ms),
            Ask::Ticks(_) => TICKS,
            Ask::Service(ask) if matches!(**ask, ServiceAsk::Headlines(_)) => ms(timing.history_ms),
            Ask::Bars(request) => {
                let span = Span { start: request.start, end: request.end, duration: request.duration.as_deref() };
                ms(timing.history_ms).saturating_add(span.pacing(request.bar_size, 1, now_us)).min(longest)
            }
            Ask::Batch(request) => {
                let span = Span { start: request.start, end: request.end, duration: request.duration.as_deref() };
                let pacing = span.pacing(request.bar_size, request.contracts.len(), now_us);
                ms(timing.history_ms).saturating_add(pacing).min(longest)
            }
            _ => ms(timing.request_ms),
        }
    }
}

/// A range as a request names it.
struct Span<'a> {
    start: Option<TimePoint>,
    end: Option<TimePoint>,
    duration: Option<&'a str>,
}

impl Span<'_> {
    /// Time that IB's limits make the bars of this many contracts last, generously.
    fn pacing(&self, size: BarSize, contracts: usize, now_us: i64) -> Duration {
        let end_us = self.end.map_or(now_us, |end| end.us);
        let by_start = self.start.map(|start| end_us.saturating_sub(start.us) / 1_000_000);
        let seconds = by_start.or(self.duration.and_then(seconds)).unwrap_or(0).max(0);
        let bars = seconds / size.seconds();
        // Bars of one request, and time for each request: sixty in ten minutes and bid/ask twice for
        // bars of 30 s and less.
        let (bars_each, each) = match size.seconds() {
            1 => (2_000, 20),
            ..=30 => (5_000, 20),
            _ => (2_500, 2),
        };
        let requests = u64::try_from(bars / bars_each).unwrap_or(0);
        let contracts = u64::try_from(contracts).unwrap_or(u64::MAX);
        // Each contract beyond the first is at least one request.
        let requests = requests.saturating_mul(contracts).saturating_add(contracts.saturating_sub(1));
        Duration::from_secs(requests.saturating_mul(each))
    }
}

/// Length of `3600s`, `2h`, `5d`, `3w`, `6mo`, `1y` in seconds, about. The session judges the text.
fn seconds(duration: &str) -> Option<i64> {
    let unit = duration.trim_start_matches(|c: char| c.is_ascii_digit());
    let count: i64 = duration.strip_suffix(unit)?.parse().ok()?;
    let length = match unit {
        "s" => 1,
        "h" => 3_600,
        "d" => 86_400,
        "w" => 604_800,
        "mo" => 2_678_400,
        "y" => 31_622_400,
        _ => return None,
    };
    count.checked_mul(length)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::schema::registry;

    #[test]
    fn every_published_request_has_an_endpoint_and_every_endpoint_a_schema() {
        let published: BTreeSet<String> =
            registry::all().iter().filter_map(|entry| entry.name.strip_prefix("request.")).map(str::to_owned).collect();
        let offered: BTreeSet<String> = VERBS.iter().map(|verb| format!("{}.{}", verb.noun, verb.verb)).collect();
        assert_eq!(published, offered);
    }

    #[test]
    fn endpoint_names_are_unique() {
        let names: BTreeSet<String> =
            VERBS.iter().flat_map(|verb| [verb.endpoint(false), verb.endpoint(true)]).collect();
        assert_eq!(names.len(), 2 * VERBS.len());
    }

    #[track_caller]
    fn timeout(verb: (&str, &str), payload: &str) -> u64 {
        let verb = VERBS.iter().find(|row| (row.noun, row.verb) == verb).expect("a verb");
        let asked = (verb.read)(Encoding::Json, payload.as_bytes()).unwrap_or_else(|error| panic!("{error}"));
        u64::try_from(asked.timeout(&Timing::default(), 0).as_millis()).expect("not that long")
    }

    #[test]
    fn the_callers_own_limit_counts_else_the_kinds() {
        assert_eq!(timeout(("pace", "status"), ""), 10_000);
        assert_eq!(timeout(("order", "cancel"), r#"{"key":"k"}"#), 5_000);
        assert_eq!(timeout(("order", "cancel"), r#"{"key":"k","timeout_ms":700}"#), 700);
        assert_eq!(timeout(("md", "snapshot"), r#"{"contract":"STK:A","timeout_ms":999999999}"#), 3_600_000);
    }

    #[test]
    fn a_longer_range_of_bars_may_take_longer() {
        let bars = |rest: &str| timeout(("hist", "bars"), &format!(r#"{{"contract":"STK:A","bar_size":"5s",{rest}}}"#));
        assert_eq!(bars(r#""duration":"1h""#), 60_000);
        assert_eq!(bars(r#""duration":"1d""#), 120_000);
        assert_eq!(bars(r#""start":"1970-01-01","end":"1970-01-02""#), 120_000);
        assert_eq!(bars(r#""duration":"9999999999y""#), 24 * 3_600_000);
        assert_eq!(bars(r#""duration":"for ever""#), 60_000, "the session refuses it");
        assert_eq!(bars(r#""start":-9223372036854775808"#), 24 * 3_600_000);
        let batch = r#"{"contracts":["STK:A","STK:B","STK:C"],"bar_size":"1d","duration":"1y"}"#;
        assert_eq!(timeout(("hist", "batch"), batch), 64_000);
    }
}
