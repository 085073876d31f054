//! Messages of the `market_data` family.

use super::message;

use super::contract::Contract;

message! {
    /// Market data request (request 1).
    MarketDataRequest {
        1 req_id: int32,
        2 contract: Contract,
        3 generic_tick_list: string,
        4 snapshot: bool,
        5 regulatory_snapshot: bool,
        6 market_data_options: {string},
    }

    /// Cancel market data (request 2).
    CancelMarketData {
        1 req_id: int32,
    }

    /// Market data type request (request 59).
    MarketDataTypeRequest {
        1 market_data_type: int32,
    }

    /// Market data type (answer 58).
    MarketDataType {
        1 req_id: int32,
        2 market_data_type: int32,
    }

    /// Tick req params (answer 81).
    TickReqParams {
        1 req_id: int32,
        2 min_tick: string,
        3 bbo_exchange: string,
        4 snapshot_permissions: int32,
        5 last_price_precision: string,
        6 last_size_precision: string,
    }

    /// Tick price (answer 1).
    TickPrice {
        1 req_id: int32,
        2 tick_type: int32,
        3 price: double,
        4 size: string,
        5 attr_mask: int32,
    }

    /// Tick size (answer 2).
    TickSize {
        1 req_id: int32,
        2 tick_type: int32,
        3 size: string,
    }

    /// Tick generic (answer 45).
    TickGeneric {
        1 req_id: int32,
        2 tick_type: int32,
        3 value: double,
    }

    /// Tick string (answer 46).
    TickString {
        1 req_id: int32,
        2 tick_type: int32,
        3 value: string,
    }

    /// Tick option computation (answer 21).
    TickOptionComputation {
        1 req_id: int32,
        2 tick_type: int32,
        3 tick_attrib: int32,
        4 implied_vol: double,
        5 delta: double,
        6 opt_price: double,
        7 pv_dividend: double,
        8 gamma: double,
        9 vega: double,
        10 theta: double,
        11 und_price: double,
    }

    /// Tick snapshot end (answer 57).
    TickSnapshotEnd {
        1 req_id: int32,
    }

    /// Reroute market data request (answer 91).
    RerouteMarketDataRequest {
        1 req_id: int32,
        2 con_id: int32,
        3 exchange: string,
    }

    /// Calculate implied volatility request (request 54).
    CalculateImpliedVolatilityRequest {
        1 req_id: int32,
        2 contract: Contract,
        3 option_price: double,
        4 under_price: double,
        5 implied_volatility_options: {string},
    }

    /// Cancel calculate implied volatility (request 56).
    CancelCalculateImpliedVolatility {
        1 req_id: int32,
    }

    /// Calculate option price request (request 55).
    CalculateOptionPriceRequest {
        1 req_id: int32,
        2 contract: Contract,
        3 volatility: double,
        4 under_price: double,
        5 option_price_options: {string},
    }

    /// Cancel calculate option price (request 57).
    CancelCalculateOptionPrice {
        1 req_id: int32,
    }
}
