//! `ib.news.<provider>`: headlines as they come, and IB's own bulletins.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::Instrument;

/// The provider token of IB's bulletins: no real provider is named like this.
pub const BULLETIN: &str = "bulletin";

/// One headline, or one bulletin of IB (`ib.news.bulletin`).
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NewsEvent {
    /// Grows by one per subject; a jump means loss or a restart.
    pub seq: u64,
    /// When the gateway's bytes arrived: microseconds UTC, our clock.
    pub recv_us: i64,
    /// When the provider says it was published: microseconds UTC. Absent for bulletins.
    pub event_us: Option<i64>,
    /// IB's code of the provider, such as `BRFG`; `bulletin` for IB's own bulletins.
    pub provider: String,
    /// Names the article for `news.article`. For a bulletin its number.
    pub article_id: String,
    /// The headline, or the whole text of a bulletin.
    pub headline: String,
    /// What the provider adds, as IB sends it.
    pub extra: Option<String>,
    /// The stream it came on: an instrument, or the broad tape of a provider (`NEWS`). Absent for bulletins.
    pub instrument: Option<Instrument>,
    /// What kind of bulletin it is; absent for headlines.
    pub bulletin: Option<BulletinKind>,
    /// The exchange a bulletin is about.
    pub exchange: Option<String>,
}

/// What a bulletin is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BulletinKind {
    /// A notice to everybody.
    Regular,
    /// An exchange is not available for trading.
    ExchangeUnavailable,
    /// An exchange is available again.
    ExchangeAvailable,
    /// A kind this release has no name for.
    Other,
}
