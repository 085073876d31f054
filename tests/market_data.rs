//! Leases, greeks, news, depth, halts and combos from the simulated gateway to NATS, with the real process.
#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

#[path = "rig/desk.rs"]
#[allow(dead_code, reason = "each test file uses its part")]
mod desk;
#[path = "rig/nats_server.rs"]
mod nats_server;

use desk::Desk;
use serde_json::{Value, json};

/// Room for four streams.
const SETTINGS: &str = "[pacing]\nmarket_data_lines = 4\n";

async fn lease(desk: &Desk, client: &str, ask: Value) -> Value {
    desk.get(&format!("md.subscribe.{client}"), ask).await
}

fn stream(contract: &Value, name: &str) -> Value {
    json!({ "contract": contract, "streams": [name], "ttl_s": 0 })
}

/// The first event on the one subject of a lease that `wanted` accepts.
async fn event(desk: &Desk, lease: &Value, wanted: impl Fn(&Value) -> bool) -> Value {
    let subject = lease["streams"][0]["subject"].as_str().expect("a subject");
    let mut tap = desk.listen(subject.strip_prefix("ib.").expect("below the prefix")).await;
    tap.next_where(wanted).await
}

/// One login with four lines: what fills them, what is refused and what waits, and what a restart leaves.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_lines_carry_four_kinds_of_streams_a_fifth_waits_or_is_refused_and_all_of_it_outlives_the_bridge() {
    let mut desk = Desk::without_bridge().await;
    desk.start_bridge(SETTINGS);
    desk.wait_ready().await;

    let apple = lease(&desk, "alpha", stream(&json!("STK:AAPL"), "quote")).await;
    halts_are_told(&desk, &apple).await;
    let option = greeks_flow(&desk).await;
    let combo = a_combo_may_cost_less_than_nothing(&desk).await;
    let news = headlines_come_by_provider(&desk).await;
    books_have_two_sides(&desk).await;

    lines_run_out(&desk, &apple).await;

    let (_, code) = desk.stop_bridge().await;
    assert_eq!(code, Some(0));
    desk.start_bridge(SETTINGS);
    desk.wait_ready().await;
    let list = desk.get("md.list", json!({})).await;
    let names = |leases: &[&Value]| leases.iter().map(|lease| lease["lease"].to_string()).collect::<Vec<_>>();
    let kept: Vec<&Value> = list["leases"].as_array().expect("a list").iter().collect();
    for lease in [&option, &combo, &news] {
        assert!(names(&kept).contains(&lease["lease"].to_string()), "{} of {list}", lease["lease"]);
        assert_eq!(lease["client"], "beta");
    }
    event(&desk, &option, |greeks| greeks["stale"] == false && greeks["model"]["delta"].is_f64()).await;
    event(&desk, &combo, |quote| quote["stale"] == false && quote["bid"].as_f64().is_some_and(|bid| bid < 0.0)).await;
}

async fn halts_are_told(desk: &Desk, apple: &Value) {
    event(desk, apple, |quote| quote["halted"] == false && quote["bid"].is_f64()).await;
    assert!(desk.sim().halt("AAPL").await);
    event(desk, apple, |quote| quote["halted"] == true).await;
    assert!(desk.sim().resume("AAPL").await);
    event(desk, apple, |quote| quote["halted"] == false).await;
}

async fn greeks_flow(desk: &Desk) -> Value {
    let chain = json!({ "contract": { "sec_type": "OPT", "symbol": "AAPL", "right": "C", "strike": 270 } });
    let options = desk.get("contract.details", chain).await;
    let options = options["contracts"].as_array().expect("a list").iter();
    let option = options.max_by_key(|row| row["instrument"]["expiry"].as_str()).expect("an option");
    let con_id = &option["instrument"]["con_id"];
    let option = lease(desk, "beta", stream(&json!(format!("CONID:{con_id}")), "greeks")).await;
    let greeks = event(desk, &option, |greeks| greeks["model"]["delta"].is_f64()).await;
    assert!((0.0..=1.0).contains(&greeks["model"]["delta"].as_f64().expect("a delta")), "{greeks}");
    assert!(greeks["model"]["underlying_price"].as_f64() > Some(100.0), "{greeks}");
    option
}

