//! Where settings come from: defaults, then one file, then the environment, then flags.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use config::{Environment, File, FileFormat, Source as _};
use serde::Serialize;
use serde_json::Value;

use super::{
    Config,
    faults::{ConfigError, Fault},
    key::{self, Step},
    reading,
};

/// Variables of settings begin with this.
const PREFIX: &str = "IBNATS";

/// Where a setting comes from; a later one wins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "origin", rename_all = "snake_case")]
pub enum Origin {
    /// Nobody has set it.
    Default,
    /// The configuration file.
    File,
    /// A variable of the environment.
    Environment {
        /// Its name.
        variable: String,
    },
    /// `--set` on the command line.
    Flag,
}

/// The layers over the defaults. They can be read again: the file may have changed meanwhile.
#[derive(Clone, Debug, Default)]
pub struct Layers {
    /// The configuration file, if any.
    pub file: Option<PathBuf>,
    /// Settings of the command line, each as `<section>.<key>=<value>`.
    pub flags: Vec<String>,
}

/// A configuration, and where each of its settings comes from.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    origins: BTreeMap<String, Origin>,
}

impl Loaded {
    /// Where the setting of this key comes from, such as `gateway.port`.
    pub fn origin(&self, key: &str) -> Origin {
        self.origins.get(key).cloned().unwrap_or(Origin::Default)
    }
}

impl Layers {
    /// Reads all layers.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with them, at once.
    pub fn read(&self) -> Result<Loaded, ConfigError> {
        let variables =
            std::env::vars_os().filter_map(|(name, value)| name.into_string().ok().zip(value.into_string().ok()));
        let text = match &self.file {
            Some(path) => Some(
                std::fs::read_to_string(path)
                    .map_err(|source| ConfigError::Unreadable { path: path.clone(), source })?,
            ),
            None => None,
        };
        read(text.as_deref().unwrap_or_default(), variables, &self.flags)
    }
}

/// Reads `file` (if any), then environment variables `IBNATS_<SECTION>__<KEY>` over it.
pub fn load(file: Option<&Path>) -> Result<Config, ConfigError> {
    let layers = Layers { file: file.map(Path::to_owned), flags: Vec::new() };
    layers.read().map(|loaded| loaded.config)
}

/// Reads a configuration from text alone.
pub fn load_text(text: &str) -> Result<Config, ConfigError> {
    read(text, std::iter::empty(), &[]).map(|loaded| loaded.config)
}

fn read(
    text: &str,
    variables: impl Iterator<Item = (String, String)>,
    flags: &[String],
) -> Result<Loaded, ConfigError> {
    let faulty =
        |message| ConfigError::Faulty(vec![Fault { key: String::new(), origin: Origin::File, message, hint: None }]);
    let broken =
        |error: config::ConfigError| faulty(error.to_string().lines().map(str::trim).collect::<Vec<_>>().join(" "));
    if let Err(error) = toml::from_str::<toml::Table>(text) {
        return Err(faulty(unreadable(text, &error)));
    }
    let file = File::from_str(text, FileFormat::Toml);
    // Only names with a section are settings: `IBNATS_CONFIG` or a password for another program are not.
    let variables: config::Map<String, String> =
        variables.filter(|(name, _)| name.starts_with("IBNATS_") && name.contains("__")).collect();
    let environment =
        Environment::with_prefix(PREFIX).prefix_separator("_").separator("__").source(Some(variables.clone()));
    let mut origins: BTreeMap<String, Origin> = BTreeMap::new();
    let in_file = config::Config::builder().add_source(file.clone()).build().map_err(broken)?;
    let in_file: Value = in_file.try_deserialize().map_err(broken)?;
    for (key, _) in key::leaves(&in_file) {
        origins.insert(key, Origin::File);
    }
    let mut builder = config::Config::builder().add_source(file).add_source(environment.clone());
    // Text of variables and flags, whose types only their keys tell.
    let mut texts: BTreeMap<String, String> = BTreeMap::new();
    let names = variables.keys().filter_map(|name| {
        let key = name.strip_prefix("IBNATS_")?.replace("__", ".").to_lowercase();
        Some((key, name.clone()))
    });
    let names: BTreeMap<String, String> = names.collect();
    for (key, value) in environment.collect().map_err(broken)? {
        let value: Value = value.try_deserialize().map_err(broken)?;
        for (rest, value) in key::leaves(&value) {
            let key = if rest.is_empty() { key.clone() } else { format!("{key}.{rest}") };
            let variable = names.get(&key).cloned().unwrap_or_default();
            texts.insert(key.clone(), value.as_str().unwrap_or_default().to_owned());
            origins.insert(key, Origin::Environment { variable });
        }
    }
    let mut faults = Vec::new();
    for flag in flags {
        let Some((key, value)) = flag.split_once('=').filter(|(key, _)| key.contains('.')) else {
            let message = format!("--set {:?}: write <section>.<key>=<value>", flag.split('=').next().unwrap_or(flag));
            faults.push(Fault { key: String::new(), origin: Origin::Flag, message, hint: None });
            continue;
        };
        let Ok(with) = builder.clone().set_override(key, value) else {
            let message = "is no key".to_owned();
            faults.push(Fault { key: key.to_owned(), origin: Origin::Flag, message, hint: None });
            continue;
        };
        builder = with;
        texts.insert(key.to_owned(), value.to_owned());
        origins.insert(key.to_owned(), Origin::Flag);
    }
    let merged: Value = builder.build().and_then(config::Config::try_deserialize).map_err(broken)?;
    let origin = |steps: &[Step]| nearest_origin(&origins, steps);
    let (config, removed) = reading::read(merged, &texts, origin, &mut faults);
    for (steps, message) in super::check::check(&config) {
        let steps = removed.as_written(&steps);
        let key = key::words(&steps);
        // A setting that could not even be read has been told already.
        if !faults.iter().any(|fault| fault.key == key) {
            faults.push(Fault { origin: origin(&steps), key, message, hint: None });
        }
    }
    if faults.is_empty() { Ok(Loaded { config, origins }) } else { Err(ConfigError::Faulty(faults)) }
}

