//! Market scanners: stocks ranked by what they do today, told again while somebody looks.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::gateway::World;
use super::instrument::Instrument;
use super::level1::Level1;
use super::outbox::{ConnectionId, Outbox};
use super::universe::{Refusal, given};
use crate::tws::message::contract::Contract;
use crate::tws::message::scanner::{
    ScannerData, ScannerDataElement, ScannerParameters, ScannerSubscription, ScannerSubscriptionRequest,
};
use crate::tws::{Request, Response};

/// Scanners of all clients together, and rows of each.
const ACTIVE_MAX: usize = 10;
const ROWS_MAX: usize = 50;
/// Results come again after so long.
const INTERVAL_MS: i64 = 30_000;

const LOCATIONS: [(&str, &str); 4] =
    [("STK.US", ""), ("STK.US.MAJOR", ""), ("STK.NASDAQ", "NASDAQ"), ("STK.NYSE", "NYSE")];

/// What to order by, and whether the highest comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Gain,
    Loss,
    Volume,
    Price,
}

const CODES: [(&str, Order); 6] = [
    ("TOP_PERC_GAIN", Order::Gain),
    ("TOP_PERC_LOSE", Order::Loss),
    ("MOST_ACTIVE", Order::Volume),
    ("HOT_BY_VOLUME", Order::Volume),
    ("TOP_VOLUME_RATE", Order::Volume),
    ("HIGH_PRICE", Order::Price),
];

#[derive(Debug)]
struct Scanner {
    order: Order,
    exchange: &'static str,
    wanted: ScannerSubscription,
    /// Filters by code.
    price: (Option<f64>, Option<f64>),
    volume_above: Option<i64>,
    rows: usize,
    due_ms: i64,
}

/// All scanners of all clients.
#[derive(Debug, Default)]
pub(super) struct Scanners {
    active: BTreeMap<(ConnectionId, i32), Scanner>,
}

impl Scanners {
    /// Answers a request about scanners; false if it is about something else.
    pub(super) fn answer(&mut self, world: &World, to: ConnectionId, request: &Request, out: &mut Outbox) -> bool {
        match request {
            Request::ScannerParametersRequest(_) => {
                out.send(to, Response::ScannerParameters(ScannerParameters { xml: Some(PARAMETERS.to_owned()) }));
            }
            Request::ScannerSubscriptionRequest(request) => {
                let req_id = request.req_id.unwrap_or_default();
                match self.accept(to, request, out.now_ms) {
                    Ok(scanner) => {
                        send(world, to, req_id, &scanner, out);
                        self.active.insert((to, req_id), scanner);
                    }
                    Err(refusal) => out.refuse(to, req_id, refusal),
                }
            }
            Request::CancelScannerSubscription(request) => {
                let req_id = request.req_id.unwrap_or_default();
                if self.active.remove(&(to, req_id)).is_some() {
                    let text =
                        "Historical Market Data Service error message:API scanner subscription cancelled: ".to_owned();
                    out.error(to, req_id, 162, text + &req_id.to_string());
                } else {
                    out.error(to, req_id, 365, format!("No scanner subscription found for ticker id:{req_id}"));
                }
            }
            _ => return false,
        }
        true
    }

    pub(super) fn closed(&mut self, connection: ConnectionId) {
        self.active.retain(|(owner, _), _| *owner != connection);
    }

    pub(super) fn advance(&mut self, world: &World, out: &mut Outbox) {
        for (&(to, req_id), scanner) in &mut self.active {
            if out.now_ms >= scanner.due_ms {
                scanner.due_ms = out.now_ms + INTERVAL_MS;
                send(world, to, req_id, scanner, out);
            }
        }
    }

