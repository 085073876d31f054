//! What differs between two configurations, and what of it can change while the bridge runs.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Config, key};

/// Settings that can change while the bridge runs, and all below them.
const CHANGEABLE: [&str; 8] = [
    "risk.limits",
    "risk.clients",
    "risk.without_quote",
    "risk.notional_currency",
    "risk.without_daily_pnl",
    "pacing",
    "log.filter",
    "subscriptions",
];

/// Why the others cannot, the most specific first.
const FIXED: [(&str, &str); 8] = [
    ("pacing.message_scope", "messages of the last second are counted by it"),
    ("gateway", "the links to the gateway are logged in with it"),
    ("nats", "the connections to NATS, its streams and subjects are made with it"),
    ("state", "the journal is open there"),
    ("http", "the HTTP server listens with it"),
    ("log.format", "the log has begun in it"),
    ("risk.halt_file", "the kill switch watches it"),
    ("risk.halt_cancels", "the kill switch watches with it"),
];

/// Keys that differ.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Those that can change while the bridge runs.
    pub changeable: Vec<String>,
    /// Those that cannot, and why.
    pub fixed: Vec<(String, &'static str)>,
}

impl Changes {
    /// What differs. The list of subscriptions counts as one setting.
    pub fn between(before: &Config, after: &Config) -> Self {
        let mut changes = Self::default();
        for key in differing(before, after) {
            match reason(&key) {
                None => changes.changeable.push(key),
                Some(reason) => changes.fixed.push((key, reason)),
            }
        }
        changes
    }
}

fn differing(before: &Config, after: &Config) -> BTreeSet<String> {
    let table = |config: &Config| serde_json::to_value(config).unwrap_or_default();
    let (before, after) = (table(before), table(after));
    let leaves = |value: &Value| -> BTreeSet<(String, String)> {
        key::leaves(value).into_iter().map(|(key, value)| (key, value.to_string())).collect()
    };
    let (before, after) = (leaves(&before), leaves(&after));
    let keys = before.symmetric_difference(&after).map(|(key, _)| key.split('[').next().unwrap_or(key).to_owned());
    keys.collect()
}

/// Why a setting cannot change; `None` if it can.
fn reason(key: &str) -> Option<&'static str> {
    let is_below = |name: &str| key == name || key.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'));
    if let Some((_, reason)) = FIXED.iter().find(|(name, _)| is_below(name)) {
        return Some(reason);
    }
    let is_changeable = CHANGEABLE.iter().any(|name| is_below(name));
    (!is_changeable).then_some("it is read at the start only")
}

#[cfg(test)]
mod tests {
    use super::{super::load_text, *};

    fn changes(after: &str) -> (Vec<String>, Vec<String>) {
        let changes = Changes::between(&Config::default(), &load_text(after).expect("valid"));
        (changes.changeable, changes.fixed.into_iter().map(|(key, _)| key).collect())
    }

    #[test]
    fn limits_filter_and_subscriptions_can_change_and_addresses_cannot() {
        assert_eq!(changes(""), (vec![], vec![]));
        let after = "[risk.limits]\nopen_orders = 3\n[risk.clients.alpha]\norder_quantity = 5\n[log]\nfilter = \"warn\"\n\
            [pacing]\nmessages_per_second = 40\n[[subscriptions]]\ncontract = \"STK:AAPL\"\n[gateway]\nport = 1\n\
            [timing]\nheartbeat_ms = 5\n";
        let (changeable, fixed) = changes(after);
        assert_eq!(
            changeable,
            [
                "log.filter",
                "pacing.messages_per_second",
                "risk.clients.alpha.order_quantity",
                "risk.limits.open_orders",
                "subscriptions"
            ]
        );
        assert_eq!(fixed, ["gateway.port", "timing.heartbeat_ms"]);
        assert_eq!(changes("[pacing]\nmessage_scope = \"link\"\n").1, ["pacing.message_scope"]);
    }

    #[test]
    fn a_password_in_an_address_is_a_change_too() {
        assert_eq!(changes("[nats]\nurl = \"nats://me:secret@127.0.0.1:4222\"\n").1, ["nats.url"]);
    }

    #[test]
    fn every_key_named_here_exists() {
        let schema = crate::config::schema().to_value();
        for name in CHANGEABLE.iter().chain(FIXED.iter().map(|(name, _)| name)) {
            let config = serde_json::to_value(Config::default()).expect("JSON");
            let exists = name.split('.').try_fold(&config, |value, name| value.get(name)).is_some();
            assert!(exists, "{name} of {schema}");
        }
    }
}
