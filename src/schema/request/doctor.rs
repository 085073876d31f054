//! `bridge.doctor`: what will go wrong, and how to mend it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::schema::contract::ContractSpec;

/// `bridge.doctor`: looks at everything the running bridge needs and says what is wrong and how to mend it. For
/// administrators.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Doctor {
    /// Also log in to the gateway for a moment under a client id of its own, to read its settings and ask for one
    /// quote. This takes some seconds, and its few messages pass beside the bridge's pacing.
    pub visit: bool,
    /// Client id of the visit; must be in use by nobody. 997 if left out.
    pub client_id: Option<i32>,
    /// What the visit asks a quote of; `STK:AAPL` if left out.
    pub contract: Option<ContractSpec>,
    /// Give up after this many milliseconds.
    pub timeout_ms: Option<u64>,
}

/// Answer to `bridge.doctor`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Diagnosis {
    /// Everything that was looked at.
    pub findings: Vec<Finding>,
    /// How many of them are `wrong`.
    pub wrong: usize,
    /// How many of them are a `warning`.
    pub warnings: usize,
}

impl From<Vec<Finding>> for Diagnosis {
    fn from(findings: Vec<Finding>) -> Self {
        let count = |verdict| findings.iter().filter(|finding| finding.verdict == verdict).count();
        Self { wrong: count(Verdict::Wrong), warnings: count(Verdict::Warning), findings }
    }
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As it should be.
    Good,
    /// Worth knowing, or could not be told.
    Note,
    /// Something will not work as expected.
    Warning,
    /// The bridge cannot work like this.
    Wrong,
}

/// What a look at one thing found.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// What was looked at.
    pub about: String,
    /// How bad it is.
    pub verdict: Verdict,
    /// What was found.
    pub found: String,
    /// What to do about it; absent if nothing needs to be done.
    pub mend: Option<String>,
}

impl Finding {
    /// As it should be.
    pub fn good(about: &str, found: impl Into<String>) -> Self {
        Self { about: about.to_owned(), verdict: Verdict::Good, found: found.into(), mend: None }
    }

    /// Worth knowing.
    pub fn note(about: &str, found: impl Into<String>) -> Self {
        Self { about: about.to_owned(), verdict: Verdict::Note, found: found.into(), mend: None }
    }

    /// Something will not work as expected.
    pub fn warning(about: &str, found: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { about: about.to_owned(), verdict: Verdict::Warning, found: found.into(), mend: Some(mend.into()) }
    }

    /// The bridge cannot work like this.
    pub fn wrong(about: &str, found: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { about: about.to_owned(), verdict: Verdict::Wrong, found: found.into(), mend: Some(mend.into()) }
    }
}
