//! Rules one by one, against a gateway without sockets.

use bytes::BytesMut;

use super::super::{OfflineSim, SimConfig};
use super::action::{Action, Door, GatewayFault, IbFault, LineFault, LinkBack, MessageFault, RequestFault};
use super::rule::{Occasion, Rule, When};
use crate::tws::frame::{Envelope, FRAME_BYTES_MAX, next_frame, open, put_frame};
use crate::tws::handshake::API_SIGN;
use crate::tws::message::contract::Contract;
use crate::tws::message::login::{CurrentTimeRequest, StartApiRequest};
use crate::tws::message::market_data::MarketDataRequest;
use crate::tws::message::order::Order;
use crate::tws::message::order_flow::PlaceOrderRequest;
use crate::tws::{Request, Response};

const START_MS: i64 = 1_795_014_000_000;

/// A simulator and one client of it.
struct Rig {
    sim: OfflineSim,
    now_ms: i64,
    connection: u64,
    read: BytesMut,
}

impl Rig {
    fn new(rules: Vec<Rule>) -> Self {
        let mut sim = OfflineSim::new(&SimConfig::default(), START_MS);
        for rule in rules {
            sim.add_rule(START_MS, rule).expect("room for a rule");
        }
        let mut rig = Self { sim, now_ms: START_MS, connection: 0, read: BytesMut::new() };
        rig.dial(7);
        rig
    }

    fn dial(&mut self, client_id: i32) {
        self.connection = self.sim.dial();
        self.read.clear();
        let mut hello = BytesMut::from(&API_SIGN[..]);
        put_frame(&mut hello, |out| out.extend_from_slice(b"v213..226"));
        self.sim.receive(self.now_ms, self.connection, &hello);
        let greeting = self.sim.take_sent(self.connection).expect("an open line");
        assert!(!greeting.is_empty());
        self.send(&Request::StartApiRequest(StartApiRequest {
            client_id: Some(client_id),
            optional_capabilities: None,
        }));
    }

    fn send(&mut self, request: &Request) {
        let mut bytes = BytesMut::new();
        request.put(&mut bytes);
        self.sim.receive(self.now_ms, self.connection, &bytes);
    }

    fn pass(&mut self, ms: i64) {
        let until = self.now_ms + ms;
        while self.now_ms < until {
            self.now_ms = (self.now_ms + 50).min(until);
            self.sim.advance(self.now_ms);
        }
    }

    /// Everything that has arrived, by name; errors by code. `end` where the connection is closed.
    fn heard(&mut self) -> Vec<String> {
        let mut words = Vec::new();
        let sent = self.sim.take_sent(self.connection);
        self.read.extend_from_slice(&sent.clone().unwrap_or_default());
        loop {
            match next_frame(&mut self.read, FRAME_BYTES_MAX) {
                Ok(Some(frame)) => words.push(match open(frame) {
                    Envelope::Protobuf { id, body } => match Response::decode(id, body) {
                        Ok(Response::ErrorMessage(error)) => error.error_code().to_string(),
                        Ok(response) => response.name().to_owned(),
                        Err(_) => "undecodable".to_owned(),
                    },
                    other => format!("{other:?}").chars().take(4).collect(),
                }),
                Ok(None) => break,
                Err(_) => {
                    words.push("too long".to_owned());
                    break;
                }
            }
        }
        if sent.is_none() || self.sim.take_sent(self.connection).is_none() {
            words.push("end".to_owned());
        }
        words
    }

    fn time(&mut self) -> Vec<String> {
        self.heard();
        self.send(&Request::CurrentTimeRequest(CurrentTimeRequest {}));
        self.heard()
    }

    fn subscribe(&mut self) {
        let contract = Contract { con_id: Some(265_598), exchange: Some("SMART".to_owned()), ..Contract::default() };
        let request = MarketDataRequest { req_id: Some(1), contract: Some(contract), ..MarketDataRequest::default() };
        self.send(&Request::MarketDataRequest(Box::new(request)));
    }

    fn buy(&mut self, order_id: i32) {
        let text = |text: &str| Some(text.to_owned());
        let order = Order {
            action: text("BUY"),
            total_quantity: text("1"),
            order_type: text("MKT"),
            order_ref: text("key"),
            transmit: Some(true),
            ..Order::default()
        };
        let contract = Contract { con_id: Some(265_598), exchange: text("SMART"), ..Contract::default() };
        let request = PlaceOrderRequest {
            order_id: Some(order_id),
            contract: Some(contract),
            order: Some(order),
            attached_orders: None,
        };
        self.send(&Request::PlaceOrderRequest(Box::new(request)));
    }

