//! The streams and buckets of one bridge: created at start, brought up to date, never deleted.

use std::time::Duration;

use async_nats::jetstream::{
    Context, ErrorCode,
    context::GetStreamErrorKind,
    kv,
    stream::{self, DiscardPolicy, RetentionPolicy, StorageType},
};
use tracing::{info, warn};

use super::{error::NatsError, subject};
use crate::config::Nats;

const DAY: Duration = Duration::from_secs(86_400);
/// Repeats of an order or fill event are recognised this long.
const ORDERS_DUPLICATE_WINDOW: Duration = DAY;
const CONNECTION_DUPLICATE_WINDOW: Duration = Duration::from_secs(3_600);
const VALUE_BYTES_MAX: i32 = 64 * 1024;

/// Names of everything one bridge stores. They come from the prefix, so two bridges can share a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// Order and fill events: `IB_ORDERS`.
    pub orders: String,
    /// Connection, gap and bridge events: `IB_CONN`.
    pub connection: String,
    /// Requests that may change orders: `IB_AUDIT`.
    pub audit: String,
    /// Last quotes, bars and connection states: `ib_last`.
    pub last: String,
    /// Last positions and account values: `ib_account`. Apart, since a bucket shows its readers everything in it.
    pub account: String,
}

impl Names {
    /// The names for a subject prefix.
    pub fn of(prefix: &str) -> Self {
        let stem = prefix.replace('.', "_");
        let upper = stem.to_ascii_uppercase();
        Self {
            orders: format!("{upper}_ORDERS"),
            connection: format!("{upper}_CONN"),
            audit: format!("{upper}_AUDIT"),
            last: format!("{stem}_last"),
            account: format!("{stem}_account"),
        }
    }
}

/// The streams.
pub fn stream_configs(config: &Nats) -> [stream::Config; 3] {
    let names = Names::of(&config.prefix);
    let families = |families: &[&str]| families.iter().map(|name| subject::family(&config.prefix, name)).collect();
    let base = stream::Config {
        retention: RetentionPolicy::Limits,
        // A full stream must not refuse a fill.
        discard: DiscardPolicy::Old,
        storage: StorageType::File,
        num_replicas: config.replicas,
        allow_direct: true,
        ..stream::Config::default()
    };
    [
        stream::Config {
            name: names.orders,
            description: Some("order and fill events of an Interactive Brokers login".to_owned()),
            subjects: families(&["order", "fill"]),
            max_bytes: config.orders_stream_bytes_max,
            max_age: 90 * DAY,
            duplicate_window: ORDERS_DUPLICATE_WINDOW,
            ..base.clone()
        },
        stream::Config {
            name: names.connection,
            description: Some("connection, gap and bridge events of an Interactive Brokers login".to_owned()),
            subjects: families(&["conn", "gap", "bridge"]),
            max_bytes: config.connection_stream_bytes_max,
            max_age: 7 * DAY,
            // Heartbeats must not push the rest out.
            max_messages_per_subject: 20_000,
            duplicate_window: CONNECTION_DUPLICATE_WINDOW,
            ..base.clone()
        },
        stream::Config {
            name: names.audit,
            description: Some("requests that may change orders of an Interactive Brokers login".to_owned()),
            subjects: families(&["audit"]),
            max_bytes: config.audit_stream_bytes_max,
            max_age: 365 * DAY,
            duplicate_window: CONNECTION_DUPLICATE_WINDOW,
            ..base
        },
    ]
}

/// The two buckets. In memory: they hold what a running bridge writes again by itself.
pub fn bucket_configs(config: &Nats) -> [kv::Config; 2] {
    let names = Names::of(&config.prefix);
    let bucket = |bucket: String, description: &str| kv::Config {
        bucket,
        description: description.to_owned(),
        history: 1,
        max_value_size: VALUE_BYTES_MAX,
        storage: StorageType::Memory,
        num_replicas: config.replicas,
        ..kv::Config::default()
    };
    [
        bucket(names.last, "last quotes, bars and connection states"),
        bucket(names.account, "last positions and account values"),
    ]
}

