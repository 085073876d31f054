//! IB's status words, and what a notice that names an order does to it.

use serde::{Deserialize, Serialize};

use crate::{
    session::notice::Notice,
    tws::notice::{Category, Severity},
};

/// A status word, by what it proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Word {
    /// On its way inside the gateway; IB has not acknowledged it.
    Pending,
    /// IB or the exchange holds it, able to fill.
    Working,
    CancelPending,
    Cancelled,
    Filled,
    /// Refused, or held and able to come back: which of the two, other evidence must tell.
    Inactive,
}

impl Word {
    /// `None` for words this release does not know: they change nothing.
    pub(super) fn read(text: &str) -> Option<Self> {
        Some(match text {
            "PendingSubmit" | "ApiPending" => Self::Pending,
            "PreSubmitted" | "Submitted" => Self::Working,
            "PendingCancel" => Self::CancelPending,
            "Cancelled" | "ApiCancelled" => Self::Cancelled,
            "Filled" => Self::Filled,
            "Inactive" => Self::Inactive,
            _ => return None,
        })
    }
}

/// What a notice does to the order it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// IB refused it, for good.
    Reject,
    /// Refuses a new order. An order known to work goes on: then a change or cancel of it was refused.
    Refuse,
    /// It is cancelled.
    Cancel,
    /// A cancel came too late or found nothing; the order is as other evidence tells.
    CancelRefused,
    /// A remark; the order goes on.
    Remark,
}

/// Reads the effect of a notice, after the code table and `ib-behaviour` section 4.
pub(super) fn effect(notice: &Notice) -> Effect {
    let meaning = &notice.meaning;
    match notice.code {
        201 => Effect::Reject,
        202 => Effect::Cancel,
        135 | 136 | 161 | 10_147 | 10_148 => Effect::CancelRefused,
        // These refuse a new order as well as a change.
        105 | 329 | 434 => Effect::Refuse,
        // The first two refuse a change of an order that goes on, or that is over already.
        104 | 134 | 2_100..=2_199 => Effect::Remark,
        _ if meaning.category == Category::OrderWarning => Effect::Remark,
        // They tell of a rate or a link, not whether this order exists: its own evidence decides.
        _ if matches!(meaning.category, Category::Pacing | Category::Connection | Category::FarmStatus) => {
            Effect::Remark
        }
        _ if meaning.category == Category::OrderCancelled => Effect::Cancel,
        _ if meaning.severity == Severity::Error => Effect::Refuse,
        _ => Effect::Remark,
    }
}

/// Codes that refuse a change of an order and say nothing against the order itself.
pub(super) fn refuses_change(code: i32) -> bool {
    matches!(code, 105 | 110 | 321 | 329 | 399 | 404 | 434)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{schema::connection::LinkName, tws::message::login::ErrorMessage};

    #[track_caller]
    fn check(code: i32, text: &str, expected: Effect) {
        let message = ErrorMessage {
            id: Some(5),
            error_code: Some(code),
            error_msg: Some(text.to_owned()),
            ..ErrorMessage::default()
        };
        assert_eq!(effect(&Notice::read(LinkName::Trading, message)), expected, "{code} {text}");
    }

    #[test]
    fn codes_do_what_the_table_says() {
        check(201, "Order rejected - reason:no funds", Effect::Reject);
        check(202, "Order Canceled - reason:", Effect::Cancel);
        for code in [103, 105, 110, 200, 203, 321, 329, 434, 10_006] {
            check(code, "", Effect::Refuse);
        }
        for code in [399, 404, 104, 164, 2109, 2148, 2161, 100, 504, 10_182] {
            check(code, "", Effect::Remark);
        }
        for code in [161, 10_147, 10_148, 135, 136] {
            check(code, "", Effect::CancelRefused);
        }
        check(321, "Error validating request.-'bN' : cause - Order Type can't be changed", Effect::Remark);
    }
}
