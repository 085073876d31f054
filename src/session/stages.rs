//! What a request that is traced led to at the gateway: when each message was queued, sent and answered.

use std::time::Instant;

use rustc_hash::FxHashMap;

use super::{Session, Token, pacing::Ticket};
use crate::schema::connection::LinkName;

/// Messages told of one request; a walk through history may send many more.
const STAGES_MAX: usize = 64;

/// One message to the gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// What it asked, such as `HistoricalDataRequest`.
    pub message: &'static str,
    /// The socket it went to.
    pub link: LinkName,
    /// When it began to wait for its turn.
    pub queued_at: Instant,
    /// When it was handed to the socket; `None` if it was not.
    pub sent_at: Option<Instant>,
    /// When the first of its answer came; `None` if none did, or nothing names it.
    pub answered_at: Option<Instant>,
}

/// Requests that are traced. Empty unless tracing is on.
#[derive(Debug, Default)]
pub(crate) struct Stages {
    /// By who waits: each stage with the id it is known by.
    traced: FxHashMap<Token, Vec<(Option<i32>, Stage)>>,
    by_id: FxHashMap<i32, Token>,
    /// Whose request is being carried out.
    current: Option<Token>,
}

impl Stages {
    pub(crate) fn len(&self) -> usize {
        self.traced.len() + self.by_id.len()
    }

    /// What is queued from here on belongs to this request.
    pub(crate) fn begin(&mut self, token: Token) {
        self.current = self.traced.contains_key(&token).then_some(token);
    }

    /// What is queued from here on belongs to nobody.
    pub(crate) fn pause(&mut self) {
        self.current = None;
    }

    pub(crate) fn on_queued(&mut self, ticket: &Ticket) {
        let Some(token) = self.current else { return };
        let Some(stages) = self.traced.get_mut(&token).filter(|stages| stages.len() < STAGES_MAX) else { return };
        let stage = Stage {
            message: ticket.request.name(),
            link: ticket.link,
            queued_at: ticket.queued_at,
            sent_at: None,
            answered_at: None,
        };
        stages.push((ticket.id, stage));
        if let Some(id) = ticket.id {
            self.by_id.insert(id, token);
        }
    }

    pub(crate) fn on_sent(&mut self, now: Instant, id: Option<i32>) {
        if let Some(stage) = self.stage(id) {
            stage.sent_at.get_or_insert(now);
        }
    }

    pub(crate) fn on_answer(&mut self, now: Instant, id: i32) {
        if let Some(stage) = self.stage(Some(id)) {
            stage.answered_at.get_or_insert(now);
        }
    }

    fn stage(&mut self, id: Option<i32>) -> Option<&mut Stage> {
        let token = self.by_id.get(&id?)?;
        let stages = self.traced.get_mut(token)?;
        stages.iter_mut().rev().find(|(own, _)| *own == id).map(|(_, stage)| stage)
    }
}

impl Session {
    /// The request with this token is to be traced. To be called before it is handed over.
    pub fn trace(&mut self, token: Token) {
        self.core.stages.traced.insert(token, Vec::new());
    }

    /// What the request led to so far; it is traced no longer.
    pub fn take_stages(&mut self, token: Token) -> Vec<Stage> {
        let stages = &mut self.core.stages;
        let taken = stages.traced.remove(&token).unwrap_or_default();
        for id in taken.iter().filter_map(|(id, _)| *id) {
            stages.by_id.remove(&id);
        }
        taken.into_iter().map(|(_, stage)| stage).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        schema::{contract::ContractSpec, request::contract::DetailsRequest},
        session::{Ask, rig::Rig},
        tws::{
            Request, Response,
            message::contract::{ContractData, ContractDataEnd},
        },
    };

    fn details() -> Ask {
        Ask::Details(Box::new(DetailsRequest {
            contract: ContractSpec("STK:AAPL".parse().expect("a contract")),
            refresh: false,
            timeout_ms: None,
        }))
    }

    #[test]
    fn a_traced_request_tells_when_it_was_sent_and_answered_and_others_tell_nothing() {
        let mut rig = Rig::ready();
        let command = rig.command("alpha", details());
        let token = command.token;
        let now = rig.now();
        rig.session.trace(token);
        rig.session.on_command(now, command);
        rig.pump();
        let sent = rig.sent(LinkName::Data);
        let Some(Request::ContractDataRequest(asked)) = sent.first() else { panic!("{sent:?}") };
        rig.wait_ms(40);
        let req_id = asked.req_id;
        rig.receive_data(Response::ContractData(Box::new(ContractData { req_id, ..ContractData::default() })));
        rig.receive_data(Response::ContractDataEnd(ContractDataEnd { req_id }));
        let stages = rig.session.take_stages(token);
        assert_eq!(stages.len(), 1, "{stages:?}");
        assert_eq!((stages[0].message, stages[0].sent_at), ("ContractDataRequest", Some(now.at)));
        let took = stages[0].answered_at.expect("answered").saturating_duration_since(now.at);
        assert_eq!(took.as_millis(), 40);
        assert_eq!(rig.session.take_stages(token), []);
        let stages = &rig.session.core.stages;
        assert!(stages.traced.is_empty() && stages.by_id.is_empty(), "{stages:?}");
        rig.ask_as("beta", details());
        assert!(rig.session.core.stages.by_id.is_empty());
    }
}
