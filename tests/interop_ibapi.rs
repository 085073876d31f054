//! The Rust crate `ibapi`, a client written apart from ours, against the simulated gateway.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::time::Duration;

use futures_util::{Stream, StreamExt as _};
use ibapi::{
    Client, Error,
    contracts::tick_types::TickType,
    market_data::historical::{HistoricalBarUpdate, ToDuration as _},
    orders::{CancelOrder, Executions, OrderStatusKind},
    prelude::{
        AccountGroup, AccountId, AccountSummaryResult, AccountSummaryTags, AccountUpdate, Action, Contract,
        ExecutionFilter, HistoricalBarSize, HistoricalWhatToShow, IgnoreSize, OrderOutcome, PlaceOrder, PositionUpdate,
        SubscriptionItemStreamExt as _, TickTypes, TradingHours, order_builder,
    },
    scanner::ScannerSubscription,
};
use ibnats::sim::{RunningSim, SimConfig, Simulator};

const LIMIT: Duration = Duration::from_secs(15);

/// A simulated gateway and one client of it.
struct Rig {
    gateway: RunningSim,
    client: Client,
}

impl Rig {
    async fn start(seed: u64) -> Self {
        println!("simulator seed {seed}");
        let gateway = Simulator::start(SimConfig { seed, ..SimConfig::default() }).await.expect("listens");
        let client = within(Client::connect(&gateway.addr().to_string(), 100)).await.expect("logs in");
        Self { gateway, client }
    }

    /// The best bid of a contract.
    async fn bid(&self, contract: &Contract) -> f64 {
        let mut ticks = self.client.market_data(contract).subscribe().await.unwrap().filter_data();
        until(&mut ticks, |tick| price_of(&tick, TickType::Bid)).await
    }

    /// A buy order for ten that stays far below the market, and its limit.
    async fn working_order(&self, contract: &Contract) -> (i32, f64) {
        let limit = (self.bid(contract).await * 90.0).round() / 100.0;
        let order_id = self.client.next_order_id();
        let order = order_builder::limit_order(Action::Buy, 10.0, limit);
        let mut events = self.client.place_order(order_id, contract, &order).await.unwrap().filter_data();
        until(&mut events, |event| match event {
            PlaceOrder::OrderStatus(status) if is_working(&status.status) => Some(()),
            _ => None,
        })
        .await;
        (order_id, limit)
    }

    async fn bought(&self, contract: &Contract, quantity: f64) -> i32 {
        let order_id = self.client.order(contract).buy(quantity).market().submit().await.expect("accepted");
        match self.client.wait_for_fill(order_id, LIMIT).await.expect("answered") {
            OrderOutcome::Filled(status) => assert!((status.filled - quantity).abs() < f64::EPSILON),
            other => panic!("{other:?}"),
        }
        order_id.into()
    }
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, future).await.expect("answered in time")
}

/// The first thing `wanted` makes of the stream.
async fn until<T, R>(
    stream: &mut (impl Stream<Item = Result<T, Error>> + Unpin),
    wanted: impl Fn(T) -> Option<R>,
) -> R {
    within(async {
        while let Some(item) = stream.next().await {
            if let Some(result) = wanted(item.expect("no error")) {
                return result;
            }
        }
        panic!("the stream ended");
    })
    .await
}

fn price_of(tick: &TickTypes, kind: TickType) -> Option<f64> {
    match tick {
        TickTypes::Price(tick) if tick.tick_type == kind => Some(tick.price),
        TickTypes::PriceSize(tick) if tick.price_tick_type == kind => Some(tick.price),
        _ => None,
    }
}

fn is_working(status: &OrderStatusKind) -> bool {
    matches!(status, OrderStatusKind::PreSubmitted | OrderStatusKind::Submitted)
}

#[track_caller]
fn assert_code<T: std::fmt::Debug>(result: Result<T, Error>, code: i32) {
    match result {
        Err(Error::Notice(notice)) => assert_eq!(notice.code, code, "{notice}"),
        other => panic!("expected code {code}, got {other:?}"),
    }
}

fn apple() -> Contract {
    Contract::stock("AAPL").build()
}

