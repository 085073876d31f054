//! Orders on the simulated markets over TCP: what fills depends on the prices that are shown.

mod sim_client;

use ibnats::sim::{SimConfig, Simulator};
use ibnats::tws::message::contract::{ComboLeg, Contract, ContractDataRequest};
use ibnats::tws::message::market_data::MarketDataRequest;
use ibnats::tws::message::order::Order;
use ibnats::tws::message::order_flow::PlaceOrderRequest;
use ibnats::tws::{Request, Response};
use sim_client::Client;

#[tokio::test]
async fn a_limit_order_waits_until_the_price_crosses_it() {
    let sim = Simulator::start(SimConfig::default()).await.expect("a simulator");
    let mut client = Client::login(sim.addr(), 1).await;
    assert!(sim.set_price("AAPL", 300.0).await);
    client.send(order(1, apple(), limit("10", 250.0))).await;
    client.until(|response| status(response, "Submitted")).await;
    assert!(sim.set_price("AAPL", 249.0).await);
    let price = client
        .until(|response| match response {
            Response::ExecutionDetails(details) => details.execution.as_ref()?.price,
            _ => None,
        })
        .await;
    assert!(price <= 250.0, "{price}");
    client.until(|response| status(response, "Filled")).await;
}

#[tokio::test]
async fn an_order_survives_its_connection_and_is_downloaded_at_the_next_login() {
    let sim = Simulator::start(SimConfig::default()).await.expect("a simulator");
    let mut client = Client::login(sim.addr(), 1).await;
    client.send(order(1, apple(), limit("10", 1.0))).await;
    client.until(|response| status(response, "Submitted")).await;
    sim.cut().await;
    assert!(client.is_closed().await);
    let mut again = Client::connect(sim.addr()).await;
    again.send(sim_client::start_api(1)).await;
    let order_id = again
        .until(|response| match response {
            Response::OpenOrder(open) => open.order_id,
            _ => None,
        })
        .await;
    assert_eq!(order_id, 1);
}

#[tokio::test]
async fn a_combination_has_details_quotes_and_fills() {
    let sim = Simulator::start(SimConfig::default()).await.expect("a simulator");
    let mut client = Client::login(sim.addr(), 1).await;
    let leg = |con_id, action: &str| ComboLeg {
        con_id: Some(con_id),
        ratio: Some(1),
        action: Some(action.into()),
        exchange: Some("SMART".into()),
        ..ComboLeg::default()
    };
    let pair = Contract {
        symbol: Some("MSFT,AAPL".into()),
        sec_type: Some("BAG".into()),
        currency: Some("USD".into()),
        exchange: Some("SMART".into()),
        combo_legs: vec![leg(272_093, "BUY"), leg(265_598, "SELL")],
        ..Contract::default()
    };
    let details = ContractDataRequest { req_id: Some(1), contract: Some(pair.clone()) };
    client.send(Request::ContractDataRequest(Box::new(details))).await;
    let found = client
        .until(|response| match response {
            Response::ContractData(data) => data.contract.clone(),
            _ => None,
        })
        .await;
    assert_eq!(found.combo_legs.len(), 2);
    let ticks = MarketDataRequest { req_id: Some(2), contract: Some(pair.clone()), ..MarketDataRequest::default() };
    client.send(Request::MarketDataRequest(Box::new(ticks))).await;
    let bid = client
        .until(|response| match response {
            Response::TickPrice(tick) if tick.tick_type == Some(1) => tick.price,
            _ => None,
        })
        .await;
    assert!((50.0..500.0).contains(&bid), "{bid}");
    client.send(order(1, pair, limit("1", bid + 100.0))).await;
    client.until(|response| status(response, "Filled")).await;
    let broken = Contract { sec_type: Some("BAG".into()), combo_legs: vec![leg(1, "BUY")], ..Contract::default() };
    let details = ContractDataRequest { req_id: Some(3), contract: Some(broken) };
    client.send(Request::ContractDataRequest(Box::new(details))).await;
    let (id, code, _) = client.next_error().await;
    assert_eq!((id, code), (3, 313));
}

#[tokio::test]
async fn a_price_file_is_replayed() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), "time_ms,symbol,bid,ask,last,size\n0,AAPL,99.99,100.01,100,5\n")
        .expect("a written file");
    let config = SimConfig { price_file: Some(file.path().to_owned()), ..SimConfig::default() };
    let sim = Simulator::start(config).await.expect("a simulator");
    let mut client = Client::login(sim.addr(), 1).await;
    let ticks = MarketDataRequest { req_id: Some(2), contract: Some(apple()), ..MarketDataRequest::default() };
    client.send(Request::MarketDataRequest(Box::new(ticks))).await;
    let bid = client
        .until(|response| match response {
            Response::TickPrice(tick) if tick.tick_type == Some(1) => tick.price,
            _ => None,
        })
        .await;
    assert!((bid - 99.99).abs() < 1e-9, "{bid}");
    std::fs::write(file.path(), "0,AAPL,many\n").expect("a written file");
    let config = SimConfig { price_file: Some(file.path().to_owned()), ..SimConfig::default() };
    assert!(Simulator::start(config).await.is_err());
}

#[tokio::test]
async fn the_same_port_serves_again_after_a_stop() {
    let sim = Simulator::start(SimConfig::default()).await.expect("a simulator");
    let addr = sim.addr();
    let mut client = Client::login(addr, 1).await;
    sim.stop().await;
    assert!(client.is_closed().await);
    let again = Simulator::start(SimConfig { listen: addr, ..SimConfig::default() }).await.expect("the same port");
    Client::login(again.addr(), 1).await;
}

fn apple() -> Contract {
    Contract {
        symbol: Some("AAPL".into()),
        sec_type: Some("STK".into()),
        exchange: Some("SMART".into()),
        currency: Some("USD".into()),
        ..Contract::default()
    }
}

fn limit(quantity: &str, price: f64) -> Order {
    Order {
        action: Some("BUY".into()),
        total_quantity: Some(quantity.into()),
        order_type: Some("LMT".into()),
        lmt_price: Some(price),
        tif: Some("GTC".into()),
        transmit: Some(true),
        ..Order::default()
    }
}

fn order(order_id: i32, contract: Contract, order: Order) -> Request {
    Request::PlaceOrderRequest(Box::new(PlaceOrderRequest {
        order_id: Some(order_id),
        contract: Some(contract),
        order: Some(order),
        ..PlaceOrderRequest::default()
    }))
}

fn status(response: &Response, wanted: &str) -> Option<()> {
    match response {
        Response::OrderStatus(status) => (status.status.as_deref() == Some(wanted)).then_some(()),
        _ => None,
    }
}
