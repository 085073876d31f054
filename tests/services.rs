//! News, scanners, option calculators, the calendar and tables, from the simulated gateway to NATS.
#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

#[path = "rig/desk.rs"]
#[allow(dead_code, reason = "each test file uses its part")]
mod desk;
#[path = "rig/nats_server.rs"]
mod nats_server;

use std::collections::BTreeSet;

use desk::{Desk, LIMIT};
use futures_util::StreamExt as _;
use serde_json::{Value, json};

/// All pages of an answer that comes in pages, in order.
async fn pages(desk: &Desk, verb: &str, payload: Value) -> Vec<Value> {
    let inbox = desk.client.new_inbox();
    let mut replies = desk.client.subscribe(inbox.clone()).await.expect("subscribed");
    let payload = payload.to_string().into();
    desk.client.publish_with_reply(format!("ib.req.{verb}"), inbox, payload).await.expect("sent");
    let mut pages = Vec::new();
    loop {
        let next = tokio::time::timeout(LIMIT, replies.next()).await.expect("in time").expect("a page");
        let reply: Value = serde_json::from_slice(&next.payload).expect("JSON");
        desk.check(&format!("reply.{verb}"), &reply);
        assert_eq!(reply["ok"], true, "{reply}\n{}", desk.log());
        assert_eq!(reply["data"]["page"], pages.len());
        pages.push(reply["data"].clone());
        if reply["data"]["last"] == true {
            return pages;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn news_of_any_range_articles_and_bulletins_arrive() {
    let desk = Desk::open().await;
    let providers = desk.get("news.providers", json!({})).await;
    let codes: Vec<&str> =
        providers["providers"].as_array().expect("a list").iter().filter_map(|row| row["code"].as_str()).collect();
    assert_eq!(codes, ["BRFG", "BRFUPDN", "DJNL"]);

    // A week has far more than the 300 headlines of one request.
    let week_us = desk.sim().now_ms() * 1_000 - 7 * 86_400_000_000;
    let ask = json!({ "contract": "STK:AAPL", "start": week_us, "limit": 20_000 });
    let pages = pages(&desk, "news.headlines", ask).await;
    let rows: Vec<&Value> = pages.iter().flat_map(|page| page["rows"].as_array().expect("rows")).collect();
    let manifest = &pages.last().expect("a page")["manifest"];
    assert_eq!((manifest["rows"].as_u64(), &manifest["more"]), (Some(rows.len() as u64), &json!(false)));
    assert_eq!(manifest["holes"], json!([]));
    assert!(rows.len() > 600 && manifest["requests"].as_u64() > Some(2), "{} rows, {manifest}", rows.len());
    let times: Vec<i64> = rows.iter().filter_map(|row| row["event_us"].as_i64()).collect();
    assert!(times.is_sorted() && times[0] >= week_us && times.len() == rows.len());
    let ids: BTreeSet<&str> = rows.iter().filter_map(|row| row["article_id"].as_str()).collect();
    assert_eq!(ids.len(), rows.len(), "each once");

    let last = rows.last().expect("a headline");
    let ask = json!({ "provider": last["provider"], "article_id": last["article_id"] });
    let article = desk.get("news.article", ask).await;
    assert!(article["text"].as_str().expect("text").contains(last["headline"].as_str().expect("text")), "{article}");
    let (code, _) = desk.refused("news.article", r#"{"provider":"BRFG","article_id":"BRFG$none"}"#).await;
    assert_eq!(code, "invalid_request");
    let (code, _) = desk.refused("news.headlines", r#"{"contract":"STK:AAPL","providers":["NOSUCH"]}"#).await;
    assert_eq!(code, "no_permission");

    let mut news = desk.listen("news.>").await;
    // An answer says that the server knows the subscription by now.
    let known = desk.get("news.bulletins", json!({})).await;
    assert_eq!(known["bulletins"], json!([]));
    desk.sim().bulletin(2, "NYSE is closed", "NYSE").await;
    let (subject, bulletin) = news.next().await;
    assert_eq!((subject.as_str(), &bulletin["bulletin"]), ("ib.news.bulletin", &json!("exchange_unavailable")));
    let known = desk.get("news.bulletins", json!({})).await;
    assert_eq!(
        (&known["subject"], &known["bulletins"][0]["headline"]),
        (&json!("ib.news.bulletin"), &json!("NYSE is closed"))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scanners_are_described_run_leased_and_limited() {
    let desk = Desk::open().await;
    let codes = desk.get("scan.parameters", json!({ "part": "scan_codes", "instrument": "STK" })).await;
    let codes: Vec<&str> =
        codes["scan_codes"].as_array().expect("a list").iter().filter_map(|row| row["code"].as_str()).collect();
    assert!(codes.contains(&"TOP_PERC_GAIN"), "{codes:?}");
    let raw = desk.get("scan.parameters", json!({ "part": "raw" })).await;
    assert!(raw["raw"].as_str().expect("text").contains("<scanCode>TOP_PERC_GAIN</scanCode>"));

    let scan = |code: &str, rows: u8| json!({ "instrument": "STK", "location": "STK.US.MAJOR", "scan_code": code, "rows": rows });
    let result = desk.get("scan.run", json!({ "scan": scan("HIGH_PRICE", 3) })).await;
    assert_eq!(result["rows"].as_array().map(Vec::len), Some(3), "{result}");
    let mut results = desk.listen("scan.>").await;
    let lease = desk.get("scan.subscribe", json!({ "scan": scan("TOP_PERC_GAIN", 50) })).await;
    let (subject, event) = results.next().await;
    assert_eq!((lease["subject"].as_str(), &event["id"]), (Some(subject.as_str()), &lease["id"]));
    assert!(event["rows"].as_array().is_some_and(|rows| rows.len() > 5), "{event}");

    let (code, message) = desk.refused("scan.run", &json!({ "scan": scan("NOSUCH", 5) }).to_string()).await;
    assert!(code == "rejected_by_gateway" && message.contains("NOSUCH"), "{code}: {message}");

    for rows in 1..10 {
        desk.get("scan.subscribe", json!({ "scan": scan("MOST_ACTIVE", rows) })).await;
    }
    let eleventh = json!({ "scan": scan("MOST_ACTIVE", 10), "on_limit": "refuse" });
    let (code, message) = desk.refused("scan.subscribe", &eleventh.to_string()).await;
    assert!(code == "pacing_limited" && message.contains("top_perc_gain-"), "{code}: {message}");
    let waiting = desk.get("scan.subscribe", json!({ "scan": scan("MOST_ACTIVE", 10) })).await;
    assert_eq!(waiting["state"], "waiting");
    desk.get("scan.unsubscribe", json!({ "lease": lease["lease"] })).await;
    let id = waiting["id"].clone();
    let event = results.next_where(|event| event["id"] == id).await;
    assert_eq!(event["rows"].as_array().map(Vec::len), Some(10), "its turn came");
    let list = desk.get("scan.list", json!({})).await;
    assert_eq!(list["scanners"], json!({ "used": 10, "max": 10 }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calculators_calendar_and_tables_answer() {
    let desk = Desk::open().await;
    let chain = json!({ "contract": { "sec_type": "OPT", "symbol": "AAPL", "right": "C", "strike": 250 } });
    let options = desk.get("contract.details", chain).await;
    let options = options["contracts"].as_array().expect("a list");
    // The last expiry is far enough away for any volatility to show.
    let option = options.iter().max_by_key(|row| row["instrument"]["expiry"].as_str()).expect("an option");
    let contract = json!(format!("CONID:{}", option["instrument"]["con_id"]));
    let ask = json!({ "contract": contract, "volatility": 0.3, "under_price": 260.0 });
    let priced = desk.get("option.price", ask).await;
    let price = priced["price"].as_f64().expect("a price");
    assert!(price > 10.0 && priced["delta"].as_f64() > Some(0.5), "{priced}");
    let ask = json!({ "contract": contract, "price": price, "under_price": 260.0 });
    let volatility = desk.get("option.volatility", ask).await["volatility"].as_f64().expect("a volatility");
    assert!((volatility - 0.3).abs() < 1e-3, "{volatility}");
    let stock = json!({ "contract": "STK:AAPL", "volatility": 0.3, "under_price": 260.0 });
    assert_eq!(desk.refused("option.price", &stock.to_string()).await.0, "invalid_request");

    let events = desk.get("wsh.events", json!({ "contract": "STK:AAPL", "limit": 3 })).await;
    assert!(events["data"].as_array().is_some_and(|events| !events.is_empty() && events.len() <= 3), "{events}");
    let meta = desk.get("wsh.meta", json!({})).await;
    assert!(meta["data"]["meta_data"]["event_types"].is_array(), "{meta}");
    assert_eq!(desk.sim().request_count("WshMetaDataRequest").await, 1);

    let components = desk.get("reference.components", json!({ "contract": "STK:AAPL" })).await;
    assert_eq!(components["bbo_exchange"], "9c0001", "{components}");
    assert!(components["components"].as_array().is_some_and(|rows| rows.len() > 5));
    let depth = desk.get("reference.depth_exchanges", json!({})).await;
    assert!(depth["exchanges"].as_array().is_some_and(|rows| rows.len() > 3));
    let families = desk.get("reference.families", json!({})).await;
    assert_eq!(families["families"][0]["account"], "DU1234567");
    desk.get("reference.soft_dollar_tiers", json!({})).await;
    desk.get("reference.user", json!({})).await;
    let time = desk.get("reference.time", json!({})).await;
    let apart_us = time["gateway_us"].as_i64().expect("a time") - time["recv_us"].as_i64().expect("a time");
    assert!(apart_us.abs() < 5_000_000, "{time}");
    let (code, message) = desk.refused("reference.advisor", r#"{"part":"groups"}"#).await;
    assert!(code == "invalid_request" && message.contains("advisor"), "{code}: {message}");
    assert_eq!(desk.refused("reference.fundamentals", r#"{"contract":"STK:AAPL"}"#).await.0, "unsupported");
}
