//! Subjects, encodings, publisher, request service, streams and buckets.
//!
//! | subject below the prefix | payload | kind |
//! |---|---|---|
//! | `tick.<inst>.<name>` | one gateway tick | core |
//! | `quote.<inst>` | the level-1 picture after a change | core, bucket `last` |
//! | `greeks.<inst>` | option computations after a change | core, bucket `last` |
//! | `tbt.<inst>.<kind>` | tick-by-tick | core |
//! | `bar.<inst>.<size>` | live bars | core, bucket `last` |
//! | `depth.<inst>` | book changes | core |
//! | `order.<account>.<key>` | an order's state | stream `ORDERS` |
//! | `fill.<account>.<key>` | executions | stream `ORDERS` |
//! | `position.<account>.<inst>` | positions | core, bucket `account` |
//! | `account.<account>.<tag>` | account values | core, bucket `account` |
//! | `pnl.<account>` | profit and loss | core, bucket `account` |
//! | `pnl.<account>.<con_id>` | profit and loss of a position | core, bucket `account` |
//! | `conn.state` | connection truth | stream `CONN`, bucket `last` |
//! | `conn.farm.<farm>` | farms | stream `CONN`, bucket `last` |
//! | `conn.notice` | gateway notices | stream `CONN` |
//! | `gap.<inst>.<stream>` | gaps | stream `CONN` |
//! | `bridge.<event>` | the bridge's own life | stream `CONN` |
//! | `news.<provider>` | headlines and bulletins | core |
//! | `scan.<id>` | scanner results | core |
//! | `req.<noun>.<verb>[.<client>]` | requests | micro service `ibnats` |

pub mod asyncapi;
mod bucket_writer;
mod connect;
pub mod coverage;
mod direct;
pub mod encoding;
pub mod endpoints;
mod error;
#[cfg(test)]
mod fixtures;
mod gauge;
mod keeper;
mod kept;
mod last_values;
pub mod login;
mod lost;
mod named;
mod order_keeper;
mod pages;
mod places;
mod publisher;
mod reply;
mod retry;
mod service;
pub mod streams;
pub mod subject;
mod tally;
mod traces;
mod tracks;
mod window;

use std::{sync::Arc, time::Duration};

use async_nats::jetstream;
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
};
use tracing::{error, info, warn};

pub use direct::Direct;
pub use error::NatsError;
pub use gauge::{LinkGauge, NatsGauge};
pub use tally::Tally;

use self::{
    connect::{Link, Links},
    keeper::{Figures, Keeper},
    lost::LostBySubject,
    order_keeper::OrderKeeper,
    publisher::Publisher,
    retry::Retry,
    service::RequestService,
};
use crate::{
    config::Config,
    gateway::{GatewayHandle, OutboxReader},
    journal::Mail,
};

/// Bucket writes that may wait between the publishers and the writer.
const WRITES_MAX: usize = 1_024;
/// A cluster that elects a leader refuses for a few seconds. What is not there by then is made beside the rest.
const SETUP_MAX: Duration = Duration::from_secs(5);
const NO_ANSWER: &str = "the server does not answer requests for streams; missing permissions look like this";
/// A server without JetStream says so at once.
const NO_JETSTREAM_ATTEMPTS: usize = 3;

/// Where the events of orders come from, and where it is said that they cannot be stored.
#[derive(Debug)]
pub struct OrderEvents {
    /// The journal.
    pub mail: Mail,
    /// Why JetStream does not store them; `None` while it does.
    pub trouble: watch::Sender<Option<String>>,
}

/// The NATS side of the bridge, up and running.
pub struct RunningNats {
    links: Links,
    service: Option<RequestService>,
    tasks: JoinSet<()>,
    direct: Direct,
    gauge: NatsGauge,
}

