//! The golden requests other than orders, written by hand.

use std::collections::BTreeMap;

use ibnats::tws::Request;
use ibnats::tws::message::contract::{ComboLeg, Contract};
use ibnats::tws::message::order::OrderCancel;
use ibnats::tws::message::order_flow::ExecutionFilter;
use ibnats::tws::message::scanner::ScannerSubscription;
use ibnats::tws::message::{
    account, contract, depth, display_group, history, login, market_data, news, order_flow, scanner, tick_by_tick,
};

/// A present text.
#[expect(clippy::unnecessary_wraps, reason = "every field of a message is optional")]
pub(crate) fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

/// A stock known by its id.
pub(crate) fn stock() -> Contract {
    Contract { con_id: Some(265_598), primary_exch: some("NASDAQ"), ..described("AAPL", "STK", "SMART") }
}

/// An option known by its terms. The official client writes an unknown id as 0.
pub(crate) fn option() -> Contract {
    Contract {
        last_trade_date_or_contract_month: some("20261218"),
        strike: Some(250.0),
        right: some("C"),
        multiplier: Some(100.0),
        ..described("AAPL", "OPT", "SMART")
    }
}

/// A combination of two stocks.
pub(crate) fn bag() -> Contract {
    let leg = |con_id: i32, action: &str| ComboLeg {
        con_id: Some(con_id),
        ratio: Some(1),
        action: some(action),
        exchange: some("SMART"),
        open_close: Some(0),
        short_sales_slot: Some(0),
        exempt_code: Some(-1),
        ..ComboLeg::default()
    };
    Contract { combo_legs: vec![leg(1001, "BUY"), leg(1002, "SELL")], ..described("SPY", "BAG", "SMART") }
}

fn future() -> Contract {
    Contract { last_trade_date_or_contract_month: some("202612"), ..described("ES", "FUT", "CME") }
}

fn described(symbol: &str, sec_type: &str, exchange: &str) -> Contract {
    Contract {
        con_id: Some(0),
        symbol: some(symbol),
        sec_type: some(sec_type),
        exchange: some(exchange),
        currency: some("USD"),
        ..Contract::default()
    }
}

/// Builds a request; fields not named are absent.
macro_rules! request {
    ($module:ident::$name:ident { $($field:ident: $value:expr),* }) => {
        Request::$name(
            #[allow(clippy::needless_update, reason = "some messages are given whole")]
            $module::$name { $($field: Some($value.into()),)* ..Default::default() }.into(),
        )
    };
}

const ACCOUNT: &str = "DU1234567";

