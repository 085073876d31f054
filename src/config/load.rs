//! Reads the layers and explains what is wrong with them.

use std::path::{Path, PathBuf};

use config::{Environment, File, FileFormat};
use serde::Deserialize as _;
use thiserror::Error;

use super::Config;

/// A configuration that cannot be used.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The named file cannot be read.
    #[error("configuration file {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A layer is not valid TOML, has an unknown key or a value of the wrong type.
    #[error("configuration: {message}{}", hint.as_ref().map(|hint| format!("; did you mean {hint:?}?")).unwrap_or_default())]
    Invalid {
        /// What is wrong and where.
        message: String,
        /// The nearest key that exists.
        hint: Option<String>,
    },
    /// Values that cannot work together or are out of range.
    #[error("configuration: {0}")]
    Unusable(String),
}

/// Reads `file` (if any), then environment variables `IBNATS_<SECTION>__<KEY>` over it.
pub fn load(file: Option<&Path>) -> Result<Config, ConfigError> {
    let text = match file {
        Some(path) => {
            std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?
        }
        None => String::new(),
    };
    let variables =
        std::env::vars_os().filter_map(|(name, value)| name.into_string().ok().zip(value.into_string().ok()));
    read(&text, Some(environment(variables)))
}

/// Only names with a section are settings: `IBNATS_CONFIG` or a password for another program are not.
fn environment(variables: impl Iterator<Item = (String, String)>) -> Environment {
    let ours = variables.filter(|(name, _)| name.starts_with("IBNATS_") && name.contains("__")).collect();
    Environment::with_prefix("IBNATS").prefix_separator("_").separator("__").try_parsing(true).source(Some(ours))
}

/// Reads a configuration from text alone.
pub fn load_text(text: &str) -> Result<Config, ConfigError> {
    read(text, None)
}

fn read(text: &str, environment: Option<Environment>) -> Result<Config, ConfigError> {
    let mut builder = config::Config::builder().add_source(File::from_str(text, FileFormat::Toml));
    if let Some(environment) = environment {
        builder = builder.add_source(environment);
    }
    let layers = builder.build().map_err(|error| invalid(&error.to_string()))?;
    let config = Config::deserialize(layers).map_err(|error| invalid(&error.to_string()))?;
    check(&config)?;
    Ok(config)
}

fn invalid(message: &str) -> ConfigError {
    ConfigError::Invalid {
        message: message.lines().map(str::trim).collect::<Vec<_>>().join(" "),
        hint: nearest(message),
    }
}

/// Serde lists the keys it expected; the one nearest to the unknown key is the hint.
fn nearest(message: &str) -> Option<String> {
    let (_, rest) = message.split_once("unknown field `")?;
    let (unknown, expected) = rest.split_once('`')?;
    expected
        .split('`')
        .skip(1)
        .step_by(2)
        .map(|key| (strsim::damerau_levenshtein(unknown, key), key))
        .min()
        .filter(|(distance, key)| *distance <= key.len().max(unknown.len()) / 2)
        .map(|(_, key)| key.to_owned())
}

