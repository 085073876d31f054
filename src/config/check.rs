//! Rules about values that their types cannot hold: ranges, and settings that belong together.

use tracing_subscriber::EnvFilter;

use super::{Config, Pacing, key::Step, ms};
use crate::schema::{contract::ContractQuery, request::market::Stream};

/// Every rule that is broken: the setting, and what is wrong with it.
pub(super) fn check(config: &Config) -> Vec<(Vec<Step>, String)> {
    let mut broken = Broken::default();
    gateway(config, &mut broken);
    pacing(&config.pacing, &mut broken);
    config.nats.check(&mut broken);
    timing(config, &mut broken);
    config.calendar.check(&mut broken);
    config.ibc.check(&mut broken);
    config.account.check(&mut broken);
    config.trace.check(&mut broken);
    http(config, &mut broken);
    risk(config, &mut broken);
    broken.if_so(config.state.keep_days == 0, "state.keep_days", "must be at least 1");
    subscriptions(config, &mut broken);
    if let Err(error) = EnvFilter::try_new(&config.log.filter) {
        broken.add("log.filter", format!("{:?} cannot be understood: {error}", config.log.filter));
    }
    broken.0
}

/// Rules that are broken.
#[derive(Debug, Default)]
pub(super) struct Broken(Vec<(Vec<Step>, String)>);

impl Broken {
    pub(super) fn add(&mut self, key: &str, message: impl Into<String>) {
        self.0.push((key.split('.').map(|name| Step::Key(name.to_owned())).collect(), message.into()));
    }

    fn add_to_list(&mut self, list: &str, place: usize, key: &str, message: String) {
        self.0.push((vec![Step::Key(list.to_owned()), Step::Place(place), Step::Key(key.to_owned())], message));
    }

    pub(super) fn if_so(&mut self, is_broken: bool, key: &str, message: &str) {
        if is_broken {
            self.add(key, message);
        }
    }
}

fn gateway(config: &Config, broken: &mut Broken) {
    let gateway = &config.gateway;
    let data_ids = gateway.data_client_id..gateway.data_client_id.saturating_add(i32::from(gateway.data_client_ids));
    broken.if_so(
        data_ids.contains(&gateway.trading_client_id),
        "gateway.trading_client_id",
        "lies in the range of data client ids; give each link its own",
    );
    broken.if_so(
        gateway.bind_manual_orders && gateway.trading_client_id != 0,
        "gateway.bind_manual_orders",
        "needs gateway.trading_client_id = 0: IB lets no other client bind",
    );
    broken.if_so(gateway.data_client_ids == 0, "gateway.data_client_ids", "must be at least 1");
    broken.if_so(gateway.host.is_empty(), "gateway.host", "must not be empty");
}

fn pacing(pacing: &Pacing, broken: &mut Broken) {
    broken.if_so(
        pacing.messages_per_second == 0 || pacing.trading_share >= pacing.messages_per_second,
        "pacing.trading_share",
        "must be smaller than pacing.messages_per_second",
    );
    broken.if_so(
        pacing.cancel_share > pacing.trading_share || pacing.cancel_share >= pacing.messages_per_second,
        "pacing.cancel_share",
        "is a part of pacing.trading_share and must not be larger",
    );
    broken.if_so(pacing.client_requests == 0, "pacing.client_requests", "must be above zero");
    broken.if_so(
        !(1..=100).contains(&pacing.client_history_percent),
        "pacing.client_history_percent",
        "must be from 1 to 100",
    );
    for (key, limit) in [
        ("pacing.history_10_min", pacing.history_10_min),
        ("pacing.history_same_2_s", pacing.history_same_2_s),
        ("pacing.history_open", pacing.history_open),
        ("pacing.history_long_2_s", pacing.history_long_2_s),
        ("pacing.history_long_open", pacing.history_long_open),
    ] {
        broken.if_so(limit == 0, key, "must be above zero");
    }
    broken.if_so(
        !(1..pacing.history_open.max(1)).contains(&pacing.kept_bars),
        "pacing.kept_bars",
        "must be above zero and below pacing.history_open",
    );
    broken.if_so(!(500..=50_000).contains(&pacing.history_rows), "pacing.history_rows", "must be from 500 to 50000");
    broken.if_so(pacing.queue_max == 0, "pacing.queue_max", "must be above zero");
}

