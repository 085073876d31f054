//! Level-1 market data and option calculations.

use super::message;

use super::contract::Contract;

message! {
    /// Asks for streaming level-1 ticks of one instrument, or for one snapshot (request 1). The tick types that
    /// come by default depend on the instrument; `generic_tick_list` (numbers with commas) adds more and must
    /// be empty for a snapshot.
    MarketDataRequest {
        1 req_id: int32,
        2 contract: Contract,
        3 generic_tick_list: string,
        4 snapshot: bool,
        5 regulatory_snapshot: bool,
        6 market_data_options: {string},
    }

    /// Ends a market data stream (request 2). A cancel that comes too late is answered with notice 300.
    CancelMarketData {
        1 req_id: int32,
    }

    /// Says which kind of data market data requests may fall back to: 1 live, 2 frozen, 3 delayed, 4
    /// delayed-frozen (request 59). Live data still comes where the login has permission.
    MarketDataTypeRequest {
        1 market_data_type: int32,
    }

    /// Says which kind of data a request gets from here on: 1 live, 2 frozen, 3 delayed, 4 delayed-frozen
    /// (answer 58). May change in flight.
    MarketDataType {
        1 req_id: int32,
        2 market_data_type: int32,
    }

    /// The parameters of a market data stream: the smallest price step, and the key under which
    /// [`super::contract::SmartComponentsRequest`] explains the exchange letters (answer 81).
    TickReqParams {
        1 req_id: int32,
        2 min_tick: string,
        3 bbo_exchange: string,
        4 snapshot_permissions: int32,
        5 last_price_precision: string,
        6 last_size_precision: string,
    }

    /// One price tick (answer 1). `size` belongs to the paired size tick type. Price -1 or 0 with size 0 means
    /// that there is no quote ([`crate::tws::sentinel::quoted_price`]); a negative price alone is legal.
    /// `attr_mask`: bit 0 can auto-execute, bit 1 past limit, bit 2 pre-open.
    TickPrice {
        1 req_id: int32,
        2 tick_type: int32,
        3 price: double,
        4 size: string,
        5 attr_mask: int32,
    }

    /// One size tick, as decimal text (answer 2). Repeats what the paired price tick already said, and comes
    /// alone when only the size changed.
    TickSize {
        1 req_id: int32,
        2 tick_type: int32,
        3 size: string,
    }

    /// One tick whose value is a number that is neither price nor size: shortability, halts, volatilities,
    /// counts (answer 45).
    TickGeneric {
        1 req_id: int32,
        2 tick_type: int32,
        3 value: double,
    }

    /// One tick whose value is text: exchange letters, last trade time in epoch seconds, RT volume, dividends
    /// (answer 46).
    TickString {
        1 req_id: int32,
        2 tick_type: int32,
        3 value: string,
    }

    /// Option values computed from one price (bid, ask, last, model), or the answer to a calculation request
    /// (answer 21). Not computed: `implied_vol` below 0; `delta`, `gamma`, `vega` and `theta` -2; `opt_price`,
    /// `pv_dividend` and `und_price` -1.
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

    /// Ends a snapshot request; no more ticks follow (answer 57). Comes 11 s after the request at the latest.
    TickSnapshotEnd {
        1 req_id: int32,
    }

    /// Answers a market data request for a CFD: ask for this contract on this exchange instead (answer 91).
    RerouteMarketDataRequest {
        1 req_id: int32,
        2 con_id: int32,
        3 exchange: string,
    }

    /// Asks which volatility explains an option price (request 54). Answered by [`TickOptionComputation`] and
    /// runs until cancelled.
    CalculateImpliedVolatilityRequest {
        1 req_id: int32,
        2 contract: Contract,
        3 option_price: double,
        4 under_price: double,
        5 implied_volatility_options: {string},
    }

    /// Ends a calculation of implied volatility (request 56).
    CancelCalculateImpliedVolatility {
        1 req_id: int32,
    }

    /// Asks what an option costs at a volatility (0.2 = 20 %) and an underlying price (request 55). Answered by
    /// [`TickOptionComputation`] and runs until cancelled.
    CalculateOptionPriceRequest {
        1 req_id: int32,
        2 contract: Contract,
        3 volatility: double,
        4 under_price: double,
        5 option_price_options: {string},
    }

    /// Ends a calculation of an option price (request 57).
    CancelCalculateOptionPrice {
        1 req_id: int32,
    }
}
