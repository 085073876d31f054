//! Order books.

use super::message;

use super::contract::Contract;

message! {
    /// Asks for the order book of one instrument, `num_rows` deep on each side (request 10). `is_smart_depth`
    /// gathers the books of all exchanges into one.
    MarketDepthRequest {
        1 req_id: int32,
        2 contract: Contract,
        3 num_rows: int32,
        4 is_smart_depth: bool,
        5 market_depth_options: {string},
    }

    /// Ends a depth stream (request 11). `is_smart_depth` must be as in the request.
    CancelMarketDepth {
        1 req_id: int32,
        2 is_smart_depth: bool,
    }

    /// One change of the order book of a single exchange (answer 12).
    MarketDepth {
        1 req_id: int32,
        2 market_depth_data: MarketDepthData,
    }

    /// One change of an order book whose rows name their market maker or exchange (answer 13).
    MarketDepthL2 {
        1 req_id: int32,
        2 market_depth_data: MarketDepthData,
    }

    /// A row of the book: `operation` 0 insert, 1 update, 2 delete; `side` 0 ask, 1 bid. `position` is the
    /// row's index; deleting one moves those below it up.
    MarketDepthData {
        1 position: int32,
        2 operation: int32,
        3 side: int32,
        4 price: double,
        5 size: string,
        6 market_maker: string,
        7 is_smart_depth: bool,
    }

    /// Answers a depth request for a CFD: ask for this contract on this exchange instead (answer 92).
    RerouteMarketDepthRequest {
        1 req_id: int32,
        2 con_id: int32,
        3 exchange: string,
    }

    /// Asks which exchanges offer depth (request 82).
    MarketDepthExchangesRequest {}

    /// The exchanges that offer depth (answer 80).
    MarketDepthExchanges {
        1 depth_market_data_descriptions: [DepthMarketDataDescription],
    }

    /// What one exchange offers for one security type.
    DepthMarketDataDescription {
        1 exchange: string,
        2 sec_type: string,
        3 listing_exch: string,
        4 service_data_type: string,
        5 agg_group: int32,
    }
}
