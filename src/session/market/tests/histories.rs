//! Random histories: the books balance after every step, and nothing is left when everybody leaves.

use proptest::prelude::*;

use super::{
    super::{
        Route,
        limits::{Pool, Pools},
        upstream::Place,
    },
    desk::{Desk, price, subscribe},
};
use crate::{config::Config, schema::connection::LinkName};

const STREAMS: [&str; 6] = ["quote", "tick", "tbt.last", "tbt.bid_ask", "bar.5s", "depth"];
const CODES: [i32; 10] = [101, 200, 300, 316, 317, 321, 354, 420, 10_190, 10_197];

#[derive(Clone, Debug)]
enum Step {
    Subscribe { stock: usize, streams: (usize, usize), ttl_s: u32, generic: u16 },
    Unsubscribe(usize),
    Snapshot,
    Tick(usize),
    Notice { request: usize, code: usize },
    Global(i32),
    Cut,
    Reconnect,
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0_usize..3, (0_usize..6, 0_usize..6), 0_u32..3, 0_u16..3)
            .prop_map(|(stock, streams, ttl, generic)| Step::Subscribe { stock, streams, ttl_s: ttl * 20, generic }),
        2 => any::<usize>().prop_map(Step::Unsubscribe),
        1 => Just(Step::Snapshot),
        4 => any::<usize>().prop_map(Step::Tick),
        2 => (any::<usize>(), 0_usize..10).prop_map(|(request, code)| Step::Notice { request, code }),
        1 => prop::sample::select(vec![1100, 1101, 1102, 2103]).prop_map(Step::Global),
        1 => Just(Step::Cut),
        2 => Just(Step::Reconnect),
        3 => (0_u64..30_000).prop_map(Step::Wait),
    ]
}

fn check_books(desk: &Desk) -> Result<(), TestCaseError> {
    let market = &desk.rig.session.market;
    let mut recount = Pools::default();
    for (index, slot) in market.upstreams.iter().enumerate() {
        let Some(upstream) = slot else { continue };
        recount.add(market.pools.of(upstream.feed), upstream.place);
        let current = match upstream.place {
            Place::Asked { req_id, .. } => Some(req_id),
            _ => None,
        };
        for req_id in current.into_iter().chain(upstream.old.as_ref().map(|(old, _)| *old)) {
            prop_assert!(matches!(market.routes.get(&req_id), Some(Route::Upstream(to)) if *to == index));
        }
        prop_assert!(upstream.leases > 0);
        prop_assert_eq!(market.by_key.get(&(upstream.listing.slot, upstream.feed)), Some(&index));
    }
    for _ in &market.snapshots {
        recount.add(Pool::Lines, Place::Asked { req_id: 0, sent: true });
    }
    for pool in Pool::ALL {
        let books = (market.pools.asked(pool), market.pools.wanted(pool));
        prop_assert_eq!(books, (recount.asked(pool), recount.wanted(pool)), "{:?}", pool);
        prop_assert!(books.0 <= desk.rig.session.market.pools.max(&desk.rig.session.core, pool));
    }
    let olds = market.upstreams.iter().flatten().filter(|upstream| upstream.old.is_some()).count();
    let asked: u32 = Pool::ALL.into_iter().map(|pool| market.pools.asked(pool)).sum();
    prop_assert_eq!(market.routes.len(), asked as usize + olds);
    Ok(())
}

/// One of the requests that are known, if any.
fn pick(desk: &Desk, choice: usize) -> Option<i32> {
    let mut ids: Vec<i32> = desk.rig.session.market.routes.keys().copied().collect();
    ids.sort_unstable();
    (!ids.is_empty()).then(|| ids[choice % ids.len()])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn the_books_balance_whatever_happens(steps in prop::collection::vec(step(), 1..60)) {
        let mut config = Config::default();
        config.pacing.market_data_lines = 4;
        config.pacing.tick_by_tick = 2;
        config.pacing.depth = 1;
        config.gateway.regulatory_snapshots = true;
        let mut desk = Desk::with(config);
        let stocks: Vec<_> = (1..=3).map(|con_id| desk.rig.stock(con_id, &format!("S{con_id}"))).collect();
        let mut is_cut = false;
        for step in steps {
            match step {
                Step::Subscribe { stock, streams: (one, two), ttl_s, generic } => {
                    let mut ask = subscribe(&[STREAMS[one], STREAMS[two]], ttl_s);
                    ask.generic_ticks = (0..generic).map(|tick| 100 + tick).collect();
                    let _ = desk.try_subscribe("alpha", ask, &stocks[stock]);
                }
                Step::Unsubscribe(choice) => {
                    let leases = desk.list().leases;
                    if !leases.is_empty() {
                        let _ = desk.unsubscribe("", &leases[choice % leases.len()].lease);
                    }
                }
                Step::Snapshot => {
                    desk.ask_snapshot();
                }
                Step::Tick(choice) => {
                    if let Some(id) = pick(&desk, choice) {
                        desk.hear(price(id, 1, 10.0, "1"));
                    }
                }
                Step::Notice { request, code } => {
                    if let Some(id) = pick(&desk, request) {
                        desk.notice(id, CODES[code], "as the code says");
                    }
                }
                Step::Global(code) => desk.rig.notice_all(code, "farm:usfarm"),
                Step::Cut if !is_cut => {
                    desk.rig.cut(LinkName::Data);
                    is_cut = true;
                }
                Step::Reconnect if is_cut => {
                    desk.rig.reconnect(LinkName::Data);
                    is_cut = false;
                }
                Step::Wait(ms) if !is_cut => desk.rig.wait_ms(ms),
                Step::Cut | Step::Reconnect | Step::Wait(_) => {}
            }
            check_books(&desk)?;
        }
        for lease in desk.list().leases {
            prop_assert!(desk.unsubscribe("", &lease.lease).is_ok());
        }
        if !is_cut {
            desk.rig.wait_ms(20_000);
        }
        check_books(&desk)?;
        for request in desk.sent() {
            let crate::tws::Request::MarketDataRequest(ask) = request else { continue };
            prop_assert_eq!(ask.regulatory_snapshot, None, "they cost money, and nobody asked for one");
        }
        let market = &desk.rig.session.market;
        prop_assert!(market.by_key.is_empty() && market.upstreams.iter().all(Option::is_none));
    }
}
