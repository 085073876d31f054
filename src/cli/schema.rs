//! `ibnats schema`: writes the JSON Schemas of every event, request and reply, and the AsyncAPI document made of them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::Failure;
use crate::{config, nats::asyncapi, schema::registry};

/// Write the JSON Schema of every payload, or list their names.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Folder to write one file per schema and `asyncapi.json` into; without it the names and subjects are listed
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Print one schema on standard output
    #[arg(conflicts_with = "out")]
    name: Option<String>,
    /// Print the AsyncAPI 3 document of the whole interface
    #[arg(long, conflicts_with_all = ["out", "name"])]
    asyncapi: bool,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    if args.asyncapi {
        println!("{}", serde_json::to_string_pretty(&asyncapi::document())?);
        return Ok(());
    }
    match (&args.out, &args.name) {
        (Some(folder), _) => write_all(folder),
        (None, Some(name)) => print_one(name),
        (None, None) => {
            for entry in registry::all() {
                println!("{:<28} {}", entry.name, entry.subject);
            }
            Ok(())
        }
    }
}

fn write_all(folder: &Path) -> Result<(), Failure> {
    fs::create_dir_all(folder)?;
    for entry in registry::all() {
        write(folder, entry.name, &serde_json::to_string_pretty(&entry.schema)?)?;
    }
    write(folder, "config", &serde_json::to_string_pretty(&config::schema())?)?;
    write(folder, "asyncapi", &serde_json::to_string_pretty(&asyncapi::document())?)
}

fn write(folder: &Path, name: &str, text: &str) -> Result<(), Failure> {
    let path = folder.join(format!("{name}.json"));
    fs::write(&path, format!("{text}\n")).map_err(|error| format!("{}: {error}", path.display()).into())
}

fn print_one(name: &str) -> Result<(), Failure> {
    let entries = registry::all();
    let Some(entry) = entries.iter().find(|entry| entry.name == name) else {
        let nearest = entries.iter().map(|entry| (strsim::damerau_levenshtein(name, entry.name), entry.name)).min();
        let hint = nearest.map(|(_, name)| format!("; did you mean {name:?}?")).unwrap_or_default();
        return Err(format!("no schema is called {name:?}{hint}").into());
    };
    println!("{}", serde_json::to_string_pretty(&entry.schema)?);
    Ok(())
}
