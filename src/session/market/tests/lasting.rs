//! Leases that outlive the bridge.

use std::sync::Arc;

use super::desk::{Desk, names, price, subscribe};
use crate::{
    config::Config,
    schema::{
        connection::LinkName,
        request::market::{Lease, StreamState},
    },
    session::{CacheItem, CacheKind, Event, rig::Rig, time::Trading},
    tws::{
        Request, Response,
        message::contract::{ContractData, ContractDataEnd, ContractDetails},
    },
};

/// What a cache would hold after these changes.
fn kept(changes: &[CacheItem]) -> Vec<CacheItem> {
    let mut kept: Vec<CacheItem> = Vec::new();
    for change in changes.iter().filter(|change| change.kind == CacheKind::Lease) {
        kept.retain(|item| item.key != change.key);
        kept.extend(change.body.is_some().then(|| change.clone()));
    }
    kept
}

/// The bridge starts again with what an earlier run kept; nothing is connected yet.
fn restarted(items: &[CacheItem]) -> Desk {
    restarted_with(Config::default(), items)
}

fn restarted_with(config: Config, items: &[CacheItem]) -> Desk {
    let mut rig = Rig::with(config);
    for item in items {
        let now = rig.now();
        rig.session.recall(now, item);
    }
    rig.pump();
    rig.is_alive = true;
    let stock = rig.stock(265_598, "AAPL");
    Desk { rig, stock }
}

fn leases(desk: &mut Desk) -> Vec<Lease> {
    desk.list().leases
}

#[test]
fn a_lease_until_unsubscribed_is_taken_up_under_its_name_before_the_first_login() {
    let mut first = Desk::new();
    let stock = Arc::clone(&first.stock);
    let mut ask = subscribe(&["quote", "bar.1m", "depth"], 0);
    ask.generic_ticks = vec![233];
    ask.depth_rows = Some(20);
    let lasting = first.try_subscribe("alpha", ask, &stock).expect("a lease");
    first.try_subscribe("beta", subscribe(&["tick"], 60), &stock).expect("a lease");
    let ended = first.try_subscribe("gamma", subscribe(&["quote"], 0), &stock).expect("a lease");
    first.unsubscribe("gamma", &ended.lease).expect("ended");
    let items = kept(&first.rig.cached);
    assert_eq!(items.len(), 1);

    let mut second = restarted(&items);
    let held = leases(&mut second);
    assert_eq!(held.len(), 1);
    assert_eq!((held[0].lease.as_str(), held[0].client.as_deref()), (lasting.lease.as_str(), Some("alpha")));
    assert!(held[0].streams.iter().all(|stream| stream.state == StreamState::Waiting));
    second.rig.session.on_timer(second.rig.now());
    second.rig.pump();
    second.rig.log_in(LinkName::Data);
    let sent = second.sent();
    let level1 = sent.iter().find_map(|request| match request {
        Request::MarketDataRequest(ask) => ask.generic_tick_list.clone(),
        _ => None,
    });
    assert_eq!(level1.as_deref(), Some("233"));
    let rows = sent.iter().find_map(|request| match request {
        Request::MarketDepthRequest(ask) => ask.num_rows,
        _ => None,
    });
    assert_eq!(rows, Some(20));
    assert!(names(&sent).contains(&"RealTimeBarsRequest"));

    // A new lease has a name of its own, and the old one ends for good.
    let stock = Arc::clone(&second.stock);
    let other = second.try_subscribe("alpha", subscribe(&["quote"], 0), &stock).expect("a lease");
    assert_ne!(other.lease, lasting.lease);
    second.unsubscribe("alpha", &lasting.lease).expect("ended");
    second.unsubscribe("alpha", &other.lease).expect("ended");
    let all: Vec<CacheItem> = items.iter().chain(&second.rig.cached).cloned().collect();
    assert_eq!(kept(&all), []);
    assert_eq!(leases(&mut restarted(&kept(&all))), []);
}

#[test]
fn a_lease_that_ends_by_itself_is_never_kept() {
    let mut desk = Desk::new();
    let stock = Arc::clone(&desk.stock);
    desk.try_subscribe("alpha", subscribe(&["quote"], 1), &stock).expect("a lease");
    desk.rig.wait_ms(2_000);
    assert_eq!(kept(&desk.rig.cached), []);
}

