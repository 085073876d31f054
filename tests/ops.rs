//! What monitoring systems and people are shown: probes, metrics, configuration, log filter.
#![expect(clippy::expect_used, clippy::indexing_slicing, clippy::float_cmp, reason = "a test may panic")]

#[path = "rig/desk.rs"]
#[allow(dead_code, reason = "each test file uses its part")]
mod desk;
#[path = "rig/http.rs"]
#[allow(dead_code, reason = "each test file uses its part")]
mod http;
#[path = "rig/nats_server.rs"]
mod nats_server;

use std::{collections::BTreeMap, fs, path::PathBuf};

use desk::Desk;
use http::Http;
use ibnats::ops::metrics::catalogue::{CATALOGUE, table};
use serde_json::{Value, json};

const TOKEN: &str = "a-token-nobody-guesses";

async fn desk(extra: &str) -> (Desk, Http) {
    let mut desk = Desk::without_bridge().await;
    desk.start_bridge(&format!("[http]\nlisten = \"127.0.0.1:0\"\n{extra}"));
    desk.wait_ready().await;
    let http = http::until(|| async { Http::of(&desk.log()) }).await;
    (desk, http)
}

/// The value of each metric without labels, and with them as text.
fn values(text: &str) -> BTreeMap<String, f64> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| line.rsplit_once(' '))
        .filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?)))
        .collect()
}

