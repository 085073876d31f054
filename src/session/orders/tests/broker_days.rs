//! Random days against a small broker with a truth of its own, of which the bridge hears late,
//! twice, out of order or not at all; in the end it must know that truth, having asked for it.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::schema::{order::OrderKey, request::order::CancelOrder};

const KEYS: [&str; 4] = ["k0", "k1", "k2", "k3"];
const PERM_FIRST: i64 = 80_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Working,
    Filled,
    Cancelled,
    Rejected,
}

struct BrokerOrder {
    key: String,
    order_id: i32,
    fate: Fate,
    /// Shares and version of each execution.
    executions: Vec<(u32, u32)>,
}

impl BrokerOrder {
    fn perm_id(&self) -> i64 {
        PERM_FIRST + i64::from(self.order_id)
    }

    fn filled(&self) -> u32 {
        self.executions.iter().map(|(shares, _)| shares).sum()
    }

    fn word(&self) -> &'static str {
        match self.fate {
            Fate::Working => "Submitted",
            Fate::Filled => "Filled",
            Fate::Cancelled => "Cancelled",
            Fate::Rejected => "Inactive",
        }
    }

    fn exec_id(&self, place: usize) -> String {
        format!("{:04x}.{place:02}.01.{:02}", self.order_id, self.executions[place].1)
    }

    fn execution(&self, req_id: i32, place: usize) -> Response {
        let cumulative: u32 = self.executions[..=place].iter().map(|(shares, _)| shares).sum();
        let shares = self.executions[place].0.to_string();
        let id = self.exec_id(place);
        self.sign(execution(req_id, self.order_id, &self.key, &id, &shares, &cumulative.to_string()))
    }

    fn status(&self) -> Response {
        self.sign(status(self.order_id, self.word(), &self.filled().to_string()))
    }

    fn open(&self) -> Response {
        open_order(gateway_order(1, self.order_id, self.perm_id(), &self.key), self.word())
    }

    /// Puts its own number into a report.
    fn sign(&self, mut report: Response) -> Response {
        let perm_id = Some(self.perm_id());
        match &mut report {
            Response::OrderStatus(report) => report.perm_id = perm_id,
            Response::ExecutionDetails(report) => report.execution.as_mut().expect("one").perm_id = perm_id,
            Response::CompletedOrder(report) => report.order.as_mut().expect("one").perm_id = perm_id,
            _ => {}
        }
        report
    }
}

/// What is on its way to the bridge.
#[derive(Clone)]
enum News {
    Report(Response),
    Notice(i32, i32, &'static str),
}

#[derive(Default)]
struct Day {
    orders: Vec<BrokerOrder>,
    /// Written by the bridge; the broker has not read it.
    wire: Vec<Request>,
    news: Vec<News>,
    written: BTreeMap<String, u32>,
    tokens: Vec<Token>,
    told: Vec<Event>,
}

impl Day {
    fn listen(&mut self, rig: &mut Rig) {
        for request in rig.sent(TRADING) {
            if let Request::PlaceOrderRequest(place) = &request {
                let key = place.order.as_ref().and_then(|order| order.order_ref.clone()).expect("a key");
                *self.written.entry(key).or_default() += 1;
            }
            self.wire.push(request);
        }
        self.told.extend(rig.events());
    }

    /// The broker reads what was written; `refuses` is its mood.
    fn read(&mut self, refuses: bool) {
        for request in std::mem::take(&mut self.wire) {
            match request {
                Request::PlaceOrderRequest(place) => self.take(&place.order.expect("an order"), refuses),
                Request::CancelOrderRequest(cancel) => self.cancel(cancel.order_id.expect("an id")),
                Request::AllOpenOrdersRequest(_) => self.news.extend(self.open_orders().into_iter().map(News::Report)),
                Request::CompletedOrdersRequest(_) => {
                    self.news.extend(self.completed_orders().into_iter().map(News::Report));
                }
                Request::ExecutionRequest(ask) => {
                    self.news.extend(self.executions(ask.req_id.expect("an id")).into_iter().map(News::Report));
                }
                _ => {}
            }
        }
    }

    fn take(&mut self, order: &Order, refuses: bool) {
        let fate = if refuses { Fate::Rejected } else { Fate::Working };
        let key = order.order_ref.clone().expect("a key");
        let order = BrokerOrder { key, order_id: order.order_id.expect("an id"), fate, executions: Vec::new() };
        self.news.push(News::Report(order.open()));
        self.news.push(News::Report(order.status()));
        if refuses {
            self.news.push(News::Notice(order.order_id, 201, "Order rejected - reason:mood"));
        }
        self.orders.push(order);
    }