    fn ticks(&mut self) -> usize {
        self.heard().iter().filter(|word| word.starts_with("Tick")).count()
    }
}

fn at(at_ms: i64, action: Action) -> Rule {
    Rule { times: Some(1), ..Rule::new("test", When::Start { at_ms, every_ms: None }, action) }
}

fn on_message(kind: &str, fault: MessageFault) -> Rule {
    Rule::new("test", When::Message(Occasion::of(kind)), Action::Message(fault))
}

fn on_request(kind: &str, fault: RequestFault) -> Rule {
    Rule::new("test", When::Request(Occasion::of(kind)), Action::Request(fault))
}

#[test]
fn a_rule_waits_for_its_time_and_happens_as_often_as_it_may() {
    let notice = Action::Gateway(GatewayFault::Notice { code: 2100, text: "x".to_owned(), count: 1 });
    let every = When::Start { at_ms: 100, every_ms: Some(100) };
    let mut rig = Rig::new(vec![Rule { times: Some(3), ..Rule::new("thrice", every, notice) }]);
    rig.pass(50);
    assert!(!rig.heard().contains(&"2100".to_owned()));
    rig.pass(1_000);
    assert_eq!(rig.heard(), ["2100", "2100", "2100"]);
    let state = &rig.sim.rules()[0];
    assert_eq!((state.fired, state.spent), (3, true));
}

#[test]
fn a_request_is_muted_refused_or_held() {
    let mut rig = Rig::new(vec![on_request("CurrentTimeRequest", RequestFault::Mute)]);
    assert!(rig.time().is_empty());
    let refuse = RequestFault::Refuse { code: 321, text: "no".to_owned() };
    assert_eq!(Rig::new(vec![on_request("CurrentTimeRequest", refuse)]).time(), ["321"]);
    let mut rig = Rig::new(vec![on_request("CurrentTimeRequest", RequestFault::Hold { by_ms: 500 })]);
    assert!(rig.time().is_empty());
    rig.pass(450);
    assert!(rig.heard().is_empty());
    rig.pass(50);
    assert_eq!(rig.heard(), ["CurrentTime"]);
}

#[test]
fn only_the_named_occasion_of_the_named_client_counts() {
    let mut rule = on_request("CurrentTimeRequest", RequestFault::Mute);
    rule.when = When::Request(Occasion { nth: Some(2), ..Occasion::of("CurrentTimeRequest") });
    let mut rig = Rig::new(vec![rule.clone()]);
    assert_eq!([rig.time().len(), rig.time().len(), rig.time().len()], [1, 0, 1]);
    rule.client_id = Some(8);
    let mut rig = Rig::new(vec![rule]);
    assert_eq!([rig.time().len(), rig.time().len()], [1, 1]);
}

#[test]
fn chance_follows_the_seed() {
    let mute = |seed: u64| {
        let mut sim = OfflineSim::new(&SimConfig { seed, ..SimConfig::default() }, START_MS);
        let rule = Rule { chance_ppm: 300_000, ..on_request("CurrentTimeRequest", RequestFault::Mute) };
        sim.add_rule(START_MS, rule).expect("room");
        let mut rig = Rig { sim, now_ms: START_MS, connection: 0, read: BytesMut::new() };
        rig.dial(7);
        (0..200).map(|_| rig.time().len()).collect::<Vec<_>>()
    };
    assert_eq!(mute(5), mute(5));
    assert_ne!(mute(5), mute(6));
    let answered: usize = mute(5).iter().sum();
    assert!((110..170).contains(&answered), "{answered} of 200 answered");
}

#[test]
fn messages_are_lost_doubled_late_swapped_or_damaged() {
    let with = |fault| Rig::new(vec![on_message("CurrentTime", fault)]).time();
    assert!(with(MessageFault::Drop).is_empty());
    assert_eq!(with(MessageFault::Double), ["CurrentTime", "CurrentTime"]);
    assert_eq!(with(MessageFault::Corrupt), ["undecodable"]);
    let mut rig = Rig::new(vec![on_message("CurrentTime", MessageFault::Late { by_ms: 300, jitter_ms: 0 })]);
    assert!(rig.time().is_empty());
    rig.pass(300);
    assert_eq!(rig.heard(), ["CurrentTime"]);
    let mut rig = Rig::new(vec![on_message("ManagedAccounts", MessageFault::Swap)]);
    assert_eq!(rig.heard()[..2], ["NextValidId", "ManagedAccounts"]);
}

