//! A session, a simulated gateway and nothing between them, in virtual time.

use std::{sync::Arc, time::Duration};

use bytes::BytesMut;
use ibnats::{
    config::{BarFeed, Config},
    schema::{
        bar::BarEvent,
        connection::{GapEvent, LinkName},
    },
    session::{Answer, Ask, Command, Event, Now, Output, Session, Token},
    sim::{OfflineSim, SimConfig},
    tws::{
        Request, Response,
        frame::{Envelope, FRAME_BYTES_MAX, next_frame, open, put_frame},
        handshake::API_SIGN,
        message::{
            contract::Contract,
            history::{HistoricalDataBar, HistoricalDataRequest},
            login::StartApiRequest,
        },
    },
};

/// What bytes take from the gateway to the session.
const LATE_MS: i64 = 120;
const BAR_MS: i64 = 5_000;

pub(crate) struct World {
    session: Session,
    pub(crate) sim: OfflineSim,
    now: Now,
    connections: [Option<u64>; 2],
    generations: [u64; 2],
    is_away: bool,
    tokens: u64,
    pub(crate) bars: Vec<BarEvent>,
    pub(crate) gaps: Vec<GapEvent>,
    pub(crate) leases: usize,
}

impl World {
    /// A login at this moment of simulated time.
    pub(crate) fn at(start_ms: i64, sim: &SimConfig) -> Self {
        Self::with(start_ms, sim, BarFeed::RealTime)
    }

    /// As [`Self::at`], with bars from another source.
    pub(crate) fn with(start_ms: i64, sim: &SimConfig, feed: BarFeed) -> Self {
        let now = Now { at: ibnats::gateway::clock::now().at, us: start_ms * 1_000 };
        let mut config = Config::default();
        config.timing.reconnect_max_ms = 1_000;
        config.bars.update_ms = 0;
        config.bars.feed = feed;
        let session = Session::new(Arc::new(config), Vec::new(), 7, now);
        let mut world = Self {
            session,
            sim: OfflineSim::new(sim, start_ms),
            now,
            connections: [None; 2],
            generations: [0; 2],
            is_away: false,
            tokens: 0,
            bars: Vec::new(),
            gaps: Vec::new(),
            leases: 0,
        };
        world.session.on_timer(now);
        world.settle();
        world
    }

    pub(crate) fn now_ms(&self) -> i64 {
        self.now.us / 1_000
    }

    pub(crate) fn subscribe(&mut self, streams: &[&str]) {
        let ask = serde_json::json!({ "contract": "STK:AAPL", "streams": streams, "ttl_s": 0 });
        let ask = serde_json::from_value(ask).expect("a request");
        self.tokens += 1;
        let deadline = self.now.at + Duration::from_secs(30);
        let command = Command { token: Token(self.tokens), client: None, deadline, ask: Ask::Subscribe(Box::new(ask)) };
        self.session.on_command(self.now, command);
        self.settle();
    }

    /// Lets simulated time pass.
    pub(crate) fn run_to(&mut self, until_ms: i64) {
        while self.now_ms() < until_ms {
            let next_bar_ms = (self.now_ms() - LATE_MS).div_euclid(BAR_MS) * BAR_MS + BAR_MS + LATE_MS;
            let wake = self.session.wake_at().map_or(i64::MAX, |at| {
                let wait = at.saturating_duration_since(self.now.at).as_micros();
                self.now.us.saturating_add(i64::try_from(wait).unwrap_or(i64::MAX))
            });
            let next_us = (next_bar_ms.min(until_ms) * 1_000).min(wake).max(self.now.us);
            self.now = self.now.plus(Duration::from_micros((next_us - self.now.us).unsigned_abs()));
            self.sim.advance(self.now_ms());
            if wake <= self.now.us {
                self.session.on_timer(self.now);
            }
            self.settle();
        }
    }

    /// Both sockets end, and no dial succeeds until [`Self::back`].
    pub(crate) fn cut(&mut self) {
        self.is_away = true;
        for link in [LinkName::Trading, LinkName::Data] {
            if let Some(connection) = self.connections[link as usize].take() {
                self.sim.hang_up(connection);
                self.session.on_closed(self.now, link, self.generations[link as usize], "cut by the test");
            }
        }
        self.settle();
    }

    pub(crate) fn back(&mut self) {
        self.is_away = false;
    }

    fn settle(&mut self) {
        loop {
            let mut is_quiet = true;
            while let Some(output) = self.session.next_output() {
                is_quiet = false;
                self.perform(output);
            }
            for link in [LinkName::Trading, LinkName::Data] {
                let Some(connection) = self.connections[link as usize] else { continue };
                if let Some(sent) = self.sim.take_sent(connection).filter(|sent| !sent.is_empty()) {
                    is_quiet = false;
                    self.session.on_bytes(self.now, link, &mut BytesMut::from(&sent[..]));
                }
            }
            if is_quiet {
                return;
            }
        }
    }

