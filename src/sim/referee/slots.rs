//! What a login may have running at a time (`ib-limits` sections 3 and 6), counted from requests and cancels alone.

use std::collections::{BTreeMap, BTreeSet};

use super::ruling::Rule;
use crate::sim::outbox::ConnectionId;
use crate::tws::message::contract::Contract;
use crate::tws::{Request, Response};

const SCANNERS: usize = 10;
const SCANNER_ROWS: i32 = 50;
const ACCOUNT_SUMMARIES: usize = 2;
const DEPTH: usize = 3;
const TICKS_PER_REQUEST: i32 = 1_000;
const HEADLINES_PER_REQUEST: i32 = 300;

/// One running request: the rule that counts it, and what it is about.
#[derive(Debug)]
struct Running {
    rule: Rule,
    subject: String,
}

/// Running requests of all clients.
#[derive(Debug)]
pub(super) struct SlotBook {
    lines: usize,
    running: BTreeMap<(ConnectionId, i32), Running>,
    /// Requests that were too many: the refusal that follows says nothing new.
    counted: BTreeSet<(ConnectionId, i32)>,
    /// Clients that know the calendar's fields.
    knows_calendar: BTreeSet<ConnectionId>,
}

impl SlotBook {
    pub(super) fn new(lines: usize) -> Self {
        Self { lines, running: BTreeMap::new(), counted: BTreeSet::new(), knows_calendar: BTreeSet::new() }
    }

    pub(super) fn judge(&mut self, connection: ConnectionId, request: &Request, broken: &mut Vec<Rule>) {
        if let Some(req_id) = cancelled(request) {
            self.end((connection, req_id));
            return;
        }
        if rows(request) {
            broken.push(Rule::RowsOfRequest);
        }
        if matches!(request, Request::WshEventDataRequest(_)) && !self.knows_calendar.contains(&connection) {
            broken.push(Rule::CalendarOrder);
        }
        let Some((req_id, rule, subject)) = started(request) else { return };
        let key = (connection, req_id);
        if self.running.contains_key(&key) {
            return;
        }
        let is_known = subject.is_some()
            && self.running.values().any(|other| other.rule == rule && Some(&other.subject) == subject.as_ref());
        let max = match rule {
            Rule::Scanners => SCANNERS,
            Rule::AccountSummaries => ACCOUNT_SUMMARIES,
            // 5 % of the lines, and as many again for each further hundred.
            Rule::TickByTick => (self.lines / 20).max(5),
            Rule::Depth => DEPTH + (self.lines / 100).saturating_sub(3),
            Rule::CalendarOrder => 1,
            _ => self.lines,
        };
        if !is_known && self.used(rule) >= max {
            broken.push(rule);
            self.counted.insert(key);
        }
        let subject = subject.unwrap_or_else(|| format!("{}/{req_id}", connection.0));
        self.running.insert(key, Running { rule, subject });
    }

    fn used(&self, rule: Rule) -> usize {
        let subjects: BTreeSet<&str> = self
            .running
            .values()
            .filter(|running| running.rule == rule)
            .map(|running| running.subject.as_str())
            .collect();
        subjects.len()
    }

    pub(super) fn on_answer(&mut self, connection: ConnectionId, response: &Response) {
        match response {
            Response::WshMetaData(answer) => {
                self.knows_calendar.insert(connection);
                self.end((connection, answer.req_id.unwrap_or_default()));
            }
            Response::WshEventData(answer) => self.end((connection, answer.req_id.unwrap_or_default())),
            _ => {}
        }
    }

    /// An error ends the request it names, a warning does not. True if that request was counted as one too many.
    pub(super) fn on_error(&mut self, connection: ConnectionId, req_id: i32, code: i32) -> bool {
        let key = (connection, req_id);
        if !(2100..2200).contains(&code) && code != 10_167 && code != 10_090 {
            self.end(key);
        }
        self.counted.remove(&key)
    }

    pub(super) fn closed(&mut self, connection: ConnectionId) {
        self.running.retain(|(owner, _), _| *owner != connection);
        self.counted.retain(|(owner, _)| *owner != connection);
        self.knows_calendar.remove(&connection);
    }

    fn end(&mut self, key: (ConnectionId, i32)) {
        self.running.remove(&key);
    }
}

/// Id, rule and subject of a request that goes on running. Requests with the same subject count once.
fn started(request: &Request) -> Option<(i32, Rule, Option<String>)> {
    let (req_id, rule, subject) = match request {
        Request::MarketDataRequest(ask) => {
            let is_picture = ask.snapshot.unwrap_or(false) || ask.regulatory_snapshot.unwrap_or(false);
            (!is_picture).then(|| (ask.req_id, Rule::Lines, ask.contract.as_ref().map(instrument)))?
        }
        Request::RealTimeBarsRequest(ask) => (ask.req_id, Rule::Lines, None),
        Request::TickByTickRequest(ask) => (ask.req_id, Rule::TickByTick, None),
        Request::MarketDepthRequest(ask) => (ask.req_id, Rule::Depth, ask.contract.as_ref().map(instrument)),
        Request::ScannerSubscriptionRequest(ask) => (ask.req_id, Rule::Scanners, None),
        Request::AccountSummaryRequest(ask) => (ask.req_id, Rule::AccountSummaries, None),
        Request::WshMetaDataRequest(ask) => (ask.req_id, Rule::CalendarOrder, None),
        Request::WshEventDataRequest(ask) => (ask.req_id, Rule::CalendarOrder, None),
        _ => return None,
    };
    Some((req_id.unwrap_or_default(), rule, subject))
}

/// The instrument, wherever it is routed.
fn instrument(contract: &Contract) -> String {
    match contract.con_id {
        Some(con_id) if con_id != 0 => con_id.to_string(),
        _ => format!("{:?} {:?} {:?}", contract.symbol, contract.local_symbol, contract.sec_type),
    }
}

fn cancelled(request: &Request) -> Option<i32> {
    match request {
        Request::CancelMarketData(cancel) => cancel.req_id,
        Request::CancelRealTimeBars(cancel) => cancel.req_id,
        Request::CancelTickByTick(cancel) => cancel.req_id,
        Request::CancelMarketDepth(cancel) => cancel.req_id,
        Request::CancelScannerSubscription(cancel) => cancel.req_id,
        Request::CancelAccountSummary(cancel) => cancel.req_id,
        Request::CancelWshMetaData(cancel) => cancel.req_id,
        Request::CancelWshEventData(cancel) => cancel.req_id,
        _ => None,
    }
}

/// True if more rows are asked for than one request may bring.
fn rows(request: &Request) -> bool {
    match request {
        Request::HistoricalTicksRequest(ask) => ask.number_of_ticks.unwrap_or_default() > TICKS_PER_REQUEST,
        Request::HistoricalNewsRequest(ask) => ask.total_results.unwrap_or_default() > HEADLINES_PER_REQUEST,
        Request::ScannerSubscriptionRequest(ask) => {
            ask.scanner_subscription.as_ref().is_some_and(|scan| scan.number_of_rows.unwrap_or_default() > SCANNER_ROWS)
        }
        _ => false,
    }
}
