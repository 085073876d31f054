//! Which kind of market data is asked for, and what else a subscription may wish.

use std::sync::Arc;

use super::desk::{Desk, names, price, request_id, subscribe};
use crate::{
    config::{Config, MarketDataPreference},
    schema::{
        ErrorCode,
        connection::LinkName,
        market::DataKind,
        request::market::{MarketDataPolicy, Snapshot, Subscribe},
    },
    session::{Answer, Ask, Event},
    tws::{
        Request, Response,
        message::{
            market_data::{MarketDataType, TickOptionComputation, TickSnapshotEnd},
            news::TickNews,
        },
    },
};

fn with(policy: MarketDataPolicy) -> Subscribe {
    Subscribe { market_data: Some(policy), ..subscribe(&["quote"], 0) }
}

/// Market data types sent, and `0` for each request.
fn types(sent: &[Request]) -> Vec<i32> {
    let kind = |request: &Request| match request {
        Request::MarketDataTypeRequest(kind) => kind.market_data_type,
        Request::MarketDataRequest(_) => Some(0),
        _ => None,
    };
    sent.iter().filter_map(kind).collect()
}

#[test]
fn the_type_is_set_right_before_the_request_that_needs_it_and_again_after_a_reconnect() {
    let mut desk = Desk::new();
    let stocks: Vec<_> = (1..=4).map(|con_id| desk.rig.stock(con_id, &format!("S{con_id}"))).collect();
    let policies = [
        MarketDataPolicy::LiveOnly,
        MarketDataPolicy::LiveElseDelayed,
        MarketDataPolicy::LiveElseDelayed,
        MarketDataPolicy::Any,
    ];
    for (policy, stock) in policies.into_iter().zip(&stocks) {
        desk.try_subscribe("alpha", with(policy), stock).expect("a lease");
    }
    assert_eq!(types(&desk.sent()), [0, 3, 0, 0, 4, 0]);
    desk.rig.cut(LinkName::Data);
    desk.rig.reconnect(LinkName::Data);
    assert_eq!(types(&desk.sent()), [0, 3, 0, 0, 4, 0]);
    desk.ask_snapshot();
    assert_eq!(types(&desk.sent()), [1, 0], "the configured one");
}

#[test]
fn the_message_that_sets_the_type_counts_against_the_rate() {
    let mut config = Config::default();
    config.pacing.messages_per_second = 13;
    config.pacing.trading_share = 10;
    config.pacing.cancel_share = 0;
    let mut desk = Desk::with(config);
    let stocks: Vec<_> = (1..=2).map(|con_id| desk.rig.stock(con_id, &format!("S{con_id}"))).collect();
    for (policy, stock) in [MarketDataPolicy::Any, MarketDataPolicy::LiveOnly].into_iter().zip(&stocks) {
        desk.try_subscribe("alpha", with(policy), stock).expect("a lease");
    }
    assert_eq!(types(&desk.sent()), [4, 0]);
    desk.rig.wait_ms(1_000);
    assert_eq!(types(&desk.sent()), [1, 0]);
}

#[test]
fn the_widest_policy_of_the_holders_counts_and_every_quote_says_its_kind() {
    let mut config = Config::default();
    config.gateway.market_data = MarketDataPreference::LiveElseDelayed;
    let mut desk = Desk::with(config);
    let stock = Arc::clone(&desk.stock);
    desk.try_subscribe("alpha", with(MarketDataPolicy::LiveOnly), &stock).expect("a lease");
    let first = request_id(&desk.sent()[0]);
    desk.notice(first, 354, "Requested market data is not subscribed. Delayed market data is available.");
    assert!(desk.list().leases[0].streams[0].reason.as_deref().expect("why").contains("354"));
    desk.rig.wait_ms(10_000);
    desk.sent();
    desk.try_subscribe("beta", subscribe(&["quote"], 0), &stock).expect("a lease");
    let sent = desk.sent();
    assert_eq!(types(&sent), [3, 0]);
    let id = request_id(sent.last().expect("a request"));
    desk.notice(id, 10_167, "Requested market data is not subscribed. Displaying delayed market data.");
    desk.hear(Response::MarketDataType(MarketDataType { req_id: Some(id), market_data_type: Some(3) }));
    desk.hear(price(id, 66, 10.0, "1"));
    let kinds: Vec<_> = desk.heard().quotes.iter().map(|quote| (quote.data_kind, quote.bid)).collect();
    assert_eq!(kinds, [(DataKind::Delayed, Some(10.0))]);

    let error = desk.try_subscribe("gamma", with(MarketDataPolicy::LiveOnly), &stock).expect_err("refused");
    assert_eq!(error.code, ErrorCode::NoPermission);
    desk.hear(Response::MarketDataType(MarketDataType { req_id: Some(id), market_data_type: Some(1) }));
    desk.try_subscribe("gamma", with(MarketDataPolicy::LiveOnly), &stock).expect("live now");
}

