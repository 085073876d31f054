//! Values of metrics at one moment, kept to the catalogue.

use super::catalogue::CATALOGUE;
use crate::{
    measure::{BUCKETS_US, Histogram},
    schema::request::process::{Buckets, Metric, Metrics, Sample},
};

/// Takes values down.
#[derive(Debug)]
pub(super) struct Sheet {
    samples: Vec<Vec<Sample>>,
    strays: Vec<&'static str>,
}

impl Sheet {
    pub(super) fn new() -> Self {
        Self { samples: CATALOGUE.iter().map(|_| Vec::new()).collect(), strays: Vec::new() }
    }

    /// A value without labels.
    pub(super) fn set(&mut self, name: &'static str, value: impl Number) {
        self.set_for(name, &[], value);
    }

    /// A value if there is one.
    pub(super) fn set_if(&mut self, name: &'static str, value: Option<impl Number>) {
        if let Some(value) = value {
            self.set(name, value);
        }
    }

    /// A value with the labels of the catalogue, in their order.
    pub(super) fn set_for(&mut self, name: &'static str, labels: &[&str], value: impl Number) {
        self.add(name, labels, |sample| sample.value = Some(value.number()));
    }

    /// Durations.
    pub(super) fn durations(&mut self, name: &'static str, labels: &[&str], took: &Histogram) {
        let seconds = |us: u64| us.number() / 1e6;
        let buckets = BUCKETS_US.iter().map(|end| seconds(*end)).zip(took.buckets).collect();
        let histogram = Buckets { count: took.count, sum: seconds(took.sum_us), buckets };
        self.add(name, labels, |sample| sample.histogram = Some(histogram));
    }

    fn add(&mut self, name: &'static str, labels: &[&str], fill: impl FnOnce(&mut Sample)) {
        let place = CATALOGUE.iter().position(|metric| metric.name == name && metric.labels.len() == labels.len());
        let found = place.and_then(|place| Some((CATALOGUE.get(place)?, self.samples.get_mut(place)?)));
        let Some((metric, samples)) = found else {
            self.strays.push(name);
            return;
        };
        let named = metric.labels.iter().zip(labels).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let mut sample = Sample { labels: named.collect(), ..Sample::default() };
        fill(&mut sample);
        samples.push(sample);
    }

    /// Names used that are not in the catalogue: a fault of this program, found by its tests.
    #[cfg(test)]
    pub(super) fn strays(&self) -> &[&'static str] {
        &self.strays
    }

    /// All metrics that have a value.
    pub(super) fn finish(self, at_us: i64) -> Metrics {
        let rows = CATALOGUE.iter().zip(self.samples).filter(|(_, samples)| !samples.is_empty());
        let metrics = rows.map(|(metric, samples)| Metric {
            name: metric.name.to_owned(),
            kind: metric.kind,
            help: metric.help.to_owned(),
            samples,
        });
        Metrics { at_us, metrics: metrics.collect() }
    }
}

/// What a metric may be given.
pub(super) trait Number {
    /// As Prometheus wants it.
    fn number(self) -> f64;
}

impl Number for f64 {
    fn number(self) -> f64 {
        self
    }
}

impl Number for bool {
    fn number(self) -> f64 {
        f64::from(u8::from(self))
    }
}

impl Number for u32 {
    fn number(self) -> f64 {
        f64::from(self)
    }
}

impl Number for u64 {
    #[expect(clippy::cast_precision_loss, reason = "Prometheus knows floats only; exact to 2^53")]
    fn number(self) -> f64 {
        self as f64
    }
}

impl Number for usize {
    #[expect(clippy::cast_precision_loss, reason = "Prometheus knows floats only; exact to 2^53")]
    fn number(self) -> f64 {
        self as f64
    }
}

impl Number for i64 {
    #[expect(clippy::cast_precision_loss, reason = "Prometheus knows floats only; exact to 2^53")]
    fn number(self) -> f64 {
        self as f64
    }
}
