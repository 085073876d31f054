//! One description on its way to the gateway, and who waits for it.

use std::sync::Arc;

use compact_str::CompactString;

use super::{found::Found, query::Normal};
use crate::{
    schema::{ApiError, ErrorCode},
    session::{Ask, Command, Token, core::Core},
};

/// One description on its way, and who waits for it.
#[derive(Debug)]
pub(super) struct Lookup {
    pub(super) asked: Normal,
    pub(super) found: Vec<Found>,
    /// Contracts beyond those kept.
    pub(super) surplus: usize,
    pub(super) waiters: Vec<Waiter>,
    pub(super) client: Option<CompactString>,
    pub(super) attempts: u32,
    /// What an earlier run of the gateway said, should this one not answer.
    pub(super) earlier: Option<Arc<[Found]>>,
}

impl Lookup {
    pub(super) fn new(
        asked: Normal,
        client: Option<CompactString>,
        waiter: Waiter,
        earlier: Option<Arc<[Found]>>,
    ) -> Self {
        Self { asked, found: Vec::new(), surplus: 0, waiters: vec![waiter], client, attempts: 0, earlier }
    }
}

/// What happens with a lookup's result.
#[derive(Debug)]
pub(super) enum Waiter {
    /// The command goes on with the one contract.
    Command(Box<Command>),
    /// All contracts are the answer.
    Details(Token),
    /// The one contract's hours are the answer.
    Hours(Token),
    /// The one contract's price steps are the answer.
    Rules(Token),
    /// The contracts are one expiry of an option chain.
    Chain(Token),
    /// It fills one place of a validation.
    Validation { token: Token, place: usize },
    /// Nobody waits: what is known is to be renewed.
    Renewal,
}

impl Waiter {
    pub(super) fn token(&self) -> Option<Token> {
        match self {
            Self::Command(command) => Some(command.token),
            Self::Details(token)
            | Self::Hours(token)
            | Self::Rules(token)
            | Self::Chain(token)
            | Self::Validation { token, .. } => Some(*token),
            Self::Renewal => None,
        }
    }

    pub(super) fn is_waiting(&self, core: &Core) -> bool {
        self.token().is_none_or(|token| core.is_waiting(token))
    }

    /// The session's own commands keep their token when they are asked again.
    pub(super) fn is_repeated_by(&self, other: &Self) -> bool {
        matches!((self, other), (Self::Command(_), Self::Command(_))) && self.token() == other.token()
    }

    /// False for orders: what is bought must be what the gateway calls so today.
    pub(super) fn may_use_earlier(&self) -> bool {
        match self {
            Self::Command(command) => {
                matches!(
                    command.ask,
                    Ask::Subscribe(_) | Ask::Snapshot(_) | Ask::Bars(_) | Ask::Head(_) | Ask::Chain(_)
                )
            }
            _ => true,
        }
    }
}

/// What is known of the link that lookups travel on.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum DataLink {
    /// Not logged in since the start.
    #[default]
    Starting,
    Up,
    Down {
        reason: String,
    },
}

impl DataLink {
    pub(super) fn check(&self) -> Result<(), ApiError> {
        let message = match self {
            Self::Up => return Ok(()),
            Self::Starting => "the data link to the gateway is not logged in yet".to_owned(),
            Self::Down { reason } => {
                format!("the data link to the gateway is down and will be dialled again: {reason}")
            }
        };
        Err(ApiError::new(ErrorCode::NotReady, message).retry_after_ms(1_000))
    }
}