#[test]
fn a_cut_ends_the_connection_and_frees_the_client_id() {
    let mut rig = Rig::new(vec![at(100, Action::Line(LineFault::Cut { mid_frame: true }))]);
    rig.heard();
    rig.pass(100);
    assert_eq!(rig.heard(), ["end"]);
    rig.dial(7);
    assert!(rig.heard().contains(&"NextValidId".to_owned()));
}

#[test]
fn a_half_open_connection_keeps_its_client_id_until_the_gateway_notices() {
    let mut rig = Rig::new(vec![at(100, Action::Line(LineFault::HalfOpen { for_ms: 2_000 }))]);
    rig.pass(100);
    assert!(rig.time().is_empty());
    rig.sim.hang_up(rig.connection);
    rig.dial(7);
    assert_eq!(rig.heard(), ["326", "end"]);
    rig.pass(2_000);
    rig.dial(7);
    assert!(rig.heard().contains(&"NextValidId".to_owned()));
}

#[test]
fn the_link_to_ib_takes_streams_with_it_and_gives_back_what_ib_gives() {
    for (back, code, flows) in
        [(LinkBack::DataKept, "1102", true), (LinkBack::DataLost, "1101", false), (LinkBack::Untold, "", true)]
    {
        let down = IbFault::LinkDown { for_ms: 2_000, back, repeat_ms: Some(500) };
        let mut rig = Rig::new(vec![at(1_000, Action::Ib(down))]);
        rig.subscribe();
        rig.pass(900);
        assert!(rig.ticks() > 0);
        rig.pass(1_900);
        let during = rig.heard();
        assert_eq!(during, ["1100", "1100", "1100", "1100"], "{during:?}");
        rig.pass(2_000);
        let after = rig.heard();
        assert_eq!(after.first().is_some_and(|word| word == code), !code.is_empty(), "{after:?}");
        assert_eq!(after.iter().any(|word| word.starts_with("Tick")), flows, "{after:?}");
    }
}

#[test]
fn an_order_of_an_outage_reaches_the_market_afterwards() {
    let down = IbFault::LinkDown { for_ms: 1_000, back: LinkBack::DataKept, repeat_ms: None };
    let mut rig = Rig::new(vec![at(0, Action::Ib(down))]);
    rig.pass(100);
    rig.heard();
    rig.buy(1);
    assert!(rig.heard().is_empty());
    assert!(rig.sim.witness().placements().is_empty());
    rig.pass(2_000);
    let told = rig.heard();
    assert_eq!(told[0], "1102");
    assert!(told.contains(&"ExecutionDetails".to_owned()), "{told:?}");
}

#[test]
fn only_the_streams_of_a_lost_farm_stand() {
    for (farm, stands) in [("usfarm", true), ("eufarm", false)] {
        let down = IbFault::FarmDown { farm: farm.to_owned(), for_ms: 2_000 };
        let mut rig = Rig::new(vec![at(1_000, Action::Ib(down))]);
        rig.subscribe();
        rig.pass(1_000);
        rig.heard();
        rig.pass(1_900);
        assert_eq!(rig.ticks() == 0, stands, "{farm}");
        rig.pass(1_000);
        let after = rig.heard();
        assert!(after.contains(&"2104".to_owned()), "{after:?}");
        assert!(after.iter().any(|word| word.starts_with("Tick")), "{farm}: {after:?}");
    }
}

#[test]
fn a_competing_session_stops_live_data_for_a_while() {
    let mut rig = Rig::new(vec![at(1_000, Action::Ib(IbFault::CompetingSession { for_ms: 1_000 }))]);
    rig.subscribe();
    rig.pass(950);
    rig.heard();
    rig.pass(900);
    assert_eq!(rig.heard(), ["10197"]);
    rig.pass(1_000);
    assert!(rig.ticks() > 0);
}

