//! What clients are told about orders of their own, of each other, and of people at the gateway.

use super::rig::*;
use super::*;
use crate::tws::message::order_flow::{
    AllOpenOrdersRequest, AutoOpenOrdersRequest, CompletedOrdersRequest, ExecutionFilter, ExecutionRequest,
    GlobalCancelRequest, OpenOrdersRequest,
};

#[test]
fn a_global_cancel_ends_everybodys_orders() {
    let mut rig = Rig::new();
    rig.place(1, STOCK, order("BUY 1 LMT 90"));
    rig.ask_as(2, &place(1, STOCK, order("BUY 1 LMT 90")));
    let all = rig.ask_as(3, &Request::GlobalCancelRequest(GlobalCancelRequest::default()));
    let cancelled =
        |client| all.iter().any(|(to, response)| *to == To::Client(client) && line_is(response, "error 1 202"));
    assert!(cancelled(1) && cancelled(2) && !cancelled(3));
}

fn line_is(response: &Response, wanted: &str) -> bool {
    brief(std::slice::from_ref(response)) == [wanted]
}

#[test]
fn orders_belong_to_their_client_and_survive_it() {
    let mut rig = Rig::new();
    rig.place(1, STOCK, order("BUY 1 LMT 90"));
    assert!(
        brief(&rig.ask_as(2, &cancel(1)).into_iter().map(|(_, response)| response).collect::<Vec<_>>())
            == ["error 1 10147"]
    );
    rig.broker.on_disconnect(1);
    assert!(rig.stock_at(89.0, 89.5).is_empty(), "nobody is there to be told");
    let again = rig.broker.on_login(1);
    assert_eq!(brief(&again), ["ManagedAccounts", "NextValidId", "OpenOrdersEnd"]);
    let request = ExecutionRequest { req_id: Some(9), execution_filter: Some(ExecutionFilter::default()) };
    let found = brief(&rig.ask(&Request::ExecutionRequest(Box::new(request))));
    assert_eq!(found, ["exec 9 1 BOT 1 @ 90", "commission 0.9", "ExecutionDetailsEnd"]);
}

#[test]
fn executions_are_filtered() {
    let mut rig = Rig::new();
    rig.place(1, STOCK, order("BUY 1 MKT"));
    rig.place(2, OPTION, order("BUY 1 MKT"));
    let text = |text: &str| Some(text.to_owned());
    for (filter, count) in [
        (ExecutionFilter { sec_type: text("OPT"), ..ExecutionFilter::default() }, 1),
        (ExecutionFilter { symbol: text("AAPL"), ..ExecutionFilter::default() }, 2),
        (ExecutionFilter { side: text("SELL"), ..ExecutionFilter::default() }, 0),
        (ExecutionFilter { client_id: Some(2), ..ExecutionFilter::default() }, 0),
        (ExecutionFilter { time: text("20241115-15:00:01"), ..ExecutionFilter::default() }, 0),
        (ExecutionFilter { specific_dates: vec![20_241_115], ..ExecutionFilter::default() }, 2),
    ] {
        let request = ExecutionRequest { req_id: Some(9), execution_filter: Some(filter.clone()) };
        let found = rig.ask(&Request::ExecutionRequest(Box::new(request)));
        assert_eq!(found.len(), 2 * count + 1, "{filter:?}");
    }
}

#[test]
fn a_manual_order_is_seen_by_all_and_bound_by_client_zero() {
    let mut rig = Rig::new();
    rig.ask_as(0, &Request::AutoOpenOrdersRequest(AutoOpenOrdersRequest { auto_bind: Some(false) }));
    let contract = crate::tws::message::contract::Contract { con_id: Some(STOCK), ..Default::default() };
    let (_, told) =
        rig.broker.inject_manual_order(rig.now_ms, &contract, &order("BUY 1 LMT 90"), &rig.market).expect("an order");
    assert!(told.iter().all(|(to, _)| *to == To::Client(0)) && !told.is_empty());
    let seen = brief(&rig.ask(&Request::AllOpenOrdersRequest(AllOpenOrdersRequest {})));
    assert_eq!(seen, ["open 0 Submitted", "status 0 Submitted 0/1", "OpenOrdersEnd"]);
    assert_eq!(brief(&rig.ask(&Request::OpenOrdersRequest(OpenOrdersRequest {}))), ["OpenOrdersEnd"]);
    let bound: Vec<_> = rig
        .ask_as(0, &Request::OpenOrdersRequest(OpenOrdersRequest {}))
        .into_iter()
        .map(|(_, response)| response)
        .collect();
    assert_eq!(brief(&bound), ["OrderBound", "open -2 Submitted", "status -2 Submitted 0/1", "OpenOrdersEnd"]);
    assert_eq!(
        brief(&rig.ask(&Request::AutoOpenOrdersRequest(AutoOpenOrdersRequest { auto_bind: Some(true) }))),
        ["error -1 327"]
    );
}

