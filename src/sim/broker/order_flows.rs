//! Scripted lives of orders, as a client sees them.

use super::rig::*;
use super::*;
use crate::tws::message::order::{AttachedOrders, Order, OrderCondition};
use crate::tws::message::order_flow::{OpenOrdersRequest, PlaceOrderRequest};

fn held(terms: &str, parent_id: i32) -> Order {
    Order { parent_id: Some(parent_id), transmit: Some(false), ..order(terms) }
}

fn sent(terms: &str, parent_id: i32) -> Order {
    Order { transmit: Some(true), ..held(terms, parent_id) }
}

#[track_caller]
fn check_refused(wish: Order, expected: i32) {
    let mut rig = Rig::new();
    assert_eq!(rig.place(1, STOCK, wish), [format!("error 1 {expected}")]);
    assert!(rig.broker.orders.all().next().is_none(), "a refused order is not kept");
}

#[test]
fn the_gateway_refuses_what_is_no_order() {
    let text = |text: &str| Some(text.to_owned());
    check_refused(order("BUY 100 LMT 99.005"), 110);
    check_refused(order("BUY 0 MKT"), 434);
    check_refused(order("BUY -5 MKT"), 321);
    check_refused(order("BUY many MKT"), 140);
    check_refused(order("HOLD 5 MKT"), 321);
    check_refused(order("BUY 5 LMT"), 107);
    check_refused(order("BUY 5 STP"), 403);
    check_refused(order("BUY 5 TRAIL"), 158);
    check_refused(order("BUY 5 MAYBE 1"), 321);
    check_refused(Order { account: text("DU9"), ..order("BUY 5 MKT") }, 321);
    check_refused(Order { tif: text("GTD"), ..order("BUY 5 MKT") }, 334);
    check_refused(Order { tif: text("GTC"), ..order("BUY 5 MOC") }, 113);
    check_refused(Order { tif: text("IOC"), ..order("BUY 5 STP 101") }, 111);
    check_refused(Order { tif: text("SOON"), ..order("BUY 5 MKT") }, 10052);
    check_refused(Order { good_after_time: text("noon"), ..order("BUY 5 MKT") }, 337);
    check_refused(Order { parent_id: Some(77), ..order("BUY 5 MKT") }, 10006);
    check_refused(Order { hedge_type: text("B"), ..order("BUY 5 MKT") }, 10007);
    check_refused(Order { what_if: Some(true), transmit: None, ..order("BUY 5 MKT") }, 413);
    assert_eq!(Rig::new().place(1, 99, order("BUY 5 MKT")), ["error 1 200"]);
}

#[test]
fn fractions_are_for_currencies_and_for_money() {
    check_refused(order("BUY 0.5 MKT"), 10243);
    assert_eq!(Rig::new().place(1, FUTURE, order("BUY 0.5 MKT")), ["error 1 10250"]);
    assert!(has(&Rig::new().place(1, BITCOIN, order("BUY 0.5 MKT")), "status 1 Filled 0.5/0"));
}

#[test]
fn an_account_may_close_what_it_could_not_open() {
    let mut rig = Rig::new();
    rig.place(1, FUTURE, order("BUY 8 MKT"));
    rig.market.set(FUTURE, 5_500.0, 5_500.25, 50);
    assert!(has(&rig.place(2, FUTURE, order("BUY 1 MKT")), "error 2 201"));
    assert!(has(&rig.place(3, FUTURE, order("SELL 9 MKT")), "status 3 Filled 9/0"), "one short is affordable");
    rig.place(4, FUTURE, order("BUY 1 MKT"));
    assert_eq!(rig.broker.position(ACCOUNT, FUTURE), 0.into());
}

#[test]
fn two_orders_share_one_quote() {
    let mut rig = Rig::new();
    rig.place(1, STOCK, order("BUY 700 LMT 99"));
    rig.place(2, STOCK, order("BUY 700 LMT 99"));
    let fills = rig.stock_at(98.5, 98.52);
    assert!(has(&fills, "exec -1 1 BOT 700 @ 99") && has(&fills, "exec -1 2 BOT 300 @ 99"), "{fills:?}");
}

