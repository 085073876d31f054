//! Buys AAPL once when its price rises through its moving average. May be killed and started again at any time.
#![expect(clippy::indexing_slicing, reason = "a JSON value without the key is null, no panic")]

use std::{env, error::Error, time::Duration};

use async_nats::{
    Client, ConnectOptions,
    jetstream::{self, consumer::pull::OrderedConfig},
};
use futures_util::{StreamExt as _, TryFutureExt as _};
use serde_json::{Value, json};
use tokio::time::sleep;

const NAME: &str = "rust-strategy";
const SECOND: Duration = Duration::from_secs(1);
const STEPS: f64 = 200.0;
const SHARES: f64 = 10.0;

/// The answer, or why the bridge refuses. Nobody answers while the bridge or NATS is being restarted.
async fn ask(nats: &Client, verb: &str, body: Value) -> Result<Value, String> {
    loop {
        let answer = nats.request(format!("ib.req.{verb}.{NAME}"), body.to_string().into()).await;
        let reply: Value = answer.ok().and_then(|m| serde_json::from_slice(&m.payload).ok()).unwrap_or_default();
        match reply["error"]["code"].as_str() {
            None if reply["ok"] == true => return Ok(reply["data"].clone()),
            None | Some("not_ready" | "busy" | "timeout" | "pacing_limited" | "outcome_unknown") => sleep(SECOND).await,
            Some(_) => return Err(format!("{verb}: {}", reply["error"]["message"])),
        }
    }
}

async fn keep_lease(nats: Client) -> Result<(), String> {
    loop {
        let lease = ask(&nats, "md.subscribe", json!({"contract": "STK:AAPL", "ttl_s": 15})).await?;
        println!("leased AAPL");
        while ask(&nats, "md.renew", json!({"lease": lease["lease"]})).await.is_ok() {
            sleep(5 * SECOND).await; // Until a bridge that was restarted does not know the lease.
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = env::var("NATS_URL");
    let nats = ConnectOptions::new().name(NAME).connect(url.as_deref().unwrap_or("127.0.0.1")).await?;
    let mut quotes = nats.subscribe("ib.quote.STK.AAPL.SMART.USD").await?;
    tokio::spawn(keep_lease(nats.clone()).inspect_err(|refusal| eprintln!("{refusal}")));
    let (mut average, mut seen, mut was_above) = (0.0, 0.0, true);
    while let Some(message) = quotes.next().await {
        let quote: Value = serde_json::from_slice(&message.payload)?;
        let (Some(bid), Some(offer)) = (quote["bid"].as_f64(), quote["ask"].as_f64()) else { continue };
        let price = f64::midpoint(bid, offer);
        seen += 1.0;
        average += (price - average) / f64::min(seen, STEPS);
        if price > average && !was_above && seen > STEPS && quote["stale"] == false {
            break;
        }
        was_above = price > average;
    }
    // One key a day: whoever asks for this order again today learns what became of the first one, and buys nothing more.
    let key = format!("{NAME}-{}", chrono::Local::now().date_naive());
    let buy = json!({"key": key, "contract": "STK:AAPL", "side": "buy", "quantity": SHARES, "order_type": "market"});
    println!("order {}", ask(&nats, "order.place", buy).await?["state"]);
    let stored = jetstream::new(nats).get_stream("IB_ORDERS").await?;
    let only = OrderedConfig { filter_subject: format!("ib.fill.*.{key}"), ..Default::default() };
    let mut fills = stored.create_consumer(only).await?.messages().await?;
    while let Some(message) = fills.next().await {
        let fill: Value = serde_json::from_slice(&message?.payload)?;
        println!("fill of {} at {}", fill["quantity"], fill["price"]);
        if fill["cumulative_quantity"].as_str().and_then(|text| text.parse().ok()) >= Some(SHARES) {
            break;
        }
    }
    Ok(())
}