#[test]
fn the_page_of_metrics_is_the_catalogue() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/metrics.md");
    let page = fs::read_to_string(&path).expect("docs/metrics.md");
    let (head, rest) = page.split_once("| metric |").unwrap_or((&page, ""));
    let tail = rest.split_once("\n\n").map_or("", |(_, tail)| tail);
    let wanted = if tail.is_empty() { format!("{head}{}", table()) } else { format!("{head}{}\n{tail}", table()) };
    if std::env::var_os("IBNATS_WRITE_DOCS").is_some() {
        fs::write(&path, &wanted).expect("written");
    }
    assert!(
        page == wanted || std::env::var_os("IBNATS_WRITE_DOCS").is_some(),
        "run IBNATS_WRITE_DOCS=1 cargo test --test ops"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prometheus_and_the_request_tell_the_same_figures() {
    let (desk, http) = desk("").await;
    desk.get("md.subscribe", json!({ "contract": "STK:AAPL", "streams": ["quote"], "ttl_s": 60 })).await;
    desk.ask("contract.details", json!({ "contract": "STK:NOSUCHTHING" })).await;
    let reply = http.get("/metrics").await;
    assert_eq!(reply.status, 200);
    assert!(reply.header("content-type").starts_with("application/openmetrics-text"), "{reply:?}");
    let scraped = values(&reply.body);
    assert_eq!(scraped[r#"ibnats_link_phase{link="data",phase="ready"}"#], 1.0);
    assert_eq!(scraped[r#"ibnats_lines_used{pool="market_data"}"#], 1.0);
    assert_eq!(scraped[r#"ibnats_requests_total{outcome="ok",verb="md.subscribe"}"#], 1.0);
    assert_eq!(scraped[r#"ibnats_requests_total{outcome="unknown_contract",verb="contract.details"}"#], 1.0);
    assert_eq!(scraped[r#"ibnats_nats_up{connection="data"}"#], 1.0);
    assert!(scraped[r#"ibnats_events_published_total{kind="connection"}"#] >= 1.0);
    assert!(scraped["process_resident_memory_bytes"] > 1e6);

    let told = desk.get("pool.metrics", json!({})).await;
    let told = told["metrics"].as_array().expect("metrics");
    for metric in told {
        let name = metric["name"].as_str().expect("a name");
        assert!(CATALOGUE.iter().any(|known| known.name == name), "{name}");
        for sample in metric["samples"].as_array().expect("samples") {
            let labels = sample["labels"].as_object();
            let inside: Vec<String> =
                labels.into_iter().flatten().filter_map(|(k, v)| Some(format!("{k}={:?}", v.as_str()?))).collect();
            if !sample["histogram"].is_null() || inside.len() > 1 {
                continue;
            }
            let key = if inside.is_empty() { name.to_owned() } else { format!("{name}{{{}}}", inside.join(",")) };
            assert!(scraped.contains_key(&key), "{key} is told but not scraped");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn probes_say_no_with_reasons_when_the_gateway_is_away() {
    let (mut desk, http) = desk("").await;
    assert_eq!(http.get("/livez").await.status, 200);
    let ready = http.get("/readyz").await;
    assert_eq!((ready.status, ready.json()["ready"].clone()), (200, json!(true)), "{ready:?}");
    assert_eq!(http.get("/readyz/account").await.status, 200);
    desk.stop_sim().await;
    http::until(|| async { (http.get("/readyz/orders").await.status == 503).then_some(()) }).await;
    let not_ready = http.get("/readyz/data").await;
    assert_eq!(not_ready.status, 503);
    let reasons = not_ready.json()["reasons"].to_string();
    assert!(reasons.contains("the data link is"), "{reasons}");
    assert_eq!(http.get("/livez").await.status, 200, "the bridge itself lives");
    let account = http.get("/readyz/account").await;
    assert_eq!((account.status, &account.json()["account"]), (503, &json!(false)), "{account:?}");
    assert_eq!(http.get("/readyz/tea").await.status, 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_filter_changes_by_request_and_the_configuration_is_told_without_secrets() {
    let (desk, _) = desk("").await;
    let before = desk.get("bridge.log_level", json!({})).await;
    assert_eq!(before["filter"], "info");
    desk.get("pace.status", json!({})).await;
    let changed = desk.get("bridge.log_level", json!({ "filter": "warn,ibnats::ops=info,ibnats=debug" })).await;
    assert_eq!(
        (&changed["previous"], &changed["filter"]),
        (&json!("info"), &json!("warn,ibnats::ops=info,ibnats=debug"))
    );
    assert!(desk.log().contains("log filter changed"), "{}", desk.log());
    desk.ask("contract.details", json!({ "contract": "STK:NOSUCHTHING" })).await;
    http::until(|| async { desk.log().contains("request refused").then_some(()) }).await;
    let refused = desk.ask("bridge.log_level", json!({ "filter": "ibnats=loud" })).await;
    assert_eq!(refused["error"]["code"], "invalid_request", "{refused}");
    let config = desk.get("bridge.config", json!({})).await;
    assert_eq!(config["config"]["nats"]["prefix"], "ib");
    assert_eq!(config["config"]["pacing"]["messages_per_second"], 45);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_token_nothing_but_yes_or_no_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("token");
    fs::write(&file, format!("{TOKEN}\n")).expect("written");
    let (desk, http) = desk(&format!("token_file = {:?}", file.display().to_string())).await;
    assert_eq!(http.get("/metrics").await.status, 401);
    let ready = http.get("/readyz").await;
    assert_eq!((ready.status, ready.json()), (200, json!({ "ready": true })));
    let shown = http.send("GET", "/metrics", &[("authorization", &format!("Bearer {TOKEN}"))], "").await;
    assert_eq!(shown.status, 200);
    let config = desk.get("bridge.config", json!({})).await;
    assert!(!config.to_string().contains(TOKEN), "the token is not told");
    let wrong = http.send("POST", "/login", &[], &json!({ "token": "wrong-but-long-enough" }).to_string()).await;
    assert_eq!(wrong.status, 401);
    let login = http.send("POST", "/login", &[], &json!({ "token": TOKEN }).to_string()).await;
    assert_eq!(login.status, 204);
    let cookie = login.header("set-cookie").split(';').next().unwrap_or_default().to_owned();
    assert_eq!(http.send("GET", "/metrics", &[("cookie", &cookie)], "").await.status, 200);
    let stranger = http.send("GET", "/metrics", &[("cookie", &cookie), ("host", "evil.example")], "").await;
    assert_eq!(stranger.status, 421);
}

/// Standard output or error of `ibnats health`, and whether it succeeded.
async fn health(address: &str, arguments: &[&str]) -> (bool, String) {
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_ibnats"));
    command.arg("health").args(arguments).env("IBNATS_HTTP__LISTEN", address).env_remove("IBNATS_CONFIG");
    let output = command.output().await.expect("it runs");
    let said = if output.status.success() { &output.stdout } else { &output.stderr };
    (output.status.success(), String::from_utf8_lossy(said).trim_end().to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_container_asks_with_the_program_itself_whether_the_bridge_is_well() {
    let (mut desk, http) = desk("").await;
    assert_eq!(health(http.address(), &[]).await, (true, "ok".to_owned()));
    let (is_ready, said) = health(http.address(), &["--ready", "orders"]).await;
    assert!(is_ready && said.contains("\"ready\":true"), "{said}");
    desk.get("risk.halt", json!({ "reason": "to be told" })).await;
    let (is_ready, said) = health(http.address(), &["--ready", "orders"]).await;
    assert!(!is_ready && said.contains("\"orders\":false"), "{said}");
    assert!(health(http.address(), &["--ready", "data"]).await.0, "data flow all the same");
    assert!(health(http.address(), &[]).await.0, "it lives all the same");
    desk.kill_bridge().await;
    let (is_well, said) = health(http.address(), &[]).await;
    assert!(!is_well && said.contains(http.address()), "{said}");
    let (_, said) = health("", &[]).await;
    assert!(said.contains("http.listen is empty"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_console_asks_as_client_console_through_the_same_checks_and_nothing_that_it_does_not_need() {
    let (desk, http) = desk("").await;
    let order = json!({ "key": "c-1", "contract": "STK:AAPL", "side": "buy", "quantity": 10, "order_type": "limit", "limit_price": 1.0 });
    for (path, body) in [
        ("/req/order/place", order.clone()),
        ("/req/order/settle", json!({ "key": "c-1" })),
        ("/req/order/cancel_all", json!({})),
        ("/req/risk/set_limits", json!({})),
        ("/req/gateway/restart", json!({})),
        ("/req/bridge/config", json!({})),
        ("/req/order/teleport", json!({})),
    ] {
        let refused = http.post(path, &body).await;
        assert_eq!((refused.status, &refused.json()["error"]["code"]), (403, &json!("no_permission")), "{path}");
    }
    desk.get("order.place", order).await;
    let cancelled = http.post("/req/order/cancel", &json!({ "key": "c-1" })).await;
    assert_eq!(cancelled.status, 200, "{cancelled:?}");
    let unknown = http.post("/req/order/cancel", &json!({ "kee": 1 })).await;
    assert_eq!(unknown.status, 400);
    let bars =
        http.post("/req/hist/bars", &json!({ "contract": "STK:AAPL", "bar_size": "1m", "duration": "3600s" })).await;
    let bars = bars.json();
    assert!(bars["data"]["rows"].as_array().is_some_and(|rows| !rows.is_empty()), "{bars}");
    assert!(!bars["data"]["manifest"].is_null());
    let is_audited =
        |stored: &[(String, Value)]| stored.iter().any(|(subject, _)| subject == "ib.audit.console").then_some(());
    desk.find_stored("IB_AUDIT", "the console's cancels are audited", is_audited).await;
    let plain = http.send("POST", "/req/risk/halt", &[("content-type", "text/plain")], "{}").await;
    assert_eq!(plain.status, 415, "a form of another site cannot halt");
    let forged = http
        .send(
            "POST",
            "/req/risk/halt",
            &[("content-type", "application/json"), ("origin", "http://evil.example")],
            "{}",
        )
        .await;
    assert_eq!(forged.status, 403);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_open_console_gets_the_past_and_then_quotes_at_most_ten_times_a_second() {
    let (desk, http) = desk("").await;
    desk.get("md.subscribe", json!({ "contract": "STK:AAPL", "streams": ["quote"], "ttl_s": 60 })).await;
    let mut events = http.events().await;
    let hello = events.next().await;
    assert_eq!(hello.name, "hello");
    assert!(hello.data["past"].to_string().contains("connection"), "{}", hello.data);
    let (mut quotes, mut last_us, mut last) = (0, 0, Value::Null);
    while quotes < 3 {
        let frame = events.next().await;
        let frame = frame.data.as_array().expect("a frame").clone();
        let of_quotes: Vec<&Value> = frame.iter().filter(|event| event[0] == "quote").collect();
        assert!(of_quotes.len() <= 1, "one instrument, one quote a frame");
        for quote in of_quotes {
            let now_us = quote[1]["recv_us"].as_i64().expect("a time");
            // One moment may bring two quotes, which differ.
            assert!(now_us > last_us || now_us == last_us && quote[1] != last, "{last} and {}", quote[1]);
            (last_us, last) = (now_us, quote[1].clone());
            quotes += 1;
        }
    }
    let open = values(&http.get("/metrics").await.body)["ibnats_console_clients"];
    assert_eq!(open, 1.0);
    drop(events);
    http::until(|| async { (values(&http.get("/metrics").await.body)["ibnats_console_clients"] == 0.0).then_some(()) })
        .await;
}

/// A real Prometheus with the configuration of `deploy/`, told where this bridge is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prometheus_scrapes_the_bridge_and_no_rule_fails() {
    let Some(program) = std::env::var_os("PROMETHEUS").map(PathBuf::from).filter(|path| path.is_file()) else {
        println!("not scraped: PROMETHEUS names no program (scripts/tools/prometheus)");
        return;
    };
    let (_desk, http) = desk("").await;
    let folder = tempfile::tempdir().expect("a folder");
    let deploy = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("deploy/prometheus");
    let config = fs::read_to_string(deploy.join("prometheus.yml")).expect("prometheus.yml");
    let config = config.replace("127.0.0.1:9464", http.address()).replace("15s", "1s");
    fs::write(folder.path().join("prometheus.yml"), config).expect("written");
    fs::copy(deploy.join("alerts.yml"), folder.path().join("alerts.yml")).expect("copied");
    let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|taken| taken.local_addr()).expect("a port").port();
    let _prometheus = tokio::process::Command::new(program)
        .arg(format!("--config.file={}", folder.path().join("prometheus.yml").display()))
        .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("Prometheus starts");
    let prometheus = Http::at(format!("127.0.0.1:{port}"));
    let up = http::until(|| async {
        let reply = prometheus.try_get("/api/v1/query?query=ibnats_ready").await?;
        let found = reply.json()["data"]["result"].as_array()?.len();
        (found == 3).then_some(found)
    });
    up.await;
    let targets = prometheus.get("/api/v1/targets").await.json();
    assert_eq!(targets["data"]["activeTargets"][0]["lastError"], "", "{targets}");
    let judged = http::until(|| async {
        let rules = prometheus.get("/api/v1/rules").await.json();
        let rules = rules["data"]["groups"][0]["rules"].as_array()?.clone();
        rules.iter().all(|rule| rule["health"] != "unknown").then_some(rules)
    });
    for rule in judged.await {
        assert_eq!(rule["health"], "ok", "{rule}");
        assert_ne!(rule["state"], "firing", "all is well: {rule}");
    }
}
