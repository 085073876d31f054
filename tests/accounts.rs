//! Several accounts, a group and a model of an advisor, end to end.
#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

#[path = "rig/desk.rs"]
#[allow(dead_code, reason = "each test file uses its part")]
mod desk;
#[path = "rig/nats_server.rs"]
mod nats_server;

use std::time::Duration;

use async_nats::jetstream;
use ibnats::sim::SimConfig;
use serde_json::{Value, json};

use desk::Desk;

/// An advisor's desk: accounts DU1 to DU3, DU2 and DU3 in a group, a model in DU1.
async fn advisor() -> Desk {
    let mut desk = Desk::without_bridge().await;
    desk.stop_sim().await;
    let config = SimConfig {
        listen: desk.addr(),
        accounts: ["DU1", "DU2", "DU3"].map(str::to_owned).into(),
        groups: vec![("Growth".to_owned(), vec!["DU2".to_owned(), "DU3".to_owned()])],
        models: vec!["DU1/Tech".to_owned()],
        ..SimConfig::default()
    };
    desk.start_sim_as(config).await;
    desk.start_bridge("[account]\nmodels = [\"DU1/Tech\"]\nportfolio_turn_s = 1\n");
    desk.wait_ready().await;
    desk
}

fn accounts(rows: &Value) -> Vec<String> {
    let mut accounts: Vec<String> =
        rows.as_array().expect("rows").iter().map(|row| row["account"].as_str().expect("text").to_owned()).collect();
    accounts.dedup();
    accounts
}

#[tokio::test]
async fn every_account_group_and_model_is_told_and_kept() {
    let mut desk = advisor().await;
    let list = desk.get("account.list", json!({})).await;
    assert_eq!(accounts(&list["accounts"]), ["DU1", "DU2", "DU3"]);
    let settled = desk
        .eventually("all values", async || {
            let summary = desk.get("account.summary", json!({})).await;
            summary["unsettled"].as_array().is_some_and(Vec::is_empty).then_some(summary)
        })
        .await;
    assert_eq!(accounts(&settled["values"]), ["DU1", "DU2", "DU3"]);
    let list = desk.get("account.list", json!({})).await;
    assert_eq!(list["accounts"][2]["base_currency"], "USD");

    for (key, account, model, quantity) in
        [("a", "DU1", Some("Tech"), "10"), ("b", "DU1", None, "1"), ("c", "DU3", None, "2")]
    {
        let mut order = json!({
            "key": key, "contract": "STK:AAPL", "side": "buy", "quantity": quantity, "order_type": "market",
            "account": account, "wait_for": "final", "timeout_ms": 20_000
        });
        if let Some(model) = model {
            order["model"] = json!(model);
        }
        let reply = desk.ask("order.place", order).await;
        assert_eq!(reply["data"]["state"], "filled", "{reply}");
    }
    let position = async |query: Value, size: &str| {
        desk.eventually("the position", async || {
            let told = desk.get("account.positions", query.clone()).await;
            (told["positions"][0]["position"] == size).then_some(told)
        })
        .await
    };
    position(json!({ "account": "DU1" }), "11").await;
    let of_model = position(json!({ "account": "DU1", "model": "Tech" }), "10").await;
    assert_eq!(of_model["positions"][0]["model"], "Tech");
    let of_group = position(json!({ "group": "Growth" }), "2").await;
    assert_eq!(accounts(&of_group["positions"]), ["DU3"]);
    let fills = desk.get("account.executions", json!({ "group": "Growth" })).await;
    assert_eq!(accounts(&fills["fills"]), ["DU3"]);
    let fills = desk.get("account.executions", json!({ "account": "DU1", "model": "Tech" })).await;
    let fills = fills["fills"].as_array().expect("fills");
    // The order may have been filled in parts.
    assert!(!fills.is_empty() && fills.iter().all(|fill| fill["key"] == "a" && fill["model"] == "Tech"), "{fills:?}");
    let profit = desk.get("account.pnl", json!({ "account": "DU1", "model": "Tech" })).await;
    assert_eq!(profit["accounts"][0]["model"], "Tech");
    let error = desk.refused("account.summary", r#"{"group":"Value"}"#).await;
    assert!(error.1.contains("Value"), "{error:?}");
    // Prices of positions come in turns.
    desk.eventually("a price of the third account", async || {
        let told = desk.get("account.positions", json!({ "account": "DU3" })).await;
        told["positions"][0]["market_price"].is_number().then_some(())
    })
    .await;

    let bucket = jetstream::new(desk.client.clone()).get_key_value("ib_account").await.expect("the bucket");
    for key in [
        "account.DU3.NetLiquidation.USD",
        "account.DU3.CashBalance.BASE",
        "account.DU2.AccountReady",
        "pnl.DU2",
        "model.DU1.Tech.position.STK.AAPL.SMART.USD",
        "model.DU1.Tech.value.NetLiquidation.USD",
        "model.DU1.Tech.pnl",
        "position.DU3.STK.AAPL.SMART.USD",
    ] {
        desk.eventually(key, async || bucket.get(key).await.ok().flatten()).await;
    }
    desk.stop_bridge().await;
}

#[tokio::test]
async fn a_reset_of_an_account_is_announced_and_its_figures_are_not_published() {
    let desk = advisor().await;
    let mut told = desk.listen("bridge.*").await;
    let mut values = desk.listen("account.DU2.NetLiquidation").await;
    desk.sim()
        .broker(|broker, now_ms, book| {
            broker.reset_account("DU2", true);
            broker.on_market(now_ms, book)
        })
        .await;
    told.next_where(|event| event["event"] == "account_reset").await;
    let summary = desk.get("account.summary", json!({ "account": "DU2" })).await;
    assert!(summary["unsettled"][0]["reason"].as_str().is_some_and(|reason| reason.contains("AccountReady")));
    desk.sim()
        .broker(|broker, now_ms, book| {
            broker.reset_account("DU2", false);
            broker.on_market(now_ms, book)
        })
        .await;
    told.next_where(|event| event["event"] == "account_ready").await;
    desk.eventually("settled", async || {
        let summary = desk.get("account.summary", json!({ "account": "DU2" })).await;
        summary["unsettled"].as_array().is_some_and(Vec::is_empty).then_some(())
    })
    .await;
    while let Ok((_, value)) = tokio::time::timeout(Duration::from_millis(300), values.next()).await {
        assert_ne!(value["value"], "0.00", "a figure of the reset was published");
    }
}
