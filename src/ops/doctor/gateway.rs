//! What a visit to the gateway means for a bridge.

use super::probe::{SILENT, Visit};
use crate::{
    config::Config,
    schema::request::doctor::Finding,
    session::time::{Zone, zone_name},
    tws::{
        message::gateway_settings::{ApiPrecautionsConfig, ConfigResponse},
        notice::{Severity, classify, farm_name},
    },
};

/// Codes that say there will be no quote.
pub const NO_QUOTE: [i32; 8] = [200, 321, 354, 10_089, 10_168, 10_186, 10_190, 10_197];
/// Clocks further apart than this make times of events look wrong.
const CLOCK_APART_MAX_S: i64 = 2;
const IN_USE: i32 = 326;

/// Every finding of a visit. `highest_id` is the highest order id of the journal.
pub fn judge(visit: &Visit, config: &Config, highest_id: Option<i64>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !config.gateway.is_local() {
        findings.push(exposed(config));
    }
    if !port(visit, &mut findings) || !greeting(visit, &mut findings) || !login(visit, &mut findings) {
        return findings;
    }
    accounts(visit, config, &mut findings);
    ids(visit, highest_id, &mut findings);
    match visit.clock_ahead_s {
        Some(apart) if apart.abs() > CLOCK_APART_MAX_S => {
            let mend = "run NTP on both hosts: times of bars and fills come from the gateway's clock";
            findings.push(Finding::warning("clock", format!("the gateway's is {apart} s ahead of ours"), mend));
        }
        Some(apart) => findings.push(Finding::good("clock", format!("{apart} s apart"))),
        None => findings.push(Finding::note("clock", "the gateway did not tell its own")),
    }
    match &visit.settings {
        Some(settings) => self::settings(settings, &mut findings),
        None => findings.push(Finding::note(
            "settings",
            "this gateway does not tell them: look at API > Settings for Read-Only API, and at the order precautions",
        )),
    }
    findings.push(visibility(visit, config));
    connections(visit, &mut findings);
    quote(visit, config, &mut findings);
    if let Some(notices) = &visit.own_id {
        findings.push(own_id(notices, config.gateway.trading_client_id));
    }
    findings
}

/// What is said to the gateway crosses a network.
pub fn exposed(config: &Config) -> Finding {
    let mend = "the protocol has no encryption and no password: keep it inside a trusted network or a tunnel";
    Finding::warning("gateway address", format!("{} is not this machine", config.gateway.host), mend)
}

fn port(visit: &Visit, findings: &mut Vec<Finding>) -> bool {
    match &visit.dialled {
        Some(Ok(took)) => {
            findings.push(Finding::good("gateway port", format!("{} in {} ms", visit.address, took.as_millis())));
            true
        }
        Some(Err(error)) => {
            let mend = "start TWS or IB Gateway, enable its API, and compare the ports: gateway 4001 live, 4002 paper; TWS 7496 live, 7497 paper";
            findings.push(Finding::wrong("gateway port", format!("{}: {error}", visit.address), mend));
            false
        }
        None => false,
    }
}

fn greeting(visit: &Visit, findings: &mut Vec<Finding>) -> bool {
    let (version, time) = match &visit.greeting {
        Some(Ok(greeting)) => greeting,
        Some(Err(error)) => {
            let mend = if error == SILENT {
                "is it the API port, and does the gateway wait for a person to admit this address (Trusted IPs)?"
            } else if error.contains("closed") {
                "the gateway turns us away: admit this address under Trusted IPs, or it is older than 10.40"
            } else {
                "install TWS or IB Gateway 10.40 or newer, and give its API port"
            };
            findings.push(Finding::wrong("handshake", error.clone(), mend));
            return false;
        }
        None => return false,
    };
    findings.push(Finding::good("handshake", format!("server version {version}")));
    let name = zone_name(time);
    findings.push(match Zone::named(name) {
        Some(zone) => Finding::good("time zone", zone.name()),
        None => Finding::warning(
            "time zone",
            format!("{name:?} is unknown or stands for several"),
            "set the gateway host's zone to an IANA one; times without a known zone are left out",
        ),
    });
    true
}

