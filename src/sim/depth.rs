//! Market depth: a book around the quote, told as inserts, updates and deletes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::gateway::World;
use super::instrument::{Instrument, Permission};
use super::login::Client;
use super::outbox::{ConnectionId, Outbox};
use super::price::Prices;
use super::universe::Refusal;
use crate::tws::Response;
use crate::tws::message::depth::{
    MarketDepth, MarketDepthData, MarketDepthL2, MarketDepthRequest, RerouteMarketDepthRequest,
};

/// Distinct instruments with depth at a time over all clients, at 100 market data lines.
const INSTRUMENTS_MAX: usize = 3;
const ROWS_MAX: i32 = 20;
const ROWS_DEFAULT: i32 = 5;
const INSERT: i32 = 0;
const UPDATE: i32 = 1;
const DELETE: i32 = 2;
const MAKERS: &[&str] = &["NASDAQ", "ARCA", "BATS", "EDGX", "IEX", "NYSE"];

/// One price with its size, in steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Row {
    price: i64,
    size: i64,
}

/// One operation on one side of a book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Change {
    operation: i32,
    position: usize,
    row: Row,
}

struct Subscription {
    instrument: Arc<Instrument>,
    rows: usize,
    smart: bool,
    slot: i64,
    /// Asks (side 0) and bids (side 1) as the client has them.
    sides: [Vec<Row>; 2],
}

/// All depth subscriptions of all clients.
#[derive(Default)]
pub(super) struct Depth {
    subscriptions: BTreeMap<(ConnectionId, i32), Subscription>,
}

impl Depth {
    pub(super) fn subscribe(&mut self, world: &World, client: &Client, request: &MarketDepthRequest, out: &mut Outbox) {
        let key = (client.connection, request.req_id.unwrap_or_default());
        match self.check(world, key, request, out.now_ms) {
            Err(refusal) => out.refuse(key.0, key.1, refusal),
            Ok(instrument) if instrument.rerouted().is_some() => {
                let (req_id, con_id) = (request.req_id, instrument.rerouted());
                let exchange = instrument.contract.exchange.clone();
                let reroute = RerouteMarketDepthRequest { req_id, con_id, exchange };
                out.send(key.0, Response::RerouteMarketDepthRequest(reroute));
            }
            Ok(instrument) => {
                let rows = match request.num_rows.unwrap_or_default() {
                    0 => ROWS_DEFAULT,
                    rows => rows.clamp(1, ROWS_MAX),
                };
                let smart = request.is_smart_depth.unwrap_or(false);
                let rows = usize::try_from(rows).unwrap_or(1);
                let sides = [Vec::new(), Vec::new()];
                self.subscriptions.insert(key, Subscription { instrument, rows, smart, slot: i64::MIN, sides });
                self.advance(world, out);
            }
        }
    }

    fn check(
        &self,
        world: &World,
        key: (ConnectionId, i32),
        request: &MarketDepthRequest,
        now_ms: i64,
    ) -> Result<Arc<Instrument>, Refusal> {
        if self.subscriptions.contains_key(&key) {
            return Err(Refusal::new(322, "Error processing request.-'bN' : cause - Duplicate ticker id"));
        }
        let instrument = world.universe.resolve(&request.contract.clone().unwrap_or_default(), now_ms)?;
        if !matches!(instrument.sec_type(), "STK" | "FUT" | "CASH" | "CRYPTO" | "CFD") {
            let text = "Deep market data is not supported for this combination of security type/exchange";
            return Err(Refusal::new(10092, text));
        }
        if instrument.permission != Permission::Live {
            return Err(Refusal::new(
                354,
                "Requested market data is not subscribed. Delayed market data is not available.",
            ));
        }
        let mut streamed: BTreeSet<i32> = self.subscriptions.values().map(|open| open.instrument.con_id()).collect();
        streamed.insert(instrument.con_id());
        if streamed.len() > INSTRUMENTS_MAX {
            let text = format!("Max number ({INSTRUMENTS_MAX}) of market depth requests has been reached");
            return Err(Refusal::new(309, text));
        }
        Ok(instrument)
    }

    pub(super) fn cancel(&mut self, connection: ConnectionId, req_id: i32, out: &mut Outbox) {
        if self.subscriptions.remove(&(connection, req_id)).is_none() {
            out.error(
                connection,
                req_id,
                310,
                format!("Can't find the subscribed market depth with tickerId:{req_id}"),
            );
        }
    }

    pub(super) fn closed(&mut self, connection: ConnectionId) {
        self.subscriptions.retain(|(owner, _), _| *owner != connection);
    }

