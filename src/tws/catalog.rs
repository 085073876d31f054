//! The two id tables: every request a client can send and every answer a gateway can give.

use bytes::{BufMut, Bytes, BytesMut};
use prost::Message;
use serde_json::Value;
use thiserror::Error;

use super::frame::{PROTOBUF_ID_OFFSET, put_frame};
use super::latin::read_as_latin_1;
use super::message::{Field, Layout};
#[allow(clippy::wildcard_imports, reason = "the tables below name every message")]
use super::message::{
    account::*, contract::*, depth::*, display_group::*, gateway_settings::*, history::*, login::*, market_data::*,
    news::*, order_flow::*, scanner::*, tick_by_tick::*,
};

/// A frame that cannot be turned into a message. Only that frame is lost; the stream goes on.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum DecodeError {
    /// No message of this direction has the id.
    #[error("unknown message id {id}")]
    UnknownId {
        /// Message id without the wire offset.
        id: u32,
    },
    /// The body is not what the id promises.
    #[error("{message}: undecodable body: {source}")]
    Body {
        /// IB's name of the message.
        message: &'static str,
        /// What the protobuf reader met.
        source: prost::DecodeError,
    },
}

macro_rules! catalog {
    (
        $(#[$doc:meta])*
        $catalog:ident { $($id:literal $variant:ident : $($message:ident)+,)* }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq)]
        #[expect(missing_docs, reason = "a variant is the message of its name")]
        pub enum $catalog {
            $( $variant(catalog!(@type $($message)+)), )*
        }

        impl $catalog {
            /// All ids with the names of their messages, ascending.
            pub const IDS: &'static [(u32, &'static str)] = &[$( ($id, stringify!($variant)) ),*];

            /// Message id, without the wire offset.
            pub fn id(&self) -> u32 {
                match self { $( Self::$variant(_) => $id, )* }
            }

            /// IB's name of the message.
            pub fn name(&self) -> &'static str {
                match self { $( Self::$variant(_) => stringify!($variant), )* }
            }

            /// Decodes the body of the message `id`. Unknown fields are skipped here; ask
            /// [`Self::is_exact`] whether there were any. Texts that are not UTF-8 are read as Latin-1.
            pub fn decode(id: u32, body: Bytes) -> Result<Self, DecodeError> {
                match id {
                    $( $id => catalog!(@decode body $variant $($message)+), )*
                    _ => Err(DecodeError::UnknownId { id }),
                }
            }

            /// True if the message accounts for every byte of the body it was decoded from.
            ///
            /// A cheap first look: `false` also comes from unusual but legal encodings, so follow it
            /// with [`super::unknown_fields`] and [`Self::fields`].
            pub fn is_exact(&self, body_len: usize) -> bool {
                body_len == match self { $( Self::$variant(message) => message.encoded_len(), )* }
            }

            /// The field table of the message.
            pub fn fields(&self) -> &'static [Field] {
                match self { $( Self::$variant(_) => <catalog!(@plain $($message)+) as Layout>::FIELDS, )* }
            }

            /// Appends the message as one frame, length prefix included.
            pub fn put(&self, buffer: &mut BytesMut) {
                put_frame(buffer, |out| {
                    out.put_u32(self.id() + PROTOBUF_ID_OFFSET);
                    match self { $( Self::$variant(message) => message.encode_raw(out), )* }
                });
            }

            /// The fields that are present, by name. For logs, recordings and tests.
            pub fn to_json(&self) -> Value {
                match self { $( Self::$variant(message) => message.to_json(), )* }
            }
        }
    };

    (@type box $message:ident) => { Box<$message> };
    (@type $message:ident) => { $message };
    (@plain box $message:ident) => { $message };
    (@plain $message:ident) => { $message };
    (@decode $body:ident $variant:ident box $message:ident) => {
        decode_body::<$message>(&$body).map(|message| Self::$variant(Box::new(message)))
    };
    (@decode $body:ident $variant:ident $message:ident) => {
        decode_body::<$message>(&$body).map(Self::$variant)
    };
}

/// Decodes a body; texts that are not UTF-8 are read as Latin-1 instead of losing the message.
fn decode_body<M: Message + Layout + Default>(body: &[u8]) -> Result<M, DecodeError> {
    M::decode(body).or_else(|source| {
        let repaired = read_as_latin_1(body, M::FIELDS).and_then(|body| M::decode(&body[..]).ok());
        repaired.ok_or(DecodeError::Body { message: M::NAME, source })
    })
}