#[test]
fn headlines_alone_need_no_quotes_and_quotes_join_without_a_hole() {
    let mut desk = Desk::new();
    let stock = Arc::clone(&desk.stock);
    let ask = Subscribe { news_providers: vec!["BRFG".to_owned()], ..subscribe(&["news"], 0) };
    desk.try_subscribe("alpha", ask, &stock).expect("a lease");
    let sent = desk.sent();
    let [Request::MarketDataRequest(first)] = &sent[..] else { panic!("{sent:?}") };
    assert_eq!(first.generic_tick_list.as_deref(), Some("mdoff,292:BRFG"));
    let id = first.req_id.expect("an id");
    let news = TickNews {
        req_id: Some(id),
        timestamp: Some(1_700_000_000_123),
        provider_code: Some("BRFG".to_owned()),
        article_id: Some("BRFG$1".to_owned()),
        headline: Some("Apple rises".to_owned()),
        extra_data: Some(String::new()),
    };
    desk.rig.events();
    desk.hear(Response::TickNews(Box::new(news)));
    let events = desk.rig.events();
    let [Event::News(event)] = &events[..] else { panic!("{events:?}") };
    assert_eq!((event.provider.as_str(), event.event_us), ("BRFG", Some(1_700_000_000_123_000)));
    assert_eq!(event.instrument.as_ref().map(|instrument| instrument.con_id), Some(265_598));

    desk.try_subscribe("beta", subscribe(&["quote"], 0), &stock).expect("a lease");
    let sent = desk.sent();
    let [Request::MarketDataRequest(wider)] = &sent[..] else { panic!("{sent:?}") };
    assert_eq!(wider.generic_tick_list.as_deref(), Some("292:BRFG"));
    assert_eq!(desk.list().lines.used, 1);
}

#[test]
fn headlines_that_the_login_may_not_have_cost_nobody_the_quotes() {
    let mut desk = Desk::new();
    let stock = Arc::clone(&desk.stock);
    let ask = Subscribe { generic_ticks: vec![233], ..subscribe(&["quote", "news"], 0) };
    desk.try_subscribe("alpha", ask, &stock).expect("a lease");
    let refused = desk.asked();
    desk.notice(refused, 10_276, "News feed is not allowed.");
    let sent = desk.sent();
    let [Request::MarketDataRequest(again)] = &sent[..] else { panic!("{sent:?}") };
    assert_eq!(again.generic_tick_list.as_deref(), Some("233"));
}

#[test]
fn a_wrong_provider_is_refused() {
    let mut desk = Desk::new();
    let stock = Arc::clone(&desk.stock);
    for code in ["", "BRFG,233", "a b", "ABCDEFGHIJKLMNOPQRSTU"] {
        let ask = Subscribe { news_providers: vec![code.to_owned()], ..subscribe(&["news"], 0) };
        let error = desk.try_subscribe("alpha", ask, &stock).expect_err("refused");
        assert_eq!(error.code, ErrorCode::InvalidRequest, "{code:?}");
    }
}

