//! Every payload with a name, for `ibnats schema` and the tests.

use schemars::{JsonSchema, Schema, generate::SchemaSettings};

use super::error::Reply;
use super::request::{
    account as acct, chain, contract, doctor, gateway, history, market as md, order as ord, risk as rsk, status,
};
use super::request::{news as headlines, option, pace, process, reference, reload, scan as scanner, wsh};
use super::{account, bar, bridge, connection, market, news, order, risk, scan};

/// One published schema.
pub struct Entry {
    /// File name without extension: `event.quote`, `request.md.subscribe`, `reply.md.subscribe`.
    pub name: &'static str,
    /// Subject pattern it travels on, below the prefix.
    pub subject: &'static str,
    /// The JSON Schema (2020-12).
    pub schema: Schema,
}

fn entry<T: JsonSchema>(name: &'static str, subject: &'static str) -> Entry {
    // The contract describes what is written; `contract` of schemars would otherwise
    // mark defaulted fields as required.
    let mut schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<T>();
    schema.insert("x-subject".to_owned(), subject.into());
    Entry { name, subject, schema }
}

fn events() -> Vec<Entry> {
    vec![
        entry::<market::TickEvent>("event.tick", "tick.<inst>.<name>"),
        entry::<market::QuoteEvent>("event.quote", "quote.<inst>"),
        entry::<market::GreeksEvent>("event.greeks", "greeks.<inst>"),
        entry::<market::TickByTickEvent>("event.tbt", "tbt.<inst>.<kind>"),
        entry::<bar::BarEvent>("event.bar", "bar.<inst>.<size>"),
        entry::<market::DepthEvent>("event.depth", "depth.<inst>"),
        entry::<order::OrderEvent>("event.order", "order.<account>.<key>"),
        entry::<order::FillEvent>("event.fill", "fill.<account>.<key>"),
        entry::<account::PositionEvent>("event.position", "position.<account>.<inst>"),
        entry::<account::AccountValueEvent>("event.account", "account.<account>.<tag>"),
        entry::<account::PnlEvent>("event.pnl", "pnl.<account>"),
        entry::<account::PositionPnlEvent>("event.pnl.position", "pnl.<account>.<con_id>"),
        entry::<account::PositionEvent>("event.model.position", "model.<account>.<model>.position.<inst>"),
        entry::<account::AccountValueEvent>("event.model.value", "model.<account>.<model>.value.<tag>"),
        entry::<account::PnlEvent>("event.model.pnl", "model.<account>.<model>.pnl"),
        entry::<connection::ConnectionEvent>("event.conn.state", "conn.state"),
        entry::<connection::FarmEvent>("event.conn.farm", "conn.farm.<farm>"),
        entry::<connection::NoticeEvent>("event.conn.notice", "conn.notice"),
        entry::<connection::GapEvent>("event.gap", "gap.<inst>.<stream>"),
        entry::<risk::AuditEvent>("event.audit", "audit.<client>"),
        entry::<bridge::BridgeEvent>("event.bridge", "bridge.<event>"),
        entry::<news::NewsEvent>("event.news", "news.<provider>"),
        entry::<scan::ScanEvent>("event.scan", "scan.<id>"),
    ]
}