#[test]
fn a_restart_closes_the_port_and_opens_it_again() {
    let mut rig = Rig::new(vec![at(100, Action::Gateway(GatewayFault::Restart { for_ms: 5_000 }))]);
    rig.heard();
    rig.pass(100);
    assert_eq!(rig.heard(), ["end"]);
    assert_eq!(rig.sim.try_dial(rig.now_ms), None);
    rig.pass(5_000);
    assert!(rig.sim.try_dial(rig.now_ms).is_some());
}

#[test]
fn a_gateway_in_read_only_mode_refuses_orders_and_nothing_else() {
    let read_only = Action::Gateway(GatewayFault::ReadOnly { for_ms: Some(1_000) });
    let mut rig = Rig::new(vec![at(0, read_only)]);
    rig.pass(50);
    assert_eq!(rig.time(), ["CurrentTime"]);
    rig.buy(1);
    assert_eq!(rig.heard(), ["321"]);
    rig.pass(1_000);
    rig.buy(1);
    assert!(rig.heard().contains(&"OpenOrder".to_owned()));
}

#[test]
fn a_flood_of_orders_comes_before_the_next_order_id() {
    let flood = Action::Gateway(GatewayFault::OrderFlood { count: 1_000 });
    let when = When::Message(Occasion { nth: Some(1), ..Occasion::of("NextValidId") });
    let mut rig = Rig::new(vec![Rule::new("flood", when, flood)]);
    let heard = rig.heard();
    let next_id = heard.iter().position(|word| word == "NextValidId").expect("a next id");
    let before = heard.iter().take(next_id).filter(|word| *word == "OpenOrder" || *word == "OrderStatus").count();
    assert_eq!(before, 1_000);
}

#[test]
fn every_kind_of_garbage_is_what_it_says() {
    use super::action::Garbage;
    for (kind, heard) in [
        (Garbage::UnknownId, "undecodable"),
        (Garbage::Undecodable, "undecodable"),
        (Garbage::Text, "Text"),
        (Garbage::Runt, "Runt"),
        (Garbage::Oversize, "too long"),
        (Garbage::Noise, "too long"),
    ] {
        let mut rig = Rig::new(vec![at(100, Action::Line(LineFault::Garbage(kind)))]);
        rig.heard();
        rig.pass(100);
        assert_eq!(rig.heard(), [heard], "{kind:?}");
    }
}

#[test]
fn a_door_says_how_new_connections_are_met() {
    let shut = |door| Rig::new(vec![at(50, Action::Door { door, for_ms: 1_000 })]);
    for door in [Door::Closed, Door::HangUp] {
        let mut rig = shut(door);
        rig.pass(100);
        assert_eq!(rig.sim.try_dial(rig.now_ms), None, "{door:?}");
    }
    let mut rig = shut(Door::Mute);
    rig.pass(100);
    rig.connection = rig.sim.try_dial(rig.now_ms).expect("taken");
    rig.send(&Request::CurrentTimeRequest(CurrentTimeRequest {}));
    rig.pass(5_000);
    assert!(rig.heard().is_empty());
    let mut rig = shut(Door::InUse);
    rig.pass(100);
    rig.dial(9);
    assert_eq!(rig.heard(), ["326", "end"]);
}

#[test]
fn a_fill_is_corrected_and_next_ids_fall_back() {
    let correct = Action::Ib(IbFault::Correct { change_ppm: 10_000 });
    let back = Action::Gateway(GatewayFault::RollBackIds { by: 1 });
    let mut rig = Rig::new(vec![at(3_000, correct), at(3_000, back)]);
    rig.buy(1);
    rig.pass(2_900);
    let before = rig.sim.witness().executed().pop().expect("a fill");
    rig.heard();
    rig.pass(200);
    assert!(rig.heard().starts_with(&["ExecutionDetails".to_owned(), "CommissionAndFeesReport".to_owned()]));
    let after = rig.sim.witness().executed().pop().expect("a fill");
    assert!(after.price > before.price);
    assert_eq!(rig.sim.witness().next_order_id(7), 1);
}

#[test]
fn lifted_rules_do_nothing_more() {
    let mut rig = Rig::new(vec![on_request("CurrentTimeRequest", RequestFault::Mute)]);
    assert!(rig.time().is_empty());
    assert_eq!(rig.sim.clear_rules(rig.now_ms, None), 1);
    assert_eq!(rig.time(), ["CurrentTime"]);
}