fn login(visit: &Visit, findings: &mut Vec<Finding>) -> bool {
    if visit.next_id.is_some() {
        return true;
    }
    let text = visit.notices.iter().map(|(code, text)| format!("{code} {text}")).collect::<Vec<_>>().join("; ");
    let (found, mend) = if visit.notices.iter().any(|(code, _)| *code == IN_USE) {
        (text, "this client id is in use: give another one with --client-id")
    } else if visit.closed {
        (format!("the gateway closed the connection. {text}"), "see the gateway's own window or log")
    } else {
        let mend = "the gateway is not logged in to IB, or a dialogue waits for a person: look at its window";
        (format!("no order id came. {text}"), mend)
    };
    findings.push(Finding::wrong("login", found, mend));
    false
}

fn accounts(visit: &Visit, config: &Config, findings: &mut Vec<Finding>) {
    let live: Vec<&String> = visit.accounts.iter().filter(|account| !account.starts_with('D')).collect();
    let missing = config.gateway.accounts.iter().filter(|account| !visit.accounts.contains(account));
    for account in missing {
        let mend = "correct gateway.accounts, or log in as the user who has it";
        findings.push(Finding::wrong("accounts", format!("{account} is not of this login"), mend));
    }
    let list = visit.accounts.join(", ");
    findings.push(if visit.accounts.is_empty() {
        Finding::warning("accounts", "none was named", "orders need one: look at the gateway's window")
    } else if !live.is_empty() && !config.gateway.allow_live {
        let text = format!("{list}: not paper, and gateway.allow_live is false");
        Finding::wrong("accounts", text, "log in to a paper account, or set gateway.allow_live = true")
    } else if live.is_empty() {
        Finding::good("accounts", format!("{list} (paper)"))
    } else {
        Finding::warning(
            "accounts",
            format!("{list}: orders here cost real money"),
            "it is what gateway.allow_live says",
        )
    });
}

fn ids(visit: &Visit, highest_id: Option<i64>, findings: &mut Vec<Finding>) {
    let Some(next) = visit.next_id else { return };
    findings.push(match highest_id {
        // Ids belong to a client; ours is told to the trading link alone, so this is but a hint.
        Some(highest) if i64::from(next) <= highest => Finding::note(
            "order ids",
            format!("the gateway says {next}, the journal has used {highest}; the bridge goes on above it"),
        ),
        _ => Finding::good("order ids", format!("next is {next}")),
    });
}

fn settings(settings: &ConfigResponse, findings: &mut Vec<Finding>) {
    let api = settings.api.clone().unwrap_or_default();
    let page = api.settings.unwrap_or_default();
    findings.push(if page.read_only_api == Some(true) {
        Finding::wrong("read-only", "the gateway takes no orders", "untick Read-Only API in its API settings")
    } else {
        Finding::good("read-only", "orders are taken")
    });
    let kept = precautions(&api.precautions.unwrap_or_default());
    if !kept.is_empty() {
        let text = format!("not bypassed: {}", kept.join(", "));
        let mend = "an order that meets one waits, without a notice, until somebody clicks: bypass them for API orders";
        findings.push(Finding::warning("precautions", text, mend));
    }
    if page.reject_messages_above_max_rate == Some(true) {
        let text = "the gateway rejects messages above its rate, and closes the connection at the third";
        findings.push(Finding::note("message rate", text));
    }
    if let Some(time) = settings.lock_and_exit.as_ref().and_then(|exit| exit.auto_logoff_time.clone()) {
        let kind = settings.lock_and_exit.as_ref().and_then(|exit| exit.auto_logoff_type.clone()).unwrap_or_default();
        findings.push(Finding::note("restart", format!("the gateway ends by itself at {time} {kind}")));
    }
}

