//! A gateway notice with its meaning, and what it becomes for a caller.

use crate::{
    schema::{
        ApiError, ErrorCode,
        connection::{LinkName, NoticeEvent},
    },
    tws::{
        message::login::ErrorMessage,
        notice::{Category, Meaning, Retry, classify, unescape},
    },
};

/// A notice as the gateway sent it, with what the code tables say about it.
#[derive(Clone, Debug)]
pub(crate) struct Notice {
    pub(crate) link: LinkName,
    /// Request or order id; `None` for notices about everything.
    pub(crate) id: Option<i32>,
    pub(crate) code: i32,
    /// One line.
    pub(crate) text: String,
    pub(crate) advanced_reject: Option<String>,
    pub(crate) event_us: Option<i64>,
    pub(crate) meaning: Meaning,
}

impl Notice {
    pub(crate) fn read(link: LinkName, message: ErrorMessage) -> Self {
        let code = message.error_code.unwrap_or_default();
        let text = one_line(&unescape(&message.error_msg.unwrap_or_default()));
        Self {
            link,
            id: message.id.filter(|id| *id > 0),
            code,
            advanced_reject: message.advanced_order_reject_json.filter(|json| !json.is_empty()),
            event_us: message.error_time.filter(|ms| *ms > 0).map(|ms| ms.saturating_mul(1_000)),
            meaning: classify(code, &text),
            text,
        }
    }

    /// The event that shows it to people.
    pub(crate) fn event(&self, recv_us: i64) -> NoticeEvent {
        NoticeEvent {
            seq: 0,
            recv_us,
            event_us: self.event_us,
            link: self.link,
            id: self.id,
            ib_code: Some(self.code),
            severity: self.meaning.severity.to_string(),
            class: self.meaning.category.to_string(),
            message: self.text.clone(),
            advanced_reject: self.advanced_reject.clone(),
        }
    }

    /// What a caller is told whose request this notice ended.
    pub(crate) fn to_error(&self) -> ApiError {
        let code = match self.meaning.category {
            Category::Contract => ErrorCode::UnknownContract,
            Category::NoData => ErrorCode::NoData,
            Category::MarketDataPermission => ErrorCode::NoPermission,
            Category::Pacing | Category::SubscriptionLimit => ErrorCode::PacingLimited,
            Category::RequestInvalid => ErrorCode::InvalidRequest,
            Category::Connection | Category::FarmStatus => ErrorCode::NotReady,
            _ => ErrorCode::RejectedByGateway,
        };
        let mut error = ApiError::new(code, self.text.clone()).ib(self.code, self.meaning.category.to_string());
        if self.meaning.retry == Retry::AfterWait
            && let Some(wait) = self.meaning.wait
        {
            error = error.retry_after_ms(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
        }
        error
    }
}

/// Gateway texts hold line breaks and HTML breaks; neither may reach a header or a log line.
fn one_line(text: &str) -> String {
    let plain = text.replace("<br>", " ");
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}
