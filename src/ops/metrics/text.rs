//! Writes metrics in the text form that Prometheus scrapes.

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet, text},
    metrics::MetricType,
    registry::Registry,
};

use crate::schema::request::process::{Metric, MetricKind, Metrics, Sample};

/// Content type of [`text`].
pub(in crate::ops) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The text form.
///
/// # Errors
///
/// Only if the library cannot write to a text.
pub(in crate::ops) fn text(metrics: Metrics) -> Result<String, std::fmt::Error> {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Snapshot(metrics)));
    let mut out = String::with_capacity(16 * 1024);
    text::encode(&mut out, &registry)?;
    Ok(out)
}

/// Figures taken before.
#[derive(Debug)]
struct Snapshot(Metrics);

impl Collector for Snapshot {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), std::fmt::Error> {
        for metric in &self.0.metrics {
            let kind = match metric.kind {
                MetricKind::Counter => MetricType::Counter,
                MetricKind::Gauge => MetricType::Gauge,
                MetricKind::Histogram => MetricType::Histogram,
            };
            // The library adds what counters end in.
            let name = metric.name.strip_suffix("_total").unwrap_or(&metric.name);
            let mut family = encoder.encode_descriptor(name, &metric.help, None, kind)?;
            for sample in &metric.samples {
                write(&mut family, metric, sample)?;
            }
        }
        Ok(())
    }
}

fn write(family: &mut MetricEncoder, metric: &Metric, sample: &Sample) -> Result<(), std::fmt::Error> {
    let labels: Vec<(&str, &str)> = sample.labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    if labels.is_empty() {
        return write_value(family, metric, sample);
    }
    write_value(&mut family.encode_family(&labels)?, metric, sample)
}

fn write_value(encoder: &mut MetricEncoder, metric: &Metric, sample: &Sample) -> Result<(), std::fmt::Error> {
    let value = sample.value.unwrap_or_default();
    match (metric.kind, &sample.histogram) {
        (MetricKind::Histogram, Some(histogram)) => {
            // The library cumulates; the last bucket has no end.
            let ended: u64 = histogram.buckets.iter().map(|(_, count)| count).sum();
            let last = (f64::INFINITY, histogram.count.saturating_sub(ended));
            let buckets: Vec<(f64, u64)> = histogram.buckets.iter().copied().chain([last]).collect();
            encoder.encode_histogram::<NoLabelSet>(histogram.sum, histogram.count, &buckets, None)
        }
        (MetricKind::Histogram, None) => Ok(()),
        (MetricKind::Counter, _) => encoder.encode_counter::<NoLabelSet, _, f64>(&value, None),
        (MetricKind::Gauge, _) => encoder.encode_gauge(&value),
    }
}
