//! The rules for historical requests (`ib-limits` section 4).
//!
//! A request that is refused takes no place in any count: it was not served.

use std::collections::{BTreeSet, VecDeque};

use super::ruling::{Rule, Ruling};
use crate::sim::bar_size::{BarSize, service};
use crate::sim::history::too_many;
use crate::sim::outbox::ConnectionId;
use crate::sim::universe::Refusal;
use crate::tws::message::contract::Contract;
use crate::tws::{Request, Response};

const WINDOW_MS: i64 = 600_000;
const WINDOW_MAX: u32 = 60;
const IDENTICAL_MS: i64 = 15_000;
const BURST_MS: i64 = 2_000;
/// This many are too many.
const BURST: u32 = 6;
const OPEN_MAX: usize = 50;

/// One small request that was served.
#[derive(Debug)]
struct Served {
    at_ms: i64,
    weight: u32,
    /// Contract, exchange and kind; `None` for real-time bars, which only share the long window.
    subject: Option<String>,
    whole: String,
}

/// One request under the small-bar rules.
struct Small {
    weight: u32,
    subject: Option<String>,
    whole: String,
}

/// Historical requests of all clients.
#[derive(Debug, Default)]
pub(super) struct HistoryBook {
    served: VecDeque<Served>,
    open: BTreeSet<(ConnectionId, i32)>,
    /// Of the open ones, those that no answer ends.
    lasting: BTreeSet<(ConnectionId, i32)>,
}

impl HistoryBook {
    pub(super) fn judge(
        &mut self,
        now_ms: i64,
        connection: ConnectionId,
        con_id: Option<i32>,
        request: &Request,
        enforced: bool,
        broken: &mut Vec<Rule>,
    ) -> Ruling {
        self.cancelled(connection, request);
        let Some((req_id, contract, lasts)) = asked(request) else { return Ruling::Allow };
        let key = (connection, req_id);
        let mut refusal = None;
        let is_stream = matches!(request, Request::RealTimeBarsRequest(_));
        if !is_stream && self.open.len() >= OPEN_MAX && !self.open.contains(&key) {
            broken.push(Rule::OpenHistory);
            refusal = Some(too_many());
        }
        let small = small(request, con_id, contract);
        if let Some(small) = &small {
            let before = broken.len();
            self.check(now_ms, small, broken);
            if broken.len() > before {
                refusal.get_or_insert_with(|| pacing_violation(is_stream));
            }
        }
        if let (Some(refusal), true) = (refusal, enforced) {
            return Ruling::Refuse(req_id, refusal);
        }
        if let Some(Small { weight, subject, whole }) = small {
            self.served.push_back(Served { at_ms: now_ms, weight, subject, whole });
        }
        if !is_stream {
            self.open.insert(key);
            if lasts {
                self.lasting.insert(key);
            }
        }
        Ruling::Allow
    }

    fn check(&mut self, now_ms: i64, small: &Small, broken: &mut Vec<Rule>) {
        while self.served.front().is_some_and(|served| served.at_ms + WINDOW_MS <= now_ms) {
            self.served.pop_front();
        }
        let within = |served: &&Served, window_ms: i64| served.at_ms + window_ms > now_ms;
        if small.subject.is_some() {
            let is_identical = |served: &Served| served.subject.is_some() && served.whole == small.whole;
            if self.served.iter().any(|served| within(&served, IDENTICAL_MS) && is_identical(served)) {
                broken.push(Rule::IdenticalHistory);
            }
            let of_subject = self.served.iter().filter(|served| served.subject == small.subject);
            let burst: u32 = of_subject.filter(|served| within(served, BURST_MS)).map(|served| served.weight).sum();
            if burst + small.weight >= BURST {
                broken.push(Rule::SameHistory);
            }
        }
        if self.served.iter().map(|served| served.weight).sum::<u32>() + small.weight > WINDOW_MAX {
            broken.push(Rule::HistoryIn10Minutes);
        }
    }

