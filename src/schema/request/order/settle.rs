//! `order.settle`: a person says how an order ended that no evidence settles.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::schema::{Size, order::OrderKey};

/// `order.settle`: says how an order in doubt (`outcome_unknown`) ended, where IB no longer tells. Nothing is sent; the
/// verdict and its reason are written down. A later sign of the order overturns it. For administrators: a permission
/// of its own subject.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SettleOrder {
    /// The order's key.
    pub key: OrderKey,
    /// How it ended.
    pub state: SettledState,
    /// Filled in all, if more than the known fills make; only for `cancelled`. `filled` means the whole quantity.
    pub filled: Option<Size>,
    /// Why, for those who read the journal. Not empty.
    pub reason: String,
}

/// How an order ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SettledState {
    /// Filled completely.
    Filled,
    /// Cancelled or expired; it may have filled in part.
    Cancelled,
    /// It never worked.
    Rejected,
}