#[test]
fn an_order_that_is_being_cancelled_cannot_be_modified() {
    let mut rig = Rig::new();
    rig.broker.set_behaviour(Behaviour { cancel_delay_ms: 100, ..Behaviour::default() });
    rig.place(1, STOCK, order("BUY 1 LMT 90"));
    rig.cancel(1);
    assert_eq!(rig.place(1, STOCK, order("BUY 1 LMT 91")), ["error 1 2102"]);
}

#[test]
fn a_twenty_first_order_on_one_side_is_rejected() {
    let mut rig = Rig::new();
    for order_id in 1..=20 {
        assert!(has(&rig.place(order_id, STOCK, order("BUY 1 LMT 90")), &format!("open {order_id} Submitted")));
    }
    assert!(has(&rig.place(21, STOCK, order("BUY 1 LMT 90")), "error 21 201"));
    assert!(has(&rig.place(22, STOCK, order("SELL 1 LMT 120")), "open 22 Submitted"));
}

#[test]
fn an_order_id_is_used_once() {
    let mut rig = Rig::new();
    rig.place(5, STOCK, order("BUY 1 MKT"));
    assert_eq!(rig.place(4, STOCK, order("BUY 1 MKT")), ["error 4 103"]);
    assert_eq!(rig.place(5, STOCK, order("BUY 1 MKT")), ["error 5 104"]);
    assert_eq!(rig.broker.next_order_id(1), 6);
    rig.broker.roll_back_next_id(3);
    assert_eq!(rig.broker.next_order_id(1), 3);
}

/// Otherwise a change under way when its order ends would be a second order, and no client could know.
#[test]
fn a_late_change_is_no_new_order_though_the_ids_have_fallen_back() {
    let mut rig = Rig::new();
    rig.place(1, STOCK, order("SELL 1 LMT 110"));
    rig.place(2, STOCK, order("SELL 1 LMT 110"));
    rig.broker.roll_back_next_id(2);
    rig.cancel(1);
    assert!(has(&rig.stock_at(110.5, 110.6), "status 2 Filled 1/0"));
    assert_eq!(rig.place(1, STOCK, order("SELL 1 LMT 111")), ["error 1 103"]);
    assert_eq!(rig.place(2, STOCK, order("SELL 1 LMT 111")), ["error 2 104"]);
    rig.broker.on_disconnect(1);
    rig.broker.on_login(1);
    let new = rig.place(2, STOCK, order("SELL 1 LMT 111"));
    assert!(has(&new, "open 2 Submitted"), "nobody was shown this number since the login: {new:?}");
}

#[test]
fn the_list_of_open_orders_shows_ids_that_stay_taken() {
    let mut rig = Rig::new();
    rig.place(1, STOCK, order("SELL 1 LMT 110"));
    rig.broker.roll_back_next_id(1);
    rig.broker.on_disconnect(1);
    rig.broker.on_login(1);
    assert_eq!(rig.broker.next_order_id(1), 1);
    rig.market.set(STOCK, 110.5, 110.6, 1_000);
    rig.broker.set_behaviour(Behaviour {
        callbacks: Callbacks { missing_permille: 1_000, ..Callbacks::default() },
        ..Behaviour::default()
    });
    assert!(rig.pass(100).is_empty());
    assert_eq!(rig.place(1, STOCK, order("SELL 1 LMT 111")), ["error 1 104"]);
}

#[test]
fn an_order_beyond_the_account_is_rejected_by_ib() {
    let mut rig = Rig::new();
    let answers = rig.place(1, STOCK, order("BUY 100000 MKT"));
    assert_eq!(answers, ["open 1 Inactive", "status 1 Inactive 0/100000", "error 1 201"]);
    assert_eq!(rig.cash(), 250_000.into());
}

