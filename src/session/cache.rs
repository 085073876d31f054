//! What the session asks to be kept on the disk because it is worth having again, not because it must not be lost.

use bytes::Bytes;

/// One thing to keep, or to forget.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheItem {
    /// What kind of thing it is; keys are unique within a kind.
    pub kind: CacheKind,
    /// Which one.
    pub key: String,
    /// When it was learned, microseconds UTC, our clock.
    pub at_us: i64,
    /// Bytes that only the session reads; `None` to forget it.
    pub body: Option<Bytes>,
}

/// Kinds of cached things.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CacheKind {
    /// Contracts that fit a description.
    Contract,
    /// A market rule.
    Rule,
    /// Parameters of an underlying's option chain.
    Chain,
    /// When the gateway was last seen.
    Gateway,
    /// The end of the last whole bar of a stream that outlives the bridge.
    Bars,
    /// A lease that outlives the bridge.
    Lease,
    /// A lease on a scanner that outlives the bridge.
    Scan,
    /// What was sent of late that IB's pacing rules count for longer than a restart takes.
    Pacing,
}

impl CacheKind {
    /// Every kind, in the order in which they are recalled: leases need what comes before them.
    pub const ALL: [Self; 8] =
        [Self::Contract, Self::Rule, Self::Chain, Self::Gateway, Self::Pacing, Self::Bars, Self::Lease, Self::Scan];

    /// Its name on the disk.
    pub fn name(self) -> &'static str {
        match self {
            Self::Contract => "contract",
            Self::Rule => "rule",
            Self::Chain => "chain",
            Self::Gateway => "gateway",
            Self::Bars => "bars",
            Self::Lease => "lease",
            Self::Scan => "scan",
            Self::Pacing => "pacing",
        }
    }

    /// True for what cannot be asked for again.
    pub fn must_last(self) -> bool {
        matches!(self, Self::Lease | Self::Scan | Self::Pacing)
    }
}