/// Makes sure that everything exists. True if a bucket had to be made, so that its values are gone.
///
/// # Errors
///
/// A stream of our name that is not ours is left alone; see [`NatsError`].
pub async fn ensure(js: &Context, config: &Nats) -> Result<bool, NatsError> {
    for wanted in stream_configs(config) {
        ensure_stream(js, wanted).await?;
    }
    let mut created = false;
    for wanted in bucket_configs(config) {
        let refused = |reason: String| NatsError::Stream { name: wanted.bucket.clone(), reason };
        let Ok(store) = js.get_key_value(&wanted.bucket).await else {
            js.create_key_value(wanted.clone()).await.map_err(|error| refused(error.to_string()))?;
            info!(bucket = wanted.bucket, "bucket created");
            created = true;
            continue;
        };
        let replicas = store.stream.cached_info().config.num_replicas;
        if replicas != wanted.num_replicas {
            warn!(bucket = wanted.bucket, from = replicas, to = wanted.num_replicas, "bucket replicas change");
            js.update_key_value(wanted.clone()).await.map_err(|error| refused(error.to_string()))?;
        }
    }
    Ok(created)
}

async fn ensure_stream(js: &Context, wanted: stream::Config) -> Result<(), NatsError> {
    let name = wanted.name.clone();
    let refused = |reason: String| NatsError::Stream { name: name.clone(), reason };
    let found = match js.get_stream(&name).await {
        Ok(stream) => stream.cached_info().config.clone(),
        Err(error) => {
            let missing = matches!(error.kind(), GetStreamErrorKind::JetStream(ref inner) if inner.error_code() == ErrorCode::STREAM_NOT_FOUND);
            if !missing {
                return Err(refused(error.to_string()));
            }
            js.create_stream(wanted).await.map_err(|error| refused(error.to_string()))?;
            info!(stream = name, "stream created");
            return Ok(());
        }
    };
    if found.subjects != wanted.subjects {
        return Err(NatsError::ForeignStream { name, found: found.subjects, wanted: wanted.subjects });
    }
    let limits = |config: &stream::Config| {
        (
            config.max_bytes,
            config.max_age,
            // The server says -1 where we say 0.
            config.max_messages_per_subject.max(0),
            config.duplicate_window,
            config.num_replicas,
        )
    };
    if limits(&found) != limits(&wanted) {
        warn!(stream = name, from = ?limits(&found), to = ?limits(&wanted), "stream limits change");
        js.update_stream(wanted).await.map_err(|error| refused(error.to_string()))?;
    }
    Ok(())
}

/// Checks that the server can do what the bridge needs.
///
/// # Errors
///
/// [`NatsError::TooOld`] or [`NatsError::NoJetStream`].
pub async fn check_server(js: &Context) -> Result<(), NatsError> {
    let client = js.client();
    if !client.is_server_compatible(2, 10, 0) {
        return Err(NatsError::TooOld { found: client.server_info().version });
    }
    js.query_account().await.map_err(|error| NatsError::NoJetStream { reason: error.to_string() })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_prefix() {
        assert_eq!(Names::of("ib").orders, "IB_ORDERS");
        assert_eq!(Names::of("ib.paper").connection, "IB_PAPER_CONN");
        assert_eq!(Names::of("ib.paper").last, "ib_paper_last");
    }

    /// True if some subject fits both patterns; both may hold `*` and end in `>`.
    fn overlaps(left: &str, right: &str) -> bool {
        let (mut left, mut right) = (left.split('.'), right.split('.'));
        loop {
            match (left.next(), right.next()) {
                (None, None) | (Some(">"), Some(_)) | (Some(_), Some(">")) => return true,
                (Some(a), Some(b)) if a == b || a == "*" || b == "*" => {}
                _ => return false,
            }
        }
    }

    #[test]
    fn no_stream_captures_a_request() {
        assert!(overlaps("ib.>", "ib.req.>") && overlaps("ib.*.>", "ib.req.a"), "the check itself sees overlaps");
        for prefix in ["ib", "ib.paper", "order"] {
            let config = Nats { prefix: prefix.to_owned(), ..Nats::default() };
            let requests = subject::family(prefix, "req");
            for subject in stream_configs(&config).iter().flat_map(|stream| &stream.subjects) {
                assert!(!overlaps(subject, &requests), "{subject} captures {requests}");
            }
        }
    }

    #[test]
    fn every_stream_has_a_size_limit() {
        assert!(stream_configs(&Nats::default()).iter().all(|stream| stream.max_bytes > 0));
    }
}