    /// Sends what changed in the books.
    pub(super) fn advance(&mut self, world: &World, out: &mut Outbox) {
        let slot = world.prices.slot(out.now_ms);
        for (&(connection, req_id), subscription) in &mut self.subscriptions {
            let slot = world.prices.open_slot(&subscription.instrument, slot);
            if subscription.slot == slot {
                continue;
            }
            subscription.slot = slot;
            let Subscription { instrument, rows, smart, sides, .. } = subscription;
            let fresh = book(&world.prices, instrument, slot, *rows);
            for ((side, known), fresh) in (0..).zip(sides.iter_mut()).zip(fresh) {
                for change in changes(known, &fresh) {
                    out.send(connection, message(req_id, instrument, *smart, side, change));
                }
                *known = fresh;
            }
        }
    }
}

/// Asks and bids of a slot, best first.
fn book(prices: &Prices, instrument: &Instrument, slot: i64, rows: usize) -> [Vec<Row>; 2] {
    let quote = prices.quote(instrument, slot);
    let side = |best: i64, best_size: i64, away: i64| {
        (0..).take(rows).map(move |distance| {
            let price = best + away * distance;
            let size = if distance == 0 { best_size } else { prices.resting(instrument, slot, price) };
            Row { price, size }
        })
    };
    let asks = side(quote.ask, quote.ask_size, 1).collect();
    let bids = side(quote.bid, quote.bid_size, -1).filter(|row| row.price > 0).collect();
    [asks, bids]
}

/// Operations that turn one side into another, in the order in which they are to be applied.
fn changes(known: &[Row], fresh: &[Row]) -> Vec<Change> {
    let mut side = known.to_vec();
    let mut changes = Vec::new();
    // Rows whose price is gone are deleted from the far end, so that positions stay true.
    for position in (0..side.len()).rev() {
        let row = side.get(position).copied();
        if row.is_some_and(|row| !fresh.iter().any(|kept| kept.price == row.price)) {
            side.remove(position);
            changes.push(Change { operation: DELETE, position, row: Row { price: 0, size: 0 } });
        }
    }
    for (position, row) in fresh.iter().enumerate() {
        match side.get(position) {
            Some(known) if known == row => {}
            Some(known) if known.price == row.price => {
                changes.push(Change { operation: UPDATE, position, row: *row });
            }
            _ => {
                side.insert(position.min(side.len()), *row);
                changes.push(Change { operation: INSERT, position, row: *row });
            }
        }
    }
    changes
}

fn message(req_id: i32, instrument: &Instrument, smart: bool, side: i32, change: Change) -> Response {
    let position = i32::try_from(change.position).unwrap_or(i32::MAX);
    // Stocks show who quotes; other books are anonymous.
    let is_l2 = instrument.sec_type() == "STK";
    let maker = MAKERS.get(change.position % MAKERS.len()).filter(|_| is_l2 && change.operation != DELETE);
    let data = MarketDepthData {
        position: Some(position),
        operation: Some(change.operation),
        side: Some(side),
        price: Some(instrument.tick.price(change.row.price)),
        size: Some(instrument.size.text(change.row.size)),
        market_maker: Some(maker.map_or_else(String::new, |maker| (*maker).to_owned())),
        is_smart_depth: Some(smart && is_l2),
    };
    let (req_id, market_depth_data) = (Some(req_id), Some(data));
    if is_l2 {
        Response::MarketDepthL2(MarketDepthL2 { req_id, market_depth_data })
    } else {
        Response::MarketDepth(MarketDepth { req_id, market_depth_data })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(price: i64, size: i64) -> Row {
        Row { price, size }
    }

    #[test]
    fn applied_changes_give_the_new_side() {
        let cases = [
            (vec![], vec![row(10, 1), row(11, 2)]),
            (vec![row(10, 1), row(11, 2), row(12, 3)], vec![row(11, 5), row(12, 3), row(13, 4)]),
            (vec![row(11, 5), row(12, 3), row(13, 4)], vec![row(9, 1), row(10, 1), row(11, 5)]),
            (vec![row(10, 1), row(11, 2)], vec![row(20, 1), row(21, 1)]),
        ];
        for (known, fresh) in cases {
            let mut side = known.clone();
            for change in changes(&known, &fresh) {
                match change.operation {
                    INSERT => side.insert(change.position, change.row),
                    UPDATE => side[change.position] = change.row,
                    _ => drop(side.remove(change.position)),
                }
            }
            assert_eq!(side, fresh, "from {known:?}");
        }
    }
}