    fn accept(&self, to: ConnectionId, request: &ScannerSubscriptionRequest, now_ms: i64) -> Result<Scanner, Refusal> {
        if self.active.contains_key(&(to, request.req_id.unwrap_or_default())) {
            return Err(Refusal::new(385, "Duplicate ticker ID for API scanner subscription"));
        }
        if self.active.len() >= ACTIVE_MAX {
            let text =
                "Error processing request.-'bN' : cause - Only 10 simultaneous API scanner subscriptions allowed";
            return Err(Refusal::new(322, text));
        }
        let wanted = request.scanner_subscription.clone().unwrap_or_default();
        let unknown = |what: &str, code: Option<&str>| {
            let code = code.unwrap_or_default();
            Refusal::new(162, format!("Historical Market Data Service error message:{what} {code} is not known"))
        };
        let instrument = given(wanted.instrument.as_ref());
        if instrument != Some("STK") {
            return Err(unknown("Scanner instrument", instrument));
        }
        let location = given(wanted.location_code.as_ref());
        let exchange = LOCATIONS.iter().find(|(code, _)| Some(*code) == location).map(|(_, exchange)| *exchange);
        let exchange = exchange.ok_or_else(|| unknown("Scanner location", location))?;
        let code = given(wanted.scan_code.as_ref());
        let order = CODES.iter().find(|(known, _)| Some(*known) == code).map(|(_, order)| *order);
        let order = order.ok_or_else(|| unknown("Scanner type with code", code))?;
        let filters = &wanted.scanner_subscription_filter_options;
        let number = |code: &str| match filters.get(code) {
            Some(text) => {
                text.parse::<f64>().map(Some).map_err(|_| Refusal::invalid(&format!("Invalid filter {code}")))
            }
            None => Ok(None),
        };
        for code in filters.keys() {
            if !["priceAbove", "priceBelow", "volumeAbove"].contains(&code.as_str()) {
                return Err(Refusal::invalid(&format!("Unknown scanner filter {code}")));
            }
        }
        let price = (number("priceAbove")?.or(wanted.above_price), number("priceBelow")?.or(wanted.below_price));
        #[expect(clippy::cast_possible_truncation, reason = "saturates; volumes stay far below")]
        let volume_above = number("volumeAbove")?.map(|volume| volume as i64).or(wanted.above_volume);
        let rows = wanted.number_of_rows.filter(|rows| *rows > 0).and_then(|rows| usize::try_from(rows).ok());
        let rows = rows.unwrap_or(ROWS_MAX).min(ROWS_MAX);
        Ok(Scanner { order, exchange, wanted, price, volume_above, rows, due_ms: now_ms + INTERVAL_MS })
    }
}

/// Sends the present result; an empty one after the notice that goes before it.
fn send(world: &World, to: ConnectionId, req_id: i32, scanner: &Scanner, out: &mut Outbox) {
    let rows = rank(world, scanner, out.now_ms);
    if rows.is_empty() {
        out.error(to, req_id, 165, "Historical Market Data Service query message:no items retrieved");
    }
    let element = |(rank, instrument): (i32, &Arc<Instrument>)| ScannerDataElement {
        rank: Some(rank),
        contract: Some(Contract {
            con_id: instrument.contract.con_id,
            symbol: instrument.contract.symbol.clone(),
            sec_type: instrument.contract.sec_type.clone(),
            exchange: Some("SMART".to_owned()),
            currency: instrument.contract.currency.clone(),
            local_symbol: instrument.contract.local_symbol.clone(),
            trading_class: instrument.contract.trading_class.clone(),
            ..Contract::default()
        }),
        market_name: instrument.contract.trading_class.clone(),
        distance: Some(String::new()),
        benchmark: Some(String::new()),
        projection: Some(String::new()),
        combo_key: Some(String::new()),
    };
    let scanner_data_element = (0..).zip(&rows).map(element).collect();
    out.send(to, Response::ScannerData(ScannerData { req_id: Some(req_id), scanner_data_element }));
}

fn rank(world: &World, scanner: &Scanner, now_ms: i64) -> Vec<Arc<Instrument>> {
    let slot = world.prices.slot(now_ms);
    let is_meant = |instrument: &&Arc<Instrument>| {
        let contract = &instrument.contract;
        let stock_type = given(scanner.wanted.stock_type_filter.as_ref()).unwrap_or("ALL");
        let is_fund = instrument.name.contains("ETF") || instrument.symbol() == "QQQ";
        instrument.sec_type() == "STK"
            && contract.currency.as_deref() == Some("USD")
            && (scanner.exchange.is_empty() || contract.primary_exch.as_deref() == Some(scanner.exchange))
            && match stock_type {
                "ETF" => is_fund,
                "STOCK" | "CORP" => !is_fund,
                _ => true,
            }
    };
    let mut scored: Vec<(f64, Arc<Instrument>)> = Vec::new();
    for instrument in world.universe.fixed().iter().filter(is_meant) {
        let level = Level1::at(&world.prices, instrument, slot);
        let price = instrument.tick.price(level.day.bar.close);
        let volume = level.day.bar.volume;
        let (above, below) = scanner.price;
        let fits = above.is_none_or(|above| price > above)
            && below.is_none_or(|below| price < below)
            && scanner.volume_above.is_none_or(|above| volume > above);
        if !fits {
            continue;
        }
        let change = price / instrument.tick.price(level.day.close).max(f64::MIN_POSITIVE) - 1.0;
        #[expect(clippy::cast_precision_loss, reason = "an order needs no more digits")]
        let score = match scanner.order {
            Order::Gain => change,
            Order::Loss => -change,
            Order::Volume => volume as f64,
            Order::Price => price,
        };
        scored.push((score, Arc::clone(instrument)));
    }
    scored.sort_by(|(first, _), (second, _)| second.total_cmp(first));
    scored.into_iter().take(scanner.rows).map(|(_, instrument)| instrument).collect()
}

/// Shaped as IB's document, with what this gateway knows.
const PARAMETERS: &str = include_str!("scanner_parameters.xml");
