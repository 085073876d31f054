//! Accounts: values, positions, profit and loss, and the adviser configuration.

use super::message;

use super::contract::Contract;
use super::order::SoftDollarTier;

message! {
    /// Starts or stops the values and portfolio of one account (request 6). One account at a time: asking for
    /// another replaces the first without a word.
    AccountDataRequest {
        1 subscribe: bool,
        2 acct_code: string,
    }

    /// One value of the account, as text: all of them at first, then each that changes, at most every 3 minutes
    /// (answer 6). Not all are numbers. While `AccountReady` is false the values that follow may be wrong.
    AccountValue {
        1 key: string,
        2 value: string,
        3 currency: string,
        4 account_name: string,
    }

    /// One position of the account with its valuation (answer 7). Unset doubles are 1.7976931348623157E308.
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

    /// When the values were last updated: `hh:mm`, in the gateway's zone (answer 8).
    AccountUpdateTime {
        1 time_stamp: string,
    }

    /// Ends the first full set of values and positions (answer 54).
    AccountDataEnd {
        1 account_name: string,
    }

    /// Asks for some values (`tags`, with commas) of all accounts or a group (request 62). At most two such
    /// streams.
    AccountSummaryRequest {
        1 req_id: int32,
        2 group: string,
        3 tags: string,
    }

    /// Ends an account summary stream (request 63).
    CancelAccountSummary {
        1 req_id: int32,
    }

    /// One value of one account, as text: all of them at first, then each that changes, every 3 minutes (answer
    /// 63).
    AccountSummary {
        1 req_id: int32,
        2 account: string,
        3 tag: string,
        4 value: string,
        5 currency: string,
    }

    /// Ends the first full set of a summary; changes follow (answer 64).
    AccountSummaryEnd {
        1 req_id: int32,
    }

    /// Asks for the values of one account or model; unlike [`AccountDataRequest`] several may run (request 76).
    AccountUpdatesMultiRequest {
        1 req_id: int32,
        2 account: string,
        3 model_code: string,
        4 ledger_and_nlv: bool,
    }

    /// Ends such a stream (request 77).
    CancelAccountUpdatesMulti {
        1 req_id: int32,
    }

    /// One value of one account or model, as text (answer 73).
    AccountUpdateMulti {
        1 req_id: int32,
        2 account: string,
        3 model_code: string,
        4 key: string,
        5 value: string,
        6 currency: string,
    }

    /// Ends the first full set; changes follow (answer 74).
    AccountUpdateMultiEnd {
        1 req_id: int32,
    }

    /// Asks for the positions of all accounts and their changes (request 61). Without a request id: one stream
    /// for each connection.
    PositionsRequest {}

    /// Ends the stream of positions (request 64).
    CancelPositions {}

    /// One position, as decimal text; 0 means closed and is sent once (answer 61). `avg_cost` includes
    /// multiplier and commission.
    Position {
        1 account: string,
        2 contract: Contract,
        3 position: string,
        4 avg_cost: double,
    }

    /// Ends the first full set of positions; changes follow (answer 62).
    PositionEnd {}

    /// Asks for the positions of one account or model (request 74).
    PositionsMultiRequest {
        1 req_id: int32,
        2 account: string,
        3 model_code: string,
    }

    /// Ends such a stream (request 75).
    CancelPositionsMulti {
        1 req_id: int32,
    }

    /// One position of one account or model (answer 71).
    PositionMulti {
        1 req_id: int32,
        2 account: string,
        3 contract: Contract,
        4 position: string,
        5 avg_cost: double,
        6 model_code: string,
    }

    /// Ends the first full set; changes follow (answer 72).
    PositionMultiEnd {
        1 req_id: int32,
    }

    /// Asks for the profit and loss of an account or model (request 92).
    PnLRequest {
        1 req_id: int32,
        2 account: string,
        3 model_code: string,
    }

    /// Ends a profit and loss stream (request 93).
    CancelPnL {
        1 req_id: int32,
    }

    /// Profit and loss of an account, at each change (answer 94). What is not known is 1.7976931348623157E308
    /// ([`crate::tws::sentinel::unset_double`]).
    PnL {
        1 req_id: int32,
        2 daily_pnl: double,
        3 unrealized_pnl: double,
        4 realized_pnl: double,
    }

    /// Asks for the profit and loss of one position (request 94). A contract without a position is answered
    /// with silence.
    PnLSingleRequest {
        1 req_id: int32,
        2 account: string,
        3 model_code: string,
        4 con_id: int32,
    }

    /// Ends such a stream (request 95).
    CancelPnLSingle {
        1 req_id: int32,
    }

    /// Profit and loss of one position, about once a second (answer 95). What is not known is
    /// 1.7976931348623157E308 ([`crate::tws::sentinel::unset_double`]).
    PnLSingle {
        1 req_id: int32,
        2 position: string,
        3 daily_pnl: double,
        4 unrealized_pnl: double,
        5 realized_pnl: double,
        6 value: double,
    }

    /// Asks which accounts belong to a family (request 80).
    FamilyCodesRequest {}

    /// The families of the login's accounts (answer 78).
    FamilyCodes {
        1 family_codes: [FamilyCode],
    }

    /// One account and its family.
    FamilyCode {
        1 account_id: string,
        2 family_code: string,
    }

    /// Asks for the soft dollar tiers the login may use (request 79).
    SoftDollarTiersRequest {
        1 req_id: int32,
    }

    /// The soft dollar tiers the login may use (answer 77).
    SoftDollarTiers {
        1 req_id: int32,
        2 soft_dollar_tiers: [SoftDollarTier],
    }

    /// Asks for a part of an adviser's configuration; `fa_data_type` says which (request 18).
    FARequest {
        1 fa_data_type: int32,
    }

    /// Replaces a part of an adviser's configuration (request 19).
    FAReplace {
        1 req_id: int32,
        2 fa_data_type: int32,
        3 xml: string,
    }

    /// A part of an adviser's configuration (answer 16).
    ReceiveFA {
        1 fa_data_type: int32,
        2 xml: string,
    }

    /// Says how replacing a part of an adviser's configuration went (answer 103).
    ReplaceFAEnd {
        1 req_id: int32,
        2 text: string,
    }
}