#[tokio::test]
async fn it_logs_in_and_learns_version_account_and_time() {
    let rig = Rig::start(1).await;
    assert!((213..=226).contains(&rig.client.server_version()));
    let accounts = within(rig.client.managed_accounts()).await.unwrap();
    assert!(accounts.iter().all(|account| account.starts_with("DU")), "{accounts:?}");
    let theirs = within(rig.client.server_time()).await.unwrap().unix_timestamp();
    assert!((theirs - rig.gateway.now_ms() / 1_000).abs() < 5);
}

#[tokio::test]
async fn a_second_login_with_its_client_id_is_refused_with_326() {
    let rig = Rig::start(2).await;
    let second = within(Client::connect(&rig.gateway.addr().to_string(), 100)).await;
    assert!(matches!(second, Err(Error::ClientIdInUse { client_id: 100 })));
    assert!(rig.client.is_connected(), "the first session is untouched");
}

#[tokio::test]
async fn it_looks_up_contracts_and_an_unknown_one_is_200() {
    let rig = Rig::start(3).await;
    let found = within(rig.client.contract_details(&apple())).await.unwrap();
    assert_eq!(found.iter().map(|details| details.contract.contract_id).collect::<Vec<_>>(), [265_598]);
    let symbols = within(rig.client.matching_symbols("AAP")).await.unwrap();
    assert!(!symbols.is_empty());
    assert_code(within(rig.client.contract_details(&Contract::stock("NOSUCHTHING").build())).await, 200);
}

#[tokio::test]
async fn it_streams_quotes_and_tick_by_tick() {
    let rig = Rig::start(4).await;
    let contract = apple();
    let mut ticks = rig.client.market_data(&contract).subscribe().await.unwrap().filter_data();
    let bid = until(&mut ticks, |tick| price_of(&tick, TickType::Bid)).await;
    let ask = until(&mut ticks, |tick| price_of(&tick, TickType::Ask)).await;
    assert!(bid > 0.0 && (ask - bid).abs() / bid < 0.01, "bid {bid}, ask {ask}");
    let mut quotes = rig.client.tick_by_tick(&contract, 0).bid_ask(IgnoreSize::No).await.unwrap().filter_data();
    let quote = until(&mut quotes, Some).await;
    assert!(quote.bid_price < quote.ask_price);
}

#[tokio::test]
async fn it_fetches_bars_and_keeps_them_up_to_date() {
    let rig = Rig::start(5).await;
    let contract = apple();
    let history = rig.client.historical_data(&contract, HistoricalBarSize::Min).duration(1.days());
    let history = within(history.what_to_show(HistoricalWhatToShow::Trades).fetch()).await.expect("bars");
    assert!(history.bars.len() > 100, "{} bars", history.bars.len());
    for bar in &history.bars {
        assert!(bar.low <= bar.open.min(bar.close) && bar.open.max(bar.close) <= bar.high, "{bar:?}");
    }
    let live = rig.client.historical_data(&contract, HistoricalBarSize::Sec5).duration(1_800.seconds());
    let live = live.what_to_show(HistoricalWhatToShow::Trades).trading_hours(TradingHours::Extended);
    let mut live = within(live.stream()).await.unwrap().filter_data();
    until(&mut live, |update| matches!(update, HistoricalBarUpdate::Update(_)).then_some(())).await;
}

#[tokio::test]
async fn its_market_order_fills_with_execution_and_commission() {
    let rig = Rig::start(6).await;
    let order_id = rig.bought(&apple(), 100.0).await;
    let mut told = rig.client.executions(ExecutionFilter::default()).await.unwrap().filter_data();
    let (mut shares, mut fills, mut commissions) = (0.0, Vec::new(), Vec::new());
    while let Some(event) = within(told.next()).await {
        match event.unwrap() {
            Executions::ExecutionData(fill) if fill.execution.order_id == order_id => {
                shares += fill.execution.shares;
                fills.push(fill.execution.execution_id);
            }
            Executions::CommissionReport(report) => commissions.push(report.execution_id),
            Executions::ExecutionData(_) => {}
        }
    }
    assert!((shares - 100.0).abs() < f64::EPSILON);
    assert!(fills.iter().all(|fill| commissions.contains(fill)), "{fills:?} against {commissions:?}");
}

