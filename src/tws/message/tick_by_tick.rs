//! Every single tick, live and past.

use super::message;

use super::contract::Contract;

message! {
    /// Asks for every tick of one kind: `Last`, `AllLast`, `BidAsk` or `MidPoint` (request 97).
    TickByTickRequest {
        1 req_id: int32,
        2 contract: Contract,
        3 tick_type: string,
        4 number_of_ticks: int32,
        5 ignore_size: bool,
    }

    /// Ends a tick-by-tick stream (request 98).
    CancelTickByTick {
        1 req_id: int32,
    }

    /// One tick: `tick_type` 1 last, 2 all last, 3 bid and ask, 4 mid-point; exactly the matching part is
    /// present (answer 99).
    TickByTickData {
        1 req_id: int32,
        2 tick_type: int32,
        3 historical_tick_last: HistoricalTickLast,
        4 historical_tick_bid_ask: HistoricalTickBidAsk,
        5 historical_tick_mid_point: HistoricalTick,
    }

    /// One mid-point. `time` is in epoch seconds: several ticks share one, their order counts.
    HistoricalTick {
        1 time: int64,
        2 price: double,
        3 size: string,
    }

    /// One change of bid or ask. `time` is in epoch seconds.
    HistoricalTickBidAsk {
        1 time: int64,
        2 tick_attrib_bid_ask: TickAttribBidAsk,
        3 price_bid: double,
        4 price_ask: double,
        5 size_bid: string,
        6 size_ask: string,
    }

    /// One trade. `time` is in epoch seconds. Price 0, size 0 and past limit mean a halt; the next such tick
    /// its end.
    HistoricalTickLast {
        1 time: int64,
        2 tick_attrib_last: TickAttribLast,
        3 price: double,
        4 size: string,
        5 exchange: string,
        6 special_conditions: string,
    }

    /// Whether the quote is beyond the day's low or high.
    TickAttribBidAsk {
        1 bid_past_low: bool,
        2 ask_past_high: bool,
    }

    /// Whether the trade is beyond a price limit, or not reported to the tape.
    TickAttribLast {
        1 past_limit: bool,
        2 unreported: bool,
    }

    /// Asks for at most 1000 past ticks from a start or up to an end, not both (request 96).
    HistoricalTicksRequest {
        1 req_id: int32,
        2 contract: Contract,
        3 start_date_time: string,
        4 end_date_time: string,
        5 number_of_ticks: int32,
        6 what_to_show: string,
        7 use_rth: bool,
        8 ignore_size: bool,
        9 misc_options: {string},
    }

    /// Ends a query for past ticks (request 107). From [`crate::tws::ServerVersion::CANCEL_CONTRACT_DATA`].
    CancelHistoricalTicks {
        1 req_id: int32,
    }

    /// Past mid-points; `is_done` marks the last message (answer 96).
    HistoricalTicks {
        1 req_id: int32,
        2 historical_ticks: [HistoricalTick],
        3 is_done: bool,
    }

    /// Past quotes; `is_done` marks the last message (answer 97).
    HistoricalTicksBidAsk {
        1 req_id: int32,
        2 historical_ticks_bid_ask: [HistoricalTickBidAsk],
        3 is_done: bool,
    }

    /// Past trades; `is_done` marks the last message (answer 98).
    HistoricalTicksLast {
        1 req_id: int32,
        2 historical_ticks_last: [HistoricalTickLast],
        3 is_done: bool,
    }
}
