//! A running bridge, as a client of it on NATS.

mod pages;

use std::{
    collections::BTreeSet,
    path::PathBuf,
    sync::{Arc, LazyLock, Mutex, PoisonError},
    time::Duration,
};

use async_nats::{Client, Event, RequestErrorKind, Subscriber};
use serde_json::Value;

pub(super) use self::pages::Pages;
use super::Failure;
use crate::{
    config,
    nats::{login, subject::token},
    schema::{ApiError, error::Reply, registry},
};

/// A server that does not answer within this time is not there.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// IB's window for history is ten minutes: within it nothing more may come.
const LONG_SILENCE_MAX: Duration = Duration::from_secs(660);

/// Which bridge is meant, and who asks.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "The bridge")]
pub(super) struct Bridge {
    /// Configuration file of the bridge: its [nats] section says where to find it
    #[arg(short, long, value_name = "FILE", env = "IBNATS_CONFIG", global = true)]
    config: Option<PathBuf>,
    // Its value may hold a password, and help is shown on screens that others see.
    /// NATS server, instead of the configured one
    #[arg(short, long, value_name = "URL", env = "NATS_URL", hide_env_values = true, global = true)]
    server: Option<String>,
    /// First tokens of the bridge's subjects, instead of the configured ones
    #[arg(long, value_name = "TOKENS", global = true)]
    prefix: Option<String>,
    /// Name of this client: limits, audit and NATS permissions go by it
    #[arg(long = "as", value_name = "NAME", env = "IBNATS_CLIENT", global = true)]
    name: Option<String>,
    /// Seconds to wait for the answer
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=86_400), global = true)]
    timeout: u64,
    /// Print JSON, as it came
    #[arg(long, global = true)]
    pub(super) json: bool,
}

/// A connection to the bridge's subjects.
pub(super) struct Remote {
    client: Client,
    prefix: String,
    servers: String,
    name: Option<String>,
    timeout: Duration,
    /// The server's last complaint: a refused permission is told nowhere else.
    complaint: Arc<Mutex<Option<String>>>,
}

impl Remote {
    /// Connects to NATS.
    pub(super) async fn open(bridge: &Bridge) -> Result<Self, Failure> {
        let mut nats = config::load(bridge.config.as_deref())?.nats;
        if let Some(server) = &bridge.server {
            nats.url.clone_from(server);
        }
        let prefix = bridge.prefix.clone().unwrap_or_else(|| nats.prefix.clone());
        let inbox = bridge.name.clone().or_else(|| nats.user.clone());
        let servers = login::addresses(&nats.url)?;
        let complaint = Arc::new(Mutex::new(None));
        let heard = Arc::clone(&complaint);
        let options = login::options(&nats, &token(inbox.as_deref().unwrap_or("ibnats"))).await?;
        let options = options.name("ibnats-cli").connection_timeout(CONNECT_WITHIN).event_callback(move |event| {
            if let Event::ServerError(error) = event {
                *heard.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.to_string());
            }
            std::future::ready(())
        });
        let client = options.connect(&servers).await.map_err(|error| {
            format!("NATS at {}: {error}; start it, or name it with --server or in [nats] url", login::names(&servers))
        })?;
        let servers = login::names(&servers);
        Ok(Self {
            client,
            prefix,
            servers,
            name: bridge.name.clone(),
            timeout: Duration::from_secs(bridge.timeout),
            complaint,
        })
    }

    /// Asks once. `verb` is the subject below `req`, such as `order.list`.
    pub(super) async fn ask(&self, verb: &str, mut request: Value) -> Result<Value, Failure> {
        with_patience(verb, &mut request, self.timeout);
        let subject = self.request_subject(verb);
        let body = serde_json::to_vec(&request)?;
        let asked = async_nats::Request::new().payload(body.into()).timeout(Some(self.timeout));
        match self.client.send_request(subject.clone(), asked).await {
            Ok(reply) => read(&reply.payload),
            Err(error) => Err(self.no_answer(&subject, self.timeout, error.kind() == RequestErrorKind::NoResponders)),
        }
    }

    /// Asks for an answer in pages, each of which comes within the timeout.
    pub(super) async fn pages(&self, verb: &str, mut request: Value) -> Result<Pages<'_>, Failure> {
        with_patience(verb, &mut request, self.timeout);
        Pages::ask(self, self.request_subject(verb), &request, self.timeout).await
    }

    /// Asks for an answer that IB's pacing may stretch over hours: the bridge decides how long it takes.
    pub(super) async fn long_pages(&self, verb: &str, request: &Value) -> Result<Pages<'_>, Failure> {
        Pages::ask(self, self.request_subject(verb), request, LONG_SILENCE_MAX).await
    }

    /// Listens to a subject below the prefix.
    pub(super) async fn listen(&self, subject: &str) -> Result<Subscriber, Failure> {
        let subscriber = self.client.subscribe(format!("{}.{subject}", self.prefix)).await?;
        self.client.flush().await?;
        Ok(subscriber)
    }

    /// First tokens of every subject.
    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Why nothing more is heard.
    pub(super) fn ended(&self) -> Failure {
        self.complaint().unwrap_or_else(|| "the connection to NATS ended".to_owned()).into()
    }

    /// Hosts and ports of NATS.
    pub(super) fn servers(&self) -> String {
        self.servers.clone()
    }

    /// The server's last complaint.
    fn complaint(&self) -> Option<String> {
        self.complaint.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn request_subject(&self, verb: &str) -> String {
        let name = self.name.as_deref().map(|name| format!(".{}", token(name))).unwrap_or_default();
        format!("{}.req.{verb}{name}", self.prefix)
    }

    fn no_answer(&self, subject: &str, waited: Duration, nobody: bool) -> Failure {
        if let Some(complaint) = self.complaint() {
            return format!("{complaint}; this NATS user may not do that, perhaps under its own name: --as NAME")
                .into();
        }
        if nobody {
            let text = "nobody answers; is the bridge running (`ibnats run`), on this server, with this prefix";
            return format!("{subject}: {text}, and does this release know the request?").into();
        }
        format!("{subject}: no answer within {} s; --timeout SECONDS waits longer", waited.as_secs()).into()
    }
}

