//! `account.*`: accounts, values, positions, executions.

use std::collections::BTreeMap;

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
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Account {
    /// Account number.
    pub account: String,
    /// True for a paper account (IB numbers them with a leading `D`).
    pub paper: bool,
    /// True if its values, positions and profit are followed.
    #[serde(default)]
    pub followed: bool,
    /// False while IB resets it: its figures are then the last ones from before. Absent until it was told.
    pub ready: Option<bool>,
    /// Currency that sums are in; absent until it was told.
    pub base_currency: Option<String>,
    /// What one unit of each currency in use is worth in the base currency, as IB writes it.
    #[serde(default)]
    pub exchange_rates: BTreeMap<String, String>,
    /// Models of this account that are followed.
    #[serde(default)]
    pub models: Vec<String>,
}

/// `account.summary`, `account.positions`: of one account, of an advisor's group, or of all; of whole accounts or of a
/// model in them.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AccountQuery {
    /// Only this account.
    pub account: Option<String>,
    /// Only accounts of this group of an advisor; excludes `account`.
    pub group: Option<String>,
    /// Of this model instead of the whole account; needs `account`.
    pub model: Option<String>,
    /// Give up after this many milliseconds.
    pub timeout_ms: Option<u64>,
}

/// Answer to `account.summary`: the values last sent by IB.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// The values, by account and tag.
    pub values: Vec<AccountValueEvent>,
    /// Accounts whose values are incomplete or not the newest, and why.
    #[serde(default)]
    pub unsettled: Vec<Unsettled>,
}

/// Account whose figures are not complete or not the newest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Unsettled {
    /// Account number.
    pub account: String,
    /// Why.
    pub reason: String,
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
    /// Only accounts of this group of an advisor; excludes `account`.
    pub group: Option<String>,
    /// Of this model instead of the whole account; needs `account`.
    pub model: Option<String>,
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
    /// Only accounts of this group of an advisor; excludes `account`.
    pub group: Option<String>,
    /// Only fills of this model.
    pub model: Option<String>,
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
