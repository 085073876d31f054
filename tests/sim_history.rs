//! History and streams of the simulated gateway over TCP: they tell one story.

mod sim_client;

use ibnats::sim::{RunningSim, SimConfig, Simulator};
use ibnats::tws::message::contract::Contract;
use ibnats::tws::message::depth::MarketDepthRequest;
use ibnats::tws::message::history::{
    CancelHeadTimestamp, CancelHistoricalData, HeadTimestampRequest, HistogramDataRequest, HistoricalDataBar,
    HistoricalDataRequest, RealTimeBarsRequest,
};
use ibnats::tws::message::tick_by_tick::{HistoricalTicksRequest, TickByTickRequest};
use ibnats::tws::{Request, Response};
use sim_client::Client;

#[tokio::test]
async fn the_last_bar_closes_at_the_last_trade() {
    let (_sim, mut client) = start(1.0).await;
    client.send(ticks(1, "Last")).await;
    client.send(bars(2, "1 min", "3600 S", "TRADES")).await;
    let mut last = None;
    let received = loop {
        match client.next().await {
            Response::TickByTickData(tick) => last = tick.historical_tick_last.and_then(|tick| tick.price),
            Response::HistoricalData(data) => break data.historical_data_bars,
            _ => {}
        }
    };
    assert!((60..=61).contains(&received.len()), "{} bars", received.len());
    // The trade of the bar's last slot may still be on its way.
    let close = received.last().and_then(|bar| bar.close);
    let next = client.until(last_price).await;
    assert!(close == last || close == Some(next), "close {close:?}, trades {last:?} and {next}");
    assert!(received.windows(2).all(|pair| pair[0].date < pair[1].date));
}

#[tokio::test]
async fn bars_asked_for_later_show_what_was_streamed_as_real_time_bars() {
    let (_sim, mut client) = start(40.0).await;
    let request = RealTimeBarsRequest {
        req_id: Some(1),
        contract: Some(apple()),
        bar_size: Some(5),
        what_to_show: Some("TRADES".into()),
        ..RealTimeBarsRequest::default()
    };
    client.send(Request::RealTimeBarsRequest(Box::new(request))).await;
    let mut streamed = Vec::new();
    while streamed.len() < 4 {
        if let Response::RealTimeBarTick(bar) = client.next().await {
            streamed.push((bar.time.expect("a time").to_string(), bar.open, bar.high, bar.low, bar.close, bar.volume));
        }
    }
    client.send(bars(2, "5 secs", "120 S", "TRADES")).await;
    let history = client.until(data).await;
    let known: Vec<_> = history
        .into_iter()
        .map(|bar| (bar.date.expect("a date"), bar.open, bar.high, bar.low, bar.close, bar.volume))
        .collect();
    for bar in streamed {
        assert!(known.contains(&bar), "{bar:?} is not in {known:?}");
    }
}

#[tokio::test]
async fn a_bar_kept_up_to_date_grows_and_is_followed_by_the_next() {
    let (_sim, mut client) = start(40.0).await;
    let Request::HistoricalDataRequest(mut request) = bars(1, "1 min", "600 S", "TRADES") else { unreachable!() };
    request.keep_up_to_date = Some(true);
    client.send(Request::HistoricalDataRequest(request)).await;
    client.until(|response| matches!(response, Response::HistoricalDataEnd(_)).then_some(())).await;
    let mut dates = std::collections::BTreeSet::new();
    while dates.len() < 3 {
        let date = client
            .until(|response| match response {
                Response::HistoricalDataUpdate(update) => update.historical_data_bar.as_ref()?.date.clone(),
                _ => None,
            })
            .await;
        dates.insert(date);
    }
    let cancel = || Request::CancelHistoricalData(CancelHistoricalData { req_id: Some(1) });
    client.send(cancel()).await;
    let (id, code, text) = client.next_error().await;
    assert_eq!((id, code), (1, 162));
    assert!(text.contains("query cancelled"), "{text}");
    client.send(cancel()).await;
    assert_eq!(client.next_error().await.1, 366);
}

