//! What the doctor finds of a running bridge: mostly what the bridge itself knows.

use super::{disk, gateway, nats, probe};
use crate::{
    config::Config,
    gateway::clock,
    ops::office::Sources,
    schema::{
        connection::{FarmState, IbLink, LinkPhase, LinkStatus},
        contract::ContractQuery,
        request::{
            doctor::{Diagnosis, Doctor, Finding},
            reference::ReferenceRequest,
            status::{BridgeInfo, Health, PoolStatus},
        },
    },
    session::{
        Answer, Ask,
        services::{ServiceAnswer, ServiceAsk},
    },
};

/// Client id of a visit that names none, as in `ibnats check`.
const VISITOR_ID: i32 = 997;
const SESSION_MAX: std::time::Duration = std::time::Duration::from_secs(3);
/// Clocks further apart than this make times of events look wrong.
const CLOCK_APART_MAX_US: i64 = 2_000_000;

impl Sources {
    /// Looks at everything.
    pub(in crate::ops) async fn doctor(&self, ask: &Doctor) -> Diagnosis {
        let config = self.in_force.config();
        let mut findings = Vec::new();
        let looked = std::sync::Arc::clone(&config);
        // Files may be slow.
        match tokio::task::spawn_blocking(move || (disk::look(&looked), disk::highest_order_id(&looked))).await {
            Ok((found, highest_id)) => {
                findings.extend(found);
                findings.extend(nats::look(&config).await.findings.into_iter().filter(|found| found.about != "bridge"));
                self.look_at_gateway(&config, ask, highest_id, &mut findings).await;
            }
            Err(error) => findings.push(Finding::note("state folder", format!("could not be looked at: {error}"))),
        }
        Diagnosis::from(findings)
    }

    async fn look_at_gateway(
        &self,
        config: &Config,
        ask: &Doctor,
        highest_id: Option<i64>,
        findings: &mut Vec<Finding>,
    ) {
        if !config.gateway.is_local() {
            findings.push(gateway::exposed(config));
        }
        let (Some(pool), Some(health), Some(info)) = (self.pool().await, self.health().await, self.info().await) else {
            let mend = "restart the bridge, and keep its log";
            findings.push(Finding::wrong("session", "does not answer", mend));
            return;
        };
        links(&pool, findings);
        accounts(&info, config, findings);
        findings.extend(self.clock().await);
        uses(&health, findings);
        losses(&health, findings);
        if ask.visit {
            let contract = ask.contract.as_ref().map_or_else(
                || ContractQuery {
                    symbol: Some("AAPL".to_owned()),
                    sec_type: Some("STK".to_owned()),
                    ..ContractQuery::default()
                },
                |spec| spec.0.clone(),
            );
            let visit = probe::visit(config, ask.client_id.unwrap_or(VISITOR_ID), &contract, None).await;
            let known: Vec<String> = findings.iter().map(|finding| finding.about.clone()).collect();
            // What the bridge knows itself is not said twice.
            let found = gateway::judge(&visit, config, highest_id).into_iter();
            findings.extend(found.filter(|finding| !known.contains(&finding.about)));
        }
    }

    async fn ask(&self, ask: Ask) -> Option<Answer> {
        self.gateway.ask(None, clock::now().at + SESSION_MAX, ask).await.ok()
    }

    async fn pool(&self) -> Option<PoolStatus> {
        match self.ask(Ask::PoolStatus).await {
            Some(Answer::PoolStatus(pool)) => Some(*pool),
            _ => None,
        }
    }

    async fn health(&self) -> Option<Health> {
        match self.ask(Ask::BridgeHealth).await {
            Some(Answer::Health(health)) => Some(*health),
            _ => None,
        }
    }

    async fn info(&self) -> Option<BridgeInfo> {
        match self.ask(Ask::BridgeInfo).await {
            Some(Answer::BridgeInfo(info)) => Some(*info),
            _ => None,
        }
    }

    async fn clock(&self) -> Option<Finding> {
        let Answer::Service(answer) = self.ask(ServiceAsk::Time(ReferenceRequest::default()).into()).await? else {
            return None;
        };
        let ServiceAnswer::Time(time) = *answer else { return None };
        let apart_us = time.gateway_us - time.recv_us;
        let text = format!("the gateway's is {} ms ahead of ours", apart_us / 1_000);
        let mend = "run NTP on both hosts: times of bars and fills come from the gateway's clock";
        Some(if apart_us.abs() > CLOCK_APART_MAX_US {
            Finding::warning("clock", text, mend)
        } else {
            Finding::good("clock", text)
        })
    }
}

