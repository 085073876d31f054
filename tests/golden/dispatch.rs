//! Every message by IB's name: the parts of other messages too, which have no id.

use ibnats::tws::message::{self, Field, Layout};
use prost::Message;
use serde_json::Value;

/// One message type, as far as golden data needs it.
pub(crate) struct Known {
    /// IB's name.
    pub(crate) name: &'static str,
    /// The production field table.
    pub(crate) fields: &'static [Field],
    /// Decodes a body with the production struct: its dump, and its bytes when encoded again.
    pub(crate) round_trip: fn(&[u8]) -> (Value, Vec<u8>),
}

fn round_trip<M: Message + Layout + Default>(body: &[u8]) -> (Value, Vec<u8>) {
    let message = M::decode(body).expect("a decodable body");
    (message.to_json(), message.encode_to_vec())
}

macro_rules! known {
    ($($module:ident: $($name:ident)+;)+) => {
        /// All message types.
        pub(crate) const KNOWN: &[Known] = &[$($( Known {
            name: <message::$module::$name as Layout>::NAME,
            fields: <message::$module::$name as Layout>::FIELDS,
            round_trip: round_trip::<message::$module::$name>,
        }, )+)+];
    };
}

#[rustfmt::skip]
known! {
    account: AccountDataRequest AccountValue PortfolioValue AccountUpdateTime AccountDataEnd
        AccountSummaryRequest CancelAccountSummary AccountSummary AccountSummaryEnd AccountUpdatesMultiRequest
        CancelAccountUpdatesMulti AccountUpdateMulti AccountUpdateMultiEnd PositionsRequest CancelPositions
        Position PositionEnd PositionsMultiRequest CancelPositionsMulti PositionMulti PositionMultiEnd
        PnLRequest CancelPnL PnL PnLSingleRequest CancelPnLSingle PnLSingle FamilyCodesRequest FamilyCodes
        FamilyCode SoftDollarTiersRequest SoftDollarTiers FARequest FAReplace ReceiveFA ReplaceFAEnd;
    contract: Contract ComboLeg DeltaNeutralContract ContractDetails IneligibilityReason ContractDataRequest
        CancelContractData ContractData ContractDataEnd MatchingSymbolsRequest SymbolSamples
        ContractDescription SecDefOptParamsRequest SecDefOptParameter SecDefOptParameterEnd MarketRuleRequest
        MarketRule PriceIncrement SmartComponentsRequest SmartComponents SmartComponent;
    depth: MarketDepthRequest CancelMarketDepth MarketDepth MarketDepthL2 MarketDepthData
        RerouteMarketDepthRequest MarketDepthExchangesRequest MarketDepthExchanges DepthMarketDataDescription;
    display_group: QueryDisplayGroupsRequest DisplayGroupList SubscribeToGroupEventsRequest
        UnsubscribeFromGroupEventsRequest DisplayGroupUpdated UpdateDisplayGroupRequest;
    gateway_settings: ConfigRequest ConfigResponse UpdateConfigRequest UpdateConfigResponse
        UpdateConfigWarning LockAndExitConfig MessageConfig ApiConfig ApiPrecautionsConfig ApiSettingsConfig
        OrdersConfig OrdersSmartRoutingConfig;
    history: HistoricalDataRequest CancelHistoricalData HistoricalData HistoricalDataBar HistoricalDataUpdate
        HistoricalDataEnd HistoricalSchedule HistoricalSession RealTimeBarsRequest CancelRealTimeBars
        RealTimeBarTick HeadTimestampRequest CancelHeadTimestamp HeadTimestamp HistogramDataRequest
        CancelHistogramData HistogramData HistogramDataEntry;
    login: StartApiRequest IdsRequest NextValidId ManagedAccountsRequest ManagedAccounts CurrentTimeRequest
        CurrentTime CurrentTimeInMillisRequest CurrentTimeInMillis SetServerLogLevelRequest ErrorMessage
        UserInfoRequest UserInfo VerifyRequest VerifyMessageRequest VerifyMessageApi VerifyCompleted;
    market_data: MarketDataRequest CancelMarketData MarketDataTypeRequest MarketDataType TickReqParams
        TickPrice TickSize TickGeneric TickString TickOptionComputation TickSnapshotEnd
        RerouteMarketDataRequest CalculateImpliedVolatilityRequest CancelCalculateImpliedVolatility
        CalculateOptionPriceRequest CancelCalculateOptionPrice;
    news: NewsBulletinsRequest CancelNewsBulletins NewsBulletin NewsProvidersRequest NewsProviders
        NewsProvider NewsArticleRequest NewsArticle HistoricalNewsRequest HistoricalNews HistoricalNewsEnd
        TickNews WshMetaDataRequest CancelWshMetaData WshMetaData WshEventDataRequest CancelWshEventData
        WshEventData;
    order: Order OrderCondition SoftDollarTier OrderState OrderAllocation OrderCancel AttachedOrders;
    order_flow: PlaceOrderRequest CancelOrderRequest GlobalCancelRequest ExerciseOptionsRequest
        OpenOrdersRequest AllOpenOrdersRequest AutoOpenOrdersRequest CompletedOrdersRequest OpenOrder
        OpenOrdersEnd OrderStatus OrderBound CompletedOrder CompletedOrdersEnd ExecutionRequest
        ExecutionFilter ExecutionDetails Execution ExecutionDetailsEnd CommissionAndFeesReport;
    scanner: ScannerParametersRequest ScannerParameters ScannerSubscriptionRequest CancelScannerSubscription
        ScannerSubscription ScannerData ScannerDataElement;
    tick_by_tick: TickByTickRequest CancelTickByTick TickByTickData HistoricalTick HistoricalTickBidAsk
        HistoricalTickLast TickAttribBidAsk TickAttribLast HistoricalTicksRequest CancelHistoricalTicks
        HistoricalTicks HistoricalTicksBidAsk HistoricalTicksLast;
}

/// The message type of this name.
#[track_caller]
pub(crate) fn known(name: &str) -> &'static Known {
    KNOWN.iter().find(|known| known.name == name).unwrap_or_else(|| panic!("no message {name}"))
}