#[tokio::test]
async fn its_limit_order_works_is_modified_and_cancelled() {
    let rig = Rig::start(7).await;
    let contract = apple();
    let (order_id, limit) = rig.working_order(&contract).await;
    let lower = order_builder::limit_order(Action::Buy, 20.0, limit - 1.0);
    let mut events = rig.client.place_order(order_id, &contract, &lower).await.unwrap().filter_data();
    until(&mut events, |event| match event {
        PlaceOrder::OpenOrder(open) => (open.order.limit_price == Some(limit - 1.0)
            && (open.order.total_quantity - 20.0).abs() < f64::EPSILON)
            .then_some(()),
        _ => None,
    })
    .await;
    drop(events);
    let mut cancelling = rig.client.cancel_order(order_id, "").await.unwrap().filter_data();
    until(&mut cancelling, |CancelOrder::OrderStatus(status)| {
        (status.status == OrderStatusKind::Cancelled).then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_order_for_an_unknown_contract_is_rejected_with_200() {
    let rig = Rig::start(8).await;
    let nothing = Contract::stock("NOSUCHTHING").build();
    let order_id = rig.client.order(&nothing).buy(1).market().submit().await.expect("written");
    match within(rig.client.wait_for_fill(order_id, LIMIT)).await.expect("answered") {
        OrderOutcome::Rejected(notice) => assert_eq!(notice.code, 200),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn its_position_and_account_values_follow_its_fill() {
    let rig = Rig::start(9).await;
    rig.bought(&Contract::stock("IBM").build(), 30.0).await;
    let mut positions = rig.client.positions().await.unwrap().filter_data();
    let held = until(&mut positions, |update| match update {
        PositionUpdate::Position(held) if held.contract.symbol == "IBM" => Some(held.position),
        _ => None,
    })
    .await;
    assert!((held - 30.0).abs() < f64::EPSILON);

    let account = AccountId(within(rig.client.managed_accounts()).await.unwrap().swap_remove(0));
    let mut updates = rig.client.account_updates(&account).await.unwrap().filter_data();
    let worth = until(&mut updates, |update| match update {
        AccountUpdate::AccountValue(value) if value.key == "NetLiquidation" => value.value.parse::<f64>().ok(),
        _ => None,
    })
    .await;
    assert!((200_000.0..300_000.0).contains(&worth), "{worth}");

    let tags = [AccountSummaryTags::BUYING_POWER];
    let mut summary = rig.client.account_summary(&AccountGroup("All".to_owned()), &tags).await.unwrap().filter_data();
    let power = until(&mut summary, |row| match row {
        AccountSummaryResult::Summary(row) if row.tag == AccountSummaryTags::BUYING_POWER => {
            row.value.parse::<f64>().ok()
        }
        _ => None,
    })
    .await;
    assert!(power > 0.0);
}

#[tokio::test]
async fn it_reads_news_scanners_and_the_calendar() {
    let rig = Rig::start(10).await;
    let providers = within(rig.client.news_providers()).await.unwrap();
    assert!(providers.iter().any(|provider| provider.code == "BRFG"), "{providers:?}");

    let wanted = ScannerSubscription {
        number_of_rows: 5,
        instrument: Some("STK".to_owned()),
        location_code: Some("STK.US.MAJOR".to_owned()),
        scan_code: Some("MOST_ACTIVE".to_owned()),
        ..ScannerSubscription::default()
    };
    let mut results = rig.client.scanner_subscription(&wanted, &[]).await.unwrap().filter_data();
    let rows = until(&mut results, Some).await;
    assert_eq!(rows.iter().map(|row| row.rank).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);

    assert!(within(rig.client.scanner_parameters()).await.unwrap().contains("MOST_ACTIVE"));
    let calendar = within(rig.client.wsh_metadata()).await.unwrap();
    assert!(calendar.data_json.contains("event_types"));

    let apple = Contract::stock("AAPL").build();
    let mut headlines = rig.client.contract_news(&apple, &["BRFG", "DJNL"]).await.unwrap().filter_data();
    // Told by hand once the request is known to have arrived.
    within(rig.client.server_time()).await.unwrap();
    rig.gateway.tell_news("BRFG", "AAPL", "Apple says something").await;
    let told = until(&mut headlines, |story| story.headline.contains("says something").then_some(story)).await;
    assert_eq!(told.provider_code, "BRFG");
}