#[test]
fn greeks_are_told_when_they_change_and_by_themselves() {
    let mut desk = Desk::new();
    let id = desk.stream(&["greeks"]);
    desk.rig.events();
    desk.hear(price(id, 1, 1.0, "1"));
    for delta in [0.5, 0.5, 0.6] {
        let tick = TickOptionComputation {
            req_id: Some(id),
            tick_type: Some(13),
            delta: Some(delta),
            implied_vol: Some(-1.0),
            ..TickOptionComputation::default()
        };
        desk.hear(Response::TickOptionComputation(Box::new(tick)));
    }
    let deltas: Vec<Option<f64>> = desk
        .rig
        .events()
        .into_iter()
        .map(|event| match event {
            Event::Greeks(_, event) => event.greeks.model.and_then(|model| model.delta),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(deltas, [Some(0.5), Some(0.6)]);
}

#[test]
fn an_instrument_has_one_book_smart_or_not() {
    let mut desk = Desk::new();
    let stock = Arc::clone(&desk.stock);
    let plain = Subscribe { smart_depth: Some(false), ..subscribe(&["depth"], 0) };
    desk.try_subscribe("alpha", plain, &stock).expect("a lease");
    let sent = desk.sent();
    let [Request::MarketDepthRequest(ask)] = &sent[..] else { panic!("{sent:?}") };
    assert_eq!(ask.is_smart_depth, None);
    let error = desk.try_subscribe("beta", subscribe(&["depth"], 0), &stock).expect_err("refused");
    assert_eq!(error.code, ErrorCode::Busy);
    assert!(error.message.contains("another exchange"), "{error}");
}

#[test]
fn a_regulatory_snapshot_is_asked_for_only_if_both_sides_say_so() {
    let ask = |regulatory| {
        let value = serde_json::json!({ "contract": "STK:AAPL", "regulatory": regulatory });
        Ask::Snapshot(Box::new(serde_json::from_value::<Snapshot>(value).expect("a request")))
    };
    let mut desk = Desk::new();
    let stock = Arc::clone(&desk.stock);
    let token = desk.rig.ask_resolved("alpha", ask(true), &stock);
    assert_eq!(desk.rig.reply(token).expect("at once").expect_err("refused").code, ErrorCode::NoPermission);
    assert_eq!(desk.sent(), []);

    let mut config = Config::default();
    config.gateway.regulatory_snapshots = true;
    let mut desk = Desk::with(config);
    let stock = Arc::clone(&desk.stock);
    // A running stream answers the plain one, never the other.
    let id = desk.stream(&["quote"]);
    for tick_type in [1, 2, 4, 9] {
        desk.hear(price(id, tick_type, 10.0, "1"));
    }
    let plain = desk.rig.ask_resolved("alpha", ask(false), &stock);
    assert!(desk.rig.reply(plain).is_some());
    assert_eq!(desk.sent(), []);
    let (first, second) =
        (desk.rig.ask_resolved("alpha", ask(true), &stock), desk.rig.ask_resolved("beta", ask(true), &stock));
    let sent = desk.sent();
    let [Request::MarketDataRequest(request)] = &sent[..] else { panic!("{sent:?}") };
    assert_eq!((request.snapshot, request.regulatory_snapshot), (Some(false), Some(true)));
    let paid = request.req_id.expect("an id");
    desk.hear(price(paid, 1, 11.0, "1"));
    desk.hear(Response::TickSnapshotEnd(TickSnapshotEnd { req_id: Some(paid) }));
    for token in [first, second] {
        let Some(Ok(Answer::Snapshot(answer))) = desk.rig.reply(token) else { panic!("no answer") };
        assert_eq!((answer.quote.bid, answer.regulatory, answer.shared), (Some(11.0), true, false));
    }
    let third = desk.rig.ask_resolved("alpha", ask(true), &stock);
    let error = desk.rig.reply(third).expect("at once").expect_err("refused");
    assert_eq!(error.code, ErrorCode::PacingLimited);
    desk.rig.wait_ms(1_000);
    desk.rig.ask_resolved("alpha", ask(true), &stock);
    assert_eq!(names(&desk.sent()), ["MarketDataRequest"]);
}