async fn a_combo_may_cost_less_than_nothing(desk: &Desk) -> Value {
    let leg = |con_id, action| json!({ "con_id": con_id, "ratio": 1, "action": action, "exchange": "SMART" });
    let contract = json!({ "sec_type": "BAG", "symbol": "AAPL", "legs": [leg(272_093, "SELL"), leg(265_598, "BUY")] });
    let combo = lease(desk, "beta", stream(&contract, "quote")).await;
    assert_eq!(combo["streams"][0]["subject"], "ib.quote.BAG.AAPL-B1_265598-S1_272093.SMART.USD");
    let quote = event(desk, &combo, |quote| quote["bid"].is_f64() && quote["ask"].is_f64()).await;
    let (bid, ask) = (quote["bid"].as_f64().expect("a bid"), quote["ask"].as_f64().expect("an ask"));
    // Bid and ask change one after the other: for a moment they may cross.
    assert!(bid < 0.0 && ask < 0.0, "what is sold costs more: {quote}");
    let (code, _) = desk.refused("md.subscribe", &stream(&contract, "tbt.last").to_string()).await;
    assert_eq!(code, "unsupported");
    combo
}

async fn headlines_come_by_provider(desk: &Desk) -> Value {
    let mut ask = stream(&json!("STK:MSFT"), "news");
    ask["news_providers"] = json!(["BRFG"]);
    let mut tap = desk.listen("news.BRFG").await;
    let news = lease(desk, "beta", ask).await;
    desk.eventually("the stream of headlines", async || {
        let list = desk.get("md.list", json!({})).await;
        let is_asked = |row: &Value| row["req_id"].is_i64() && row["con_id"] == 272_093;
        list["upstream"].as_array().is_some_and(|rows| rows.iter().any(is_asked)).then_some(())
    })
    .await;
    desk.sim().tell_news("BRFG", "MSFT", "Microsoft says something").await;
    let headline =
        tap.next_where(|news| news["headline"].as_str().is_some_and(|text| text.contains("says something"))).await;
    assert_eq!((&headline["provider"], &headline["instrument"]["symbol"]), (&json!("BRFG"), &json!("MSFT")));
    news
}

async fn books_have_two_sides(desk: &Desk) {
    let ask = json!({ "contract": "STK:IBM", "streams": ["depth"], "ttl_s": 60 });
    let depth = lease(desk, "beta", ask.clone()).await;
    event(desk, &depth, |row| row["action"] == "insert" || row["action"] == "update").await;
    desk.eventually("a whole book", async || {
        let again = lease(desk, "beta", ask.clone()).await;
        let book = again["book"].clone();
        desk.get("md.unsubscribe.beta", json!({ "lease": again["lease"] })).await;
        let best = |side: &str| book[side][0]["price"].as_f64();
        (best("bids")? < best("asks")?).then_some(())
    })
    .await;
    desk.get("md.unsubscribe.beta", json!({ "lease": depth["lease"] })).await;
}

async fn lines_run_out(desk: &Desk, apple: &Value) {
    let mut ask = stream(&json!("CASH:EUR.USD"), "quote");
    ask["when_full"] = json!("refuse");
    let reply = desk.ask("md.subscribe.gamma", ask.clone()).await;
    assert_eq!(reply["error"]["code"], "pacing_limited", "{reply}");
    let holders = json!([{ "client": "beta", "count": 3 }, { "client": "alpha", "count": 1 }]);
    assert_eq!(reply["error"]["holders"], holders);

    ask["when_full"] = json!("queue");
    let waiting = lease(desk, "gamma", ask).await;
    let row = &waiting["streams"][0];
    assert_eq!((&row["state"], &row["queue_position"]), (&json!("queued"), &json!(1)));
    assert_eq!(desk.get("md.unsubscribe.alpha", json!({ "lease": apple["lease"] })).await["cancelled"], 1);
    event(desk, &waiting, |quote| quote["bid"].is_f64()).await;
    let list = desk.get("md.list", json!({})).await;
    assert_eq!((&list["lines"], &list["queued"]), (&json!({ "used": 4, "max": 4 }), &json!(0)));
}