#[tokio::test]
async fn history_queries_that_cannot_be_served_are_refused() {
    let (_sim, mut client) = start(1.0).await;
    let euro = Contract {
        symbol: Some("EUR".into()),
        sec_type: Some("CASH".into()),
        currency: Some("USD".into()),
        exchange: Some("IDEALPRO".into()),
        ..Contract::default()
    };
    let refused = [
        (bars(1, "7 mins", "1 D", "TRADES"), 321),
        (bars(2, "1 min", "1 X", "TRADES"), 321),
        (bars(3, "1 min", "1 D", "GOSSIP"), 321),
        (bars(4, "1 secs", "3000 S", "TRADES"), 162),
        (with(bars(5, "1 min", "1 D", "TRADES"), |request| request.contract = Some(euro)), 162),
        (with(bars(6, "1 min", "1 D", "TRADES"), |request| request.end_date_time = Some("soon".into())), 10314),
        (with(bars(7, "1 min", "1 D", "BID_ASK"), |request| request.keep_up_to_date = Some(true)), 321),
        (
            with(bars(8, "1 min", "1 D", "TRADES"), |request| request.end_date_time = Some("19800101-00:00:00".into())),
            162,
        ),
    ];
    for (position, (request, expected)) in (1..).zip(refused) {
        client.send(request).await;
        let (id, code, text) = client.next_error().await;
        assert_eq!((id, code), (position, expected), "{text}");
    }
    client.send(bars(9, "5 secs", "60 S", "TRADES")).await;
    client.until(data).await;
    client.send(bars(10, "5 secs", "60 S", "TRADES")).await;
    let (id, code, text) = client.next_error().await;
    assert_eq!((id, code), (10, 162));
    assert!(text.contains("pacing violation"), "{text}");
}

#[tokio::test]
async fn a_year_of_days_and_a_schedule_and_a_head_are_answered() {
    let (_sim, mut client) = start(1.0).await;
    client.send(bars(1, "1 day", "1 Y", "TRADES")).await;
    let days = client.until(data).await;
    assert!((360..=367).contains(&days.len()), "{}", days.len());
    assert!(days.iter().all(|bar| bar.high >= bar.open && bar.low <= bar.close));
    client.send(bars(2, "1 day", "5 D", "SCHEDULE")).await;
    let sessions = client
        .until(|response| match response {
            Response::HistoricalSchedule(schedule) => Some(schedule.historical_sessions.len()),
            _ => None,
        })
        .await;
    assert_eq!(sessions, 5);
    let head = HeadTimestampRequest {
        req_id: Some(3),
        contract: Some(apple()),
        what_to_show: Some("TRADES".into()),
        format_date: Some(1),
        ..HeadTimestampRequest::default()
    };
    client.send(Request::HeadTimestampRequest(Box::new(head))).await;
    let stamp = client
        .until(|response| match response {
            Response::HeadTimestamp(head) => head.head_timestamp.clone(),
            _ => None,
        })
        .await;
    assert_eq!(stamp, "20040123-14:30:00");
    client.send(Request::CancelHeadTimestamp(CancelHeadTimestamp { req_id: Some(3) })).await;
    let histogram = HistogramDataRequest {
        req_id: Some(4),
        contract: Some(apple()),
        time_period: Some("3 days".into()),
        ..HistogramDataRequest::default()
    };
    client.send(Request::HistogramDataRequest(Box::new(histogram))).await;
    let entries = client
        .until(|response| match response {
            Response::HistogramData(data) => Some(data.histogram_data_entries.len()),
            _ => None,
        })
        .await;
    assert!(entries > 10, "{entries}");
}

