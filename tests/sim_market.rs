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

/// 2026-11-20, a Friday: the after hours of New York's exchanges end at 20:00, 01:00 UTC.
fn before_the_weekend() -> SimConfig {
    let clock = "2026-11-21T00:59:58Z".parse().ok();
    SimConfig { clock, speed: 2.0, market_hours: true, ..SimConfig::default() }
}

/// The next market data type told of a request, with the bids told before it.
async fn next_kind(client: &mut Client, req_id: i32) -> (i32, Vec<f64>) {
    let mut bids = Vec::new();
    let kind = client
        .until(|response| match response {
            Response::MarketDataType(kind) if kind.req_id == Some(req_id) => kind.market_data_type,
            Response::TickPrice(tick) if tick.req_id == Some(req_id) && matches!(tick.tick_type, Some(1 | 66)) => {
                bids.extend(tick.price);
                None
            }
            _ => None,
        })
        .await;
    (kind, bids)
}

#[tokio::test]
async fn frozen_data_is_told_when_the_market_closes_and_keeps_the_last_quote() {
    let sim = Simulator::start(before_the_weekend()).await.expect("a simulator");
    let mut client = Client::login(sim.addr(), 1).await;
    client.send(Request::MarketDataTypeRequest(MarketDataTypeRequest { market_data_type: Some(2) })).await;
    client.send(market_data(1, contract("STK", "AAPL", "SMART", "USD"))).await;
    assert_eq!(next_kind(&mut client, 1).await.0, 1, "the market is open");
    let (kind, bids) = next_kind(&mut client, 1).await;
    let last = *bids.last().expect("a bid before the close");
    assert!(kind == 2 && last > 0.0, "{kind} {bids:?}");
    // Asked for in the closed market: the last quote.
    client.send(market_data(2, contract("STK", "AAPL", "SMART", "USD"))).await;
    assert_eq!(next_kind(&mut client, 2).await.0, 2);
    let bid = client
        .until(|response| match response {
            Response::TickPrice(tick) if tick.tick_type == Some(1) => Some((tick.req_id, tick.price)),
            _ => None,
        })
        .await;
    assert_eq!(bid, (Some(2), Some(last)));
}

#[tokio::test]
async fn live_data_of_a_closed_market_has_no_quote_but_a_last_price() {
    let sim = Simulator::start(before_the_weekend()).await.expect("a simulator");
    let mut client = Client::login(sim.addr(), 1).await;
    client.send(market_data(1, contract("STK", "AAPL", "SMART", "USD"))).await;
    let gone = client
        .until(|response| match response {
            Response::TickPrice(tick) if tick.tick_type == Some(1) && tick.price < Some(0.0) => {
                Some((tick.price, tick.size.clone()))
            }
            _ => None,
        })
        .await;
    assert_eq!(gone, (Some(-1.0), Some("0".to_owned())));
    client.send(market_data(2, contract("STK", "AAPL", "SMART", "USD"))).await;
    let mut prices = std::collections::BTreeMap::new();
    client
        .until(|response| match response {
            Response::TickPrice(tick) if tick.req_id == Some(2) => {
                prices.insert(tick.tick_type, tick.price);
                None
            }
            Response::TickGeneric(tick) => (tick.tick_type == Some(49)).then_some(()),
            _ => None,
        })
        .await;
    assert_eq!((prices[&Some(1)], prices[&Some(2)]), (Some(-1.0), Some(-1.0)), "{prices:?}");
    assert!(prices[&Some(4)] > Some(0.0) && prices[&Some(9)] > Some(0.0), "{prices:?}");
}

#[tokio::test]
async fn delayed_data_freezes_a_quarter_of_an_hour_later() {
    let clock = "2026-11-20T16:44:58Z".parse().ok();
    let sim = Simulator::start(SimConfig { clock, ..before_the_weekend() }).await.expect("a simulator");
    let mut client = Client::login(sim.addr(), 1).await;
    client.send(Request::MarketDataTypeRequest(MarketDataTypeRequest { market_data_type: Some(4) })).await;
    client.send(market_data(1, contract("STK", "VOD", "SMART", "GBP"))).await;
    assert_eq!(next_kind(&mut client, 1).await.0, 3, "its own clock shows the market open");
    let (kind, bids) = next_kind(&mut client, 1).await;
    assert!(kind == 4 && bids.iter().all(|bid| *bid > 0.0), "{kind} {bids:?}");
}

