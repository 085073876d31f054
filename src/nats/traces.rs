//! OpenTelemetry traces: of each request how long it waited for its turn, for the gateway and for its reply.

use std::{
    collections::HashMap,
    time::{Duration, Instant, SystemTime},
};

use async_nats::HeaderMap;
use opentelemetry::{
    Context, KeyValue,
    propagation::TextMapPropagator as _,
    trace::{Span as _, SpanKind, Status, TraceContextExt as _, Tracer as _, TracerProvider as _},
};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::{
    Resource,
    propagation::TraceContextPropagator,
    trace::{Sampler, SdkTracer, SdkTracerProvider},
};
use tracing::warn;

use super::{endpoints::Verb, error::NatsError};
use crate::{
    config::Trace,
    gateway::clock,
    schema::ApiError,
    session::{Now, Stage},
};

/// A receiver that takes longer gets nothing.
const EXPORT_WITHIN: Duration = Duration::from_secs(5);
/// At the end of the bridge the last spans may take this long.
const LAST_WITHIN: Duration = Duration::from_secs(1);

/// Sends spans to a receiver, in batches and on a thread of its own.
#[derive(Debug)]
pub(super) struct Traces {
    tracer: SdkTracer,
    provider: SdkTracerProvider,
}

/// One request, from its arrival to the end of its reply.
pub(super) struct Traced<'a> {
    pub(super) verb: &'a Verb,
    pub(super) subject: &'a str,
    pub(super) client: Option<&'a str>,
    pub(super) headers: Option<&'a HeaderMap>,
    pub(super) began: Instant,
    /// When the outcome was known; the reply was sent after it.
    pub(super) answered: Instant,
    pub(super) error: Option<&'a ApiError>,
    pub(super) stages: &'a [Stage],
}

impl Traces {
    /// `None` if nothing is to be traced.
    ///
    /// # Errors
    ///
    /// An endpoint that cannot be used.
    pub(super) fn start(config: &Trace) -> Result<Option<Self>, NatsError> {
        if config.otlp_endpoint.is_empty() {
            return Ok(None);
        }
        let exporter = SpanExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(format!("{}/v1/traces", config.otlp_endpoint.trim_end_matches('/')))
            .with_timeout(EXPORT_WITHIN)
            .build()
            .map_err(|error| NatsError::Trace { reason: error.to_string() })?;
        let sampler = Sampler::TraceIdRatioBased(f64::from(config.sample_percent) / 100.0);
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_sampler(Sampler::ParentBased(Box::new(sampler)))
            .with_resource(
                Resource::builder()
                    .with_service_name("ibnats")
                    .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
                    .build(),
            )
            .build();
        Ok(Some(Self { tracer: provider.tracer("ibnats"), provider }))
    }

    /// Tells a request that has been answered.
    pub(super) fn tell(&self, traced: &Traced<'_>) {
        let time = Times::new(clock::now());
        let parent = parent(traced.headers);
        let mut attributes = vec![
            KeyValue::new("messaging.system", "nats"),
            KeyValue::new("messaging.destination.name", traced.subject.to_owned()),
        ];
        attributes.extend(traced.client.map(|client| KeyValue::new("ibnats.client", client.to_owned())));
        let mut span = self
            .tracer
            .span_builder(format!("{}.{}", traced.verb.noun, traced.verb.verb))
            .with_kind(SpanKind::Server)
            .with_start_time(time.of(traced.began))
            .with_attributes(attributes)
            .start_with_context(&self.tracer, &parent);
        if let Some(error) = traced.error {
            span.set_attribute(KeyValue::new("error.type", error.code.as_str()));
            span.set_status(Status::error(error.message.clone()));
        }
        let inside = parent.with_span(span);
        for stage in traced.stages {
            let Some(sent_at) = stage.sent_at else { continue };
            self.part("pacing wait", SpanKind::Internal, stage, (time.of(stage.queued_at), time.of(sent_at)), &inside);
            if let Some(at) = stage.answered_at {
                self.part("gateway", SpanKind::Client, stage, (time.of(sent_at), time.of(at)), &inside);
            }
        }
        let reply = self.tracer.span_builder("reply").with_kind(SpanKind::Producer);
        let reply = reply.with_start_time(time.of(traced.answered)).start_with_context(&self.tracer, &inside);
        end(reply, time.now());
        inside.span().end_with_timestamp(time.now());
    }

    fn part(
        &self,
        name: &'static str,
        kind: SpanKind,
        stage: &Stage,
        (from, to): (SystemTime, SystemTime),
        inside: &Context,
    ) {
        let link = format!("{:?}", stage.link).to_lowercase();
        let attributes = vec![KeyValue::new("tws.message", stage.message), KeyValue::new("tws.link", link)];
        let span = self.tracer.span_builder(name).with_kind(kind).with_start_time(from).with_attributes(attributes);
        end(span.start_with_context(&self.tracer, inside), to);
    }

    /// Sends what is left.
    pub(super) async fn stop(&self) {
        let provider = self.provider.clone();
        let ended = tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(LAST_WITHIN)).await;
        match ended {
            Ok(Ok(())) => {}
            Ok(Err(error)) => warn!(%error, "the last spans were not taken"),
            Err(error) => warn!(%error, "the last spans were not sent"),
        }
    }
}

fn end(mut span: impl opentelemetry::trace::Span, at: SystemTime) {
    span.end_with_timestamp(at);
}

/// The span of the caller that asks, if it says one.
fn parent(headers: Option<&HeaderMap>) -> Context {
    let told = |name: &str| Some((name.to_owned(), headers?.get(name)?.as_str().to_owned()));
    let carrier: HashMap<String, String> = ["traceparent", "tracestate"].into_iter().filter_map(told).collect();
    TraceContextPropagator::new().extract_with_context(&Context::new(), &carrier)
}

/// Moments of our clock as times of day.
struct Times(Now);

impl Times {
    fn new(now: Now) -> Self {
        Self(now)
    }

    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_micros(u64::try_from(self.0.us).unwrap_or_default())
    }

    fn of(&self, at: Instant) -> SystemTime {
        self.now() - self.0.at.saturating_duration_since(at)
    }
}