fn links(pool: &PoolStatus, findings: &mut Vec<Finding>) {
    let state = &pool.connection;
    for (about, link) in [("trading link", &state.trading), ("data link", &state.data)] {
        findings.push(link_finding(about, link));
    }
    if state.ib_link == IbLink::Lost {
        let mend = "the gateway has lost IB: wait, or look at its network";
        findings.push(Finding::wrong("link to IB", "lost", mend));
    }
    if let Some(version) = state.trading.server_version {
        findings.push(Finding::good("handshake", format!("server version {version}")));
        findings.push(match &state.trading.gateway_zone {
            Some(zone) => Finding::good("time zone", zone.clone()),
            None => Finding::warning(
                "time zone",
                "the gateway's is unknown or stands for several",
                "set the gateway host's zone to an IANA one; times without a known zone are left out",
            ),
        });
    }
    for farm in pool.farms.iter().filter(|farm| farm.state == FarmState::Down) {
        let mend = "it comes back by itself; data of it stands still";
        findings.push(Finding::warning("farm", format!("{} is down", farm.farm), mend));
    }
    for breaker in &pool.breakers {
        let text = serde_json::to_string(breaker).unwrap_or_default();
        let mend = "the gateway leaves requests of this kind unanswered: look at its window, or restart it";
        findings.push(Finding::warning("breaker", text, mend));
    }
}

fn link_finding(about: &str, link: &LinkStatus) -> Finding {
    let phase = format!("{:?}", link.phase).to_lowercase();
    if link.phase == LinkPhase::Ready {
        return Finding::good(about, format!("ready, client id {}", link.client_id));
    }
    let why = link.last_error.as_ref().map(|error| format!(": {error}")).unwrap_or_default();
    let mend = "start TWS or IB Gateway, enable its API, admit this address, and compare the ports; `ibnats check` looks closer";
    Finding::wrong(about, format!("{phase}{why}"), mend)
}

fn accounts(info: &BridgeInfo, config: &Config, findings: &mut Vec<Finding>) {
    // Not logged in: the links say why.
    if info.accounts.is_empty() {
        return;
    }
    for account in config.gateway.accounts.iter().filter(|account| !info.accounts.contains(account)) {
        let mend = "correct gateway.accounts, or log in as the user who has it";
        findings.push(Finding::wrong("accounts", format!("{account} is not of this login"), mend));
    }
    let list = info.accounts.join(", ");
    findings.push(if info.accounts.iter().all(|account| account.starts_with('D')) {
        Finding::good("accounts", format!("{list} (paper)"))
    } else {
        let mend = "it is what gateway.allow_live says";
        Finding::warning("accounts", format!("{list}: orders here cost real money"), mend)
    });
}

fn uses(health: &Health, findings: &mut Vec<Finding>) {
    let uses = [
        ("use of data", &health.uses.data),
        ("use of history", &health.uses.history),
        ("use of orders", &health.uses.orders),
        ("use of the account", &health.uses.account),
    ];
    for (about, answer) in uses {
        findings.push(if answer.ok {
            Finding::good(about, "possible")
        } else {
            let mend = "see the findings above; it comes back by itself when the reasons are gone";
            Finding::warning(about, answer.reasons.join("; "), mend)
        });
    }
}

/// Counters that should stay zero.
fn losses(health: &Health, findings: &mut Vec<Finding>) {
    let counters = &health.counters;
    let rows = [
        ("market events shed", counters.shed_events, "NATS or its readers are too slow: look at `ibnats top`"),
        ("kept events shed", counters.shed_kept_events, "NATS was away for too long"),
        ("market events dropped while NATS was away", counters.dropped_offline, "keep NATS on the bridge's host"),
        ("messages nobody knows", counters.unknown_messages, "the gateway is newer than this release: update ibnats"),
        (
            "messages that could not be read",
            counters.undecodable_messages,
            "keep a recording (`ibnats record`) and report it",
        ),
        ("leases not kept on disk", counters.unkept, "look at the state folder and its disk"),
        ("journal entries lost", health.journal.lost, "look at the disk, and compare with IB's own statements"),
    ];
    let found = rows.into_iter().filter(|(_, count, _)| *count > 0);
    findings.extend(
        found.map(|(what, count, mend)| Finding::warning("losses", format!("{count} {what} since the start"), mend)),
    );
}