#[tokio::test]
async fn a_halt_and_its_end_are_told_by_tick_49() {
    let sim = Simulator::start(SimConfig::default()).await.expect("a simulator");
    let mut client = Client::login(sim.addr(), 1).await;
    client.send(market_data(1, contract("STK", "AAPL", "SMART", "USD"))).await;
    let halted = |response: &Response| match response {
        Response::TickGeneric(tick) if tick.tick_type == Some(49) => Some((tick.req_id, tick.value)),
        _ => None,
    };
    assert_eq!(client.until(halted).await, (Some(1), Some(0.0)));
    assert!(sim.halt("AAPL").await);
    assert_eq!(client.until(halted).await, (Some(1), Some(1.0)));
    client.send(market_data(2, contract("STK", "AAPL", "SMART", "USD"))).await;
    assert_eq!(client.until(halted).await, (Some(2), Some(1.0)), "whoever comes later is told too");
    assert!(sim.resume("AAPL").await);
    assert_eq!(client.until(halted).await.1, Some(0.0));
}

#[tokio::test]
async fn a_story_is_told_to_who_asked_for_its_source_only() {
    let sim = Simulator::start(SimConfig::default()).await.expect("a simulator");
    let mut client = Client::login(sim.addr(), 1).await;
    for (req_id, list) in [(1, "mdoff,292:BRFG"), (2, "mdoff,292:DJNL"), (3, "292")] {
        let Request::MarketDataRequest(mut ask) = market_data(req_id, contract("STK", "AAPL", "SMART", "USD")) else {
            unreachable!("it is one")
        };
        ask.generic_tick_list = Some(list.to_owned());
        client.send(Request::MarketDataRequest(ask)).await;
    }
    client
        .until(|response| matches!(response, Response::TickReqParams(params) if params.req_id == Some(3)).then_some(()))
        .await;
    sim.tell_news("BRFG", "AAPL", "Apple says something").await;
    let story = |response: &Response| match response {
        Response::TickNews(news) => Some((news.req_id, news.provider_code.clone(), news.headline.clone())),
        _ => None,
    };
    for req_id in [1, 3] {
        let (id, provider, headline) = client.until(story).await;
        assert_eq!((id, provider.as_deref()), (Some(req_id), Some("BRFG")));
        assert!(headline.is_some_and(|text| text.contains("Apple says something")));
    }
    sim.tell_news("DJNL", "AAPL", "Apple again").await;
    assert_eq!(client.until(story).await.0, Some(2));
}

#[tokio::test]
async fn only_regulatory_snapshots_are_charged_and_they_end_like_others() {
    let sim = Simulator::start(SimConfig::default()).await.expect("a simulator");
    let mut client = Client::login(sim.addr(), 1).await;
    let ask = |req_id, snapshot, regulatory_snapshot| {
        Request::MarketDataRequest(Box::new(MarketDataRequest {
            req_id: Some(req_id),
            contract: Some(contract("STK", "AAPL", "SMART", "USD")),
            snapshot,
            regulatory_snapshot,
            ..MarketDataRequest::default()
        }))
    };
    let is_end = |response: &Response| match response {
        Response::TickSnapshotEnd(end) => end.req_id,
        _ => None,
    };
    client.send(ask(1, Some(true), None)).await;
    assert_eq!(client.until(is_end).await, 1);
    client.send(ask(2, None, None)).await;
    assert_eq!(sim.regulatory_charges().await, 0);
    client.send(ask(3, None, Some(true))).await;
    let changed = |response: &Response| match response {
        Response::TickString(tick) if tick.tick_type == Some(85) => tick.req_id,
        _ => None,
    };
    assert_eq!(client.until(changed).await, 3);
    assert_eq!(client.until(is_end).await, 3);
    assert_eq!(sim.regulatory_charges().await, 1);
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