#[test]
fn what_cannot_be_read_is_forgotten_and_costs_nothing() {
    let mut first = Desk::new();
    first.lease("alpha", &["quote"]);
    let mut items = kept(&first.rig.cached);
    items.push(CacheItem { key: "broken".to_owned(), body: Some(b"{".to_vec().into()), ..items[0].clone() });
    let mut second = restarted(&items);
    assert_eq!(leases(&mut second).len(), 1);
    let gone = second.rig.cached.iter().any(|item| item.key == "broken" && item.body.is_none());
    assert!(gone);
}

#[test]
fn a_lasting_lease_that_could_not_be_written_is_told() {
    let mut desk = Desk::new();
    desk.rig.events();
    for failures in [0, 2, 2] {
        desk.rig.session.on_unkept(failures);
    }
    desk.rig.pump();
    let told = desk.rig.events().into_iter().filter(|event| matches!(event, Event::Bridge(_)));
    assert_eq!(told.count(), 1);
}

#[test]
fn hours_of_a_kept_lease_are_asked_for_when_the_cache_knows_none() {
    let mut first = Desk::new();
    first.lease("alpha", &["quote"]);
    let mut second = restarted(&kept(&first.rig.cached));
    second.rig.session.on_timer(second.rig.now());
    second.rig.pump();
    second.rig.log_in(LinkName::Data);
    let id = second.sent().iter().find_map(|request| match request {
        Request::MarketDataRequest(ask) => ask.req_id,
        _ => None,
    });
    second.hear(price(id.expect("asked"), 1, 10.0, "1"));
    second.rig.wait_ms(11_000);
    let lookup = second.sent().into_iter().find_map(|request| match request {
        Request::ContractDataRequest(ask) => Some(ask),
        _ => None,
    });
    let lookup = lookup.expect("a lookup");
    let asked = lookup.contract.clone().expect("a contract");
    assert_eq!((asked.con_id, asked.exchange.as_deref()), (Some(265_598), Some("SMART")));
    let details = ContractDetails {
        time_zone_id: Some("US/Eastern".to_owned()),
        trading_hours: Some("20270115:0200-20270115:2000".to_owned()),
        ..ContractDetails::default()
    };
    let data = ContractData { req_id: lookup.req_id, contract: Some(asked), contract_details: Some(details) };
    second.hear(Response::ContractData(Box::new(data)));
    second.hear(Response::ContractDataEnd(ContractDataEnd { req_id: lookup.req_id }));
    let now_us = second.rig.now().us;
    let core = &mut second.rig.session.core;
    assert!(matches!(core.trading_hours.at(265_598, "SMART", now_us), Trading::Open(_)));
    assert_eq!(core.calendar(265_598).zone.name(), "US/Eastern");
}

#[test]
fn hours_of_running_streams_are_asked_for_again_when_the_gateway_was_restarted() {
    let mut desk = Desk::new();
    super::staleness::trade(&mut desk, 265_598, super::staleness::OPEN);
    desk.lease("alpha", &["quote"]);
    desk.rig.wait_ms(11_000);
    let lookups = |desk: &mut Desk| names(&desk.sent()).iter().filter(|name| **name == "ContractDataRequest").count();
    assert_eq!(lookups(&mut desk), 0);
    desk.rig.cut(LinkName::Data);
    desk.rig.cut(LinkName::Trading);
    desk.rig.wait_ms(120_000);
    desk.rig.reconnect(LinkName::Data);
    desk.rig.reconnect(LinkName::Trading);
    desk.rig.wait_ms(11_000);
    assert_eq!(lookups(&mut desk), 1);
}

#[test]
fn a_kept_lease_that_is_not_taken_up_is_told() {
    let mut first = Desk::new();
    first.lease("alpha", &["quote"]);
    let mut items = kept(&first.rig.cached);
    items.push(CacheItem { key: "broken".to_owned(), body: Some(b"{".to_vec().into()), ..items[0].clone() });
    items.push(CacheItem { key: "one too many".to_owned(), ..items[0].clone() });
    let mut config = Config::default();
    config.pacing.leases_max = 1;
    let mut second = restarted_with(config, &items);
    let told: Vec<String> = second
        .rig
        .events()
        .into_iter()
        .filter_map(|event| match event {
            Event::Bridge(event) if event.event == "lease_dropped" => event.message,
            _ => None,
        })
        .collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].contains("lease broken") && told[1].contains("1 leases are held"), "{told:?}");
}