fn timing(config: &Config, broken: &mut Broken) {
    let timing = &config.timing;
    broken.if_so(
        timing.reconnect_min_ms == 0 || ms(timing.reconnect_min_ms) > ms(timing.reconnect_max_ms),
        "timing.reconnect_min_ms",
        "must be above zero and not above timing.reconnect_max_ms",
    );
    broken.if_so(timing.person_retry_ms == 0, "timing.person_retry_ms", "must be above zero");
    broken.if_so(timing.probe_misses == 0, "timing.probe_misses", "must be at least 1");
}

fn http(config: &Config, broken: &mut Broken) {
    if let Err(message) = config.http.address() {
        broken.add("http.listen", message);
    }
    broken.if_so(
        config.http.console_clients_max == 0,
        "http.console_clients_max",
        "must be above zero; http.console = false turns the console off",
    );
}

fn risk(config: &Config, broken: &mut Broken) {
    let limits = std::iter::once(("limits".to_owned(), &config.risk.limits));
    let clients = config.risk.clients.iter().map(|(name, limits)| (format!("clients.{name}"), limits));
    for (name, limits) in limits.chain(clients) {
        for (field, message) in limits.faults() {
            broken.add(&format!("risk.{name}.{field}"), message);
        }
    }
    let file = &config.risk.halt_file;
    broken.if_so(file.is_empty() || file.contains('/'), "risk.halt_file", "must be the name of a file in state.dir");
}

fn subscriptions(config: &Config, broken: &mut Broken) {
    for (place, subscription) in config.subscriptions.iter().enumerate() {
        if let Err(error) = subscription.contract.parse::<ContractQuery>() {
            broken.add_to_list("subscriptions", place, "contract", error.to_string());
        }
        for stream in &subscription.streams {
            if let Err(error) = stream.parse::<Stream>() {
                broken.add_to_list("subscriptions", place, "streams", error.to_string());
            }
        }
    }
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
    fn values_that_cannot_work_are_refused() {
        refused("[gateway]\ntrading_client_id = 105\n", &["trading_client_id"]);
        refused("[nats]\nprefix = \"a b\"\n", &["nats.prefix"]);
        refused("[nats]\nuser = \"bridge\"\n", &["password_file"]);
        refused("[nats]\ntoken_file = \"a\"\nnkey_file = \"b\"\n", &["only one of"]);
        refused("[nats]\ntls_cert_file = \"a\"\n", &["tls_key_file"]);
        refused("[pacing]\nhistory_10_min = 0\n", &["history_10_min"]);
        refused("[pacing]\nhistory_rows = 10\n", &["history_rows"]);
        refused("[calendar]\ngateway_restart = \"25:00\"\n", &["gateway_restart"]);
        refused("[calendar]\nzone = \"Mars\"\n", &["calendar.zone"]);
        refused("[calendar]\nfence_orders_s = 901\n", &["calendar.fence_orders_s", "calendar.announce_s"]);
        refused("[ibc]\naddress = \"here\"\n", &["ibc.address"]);
        refused("[ibc]\nrestart_after_s = 60\n", &["ibc.restart_after_s", "needs ibc.address"]);
        refused("[account]\nmodels = [\"Growth\"]\n", &["<account>/<model>"]);
        refused("[pacing]\ncancel_share = 11\n", &["cancel_share"]);
        refused("[pacing]\nclient_history_percent = 0\n", &["client_history_percent"]);
        refused(
            "[risk.limits]\ndaily_loss = -1\norder_quantity = 0\n",
            &["limits.daily_loss", "limits.order_quantity"],
        );
        refused(
            "[[subscriptions]]\ncontract = \"STK:A\"\nstreams = [\"quot\"]\n",
            &["subscriptions[0].streams", "quot"],
        );
    }
}
