//! Messages of the `history` family.

use super::message;

use super::contract::Contract;

message! {
    /// Historical data request (request 20).
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

    /// Cancel historical data (request 25).
    CancelHistoricalData {
        1 req_id: int32,
    }

    /// Historical data (answer 17).
    HistoricalData {
        1 req_id: int32,
        2 historical_data_bars: [HistoricalDataBar],
    }

    /// Historical data bar (part of other messages).
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

    /// Historical data update (answer 90).
    HistoricalDataUpdate {
        1 req_id: int32,
        2 historical_data_bar: HistoricalDataBar,
    }

    /// Historical data end (answer 108).
    HistoricalDataEnd {
        1 req_id: int32,
        2 start_date_str: string,
        3 end_date_str: string,
    }

    /// Historical schedule (answer 106).
    HistoricalSchedule {
        1 req_id: int32,
        2 start_date_time: string,
        3 end_date_time: string,
        4 time_zone: string,
        5 historical_sessions: [HistoricalSession],
    }

    /// Historical session (part of other messages).
    HistoricalSession {
        1 start_date_time: string,
        2 end_date_time: string,
        3 ref_date: string,
    }

    /// Real time bars request (request 50).
    RealTimeBarsRequest {
        1 req_id: int32,
        2 contract: Contract,
        3 bar_size: int32,
        4 what_to_show: string,
        5 use_rth: bool,
        6 real_time_bars_options: {string},
    }

    /// Cancel real time bars (request 51).
    CancelRealTimeBars {
        1 req_id: int32,
    }

    /// Real time bar tick (answer 50).
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

    /// Head timestamp request (request 87).
    HeadTimestampRequest {
        1 req_id: int32,
        2 contract: Contract,
        3 use_rth: bool,
        4 what_to_show: string,
        5 format_date: int32,
    }

    /// Cancel head timestamp (request 90).
    CancelHeadTimestamp {
        1 req_id: int32,
    }

    /// Head timestamp (answer 88).
    HeadTimestamp {
        1 req_id: int32,
        2 head_timestamp: string,
    }

    /// Histogram data request (request 88).
    HistogramDataRequest {
        1 req_id: int32,
        2 contract: Contract,
        3 use_rth: bool,
        4 time_period: string,
    }

    /// Cancel histogram data (request 89).
    CancelHistogramData {
        1 req_id: int32,
    }

    /// Histogram data (answer 89).
    HistogramData {
        1 req_id: int32,
        2 histogram_data_entries: [HistogramDataEntry],
    }

    /// Histogram data entry (part of other messages).
    HistogramDataEntry {
        1 price: double,
        2 size: string,
    }
}
