//! `[trace]`: OpenTelemetry traces of requests.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::check::Broken;

/// `[trace]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Trace {
    /// Where spans are sent: an OTLP receiver over HTTP, such as `http://127.0.0.1:4318`. Nothing is traced if it is
    /// empty. Spans name verbs, clients, outcomes and times; no payload leaves the bridge.
    pub otlp_endpoint: String,
    /// Part of the requests that are traced, in percent. A request whose `traceparent` says so is traced in any case.
    pub sample_percent: u8,
}

impl Default for Trace {
    fn default() -> Self {
        Self { otlp_endpoint: String::new(), sample_percent: 100 }
    }
}

impl Trace {
    /// What cannot work.
    pub(super) fn check(&self, broken: &mut Broken) {
        broken.if_so(self.sample_percent > 100, "trace.sample_percent", "must be from 0 to 100");
        broken.if_so(
            !self.otlp_endpoint.is_empty() && !self.otlp_endpoint.starts_with("http://"),
            "trace.otlp_endpoint",
            "must begin with http://: send to a collector on this host, which speaks TLS to others",
        );
    }
}
