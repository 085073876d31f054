//! Reads merged settings, and goes on behind each fault so that all of them are told at once.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{
    Config,
    faults::Fault,
    key::{self, Step},
    layers::Origin,
};

/// Faults told at once; more help nobody.
const FAULTS_MAX: usize = 100;

/// Reads as much as can be read; what cannot is told in `faults` and has its default. `texts` are the settings that
/// came as text, by their keys.
pub(super) fn read(
    mut merged: Value,
    texts: &BTreeMap<String, String>,
    origin: impl Fn(&[Step]) -> Origin,
    faults: &mut Vec<Fault>,
) -> (Config, Removed) {
    for (key, text) in texts {
        let steps: Vec<Step> = key.split('.').map(|name| Step::Key(name.to_owned())).collect();
        if let (Some(place), Some(value)) = (key::at(&mut merged, &steps), as_toml(text)) {
            *place = value;
        }
    }
    let mut tried = BTreeSet::new();
    let mut removed = Removed::default();
    while faults.len() < FAULTS_MAX {
        let error = match serde_path_to_error::deserialize::<_, Config>(&merged) {
            Ok(config) => return (config, removed),
            Err(error) => error,
        };
        let steps = key::steps(error.path());
        let key = key::words(&steps);
        if let Some(text) = texts.get(&key)
            && let Some(place) = key::at(&mut merged, &steps)
            && let Some(value) = other_reading(place, text, &mut tried, &key)
        {
            *place = value;
            continue;
        }
        let named = removed.as_written(&steps);
        faults.push(fault(&named, &error.into_inner().to_string(), origin(&named)));
        if !key::remove(&mut merged, &steps) {
            break;
        }
        if let Some((Step::Place(place), list)) = steps.split_last() {
            removed.0.push((list.to_vec(), *place));
        }
    }
    (Config::default(), removed)
}

/// Text as a TOML value, if it is one and no plain word.
fn as_toml(text: &str) -> Option<Value> {
    let table: toml::Table = toml::from_str(&format!("value = {text}\n")).ok()?;
    // A line break could smuggle another key in.
    (table.len() == 1).then(|| serde_json::to_value(table.get("value")?).ok())?
}

/// What else the text may mean: itself, then a list of words.
fn other_reading(now: &Value, text: &str, tried: &mut BTreeSet<(String, bool)>, key: &str) -> Option<Value> {
    if !now.is_string() && tried.insert((key.to_owned(), false)) {
        return Some(Value::from(text));
    }
    if now.is_string() && tried.insert((key.to_owned(), true)) {
        let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
        return Some(words.map(Value::from).collect());
    }
    None
}

/// Entries that were taken out of lists, in that order: the list, and the place in what was left of it.
#[derive(Debug, Default)]
pub(super) struct Removed(Vec<(Vec<Step>, usize)>);

impl Removed {
    /// The key as it stands in the file, where entries that were taken out still count.
    pub(super) fn as_written(&self, steps: &[Step]) -> Vec<Step> {
        let mut written = steps.to_vec();
        for (index, step) in written.iter_mut().enumerate() {
            if let Step::Place(place) = step {
                let before = steps.get(..index).unwrap_or_default();
                for (_, gone) in self.0.iter().rev().filter(|(list, _)| list == before) {
                    *place += usize::from(*gone <= *place);
                }
            }
        }
        written
    }
}

fn fault(steps: &[Step], said: &str, origin: Origin) -> Fault {
    let key = key::words(steps);
    if let Some((unknown, known)) = quoted(said, "unknown field `") {
        let hint = nearest(unknown, &known);
        return Fault { key, origin, message: "there is no such key".to_owned(), hint };
    }
    if let Some((unknown, known)) = quoted(said, "unknown variant `") {
        let hint = nearest(unknown, &known);
        let message = format!("{unknown:?} is none of {}", known.join(", "));
        return Fault { key, origin, message, hint };
    }
    Fault { key, origin, message: said.replace('`', "\""), hint: None }
}

/// The word that is not known, and those that are: serde lists what it expected.
fn quoted<'a>(said: &'a str, before: &str) -> Option<(&'a str, Vec<&'a str>)> {
    let (_, rest) = said.split_once(before)?;
    let (unknown, expected) = rest.split_once('`')?;
    Some((unknown, expected.split('`').skip(1).step_by(2).collect()))
}

fn nearest(unknown: &str, known: &[&str]) -> Option<String> {
    known
        .iter()
        .map(|name| (strsim::damerau_levenshtein(unknown, name), *name))
        .min()
        .filter(|(distance, name)| *distance <= name.len().max(unknown.len()) / 2)
        .map(|(_, name)| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::load_text;

    #[track_caller]
    fn refused(text: &str, parts: &[&str]) {
        let message = load_text(text).expect_err("refused").to_string();
        for part in parts {
            assert!(message.contains(part), "{part:?} is missing in {message:?}");
        }
    }

    #[test]
    fn a_wrong_key_is_refused_with_the_nearest_right_one() {
        refused("[gateway]\nprot = 7497\n", &["gateway.prot", "did you mean \"port\""]);
        refused("[gatway]\nport = 7497\n", &["gatway", "did you mean \"gateway\""]);
    }

    #[test]
    fn a_wrong_value_is_refused_with_those_there_are() {
        refused(
            "[gateway]\nmarket_data = \"live_onyl\"\n",
            &["gateway.market_data", "live_else_frozen", "\"live_only\""],
        );
    }

    #[test]
    fn wrong_types_and_broken_text_are_refused() {
        refused("[gateway]\nport = \"high\"\n", &["gateway.port", "high"]);
        refused("[gateway]\nport = 70000\n", &["gateway.port", "70000"]);
        refused("[gateway\n", &["configuration"]);
    }

    #[test]
    fn all_faults_are_told_at_once() {
        let text = "[gateway]\nprot = 1\nport = \"high\"\n[gatway]\nx = 1\n[nats]\nuser = \"me\"\nprefix = \"a b\"\n\
            [[subscriptions]]\nstreams = [\"quote\"]\n[[subscriptions]]\ncontract = \"STK:AAPL\"\nstreems = []\n\
            [[subscriptions]]\ncontract = \"what?\"\n[log]\nfilter = \"ibnats=loud\"\n";
        refused(
            text,
            &[
                "9 faults",
                "gateway.prot",
                "gateway.port",
                "gatway",
                "nats.password_file",
                "nats.prefix",
                "subscriptions[0]",
                "subscriptions[1].streems",
                "subscriptions[2].contract",
                "log.filter",
            ],
        );
    }
}