    fn cancel(&mut self, order_id: i32) {
        match self.orders.iter_mut().find(|order| order.order_id == order_id) {
            Some(order) if order.fate == Fate::Working => {
                order.fate = Fate::Cancelled;
                self.news.push(News::Notice(order_id, 202, "Order Canceled - reason:"));
                self.news.push(News::Report(order.status()));
            }
            Some(_) => self.news.push(News::Notice(order_id, 10_148, "cannot be cancelled, state: Filled")),
            None => self.news.push(News::Notice(order_id, 10_147, "that needs to be cancelled is not found")),
        }
    }

    fn fill(&mut self, which: usize) {
        let working: Vec<usize> = (0..self.orders.len()).filter(|n| self.orders[*n].fate == Fate::Working).collect();
        let Some(order) = working.get(which % working.len().max(1)).and_then(|n| self.orders.get_mut(*n)) else {
            return;
        };
        order.executions.push((if order.executions.is_empty() { 40 } else { 60 }, 1));
        if order.filled() == 100 {
            order.fate = Fate::Filled;
        }
        let place = order.executions.len() - 1;
        self.news.push(News::Report(order.execution(-1, place)));
        self.news.push(News::Report(commission(&order.exec_id(place), 1.0)));
        self.news.push(News::Report(order.status()));
    }

    fn correct(&mut self, which: usize) {
        let Some(order) = self.orders.iter_mut().filter(|order| !order.executions.is_empty()).nth(which) else {
            return;
        };
        order.executions[0].1 += 1;
        self.news.push(News::Report(order.execution(-1, 0)));
        self.news.push(News::Report(commission(&order.exec_id(0), 2.0)));
    }

    fn open_orders(&self) -> Vec<Response> {
        let open = self.orders.iter().filter(|order| order.fate == Fate::Working);
        open.flat_map(|order| [order.open(), order.status()]).collect()
    }

    fn completed_orders(&self) -> Vec<Response> {
        let over = self.orders.iter().filter(|order| order.fate != Fate::Working);
        let report = |order: &BrokerOrder| order.sign(completed(&order.key, order.word(), &order.filled().to_string()));
        over.map(report).collect()
    }

    fn executions(&self, req_id: i32) -> Vec<Response> {
        let mut reports = Vec::new();
        for order in &self.orders {
            for place in 0..order.executions.len() {
                reports.push(order.execution(req_id, place));
                let amount = if order.executions[place].1 > 1 { 2.0 } else { 1.0 };
                reports.push(commission(&order.exec_id(place), amount));
            }
        }
        reports
    }

    fn deliver(&mut self, rig: &mut Rig, which: usize, keeps_copy: bool) {
        if self.news.is_empty() {
            return;
        }
        let place = which % self.news.len();
        let news = if keeps_copy { self.news[place].clone() } else { self.news.remove(place) };
        match news {
            News::Report(report) => rig.receive(TRADING, report),
            News::Notice(id, code, text) => rig.notice(TRADING, id, code, text),
        }
    }

    /// The socket ends. What was on its way to the bridge is lost; what it wrote may have arrived.
    fn cut(&mut self, rig: &mut Rig, arrives: bool) {
        self.listen(rig);
        if arrives {
            self.read(false);
        }
        self.wire.clear();
        self.news.clear();
        rig.cut(TRADING);
        rig.begin_reconnect(TRADING);
        // Pacing may hold back what is asked at login.
        rig.wait_ms(1_000);
        let id = |request: &Request| match request {
            Request::ExecutionRequest(ask) => ask.req_id,
            _ => None,
        };
        let req_id = rig.peek_sent(TRADING).iter().find_map(id).expect("executions are asked for");
        let reports = [self.open_orders(), self.completed_orders(), self.executions(req_id)].concat();
        for report in reports {
            rig.receive(TRADING, report);
        }
        rig.answer_download();
        self.listen(rig);
        // The lists were answered by hand; a cancel that had waited for the link is not.
        self.wire.retain(|request| matches!(request, Request::CancelOrderRequest(_)));
    }