/// The request behind the row `call`.
#[rustfmt::skip]
#[expect(clippy::too_many_lines, reason = "a table")]
pub(crate) fn request(call: &str) -> Request {
    match call {
        "startApi" => request!(login::StartApiRequest { client_id: 7 }),
        "reqIds" => request!(login::IdsRequest { num_ids: 1 }),
        "reqCurrentTime" => request!(login::CurrentTimeRequest {}),
        "reqCurrentTimeInMillis" => request!(login::CurrentTimeInMillisRequest {}),
        "reqManagedAccts" => request!(login::ManagedAccountsRequest {}),
        "setServerLogLevel" => request!(login::SetServerLogLevelRequest { log_level: 2 }),
        "reqMktData stk" => request!(market_data::MarketDataRequest {
            req_id: 9001, contract: stock(), generic_tick_list: "100,101,233"
        }),
        "reqContractDetails stk" => request!(contract::ContractDataRequest { req_id: 9101, contract: stock() }),
        "reqMktData opt" => request!(market_data::MarketDataRequest {
            req_id: 9001, contract: option(), generic_tick_list: "100,101,233"
        }),
        "reqContractDetails opt" => request!(contract::ContractDataRequest { req_id: 9101, contract: option() }),
        "reqMktData fut" => request!(market_data::MarketDataRequest {
            req_id: 9001, contract: future(), generic_tick_list: "100,101,233"
        }),
        "reqContractDetails fut" => request!(contract::ContractDataRequest { req_id: 9101, contract: future() }),
        "reqMktData cash" => request!(market_data::MarketDataRequest {
            req_id: 9001, contract: described("EUR", "CASH", "IDEALPRO"), generic_tick_list: "100,101,233"
        }),
        "reqContractDetails cash" => request!(contract::ContractDataRequest {
            req_id: 9101, contract: described("EUR", "CASH", "IDEALPRO")
        }),
        "reqMktData bag" => request!(market_data::MarketDataRequest {
            req_id: 9001, contract: bag(), generic_tick_list: "100,101,233"
        }),
        "reqContractDetails bag" => request!(contract::ContractDataRequest { req_id: 9101, contract: bag() }),
        "reqMktData snapshot" => request!(market_data::MarketDataRequest {
            req_id: 9002, contract: stock(), snapshot: true
        }),
        "cancelMktData" => request!(market_data::CancelMarketData { req_id: 9001 }),
        "reqMarketDataType" => request!(market_data::MarketDataTypeRequest { market_data_type: 3 }),
        "reqTickByTickData Last" => request!(tick_by_tick::TickByTickRequest {
            req_id: 9200, contract: stock(), tick_type: "Last", number_of_ticks: 0
        }),
        "reqTickByTickData AllLast" => request!(tick_by_tick::TickByTickRequest {
            req_id: 9200, contract: stock(), tick_type: "AllLast", number_of_ticks: 0
        }),
        "reqTickByTickData BidAsk" => request!(tick_by_tick::TickByTickRequest {
            req_id: 9200, contract: stock(), tick_type: "BidAsk", number_of_ticks: 0
        }),
        "reqTickByTickData MidPoint" => request!(tick_by_tick::TickByTickRequest {
            req_id: 9200, contract: stock(), tick_type: "MidPoint", number_of_ticks: 0
        }),
        "cancelTickByTickData" => request!(tick_by_tick::CancelTickByTick { req_id: 9200 }),
        "reqRealTimeBars" => request!(history::RealTimeBarsRequest {
            req_id: 9300, contract: stock(), bar_size: 5, what_to_show: "TRADES", use_rth: true
        }),
        "cancelRealTimeBars" => request!(history::CancelRealTimeBars { req_id: 9300 }),
        "reqMktDepth" => request!(depth::MarketDepthRequest {
            req_id: 9400, contract: stock(), num_rows: 5, is_smart_depth: true
        }),
        "cancelMktDepth" => request!(depth::CancelMarketDepth { req_id: 9400, is_smart_depth: true }),
        "reqMktDepthExchanges" => request!(depth::MarketDepthExchangesRequest {}),
        "reqHistoricalData" => request!(history::HistoricalDataRequest {
            req_id: 9500, contract: stock(), end_date_time: "20261120-21:00:00", bar_size_setting: "1 min", duration: "1 D", use_rth: true, what_to_show: "TRADES", format_date: 2
        }),
        "reqHistoricalData keepUpToDate" => request!(history::HistoricalDataRequest {
            req_id: 9501, contract: stock(), bar_size_setting: "5 secs", duration: "1 D", what_to_show: "TRADES", format_date: 2, keep_up_to_date: true
        }),
        "cancelHistoricalData" => request!(history::CancelHistoricalData { req_id: 9501 }),
        "reqHeadTimeStamp" => request!(history::HeadTimestampRequest {
            req_id: 9502, contract: stock(), use_rth: true, what_to_show: "TRADES", format_date: 2
        }),
        "cancelHeadTimeStamp" => request!(history::CancelHeadTimestamp { req_id: 9502 }),
        "reqHistoricalTicks" => request!(tick_by_tick::HistoricalTicksRequest {
            req_id: 9503, contract: stock(), start_date_time: "20261120-14:30:00", number_of_ticks: 1000, what_to_show: "TRADES", use_rth: true
        }),
        "cancelHistoricalTicks" => request!(tick_by_tick::CancelHistoricalTicks { req_id: 9503 }),
        "reqHistogramData" => request!(history::HistogramDataRequest {
            req_id: 9504, contract: stock(), use_rth: true, time_period: "3 days"
        }),
        "cancelHistogramData" => request!(history::CancelHistogramData { req_id: 9504 }),
        "reqMatchingSymbols" => request!(contract::MatchingSymbolsRequest { req_id: 9600, pattern: "AAP" }),
        "reqSecDefOptParams" => request!(contract::SecDefOptParamsRequest {
            req_id: 9601, underlying_symbol: "AAPL", underlying_sec_type: "STK", underlying_con_id: 265_598
        }),
        "cancelContractData" => request!(contract::CancelContractData { req_id: 9101 }),
        "reqMarketRule" => request!(contract::MarketRuleRequest { market_rule_id: 26 }),
        "reqSmartComponents" => request!(contract::SmartComponentsRequest { req_id: 9602, bbo_exchange: "a6" }),
        "calculateImpliedVolatility" => request!(market_data::CalculateImpliedVolatilityRequest {
            req_id: 9603, contract: option(), option_price: 5.1, under_price: 250.0
        }),
        "cancelCalculateImpliedVolatility" => request!(market_data::CancelCalculateImpliedVolatility { req_id: 9603 }),
        "calculateOptionPrice" => request!(market_data::CalculateOptionPriceRequest {
            req_id: 9604, contract: option(), volatility: 0.2, under_price: 250.0
        }),
        "cancelCalculateOptionPrice" => request!(market_data::CancelCalculateOptionPrice { req_id: 9604 }),
        "cancelOrder" => request!(order_flow::CancelOrderRequest { order_id: 2, order_cancel: OrderCancel::default() }),
        "reqGlobalCancel" => request!(order_flow::GlobalCancelRequest { order_cancel: OrderCancel::default() }),
        "reqOpenOrders" => request!(order_flow::OpenOrdersRequest {}),
        "reqAllOpenOrders" => request!(order_flow::AllOpenOrdersRequest {}),
        "reqAutoOpenOrders" => request!(order_flow::AutoOpenOrdersRequest { auto_bind: true }),
        "reqCompletedOrders" => request!(order_flow::CompletedOrdersRequest {}),
        "reqExecutions" => request!(order_flow::ExecutionRequest { req_id: 9700, execution_filter: filter() }),
        "exerciseOptions" => request!(order_flow::ExerciseOptionsRequest {
            order_id: 9701, contract: option(), exercise_action: 1, exercise_quantity: 1, account: ACCOUNT
        }),
        "reqAccountUpdates" => request!(account::AccountDataRequest { subscribe: true, acct_code: ACCOUNT }),
        "reqAccountSummary" => request!(account::AccountSummaryRequest {
            req_id: 9800, group: "All", tags: "NetLiquidation,BuyingPower"
        }),
        "cancelAccountSummary" => request!(account::CancelAccountSummary { req_id: 9800 }),
        "reqPositions" => request!(account::PositionsRequest {}),
        "cancelPositions" => request!(account::CancelPositions {}),
        "reqPositionsMulti" => request!(account::PositionsMultiRequest { req_id: 9801, account: ACCOUNT }),
        "cancelPositionsMulti" => request!(account::CancelPositionsMulti { req_id: 9801 }),
        "reqAccountUpdatesMulti" => request!(account::AccountUpdatesMultiRequest {
            req_id: 9802, account: ACCOUNT, ledger_and_nlv: true
        }),
        "cancelAccountUpdatesMulti" => request!(account::CancelAccountUpdatesMulti { req_id: 9802 }),
        "reqPnL" => request!(account::PnLRequest { req_id: 9803, account: ACCOUNT }),
        "cancelPnL" => request!(account::CancelPnL { req_id: 9803 }),
        "reqPnLSingle" => request!(account::PnLSingleRequest { req_id: 9804, account: ACCOUNT, con_id: 265_598 }),
        "cancelPnLSingle" => request!(account::CancelPnLSingle { req_id: 9804 }),
        "reqFamilyCodes" => request!(account::FamilyCodesRequest {}),
        "reqSoftDollarTiers" => request!(account::SoftDollarTiersRequest { req_id: 9805 }),
        "reqUserInfo" => request!(login::UserInfoRequest { req_id: 9806 }),
        "requestFA" => request!(account::FARequest { fa_data_type: 1 }),
        "reqNewsProviders" => request!(news::NewsProvidersRequest {}),
        "reqNewsArticle" => request!(news::NewsArticleRequest {
            req_id: 9900, provider_code: "BRFG", article_id: "BRFG$0001"
        }),
        "reqHistoricalNews" => request!(news::HistoricalNewsRequest {
            req_id: 9901, con_id: 265_598, provider_codes: "BRFG+DJNL", total_results: 10
        }),
        "reqNewsBulletins" => request!(news::NewsBulletinsRequest { all_messages: true }),
        "cancelNewsBulletins" => request!(news::CancelNewsBulletins {}),
        "reqScannerParameters" => request!(scanner::ScannerParametersRequest {}),
        "reqScannerSubscription" => request!(scanner::ScannerSubscriptionRequest {
            req_id: 9902, scanner_subscription: scan()
        }),
        "cancelScannerSubscription" => request!(scanner::CancelScannerSubscription { req_id: 9902 }),
        "reqWshMetaData" => request!(news::WshMetaDataRequest { req_id: 9903 }),
        "cancelWshMetaData" => request!(news::CancelWshMetaData { req_id: 9903 }),
        "queryDisplayGroups" => request!(display_group::QueryDisplayGroupsRequest { req_id: 9904 }),
        other => panic!("no golden request {other}"),
    }
}

fn filter() -> ExecutionFilter {
    let time = some("20261120-00:00:00");
    ExecutionFilter { client_id: Some(7), acct_code: some(ACCOUNT), time, ..ExecutionFilter::default() }
}

fn scan() -> ScannerSubscription {
    ScannerSubscription {
        number_of_rows: Some(10),
        instrument: some("STK"),
        location_code: some("STK.US.MAJOR"),
        scan_code: some("TOP_PERC_GAIN"),
        scanner_subscription_filter_options: BTreeMap::from([("priceAbove".to_owned(), "5".to_owned())]),
        ..ScannerSubscription::default()
    }
}
