//! Contracts, hours, staleness and times, as clients of the whole product see them.
#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

#[path = "rig/desk.rs"]
#[allow(dead_code, reason = "each test file uses its part")]
mod desk;
#[path = "rig/nats_server.rs"]
mod nats_server;

use std::collections::BTreeSet;

use desk::{Desk, buy};
use serde_json::{Value, json};

/// 1980-01-01 and 2100-01-01 in microseconds: neither history nor the simulated day reaches beyond.
const PLAUSIBLE_US: std::ops::Range<i64> = 315_532_800_000_000..4_102_444_800_000_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hours_and_rules_are_told_and_known_after_a_restart_of_the_bridge() {
    let mut desk = Desk::open().await;
    let hours = desk.get("contract.hours", json!({ "contract": "STK:AAPL" })).await;
    assert_eq!((&hours["is_open"], &hours["time_zone"]), (&json!(true), &json!("US/Eastern")), "{hours}");
    let session = &hours["trading"][0];
    let (start_us, end_us) =
        (session["start_us"].as_i64().expect("a time"), session["end_us"].as_i64().expect("a time"));
    assert!(PLAUSIBLE_US.contains(&start_us) && end_us - start_us >= 82_800_000_000, "{hours}");
    let rules = desk.get("contract.rules", json!({ "contract": { "con_id": 265_598, "exchange": "SMART" } })).await;
    assert_eq!(rules["rules"][0]["steps"][0], json!({ "from": 0.0, "step": 0.01 }));

    let asked = desk.sim().request_count("ContractDataRequest").await;
    desk.stop_bridge().await;
    desk.start_bridge("");
    desk.wait_ready().await;
    let again = desk.get("contract.rules", json!({ "contract": "STK:AAPL" })).await;
    assert_eq!(again, rules);
    assert_eq!(desk.get("contract.hours", json!({ "contract": "STK:AAPL" })).await["trading"], hours["trading"]);
    assert_eq!(desk.sim().request_count("ContractDataRequest").await, asked, "nothing was asked again");
    assert_eq!(desk.sim().request_count("MarketRuleRequest").await, 1);

    // A gateway that was away may have restarted: it is asked again, once.
    desk.stop_sim().await;
    let away = async || {
        (desk.get("pool.status", json!({})).await["connection"]["data"]["attempts"].as_u64()? >= 2).then_some(())
    };
    desk.eventually("two failed dials", away).await;
    desk.start_sim().await;
    desk.wait_ready().await;
    for _ in 0..2 {
        desk.get("contract.hours", json!({ "contract": "STK:AAPL" })).await;
    }
    assert_eq!(desk.sim().request_count("ContractDataRequest").await, 1);

    // A damaged cache costs requests, nothing else.
    desk.stop_bridge().await;
    std::fs::write(desk.state().join("cache.sqlite"), b"this is no database, but long enough to be taken for one")
        .expect("written");
    desk.start_bridge("");
    desk.wait_ready().await;
    desk.get("contract.hours", json!({ "contract": "STK:AAPL" })).await;
    assert!(desk.log().contains("set aside"), "{}", desk.log());
    assert!(desk.state().join("cache.aside").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_dies_in_silence_is_told_and_repaired() {
    let mut desk = Desk::without_bridge().await;
    desk.start_bridge("[staleness]\nquote_s = 1");
    desk.wait_ready().await;
    let mut events = desk.listen("*.STK.AAPL.>").await;
    desk.get("md.subscribe", json!({ "contract": "STK:AAPL", "streams": ["quote"] })).await;
    for _ in 0..250 {
        events.next_where(|event| event["stale"] == false).await;
    }
    assert_eq!(desk.sim().kill_streams("AAPL").await, 1);
    let opened = events.next_where(|event| event["state"] == "opened").await;
    assert!(opened["reason"].as_str().expect("text").contains("market is open"), "{opened}");
    // Gaps and quotes travel on lanes of their own: either may come first.
    let (mut closed, mut quote) = (None, None);
    while closed.is_none() || quote.is_none() {
        let (_, event) = events.next().await;
        if event["state"] == "closed" {
            closed = Some(event);
        } else if event["after_gap"] == true {
            quote = Some(event);
        }
    }
    let closed = closed.expect("the end of the gap");
    assert!(closed["to_us"].as_i64() > opened["from_us"].as_i64(), "{closed}");
    assert_eq!(quote.expect("the first quote after it")["stale"], false);
    let health = desk.get("bridge.health", json!({})).await;
    assert_eq!(health["counters"]["stale_streams"], 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cfd_streams_as_its_underlying_and_keeps_its_own_name() {
    let desk = Desk::open().await;
    let mut events = desk.listen(">").await;
    desk.get("md.subscribe", json!({ "contract": "CFD:AAPL", "streams": ["quote", "depth"] })).await;
    let mut wanted = BTreeSet::from(["ib.quote.CFD.AAPL.SMART.USD", "ib.depth.CFD.AAPL.SMART.USD"]);
    while !wanted.is_empty() {
        let (subject, event) = events.next().await;
        if wanted.remove(subject.as_str()) {
            assert_eq!(event["con_id"], 120_549_942);
        }
    }
    let index = desk.get("md.snapshot", json!({ "contract": "CFD:IBUS500" })).await;
    assert!(index["quote"]["bid"].as_f64().expect("a bid") > 1_000.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_option_chain_is_told_by_its_parameters_then_expiry_by_expiry() {
    let desk = Desk::open().await;
    let ask = json!({ "contract": "STK:AAPL", "exchange": "SMART", "parameters_only": true });
    let parameters = desk.get("contract.chain", ask).await["parameters"][0].clone();
    let expiries: Vec<&str> =
        parameters["expiries"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    let strikes = parameters["strikes"].as_array().expect("a list");
    let middle = &strikes[strikes.len() / 2];
    assert!(expiries.len() > 8 && expiries.is_sorted(), "{parameters}");

    let (code, message) = desk.refused("contract.chain", r#"{"contract":"STK:AAPL"}"#).await;
    let size = expiries.len() * strikes.len() * 2;
    assert!(code == "too_large" && message.contains(&format!("{size} contracts")), "{code}: {message}");

    let asked = desk.sim().request_count("ContractDataRequest").await;
    let ask = json!({
        "contract": "STK:AAPL", "expiry_from": expiries[1], "expiry_to": expiries[2], "around": middle, "strike_count": 3
    });
    let pages = desk.pages("contract.chain", ask).await;
    let [first, page] = &pages[..] else { panic!("a page for each expiry: {pages:?}") };
    assert_eq!(
        (first["last"].as_bool(), &first["progress"]["done"], &first["progress"]["total"]),
        (Some(false), &json!(1), &json!(2))
    );
    let rows: Vec<&Value> = pages.iter().flat_map(|page| page["rows"].as_array().expect("rows")).collect();
    assert_eq!((rows.len(), &page["last"], &page["manifest"]["rows"]), (12, &json!(true), &json!(12)), "{page}");
    assert_eq!((&page["manifest"]["holes"], &page["manifest"]["requests"]), (&json!([]), &json!(2)));
    assert_eq!(desk.sim().request_count("ContractDataRequest").await, asked + 2);
    assert_eq!(desk.sim().request_count("SecDefOptParamsRequest").await, 1, "parameters are kept");
    let option = desk.get("contract.details", json!({ "contract": rows[0]["instrument"] })).await;
    let found = &option["contracts"][0]["instrument"];
    for field in ["con_id", "expiry", "strike", "right", "multiplier", "trading_class", "exchange"] {
        assert_eq!(found[field], rows[0][field], "{field}");
    }

    let ask = json!({ "contract": "IND:SPX@CBOE", "expiries": [expiries[1]], "around": 6_700, "strike_count": 2 });
    let page = desk.get("contract.chain", ask).await;
    assert_eq!(
        (&page["last"], &page["manifest"]["rows"]),
        (&json!(true), &json!(4)),
        "an index has options, too: {page}"
    );
    // Options on futures are found by the exchange of the future; this gateway lists none.
    let (code, _) = desk.refused("contract.chain", r#"{"contract":"FUT:ES:202612@CME","expiries":["202612"]}"#).await;
    assert_eq!(code, "no_data");
}

/// Every number whose name ends in `_us`, and every text that looks like a time of day.
fn walk(path: &str, value: &Value, faults: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let path = format!("{path}.{name}");
                if name.ends_with("_us") && name != "round_trip_us" {
                    let is_plausible = value.as_i64().is_some_and(|us| PLAUSIBLE_US.contains(&us));
                    if !is_plausible {
                        faults.push(format!("{path}: {value}"));
                    }
                }
                walk(&path, value, faults);
            }
        }
        Value::Array(rows) => rows.iter().for_each(|row| walk(path, row, faults)),
        Value::String(text) => {
            let digits: String = text.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect();
            // A time of day beside a date, as gateways, ISO 8601 and people write it.
            let is_time = ["99999999 99:99", "99999999-99:99", "99999999:9999", "9999-99-99T99", "9999-99-99 99:99"];
            if is_time.iter().any(|form| digits.contains(form)) {
                faults.push(format!("{path}: {text:?} is a time in words"));
            }
        }
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_time_on_nats_is_microseconds_utc() {
    let desk = Desk::open().await;
    let mut events = desk.listen(">").await;
    let streams = json!(["quote", "tick", "tbt.all_last", "tbt.bid_ask", "bar.5s", "depth"]);
    desk.get("md.subscribe", json!({ "contract": "STK:AAPL", "streams": streams })).await;
    let option = json!({ "sec_type": "OPT", "symbol": "AAPL", "right": "C", "strike": 270 });
    let options = desk.get("contract.details", json!({ "contract": option })).await;
    let con_id = &options["contracts"][0]["instrument"]["con_id"];
    desk.get("md.subscribe", json!({ "contract": format!("CONID:{con_id}"), "streams": ["greeks"] })).await;
    let mut faults = Vec::new();
    walk("contract.details", &options, &mut faults);
    let now_us = desk.sim().now_ms() * 1_000;
    let replies = [
        ("contract.details", json!({ "contract": "STK:AAPL" })),
        ("contract.details", json!({ "contract": "FUT:ES:202612@CME" })),
        ("contract.hours", json!({ "contract": "FUT:ES:202612@CME" })),
        ("hist.bars", json!({ "contract": "STK:AAPL", "bar_size": "1h", "duration": "1d" })),
        ("hist.bars", json!({ "contract": "STK:AAPL", "bar_size": "1d", "duration": "5d" })),
        ("hist.head", json!({ "contract": "STK:AAPL" })),
        ("hist.ticks", json!({ "contract": "STK:AAPL", "kind": "last", "start": now_us - 20_000_000 })),
        ("hist.ticks", json!({ "contract": "STK:AAPL", "kind": "bid_ask", "start": now_us - 20_000_000 })),
        ("hist.schedule", json!({ "contract": "STK:AAPL", "duration": "10d" })),
        ("news.headlines", json!({ "contract": "STK:AAPL", "limit": 20 })),
        ("md.snapshot", json!({ "contract": "STK:AAPL", "timeout_ms": 15_000 })),
        ("order.place", buy("times-1", 10)),
        ("order.list", json!({})),
        ("account.executions", json!({})),
        ("account.summary", json!({})),
        ("account.positions", json!({})),
        ("md.list", json!({})),
        ("pool.status", json!({})),
        ("pace.status", json!({})),
        ("bridge.info", json!({})),
        ("bridge.health", json!({})),
    ];
    for (verb, ask) in replies {
        let data = desk.get(verb, ask).await;
        walk(verb, &data, &mut faults);
    }
    desk.sim().notice(1100, "Connectivity between IB and Trader Workstation has been lost.").await;
    desk.sim()
        .notice(1102, "Connectivity between IB and Trader Workstation has been restored - data maintained.")
        .await;
    let mut wanted: BTreeSet<&str> = [
        "quote", "tick", "tbt", "bar", "depth", "greeks", "order", "fill", "position", "account", "pnl", "conn", "gap",
    ]
    .into();
    let mut seen = 0;
    while !wanted.is_empty() {
        let (subject, event) = events.next().await;
        walk(&subject, &event, &mut faults);
        wanted.remove(subject.split('.').nth(1).unwrap_or_default());
        seen += 1;
    }
    for (subject, event) in desk.stored("IB_CONN").await.iter().chain(&desk.stored("IB_ORDERS").await) {
        walk(subject, event, &mut faults);
    }
    assert!(faults.is_empty(), "{seen} events: {faults:#?}");
}