/// All schemas, events first.
pub fn all() -> Vec<Entry> {
    macro_rules! verbs {
        ($($subject:literal: $request:ty => $answer:ty,)*) => {
            vec![$(
                entry::<$request>(concat!("request.", $subject), concat!("req.", $subject)),
                entry::<Reply<$answer>>(concat!("reply.", $subject), concat!("req.", $subject)),
            )*]
        };
    }
    let mut entries = events();
    entries.extend(verbs! {
        "md.subscribe": md::Subscribe => md::Lease,
        "md.renew": md::Renew => md::Lease,
        "md.unsubscribe": md::Unsubscribe => md::Unsubscribed,
        "md.list": md::ListLeases => md::Leases,
        "md.snapshot": md::Snapshot => md::SnapshotAnswer,
        "hist.bars": history::BarsRequest => history::BarsPage,
        "hist.batch": history::BatchRequest => history::BatchPage,
        "hist.ticks": history::TicksRequest => history::TicksPage,
        "hist.schedule": history::ScheduleRequest => history::Schedule,
        "hist.histogram": history::HistogramRequest => history::Histogram,
        "hist.head": history::HeadRequest => history::Head,
        "contract.details": contract::DetailsRequest => contract::Details,
        "contract.hours": contract::HoursRequest => contract::HoursAnswer,
        "contract.rules": contract::RulesRequest => contract::RulesAnswer,
        "contract.chain": chain::ChainRequest => chain::ChainPage,
        "contract.search": contract::SearchRequest => contract::SearchAnswer,
        "contract.validate": contract::ValidateRequest => contract::Validated,
        "order.place": ord::PlaceOrder => ord::OrderAnswer,
        "order.check": ord::PlaceOrder => ord::OrderCheck,
        "order.bracket": ord::Bracket => ord::OrderAnswers,
        "order.oca": ord::Oca => ord::OrderAnswers,
        "order.modify": ord::ModifyOrder => ord::OrderAnswer,
        "order.cancel": ord::CancelOrder => ord::OrderAnswer,
        "order.cancel_all": ord::CancelAll => ord::CancelAllAnswer,
        "order.list": ord::ListOrders => ord::Orders,
        "order.settle": ord::SettleOrder => ord::OrderAnswer,
        "order.get": ord::GetOrder => ord::OrderDetails,
        "account.list": acct::ListAccounts => acct::Accounts,
        "account.summary": acct::AccountQuery => acct::Summary,
        "account.positions": acct::AccountQuery => acct::Positions,
        "account.pnl": acct::PnlQuery => acct::Pnl,
        "account.executions": acct::ExecutionsRequest => acct::Executions,
        "news.providers": headlines::ProvidersRequest => headlines::Providers,
        "news.headlines": headlines::HeadlinesRequest => headlines::HeadlinesPage,
        "news.article": headlines::ArticleRequest => headlines::Article,
        "news.bulletins": headlines::BulletinsRequest => headlines::Bulletins,
        "scan.parameters": scanner::ParametersRequest => scanner::Parameters,
        "scan.run": scanner::RunScan => scan::ScanEvent,
        "scan.subscribe": scanner::SubscribeScan => scanner::ScanLease,
        "scan.renew": scanner::RenewScan => scanner::ScanLease,
        "scan.unsubscribe": scanner::UnsubscribeScan => scanner::UnsubscribedScan,
        "scan.list": scanner::ListScans => scanner::Scans,
        "option.price": option::PriceRequest => option::Computation,
        "option.volatility": option::VolatilityRequest => option::Computation,
        "wsh.meta": wsh::MetaRequest => wsh::Calendar,
        "wsh.events": wsh::EventsRequest => wsh::Calendar,
        "reference.components": reference::ComponentsRequest => reference::Components,
        "reference.depth_exchanges": reference::ReferenceRequest => reference::DepthExchanges,
        "reference.families": reference::ReferenceRequest => reference::Families,
        "reference.soft_dollar_tiers": reference::ReferenceRequest => reference::SoftDollarTiers,
        "reference.user": reference::ReferenceRequest => reference::User,
        "reference.time": reference::ReferenceRequest => reference::GatewayTime,
        "reference.advisor": reference::AdvisorRequest => reference::Advisor,
        "reference.fundamentals": reference::FundamentalsRequest => reference::Fundamentals,
        "risk.limits": rsk::LimitsRequest => rsk::RiskState,
        "risk.set_limits": rsk::SetLimits => rsk::RiskState,
        "risk.halt": rsk::Halt => rsk::HaltAnswer,
        "risk.resume": rsk::Resume => rsk::Resumed,
        "risk.heartbeat": rsk::Heartbeat => rsk::HeartbeatAnswer,
        "gateway.restart": gateway::GatewayRequest => gateway::GatewayAnswer,
        "gateway.reconnect_data": gateway::GatewayRequest => gateway::GatewayAnswer,
        "gateway.reconnect_account": gateway::GatewayRequest => gateway::GatewayAnswer,
        "bridge.info": status::NoFields => status::BridgeInfo,
        "bridge.health": status::NoFields => status::Health,
        "pace.status": status::NoFields => pace::PaceStatus,
        "pace.stats": status::NoFields => pace::PaceStats,
        "pace.check": pace::PaceCheck => pace::PaceChecked,
        "pool.status": status::NoFields => status::PoolStatus,
        "pool.metrics": status::NoFields => process::Metrics,
        "bridge.config": status::NoFields => process::ConfigAnswer,
        "bridge.log_level": process::LogLevel => process::LogLevelAnswer,
        "bridge.doctor": doctor::Doctor => doctor::Diagnosis,
        "bridge.reload": reload::Reload => reload::ReloadAnswer,
    });
    entries
}
