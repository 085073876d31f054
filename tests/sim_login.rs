//! The simulated gateway as a client sees it over TCP: login, identities, faults.

mod sim_client;

use ibnats::sim::{SimConfig, Simulator};
use ibnats::tws::message::display_group::QueryDisplayGroupsRequest;
use ibnats::tws::message::login::{CurrentTimeInMillisRequest, CurrentTimeRequest, NextValidId};
use ibnats::tws::{Request, Response, ServerVersion};
use sim_client::{Client, start_api};

#[tokio::test]
async fn a_login_brings_accounts_then_the_next_order_id_then_the_farms() {
    let sim = Simulator::start(SimConfig::default()).await.expect("a simulator");
    let mut client = Client::connect(sim.addr()).await;
    assert_eq!(client.version, ServerVersion::MAX);
    client.send(start_api(7)).await;
    let Response::ManagedAccounts(accounts) = client.next().await else { panic!("accounts come first") };
    assert_eq!(accounts.accounts_list.as_deref(), Some("DU1234567"));
    assert!(matches!(client.next().await, Response::NextValidId(NextValidId { order_id: Some(1..) })));
    let mut codes = Vec::new();
    while !codes.contains(&2158) {
        let (id, code, _) = client.next_error().await;
        assert_eq!(id, -1);
        codes.push(code);
    }
    assert!(codes.contains(&2104) && codes.contains(&2106), "{codes:?}");
    sim.stop().await;
}

#[tokio::test]
async fn a_used_client_id_is_refused_and_the_first_client_stays() {
    let sim = Simulator::start(SimConfig::default()).await.expect("a simulator");
    let mut first = Client::login(sim.addr(), 7).await;
    let mut second = Client::connect(sim.addr()).await;
    second.send(start_api(7)).await;
    let (id, code, _) = second.next_error().await;
    assert_eq!((id, code), (-1, 326));
    assert!(second.is_closed().await);
    first.send(Request::CurrentTimeRequest(CurrentTimeRequest {})).await;
    first.until(|response| matches!(response, Response::CurrentTime(_)).then_some(())).await;
    let mut third = Client::connect(sim.addr()).await;
    third.send(start_api(8)).await;
    assert!(matches!(third.next().await, Response::ManagedAccounts(_)));
}

#[tokio::test]
async fn a_client_id_is_free_again_after_its_connection_closed() {
    let sim = Simulator::start(SimConfig::default()).await.expect("a simulator");
    drop(Client::login(sim.addr(), 7).await);
    // The simulator learns of the close by its own socket; until then the id is in use.
    for _ in 0..100 {
        let mut again = Client::connect(sim.addr()).await;
        again.send(start_api(7)).await;
        if matches!(again.next().await, Response::ManagedAccounts(_)) {
            return;
        }
    }
    panic!("the id stayed in use");
}

#[tokio::test]
async fn an_older_client_is_closed_without_a_greeting() {
    let sim = Simulator::start(SimConfig::default()).await.expect("a simulator");
    let mut client = Client::hello(sim.addr(), "v100..212").await;
    assert!(client.is_closed().await);
    let mut client = Client::hello(sim.addr(), "v100..220").await;
    assert_eq!(client.greeting().await, ServerVersion(220));
}

#[tokio::test]
async fn the_thirty_third_connection_is_closed() {
    let sim = Simulator::start(SimConfig::default()).await.expect("a simulator");
    let mut clients = Vec::new();
    for client_id in 0..32 {
        clients.push(Client::login(sim.addr(), client_id).await);
    }
    assert!(Client::hello(sim.addr(), "v213..226").await.is_closed().await);
}

#[tokio::test]
async fn connections_that_leave_before_the_greeting_free_their_places() {
    let sim = Simulator::start(SimConfig { clients_max: 1, ..SimConfig::default() }).await.expect("a simulator");
    for _ in 0..5 {
        let probe = tokio::net::TcpStream::connect(sim.addr()).await.expect("a listener");
        drop(probe);
        // The place is free once the simulator has seen the close; until then newcomers are closed.
        let mut seated = false;
        for _ in 0..10_000 {
            if let Some(version) = Client::hello(sim.addr(), "v213..226").await.try_greeting().await {
                assert_eq!(version, ServerVersion::MAX);
                seated = true;
                break;
            }
        }
        assert!(seated, "the place of a client that left stayed taken");
    }
}

#[tokio::test]
async fn the_clock_starts_where_it_was_set() {
    let clock = "2026-03-02T15:00:00Z".parse().expect("a time");
    let sim = Simulator::start(SimConfig { clock: Some(clock), ..SimConfig::default() }).await.expect("a simulator");
    let mut client = Client::login(sim.addr(), 1).await;
    client.send(Request::CurrentTimeInMillisRequest(CurrentTimeInMillisRequest {})).await;
    let millis = client
        .until(|response| match response {
            Response::CurrentTimeInMillis(time) => time.current_time_in_millis,
            _ => None,
        })
        .await;
    let since = millis - clock.timestamp_millis();
    assert!((0..60_000).contains(&since), "{since} ms after the start");
}

#[tokio::test]
async fn a_request_nobody_serves_is_answered_with_an_error() {
    let sim = Simulator::start(SimConfig::default()).await.expect("a simulator");
    let mut client = Client::login(sim.addr(), 1).await;
    let request = QueryDisplayGroupsRequest { req_id: Some(77) };
    client.send(Request::QueryDisplayGroupsRequest(request)).await;
    let (id, code, text) = client.next_error().await;
    assert_eq!((id, code), (77, 321), "{text}");
}

#[tokio::test]
async fn a_mute_gateway_counts_what_it_does_not_answer() {
    let sim = Simulator::start(SimConfig::default()).await.expect("a simulator");
    let mut client = Client::login(sim.addr(), 1).await;
    sim.mute("CurrentTimeRequest").await;
    client.send(Request::CurrentTimeRequest(CurrentTimeRequest {})).await;
    client.send(Request::CurrentTimeInMillisRequest(CurrentTimeInMillisRequest {})).await;
    assert!(matches!(client.next().await, Response::CurrentTimeInMillis(_)));
    assert_eq!(sim.request_count("CurrentTimeRequest").await, 1);
    sim.unmute("CurrentTimeRequest").await;
    client.send(Request::CurrentTimeRequest(CurrentTimeRequest {})).await;
    assert!(matches!(client.next().await, Response::CurrentTime(_)));
}

#[tokio::test]
async fn a_notice_reaches_every_client_and_a_cut_closes_them() {
    let sim = Simulator::start(SimConfig::default()).await.expect("a simulator");
    let mut clients = [Client::login(sim.addr(), 1).await, Client::login(sim.addr(), 2).await];
    sim.notice(1100, "Connectivity between IBKR and Trader Workstation has been lost.").await;
    for client in &mut clients {
        assert_eq!(client.next_error().await.1, 1100);
    }
    sim.cut().await;
    for client in &mut clients {
        assert!(client.is_closed().await);
    }
}
