//! NATS: reachable, new enough, with JetStream; and whether a bridge runs there already.

use std::time::Duration;

use async_nats::{Client, jetstream};

use crate::{
    config::Config,
    nats::{login, streams},
    schema::request::doctor::Finding,
};

const WITHIN: Duration = Duration::from_secs(5);

/// What was found.
pub struct Look {
    /// One for each thing.
    pub findings: Vec<Finding>,
    /// A bridge answers under our prefix.
    pub bridge_runs: bool,
}

/// Looks at NATS with a connection of its own.
pub async fn look(config: &Config) -> Look {
    match connect(config).await {
        Ok(client) => look_around(config, &client).await,
        Err(finding) => Look { findings: vec![finding], bridge_runs: false },
    }
}

async fn connect(config: &Config) -> Result<Client, Finding> {
    let unusable = |text: String| Finding::wrong("NATS", text, "correct the [nats] section");
    let servers = login::addresses(&config.nats.url).map_err(|error| unusable(error.to_string()))?;
    let options = login::options(&config.nats, "bridge").await.map_err(|error| unusable(error.to_string()))?;
    let names = login::names(&servers);
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

async fn look_around(config: &Config, client: &Client) -> Look {
    let server = client.server_info();
    let mut findings = vec![Finding::good("NATS", format!("{} version {}", server.server_name, server.version))];
    let js = jetstream::new(client.clone());
    match streams::check_server(&js).await {
        Ok(()) => findings.push(Finding::good("JetStream", room(&js).await)),
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
    Look { findings, bridge_runs }
}

/// How much may be stored.
async fn room(js: &jetstream::Context) -> String {
    match js.query_account().await {
        Ok(account) => {
            let max = account.limits.max_storage.unwrap_or(-1);
            let max = if max < 0 { "no limit".to_owned() } else { format!("at most {} MiB", max >> 20) };
            format!("{} MiB stored, {max}", account.storage >> 20)
        }
        Err(error) => format!("there, but says nothing about its limits: {error}"),
    }
}
