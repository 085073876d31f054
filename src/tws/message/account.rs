//! Messages of the `account` family.

use super::message;

use super::contract::Contract;
use super::order::SoftDollarTier;

message! {
    /// Account data request (request 6).
    AccountDataRequest {
        1 subscribe: bool,
        2 acct_code: string,
    }

    /// Account value (answer 6).
    AccountValue {
        1 key: string,
        2 value: string,
        3 currency: string,
        4 account_name: string,
    }

    /// Portfolio value (answer 7).
    PortfolioValue {
        1 contract: Contract,
        2 position: string,
        3 market_price: double,
        4 market_value: double,
        5 average_cost: double,
        6 unrealized_pnl: double,
        7 realized_pnl: double,
        8 account_name: string,
    }

    /// Account update time (answer 8).
    AccountUpdateTime {
        1 time_stamp: string,
    }

    /// Account data end (answer 54).
    AccountDataEnd {
        1 account_name: string,
    }

    /// Account summary request (request 62).
    AccountSummaryRequest {
        1 req_id: int32,
        2 group: string,
        3 tags: string,
    }

    /// Cancel account summary (request 63).
    CancelAccountSummary {
        1 req_id: int32,
    }

    /// Account summary (answer 63).
    AccountSummary {
        1 req_id: int32,
        2 account: string,
        3 tag: string,
        4 value: string,
        5 currency: string,
    }

    /// Account summary end (answer 64).
    AccountSummaryEnd {
        1 req_id: int32,
    }

    /// Account updates multi request (request 76).
    AccountUpdatesMultiRequest {
        1 req_id: int32,
        2 account: string,
        3 model_code: string,
        4 ledger_and_nlv: bool,
    }

    /// Cancel account updates multi (request 77).
    CancelAccountUpdatesMulti {
        1 req_id: int32,
    }

    /// Account update multi (answer 73).
    AccountUpdateMulti {
        1 req_id: int32,
        2 account: string,
        3 model_code: string,
        4 key: string,
        5 value: string,
        6 currency: string,
    }

    /// Account update multi end (answer 74).
    AccountUpdateMultiEnd {
        1 req_id: int32,
    }

    /// Positions request (request 61).
    PositionsRequest {}

    /// Cancel positions (request 64).
    CancelPositions {}

    /// Position (answer 61).
    Position {
        1 account: string,
        2 contract: Contract,
        3 position: string,
        4 avg_cost: double,
    }

    /// Position end (answer 62).
    PositionEnd {}

    /// Positions multi request (request 74).
    PositionsMultiRequest {
        1 req_id: int32,
        2 account: string,
        3 model_code: string,
    }

    /// Cancel positions multi (request 75).
    CancelPositionsMulti {
        1 req_id: int32,
    }

    /// Position multi (answer 71).
    PositionMulti {
        1 req_id: int32,
        2 account: string,
        3 contract: Contract,
        4 position: string,
        5 avg_cost: double,
        6 model_code: string,
    }

    /// Position multi end (answer 72).
    PositionMultiEnd {
        1 req_id: int32,
    }

    /// Pn lrequest (request 92).
    PnLRequest {
        1 req_id: int32,
        2 account: string,
        3 model_code: string,
    }

    /// Cancel pn l (request 93).
    CancelPnL {
        1 req_id: int32,
    }

    /// Pn l (answer 94).
    PnL {
        1 req_id: int32,
        2 daily_pnl: double,
        3 unrealized_pnl: double,
        4 realized_pnl: double,
    }

    /// Pn lsingle request (request 94).
    PnLSingleRequest {
        1 req_id: int32,
        2 account: string,
        3 model_code: string,
        4 con_id: int32,
    }

    /// Cancel pn lsingle (request 95).
    CancelPnLSingle {
        1 req_id: int32,
    }

    /// Pn lsingle (answer 95).
    PnLSingle {
        1 req_id: int32,
        2 position: string,
        3 daily_pnl: double,
        4 unrealized_pnl: double,
        5 realized_pnl: double,
        6 value: double,
    }

    /// Family codes request (request 80).
    FamilyCodesRequest {}

    /// Family codes (answer 78).
    FamilyCodes {
        1 family_codes: [FamilyCode],
    }

    /// Family code (part of other messages).
    FamilyCode {
        1 account_id: string,
        2 family_code: string,
    }

    /// Soft dollar tiers request (request 79).
    SoftDollarTiersRequest {
        1 req_id: int32,
    }

    /// Soft dollar tiers (answer 77).
    SoftDollarTiers {
        1 req_id: int32,
        2 soft_dollar_tiers: [SoftDollarTier],
    }

    /// Farequest (request 18).
    FARequest {
        1 fa_data_type: int32,
    }

    /// Fareplace (request 19).
    FAReplace {
        1 req_id: int32,
        2 fa_data_type: int32,
        3 xml: string,
    }

    /// Receive fa (answer 16).
    ReceiveFA {
        1 fa_data_type: int32,
        2 xml: string,
    }

    /// Replace faend (answer 103).
    ReplaceFAEnd {
        1 req_id: int32,
        2 text: string,
    }
}