fn check(config: &Config) -> Result<(), ConfigError> {
    let unusable = |text: &str| Err(ConfigError::Unusable(text.to_owned()));
    let (gateway, pacing, nats) = (&config.gateway, &config.pacing, &config.nats);
    let data_ids = gateway.data_client_id..gateway.data_client_id.saturating_add(i32::from(gateway.data_client_ids));
    if data_ids.contains(&gateway.trading_client_id) {
        return unusable("gateway.trading_client_id lies in the range of data client ids; give each link its own");
    }
    if gateway.bind_manual_orders && gateway.trading_client_id != 0 {
        return unusable(
            "gateway.bind_manual_orders needs gateway.trading_client_id = 0: IB lets no other client bind",
        );
    }
    if gateway.data_client_ids == 0 {
        return unusable("gateway.data_client_ids must be at least 1");
    }
    if pacing.messages_per_second == 0 || pacing.trading_share >= pacing.messages_per_second {
        return unusable("pacing.trading_share must be smaller than pacing.messages_per_second");
    }
    if nats.prefix.is_empty() || !nats.prefix.split('.').all(is_plain_token) {
        return unusable("nats.prefix must be tokens of A-Z a-z 0-9 _ - separated by dots");
    }
    if !nats.msgpack_prefix.is_empty()
        && (!nats.msgpack_prefix.split('.').all(is_plain_token) || nats.msgpack_prefix == nats.prefix)
    {
        return unusable("nats.msgpack_prefix must be tokens of A-Z a-z 0-9 _ - and differ from nats.prefix");
    }
    if nats.user.is_some() != nats.password_file.is_some() {
        return unusable("nats.user and nats.password_file belong together");
    }
    if config.timing.reconnect_min_ms == 0 || config.timing.reconnect_min_ms > config.timing.reconnect_max_ms {
        return unusable("timing.reconnect_min_ms must be above zero and not above timing.reconnect_max_ms");
    }
    if config.state.keep_days == 0 {
        return unusable("state.keep_days must be at least 1");
    }
    if [nats.outbox_events_max, nats.kept_events_max, nats.requests_max, pacing.queue_max].contains(&0) {
        return unusable(
            "nats.outbox_events_max, nats.kept_events_max, nats.requests_max and pacing.queue_max must be above zero",
        );
    }
    let limits = std::iter::once(("limits".to_owned(), &config.risk.limits));
    let clients = config.risk.clients.iter().map(|(name, limits)| (format!("clients.{name}"), limits));
    for (name, limits) in limits.chain(clients) {
        limits.check().map_err(|message| ConfigError::Unusable(format!("risk.{name}.{message}")))?;
    }
    if config.risk.halt_file.is_empty() || config.risk.halt_file.contains('/') {
        return unusable("risk.halt_file must be the name of a file in state.dir");
    }
    let history = [pacing.history_10_min, pacing.history_same_2_s, pacing.history_open];
    if history.into_iter().chain([pacing.history_long_2_s, pacing.history_long_open]).any(|limit| limit == 0) {
        return unusable("the limits pacing.history_* must be above zero");
    }
    if !(500..=50_000).contains(&pacing.history_rows) {
        return unusable("pacing.history_rows must be from 500 to 50000");
    }
    Ok(())
}

fn is_plain_token(token: &str) -> bool {
    !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_file_gives_the_defaults() {
        assert_eq!(load_text("").expect("defaults"), Config::default());
    }

    #[test]
    fn values_are_read() {
        let config = load_text("[gateway]\nport = 7497\n[[subscriptions]]\ncontract = \"STK:AAPL\"\n").expect("valid");
        assert_eq!(config.gateway.port, 7497);
        assert_eq!(config.subscriptions[0].streams, ["quote"]);
    }

    #[track_caller]
    fn refused(text: &str, parts: &[&str]) {
        let message = load_text(text).expect_err("refused").to_string();
        for part in parts {
            assert!(message.contains(part), "{part:?} is missing in {message:?}");
        }
    }

    #[test]
    fn a_wrong_key_is_refused_with_the_nearest_right_one() {
        refused("[gateway]\nprot = 7497\n", &["prot", "did you mean \"port\""]);
        refused("[gatway]\nport = 7497\n", &["gatway", "did you mean \"gateway\""]);
    }

    #[test]
    fn variables_with_a_section_are_settings_and_others_are_not() {
        let variables = [("IBNATS_GATEWAY__PORT", "7497"), ("IBNATS_CONFIG", "file"), ("PATH__X", "y")];
        let variables = variables.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(read("", Some(environment(variables))).expect("valid").gateway.port, 7497);
        let misspelt = [("IBNATS_GATEWAY__PROT".to_owned(), "7497".to_owned())];
        assert!(read("", Some(environment(misspelt.into_iter()))).is_err());
    }

    #[test]
    fn wrong_types_and_broken_text_are_refused() {
        refused("[gateway]\nport = \"high\"\n", &["port"]);
        refused("[gateway\n", &["configuration"]);
    }

    #[test]
    fn values_that_cannot_work_are_refused() {
        refused("[gateway]\ntrading_client_id = 105\n", &["trading_client_id"]);
        refused("[nats]\nprefix = \"a b\"\n", &["nats.prefix"]);
        refused("[nats]\nuser = \"bridge\"\n", &["password_file"]);
        refused("[pacing]\nhistory_10_min = 0\n", &["history_"]);
        refused("[pacing]\nhistory_rows = 10\n", &["history_rows"]);
    }
}