/// Requests that have a deadline. The schemas are made anew each time they are asked for.
static PATIENT: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
    let entries = registry::all().into_iter();
    let patient = entries.filter(|entry| entry.schema.as_value().pointer("/properties/timeout_ms").is_some());
    patient.filter_map(|entry| entry.name.strip_prefix("request.").map(str::to_owned)).collect()
});

/// What the bridge does not know of its caller's patience it answers too late. Requests that are answered at once
/// have no such field.
fn with_patience(verb: &str, request: &mut Value, patience: Duration) {
    if PATIENT.contains(verb)
        && let Some(fields) = request.as_object_mut()
    {
        // A little less than we wait ourselves.
        let ms = u64::try_from(patience.as_millis()).unwrap_or(u64::MAX).saturating_sub(200).max(100);
        fields.entry("timeout_ms").or_insert_with(|| ms.into());
    }
}

/// The data of a reply, or its error with everything that helps.
fn read(payload: &[u8]) -> Result<Value, Failure> {
    let reply: Reply<Value> =
        serde_json::from_slice(payload).map_err(|error| format!("the answer is not one of a bridge: {error}"))?;
    match reply.error {
        Some(error) => Err(explain(&error).into()),
        None => Ok(reply.data.unwrap_or(Value::Null)),
    }
}

fn explain(error: &ApiError) -> String {
    use std::fmt::Write as _;
    let mut text = error.to_string();
    for candidate in error.candidates.iter().flatten() {
        let _ = write!(text, "\n  {candidate}");
    }
    for holder in error.holders.iter().flat_map(|holders| holders.iter()) {
        let name = holder.client.as_deref().unwrap_or("(no name)");
        let _ = write!(text, "\n  held by {name}: {}", holder.count);
    }
    if let Some(wait) = error.retry_after_ms {
        let _ = write!(text, "\n  ask again in {:.1} s", std::time::Duration::from_millis(wait).as_secs_f64());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::ErrorCode;

    #[test]
    fn an_error_is_explained_with_what_helps() {
        let mut error = ApiError::new(ErrorCode::AmbiguousContract, "several fit").retry_after_ms(1_500);
        error.candidates = Some(vec!["CONID:1".to_owned()]);
        assert_eq!(explain(&error), "ambiguous_contract: several fit\n  CONID:1\n  ask again in 1.5 s");
    }

    #[test]
    fn requests_that_have_a_deadline_are_told_ours() {
        let ask = |verb: &str| {
            let mut request = serde_json::json!({});
            with_patience(verb, &mut request, Duration::from_secs(3));
            request
        };
        assert_eq!(ask("hist.bars"), serde_json::json!({ "timeout_ms": 2_800 }));
        assert_eq!(ask("md.list"), serde_json::json!({}));
    }
}
