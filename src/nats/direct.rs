//! Requests that come by another way than NATS: the same verbs, checks, deadlines and counts.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{encoding::Encoding, endpoints::Asked, endpoints::VERBS, named::fill_subjects, tally::Tally};
use crate::{
    config::{Config, Timing},
    gateway::{GatewayHandle, clock},
    schema::{ApiError, ErrorCode, error::Reply},
    session::{Answer, Part, Rows, services::ServiceAnswer},
};

/// Rows of one answer that are put together; more is refused as `too_large`.
const ROWS_MAX: usize = 50_000;

/// Asks as a client would, without NATS.
#[derive(Clone, Debug)]
pub struct Direct {
    prefix: String,
    timing: Timing,
    gateway: GatewayHandle,
    tally: Arc<Tally>,
}

impl Direct {
    pub(super) fn new(config: &Config, gateway: GatewayHandle, tally: Arc<Tally>) -> Self {
        Self { prefix: config.nats.prefix.clone(), timing: config.timing.clone(), gateway, tally }
    }

    /// The reply to a request in JSON, as it would come over NATS; pages come as one. With it the error in it.
    ///
    /// # Errors
    ///
    /// `unsupported` if there is no such verb.
    pub async fn answer(&self, noun: &str, verb: &str, client: &str, payload: &[u8]) -> (Value, Option<ApiError>) {
        let Some(verb) = VERBS.iter().find(|row| (row.noun, row.verb) == (noun, verb)) else {
            let error = ApiError::new(ErrorCode::Unsupported, "there is no such request");
            return (envelope(Err(error.clone())), Some(error));
        };
        let began = clock::now();
        let outcome = match (verb.read)(Encoding::Json, payload) {
            Ok(asked) => self.ask(asked, client).await,
            Err(error) => Err(error),
        };
        let error = outcome.as_ref().err().cloned();
        self.tally.record(verb, error.as_ref(), clock::now().at.saturating_duration_since(began.at));
        (envelope(outcome), error)
    }

    async fn ask(&self, asked: Asked, client: &str) -> Result<Value, ApiError> {
        let now = clock::now();
        let deadline = now.at + asked.timeout(&self.timing, now.us);
        let client = Some(client.into());
        if !asked.ask.has_parts() {
            let mut answer = self.gateway.ask(client, deadline, asked.ask).await?;
            fill_subjects(&self.prefix, &mut answer);
            return whole(answer);
        }
        let mut answering = self.gateway.ask_for_parts(client, deadline, asked.ask)?;
        let mut rows = Vec::new();
        while let Some(part) = answering.next_part().await {
            collect(part, &mut rows)?;
            answering.taken().await;
        }
        let manifest = match answering.outcome().await? {
            Answer::Bars(bars) => {
                collect_bars(&bars.rows, &mut rows)?;
                written(&bars.manifest)?
            }
            Answer::Ticks(manifest) => written(&manifest)?,
            Answer::Batch(manifest) => written(&manifest)?,
            Answer::Chain(chain) => {
                let (parameters, manifest) = (written(&chain.parameters)?, written(&chain.manifest)?);
                return Ok(json!({ "rows": rows, "parameters": parameters, "manifest": manifest }));
            }
            answer => return whole(answer),
        };
        Ok(json!({ "rows": rows, "manifest": manifest }))
    }
}

fn collect(part: Part, rows: &mut Vec<Value>) -> Result<(), ApiError> {
    match part.rows {
        Rows::Bars(bars) => collect_bars(&bars, rows),
        Rows::Ticks(ticks) => extend(rows, &ticks),
        Rows::Chain(chain) => extend(rows, &chain),
    }
}

fn collect_bars(bars: &[crate::schema::bar::Bar], rows: &mut Vec<Value>) -> Result<(), ApiError> {
    extend(rows, bars)
}

fn extend<T: serde::Serialize>(rows: &mut Vec<Value>, more: &[T]) -> Result<(), ApiError> {
    if rows.len() + more.len() > ROWS_MAX {
        return Err(ApiError::new(
            ErrorCode::TooLarge,
            format!("the answer has more than {ROWS_MAX} rows; ask for less"),
        ));
    }
    for row in more {
        rows.push(written(row)?);
    }
    Ok(())
}

/// An answer that has no parts.
fn whole(answer: Answer) -> Result<Value, ApiError> {
    match answer {
        Answer::Service(answer) => match *answer {
            ServiceAnswer::Headlines { rows, manifest } => {
                Ok(json!({ "rows": written(&rows)?, "manifest": written(&manifest)? }))
            }
            answer => written(&answer),
        },
        answer => written(&answer),
    }
}

fn written<T: serde::Serialize>(value: &T) -> Result<Value, ApiError> {
    serde_json::to_value(value).map_err(|error| {
        tracing::error!(%error, "reply not sent");
        ApiError::new(ErrorCode::Unsupported, "the answer cannot be written; this is a fault of the bridge")
    })
}

fn envelope(outcome: Result<Value, ApiError>) -> Value {
    serde_json::to_value(Reply::from(outcome)).unwrap_or_else(|_| json!({ "ok": false }))
}
