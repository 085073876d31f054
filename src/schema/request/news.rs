//! `news.*`: providers, past headlines, articles and bulletins.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::history::{Hole, TimePoint};
use crate::schema::{Instrument, contract::ContractSpec, news::NewsEvent};

/// `news.providers`: the news sources the login may use through the API.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProvidersRequest {
    /// Give up after this many milliseconds.
    pub timeout_ms: Option<u64>,
}

/// Answer to `news.providers`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Providers {
    /// The sources.
    pub providers: Vec<Provider>,
}

/// One news source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Provider {
    /// IB's code, such as `BRFG`; also the last token of `ib.news.<provider>`.
    pub code: String,
    /// Its name.
    pub name: String,
}

/// `news.headlines`: past headlines about one instrument.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HeadlinesRequest {
    /// The instrument.
    pub contract: ContractSpec,
    /// Codes of the sources; all that the login may use if left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub providers: Vec<String>,
    /// First moment wanted. Without it the newest `limit` headlines before `end`.
    pub start: Option<TimePoint>,
    /// Last moment wanted; now if left out.
    pub end: Option<TimePoint>,
    /// At most so many headlines, the newest of the range: 1 to 20000. Default 300, one request to IB.
    pub limit: Option<u32>,
    /// Give up after this many milliseconds.
    pub timeout_ms: Option<u64>,
}

/// One page of the answer to `news.headlines`. Pages arrive in order on the reply inbox.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HeadlinesPage {
    /// Page number from 0.
    pub page: u32,
    /// True on the last page, which carries the manifest.
    pub last: bool,
    /// Headlines of this page, oldest first.
    pub rows: Vec<Headline>,
    /// The summary; on the last page.
    pub manifest: Option<HeadlinesManifest>,
}

/// One past headline.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Headline {
    /// When it was published, microseconds UTC. Absent if IB's text was no time.
    pub event_us: Option<i64>,
    /// IB's code of the source.
    pub provider: String,
    /// Names the article for `news.article`.
    pub article_id: String,
    /// The headline.
    pub headline: String,
}

/// What the pages held.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HeadlinesManifest {
    /// The instrument.
    pub instrument: Instrument,
    /// The sources asked.
    pub providers: Vec<String>,
    /// Pages sent.
    pub pages: u32,
    /// Headlines on all pages.
    pub rows: u64,
    /// Requests made to IB.
    pub requests: u32,
    /// True if older headlines of the range exist beyond `limit`.
    pub more: bool,
    /// Parts of the range for which something may be missing.
    pub holes: Vec<Hole>,
}

/// `news.article`: the text of one article.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ArticleRequest {
    /// IB's code of the source.
    pub provider: String,
    /// The article's name, from a headline.
    pub article_id: String,
    /// Give up after this many milliseconds.
    pub timeout_ms: Option<u64>,
}

/// Answer to `news.article`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Article {
    /// IB's code of the source.
    pub provider: String,
    /// The article's name.
    pub article_id: String,
    /// How to read `text`.
    pub format: ArticleFormat,
    /// The article: plain text or HTML, or a PDF in base64.
    pub text: String,
}

/// How an article is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ArticleFormat {
    /// Plain text or HTML: IB does not say which.
    Text,
    /// A PDF in base64.
    PdfBase64,
    /// A format this release has no name for.
    Other,
}

/// `news.bulletins`: IB's bulletins of today, as far as the gateway still knows them. They are also
/// published as they come.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BulletinsRequest {}

/// Answer to `news.bulletins`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Bulletins {
    /// Where new ones are published.
    pub subject: String,
    /// What came since the bridge logged in, oldest first; the newest 200.
    pub bulletins: Vec<NewsEvent>,
}
