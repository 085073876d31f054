//! The order message against IB's own client, and there and back.

use std::collections::BTreeSet;

use prost::Message as _;
use serde_json::{Map, Value, json};

use super::*;
use crate::{
    session::orders::terms,
    tws::message::{Layout as _, order_flow::PlaceOrderRequest},
};

/// Frames of the official Python client 10.51.1.
const GOLDEN: &str = include_str!("../../../../tests/golden/tws/protobuf.jsonl");
/// One request for each order type and flag; the interop tests compare each with the official client's frame.
const REQUESTS: &str = include_str!("../../../../tests/orders/requests.jsonl");

const TERMS: Terms<'_> = Terms { client_id: 0, order_id: 7, account: "DU1234567", parent_id: None };

fn requests() -> Vec<(String, PlaceOrder)> {
    let read = |line: &str| {
        let row: Value = serde_json::from_str(line).expect("a row");
        let name = row["name"].as_str().expect("a name").to_owned();
        let text = row["request"].to_string().replace("\"#-", "\"k-");
        let mut request: Map<String, Value> = serde_json::from_str(&text).expect("a request");
        request.insert("key".to_owned(), json!("k"));
        request.entry("contract").or_insert(json!("STK:AAPL"));
        if row["parent"] == true {
            request.insert("parent_key".to_owned(), json!("parent"));
        }
        let request = serde_json::from_value(Value::Object(request)).unwrap_or_else(|error| panic!("{name}: {error}"));
        (name, request)
    };
    REQUESTS.lines().map(read).collect()
}

#[test]
fn every_order_type_and_flag_passes_the_checks() {
    let requests = requests();
    for (name, ask) in &requests {
        terms::check(ask, Some(226)).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    let used: BTreeSet<&str> = requests.iter().map(|(_, ask)| ask.order_type.ib_text()).collect();
    let all: BTreeSet<&str> = OrderType::ALL.iter().map(|kind| kind.ib_text()).collect();
    assert_eq!(used, all);
    let used: BTreeSet<&str> = requests.iter().map(|(_, ask)| ask.tif.ib_text()).collect();
    assert_eq!(used, TimeInForce::ALL.iter().map(|tif| tif.ib_text()).collect());
}

#[test]
fn a_request_comes_back_from_its_order_message_as_it_was() {
    for (name, ask) in requests() {
        let order = order(&ask, TERMS);
        let back = request(ask.key.clone(), &order, ask.contract.clone()).unwrap_or_else(|| panic!("{name}"));
        let expected = PlaceOrder {
            account: Some(TERMS.account.to_owned()),
            // These are not in the order message itself.
            parent_key: None,
            attached: None,
            ..ask
        };
        assert_eq!(back, expected, "{name}");
    }
}

#[test]
fn every_field_of_the_order_message_can_be_set() {
    let mut set: BTreeSet<String> =
        requests().iter().flat_map(|(_, ask)| dump(&order(ask, TERMS)).into_keys()).collect();
    // The gateway's own, and what an estimate sets.
    for field in REPORTED.into_iter().chain(["what_if"]) {
        assert!(set.insert(field.to_owned()), "{field}");
    }
    let all = Order::FIELDS.iter().map(|field| field.name.to_owned()).collect();
    assert_eq!(set, all);
}

#[track_caller]
fn check_golden(kind: &str, more: &str) {
    let call = format!("\"placeOrder {kind}\"");
    let line = GOLDEN.lines().find(|line| line.contains(&call)).unwrap_or_else(|| panic!("no frame {kind}"));
    let row: Value = serde_json::from_str(line).expect("a row");
    let frame = hex::decode(row["hex"].as_str().expect("hex")).expect("bytes");
    let golden = PlaceOrderRequest::decode(frame.get(4..).expect("a body")).expect("a message");
    let text = format!(r#"{{"key":"alpha-1","contract":"STK:AAPL","side":"buy","quantity":"100",{more}}}"#);
    let text = if more.contains("\"quantity\"") { text.replacen(r#""quantity":"100","#, "", 1) } else { text };
    let ask: PlaceOrder = serde_json::from_str(&text).expect("a request");
    let parent_id = ask.parent_key.as_ref().map(|_| 2);
    let mut sent = order(&ask, Terms { order_id: golden.order_id(), parent_id, ..TERMS });
    // The official client leaves the number out of the order itself.
    assert_eq!(sent.order_id.take(), golden.order_id);
    if kind == "whatIf" {
        sent.what_if = Some(true);
    }
    assert_eq!(Some(sent), golden.order, "{kind}");
    assert_eq!(golden.attached_orders, Some(attached(&ask, &[])));
}

#[test]
fn orders_are_written_as_the_official_client_writes_them() {
    let limit = r#""order_type":"limit","limit_price":189.5"#;
    check_golden("MKT", r#""order_type":"market""#);
    check_golden("LMT", limit);
    check_golden("STP", r#""order_type":"stop","stop_price":180"#);
    check_golden("STP LMT", r#""order_type":"stop_limit","stop_price":180,"limit_price":179.5"#);
    check_golden("TRAIL pct", r#""order_type":"trailing_stop","trailing_percent":2.5,"stop_price":180"#);
    check_golden("LMT zero price", r#""order_type":"limit","limit_price":0"#);
    check_golden("fractional", &format!(r#"{limit},"quantity":"0.125""#));
    check_golden(
        "OPT GTD",
        r#""order_type":"limit","limit_price":5.05,"tif":"gtd","good_till":"20261201-21:00:00","outside_regular_hours":true"#,
    );
    check_golden("BAG", r#""order_type":"limit","limit_price":-1.25,"smart_combo_routing":{"NonGuaranteed":"1"}"#);
    check_golden(
        "Adaptive",
        &format!(r#"{limit},"algo":{{"strategy":"Adaptive","params":{{"adaptivePriority":"Normal"}}}}"#),
    );
    check_golden("OCA child", &format!(r#"{limit},"parent_key":"p","oca_group":"g1","transmit":false"#));
    check_golden("whatIf", limit);
    let on_stock = r#""con_id":265598,"exchange":"SMART","above":true"#;
    check_golden(
        "conditions",
        &format!(
            r#"{limit},"conditions":{{"list":[
                {{"kind":"price",{on_stock},"price":200}},
                {{"kind":"time","after":true,"time":"20261120-15:00:00","join":"or"}},
                {{"kind":"margin","above":false,"percent":30}},
                {{"kind":"volume",{on_stock},"volume":1000000}},
                {{"kind":"percent_change",{on_stock},"change_percent":2.5}},
                {{"kind":"execution","symbol":"AAPL","sec_type":"STK","exchange":"SMART"}}]}}"#
        ),
    );
}

#[track_caller]
fn check_extra_refused(extra: Value, expected: &str) {
    let Value::Object(extra) = extra else { panic!("an object") };
    let error = check_extra(&extra.into_iter().collect()).expect_err("refused");
    assert!(error.message.starts_with(expected), "{error}");
}

#[test]
fn fields_passed_through_are_checked_by_name_and_type() {
    check_extra_refused(json!({ "colour": 1 }), "extra.colour: IB's order has no such field");
    check_extra_refused(json!({ "lmt_price": 1 }), "extra.lmt_price: has a field of its own");
    check_extra_refused(json!({ "shareholder": "S" }), "extra.shareholder: only the gateway fills it in");
    check_extra_refused(json!({ "submitter": 1 }), "extra.submitter: must be text");
    check_extra_refused(json!({ "what_if_type": "1" }), "extra.what_if_type: must be a whole number");
}