#[test]
fn a_modification_changes_price_and_size_only() {
    let mut rig = Rig::new();
    rig.place(1, STOCK, order("BUY 100 LMT 90"));
    assert_eq!(rig.place(1, STOCK, order("BUY 200 LMT 91")), ["open 1 Submitted", "status 1 Submitted 0/200"]);
    for (wish, code) in [
        (order("SELL 200 LMT 91"), 105),
        (order("BUY 200 STP 110"), 329),
        (order("BUY 200 LMT 91.001"), 110),
        (order("BUY 0 LMT 91"), 434),
        (Order { oca_group: Some("x".to_owned()), ..order("BUY 200 LMT 91") }, 10326),
        (Order { order_ref: Some("x".to_owned()), ..order("BUY 200 LMT 91") }, 105),
    ] {
        assert_eq!(rig.place(1, STOCK, wish), [format!("error 1 {code}")]);
    }
    assert!(has(&rig.stock_at(90.5, 90.9), "status 1 Filled 200/0"), "the old order lives on");
}

#[test]
fn a_price_is_returned_as_the_very_double_that_was_sent() {
    let mut rig = Rig::new();
    let sent = 0.1 + 0.2;
    for wish in [order("BUY 1 LMT 0.5"), Order { lmt_price: Some(sent), ..order("BUY 1 LMT 0.5") }] {
        rig.place(1, STOCK, wish);
    }
    let open = rig.ask(&Request::OpenOrdersRequest(OpenOrdersRequest {}));
    let Some(Response::OpenOrder(open)) = open.first() else { panic!("{open:?}") };
    assert_eq!(open.order.as_ref().and_then(|order| order.lmt_price), Some(sent));
}

#[test]
fn a_modified_limit_that_crosses_fills_at_the_quote() {
    let mut rig = Rig::new();
    rig.place(1, STOCK, order("BUY 100 LMT 90"));
    let answers = rig.place(1, STOCK, order("BUY 100 LMT 101"));
    assert!(has(&answers, "exec -1 1 BOT 100 @ 100.02"), "{answers:?}");
}

#[test]
fn a_bracket_waits_for_its_last_leg_and_its_parent() {
    let mut rig = Rig::new();
    let parent = rig.place(1, STOCK, Order { transmit: None, ..order("BUY 100 LMT 99") });
    assert_eq!(parent, ["open 1 PendingSubmit", "status 1 PendingSubmit 0/100"]);
    assert_eq!(
        rig.place(2, STOCK, held("SELL 100 LMT 110", 1)),
        ["open 2 PendingSubmit", "status 2 PendingSubmit 0/100"]
    );
    let last = rig.place(3, STOCK, sent("SELL 100 STP 95", 1));
    for line in ["status 1 Submitted 0/100", "status 2 PreSubmitted 0/100", "status 3 PreSubmitted 0/100"] {
        assert!(has(&last, line), "{line} in {last:?}");
    }
    let entry = rig.stock_at(98.9, 98.95);
    assert!(has(&entry, "status 1 Filled 100/0") && has(&entry, "status 2 Submitted 0/100"), "{entry:?}");
    let exit = rig.stock_at(110.5, 110.6);
    assert!(has(&exit, "status 2 Filled 100/0"), "{exit:?}");
    assert!(has(&exit, "status 3 Cancelled 0/100") && has(&exit, "error 3 202"), "{exit:?}");
}

#[test]
fn children_are_cancelled_with_their_parent() {
    let mut rig = Rig::new();
    rig.place(1, STOCK, Order { transmit: None, ..order("BUY 100 LMT 99") });
    rig.place(2, STOCK, sent("SELL 100 STP 95", 1));
    let answers = rig.cancel(1);
    assert!(has(&answers, "error 1 202") && has(&answers, "error 2 202"), "{answers:?}");
}

#[test]
fn an_untransmitted_order_can_be_sent_later() {
    let mut rig = Rig::new();
    rig.place(1, STOCK, Order { transmit: None, ..order("BUY 100 MKT") });
    assert!(rig.pass(1000).is_empty());
    assert!(has(&rig.place(1, STOCK, order("BUY 100 MKT")), "status 1 Filled 100/0"));
}

