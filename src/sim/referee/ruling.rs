//! The rules by name, and what a gateway does about a breach.

use crate::sim::universe::Refusal;

/// A limit of IB that a client can break.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// Messages of one connection in any second: market data lines / 2.
    Messages,
    /// The same over all connections of the login: sources disagree which of the two is meant.
    LoginMessages,
    /// An identical small-bar request within 15 s.
    IdenticalHistory,
    /// Six small-bar requests for one contract, exchange and kind within 2 s.
    SameHistory,
    /// More than 60 small-bar requests in any 10 minutes.
    HistoryIn10Minutes,
    /// More than 50 historical requests open.
    OpenHistory,
    /// Two tick-by-tick requests for one instrument within 15 s.
    TickByTickAgain,
    /// Market data lines.
    Lines,
    /// Tick-by-tick streams.
    TickByTick,
    /// Instruments with depth.
    Depth,
    /// Scanner subscriptions.
    Scanners,
    /// Account summary subscriptions.
    AccountSummaries,
    /// More than one regulatory snapshot in a second.
    RegulatorySnapshots,
    /// Two symbol searches within a second.
    SymbolSearch,
    /// More rows asked for than one request may bring: 1000 ticks, 300 headlines, 50 of a scanner.
    RowsOfRequest,
    /// Events of the calendar before its fields, or two of its questions at a time.
    CalendarOrder,
}

/// How often one rule was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuleCount {
    /// The rule.
    pub rule: Rule,
    /// Breaches so far.
    pub count: u64,
}

/// One breach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The rule.
    pub rule: Rule,
    /// When, simulated epoch milliseconds.
    pub at_ms: i64,
    /// Who, if that is known.
    pub client_id: Option<i32>,
    /// IB's name of the request message; `answer` if the refusal gave it away.
    pub request: &'static str,
}

/// What becomes of a request.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::sim) enum Ruling {
    /// It is served.
    Allow,
    /// It is answered with an error for this id.
    Refuse(i32, Refusal),
    /// It is answered with an error, and the connection ends.
    Close(Refusal),
}

/// The slots that a refusal says are all taken.
pub(super) fn taken_slots(code: i32, text: &str) -> Option<Rule> {
    let text = text.to_lowercase();
    match code {
        101 => Some(Rule::Lines),
        309 => Some(Rule::Depth),
        10190 => Some(Rule::TickByTick),
        322 if text.contains("account summary requests exceeded") => Some(Rule::AccountSummaries),
        322 if text.contains("simultaneous api historical") => Some(Rule::OpenHistory),
        162 | 322 if text.contains("scanner") && (text.contains("maximum") || text.contains("only ")) => {
            Some(Rule::Scanners)
        }
        _ => None,
    }
}
