//! What is wrong with a configuration, all of it, in words that say what to do.

use std::{fmt, path::PathBuf};

use serde::Serialize;
use thiserror::Error;

use super::layers::Origin;

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
    /// Something in it is wrong: at least one fault.
    #[error("configuration: {}", in_words(.0))]
    Faulty(Vec<Fault>),
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The setting; empty if it is about the whole.
    pub key: String,
    /// Where the setting comes from.
    #[serde(flatten)]
    pub origin: Origin,
    /// What is wrong.
    pub message: String,
    /// The nearest key or value that exists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl ConfigError {
    /// The faults one by one; a file that cannot be read is one.
    pub fn faults(&self) -> Vec<Fault> {
        match self {
            Self::Faulty(faults) => faults.clone(),
            Self::Unreadable { .. } => {
                let message = self.to_string();
                vec![Fault { key: String::new(), origin: Origin::File, message, hint: None }]
            }
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Rules about several keys name them all, this one too.
        if !self.key.is_empty() && !self.message.contains(&self.key) {
            write!(out, "{}: ", self.key)?;
        }
        write!(out, "{}", self.message)?;
        if let Some(hint) = &self.hint {
            write!(out, "; did you mean {hint:?}?")?;
        }
        match &self.origin {
            Origin::Environment { variable } => write!(out, " (environment: {variable})"),
            Origin::Flag if !self.key.is_empty() => write!(out, " (--set)"),
            _ => Ok(()),
        }
    }
}

fn in_words(faults: &[Fault]) -> String {
    match faults {
        [one] => one.to_string(),
        several => {
            let lines: Vec<String> = several.iter().map(ToString::to_string).collect();
            format!("{} faults\n  {}", several.len(), lines.join("\n  "))
        }
    }
}
