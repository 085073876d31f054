//! Contracts and streaming market data of the simulated gateway over TCP.

mod sim_client;

use ibnats::sim::{SimConfig, Simulator};
use ibnats::tws::message::contract::{Contract, ContractDataRequest};
use ibnats::tws::message::market_data::{CancelMarketData, MarketDataRequest, MarketDataTypeRequest};
use ibnats::tws::{Request, Response};
use sim_client::Client;

#[tokio::test]
async fn contract_details_list_every_match_and_end() {
    let sim = Simulator::start(SimConfig::default()).await.expect("a simulator");
    let mut client = Client::login(sim.addr(), 1).await;
    client.send(details(9, contract("STK", "SHOP", "", ""))).await;
    let mut currencies = Vec::new();
    loop {
        match client.next().await {
            Response::ContractData(data) => currencies.extend(data.contract.expect("a contract").currency),
            Response::ContractDataEnd(end) => break assert_eq!(end.req_id, Some(9)),
            other => panic!("unexpected {other:?}"),
        }
    }
    assert_eq!(currencies, ["USD", "CAD"]);
    client.send(details(10, contract("BOND", "IBM", "", ""))).await;
    assert!(matches!(client.next().await, Response::BondContractData(_)));
    client.next().await;
    client.send(details(11, contract("STK", "NOSUCH", "SMART", "USD"))).await;
    let (id, code, text) = client.next_error().await;
    assert_eq!((id, code, text.as_str()), (11, 200, "No security definition has been found for the request"));
}

#[tokio::test]
async fn a_stock_streams_all_default_ticks_and_keeps_moving() {
    let sim = Simulator::start(SimConfig { speed: 20.0, ..SimConfig::default() }).await.expect("a simulator");
    let mut client = Client::login(sim.addr(), 1).await;
    client.send(market_data(5, contract("STK", "AAPL", "SMART", "USD"))).await;
    let wanted = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 14, 32, 33, 45, 49, 84];
    let mut seen = std::collections::BTreeSet::new();
    let mut bids = std::collections::BTreeSet::new();
    while !wanted.iter().all(|id| seen.contains(id)) || bids.len() < 5 {
        match client.next().await {
            Response::TickPrice(tick) => {
                seen.extend(tick.tick_type);
                if tick.tick_type == Some(1) {
                    bids.insert(tick.price.expect("a price").to_bits());
                }
            }
            Response::TickSize(tick) => seen.extend(tick.tick_type),
            Response::TickString(tick) => seen.extend(tick.tick_type),
            Response::TickGeneric(tick) => seen.extend(tick.tick_type),
            Response::TickReqParams(params) => assert_eq!(params.min_tick.as_deref(), Some("0.01")),
            Response::MarketDataType(kind) => assert_eq!(kind.market_data_type, Some(1)),
            other => panic!("unexpected {other:?}"),
        }
    }
    client.send(Request::CancelMarketData(CancelMarketData { req_id: Some(5) })).await;
    client.send(Request::CancelMarketData(CancelMarketData { req_id: Some(5) })).await;
    let (id, code, _) = client.next_error().await;
    assert_eq!((id, code), (5, 300));
}

#[tokio::test]
async fn an_option_streams_computations() {
    let sim = Simulator::start(SimConfig::default()).await.expect("a simulator");
    let mut client = Client::login(sim.addr(), 1).await;
    client.send(details(1, Contract { right: Some("C".into()), ..contract("OPT", "AAPL", "SMART", "USD") })).await;
    let option = client
        .until(|response| match response {
            Response::ContractData(data) => data.contract.clone().filter(|contract| contract.strike == Some(270.0)),
            _ => None,
        })
        .await;
    client.until(|response| matches!(response, Response::ContractDataEnd(_)).then_some(())).await;
    client.send(market_data(2, option)).await;
    let model = client
        .until(|response| match response {
            Response::TickOptionComputation(tick) => (tick.tick_type == Some(13)).then(|| tick.clone()),
            _ => None,
        })
        .await;
    assert!(model.delta.is_some_and(|delta| (0.0..=1.0).contains(&delta)), "{model:?}");
    assert!(model.und_price.is_some_and(|price| price > 100.0), "{model:?}");
}