impl RunningNats {
    /// Connects, creates streams and buckets, and starts publishing and serving requests. Waits for
    /// a server that is not there yet.
    ///
    /// `started_us` is the time of the start, microseconds UTC: events are numbered from there on.
    ///
    /// # Errors
    ///
    /// What waiting cannot mend: see [`NatsError`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends the attempt; what was in `reader` is gone.
    pub async fn start(
        config: &Config,
        gateway: GatewayHandle,
        reader: OutboxReader,
        orders: OrderEvents,
        started_us: i64,
    ) -> Result<Self, NatsError> {
        let links = connect::connect(&config.nats).await?;
        let js = jetstream::new(links.control.client.clone());
        let missing = set_up(&links.control, &js, config).await?;
        if let Some(reason) = missing {
            orders.trouble.send_replace(Some(reason));
        }

        let first_seq = u64::try_from(started_us).unwrap_or(0);
        let (writes, waiting_writes) = mpsc::channel(WRITES_MAX);
        let losses = Arc::clone(reader.market.losses());
        let (lost, worst) = LostBySubject::new();
        let (data, market) = (links.data.clone(), reader.market);
        let mut publisher = Publisher::new(data, market, &config.nats, first_seq, writes.clone(), lost);
        if links.waited {
            publisher.discard_waiting();
        }
        let control = links.control.clone();
        let figures = Figures::new(Arc::clone(&losses), worst);
        let keeper = Keeper::new(control.clone(), js.clone(), &config.nats, reader.kept, figures, first_seq, writes);
        let order_keeper =
            OrderKeeper::new(control.clone(), js.clone(), &config.nats, orders.mail, orders.trouble, losses);
        let mut tasks = JoinSet::new();
        tasks.spawn(publisher.run());
        tasks.spawn(keeper.run());
        tasks.spawn(order_keeper.run());
        tasks.spawn(bucket_writer::run(control.clone(), js.clone(), config.nats.clone(), waiting_writes));
        let tally = Arc::new(Tally::default());
        let direct = Direct::new(config, gateway.clone(), Arc::clone(&tally));
        let gauge = NatsGauge::new(links.clone(), Arc::clone(&tally));
        let service = RequestService::start(control.client, config, gateway, tally).await?;
        // An answer on the same connection proves that the server knows the endpoints by now.
        if let Err(error) = js.query_account().await {
            warn!(%error, "requests may not be served yet");
        }
        info!(prefix = config.nats.prefix, "serving requests");
        Ok(Self { links, service: Some(service), tasks, direct, gauge })
    }

    /// For requests that come by another way.
    pub fn direct(&self) -> Direct {
        self.direct.clone()
    }

    /// For whoever measures the NATS side.
    pub fn gauge(&self) -> NatsGauge {
        self.gauge.clone()
    }

    /// First step of an orderly end: takes no more requests, and answers the accepted ones for at
    /// most `limit`. Afterwards end the session and drop its outbox.
    pub async fn stop_requests(&mut self, limit: Duration) {
        if let Some(service) = self.service.take()
            && tokio::time::timeout(limit, service.stop()).await.is_err()
        {
            warn!("some requests were not answered before the end");
        }
    }

    /// Last step: publishes what the outbox held, then closes the connections; at most `limit` in all.
    ///
    /// The outbox must have been dropped, or this waits for the whole limit.
    pub async fn finish(mut self, limit: Duration) {
        let deadline = tokio::time::Instant::now() + limit;
        self.stop_requests(limit / 2).await;
        let published = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout_at(deadline, published).await.is_err() {
            error!("NATS did not take everything before the end; order events are published at the next start");
            self.tasks.shutdown().await;
        }
        let left = deadline.saturating_duration_since(tokio::time::Instant::now()).max(Duration::from_millis(200));
        tokio::join!(self.links.data.drain(left), self.links.control.drain(left));
    }
}

/// Makes streams and buckets. Gives the reason if that cannot be done soon: data flows without them, orders wait.
async fn set_up(link: &Link, js: &jetstream::Context, config: &Config) -> Result<Option<String>, NatsError> {
    let mut retry = Retry::new(Duration::from_millis(200), Duration::from_secs(1));
    let mut refusal = None;
    let made = async {
        for attempt in 1.. {
            let made = match streams::check_server(js).await {
                Ok(()) => streams::ensure(js, &config.nats).await.map(|_| ()),
                Err(error) => Err(error),
            };
            match made {
                Err(error @ (NatsError::NoJetStream { .. } | NatsError::Stream { .. })) => {
                    warn!(%error, "streams and buckets are not ready");
                    let is_final = matches!(error, NatsError::NoJetStream { .. }) && attempt >= NO_JETSTREAM_ATTEMPTS;
                    refusal = Some(error.to_string());
                    if is_final {
                        break;
                    }
                    tokio::time::sleep(retry.next_wait()).await;
                }
                made => return made.map(|()| true),
            }
        }
        Ok(false)
    };
    if let Ok(made) = tokio::time::timeout(SETUP_MAX, made).await
        && made?
    {
        return Ok(None);
    }
    let reason = refusal.unwrap_or_else(|| link.explain(NO_ANSWER));
    error!(reason, "no order is taken and nothing is stored until the streams are there; data flows");
    Ok(Some(reason))
}
