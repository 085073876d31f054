//! The reply envelope and its stable error codes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

/// Why a request was not served. Codes are public and stable; messages are for people and may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// The request itself is wrong; nothing was done. Correct it before asking again.
    InvalidRequest,
    /// The bridge, its gateway or IB is not ready for this kind of request.
    NotReady,
    /// No contract fits the description.
    UnknownContract,
    /// Several contracts fit; the candidates are listed.
    AmbiguousContract,
    /// IB has no data for what was asked.
    NoData,
    /// The login lacks a subscription or permission.
    NoPermission,
    /// A limit of IB or of this bridge would be broken; ask again after `retry_after_ms`.
    PacingLimited,
    /// A queue of the bridge is full; ask again later.
    Busy,
    /// No answer within the deadline. For anything but an order this means: ask again.
    Timeout,
    /// The gateway or IB refused it.
    RejectedByGateway,
    /// A risk rule of this bridge refused it; nothing was sent.
    RejectedByRisk,
    /// The order may or may not exist; evidence is awaited. Repeat with the same key to learn more.
    OutcomeUnknown,
    /// This bridge does not offer it.
    Unsupported,
    /// The request or its answer is larger than allowed.
    TooLarge,
}

impl ErrorCode {
    /// Every code, in the order of their places.
    pub const ALL: [Self; 14] = [
        Self::InvalidRequest,
        Self::NotReady,
        Self::UnknownContract,
        Self::AmbiguousContract,
        Self::NoData,
        Self::NoPermission,
        Self::PacingLimited,
        Self::Busy,
        Self::Timeout,
        Self::RejectedByGateway,
        Self::RejectedByRisk,
        Self::OutcomeUnknown,
        Self::Unsupported,
        Self::TooLarge,
    ];

    /// The code as it stands in a reply.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::NotReady => "not_ready",
            Self::UnknownContract => "unknown_contract",
            Self::AmbiguousContract => "ambiguous_contract",
            Self::NoData => "no_data",
            Self::NoPermission => "no_permission",
            Self::PacingLimited => "pacing_limited",
            Self::Busy => "busy",
            Self::Timeout => "timeout",
            Self::RejectedByGateway => "rejected_by_gateway",
            Self::RejectedByRisk => "rejected_by_risk",
            Self::OutcomeUnknown => "outcome_unknown",
            Self::Unsupported => "unsupported",
            Self::TooLarge => "too_large",
        }
    }

    /// Number for the micro service header `Nats-Service-Error-Code`, after HTTP's habits.
    pub fn status(self) -> u16 {
        match self {
            Self::InvalidRequest | Self::AmbiguousContract => 400,
            Self::NoPermission => 403,
            Self::UnknownContract | Self::NoData => 404,
            Self::TooLarge => 413,
            Self::RejectedByGateway | Self::RejectedByRisk => 422,
            Self::PacingLimited | Self::Busy => 429,
            Self::Unsupported => 501,
            Self::NotReady | Self::OutcomeUnknown => 503,
            Self::Timeout => 504,
        }
    }
}

/// The `error` part of a reply.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, thiserror::Error)]
#[error("{}: {message}", code.as_str())]
pub struct ApiError {
    /// Stable word to decide on.
    pub code: ErrorCode,
    /// What went wrong and what to do, for a person. One line.
    pub message: String,
    /// Category of the gateway's code (`pacing`, `order_reject`, ...), if a gateway code caused it.
    pub class: Option<String>,
    /// Earliest time at which the same request may succeed, in milliseconds from now.
    pub retry_after_ms: Option<u64>,
    /// IB's own code, if one caused it.
    pub ib_code: Option<i32>,
    /// Contracts that fit an ambiguous description, as short text that would be unambiguous.
    pub candidates: Option<Vec<String>>,
    /// Who holds the lines or slots that ran out, largest first, at most 20.
    pub holders: Option<Box<Vec<Holder>>>,
}

/// A client that holds part of a limit.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Holder {
    /// Its name; absent for those who gave none, and for the bridge's own.
    pub client: Option<String>,
    /// Lines or slots it shares in. One that several clients share counts for each.
    pub count: u32,
}

impl ApiError {
    /// An error of this code with a message for a person.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            class: None,
            retry_after_ms: None,
            ib_code: None,
            candidates: None,
            holders: None,
        }
    }

    /// A wrong request.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::InvalidRequest, message)
    }

    /// The same error with the earliest sensible time to ask again.
    #[must_use]
    pub fn retry_after_ms(mut self, retry_after_ms: u64) -> Self {
        self.retry_after_ms = Some(retry_after_ms);
        self
    }

    /// The same error with the gateway code that caused it.
    #[must_use]
    pub fn ib(mut self, ib_code: i32, class: impl Into<String>) -> Self {
        self.ib_code = Some(ib_code);
        self.class = Some(class.into());
        self
    }
}

/// Every reply: `{"ok":true,"data":...}` or `{"ok":false,"error":...}`.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Reply<T> {
    /// Whether `data` or `error` follows.
    pub ok: bool,
    /// The answer, if `ok`.
    pub data: Option<T>,
    /// Why there is none, if not `ok`.
    pub error: Option<ApiError>,
}

impl<T> From<Result<T, ApiError>> for Reply<T> {
    fn from(result: Result<T, ApiError>) -> Self {
        match result {
            Ok(data) => Self { ok: true, data: Some(data), error: None },
            Err(error) => Self { ok: false, data: None, error: Some(error) },
        }
    }
}
