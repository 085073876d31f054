//! The micro service: takes requests, asks the session, answers.

use std::{
    collections::HashMap,
    sync::{
        Arc, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use async_nats::{
    Client,
    service::{Request, Service, ServiceExt as _},
};
use compact_str::CompactString;
use futures_util::{StreamExt as _, stream::select_all};
use tokio::task::{JoinHandle, JoinSet};
use tracing::{debug, warn};

use super::{
    encoding::{Encoding, one_line},
    endpoints::{VERBS, Verb},
    error::NatsError,
    named::fill_subjects,
    pages::{self, Pager},
    places::{Place, Places},
    reply,
    subject::{Topic, request_subjects, text_of},
    tally::Tally,
    traces::{Traced, Traces},
};
use crate::{
    config::{Config, Timing},
    gateway::{GatewayHandle, Lane, clock},
    schema::ApiError,
    session::{Ask, Outcome, refused_unseen},
};

/// Bridges with the same prefix share this group; only one of them may be registered.
pub(super) const QUEUE_GROUP: &str = "ibnats";

/// The registered service.
pub(super) struct RequestService {
    service: Service,
    desk: Arc<Desk>,
    task: JoinHandle<()>,
}

/// What every request needs.
struct Desk {
    client: Client,
    prefix: String,
    timing: Timing,
    gateway: GatewayHandle,
    errors: ErrorCounts,
    tally: Arc<Tally>,
    traces: Option<Traces>,
}

/// Errors told to callers, by endpoint: the library counts only its own.
type ErrorCounts = Arc<HashMap<String, AtomicU64>>;

impl RequestService {
    /// Registers every endpoint and serves until [`Self::stop`].
    pub(super) async fn start(
        client: Client,
        config: &Config,
        gateway: GatewayHandle,
        tally: Arc<Tally>,
    ) -> Result<Self, NatsError> {
        let refused = |error: async_nats::Error| NatsError::Service { reason: error.to_string() };
        let names = VERBS.iter().flat_map(|verb| [verb.endpoint(false), verb.endpoint(true)]);
        let errors: ErrorCounts = Arc::new(names.map(|name| (name, AtomicU64::new(0))).collect());
        let counts = Arc::clone(&errors);
        let metadata = HashMap::from([("prefix".to_owned(), config.nats.prefix.clone())]);
        let service = client
            .service_builder()
            .description("Interactive Brokers: market data, history, contracts, orders and accounts")
            .metadata(metadata)
            .queue_group(QUEUE_GROUP)
            .stats_handler(move |endpoint, _| {
                let errors = counts.get(&endpoint).map_or(0, |count| count.load(Ordering::Relaxed));
                serde_json::json!({ "errors": errors })
            })
            .start("ibnats", env!("CARGO_PKG_VERSION"))
            .await
            .map_err(refused)?;
        let mut endpoints = Vec::with_capacity(2 * VERBS.len());
        for verb in VERBS {
            let subjects = request_subjects(&config.nats.prefix, verb.noun, verb.verb);
            for (subject, is_named) in subjects.into_iter().zip([false, true]) {
                let builder = service.endpoint_builder().name(verb.endpoint(is_named));
                let endpoint = builder.add(subject).await.map_err(refused)?;
                endpoints.push(endpoint.map(move |request| (verb, is_named, request)).boxed());
            }
        }
        let desk = Arc::new(Desk {
            client,
            prefix: config.nats.prefix.clone(),
            timing: config.timing.clone(),
            gateway,
            errors,
            tally,
            traces: Traces::start(&config.trace)?,
        });
        let requests_max = config.nats.requests_max;
        let task = tokio::spawn(serve(Arc::clone(&desk), select_all(endpoints), requests_max));
        Ok(Self { service, desk, task })
    }

    /// Takes no more requests, and waits until the accepted ones are answered.
    pub(super) async fn stop(self) {
        if let Err(error) = self.service.stop().await {
            warn!(%error, "micro service did not stop");
        }
        if let Err(error) = self.task.await {
            warn!(%error, "request service ended early");
        }
        if let Some(traces) = &self.desk.traces {
            traces.stop().await;
        }
    }
}

async fn serve(
    desk: Arc<Desk>,
    mut requests: impl futures_util::Stream<Item = (&'static Verb, bool, Request)> + Unpin,
    requests_max: usize,
) {
    let places = Places::new(requests_max);
    let mut running = JoinSet::new();
    while let Some((verb, is_named, request)) = requests.next().await {
        while running.try_join_next().is_some() {}
        if request.message.reply.is_none() {
            // Nobody could be told the outcome, least of all that of an order.
            debug!(subject = %request.message.subject, "request without a reply subject is not served");
            let error = ApiError::invalid("a request without a reply subject is not served");
            desk.audit_unseen(verb, is_named, &request, &error).await;
            continue;
        }
        let now = clock::now().at;
        let client = is_named.then(|| desk.client_of(&request.message.subject)).flatten();
        match places.take(Lane::of_verb(verb.noun, verb.verb), client.clone(), now) {
            Ok(place) => {
                let desk = Arc::clone(&desk);
                running.spawn(async move { desk.answer(verb, is_named, &request, client, place).await });
            }
            Err(busy) => desk.tell(verb, is_named, &request, Err(busy), now).await,
        }
    }
    while running.join_next().await.is_some() {}
}

impl Desk {
    /// Answers, and holds `place` until then.
    async fn answer(
        &self,
        verb: &Verb,
        is_named: bool,
        request: &Request,
        client: Option<CompactString>,
        mut place: Place,
    ) {
        let message = &request.message;
        let began = clock::now().at;
        let asked = Encoding::of_request(message.headers.as_ref(), &message.payload)
            .and_then(|encoding| Ok((encoding, (verb.read)(encoding, &message.payload)?)));
        let traced = self.traces.as_ref().map(|traces| (traces, self.gateway.traced()));
        let gateway = traced.as_ref().map_or(&self.gateway, |(_, (gateway, _))| gateway);
        let asked = asked.map(|(encoding, asked)| {
            let now = clock::now();
            let deadline = now.at + asked.timeout(&self.timing, now.us);
            place.ends_by(deadline);
            (encoding, deadline, asked)
        });
        let (told, answered) = match asked {
            Ok((encoding, deadline, asked)) if asked.ask.has_parts() => {
                let told = self.answer_in_pages(gateway, request, encoding, deadline, asked.ask, client.clone()).await;
                (told, clock::now().at)
            }
            Ok((encoding, deadline, asked)) => {
                let outcome = self.ask(gateway, deadline, asked.ask, client.clone()).await;
                let answered = clock::now().at;
                (reply::send(&self.client, request, encoding, outcome).await, answered)
            }
            Err(error) => {
                self.audit_unseen(verb, is_named, request, &error).await;
                (self.send(request, Err(error)).await, clock::now().at)
            }
        };
        if let Some((traces, (_, stages))) = &traced {
            let stages = stages.lock().unwrap_or_else(PoisonError::into_inner);
            traces.tell(&Traced {
                verb,
                subject: &message.subject,
                client: client.as_deref(),
                headers: message.headers.as_ref(),
                began,
                answered,
                error: told.as_ref(),
                stages: &stages,
            });
        }
        self.count(verb, is_named, request, told, began);
    }

    /// Sends the parts of a long answer as they come. Returns the error told, if any.
    async fn answer_in_pages(
        &self,
        gateway: &GatewayHandle,
        request: &Request,
        encoding: Encoding,
        deadline: Instant,
        ask: Ask,
        client: Option<CompactString>,
    ) -> Option<ApiError> {
        let kind = match &ask {
            Ask::Batch(_) => pages::Kind::Batch,
            Ask::Ticks(_) => pages::Kind::Ticks,
            Ask::Chain(_) => pages::Kind::Chain,
            _ => pages::Kind::Bars,
        };
        let mut pager = Pager::new(&self.client, request, encoding, kind);
        let mut answering = match gateway.ask_for_parts(client, deadline, ask) {
            Ok(answering) => answering,
            Err(error) => return pager.finish(Err(error)).await,
        };
        while let Some(part) = answering.next_part().await {
            if let Err(error) = pager.push(part).await {
                return pager.finish(Err(error)).await;
            }
            answering.taken().await;
        }
        pager.finish(answering.outcome().await).await
    }

    async fn ask(
        &self,
        gateway: &GatewayHandle,
        deadline: Instant,
        ask: Ask,
        client: Option<CompactString>,
    ) -> Outcome {
        let mut answer = gateway.ask(client, deadline, ask).await?;
        fill_subjects(&self.prefix, &mut answer);
        Ok(answer)
    }

    async fn tell(&self, verb: &Verb, is_named: bool, request: &Request, outcome: Outcome, began: Instant) {
        if let Err(error) = &outcome {
            self.audit_unseen(verb, is_named, request, error).await;
        }
        let told = self.send(request, outcome).await;
        self.count(verb, is_named, request, told, began);
    }

    /// The session never saw this request. If it could have changed an order, the audit stream has it all the same.
    async fn audit_unseen(&self, verb: &Verb, is_named: bool, request: &Request, error: &ApiError) {
        let message = &request.message;
        let client = is_named.then(|| self.client_of(&message.subject)).flatten();
        let name = (verb.noun, verb.verb);
        if let Some(event) = refused_unseen(name, client.as_deref(), &message.payload, clock::now().us, error) {
            self.gateway.tell_refused(event).await;
        }
    }

    async fn send(&self, request: &Request, outcome: Outcome) -> Option<ApiError> {
        let message = &request.message;
        let encoding = Encoding::of_request(message.headers.as_ref(), &message.payload).unwrap_or(Encoding::Json);
        reply::send(&self.client, request, encoding, outcome).await
    }

    fn count(&self, verb: &Verb, is_named: bool, request: &Request, told: Option<ApiError>, began: Instant) {
        self.tally.record(verb, told.as_ref(), clock::now().at.saturating_duration_since(began));
        if let Some(error) = told {
            if let Some(count) = self.errors.get(&verb.endpoint(is_named)) {
                count.fetch_add(1, Ordering::Relaxed);
            }
            debug!(subject = %request.message.subject, %error, "request refused");
        }
    }

    /// The last token, as the client wrote its name before it was made a token.
    fn client_of(&self, subject: &str) -> Option<CompactString> {
        match Topic::parse(&self.prefix, subject) {
            Some(Topic::Request { client, .. }) => client.map(CompactString::from),
            // A name that was never made a token by our rule is taken as it stands.
            _ => subject.rsplit('.').next().map(|name| text_of(name).unwrap_or_else(|| one_line(name)).into()),
        }
    }
}
