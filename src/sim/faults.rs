//! Faults that stand until they are lifted.

use std::collections::{BTreeMap, BTreeSet};

use super::outbox::{ConnectionId, Effect};
use crate::tws::{Request, Response, message::contract::Contract};

/// What is broken at present.
#[derive(Debug, Default)]
pub(super) struct Faults {
    muted: BTreeSet<String>,
    /// Contract ids of the streams asked for.
    streams: BTreeMap<(ConnectionId, i32), i32>,
    /// Streams that are dead, although nobody was told.
    dead: BTreeSet<(ConnectionId, i32)>,
}

impl Faults {
    /// Requests of this kind are taken and never answered; `*` means all of them.
    pub(super) fn mute(&mut self, kind: &str) {
        self.muted.insert(kind.to_owned());
    }

    /// Requests of this kind are answered again.
    pub(super) fn unmute(&mut self, kind: &str) {
        self.muted.remove(kind);
    }

    pub(super) fn is_muted(&self, kind: &str) -> bool {
        self.muted.contains(kind) || self.muted.contains("*")
    }

    /// Notes a request that begins a stream. `con_id_of` says which contract it means.
    pub(super) fn note(
        &mut self,
        to: ConnectionId,
        request: &Request,
        con_id_of: impl FnOnce(&Contract) -> Option<i32>,
    ) {
        let (req_id, contract) = match request {
            Request::MarketDataRequest(ask) => (ask.req_id, ask.contract.as_ref()),
            Request::TickByTickRequest(ask) => (ask.req_id, ask.contract.as_ref()),
            Request::RealTimeBarsRequest(ask) => (ask.req_id, ask.contract.as_ref()),
            Request::MarketDepthRequest(ask) => (ask.req_id, ask.contract.as_ref()),
            _ => return,
        };
        let key = (to, req_id.unwrap_or_default());
        self.dead.remove(&key);
        if let Some(con_id) = contract.and_then(con_id_of) {
            self.streams.insert(key, con_id);
        }
    }

    /// The streams of this contract that run now send nothing more, as if the gateway had lost them.
    /// Those asked for later run. Returns how many there were.
    pub(super) fn kill_streams(&mut self, con_id: i32) -> usize {
        let of_contract = self.streams.iter().filter(|(_, found)| **found == con_id);
        let before = self.dead.len();
        self.dead.extend(of_contract.map(|(key, _)| *key));
        self.dead.len() - before
    }

    pub(super) fn closed(&mut self, connection: ConnectionId) {
        self.streams.retain(|(to, _), _| *to != connection);
        self.dead.retain(|(to, _)| *to != connection);
    }

    /// What is left of messages when those of dead streams are lost.
    pub(super) fn pass(&self, mut effects: Vec<Effect>) -> Vec<Effect> {
        if !self.dead.is_empty() {
            effects.retain(|effect| match effect {
                Effect::Send(to, response) => {
                    !stream_of(response).is_some_and(|req_id| self.dead.contains(&(*to, req_id)))
                }
                Effect::Close(_) => true,
            });
        }
        effects
    }
}

/// The request whose stream a message belongs to.
fn stream_of(response: &Response) -> Option<i32> {
    match response {
        Response::TickPrice(tick) => tick.req_id,
        Response::TickSize(tick) => tick.req_id,
        Response::TickGeneric(tick) => tick.req_id,
        Response::TickString(tick) => tick.req_id,
        Response::TickOptionComputation(tick) => tick.req_id,
        Response::TickByTickData(tick) => tick.req_id,
        Response::RealTimeBarTick(bar) => bar.req_id,
        Response::MarketDepth(row) => row.req_id,
        Response::MarketDepthL2(row) => row.req_id,
        _ => None,
    }
}
