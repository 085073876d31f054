//! `account.*`: accounts, values, positions, executions.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::schema::{
    account::{AccountValueEvent, PnlEvent, PositionEvent, PositionPnlEvent},
    order::FillEvent,
};

/// `account.list`: accounts of the login.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListAccounts {}

/// Answer to `account.list`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Accounts {
    /// The accounts, as IB orders them.
    pub accounts: Vec<Account>,
}

/// One account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Account {
    /// Account number.
    pub account: String,
    /// True for a paper account (IB numbers them with a leading `D`).
    pub paper: bool,
}

/// `account.summary`, `account.positions`: of one account or all.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AccountQuery {
    /// Only this account.
    pub account: Option<String>,
    /// Give up after this many milliseconds.
    pub timeout_ms: Option<u64>,
}

/// Answer to `account.summary`: the values last sent by IB.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// The values, by account and tag.
    pub values: Vec<AccountValueEvent>,
}

/// Answer to `account.positions`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Positions {
    /// Open positions.
    pub positions: Vec<PositionEvent>,
}

/// `account.pnl`: profit and loss last told by IB, of accounts and, if asked for, of their positions.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PnlQuery {
    /// Only this account.
    pub account: Option<String>,
    /// Also of the position in this contract.
    pub con_id: Option<i32>,
    /// Also of every open position.
    pub positions: bool,
    /// Give up after this many milliseconds.
    pub timeout_ms: Option<u64>,
}

/// Answer to `account.pnl`. It comes at once, with what is known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Pnl {
    /// By account.
    pub accounts: Vec<PnlEvent>,
    /// By position; empty unless asked for.
    pub positions: Vec<PositionPnlEvent>,
    /// What was asked for and is not known.
    pub missing: Vec<MissingPnl>,
}

/// Profit and loss that is not known.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MissingPnl {
    /// Account number.
    pub account: String,
    /// IB's contract id; absent if it is the account's that is missing.
    pub con_id: Option<i32>,
    /// Why it is not known.
    pub reason: String,
}

/// `account.executions`: fills that IB still knows (the current trading day, as a rule).
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ExecutionsRequest {
    /// Only this account.
    pub account: Option<String>,
    /// Only this order.
    pub key: Option<String>,
    /// Give up after this many milliseconds.
    pub timeout_ms: Option<u64>,
}

/// Answer to `account.executions`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Executions {
    /// The fills, oldest first, the newest version of each.
    pub fills: Vec<FillEvent>,
}