#[tokio::test]
async fn data_without_permission_is_refused_live_and_delayed_on_request() {
    let sim = Simulator::start(SimConfig::default()).await.expect("a simulator");
    let mut client = Client::login(sim.addr(), 1).await;
    client.send(market_data(1, contract("STK", "VOD", "SMART", "GBP"))).await;
    let (id, code, text) = client.next_error().await;
    assert_eq!((id, code), (1, 354));
    assert!(text.contains("Delayed market data is available"), "{text}");
    client.send(Request::MarketDataTypeRequest(MarketDataTypeRequest { market_data_type: Some(3) })).await;
    client.send(market_data(2, contract("STK", "VOD", "SMART", "GBP"))).await;
    assert_eq!(client.next_error().await.1, 10167);
    let kind = client
        .until(|response| match response {
            Response::MarketDataType(kind) => kind.market_data_type,
            _ => None,
        })
        .await;
    assert_eq!(kind, 3);
    let first = client
        .until(|response| match response {
            Response::TickPrice(tick) => tick.tick_type,
            _ => None,
        })
        .await;
    assert_eq!(first, 66);
}

#[tokio::test]
async fn a_snapshot_ends_and_bad_subscriptions_are_refused() {
    let config = SimConfig { market_data_lines: 2, ..SimConfig::default() };
    let sim = Simulator::start(config).await.expect("a simulator");
    let mut client = Client::login(sim.addr(), 1).await;
    let snapshot = MarketDataRequest {
        req_id: Some(1),
        contract: Some(contract("CASH", "EUR", "IDEALPRO", "USD")),
        snapshot: Some(true),
        ..MarketDataRequest::default()
    };
    client.send(Request::MarketDataRequest(Box::new(snapshot.clone()))).await;
    client.until(|response| matches!(response, Response::TickSnapshotEnd(_)).then_some(())).await;
    let with_generics = MarketDataRequest { generic_tick_list: Some("233".into()), ..snapshot };
    client.send(Request::MarketDataRequest(Box::new(with_generics))).await;
    assert_eq!(client.next_error().await.1, 321);
    client.send(market_data(2, contract("STK", "SHOP", "SMART", ""))).await;
    assert_eq!(client.next_error().await.1, 200);
    client.send(market_data(3, contract("STK", "AAPL", "SMART", "USD"))).await;
    client.send(market_data(3, contract("STK", "MSFT", "SMART", "USD"))).await;
    assert_eq!(client.next_error().await.1, 322);
    client.send(market_data(4, contract("STK", "MSFT", "SMART", "USD"))).await;
    client.send(market_data(5, contract("STK", "IBM", "SMART", "USD"))).await;
    let (id, code, _) = client.next_error().await;
    assert_eq!((id, code), (5, 101));
}

#[tokio::test]
async fn a_set_price_is_the_next_quote() {
    let sim = Simulator::start(SimConfig::default()).await.expect("a simulator");
    let mut client = Client::login(sim.addr(), 1).await;
    client.send(market_data(1, contract("STK", "AAPL", "SMART", "USD"))).await;
    assert!(sim.set_price("AAPL", 300.0).await);
    assert!(!sim.set_price("NOSUCH", 300.0).await);
    let bid = client
        .until(|response| match response {
            Response::TickPrice(tick) if tick.tick_type == Some(1) => tick.price.filter(|price| *price > 299.0),
            _ => None,
        })
        .await;
    assert!((bid - 300.0).abs() < 0.5, "{bid}");
}

fn contract(sec_type: &str, symbol: &str, exchange: &str, currency: &str) -> Contract {
    let text = |value: &str| Some(value.to_owned());
    Contract {
        sec_type: text(sec_type),
        symbol: text(symbol),
        exchange: text(exchange),
        currency: text(currency),
        ..Contract::default()
    }
}

fn details(req_id: i32, contract: Contract) -> Request {
    Request::ContractDataRequest(Box::new(ContractDataRequest { req_id: Some(req_id), contract: Some(contract) }))
}

fn market_data(req_id: i32, contract: Contract) -> Request {
    Request::MarketDataRequest(Box::new(MarketDataRequest {
        req_id: Some(req_id),
        contract: Some(contract),
        ..MarketDataRequest::default()
    }))
}