    fn cancelled(&mut self, connection: ConnectionId, request: &Request) {
        let req_id = match request {
            Request::CancelHistoricalData(cancel) => cancel.req_id,
            Request::CancelHeadTimestamp(cancel) => cancel.req_id,
            Request::CancelHistoricalTicks(cancel) => cancel.req_id,
            _ => return,
        };
        self.end((connection, req_id.unwrap_or_default()));
    }

    /// An answer that ends a request.
    pub(super) fn on_answer(&mut self, connection: ConnectionId, response: &Response) {
        let req_id = match response {
            Response::HistoricalDataEnd(end) => end.req_id,
            Response::HistoricalSchedule(schedule) => schedule.req_id,
            Response::HistoricalTicks(ticks) if ticks.is_done.unwrap_or(false) => ticks.req_id,
            Response::HistoricalTicksBidAsk(ticks) if ticks.is_done.unwrap_or(false) => ticks.req_id,
            Response::HistoricalTicksLast(ticks) if ticks.is_done.unwrap_or(false) => ticks.req_id,
            _ => return,
        };
        let key = (connection, req_id.unwrap_or_default());
        if !self.lasting.contains(&key) {
            self.end(key);
        }
    }

    /// An error ends the request it names, a warning does not.
    pub(super) fn on_error(&mut self, connection: ConnectionId, req_id: i32, code: i32) {
        if !(2100..2200).contains(&code) {
            self.end((connection, req_id));
        }
    }

    pub(super) fn closed(&mut self, connection: ConnectionId) {
        self.open.retain(|(owner, _)| *owner != connection);
        self.lasting.retain(|(owner, _)| *owner != connection);
    }

    fn end(&mut self, key: (ConnectionId, i32)) {
        self.open.remove(&key);
        self.lasting.remove(&key);
    }
}

/// Id and contract of a request under these rules, and whether it stays open after its answer.
fn asked(request: &Request) -> Option<(i32, Option<&Contract>, bool)> {
    let (req_id, contract, lasts) = match request {
        Request::HistoricalDataRequest(ask) => (ask.req_id, &ask.contract, ask.keep_up_to_date.unwrap_or(false)),
        Request::HeadTimestampRequest(ask) => (ask.req_id, &ask.contract, true),
        Request::HistoricalTicksRequest(ask) => (ask.req_id, &ask.contract, false),
        Request::RealTimeBarsRequest(ask) => (ask.req_id, &ask.contract, false),
        _ => return None,
    };
    Some((req_id.unwrap_or_default(), contract.as_ref(), lasts))
}

/// What the small-bar rules count; `None` for bars of a minute and more.
fn small(request: &Request, con_id: Option<i32>, contract: Option<&Contract>) -> Option<Small> {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let exchange = contract.and_then(|contract| contract.exchange.clone()).unwrap_or_default();
    let symbol = || contract.and_then(|contract| contract.symbol.clone()).unwrap_or_default();
    let name = con_id.map_or_else(symbol, |con_id| con_id.to_string());
    let (what, rest) = match request {
        Request::HistoricalDataRequest(ask) => {
            let size = text(&ask.bar_size_setting);
            if !BarSize::parse(&size).is_ok_and(BarSize::is_small) {
                return None;
            }
            (text(&ask.what_to_show), format!("{};{};{size}", text(&ask.end_date_time), text(&ask.duration)))
        }
        // Whatever the bar size.
        Request::HeadTimestampRequest(ask) => (text(&ask.what_to_show), "head".to_owned()),
        Request::HistoricalTicksRequest(ask) => {
            (text(&ask.what_to_show), format!("{};{};ticks", text(&ask.start_date_time), text(&ask.end_date_time)))
        }
        Request::RealTimeBarsRequest(_) => return Some(Small { weight: 1, subject: None, whole: String::new() }),
        _ => return None,
    };
    let subject = format!("{name};{exchange};{what}");
    let whole = format!("{subject};{rest}");
    Some(Small { weight: if what == "BID_ASK" { 2 } else { 1 }, subject: Some(subject), whole })
}

fn pacing_violation(is_stream: bool) -> Refusal {
    let text = "Historical data request pacing violation";
    if is_stream { Refusal::new(420, format!("Invalid Real-time Query:{text}")) } else { service(text) }
}
