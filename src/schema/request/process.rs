//! `pool.metrics`, `bridge.config`, `bridge.log_level`: the process itself.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

/// Answer to `pool.metrics`: the figures of the Prometheus endpoint at one moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Metrics {
    /// When they were taken, microseconds UTC, our clock.
    pub at_us: i64,
    /// Every metric, by name.
    pub metrics: Vec<Metric>,
}

/// One metric with its present values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Metric {
    /// Its name, as Prometheus shows it.
    pub name: String,
    /// What it is.
    pub kind: MetricKind,
    /// What it says, for a person.
    pub help: String,
    /// A value for each combination of labels there is.
    pub samples: Vec<Sample>,
}

/// What a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MetricKind {
    /// Only grows; from zero at every start.
    Counter,
    /// A level.
    Gauge,
    /// Durations in buckets, in seconds.
    Histogram,
}

/// A value and its labels.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Sample {
    /// Labels; left out if there are none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// The value of a counter or level.
    pub value: Option<f64>,
    /// The value of a histogram.
    pub histogram: Option<Buckets>,
}

/// A histogram.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Buckets {
    /// How many were measured.
    pub count: u64,
    /// Their sum, in seconds.
    pub sum: f64,
    /// Upper end in seconds and how many fell into the bucket alone; longer ones are in `count` only.
    pub buckets: Vec<(f64, u64)>,
}

/// Answer to `bridge.config`: the configuration in force, secrets masked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ConfigAnswer {
    /// Section by section, as in the configuration file, defaults included.
    pub config: serde_json::Value,
}

/// `bridge.log_level`: tells the log filter, or changes it until the bridge ends. For administrators.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogLevel {
    /// The new filter, such as `info` or `ibnats=debug,async_nats=warn`; only told if it is left out.
    pub filter: Option<String>,
}

/// Answer to `bridge.log_level`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LogLevelAnswer {
    /// The filter in force now.
    pub filter: String,
    /// The filter before this request.
    pub previous: String,
}
