//! Which streams run, and which of them are silent although they were not ended.

use std::collections::{BTreeMap, BTreeSet};

use super::super::instrument::Instrument;
use super::super::outbox::ConnectionId;
use super::action::{StreamKind, Streams};
use crate::tws::{Request, Response, message::contract::Contract};

/// One stream that a client asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Open {
    pub(super) kind: StreamKind,
    con_id: i32,
    symbol: String,
    pub(super) farm: &'static str,
}

impl Open {
    pub(super) fn symbol(&self) -> &str {
        &self.symbol
    }

    pub(super) fn is_of(&self, wanted: &Streams) -> bool {
        wanted.kind.is_none_or(|kind| kind == self.kind)
            && wanted.symbol.as_ref().is_none_or(|symbol| *symbol == self.symbol)
    }
}

/// Whose stream: the connection and its request id.
pub(in super::super) type Key = (ConnectionId, i32);

/// The streams of all clients.
#[derive(Debug, Default)]
pub(in super::super) struct StreamBook {
    open: BTreeMap<Key, Open>,
    /// They send nothing until they are asked for again, although nobody was told.
    dead: BTreeSet<Key>,
}

impl StreamBook {
    /// Notes a request that begins or ends a stream. `resolve` says which instrument a contract means.
    pub(super) fn note<I: AsRef<Instrument>>(
        &mut self,
        to: ConnectionId,
        request: &Request,
        resolve: impl FnOnce(&Contract) -> Option<I>,
    ) {
        if let Some(req_id) = ended_by(request) {
            self.open.remove(&(to, req_id));
            self.dead.remove(&(to, req_id));
            return;
        }
        let Some((kind, req_id, contract)) = begun_by(request) else { return };
        let key = (to, req_id.unwrap_or_default());
        self.dead.remove(&key);
        if let Some(instrument) = contract.and_then(resolve) {
            let instrument = instrument.as_ref();
            let (con_id, symbol) = (instrument.con_id(), instrument.symbol().to_owned());
            self.open.insert(key, Open { kind, con_id, symbol, farm: farm_of(instrument) });
        }
    }

    pub(super) fn closed(&mut self, connection: ConnectionId) {
        self.open.retain(|(to, _), _| *to != connection);
        self.dead.retain(|(to, _)| *to != connection);
    }

    /// The running streams that are meant, dead ones left out.
    pub(in super::super) fn running(&self, wanted: &Streams) -> Vec<Key> {
        let alive = self.open.iter().filter(|(key, open)| open.is_of(wanted) && !self.dead.contains(key));
        alive.map(|(key, _)| *key).collect()
    }

    /// Ends streams without a word. Returns how many there were.
    pub(in super::super) fn kill(&mut self, wanted: &Streams) -> usize {
        let keys = self.running(wanted);
        self.dead.extend(&keys);
        keys.len()
    }

    /// As [`Self::kill`], by contract id.
    pub(super) fn kill_contract(&mut self, con_id: i32) -> usize {
        let before = self.dead.len();
        let of_contract = self.open.iter().filter(|(_, open)| open.con_id == con_id);
        self.dead.extend(of_contract.map(|(key, _)| *key));
        self.dead.len() - before
    }

    pub(in super::super) fn kill_keys(&mut self, keys: &[Key]) {
        self.dead.extend(keys);
    }

    pub(super) fn has_dead(&self) -> bool {
        !self.dead.is_empty()
    }

    /// The stream a message belongs to.
    pub(super) fn of(&self, to: ConnectionId, response: &Response) -> Option<&Open> {
        self.open.get(&(to, stream_of(response)?))
    }

    /// The message belongs to a stream that is dead.
    pub(super) fn is_dead(&self, to: ConnectionId, response: &Response) -> bool {
        stream_of(response).is_some_and(|req_id| self.dead.contains(&(to, req_id)))
    }
}

fn begun_by(request: &Request) -> Option<(StreamKind, Option<i32>, Option<&Contract>)> {
    match request {
        Request::MarketDataRequest(ask) => Some((StreamKind::MarketData, ask.req_id, ask.contract.as_ref())),
        Request::TickByTickRequest(ask) => Some((StreamKind::TickByTick, ask.req_id, ask.contract.as_ref())),
        Request::RealTimeBarsRequest(ask) => Some((StreamKind::RealTimeBars, ask.req_id, ask.contract.as_ref())),
        Request::MarketDepthRequest(ask) => Some((StreamKind::Depth, ask.req_id, ask.contract.as_ref())),
        Request::HistoricalDataRequest(ask) if ask.keep_up_to_date() => {
            Some((StreamKind::UpdatedBars, ask.req_id, ask.contract.as_ref()))
        }
        _ => None,
    }
}

fn ended_by(request: &Request) -> Option<i32> {
    match request {
        Request::CancelMarketData(cancel) => cancel.req_id,
        Request::CancelTickByTick(cancel) => cancel.req_id,
        Request::CancelRealTimeBars(cancel) => cancel.req_id,
        Request::CancelMarketDepth(cancel) => cancel.req_id,
        Request::CancelHistoricalData(cancel) => cancel.req_id,
        _ => None,
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
        Response::HistoricalDataUpdate(bar) => bar.req_id,
        _ => None,
    }
}

/// The farm that serves live data of an instrument.
pub(super) fn farm_of(instrument: &Instrument) -> &'static str {
    let currency = instrument.contract.currency.as_deref().unwrap_or_default();
    match (instrument.sec_type(), currency) {
        ("CASH" | "CMDTY", _) => "cashfarm",
        ("FUT" | "CONTFUT" | "FOP", _) => "usfuture",
        ("OPT", _) => "usopt",
        (_, "EUR" | "GBP" | "CHF" | "SEK" | "NOK" | "DKK") => "eufarm",
        _ => "usfarm",
    }
}