/// What this login cannot show: IB tells each client of its own orders only.
fn visibility(visit: &Visit, config: &Config) -> Finding {
    let own = config.gateway.trading_client_id;
    let page = visit.settings.as_ref().and_then(|settings| settings.api.as_ref()?.settings.as_ref());
    let is_master = page.and_then(|page| page.master_client_id) == Some(own);
    let each = f64::from(u32::try_from(config.timing.reconcile_ms / 1_000).unwrap_or(u32::MAX)) / 60.0;
    let others = if is_master {
        "orders of all API clients are told at once (master client)".to_owned()
    } else {
        format!("orders of other API clients and of TWS are seen only when lists are compared, every {each} minutes")
    };
    let bound = if config.gateway.bind_manual_orders {
        ""
    } else {
        "; orders typed into TWS cannot be changed or cancelled here"
    };
    Finding::note("what is seen", format!("{others}{bound}; fills of earlier days only if the journal has them"))
}

/// Precautions that can hold an order.
fn precautions(config: &ApiPrecautionsConfig) -> Vec<&'static str> {
    let all = [
        ("order precautions", config.bypass_order_precautions),
        ("price-based volatility", config.bypass_price_based_volatility_warning),
        ("redirect", config.bypass_redirect_order_warning),
        ("overfill protection", config.bypass_no_overfill_protection),
    ];
    all.into_iter().filter(|(_, is_bypassed)| *is_bypassed == Some(false)).map(|(name, _)| name).collect()
}

/// What the gateway said about its own connections.
fn connections(visit: &Visit, findings: &mut Vec<Finding>) {
    for (code, text) in &visit.notices {
        let meaning = classify(*code, text);
        let name = farm_name(text).unwrap_or_default();
        match code {
            1100 | 2110 => {
                let mend = "the gateway has lost IB: wait, or look at its network";
                findings.push(Finding::wrong("link to IB", text.clone(), mend));
            }
            2103 | 2105 | 2157 => {
                findings.push(Finding::warning(
                    "farm",
                    format!("{name} is down"),
                    "it comes back by itself; data of it stands still",
                ));
            }
            _ if meaning.severity == Severity::Error && !NO_QUOTE.contains(code) => {
                findings.push(Finding::warning("gateway", format!("{code} {text}"), meaning.summary));
            }
            _ => {}
        }
    }
}

fn quote(visit: &Visit, config: &Config, findings: &mut Vec<Finding>) {
    let refusal = visit.notices.iter().find(|(code, _)| NO_QUOTE.contains(code));
    findings.push(match (visit.quoted, refusal) {
        (_, Some((10_197, text))) => {
            let mend = "the same user is logged in elsewhere, which takes the data: log off there, or use a second user";
            Finding::warning("market data", format!("10197 {text}"), mend)
        }
        (_, Some((code @ (200 | 321), text))) => {
            Finding::warning("market data", format!("{code} {text}"), "name another contract with --contract")
        }
        (_, Some((code, text))) => {
            let mend = "subscribe to the data at IB and acknowledge the API agreement, or set gateway.market_data = \"live_else_delayed\"";
            Finding::warning("market data", format!("{code} {text}"), mend)
        }
        (Some(1), None) => Finding::good("market data", "live"),
        (Some(2), None) => Finding::good("market data", "frozen: the market is closed"),
        (Some(3 | 4), None) => Finding::warning("market data", "delayed", "fine for trying; live data needs a subscription"),
        (_, None) => {
            let text = format!("no quote came in time (gateway.market_data = {:?})", config.gateway.market_data);
            Finding::note("market data", text + "; the market may be closed")
        }
    });
}

fn own_id(notices: &[(i32, String)], id: i32) -> Finding {
    let Some((code, text)) = notices.first() else {
        return Finding::good("trading client id", format!("{id} is free"));
    };
    let mend = "another program uses it, or an old connection is still dying: end the one, wait for the other";
    Finding::wrong("trading client id", format!("{id}: {code} {text}"), mend)
}
