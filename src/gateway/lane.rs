//! Kinds of requests that must not wait for one another.

use crate::session::{Ask, ProcessAsk, services::ServiceAsk};

/// What a request may hold up, and what may hold it up: requests of other lanes never. The first two protect, and are
/// taken before all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Lane {
    /// Answered at once from what the bridge knows: the kill switch, signs of life, the bridge itself, looks at orders.
    Control,
    /// Takes orders out of the market.
    Cancel,
    /// Puts orders into the market or changes them; may wait for their end.
    Order,
    /// May take hours under IB's limits.
    Long,
    /// Everything else.
    Other,
}

impl Lane {
    /// Every lane, those that protect first.
    pub const ALL: [Self; 5] = [Self::Control, Self::Cancel, Self::Order, Self::Long, Self::Other];

    /// The lane of what is asked.
    pub fn of(ask: &Ask) -> Self {
        match ask {
            Ask::RiskLimits
            | Ask::SetLimits(_)
            | Ask::Halt(_)
            | Ask::HaltFile { .. }
            | Ask::Resume
            | Ask::Heartbeat(_)
            | Ask::BridgeInfo
            | Ask::BridgeHealth
            | Ask::PaceStatus
            | Ask::PaceStats
            | Ask::PaceCheck(_)
            | Ask::PoolStatus
            | Ask::Figures
            | Ask::Reconfigure(_)
            | Ask::ListOrders(_)
            | Ask::GetOrder(_)
            | Ask::SettleOrder(_) => Self::Control,
            Ask::CancelOrder(_) | Ask::CancelAll(_) => Self::Cancel,
            ask if ask.is_order() => Self::Order,
            Ask::Bars(_)
            | Ask::Batch(_)
            | Ask::Ticks(_)
            | Ask::Schedule(_)
            | Ask::Histogram(_)
            | Ask::Head(_)
            | Ask::Chain(_) => Self::Long,
            Ask::Service(ask) if matches!(**ask, ServiceAsk::Headlines(_)) => Self::Long,
            // A doctor takes its time.
            Ask::Process(ask) if !matches!(**ask, ProcessAsk::Doctor(_)) => Self::Control,
            _ => Self::Other,
        }
    }

    /// The lane of a verb: what is known of a request before it is read.
    pub fn of_verb(noun: &str, verb: &str) -> Self {
        match (noun, verb) {
            ("bridge", "doctor") => Self::Other,
            ("risk" | "bridge" | "pace" | "pool", _) | ("order", "list" | "get" | "settle") => Self::Control,
            ("order", "cancel" | "cancel_all") => Self::Cancel,
            ("order", _) => Self::Order,
            ("hist", _) | ("contract", "chain") | ("news", "headlines") => Self::Long,
            _ => Self::Other,
        }
    }

    /// Its requests take something out of the market, stop trading or look at it.
    pub fn protects(self) -> bool {
        matches!(self, Self::Control | Self::Cancel)
    }

    /// What its requests are called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Control => "control and status",
            Self::Cancel => "cancel",
            Self::Order => "order",
            Self::Long => "history",
            Self::Other => "other",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::nats::{encoding::Encoding, endpoints::VERBS};

    #[test]
    fn a_request_is_in_the_lane_of_its_verb() {
        let payloads = [
            "",
            r#"{"key":"k"}"#,
            r#"{"ttl_s":1}"#,
            r#"{"contract":"STK:A"}"#,
            r#"{"contract":"STK:A","bar_size":"1m","duration":"1d"}"#,
            r#"{"key":"k","contract":"STK:A","side":"buy","quantity":1,"order_type":"market"}"#,
        ];
        let mut seen = BTreeSet::new();
        for verb in VERBS {
            let lane = Lane::of_verb(verb.noun, verb.verb);
            for payload in payloads {
                if let Ok(asked) = (verb.read)(Encoding::Json, payload.as_bytes()) {
                    assert_eq!(Lane::of(&asked.ask), lane, "{}.{} {payload}", verb.noun, verb.verb);
                    seen.insert((lane, verb.noun, verb.verb));
                }
            }
        }
        for verb in [
            ("order", "cancel"),
            ("order", "place"),
            ("risk", "halt"),
            ("risk", "heartbeat"),
            ("hist", "bars"),
            ("bridge", "health"),
            ("md", "subscribe"),
        ] {
            assert!(seen.iter().any(|(_, noun, name)| (*noun, *name) == verb), "no payload fits {verb:?}");
        }
    }
}