#[tokio::test]
async fn historical_ticks_of_three_kinds_are_answered_and_two_ends_refused() {
    let (_sim, mut client) = start(1.0).await;
    let request = |req_id, what: &str| HistoricalTicksRequest {
        req_id: Some(req_id),
        contract: Some(apple()),
        end_date_time: Some("20261120-15:00:00".into()),
        number_of_ticks: Some(100),
        what_to_show: Some(what.into()),
        ..HistoricalTicksRequest::default()
    };
    for (req_id, what) in [(1, "TRADES"), (2, "BID_ASK"), (3, "MIDPOINT")] {
        client.send(Request::HistoricalTicksRequest(Box::new(request(req_id, what)))).await;
        let count = client
            .until(|response| match response {
                Response::HistoricalTicksLast(ticks) => Some(ticks.historical_ticks_last.len()),
                Response::HistoricalTicksBidAsk(ticks) => Some(ticks.historical_ticks_bid_ask.len()),
                Response::HistoricalTicks(ticks) => Some(ticks.historical_ticks.len()),
                _ => None,
            })
            .await;
        assert!((100..104).contains(&count), "{what}: {count}");
    }
    let both = HistoricalTicksRequest { start_date_time: Some("20261120-14:00:00".into()), ..request(4, "TRADES") };
    client.send(Request::HistoricalTicksRequest(Box::new(both))).await;
    assert_eq!(client.next_error().await.1, 321);
}

#[tokio::test]
async fn tick_by_tick_and_depth_have_their_limits() {
    let (_sim, mut client) = start(1.0).await;
    for (req_id, kind) in [(1, "Last"), (2, "AllLast"), (3, "BidAsk"), (4, "MidPoint"), (5, "Last")] {
        client.send(ticks(req_id, kind)).await;
    }
    client.send(ticks(6, "Last")).await;
    let (id, code, _) = client.next_error().await;
    assert_eq!((id, code), (6, 10190));
    let mut kinds = std::collections::BTreeSet::new();
    while kinds.len() < 4 {
        let kind = client.until(|response| match response {
            Response::TickByTickData(tick) => tick.tick_type,
            _ => None,
        });
        kinds.insert(kind.await);
    }
    for (req_id, symbol) in [(11, "AAPL"), (12, "MSFT"), (13, "IBM"), (14, "AAPL"), (15, "KO")] {
        let contract = Contract { symbol: Some(symbol.into()), ..apple() };
        let request =
            MarketDepthRequest { req_id: Some(req_id), contract: Some(contract), ..MarketDepthRequest::default() };
        client.send(Request::MarketDepthRequest(Box::new(request))).await;
    }
    let (id, code, _) = client.next_error().await;
    assert_eq!((id, code), (15, 309));
}

#[expect(clippy::expect_used, reason = "a helper of tests")]
/// A simulator at a fixed time and a client logged in to it.
async fn start(speed: f64) -> (RunningSim, Client) {
    let clock = "2026-11-20T15:00:01Z".parse().expect("a time");
    let config = SimConfig { clock: Some(clock), speed, ..SimConfig::default() };
    let sim = Simulator::start(config).await.expect("a simulator");
    let client = Client::login(sim.addr(), 1).await;
    (sim, client)
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

fn bars(req_id: i32, size: &str, duration: &str, what: &str) -> Request {
    Request::HistoricalDataRequest(Box::new(HistoricalDataRequest {
        req_id: Some(req_id),
        contract: Some(apple()),
        bar_size_setting: Some(size.into()),
        duration: Some(duration.into()),
        what_to_show: Some(what.into()),
        format_date: Some(2),
        ..HistoricalDataRequest::default()
    }))
}

fn with(request: Request, change: impl FnOnce(&mut HistoricalDataRequest)) -> Request {
    let Request::HistoricalDataRequest(mut request) = request else { unreachable!() };
    change(&mut request);
    Request::HistoricalDataRequest(request)
}

fn ticks(req_id: i32, kind: &str) -> Request {
    Request::TickByTickRequest(Box::new(TickByTickRequest {
        req_id: Some(req_id),
        contract: Some(apple()),
        tick_type: Some(kind.into()),
        ..TickByTickRequest::default()
    }))
}

fn last_price(response: &Response) -> Option<f64> {
    match response {
        Response::TickByTickData(tick) => tick.historical_tick_last.as_ref()?.price,
        _ => None,
    }
}

fn data(response: &Response) -> Option<Vec<HistoricalDataBar>> {
    match response {
        Response::HistoricalData(data) => Some(data.historical_data_bars.clone()),
        _ => None,
    }
}