    fn perform(&mut self, output: Output) {
        match output {
            Output::Dial { link, generation } => {
                self.generations[link as usize] = generation;
                if self.is_away {
                    self.session.on_closed(self.now, link, generation, "refused by the test");
                } else {
                    self.connections[link as usize] = Some(self.sim.dial());
                    self.session.on_opened(self.now, link, generation);
                }
            }
            Output::Send { link, frames } => {
                if let Some(connection) = self.connections[link as usize] {
                    self.sim.receive(self.now.us / 1_000, connection, frames.bytes());
                }
            }
            Output::Close { link } => {
                if let Some(connection) = self.connections[link as usize].take() {
                    self.sim.hang_up(connection);
                }
            }
            Output::Event(Event::Bar(_, bar)) => self.bars.push(*bar),
            Output::Event(Event::Gap(_, gap)) => self.gaps.push(*gap),
            Output::Reply { outcome: Ok(Answer::Lease(_)), .. } => self.leases += 1,
            Output::Reply { outcome, .. } => panic!("no lease: {outcome:?}"),
            _ => {}
        }
    }

    /// What the gateway's history says now, asked by another client.
    pub(crate) fn history(&mut self, size: &str, duration: &str) -> Vec<HistoricalDataBar> {
        let now_ms = self.now_ms();
        let connection = self.sim.dial();
        let mut bytes = BytesMut::from(&API_SIGN[..]);
        put_frame(&mut bytes, |out| out.extend_from_slice(b"v213..226"));
        self.sim.receive(now_ms, connection, &bytes);
        let mut bytes = BytesMut::new();
        let login = StartApiRequest { client_id: Some(77), optional_capabilities: None };
        Request::StartApiRequest(login).put(&mut bytes);
        let contract = Contract { con_id: Some(265_598), exchange: Some("SMART".to_owned()), ..Contract::default() };
        let request = HistoricalDataRequest {
            req_id: Some(1),
            contract: Some(contract),
            bar_size_setting: Some(size.to_owned()),
            duration: Some(duration.to_owned()),
            what_to_show: Some("TRADES".to_owned()),
            format_date: Some(2),
            ..HistoricalDataRequest::default()
        };
        Request::HistoricalDataRequest(Box::new(request)).put(&mut bytes);
        self.sim.receive(now_ms, connection, &bytes);
        let mut answer = BytesMut::new();
        for _ in 0..1_000 {
            self.sim.advance(now_ms);
            answer.extend_from_slice(&self.sim.take_sent(connection).expect("an open connection"));
            while let Some(frame) = next_frame(&mut answer, FRAME_BYTES_MAX).expect("frames") {
                // The greeting is text.
                let Envelope::Protobuf { id, body } = open(frame) else { continue };
                match Response::decode(id, body) {
                    Ok(Response::HistoricalData(data)) => {
                        self.sim.hang_up(connection);
                        return data.historical_data_bars;
                    }
                    Ok(Response::ErrorMessage(error)) if error.id == Some(1) => panic!("{error:?}"),
                    _ => {}
                }
            }
        }
        panic!("no history");
    }

    /// Every final bar of a size that starts in `from_ms..to_ms` is in history, and the other way round, in the
    /// same order and with the same figures. Returns how many there are.
    #[track_caller]
    pub(crate) fn check(&mut self, size: &str, ib_size: &str, duration: &str, (from_ms, to_ms): (i64, i64)) -> usize {
        let start_ms = |row: &HistoricalDataBar| {
            let text = row.date.as_deref().expect("a date");
            match text.len() {
                8 => chrono::NaiveDate::parse_from_str(text, "%Y%m%d")
                    .map(|date| date.and_hms_opt(0, 0, 0).expect("midnight").and_utc().timestamp_millis()),
                _ => Ok(text.parse::<i64>().expect("epoch seconds") * 1_000),
            }
            .expect("a time")
        };
        let rows = self.history(ib_size, duration);
        let rows: Vec<_> = rows.iter().filter(|row| (from_ms..to_ms).contains(&start_ms(row))).collect();
        let closed: Vec<&BarEvent> = self.bars.iter().filter(|bar| bar.complete && bar.size.name() == size).collect();
        let closed: Vec<_> =
            closed.into_iter().filter(|bar| (from_ms * 1_000..to_ms * 1_000).contains(&bar.bar.start_us)).collect();
        for (bar, row) in closed.iter().zip(&rows) {
            let said = &bar.bar;
            let time = chrono::DateTime::from_timestamp_millis(start_ms(row)).expect("a time");
            assert_eq!(said.start_us / 1_000, start_ms(row), "{size}: {bar:?} where history goes on at {time}");
            let prices = (Some(said.open), Some(said.high), Some(said.low), Some(said.close));
            assert_eq!(prices, (row.open, row.high, row.low, row.close), "{size} at {time}");
            let number = |text: Option<&str>| text.and_then(|text| text.parse::<rust_decimal::Decimal>().ok());
            let volume = number(said.volume.as_ref().map(ibnats::schema::Size::as_str));
            assert_eq!(volume, number(row.volume.as_deref()), "{size} at {time}: volume");
            assert_eq!(said.count, row.bar_count, "{size} at {time}: count");
            let off = number(said.wap.as_ref().map(ibnats::schema::Size::as_str)).expect("traded")
                - number(row.wap.as_deref()).expect("traded");
            assert!(off.abs() <= rust_decimal::Decimal::new(2, 2), "{size} at {time}: average price off by {off}");
            assert_eq!(bar.partial, None, "{size} at {time}");
        }
        assert_eq!(closed.len(), rows.len(), "{size}: as many as in history");
        closed.len()
    }
}