fn in_group(oca_type: i32, terms: &str) -> Order {
    Order { oca_group: Some("pair".to_owned()), oca_type: Some(oca_type), ..order(terms) }
}

#[test]
fn an_oca_group_cancels_the_others_or_reduces_them() {
    for (oca_type, expected) in
        [(1, "status 2 Cancelled 0/2000"), (2, "status 2 Submitted 0/1000"), (3, "status 2 Submitted 0/1000")]
    {
        let mut rig = Rig::new();
        rig.place(1, STOCK, in_group(oca_type, "BUY 2000 LMT 99"));
        rig.place(2, STOCK, in_group(oca_type, "BUY 2000 LMT 98"));
        let half = rig.stock_at(98.9, 98.95);
        assert!(has(&half, "status 1 Submitted 1000/1000"), "{half:?}");
        assert!(has(&half, expected), "type {oca_type}: {half:?}");
    }
}

#[test]
fn a_filled_oca_group_takes_no_more_orders() {
    let mut rig = Rig::new();
    rig.place(1, STOCK, in_group(1, "BUY 1 MKT"));
    assert!(has(&rig.place(2, STOCK, in_group(1, "BUY 1 MKT")), "error 2 201"));
}

#[test]
fn attached_orders_become_children_at_preset_prices() {
    let mut rig = Rig::new();
    let attached = AttachedOrders { sl_order_id: Some(2), pt_order_id: Some(3), ..AttachedOrders::default() };
    let Request::PlaceOrderRequest(request) = place(1, STOCK, order("BUY 100 LMT 100")) else { unreachable!() };
    let request = PlaceOrderRequest { attached_orders: Some(attached), ..*request };
    let answers = brief(&rig.ask(&Request::PlaceOrderRequest(Box::new(request))));
    assert!(
        has(&answers, "status 2 PreSubmitted 0/100") && has(&answers, "status 3 PreSubmitted 0/100"),
        "{answers:?}"
    );
    assert!(has(&rig.stock_at(99.9, 100.0), "status 1 Filled 100/0"));
    let stopped = rig.stock_at(98.0, 98.02);
    assert!(has(&stopped, "exec -1 2 SLD 100 @ 98") && has(&stopped, "status 3 Cancelled 0/100"), "{stopped:?}");
}

#[test]
fn stops_and_touches_wait_for_the_last_price() {
    // order, last price that does not trigger, last price that does, status then
    for (terms, quiet, loud, after) in [
        ("BUY 10 STP 101", 100.99, 101.0, "Filled 10/0"),
        ("SELL 10 STP 99", 99.01, 99.0, "Filled 10/0"),
        ("BUY 10 MIT 99", 99.01, 99.0, "Filled 10/0"),
        ("SELL 10 MIT 101", 100.99, 101.0, "Filled 10/0"),
    ] {
        let mut rig = Rig::new();
        let answers = rig.place(1, STOCK, order(terms));
        assert_eq!(answers.last().map(String::as_str), Some("status 1 PreSubmitted 0/10"), "{terms}");
        assert!(rig.stock_at(quiet, quiet + 0.02).is_empty(), "{terms}");
        assert!(has(&rig.stock_at(loud, loud + 0.02), &format!("status 1 {after}")), "{terms}");
    }
}

#[test]
fn a_stop_limit_order_keeps_its_limit_after_the_trigger() {
    let mut rig = Rig::new();
    rig.place(1, STOCK, Order { lmt_price: Some(101.0), ..order("BUY 10 STP_LMT 100.5") });
    assert!(has(&rig.stock_at(102.0, 102.02), "status 1 Submitted 0/10"));
    assert!(has(&rig.stock_at(100.9, 100.95), "exec -1 1 BOT 10 @ 101"));
}

