//! Who holds what, for how long, and what that means upstream.

use std::sync::Arc;

use super::desk::{Desk, names, price, request_id, subscribe};
use crate::{schema::ErrorCode, session::rig::START_US, tws::Request};

#[test]
fn clients_share_one_upstream_request_and_the_last_to_leave_cancels_it() {
    let mut desk = Desk::new();
    let first = desk.lease("alpha", &["quote"]);
    let req_id = desk.asked();
    let second = desk.lease("beta", &["quote", "tick"]);
    assert_eq!(desk.sent(), []);
    assert_eq!((second.streams[0].holders, second.streams[1].holders), (2, 1));

    assert_eq!(desk.unsubscribe("alpha", &first.lease), Ok(0));
    assert_eq!(desk.sent(), []);
    assert_eq!(desk.unsubscribe("beta", &second.lease), Ok(1));
    let sent = desk.sent();
    assert_eq!((names(&sent), request_id(&sent[0])), (vec!["CancelMarketData"], req_id));
    assert_eq!(desk.list().upstream, []);
}

#[test]
fn a_lease_ends_when_it_is_not_renewed() {
    let mut desk = Desk::new();
    let stock = Arc::clone(&desk.stock);
    let lease = desk.try_subscribe("alpha", subscribe(&["depth"], 60), &stock).expect("a lease");
    assert_eq!(lease.expires_us, Some(START_US + 60_000_000));
    desk.sent();
    desk.rig.wait_ms(59_999);
    let renewed = desk.renew("alpha", &lease.lease).expect("a lease");
    assert_eq!(renewed.expires_us, Some(START_US + 119_999_000));
    desk.sent();
    desk.rig.wait_ms(59_999);
    assert!(!names(&desk.sent()).contains(&"CancelMarketDepth"));
    desk.rig.wait_ms(1);
    assert!(names(&desk.sent()).contains(&"CancelMarketDepth"));
    assert_eq!(desk.renew("alpha", &lease.lease).expect_err("gone").code, ErrorCode::InvalidRequest);
}

#[test]
fn a_lease_without_ttl_does_not_end() {
    let mut desk = Desk::new();
    let lease = desk.lease("alpha", &["depth"]);
    assert_eq!(lease.expires_us, None);
    desk.rig.wait_ms(3_600_000);
    assert_eq!(desk.list().leases.len(), 1);
}

#[test]
fn a_client_cannot_end_the_lease_of_another() {
    let mut desk = Desk::new();
    let lease = desk.lease("alpha", &["quote"]);
    assert_eq!(desk.unsubscribe("beta", &lease.lease).expect_err("refused").code, ErrorCode::InvalidRequest);
    assert_eq!(desk.unsubscribe("", &lease.lease), Ok(1));
}

#[test]
fn a_request_that_was_not_sent_yet_is_withdrawn_instead_of_cancelled() {
    let mut desk = Desk::new();
    desk.rig.cut(crate::schema::connection::LinkName::Data);
    let lease = desk.lease("alpha", &["quote"]);
    assert_eq!(desk.unsubscribe("alpha", &lease.lease), Ok(0));
    desk.rig.reconnect(crate::schema::connection::LinkName::Data);
    assert!(!names(&desk.sent()).contains(&"MarketDataRequest"));
}

#[test]
fn bar_sizes_that_are_not_streamed_are_refused_with_those_that_are() {
    let mut desk = Desk::new();
    let stock = Arc::clone(&desk.stock);
    let error = desk.try_subscribe("alpha", subscribe(&["quote", "bar.1w"], 0), &stock).expect_err("refused");
    assert_eq!(error.code, ErrorCode::Unsupported);
    assert!(error.message.contains("bar.5s to bar.1d"), "{error}");
    assert_eq!(desk.sent(), []);
}

#[test]
fn more_generic_ticks_are_asked_for_without_a_hole_in_the_stream() {
    let mut desk = Desk::new();
    let first = desk.stream(&["quote"]);
    desk.hear(price(first, 1, 10.0, "5"));
    desk.heard();

    let mut ask = subscribe(&["quote"], 0);
    ask.generic_ticks = vec![233, 232];
    let stock = Arc::clone(&desk.stock);
    desk.try_subscribe("beta", ask, &stock).expect("a lease");
    let sent = desk.sent();
    let [Request::MarketDataRequest(wider)] = &sent[..] else { panic!("{sent:?}") };
    assert_eq!(wider.generic_tick_list.as_deref(), Some("232,233"));
    let second = wider.req_id.expect("an id");
    assert_ne!(second, first);

    desk.hear(price(first, 1, 11.0, "5"));
    assert_eq!(desk.sent(), [], "the first goes on until the second delivers");
    desk.hear(price(second, 1, 12.0, "5"));
    assert_eq!(desk.asked(), first);
    desk.hear(price(first, 1, 13.0, "5"));
    let bids: Vec<_> = desk.heard().quotes.iter().map(|quote| (quote.bid, quote.after_gap)).collect();
    assert_eq!(bids, [(Some(11.0), None), (Some(12.0), None)]);
    assert_eq!(desk.list().lines.used, 1);
}

#[test]
fn generic_ticks_that_the_gateway_refuses_cost_nobody_the_quotes() {
    let mut desk = Desk::new();
    let first = desk.stream(&["quote"]);
    desk.hear(price(first, 1, 10.0, "5"));
    let mut ask = subscribe(&["quote"], 0);
    ask.generic_ticks = vec![9_999];
    let stock = Arc::clone(&desk.stock);
    desk.try_subscribe("beta", ask, &stock).expect("a lease");
    let wider = desk.asked();
    desk.notice(wider, 321, "Error validating request.-'bN' : cause - Incorrect generic tick list of 9999.");
    desk.heard();
    desk.hear(price(first, 1, 11.0, "5"));
    assert_eq!(desk.heard().quotes[0].bid, Some(11.0));
    assert_eq!(desk.sent(), []);
}

#[test]
fn a_caller_who_gave_up_holds_no_lease() {
    let mut desk = Desk::new();
    let ask = crate::session::Ask::Subscribe(Box::new(subscribe(&["quote"], 0)));
    let command = desk.rig.command("alpha", ask);
    let stock = Arc::clone(&desk.stock);
    desk.rig.session.run_resolved(&command, Ok(stock));
    assert_eq!(desk.list().leases, []);
}

#[test]
fn names_of_leases_are_not_those_of_an_earlier_run() {
    let mut desk = Desk::new();
    let early = desk.lease("alpha", &["quote"]).lease;
    let mut later = Desk::new();
    later.rig.wait_ms(5);
    assert_ne!(later.lease("alpha", &["quote"]).lease, early);
}

#[test]
fn the_last_quote_of_a_stream_that_nobody_holds_any_more_is_stale() {
    let mut desk = Desk::new();
    let (first, last) = (desk.lease("alpha", &["quote"]), desk.lease("beta", &["quote"]));
    let id = desk.asked();
    desk.hear(price(id, 1, 10.0, "1"));
    desk.heard();
    assert_eq!(desk.unsubscribe("alpha", &first.lease), Ok(0));
    assert_eq!(desk.heard().quotes, []);
    assert_eq!(desk.unsubscribe("beta", &last.lease), Ok(1));
    let quotes: Vec<_> = desk.heard().quotes.iter().map(|quote| (quote.bid, quote.stale)).collect();
    assert_eq!(quotes, [(Some(10.0), true)]);
    assert!(desk.unsubscribe("beta", &last.lease).is_err(), "a lease ends once");
    assert_eq!(names(&desk.sent()), ["CancelMarketData"], "and so does its line");
}