#[test]
fn completed_orders_come_without_ids_and_with_their_end() {
    let mut rig = Rig::new();
    rig.place(1, STOCK, order("BUY 1 MKT"));
    let answers = rig.ask(&Request::CompletedOrdersRequest(CompletedOrdersRequest { api_only: Some(true) }));
    let [Response::CompletedOrder(done), Response::CompletedOrdersEnd(_)] = &answers[..] else { panic!("{answers:?}") };
    let (order, state) = (done.order.clone().unwrap_or_default(), done.order_state.clone().unwrap_or_default());
    assert_eq!((order.order_id, order.filled_quantity()), (None, "1"));
    assert_eq!((state.status(), state.completed_status()), ("Filled", "Filled Size: 1"));
}

#[test]
fn the_master_client_sees_other_clients_orders() {
    let mut rig = Rig::new();
    rig.broker.set_master_client(Some(8));
    rig.broker.on_login(8);
    let told = rig.ask_as(1, &place(1, STOCK, order("BUY 1 MKT")));
    let count = |client| told.iter().filter(|(to, _)| *to == To::Client(client)).count();
    assert_eq!(count(8), count(1));
    assert_eq!(rig.broker.next_order_id(8), 2);
}

#[test]
fn a_silent_order_is_found_only_by_asking() {
    let mut rig = Rig::new();
    rig.broker.hold_next_order_silent();
    assert!(rig.place(1, STOCK, order("BUY 1 MKT")).is_empty());
    assert!(rig.pass(60_000).is_empty());
    let seen = brief(&rig.ask(&Request::OpenOrdersRequest(OpenOrdersRequest {})));
    assert_eq!(seen, ["open 1 PendingSubmit", "status 1 PendingSubmit 0/1", "OpenOrdersEnd"]);
    let released: Vec<_> =
        rig.broker.release_silent(rig.now_ms, &rig.market).into_iter().map(|(_, response)| response).collect();
    assert!(has(&brief(&released), "status 1 Filled 1/0"));
}

#[test]
fn quiet_market_orders_fill_without_any_status() {
    let mut rig = Rig::new();
    rig.broker.set_behaviour(Behaviour { quiet_market_orders: true, ..Behaviour::default() });
    let quiet = |lines: &[String]| !lines.iter().any(|line| line.starts_with("status"));
    let lives: Vec<_> = (1..=20).map(|order_id| rig.place(order_id, STOCK, order("BUY 1 MKT"))).collect();
    assert!(lives.iter().all(|life| life.iter().any(|line| line.starts_with("exec"))));
    assert!(lives.iter().any(|life| quiet(life)) && lives.iter().any(|life| !quiet(life)));
}

#[test]
fn a_correction_replaces_the_fill_it_corrects() {
    let mut rig = Rig::new();
    let first = rig.ask(&place(1, STOCK, order("BUY 100 MKT")));
    rig.place(2, STOCK, order("SELL 40 MKT"));
    let exec_id = first.iter().find_map(|response| match response {
        Response::ExecutionDetails(details) => {
            details.execution.as_ref().map(|execution| execution.exec_id().to_owned())
        }
        _ => None,
    });
    let exec_id = exec_id.expect("an execution");
    let before = rig.cash();
    let told = rig.broker.correct_execution(rig.now_ms, &exec_id, 100.0, &rig.market).expect("a known execution");
    let Some((_, Response::ExecutionDetails(details))) = told.first() else { panic!("{told:?}") };
    let execution = details.execution.clone().unwrap_or_default();
    assert_eq!(execution.exec_id(), exec_id.replace(".01.01", ".01.02"));
    assert_eq!(rig.cash() - before, 2.into(), "100 shares, two cents");
    assert_eq!(rig.broker.position(ACCOUNT, STOCK), 60.into());
    assert!(rig.broker.correct_execution(rig.now_ms, "0.0.0.0", 1.0, &rig.market).is_none());
}
