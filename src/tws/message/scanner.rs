//! Market scanners.

use super::message;

use super::contract::Contract;

message! {
    /// Asks for the instruments, locations, codes and filters that scanners know (request 24).
    ScannerParametersRequest {}

    /// All scanner parameters as one XML document (answer 19).
    ScannerParameters {
        1 xml: string,
    }

    /// Starts a scanner (request 22).
    ScannerSubscriptionRequest {
        1 req_id: int32,
        2 scanner_subscription: ScannerSubscription,
    }

    /// Ends a scanner (request 23). A cancel that comes too late is answered with notice 365.
    CancelScannerSubscription {
        1 req_id: int32,
    }

    /// What to scan for. Absent bounds are left out.
    ScannerSubscription {
        1 number_of_rows: int32,
        2 instrument: string,
        3 location_code: string,
        4 scan_code: string,
        5 above_price: double,
        6 below_price: double,
        7 above_volume: int64,
        8 market_cap_above: double,
        9 market_cap_below: double,
        10 moody_rating_above: string,
        11 moody_rating_below: string,
        12 sp_rating_above: string,
        13 sp_rating_below: string,
        14 maturity_date_above: string,
        15 maturity_date_below: string,
        16 coupon_rate_above: double,
        17 coupon_rate_below: double,
        18 exclude_convertible: bool,
        19 average_option_volume_above: int64,
        20 scanner_setting_pairs: string,
        21 stock_type_filter: string,
        22 scanner_subscription_filter_options: {string},
        23 scanner_subscription_options: {string},
    }

    /// One complete set of results; it replaces the one before (answer 20).
    ScannerData {
        1 req_id: int32,
        2 scanner_data_element: [ScannerDataElement],
    }

    /// One row of scanner results.
    ScannerDataElement {
        1 rank: int32,
        2 contract: Contract,
        3 market_name: string,
        4 distance: string,
        5 benchmark: string,
        6 projection: string,
        7 combo_key: string,
    }
}