catalog! {
    /// Client to gateway. Ids 72 and 73 exist only in text form and are left out.
    Request {
        1 MarketDataRequest: box MarketDataRequest,
        2 CancelMarketData: CancelMarketData,
        3 PlaceOrderRequest: box PlaceOrderRequest,
        4 CancelOrderRequest: CancelOrderRequest,
        5 OpenOrdersRequest: OpenOrdersRequest,
        6 AccountDataRequest: AccountDataRequest,
        7 ExecutionRequest: box ExecutionRequest,
        8 IdsRequest: IdsRequest,
        9 ContractDataRequest: box ContractDataRequest,
        10 MarketDepthRequest: box MarketDepthRequest,
        11 CancelMarketDepth: CancelMarketDepth,
        12 NewsBulletinsRequest: NewsBulletinsRequest,
        13 CancelNewsBulletins: CancelNewsBulletins,
        14 SetServerLogLevelRequest: SetServerLogLevelRequest,
        15 AutoOpenOrdersRequest: AutoOpenOrdersRequest,
        16 AllOpenOrdersRequest: AllOpenOrdersRequest,
        17 ManagedAccountsRequest: ManagedAccountsRequest,
        18 FARequest: FARequest,
        19 FAReplace: FAReplace,
        20 HistoricalDataRequest: box HistoricalDataRequest,
        21 ExerciseOptionsRequest: box ExerciseOptionsRequest,
        22 ScannerSubscriptionRequest: box ScannerSubscriptionRequest,
        23 CancelScannerSubscription: CancelScannerSubscription,
        24 ScannerParametersRequest: ScannerParametersRequest,
        25 CancelHistoricalData: CancelHistoricalData,
        49 CurrentTimeRequest: CurrentTimeRequest,
        50 RealTimeBarsRequest: box RealTimeBarsRequest,
        51 CancelRealTimeBars: CancelRealTimeBars,
        54 CalculateImpliedVolatilityRequest: box CalculateImpliedVolatilityRequest,
        55 CalculateOptionPriceRequest: box CalculateOptionPriceRequest,
        56 CancelCalculateImpliedVolatility: CancelCalculateImpliedVolatility,
        57 CancelCalculateOptionPrice: CancelCalculateOptionPrice,
        58 GlobalCancelRequest: GlobalCancelRequest,
        59 MarketDataTypeRequest: MarketDataTypeRequest,
        61 PositionsRequest: PositionsRequest,
        62 AccountSummaryRequest: AccountSummaryRequest,
        63 CancelAccountSummary: CancelAccountSummary,
        64 CancelPositions: CancelPositions,
        65 VerifyRequest: VerifyRequest,
        66 VerifyMessageRequest: VerifyMessageRequest,
        67 QueryDisplayGroupsRequest: QueryDisplayGroupsRequest,
        68 SubscribeToGroupEventsRequest: SubscribeToGroupEventsRequest,
        69 UpdateDisplayGroupRequest: UpdateDisplayGroupRequest,
        70 UnsubscribeFromGroupEventsRequest: UnsubscribeFromGroupEventsRequest,
        71 StartApiRequest: StartApiRequest,
        74 PositionsMultiRequest: PositionsMultiRequest,
        75 CancelPositionsMulti: CancelPositionsMulti,
        76 AccountUpdatesMultiRequest: AccountUpdatesMultiRequest,
        77 CancelAccountUpdatesMulti: CancelAccountUpdatesMulti,
        78 SecDefOptParamsRequest: SecDefOptParamsRequest,
        79 SoftDollarTiersRequest: SoftDollarTiersRequest,
        80 FamilyCodesRequest: FamilyCodesRequest,
        81 MatchingSymbolsRequest: MatchingSymbolsRequest,
        82 MarketDepthExchangesRequest: MarketDepthExchangesRequest,
        83 SmartComponentsRequest: SmartComponentsRequest,
        84 NewsArticleRequest: NewsArticleRequest,
        85 NewsProvidersRequest: NewsProvidersRequest,
        86 HistoricalNewsRequest: box HistoricalNewsRequest,
        87 HeadTimestampRequest: box HeadTimestampRequest,
        88 HistogramDataRequest: box HistogramDataRequest,
        89 CancelHistogramData: CancelHistogramData,
        90 CancelHeadTimestamp: CancelHeadTimestamp,
        91 MarketRuleRequest: MarketRuleRequest,
        92 PnLRequest: PnLRequest,
        93 CancelPnL: CancelPnL,
        94 PnLSingleRequest: PnLSingleRequest,
        95 CancelPnLSingle: CancelPnLSingle,
        96 HistoricalTicksRequest: box HistoricalTicksRequest,
        97 TickByTickRequest: box TickByTickRequest,
        98 CancelTickByTick: CancelTickByTick,
        99 CompletedOrdersRequest: CompletedOrdersRequest,
        100 WshMetaDataRequest: WshMetaDataRequest,
        101 CancelWshMetaData: CancelWshMetaData,
        102 WshEventDataRequest: box WshEventDataRequest,
        103 CancelWshEventData: CancelWshEventData,
        104 UserInfoRequest: UserInfoRequest,
        105 CurrentTimeInMillisRequest: CurrentTimeInMillisRequest,
        106 CancelContractData: CancelContractData,
        107 CancelHistoricalTicks: CancelHistoricalTicks,
        108 ConfigRequest: ConfigRequest,
        109 UpdateConfigRequest: box UpdateConfigRequest,
    }
}

