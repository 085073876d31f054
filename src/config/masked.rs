//! The configuration as it may be shown: without what would let its reader in.

use serde_json::Value;

use super::{Config, key};

/// The configuration without passwords in addresses. Other secrets are named by their files and never in it.
pub fn masked(config: &Config) -> Value {
    let mut value = serde_json::to_value(config).unwrap_or_default();
    if let Some(url) = value.pointer_mut("/nats/url")
        && let Some(text) = url.as_str()
    {
        *url = text.split(',').map(mask_url).collect::<Vec<_>>().join(",").into();
    }
    value
}

/// Every setting by its key, masked, in the order of the keys.
pub fn settings(config: &Config) -> Vec<(String, Value)> {
    let value = masked(config);
    let mut settings: Vec<(String, Value)> =
        key::leaves(&value).into_iter().map(|(key, value)| (key, value.clone())).collect();
    settings.sort_by(|(a, _), (b, _)| a.cmp(b));
    settings
}

fn mask_url(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").map_or(("", url), |(scheme, rest)| (scheme, rest));
    let rest = rest.rsplit_once('@').map_or_else(|| rest.to_owned(), |(_, host)| format!("***@{host}"));
    if scheme.is_empty() { rest } else { format!("{scheme}://{rest}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_in_addresses_are_masked() {
        let mut config = Config::default();
        "nats://me:p@ss@a.example:4222, tls://token@b.example,nats://c.example".clone_into(&mut config.nats.url);
        let shown = masked(&config);
        assert_eq!(shown["nats"]["url"], "nats://***@a.example:4222, tls://***@b.example,nats://c.example");
        assert_eq!(shown["gateway"]["port"], 4002);
        assert_eq!(shown["http"]["listen"], "");
        let all = settings(&config);
        assert!(all.iter().any(|(key, value)| key == "gateway.port" && *value == 4002), "{all:?}");
        assert!(!format!("{all:?}").contains("p@ss"));
    }
}
