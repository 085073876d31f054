//! Messages of the `depth` family.

use super::message;

use super::contract::Contract;

message! {
    /// Market depth request (request 10).
    MarketDepthRequest {
        1 req_id: int32,
        2 contract: Contract,
        3 num_rows: int32,
        4 is_smart_depth: bool,
        5 market_depth_options: {string},
    }

    /// Cancel market depth (request 11).
    CancelMarketDepth {
        1 req_id: int32,
        2 is_smart_depth: bool,
    }

    /// Market depth (answer 12).
    MarketDepth {
        1 req_id: int32,
        2 market_depth_data: MarketDepthData,
    }

    /// Market depth l2 (answer 13).
    MarketDepthL2 {
        1 req_id: int32,
        2 market_depth_data: MarketDepthData,
    }

    /// Market depth data (part of other messages).
    MarketDepthData {
        1 position: int32,
        2 operation: int32,
        3 side: int32,
        4 price: double,
        5 size: string,
        6 market_maker: string,
        7 is_smart_depth: bool,
    }

    /// Reroute market depth request (answer 92).
    RerouteMarketDepthRequest {
        1 req_id: int32,
        2 con_id: int32,
        3 exchange: string,
    }

    /// Market depth exchanges request (request 82).
    MarketDepthExchangesRequest {}

    /// Market depth exchanges (answer 80).
    MarketDepthExchanges {
        1 depth_market_data_descriptions: [DepthMarketDataDescription],
    }

    /// Depth market data description (part of other messages).
    DepthMarketDataDescription {
        1 exchange: string,
        2 sec_type: string,
        3 listing_exch: string,
        4 service_data_type: string,
        5 agg_group: int32,
    }
}
