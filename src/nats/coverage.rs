//! Which subject serves each request and each answer of the TWS API, or why none does.
//!
//! `docs/api-coverage.md` is written from these tables; a test compares both with the message tables
//! of the wire and with what the session really sends.

use std::fmt::Write as _;

use self::Use::{Both, Events, Inside, Not, Verbs};

/// What becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// Requests of the service that bring it about or are answered by it.
    Verbs(&'static [&'static str]),
    /// Subjects of events that it feeds, as in the README.
    Events(&'static [&'static str]),
    /// Requests of the service and subjects of events.
    Both(&'static [&'static str], &'static [&'static str]),
    /// The bridge needs it itself; why.
    Inside(&'static str),
    /// Neither sent nor served; why.
    Not(&'static str),
}

/// A message of the API: id, IB's name for it, what becomes of it.
pub type Row = (u32, &'static str, Use);

const TEXT_ONLY: &str = "exists only in the text protocol, which this bridge does not speak";
const THIRD_PARTY: &str = "introduces a registered third-party program to IB; this is none";
const DISPLAY_GROUPS: &str = "window groups belong to the screen of one TWS; a gateway has none, and a bridge for many clients must not move a person's windows";
const FA_WRITE: &str =
    "an adviser's configuration is changed by a person in TWS, not by a bridge that many programs share";
const READ_SETTINGS: &str =
    "`ibnats check` reads them, to say what will go wrong; the running bridge has no need of them";
const SETTINGS: &str =
    "the gateway's settings are its operator's: a program that can change them can lift the gateway's own safety";
const LOG_LEVEL: &str = "the gateway's log is its operator's; the bridge has its own";
const EXERCISE: &str = "exercising cannot be taken back and is not covered by the rules that keep an order from being sent twice; do it in TWS";

/// Client to gateway.
pub const REQUESTS: &[Row] = &[
    (1, "MarketDataRequest", Verbs(&["md.subscribe", "md.snapshot"])),
    (2, "CancelMarketData", Verbs(&["md.unsubscribe"])),
    (3, "PlaceOrderRequest", Verbs(&["order.place", "order.modify", "order.check", "order.bracket", "order.oca"])),
    (4, "CancelOrderRequest", Verbs(&["order.cancel", "order.cancel_all"])),
    (5, "OpenOrdersRequest", Inside("first download after a login")),
    (6, "AccountDataRequest", Verbs(&["account.summary", "account.positions"])),
    (7, "ExecutionRequest", Verbs(&["account.executions"])),
    (8, "IdsRequest", Inside("asks for the next order id when it is not sure of it")),
    (9, "ContractDataRequest", Verbs(&["contract.details", "contract.validate", "contract.hours"])),
    (10, "MarketDepthRequest", Verbs(&["md.subscribe"])),
    (11, "CancelMarketDepth", Verbs(&["md.unsubscribe"])),
    (12, "NewsBulletinsRequest", Verbs(&["news.bulletins"])),
    (
        13,
        "CancelNewsBulletins",
        Not("bulletins are held as long as the bridge runs: one message brings them for everybody"),
    ),
    (14, "SetServerLogLevelRequest", Not(LOG_LEVEL)),
    (15, "AutoOpenOrdersRequest", Inside("binds orders of TWS when the trading link has client id 0")),
    (16, "AllOpenOrdersRequest", Verbs(&["order.list", "order.get"])),
    (17, "ManagedAccountsRequest", Not("the gateway names the accounts at each login by itself")),
    (18, "FARequest", Verbs(&["reference.advisor"])),
    (19, "FAReplace", Not(FA_WRITE)),
    (20, "HistoricalDataRequest", Verbs(&["hist.bars", "hist.batch", "hist.schedule", "md.subscribe"])),
    (21, "ExerciseOptionsRequest", Not(EXERCISE)),
    (22, "ScannerSubscriptionRequest", Verbs(&["scan.run", "scan.subscribe"])),
    (23, "CancelScannerSubscription", Verbs(&["scan.unsubscribe"])),
    (24, "ScannerParametersRequest", Verbs(&["scan.parameters"])),
    (25, "CancelHistoricalData", Inside("ends history that nobody waits for any more")),
    (49, "CurrentTimeRequest", Inside("asks whether the gateway is alive")),
    (50, "RealTimeBarsRequest", Verbs(&["md.subscribe"])),
    (51, "CancelRealTimeBars", Verbs(&["md.unsubscribe"])),
    (54, "CalculateImpliedVolatilityRequest", Verbs(&["option.volatility"])),
    (55, "CalculateOptionPriceRequest", Verbs(&["option.price"])),
    (56, "CancelCalculateImpliedVolatility", Inside("ends each calculation once it is answered")),
    (57, "CancelCalculateOptionPrice", Inside("ends each calculation once it is answered")),
    (58, "GlobalCancelRequest", Verbs(&["order.cancel_all"])),
    (
        59,
        "MarketDataTypeRequest",
        Inside(
            "says which kind of data is wanted, just before a request that wants another kind than the one before it",
        ),
    ),
    (61, "PositionsRequest", Verbs(&["account.positions"])),
    (62, "AccountSummaryRequest", Verbs(&["account.summary"])),
    (63, "CancelAccountSummary", Inside("gives the slot back once the members of a group are known")),
    (64, "CancelPositions", Not("positions are held as long as the link lives")),
    (65, "VerifyRequest", Not(THIRD_PARTY)),
    (66, "VerifyMessageRequest", Not(THIRD_PARTY)),
    (67, "QueryDisplayGroupsRequest", Not(DISPLAY_GROUPS)),
    (68, "SubscribeToGroupEventsRequest", Not(DISPLAY_GROUPS)),
    (69, "UpdateDisplayGroupRequest", Not(DISPLAY_GROUPS)),
    (70, "UnsubscribeFromGroupEventsRequest", Not(DISPLAY_GROUPS)),
    (71, "StartApiRequest", Inside("logs in")),
    (72, "VerifyAndAuthRequest", Not(TEXT_ONLY)),
    (73, "VerifyAndAuthMessage", Not(TEXT_ONLY)),
    (74, "PositionsMultiRequest", Verbs(&["account.positions"])),
    (75, "CancelPositionsMulti", Inside("before positions are asked for again")),
    (76, "AccountUpdatesMultiRequest", Verbs(&["account.summary"])),
    (77, "CancelAccountUpdatesMulti", Inside("before values are asked for again")),
    (78, "SecDefOptParamsRequest", Verbs(&["contract.chain"])),
    (79, "SoftDollarTiersRequest", Verbs(&["reference.soft_dollar_tiers"])),
    (80, "FamilyCodesRequest", Verbs(&["reference.families"])),
    (81, "MatchingSymbolsRequest", Verbs(&["contract.search"])),
    (82, "MarketDepthExchangesRequest", Verbs(&["reference.depth_exchanges"])),
    (83, "SmartComponentsRequest", Verbs(&["reference.components"])),
    (84, "NewsArticleRequest", Verbs(&["news.article"])),
    (85, "NewsProvidersRequest", Verbs(&["news.providers", "news.headlines"])),
    (86, "HistoricalNewsRequest", Verbs(&["news.headlines"])),
    (87, "HeadTimestampRequest", Verbs(&["hist.head"])),
    (88, "HistogramDataRequest", Verbs(&["hist.histogram"])),
    (89, "CancelHistogramData", Inside("ends a question that nobody waits for any more")),
    (90, "CancelHeadTimestamp", Inside("ends each question for the earliest data: IB keeps it open otherwise")),
    (91, "MarketRuleRequest", Verbs(&["contract.rules"])),
    (92, "PnLRequest", Events(&["pnl.<account>"])),
    (93, "CancelPnL", Inside("before profit and loss is asked for again")),
    (94, "PnLSingleRequest", Events(&["pnl.<account>.<con_id>"])),
    (95, "CancelPnLSingle", Inside("ends the profit and loss of a position that was closed")),
    (96, "HistoricalTicksRequest", Verbs(&["hist.ticks"])),
    (97, "TickByTickRequest", Verbs(&["md.subscribe"])),
    (98, "CancelTickByTick", Verbs(&["md.unsubscribe"])),
    (99, "CompletedOrdersRequest", Verbs(&["order.list"])),
    (100, "WshMetaDataRequest", Verbs(&["wsh.meta", "wsh.events"])),
    (101, "CancelWshMetaData", Inside("ends a question about the calendar that was not answered in time")),
    (102, "WshEventDataRequest", Verbs(&["wsh.events"])),
    (103, "CancelWshEventData", Inside("ends a question about the calendar that was not answered in time")),
    (104, "UserInfoRequest", Verbs(&["reference.user"])),
    (105, "CurrentTimeInMillisRequest", Verbs(&["reference.time"])),
    (106, "CancelContractData", Not("lookups are shared and their answers kept, so a lookup is let run to its end")),
    (107, "CancelHistoricalTicks", Inside("ends a question that nobody waits for any more")),
    (108, "ConfigRequest", Not(READ_SETTINGS)),
    (109, "UpdateConfigRequest", Not(SETTINGS)),
];

/// Gateway to client.
pub const RESPONSES: &[Row] = &[
    (1, "TickPrice", Both(&["md.snapshot"], &["quote.<inst>", "tick.<inst>.<name>"])),
    (2, "TickSize", Both(&["md.snapshot"], &["quote.<inst>", "tick.<inst>.<name>"])),
    (3, "OrderStatus", Events(&["order.<account>.<key>"])),
    (4, "ErrorMessage", Events(&["conn.notice"])),
    (5, "OpenOrder", Events(&["order.<account>.<key>"])),
    (6, "AccountValue", Events(&["account.<account>.<tag>"])),
    (7, "PortfolioValue", Events(&["position.<account>.<inst>"])),
    (8, "AccountUpdateTime", Not("an hour and minute without a date that says nothing the values do not")),
    (9, "NextValidId", Inside("the first order id that may be used")),
    (10, "ContractData", Verbs(&["contract.details", "contract.validate", "contract.hours"])),
    (11, "ExecutionDetails", Events(&["fill.<account>.<key>"])),
    (12, "MarketDepth", Events(&["depth.<inst>"])),
    (13, "MarketDepthL2", Events(&["depth.<inst>"])),
    (14, "NewsBulletin", Events(&["news.<provider>"])),
    (15, "ManagedAccounts", Verbs(&["account.list"])),
    (16, "ReceiveFA", Verbs(&["reference.advisor"])),
    (17, "HistoricalData", Both(&["hist.bars", "hist.batch"], &["bar.<inst>.<size>"])),
    (18, "BondContractData", Verbs(&["contract.details", "contract.validate", "contract.hours"])),
    (19, "ScannerParameters", Verbs(&["scan.parameters"])),
    (20, "ScannerData", Both(&["scan.run"], &["scan.<id>"])),
    (
        21,
        "TickOptionComputation",
        Both(
            &["option.price", "option.volatility", "md.snapshot"],
            &["quote.<inst>", "tick.<inst>.<name>", "greeks.<inst>"],
        ),
    ),
    (45, "TickGeneric", Both(&["md.snapshot"], &["quote.<inst>", "tick.<inst>.<name>"])),
    (46, "TickString", Both(&["md.snapshot"], &["quote.<inst>", "tick.<inst>.<name>"])),
    (47, "TickEFP", Not(TEXT_ONLY)),
    (49, "CurrentTime", Inside("says that the gateway is alive")),
    (50, "RealTimeBarTick", Events(&["bar.<inst>.<size>"])),
    (52, "ContractDataEnd", Verbs(&["contract.details", "contract.validate", "contract.hours"])),
    (53, "OpenOrdersEnd", Inside("end of the first download")),
    (54, "AccountDataEnd", Inside("end of the first download")),
    (55, "ExecutionDetailsEnd", Inside("end of the first download")),
    (56, "DeltaNeutralValidation", Not(TEXT_ONLY)),
    (57, "TickSnapshotEnd", Verbs(&["md.snapshot"])),
    (58, "MarketDataType", Both(&["md.snapshot"], &["quote.<inst>"])),
    (59, "CommissionAndFeesReport", Events(&["fill.<account>.<key>"])),
    (61, "Position", Events(&["position.<account>.<inst>"])),
    (62, "PositionEnd", Inside("end of the first download")),
    (63, "AccountSummary", Events(&["account.<account>.<tag>"])),
    (64, "AccountSummaryEnd", Inside("end of the first download")),
    (65, "VerifyMessageApi", Not(THIRD_PARTY)),
    (66, "VerifyCompleted", Not(THIRD_PARTY)),
    (67, "DisplayGroupList", Not(DISPLAY_GROUPS)),
    (68, "DisplayGroupUpdated", Not(DISPLAY_GROUPS)),
    (69, "VerifyAndAuthMessageApi", Not(TEXT_ONLY)),
    (70, "VerifyAndAuthCompleted", Not(TEXT_ONLY)),
    (71, "PositionMulti", Events(&["position.<account>.<inst>", "model.<account>.<model>.position.<inst>"])),
    (72, "PositionMultiEnd", Inside("end of the first download")),
    (73, "AccountUpdateMulti", Events(&["account.<account>.<tag>", "model.<account>.<model>.value.<tag>"])),
    (74, "AccountUpdateMultiEnd", Inside("end of the first download")),
    (75, "SecDefOptParameter", Verbs(&["contract.chain"])),
    (76, "SecDefOptParameterEnd", Verbs(&["contract.chain"])),
    (77, "SoftDollarTiers", Verbs(&["reference.soft_dollar_tiers"])),
    (78, "FamilyCodes", Verbs(&["reference.families"])),
    (79, "SymbolSamples", Verbs(&["contract.search"])),
    (80, "MarketDepthExchanges", Verbs(&["reference.depth_exchanges"])),
    (81, "TickReqParams", Verbs(&["reference.components"])),
    (82, "SmartComponents", Verbs(&["reference.components"])),
    (83, "NewsArticle", Verbs(&["news.article"])),
    (84, "TickNews", Events(&["news.<provider>"])),
    (85, "NewsProviders", Verbs(&["news.providers"])),
    (86, "HistoricalNews", Verbs(&["news.headlines"])),
    (87, "HistoricalNewsEnd", Verbs(&["news.headlines"])),
    (88, "HeadTimestamp", Verbs(&["hist.head"])),
    (89, "HistogramData", Verbs(&["hist.histogram"])),
    (90, "HistoricalDataUpdate", Events(&["bar.<inst>.<size>"])),
    (91, "RerouteMarketDataRequest", Inside("the request is made again for the contract named")),
    (92, "RerouteMarketDepthRequest", Inside("the request is made again for the contract named")),
    (93, "MarketRule", Verbs(&["contract.rules"])),
    (94, "PnL", Events(&["pnl.<account>"])),
    (95, "PnLSingle", Events(&["pnl.<account>.<con_id>"])),
    (96, "HistoricalTicks", Verbs(&["hist.ticks"])),
    (97, "HistoricalTicksBidAsk", Verbs(&["hist.ticks"])),
    (98, "HistoricalTicksLast", Verbs(&["hist.ticks"])),
    (99, "TickByTickData", Events(&["tbt.<inst>.<kind>"])),
    (100, "OrderBound", Events(&["order.<account>.<key>"])),
    (101, "CompletedOrder", Events(&["order.<account>.<key>"])),
    (102, "CompletedOrdersEnd", Inside("end of the first download")),
    (103, "ReplaceFAEnd", Not(FA_WRITE)),
    (104, "WshMetaData", Verbs(&["wsh.meta"])),
    (105, "WshEventData", Verbs(&["wsh.events"])),
    (106, "HistoricalSchedule", Verbs(&["hist.schedule"])),
    (107, "UserInfo", Verbs(&["reference.user"])),
    (108, "HistoricalDataEnd", Both(&["hist.bars", "hist.batch"], &["bar.<inst>.<size>"])),
    (109, "CurrentTimeInMillis", Verbs(&["reference.time"])),
    (110, "ConfigResponse", Not(READ_SETTINGS)),
    (111, "UpdateConfigResponse", Not(SETTINGS)),
];

/// The page `docs/api-coverage.md`.
pub fn page() -> String {
    let mut page = String::from(
        "# Coverage of the TWS API\n\nEvery message of the TWS API with the subject that serves it, or the reason it has none. \
         This page is written from `src/nats/coverage.rs`; a test keeps it, the message tables and the code together. \
         Subjects are below the prefix: requests at `ib.req.<noun>.<verb>`, events at `ib.<subject>`.\n\n\
         Fundamental data (outgoing 52 and 53, incoming 51) no longer exists in the API: `reference.fundamentals` answers\n\
         `unsupported`.\n",
    );
    for (heading, rows) in
        [("Requests (client to gateway)", REQUESTS), ("Answers and events (gateway to client)", RESPONSES)]
    {
        let _ = write!(page, "\n## {heading}\n\n| id | message | served by |\n|---|---|---|\n");
        for (id, name, used) in rows {
            let served = match used {
                Verbs(names) => listed("request", names),
                Events(names) => listed("event", names),
                Both(verbs, events) => format!("{}; {}", listed("request", verbs), listed("event", events)),
                Inside(why) => format!("inside the bridge: {why}"),
                Not(why) => format!("none: {why}"),
            };
            let _ = writeln!(page, "| {id} | {name} | {served} |");
        }
    }
    page
}

fn listed(kind: &str, names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    format!("{kind} {}", names.join(", "))
}
