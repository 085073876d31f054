//! A thousand clients.

use std::sync::Arc;

use super::desk::{Desk, names, price, request_id, subscribe};
use crate::{
    schema::ErrorCode,
    session::{Listing, market::Market},
};

const CLIENTS: usize = 1_000;

/// Everything that could grow with clients, leases or streams.
fn sizes(market: &Market) -> [usize; 9] {
    [
        market.leases.len(),
        market.leases.sizes(),
        market.upstreams.iter().flatten().count(),
        market.by_key.len(),
        market.routes.len(),
        market.due.len(),
        market.starved.len(),
        market.snapshots.len(),
        usize::from(!market.pools.is_empty()),
    ]
}

#[test]
fn a_thousand_clients_on_the_same_hundred_contracts_hold_a_hundred_lines_and_leave_nothing() {
    let mut desk = Desk::new();
    let stocks: Vec<Arc<Listing>> = (1..=101).map(|con_id| desk.rig.stock(con_id, &format!("S{con_id}"))).collect();
    let in_flight = desk.rig.session.core.in_flight();
    let empty = sizes(&desk.rig.session.market);
    let mut leases = Vec::new();
    // The second crowd finds every place of the first free again.
    for (round, clients) in [CLIENTS, 20].into_iter().enumerate() {
        for client in 0..clients {
            let name = format!("client-{client}");
            for stock in &stocks[..100] {
                // Half of the leases end by themselves.
                let ttl_s = if client % 2 == 0 { 0 } else { 60 };
                let lease = desk.try_subscribe(&name, subscribe(&["quote"], ttl_s), stock).expect("a lease");
                if ttl_s == 0 {
                    leases.push((name.clone(), lease.lease));
                }
            }
        }
        desk.rig.wait_ms(5_000);
        let asked = desk.sent();
        assert_eq!(names(&asked), ["MarketDataRequest"; 100], "round {round}");
        for request in &asked {
            desk.hear(price(request_id(request), 1, 10.0, "1"));
        }
        let (list, count) = (desk.list(), u32::try_from(clients).expect("few"));
        assert_eq!((list.lines.used, list.upstream.len(), list.leases_total), (100, 100, 100 * count));
        assert!(list.upstream.iter().all(|row| row.holders == count && row.clients.len() == 20));

        let error = desk.try_subscribe("late", subscribe(&["quote"], 60), &stocks[100]).expect_err("refused");
        assert_eq!(error.code, ErrorCode::PacingLimited);
        assert!(error.message.contains("100 of 100 market data lines are in use"), "{error}");
        let holders = error.holders.expect("holders");
        assert_eq!((holders.len(), holders[0].count), (20, 100));
        assert_eq!(names(&desk.sent()), [] as [&str; 0]);

        for (client, lease) in leases.drain(..) {
            desk.unsubscribe(&client, &lease).expect("ended");
        }
        desk.rig.wait_ms(60_000);
        assert_eq!(names(&desk.sent()), ["CancelMarketData"; 100]);
        assert_eq!(sizes(&desk.rig.session.market), empty, "round {round}");
        assert_eq!(desk.rig.session.core.in_flight(), in_flight);
        // Places are used again.
        assert!(desk.rig.session.market.upstreams.len() <= 100);
        desk.rig.forget();
        desk.rig.cached.clear();
    }
}

#[test]
fn each_client_of_a_crowd_hears_of_the_same_tick_once() {
    let mut desk = Desk::new();
    for client in 0..CLIENTS {
        desk.lease(&format!("client-{client}"), &["quote"]);
    }
    let id = desk.asked();
    desk.hear(price(id, 1, 10.0, "1"));
    assert_eq!(desk.heard().quotes.len(), 1);
}
