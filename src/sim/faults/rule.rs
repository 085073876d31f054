//! One fault: when it happens, to whom, and what it does.

use super::action::Action;

/// A fault as a scenario or an operator asks for it. Rules are looked at in their order.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// What people call it; shown in lists.
    pub name: String,
    /// What sets it off.
    pub when: When,
    /// Only for the client with this id.
    pub client_id: Option<i32>,
    /// Only for requests and messages about this instrument.
    pub symbol: Option<String>,
    /// It happens at most so often; `None` for without end.
    pub times: Option<u32>,
    /// Of 1,000,000 occasions it takes so many, chosen by the seed.
    pub chance_ppm: u32,
    /// What happens.
    pub action: Action,
}

impl Rule {
    /// A rule for everybody that takes every occasion.
    pub fn new(name: &str, when: When, action: Action) -> Self {
        Self { name: name.to_owned(), when, client_id: None, symbol: None, times: None, chance_ppm: ALWAYS_PPM, action }
    }
}

/// Every occasion is taken.
pub const ALWAYS_PPM: u32 = 1_000_000;

/// What sets a rule off. Times are simulated milliseconds.
#[derive(Clone, Debug, PartialEq)]
pub enum When {
    /// A time after the simulator started, or after the rule was added while it ran.
    Start {
        /// So long afterwards.
        at_ms: i64,
        /// And again after each such time.
        every_ms: Option<i64>,
    },
    /// A time after a client logged in; the rule then is about that client alone.
    Login {
        /// So long afterwards.
        at_ms: i64,
        /// Only after this login of all that match, counted from 1.
        nth: Option<u64>,
    },
    /// A request arrives; the rule then is about its client alone.
    Request(Occasion),
    /// A message is about to leave; the rule then is about its client alone.
    Message(Occasion),
}

/// Which requests or messages are meant.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Occasion {
    /// IB's names of the messages; empty for all of them.
    pub kinds: Vec<String>,
    /// Only the one with this number among all that match, counted from 1.
    pub nth: Option<u64>,
    /// Not before this time after the start.
    pub from_ms: Option<i64>,
    /// Not at or after this time after the start.
    pub until_ms: Option<i64>,
}

impl Occasion {
    /// Messages of this name.
    pub fn of(kind: &str) -> Self {
        Self { kinds: vec![kind.to_owned()], ..Self::default() }
    }

    pub(super) fn names(&self, kind: &str) -> bool {
        self.kinds.is_empty() || self.kinds.iter().any(|named| named == kind)
    }

    pub(super) fn is_open(&self, since_start_ms: i64) -> bool {
        self.from_ms.is_none_or(|from| since_start_ms >= from)
            && self.until_ms.is_none_or(|until| since_start_ms < until)
    }
}
