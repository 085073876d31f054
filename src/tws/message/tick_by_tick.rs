//! Messages of the `tick_by_tick` family.

use super::message;

use super::contract::Contract;

message! {
    /// Tick by tick request (request 97).
    TickByTickRequest {
        1 req_id: int32,
        2 contract: Contract,
        3 tick_type: string,
        4 number_of_ticks: int32,
        5 ignore_size: bool,
    }

    /// Cancel tick by tick (request 98).
    CancelTickByTick {
        1 req_id: int32,
    }

    /// Tick by tick data (answer 99).
    TickByTickData {
        1 req_id: int32,
        2 tick_type: int32,
        3 historical_tick_last: HistoricalTickLast,
        4 historical_tick_bid_ask: HistoricalTickBidAsk,
        5 historical_tick_mid_point: HistoricalTick,
    }

    /// Historical tick (part of other messages).
    HistoricalTick {
        1 time: int64,
        2 price: double,
        3 size: string,
    }

    /// Historical tick bid ask (part of other messages).
    HistoricalTickBidAsk {
        1 time: int64,
        2 tick_attrib_bid_ask: TickAttribBidAsk,
        3 price_bid: double,
        4 price_ask: double,
        5 size_bid: string,
        6 size_ask: string,
    }

    /// Historical tick last (part of other messages).
    HistoricalTickLast {
        1 time: int64,
        2 tick_attrib_last: TickAttribLast,
        3 price: double,
        4 size: string,
        5 exchange: string,
        6 special_conditions: string,
    }

    /// Tick attrib bid ask (part of other messages).
    TickAttribBidAsk {
        1 bid_past_low: bool,
        2 ask_past_high: bool,
    }

    /// Tick attrib last (part of other messages).
    TickAttribLast {
        1 past_limit: bool,
        2 unreported: bool,
    }

    /// Historical ticks request (request 96).
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

    /// Cancel historical ticks (request 107).
    CancelHistoricalTicks {
        1 req_id: int32,
    }

    /// Historical ticks (answer 96).
    HistoricalTicks {
        1 req_id: int32,
        2 historical_ticks: [HistoricalTick],
        3 is_done: bool,
    }

    /// Historical ticks bid ask (answer 97).
    HistoricalTicksBidAsk {
        1 req_id: int32,
        2 historical_ticks_bid_ask: [HistoricalTickBidAsk],
        3 is_done: bool,
    }

    /// Historical ticks last (answer 98).
    HistoricalTicksLast {
        1 req_id: int32,
        2 historical_ticks_last: [HistoricalTickLast],
        3 is_done: bool,
    }
}