/// What is wrong with text that is no TOML, and where. Never the line itself: a password may stand in it, and this goes to
/// logs and replies.
fn unreadable(text: &str, error: &toml::de::Error) -> String {
    let Some(before) = error.span().and_then(|span| text.get(..span.start)) else { return error.message().to_owned() };
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|found| *found != '\n').count() + 1;
    format!("line {line}, column {column}: {}", error.message())
}

/// Where a key, or else the table around it, comes from.
fn nearest_origin(origins: &BTreeMap<String, Origin>, steps: &[Step]) -> Origin {
    (1..=steps.len())
        .rev()
        .filter_map(|len| steps.get(..len))
        .map(key::words)
        .find_map(|key| {
            let inside = format!("{key}.");
            let mut below = origins.iter().filter(|(name, _)| name.starts_with(&inside));
            origins.get(&key).or_else(|| below.next().map(|(_, origin)| origin)).cloned()
        })
        .unwrap_or(Origin::Default)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(pairs: &[(&str, &str)]) -> std::vec::IntoIter<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<Vec<_>>().into_iter()
    }

    #[test]
    fn an_empty_file_gives_the_defaults() {
        assert_eq!(load_text("").expect("defaults"), Config::default());
    }

    #[test]
    fn a_broken_line_is_named_by_its_number_and_not_shown() {
        let text = "[gateway]\nport = 4002\n[nats]\nurl = \"nats://me:hidden@host\nprefix = \"ib\"\n";
        let error = load_text(text).expect_err("no closing quote").to_string();
        assert!(error.contains("line 4") && !error.contains("hidden"), "{error}");
    }

    #[test]
    fn values_are_read() {
        let config = load_text("[gateway]\nport = 7497\n[[subscriptions]]\ncontract = \"STK:AAPL\"\n").expect("valid");
        assert_eq!(config.gateway.port, 7497);
        assert_eq!(config.subscriptions[0].streams, ["quote"]);
    }

    #[test]
    fn a_flag_wins_over_a_variable_and_a_variable_over_the_file() {
        let text = "[gateway]\nport = 1\nhost = \"file\"\n[nats]\nprefix = \"file\"\n";
        let environment = [("IBNATS_GATEWAY__PORT", "2"), ("IBNATS_NATS__PREFIX", "variable")];
        let flags = ["gateway.port=3".to_owned()];
        let loaded = read(text, variables(&environment), &flags).expect("valid");
        let gateway = &loaded.config.gateway;
        assert_eq!((gateway.port, gateway.host.as_str(), loaded.config.nats.prefix.as_str()), (3, "file", "variable"));
        let variable = "IBNATS_NATS__PREFIX".to_owned();
        assert_eq!(loaded.origin("nats.prefix"), Origin::Environment { variable });
        assert_eq!(loaded.origin("gateway.port"), Origin::Flag);
        assert_eq!(loaded.origin("gateway.host"), Origin::File);
        assert_eq!(loaded.origin("gateway.allow_live"), Origin::Default);
    }

    #[test]
    fn variables_with_a_section_are_settings_and_others_are_not() {
        let others = [("IBNATS_GATEWAY__PORT", "7497"), ("IBNATS_CONFIG", "file"), ("PATH__X", "y")];
        assert_eq!(read("", variables(&others), &[]).expect("valid").config.gateway.port, 7497);
        let error = read("", variables(&[("IBNATS_GATEWAY__PROT", "7497")]), &[]).expect_err("misspelt").to_string();
        assert!(error.contains("IBNATS_GATEWAY__PROT") && error.contains("\"port\""), "{error}");
    }

    #[test]
    fn text_becomes_what_its_key_wants() {
        let environment = [
            ("IBNATS_GATEWAY__ACCOUNTS", "DU1, DU2"),
            ("IBNATS_GATEWAY__ALLOW_LIVE", "true"),
            ("IBNATS_NATS__USER", "12345"),
            ("IBNATS_NATS__PASSWORD_FILE", "/run/p"),
            ("IBNATS_RISK__LIMITS__ORDER_NOTIONAL", "1e5"),
            ("IBNATS_RISK__CLIENTS__ALPHA__ORDER_QUANTITY", "100"),
            ("IBNATS_HTTP__HOSTS", "[\"a\", \"b\"]"),
        ];
        let config = read("", variables(&environment), &[]).expect("valid").config;
        assert_eq!(config.gateway.accounts, ["DU1", "DU2"]);
        assert!(config.gateway.allow_live);
        assert_eq!(config.nats.user.as_deref(), Some("12345"));
        assert_eq!(config.risk.limits.order_notional, Some(100_000.0));
        assert_eq!(config.risk.clients["alpha"].order_quantity, Some(100.0));
        assert_eq!(config.http.hosts, ["a", "b"]);
    }

    #[test]
    fn a_flag_without_a_key_is_refused() {
        let error = read("", variables(&[]), &["port".to_owned()]).expect_err("refused").to_string();
        assert!(error.contains("<section>.<key>=<value>"), "{error}");
    }
}