catalog! {
    /// Gateway to client. Ids 47, 56, 69 and 70 exist only in text form and are left out.
    Response {
        1 TickPrice: TickPrice,
        2 TickSize: TickSize,
        3 OrderStatus: box OrderStatus,
        4 ErrorMessage: ErrorMessage,
        5 OpenOrder: box OpenOrder,
        6 AccountValue: AccountValue,
        7 PortfolioValue: box PortfolioValue,
        8 AccountUpdateTime: AccountUpdateTime,
        9 NextValidId: NextValidId,
        10 ContractData: box ContractData,
        11 ExecutionDetails: box ExecutionDetails,
        12 MarketDepth: MarketDepth,
        13 MarketDepthL2: MarketDepthL2,
        14 NewsBulletin: NewsBulletin,
        15 ManagedAccounts: ManagedAccounts,
        16 ReceiveFA: ReceiveFA,
        17 HistoricalData: HistoricalData,
        18 BondContractData: box ContractData,
        19 ScannerParameters: ScannerParameters,
        20 ScannerData: ScannerData,
        21 TickOptionComputation: box TickOptionComputation,
        45 TickGeneric: TickGeneric,
        46 TickString: TickString,
        49 CurrentTime: CurrentTime,
        50 RealTimeBarTick: box RealTimeBarTick,
        52 ContractDataEnd: ContractDataEnd,
        53 OpenOrdersEnd: OpenOrdersEnd,
        54 AccountDataEnd: AccountDataEnd,
        55 ExecutionDetailsEnd: ExecutionDetailsEnd,
        57 TickSnapshotEnd: TickSnapshotEnd,
        58 MarketDataType: MarketDataType,
        59 CommissionAndFeesReport: box CommissionAndFeesReport,
        61 Position: box Position,
        62 PositionEnd: PositionEnd,
        63 AccountSummary: AccountSummary,
        64 AccountSummaryEnd: AccountSummaryEnd,
        65 VerifyMessageApi: VerifyMessageApi,
        66 VerifyCompleted: VerifyCompleted,
        67 DisplayGroupList: DisplayGroupList,
        68 DisplayGroupUpdated: DisplayGroupUpdated,
        71 PositionMulti: box PositionMulti,
        72 PositionMultiEnd: PositionMultiEnd,
        73 AccountUpdateMulti: box AccountUpdateMulti,
        74 AccountUpdateMultiEnd: AccountUpdateMultiEnd,
        75 SecDefOptParameter: box SecDefOptParameter,
        76 SecDefOptParameterEnd: SecDefOptParameterEnd,
        77 SoftDollarTiers: SoftDollarTiers,
        78 FamilyCodes: FamilyCodes,
        79 SymbolSamples: SymbolSamples,
        80 MarketDepthExchanges: MarketDepthExchanges,
        81 TickReqParams: TickReqParams,
        82 SmartComponents: SmartComponents,
        83 NewsArticle: NewsArticle,
        84 TickNews: box TickNews,
        85 NewsProviders: NewsProviders,
        86 HistoricalNews: HistoricalNews,
        87 HistoricalNewsEnd: HistoricalNewsEnd,
        88 HeadTimestamp: HeadTimestamp,
        89 HistogramData: HistogramData,
        90 HistoricalDataUpdate: box HistoricalDataUpdate,
        91 RerouteMarketDataRequest: RerouteMarketDataRequest,
        92 RerouteMarketDepthRequest: RerouteMarketDepthRequest,
        93 MarketRule: MarketRule,
        94 PnL: PnL,
        95 PnLSingle: PnLSingle,
        96 HistoricalTicks: HistoricalTicks,
        97 HistoricalTicksBidAsk: HistoricalTicksBidAsk,
        98 HistoricalTicksLast: HistoricalTicksLast,
        99 TickByTickData: box TickByTickData,
        100 OrderBound: OrderBound,
        101 CompletedOrder: box CompletedOrder,
        102 CompletedOrdersEnd: CompletedOrdersEnd,
        103 ReplaceFAEnd: ReplaceFAEnd,
        104 WshMetaData: WshMetaData,
        105 WshEventData: WshEventData,
        106 HistoricalSchedule: HistoricalSchedule,
        107 UserInfo: UserInfo,
        108 HistoricalDataEnd: HistoricalDataEnd,
        109 CurrentTimeInMillis: CurrentTimeInMillis,
        110 ConfigResponse: box ConfigResponse,
        111 UpdateConfigResponse: box UpdateConfigResponse,
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;
    use crate::tws::frame::{Envelope, FRAME_BYTES_MAX, next_frame, open};
    use crate::tws::unknown_fields;

    /// A body made of fields that could be right: known numbers, any wire type, any content.
    fn plausible_body() -> impl Strategy<Value = Vec<u8>> {
        let number = prop_oneof![1_u32..12, 1_u32..160];
        let content = prop_oneof![
            any::<i32>().prop_map(|value| value.to_string().into_bytes()),
            prop::collection::vec(any::<u8>(), 0..24),
        ];
        let field = (number, 0_u8..6, any::<u64>(), content).prop_map(|(number, wire_type, value, content)| {
            let mut field = Vec::new();
            prost::encoding::encode_varint(u64::from(number) << 3 | u64::from(wire_type), &mut field);
            match wire_type {
                0 => prost::encoding::encode_varint(value, &mut field),
                1 => field.extend(value.to_le_bytes()),
                2 => {
                    prost::encoding::encode_varint(content.len() as u64, &mut field);
                    field.extend(content);
                }
                _ => field.extend(content),
            }
            field
        });
        prop::collection::vec(field, 0..8).prop_map(|fields| fields.concat())
    }

    fn body() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![plausible_body(), prop::collection::vec(any::<u8>(), 0..96)]
    }

    proptest! {
        /// Hostile input may be refused, never panic; what is accepted survives its own encoding.
        #[test]
        fn no_body_is_too_strange_and_an_accepted_one_keeps_its_values(id in 0_u32..130, body in body()) {
            let body = Bytes::from(body);
            if let Ok(response) = Response::decode(id, body.clone()) {
                let _ = (response.is_exact(body.len()), unknown_fields(&body, response.fields()));
                let mut frame = BytesMut::new();
                response.put(&mut frame);
                let again = next_frame(&mut frame, FRAME_BYTES_MAX).expect("a short frame").expect("a whole frame");
                let Envelope::Protobuf { id, body } = open(again) else { panic!("not protobuf") };
                let again = Response::decode(id, body).expect("our own encoding");
                // By its dump: NaN is not equal to itself.
                prop_assert_eq!(again.to_json(), response.to_json());
                prop_assert_eq!(again.id(), response.id());
            }
            if let Ok(request) = Request::decode(id, body.clone()) {
                let _ = (request.is_exact(body.len()), unknown_fields(&body, request.fields()));
                let mut frame = BytesMut::new();
                request.put(&mut frame);
                let again = next_frame(&mut frame, FRAME_BYTES_MAX).expect("a short frame").expect("a whole frame");
                let Envelope::Protobuf { id, body } = open(again) else { panic!("not protobuf") };
                prop_assert_eq!(Request::decode(id, body).expect("our own encoding").to_json(), request.to_json());
            }
        }

        #[test]
        fn a_tick_comes_back_as_it_was_sent(
            req_id: Option<i32>,
            tick_type: Option<i32>,
            price in proptest::option::of(proptest::num::f64::NORMAL | proptest::num::f64::ZERO),
            size: Option<String>,
            attr_mask: Option<i32>,
        ) {
            let tick = Response::TickPrice(TickPrice { req_id, tick_type, price, size, attr_mask });
            let mut frame = BytesMut::new();
            tick.put(&mut frame);
            let frame = next_frame(&mut frame, FRAME_BYTES_MAX).expect("a short frame").expect("a whole frame");
            let Envelope::Protobuf { id, body } = open(frame) else { panic!("not protobuf") };
            prop_assert!(tick.is_exact(body.len()));
            prop_assert_eq!(unknown_fields(&body, tick.fields()), Vec::<Vec<u32>>::new());
            prop_assert_eq!(Response::decode(id, body).expect("our own encoding"), tick);
        }

        #[test]
        fn an_error_message_comes_back_as_it_was_sent(
            id: Option<i32>,
            error_time: Option<i64>,
            error_code: Option<i32>,
            error_msg: Option<String>,
            advanced_order_reject_json: Option<String>,
        ) {
            let error = ErrorMessage { id, error_time, error_code, error_msg, advanced_order_reject_json };
            let body = Bytes::from(error.encode_to_vec());
            prop_assert_eq!(Response::decode(4, body).expect("our own encoding"), Response::ErrorMessage(error));
        }
    }

    #[test]
    fn an_id_of_the_text_protocol_is_unknown() {
        for id in [0, 47, 56, 69, 70, 112] {
            assert_eq!(Response::decode(id, Bytes::new()), Err(DecodeError::UnknownId { id }));
        }
        for id in [0, 26, 72, 73, 110] {
            assert_eq!(Request::decode(id, Bytes::new()), Err(DecodeError::UnknownId { id }));
        }
    }
}