#[test]
fn a_trailing_stop_follows_the_market_one_way() {
    let mut rig = Rig::new();
    rig.place(1, STOCK, order("SELL 10 TRAIL 1"));
    assert!(rig.stock_at(105.0, 105.02).is_empty());
    assert!(rig.stock_at(104.01, 104.03).is_empty());
    assert!(has(&rig.stock_at(104.0, 104.02), "exec -1 1 SLD 10 @ 104"));
}

#[test]
fn a_trailing_limit_follows_in_percent() {
    let mut rig = Rig::new();
    let wish = Order { trailing_percent: Some(10.0), lmt_price_offset: Some(0.5), ..order("SELL 10 TRAIL_LIMIT") };
    rig.place(1, STOCK, wish);
    assert!(rig.stock_at(200.0, 200.02).is_empty());
    assert!(has(&rig.stock_at(179.0, 179.02), "status 1 Submitted 0/10"), "the limit is 179.5");
    assert!(has(&rig.stock_at(179.6, 179.62), "exec -1 1 SLD 10 @ 179.5"));
}

#[test]
fn immediate_orders_do_not_wait() {
    let with = |tif: &str, terms: &str| Order { tif: Some(tif.to_owned()), ..order(terms) };
    let mut rig = Rig::new();
    let partly = rig.place(1, STOCK, with("IOC", "BUY 1500 LMT 101"));
    assert!(has(&partly, "exec -1 1 BOT 1000 @ 100.02") && has(&partly, "status 1 Cancelled 1000/500"), "{partly:?}");
    rig.pass(100);
    let none = rig.place(2, STOCK, with("FOK", "BUY 1500 LMT 101"));
    assert!(has(&none, "status 2 Cancelled 0/1500"), "{none:?}");
    assert!(has(&rig.place(3, STOCK, with("FOK", "BUY 900 LMT 101")), "status 3 Filled 900/0"));
}

#[test]
fn orders_end_when_their_time_is_over() {
    let mut rig = Rig::new();
    rig.place(1, STOCK, order("BUY 1 LMT 90"));
    let wish = Order {
        good_till_date: Some("20241115-15:30:00".to_owned()),
        tif: Some("GTD".to_owned()),
        ..order("BUY 1 LMT 90")
    };
    rig.place(2, STOCK, wish);
    rig.place(3, STOCK, Order { tif: Some("GTC".to_owned()), ..order("BUY 1 LMT 90") });
    assert_eq!(rig.pass(30 * 60 * 1000), ["status 2 Cancelled 0/1", "error 2 202"]);
    assert_eq!(rig.pass(7 * 60 * 60 * 1000), ["status 1 Cancelled 0/1", "error 1 202"]);
}

#[test]
fn close_orders_trade_at_the_close() {
    let mut rig = Rig::new();
    assert!(has(&rig.place(1, STOCK, order("BUY 1 MOC")), "status 1 PreSubmitted 0/1"));
    assert!(rig.pass(6 * 60 * 60 * 1000 - 1).is_empty());
    assert!(has(&rig.pass(1), "status 1 Filled 1/0"));
}

#[test]
fn a_what_if_order_is_answered_and_not_made() {
    let mut rig = Rig::new();
    let answers = rig.ask(&place(1, STOCK, Order { what_if: Some(true), ..order("BUY 100 LMT 100") }));
    let [Response::OpenOrder(open)] = &answers[..] else { panic!("one openOrder, not {answers:?}") };
    let state = open.order_state.clone().unwrap_or_default();
    assert_eq!((state.init_margin_change(), state.commission_and_fees()), (5_000.0, 1.0));
    assert_eq!(rig.broker.next_order_id(1), 1);
    assert!(rig.broker.wanted().is_empty());
}

#[test]
fn money_can_be_spent_instead_of_a_quantity() {
    let mut rig = Rig::new();
    let wish = Order { total_quantity: None, cash_qty: Some(1000.0), ..order("BUY 0 MKT") };
    assert!(has(&rig.place(1, BITCOIN, wish), "exec -1 1 BOT 0.01666388 @ 60010"));
}

