//! Shortly before the gateway restarts nothing new is sent, and cancels are.

use super::*;
use crate::{
    config::{Calendar, Config},
    schema::{ErrorCode, request::order::CancelOrder},
};

const MINUTE_MS: u64 = 60_000;

#[test]
fn before_a_restart_new_orders_are_refused_and_cancels_go_through() {
    // The rig's clock starts at 03:00 in New York.
    let calendar = Calendar { gateway_restart: "03:30".to_owned(), ..Calendar::default() };
    let mut rig = Rig::ready_with(Config { calendar, ..Config::default() });
    rig.is_alive = true;
    place(&mut rig, ask("k1", ""));
    rig.receive(TRADING, open_order(gateway_order(1, 1, PERM, "k1"), "Submitted"));
    rig.wait_ms(29 * MINUTE_MS + 30_000);
    rig.forget();

    let token = place(&mut rig, ask("k2", ""));
    let error = rig.reply(token).expect("at once").expect_err("refused");
    assert_eq!(error.code, ErrorCode::NotReady);
    assert!(error.message.contains("restart") && error.retry_after_ms.is_some(), "{error:?}");
    let cancel = CancelOrder { key: Some("k1".parse().expect("a key")), ..CancelOrder::default() };
    rig.ask(Ask::CancelOrder(cancel));
    let sent: Vec<_> = rig.peek_sent(TRADING).iter().map(Request::name).collect();
    assert_eq!(sent, ["CancelOrderRequest"]);
}