    fn step(&mut self, rig: &mut Rig, step: u8, which: usize) {
        let key = KEYS[which % KEYS.len()];
        match step {
            0..=3 => {
                let wait_for = ["sent", "working", "final"][which % 3];
                let order = ask(key, &format!(r#","wait_for":"{wait_for}""#));
                self.tokens.push(place_as(rig, ["", "a", "b"][which % 3], order));
            }
            4..=5 => self.read(which.is_multiple_of(7)),
            6..=7 => self.fill(which),
            8 => self.correct(which % 3),
            9..=12 => self.deliver(rig, which, false),
            13 => self.deliver(rig, which, true),
            14 => self.news.retain(|news| !matches!(news, News::Report(Response::OrderStatus(_)))),
            15 => rig.wait_ms(700),
            16 => {
                let key: Option<OrderKey> = Some(key.parse().expect("a key"));
                self.tokens.push(rig.ask(Ask::CancelOrder(CancelOrder { key, ..CancelOrder::default() })));
            }
            17 => rig.notice_all([1100, 1101, 1102][which % 3], "Connectivity"),
            18 => {
                // Another client's order with our order id and our key.
                let order_id = i32::try_from(which % 4).expect("small") + 1;
                rig.receive(
                    TRADING,
                    open_order(gateway_order(9, order_id, 500 + i64::from(order_id), key), "Submitted"),
                );
            }
            19 => {
                let low = crate::tws::message::login::NextValidId { order_id: Some(1) };
                rig.receive(TRADING, Response::NextValidId(low));
            }
            _ => self.cut(rig, which.is_multiple_of(2)),
        }
        self.listen(rig);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// A failure prints its steps, which are the seed.
    #[test]
    fn whatever_the_day_brings_its_truth_is_known_in_the_end(steps in prop::collection::vec((0_u8..21, 0_usize..64), 1..80)) {
        let mut config = crate::config::Config::default();
        // Cuts in a row are dialled at once, so that what is in doubt is not settled by time alone.
        config.timing.stable_ms = 0;
        let mut rig = Rig::ready_with(config);
        rig.is_alive = true;
        let mut day = Day::default();
        for (step, which) in steps {
            day.step(&mut rig, step, which);
        }
        day.cut(&mut rig, true);
        day.read(false);
        while !day.news.is_empty() {
            day.deliver(&mut rig, 0, false);
        }
        rig.wait_ms(60_000);
        day.listen(&mut rig);

        prop_assert!(day.written.values().all(|count| *count == 1), "sent twice: {:?}", day.written);
        for token in &day.tokens {
            prop_assert!(rig.reply(*token).is_some(), "a caller was left alone");
            prop_assert!(rig.reply(*token).is_none(), "a caller was answered twice");
        }
        let orders = &rig.session.orders;
        prop_assert!(orders.waiting.is_empty() && orders.reserved.is_empty());
        prop_assert!(orders.unnamed.is_empty() && orders.unnamed_status.is_empty());

        let mut fills: BTreeMap<(String, String), u32> = BTreeMap::new();
        let mut ended: BTreeSet<OrderKey> = BTreeSet::new();
        for event in &day.told {
            match event {
                Event::Fill(fill) => {
                    *fills.entry((fill.exec_id.clone(), format!("{:?}", fill.commission))).or_default() += 1;
                }
                Event::Order(order) => {
                    prop_assert!(order.state.is_final() || !ended.contains(&order.key), "{} came back", order.key);
                    if order.state.is_final() {
                        ended.insert(order.key.clone());
                    }
                }
                _ => {}
            }
        }
        prop_assert!(fills.values().all(|count| *count == 1), "a fill told twice: {fills:?}");
        for order in &day.orders {
            for (place, (_, version)) in order.executions.iter().enumerate() {
                let amount = if *version > 1 { 2.0 } else { 1.0 };
                let wanted = (order.exec_id(place), format!("{:?}", Some(amount)));
                prop_assert!(fills.contains_key(&wanted), "{wanted:?} was lost: {fills:?}");
            }
            let expected = match order.fate {
                Fate::Working if order.filled() > 0 => OrderState::PartiallyFilled,
                Fate::Working => OrderState::Working,
                Fate::Filled => OrderState::Filled,
                Fate::Cancelled => OrderState::Cancelled,
                Fate::Rejected => OrderState::Rejected,
            };
            prop_assert_eq!(state_of(&rig, &order.key), Some(expected), "{}", order.key);
        }
        for key in day.written.keys().filter(|key| !day.orders.iter().any(|order| order.key == **key)) {
            prop_assert_eq!(state_of(&rig, key), Some(OrderState::OutcomeUnknown), "{} never arrived", key);
        }
    }
}