#[test]
fn slow_gateways_leave_room_for_races() {
    let mut rig = Rig::new();
    let slow = Behaviour {
        ack_delay_ms: 50,
        cancel_delay_ms: 200,
        commission_delay_ms: 500,
        duplicate_statuses: false,
        ..Behaviour::default()
    };
    rig.broker.set_behaviour(slow);
    assert_eq!(rig.place(1, STOCK, order("BUY 1 LMT 90")), ["open 1 PendingSubmit", "status 1 PendingSubmit 0/1"]);
    assert_eq!(rig.cancel(1), ["status 1 ApiCancelled 0/1", "error 1 202"]);
    rig.place(2, STOCK, order("BUY 1 LMT 90"));
    rig.pass(50);
    assert_eq!(rig.cancel(2), ["status 2 PendingCancel 0/1"]);
    assert_eq!(rig.cancel(2), ["error 2 10148"]);
    let race = rig.stock_at(89.0, 89.5);
    assert_eq!(race, ["exec -1 2 BOT 1 @ 90", "open 2 Filled", "status 2 Filled 1/0"], "a fill beats the cancel");
    assert!(rig.pass(499).is_empty());
    assert_eq!(rig.pass(1), ["commission 0.9"]);
}

#[test]
fn an_order_waits_for_its_conditions() {
    let mut rig = Rig::new();
    let above = |price: f64, and: bool| OrderCondition {
        kind: Some(1),
        is_conjunction_connection: Some(and),
        is_more: Some(true),
        con_id: Some(STOCK),
        price: Some(price),
        ..OrderCondition::default()
    };
    let later = OrderCondition {
        kind: Some(3),
        is_more: Some(true),
        time: Some("20990101-00:00:00".to_owned()),
        ..OrderCondition::default()
    };
    let with = |conditions: Vec<OrderCondition>| Order { conditions, ..order("BUY 100 MKT") };
    assert!(!has(&rig.place(1, STOCK, with(vec![above(101.0, true)])), "status 1 Filled 100/0"));
    assert!(!has(&rig.place(2, STOCK, with(vec![above(101.0, true), later.clone()])), "status 2 Filled 100/0"));
    assert!(!has(&rig.place(3, STOCK, with(vec![above(101.0, false), later])), "status 3 Filled 100/0"));
    let fills = rig.stock_at(101.0, 101.02);
    assert!(has(&fills, "status 1 Filled 100/0") && has(&fills, "status 3 Filled 100/0"), "{fills:?}");
    assert!(!has(&fills, "status 2 Filled 100/0"), "the other condition does not hold");
    let cancels =
        Order { conditions: vec![above(102.0, true)], conditions_cancel_order: Some(true), ..order("BUY 100 LMT 90") };
    assert!(has(&rig.place(4, STOCK, cancels), "status 4 Submitted 0/100"));
    assert!(has(&rig.stock_at(102.0, 102.02), "status 4 Cancelled 0/100"));
}

#[test]
fn types_whose_price_this_market_does_not_have_rest_and_a_hedge_takes_its_parents_size() {
    let mut rig = Rig::new();
    for (order_id, kind) in ["MIDPRICE", "REL", "PEG_MID", "VOL", "PEG_BENCH"].into_iter().enumerate() {
        let order_id = i32::try_from(order_id).expect("few") + 1;
        let line = format!("status {order_id} Submitted 0/5");
        assert!(has(&rig.place(order_id, STOCK, order(&format!("BUY 5 {kind}"))), &line), "{kind}");
    }
    assert!(has(&rig.place(10, STOCK, order("BUY 5 MTL")), "status 10 Filled 5/0"));
    rig.place(11, STOCK, Order { transmit: None, ..order("BUY 100 LMT 90") });
    let hedge = Order {
        hedge_type: Some("F".to_owned()),
        total_quantity: None,
        action: Some("SELL".to_owned()),
        ..sent("SELL 1 MKT", 11)
    };
    assert!(has(&rig.place(12, EURO, hedge), "status 12 PreSubmitted 0/100"));
}
