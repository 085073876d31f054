//! Past bars, 5-second bars, histograms and trading sessions.

use super::message;

use super::contract::Contract;

message! {
    /// Asks for past bars; `end_date_time` absent means now (request 20). `format_date` 2 asks for epoch
    /// seconds; bars of a day or longer say `yyyymmdd` all the same. With `keep_up_to_date` the last bar goes
    /// on growing in [`HistoricalDataUpdate`].
    HistoricalDataRequest {
        1 req_id: int32,
        2 contract: Contract,
        3 end_date_time: string,
        4 bar_size_setting: string,
        5 duration: string,
        6 use_rth: bool,
        7 what_to_show: string,
        8 format_date: int32,
        9 keep_up_to_date: bool,
        10 chart_options: {string},
    }

    /// Ends a query for bars or its updates (request 25). Acknowledged by notice 162 in flight, and by 366 once
    /// the query is over.
    CancelHistoricalData {
        1 req_id: int32,
    }

    /// Bars of one query, oldest first; [`HistoricalDataEnd`] follows (answer 17).
    HistoricalData {
        1 req_id: int32,
        2 historical_data_bars: [HistoricalDataBar],
    }

    /// One bar. `date` is its start, in the form that the request asked for, in a zone that depends on a
    /// gateway setting. `volume`, `wap` and `bar_count` are -1 where the kind of data has none.
    HistoricalDataBar {
        1 date: string,
        2 open: double,
        3 high: double,
        4 low: double,
        5 close: double,
        6 volume: string,
        7 wap: string,
        8 bar_count: int32,
    }

    /// The current bar of a query that is kept up to date, every second or two (answer 90). The same date means
    /// the same bar, grown; a new date means that the one before is final. Nothing else says so.
    HistoricalDataUpdate {
        1 req_id: int32,
        2 historical_data_bar: HistoricalDataBar,
    }

    /// Ends the bars of one query, with the span they cover (answer 108).
    HistoricalDataEnd {
        1 req_id: int32,
        2 start_date_str: string,
        3 end_date_str: string,
    }

    /// Trading sessions, answering a query for bars whose `what_to_show` is `SCHEDULE` (answer 106).
    HistoricalSchedule {
        1 req_id: int32,
        2 start_date_time: string,
        3 end_date_time: string,
        4 time_zone: string,
        5 historical_sessions: [HistoricalSession],
    }

    /// One trading session in the time zone of its schedule.
    HistoricalSession {
        1 start_date_time: string,
        2 end_date_time: string,
        3 ref_date: string,
    }

    /// Asks for a bar every 5 s (request 50). Shares the pacing of small historical bars. Does not survive an
    /// interruption: ask again.
    RealTimeBarsRequest {
        1 req_id: int32,
        2 contract: Contract,
        3 bar_size: int32,
        4 what_to_show: string,
        5 use_rth: bool,
        6 real_time_bars_options: {string},
    }

    /// Ends a stream of 5 s bars (request 51).
    CancelRealTimeBars {
        1 req_id: int32,
    }

    /// One 5 s bar (answer 50). `time` is its start in epoch seconds. `volume`, `wap` and `count` are -1 unless
    /// trades were asked for.
    RealTimeBarTick {
        1 req_id: int32,
        2 time: int64,
        3 open: double,
        4 high: double,
        5 low: double,
        6 close: double,
        7 volume: string,
        8 wap: string,
        9 count: int32,
    }

    /// Asks how far back the data of an instrument reach (request 87). Counts as an open historical query until
    /// it is cancelled.
    HeadTimestampRequest {
        1 req_id: int32,
        2 contract: Contract,
        3 use_rth: bool,
        4 what_to_show: string,
        5 format_date: int32,
    }

    /// Ends a query for the earliest data (request 90).
    CancelHeadTimestamp {
        1 req_id: int32,
    }

    /// When the data of an instrument begin, in the form that the request asked for (answer 88).
    HeadTimestamp {
        1 req_id: int32,
        2 head_timestamp: string,
    }

    /// Asks how much was traded at each price over a period such as `3 days` (request 88).
    HistogramDataRequest {
        1 req_id: int32,
        2 contract: Contract,
        3 use_rth: bool,
        4 time_period: string,
    }

    /// Ends a histogram query (request 89).
    CancelHistogramData {
        1 req_id: int32,
    }

    /// The whole histogram, once (answer 89).
    HistogramData {
        1 req_id: int32,
        2 histogram_data_entries: [HistogramDataEntry],
    }

    /// What was traded at one price, as decimal text.
    HistogramDataEntry {
        1 price: double,
        2 size: string,
    }
}
