//! NATS: reachable, new enough, with JetStream, room and the bridge's permissions; and whether a bridge runs there already.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_nats::{Client, Event, jetstream};

use crate::{
    config::Config,
    nats::{login, streams},
    schema::request::doctor::Finding,
};

const WITHIN: Duration = Duration::from_secs(5);
/// A refusal is told apart from answers, a moment later.
const REFUSED_WITHIN: Duration = Duration::from_millis(200);

/// Refusals of the server: they answer nothing that was asked.
type Refusals = Arc<Mutex<Vec<String>>>;

/// What was found.
pub struct Look {
    /// One for each thing.
    pub findings: Vec<Finding>,
    /// A bridge answers under our prefix.
    pub bridge_runs: bool,
}

/// Looks at NATS with a connection of its own.
pub async fn look(config: &Config) -> Look {
    let refusals = Refusals::default();
    match connect(config, Arc::clone(&refusals)).await {
        Ok(client) => look_around(config, &client, &refusals).await,
        Err(finding) => Look { findings: vec![finding], bridge_runs: false },
    }
}

async fn connect(config: &Config, refusals: Refusals) -> Result<Client, Finding> {
    let unusable = |text: String| Finding::wrong("NATS", text, "correct the [nats] section");
    let servers = login::addresses(&config.nats.url).map_err(|error| unusable(error.to_string()))?;
    let options = login::options(&config.nats, "bridge").await.map_err(|error| unusable(error.to_string()))?;
    let names = login::names(&servers);
    let options = options.event_callback(move |event| {
        if let Event::ServerError(error) = event {
            refusals.lock().unwrap_or_else(PoisonError::into_inner).push(error.to_string());
        }
        std::future::ready(())
    });
    options.name("ibnats-check").connection_timeout(WITHIN).connect(&servers).await.map_err(|error| {
        if let Some(reason) = login::tls_fault(&error) {
            return Finding::wrong("NATS", format!("{names}: TLS failed: {reason}"), "correct the [nats] section");
        }
        let mend = match error.kind() {
            async_nats::ConnectErrorKind::AuthorizationViolation | async_nats::ConnectErrorKind::Authentication => {
                "the server refuses who we are: set user and password_file, token_file, nkey_file or credentials_file"
            }
            _ => "start nats-server -js, or set [nats] url",
        };
        Finding::wrong("NATS", format!("{names}: {error}"), mend)
    })
}

async fn look_around(config: &Config, client: &Client, refusals: &Refusals) -> Look {
    let server = client.server_info();
    let mut findings = vec![Finding::good("NATS", format!("{} version {}", server.server_name, server.version))];
    let js = jetstream::new(client.clone());
    match streams::check_server(&js).await {
        Ok(()) => findings.push(room(config, &js).await),
        Err(error) => {
            let mend = "start nats-server with -js; without it no order is taken, data flows";
            findings.push(Finding::wrong("JetStream", error.to_string(), mend));
        }
    }
    for stream in streams::stream_configs(&config.nats) {
        let Ok(found) = js.get_stream(&stream.name).await else { continue };
        let found = found.cached_info().config.subjects.clone();
        if found != stream.subjects {
            let text = format!("{} exists for {found:?}, not for {:?}", stream.name, stream.subjects);
            findings.push(Finding::wrong("streams", text, "choose another nats.prefix, or remove the stream"));
        }
    }
    let subject = format!("{}.req.bridge.info", config.nats.prefix);
    let asked = async_nats::Request::new().payload("{}".into()).timeout(Some(WITHIN));
    let bridge_runs = client.send_request(subject, asked).await.is_ok();
    if bridge_runs {
        let text = format!("one runs with prefix {}; its client ids are left alone", config.nats.prefix);
        findings.push(Finding::note("bridge", text));
    }
    findings.push(rights(config, client, refusals).await);
    Look { findings, bridge_runs }
}

/// Whether this user may hear requests and publish events. Asked with subjects that nobody uses.
async fn rights(config: &Config, client: &Client, refusals: &Refusals) -> Finding {
    let prefix = &config.nats.prefix;
    let heard = client.subscribe(format!("{prefix}.req.check.rights")).await;
    let told = client.publish(format!("{prefix}.check.rights"), bytes::Bytes::new()).await;
    let asked = client.flush().await;
    tokio::time::sleep(REFUSED_WITHIN).await;
    drop(heard);
    if let (Err(error), _) | (_, Err(error)) =
        (told.map_err(|error| error.to_string()), asked.map_err(|error| error.to_string()))
    {
        return Finding::wrong("NATS permissions", error, "the connection ended; look at the server's log");
    }
    let refused = refusals.lock().unwrap_or_else(PoisonError::into_inner).join("; ");
    if refused.is_empty() {
        return Finding::good("NATS permissions", format!("requests are heard and events told below {prefix}"));
    }
    let mend = "log in as the bridge's own user; deploy/nats-server.conf has what it needs";
    Finding::wrong("NATS permissions", refused, mend)
}

/// Whether the streams that are still to be made have room: a stream of their size is made, and removed.
async fn room(config: &Config, js: &jetstream::Context) -> Finding {
    let mut wanted: i64 = 0;
    let mut last = None;
    for stream in streams::stream_configs(&config.nats) {
        if js.get_stream(&stream.name).await.is_err() {
            wanted = wanted.saturating_add(stream.max_bytes);
            last = Some(stream);
        }
    }
    let Some(last) = last else { return Finding::good("JetStream", stored(js).await) };
    let name = format!("{}_CHECK", last.name);
    let subjects = vec![format!("{}.check.room", config.nats.prefix)];
    let trial = jetstream::stream::Config { name: name.clone(), subjects, max_bytes: wanted, ..last };
    match js.create_stream(trial).await {
        Ok(_) => {
            // What cannot be removed is empty and keeps nothing from anybody but its room, and says what it is.
            let _ = js.delete_stream(&name).await;
            Finding::good("JetStream", stored(js).await)
        }
        Err(error) => {
            let text = format!("no room for streams of {} MiB: {error}", wanted >> 20);
            let mend = "raise max_file_store of the server, lower [nats] orders_stream_bytes_max and its sisters or replicas, or let the bridge's user ask $JS.API.>";
            Finding::wrong("JetStream", text, mend)
        }
    }
}

/// How much is stored, and how much may be.
async fn stored(js: &jetstream::Context) -> String {
    match js.query_account().await {
        Ok(account) => {
            let max = account.limits.max_storage.unwrap_or(-1);
            let max = if max < 0 { "no limit".to_owned() } else { format!("at most {} MiB", max >> 20) };
            format!("{} MiB stored, {max}", account.storage >> 20)
        }
        Err(error) => format!("there, but says nothing about its limits: {error}"),
    }
}
