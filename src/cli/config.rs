//! `ibnats config`: what is wrong with the settings, and where each of them comes from.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{Failure, show::print_line};
use crate::config::{self, Fault, Layers, Origin};

/// Check the configuration, or show it with the origin of each value
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Say everything that is wrong with the configuration, without starting anything
    Check(Source),
    /// Show every setting and where it comes from; secrets are masked
    Show {
        #[command(flatten)]
        source: Source,
        /// Only settings that differ from their defaults
        #[arg(long)]
        changed: bool,
    },
    /// Print the JSON Schema of the configuration file, for editors
    Schema,
}

#[derive(Debug, clap::Args)]
struct Source {
    #[command(flatten)]
    settings: Settings,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Where settings come from: a file, variables over it, flags over both.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Settings {
    /// Configuration file; defaults and `IBNATS_<SECTION>__<KEY>` variables apply without one
    #[arg(short, long, value_name = "FILE", env = "IBNATS_CONFIG")]
    pub(super) config: Option<PathBuf>,
    /// A setting over file and environment, such as `gateway.port=7497`; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
}

impl Settings {
    pub(super) fn layers(&self) -> Layers {
        Layers { file: self.config.clone(), flags: self.set.clone() }
    }
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    match &args.what {
        What::Check(source) => check(source),
        What::Show { source, changed } => show(source, *changed),
        What::Schema => print_line(&serde_json::to_string_pretty(&config::schema())?),
    }
}

fn check(source: &Source) -> Result<(), Failure> {
    let faults = match source.settings.layers().read() {
        Ok(loaded) => files(&loaded.config),
        Err(error) => error.faults(),
    };
    if source.json {
        print_line(&json!({ "valid": faults.is_empty(), "faults": faults }).to_string())?;
    } else if faults.is_empty() {
        print_line("the configuration is valid")?;
    } else {
        for fault in &faults {
            print_line(&fault.to_string())?;
        }
    }
    match faults.len() {
        0 => Ok(()),
        1 => Err("the configuration has a fault".into()),
        count => Err(format!("the configuration has {count} faults").into()),
    }
}

/// Files that are named and cannot be read.
fn files(config: &config::Config) -> Vec<Fault> {
    let nats = &config.nats;
    let named: [(&str, Option<&Path>); 8] = [
        ("nats.password_file", nats.password_file.as_deref()),
        ("nats.credentials_file", nats.credentials_file.as_deref()),
        ("nats.token_file", nats.token_file.as_deref()),
        ("nats.nkey_file", nats.nkey_file.as_deref()),
        ("nats.tls_ca_file", nats.tls_ca_file.as_deref()),
        ("nats.tls_cert_file", nats.tls_cert_file.as_deref()),
        ("nats.tls_key_file", nats.tls_key_file.as_deref()),
        ("http.token_file", config.http.token_file.as_deref()),
    ];
    named
        .into_iter()
        .filter_map(|(key, path)| {
            let path = path?;
            let error = std::fs::File::open(path).err()?;
            let message = format!("{} cannot be read: {error}", path.display());
            Some(Fault { key: key.to_owned(), origin: Origin::File, message, hint: None })
        })
        .collect()
}

fn show(source: &Source, only_changed: bool) -> Result<(), Failure> {
    let loaded = source.settings.layers().read()?;
    let rows = config::settings(&loaded.config).into_iter().map(|(key, value)| {
        let origin = loaded.origin(&key);
        (key, value, origin)
    });
    let rows: Vec<(String, Value, Origin)> =
        rows.filter(|(_, _, origin)| !only_changed || *origin != Origin::Default).collect();
    if source.json {
        let rows = rows.iter().map(|(key, value, origin)| {
            let mut row = serde_json::to_value(origin).unwrap_or_default();
            if let Some(fields) = row.as_object_mut() {
                fields.insert("value".to_owned(), value.clone());
            }
            (key.clone(), row)
        });
        return print_line(&Value::Object(rows.collect()).to_string());
    }
    let width = rows.iter().map(|(key, ..)| key.len()).max().unwrap_or_default();
    for (key, value, origin) in &rows {
        let value = if value.is_null() { "(not set)".to_owned() } else { value.to_string() };
        let origin = match origin {
            Origin::Default => "default".to_owned(),
            Origin::File => "file".to_owned(),
            Origin::Environment { variable } => format!("environment: {variable}"),
            Origin::Flag => "flag".to_owned(),
        };
        print_line(&format!("{key:<width$}  {value:<28}  {origin}"))?;
    }
    Ok(())
}
