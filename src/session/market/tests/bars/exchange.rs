//! A market in virtual time: it streams bars of five seconds, and answers for history from the same trades.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::super::desk::Desk;
use crate::{
    config::Config,
    schema::{
        Size,
        bar::{Bar, BarEvent},
        connection::{GapEvent, LinkName},
    },
    session::{
        CacheItem, CacheKind, Event,
        rig::{Rig, START_US},
    },
    tws::{
        Request, Response,
        message::history::{
            HistoricalData, HistoricalDataBar, HistoricalDataEnd, HistoricalDataRequest, RealTimeBarTick,
        },
    },
};

pub(super) const SECOND_US: i64 = 1_000_000;
const BAR_US: i64 = 5 * SECOND_US;
/// What a bar takes to arrive.
const LATE_US: i64 = 300_000;

/// What history does with requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Archive {
    Answers,
    Mute,
    NoData,
}

pub(super) struct Exchange {
    pub(super) desk: Desk,
    /// The stream's request, if the gateway has one.
    pub(super) stream: Option<i32>,
    /// The gateway streams nothing, though it has a request.
    pub(super) is_silent: bool,
    pub(super) archive: Archive,
    /// Seconds that history takes to answer.
    pub(super) slow_s: i64,
    /// History has nothing of so many last seconds.
    pub(super) lag_s: i64,
    /// Requests that history has not answered yet, with the time at which it will.
    unanswered: Vec<(i64, HistoricalDataRequest)>,
    /// Nothing is traded in these stretches.
    pub(super) halts: Vec<(i64, i64)>,
    next_us: i64,
    pub(super) bars: Vec<BarEvent>,
    pub(super) gaps: Vec<GapEvent>,
    /// Bar size, start and end of every history request.
    pub(super) asked: Vec<(String, i64)>,
}

impl Exchange {
    pub(super) fn new() -> Self {
        Self::with(Config::default())
    }

    pub(super) fn with(mut config: Config) -> Self {
        config.timing.reconnect_max_ms = 1_000;
        Self {
            desk: Desk::with(config),
            stream: None,
            is_silent: false,
            archive: Archive::Answers,
            slow_s: 0,
            lag_s: 0,
            unanswered: Vec::new(),
            halts: Vec::new(),
            next_us: START_US,
            bars: Vec::new(),
            gaps: Vec::new(),
            asked: Vec::new(),
        }
    }

    /// The bridge starts again so many seconds later, with what it kept. Bars and gaps so far stay.
    pub(super) fn restarted(mut self, after_s: i64) -> Self {
        self.collect();
        let mut rig = Rig::with((*self.desk.rig.session.core.config).clone());
        let after = std::time::Duration::from_secs(u64::try_from(after_s).expect("forward"));
        rig.now = self.desk.rig.now.plus(after);
        let mut kept: BTreeMap<(usize, String), CacheItem> = BTreeMap::new();
        for item in &self.desk.rig.cached {
            let kind = CacheKind::ALL.iter().position(|kind| *kind == item.kind).expect("a kind");
            match &item.body {
                Some(_) => kept.insert((kind, item.key.clone()), item.clone()),
                None => kept.remove(&(kind, item.key.clone())),
            };
        }
        for item in kept.values() {
            rig.session.recall(rig.now, item);
        }
        rig.pump();
        rig.is_alive = true;
        rig.log_in(LinkName::Data);
        rig.log_in(LinkName::Trading);
        let stock = rig.stock(265_598, "AAPL");
        self.desk = Desk { rig, stock };
        (self.stream, self.is_silent) = (None, false);
        while self.next_us + BAR_US + LATE_US <= self.desk.rig.now.us {
            self.next_us += BAR_US;
        }
        self.serve();
        self
    }

    pub(super) fn lease(&mut self, streams: &[&str]) {
        self.desk.lease("alpha", streams);
        self.serve();
    }

    /// Lets time pass until so many seconds after the start.
    pub(super) fn run_to(&mut self, seconds: i64) {
        let until_us = START_US + seconds * SECOND_US;
        while self.desk.rig.now().us < until_us {
            let now_us = self.desk.rig.now().us;
            let due_us = (self.next_us + BAR_US + LATE_US).clamp(now_us, until_us);
            // In small steps, so that history is answered soon after it was asked for.
            let step_us = (due_us - now_us).min(SECOND_US / 2);
            self.desk.rig.wait_ms(u64::try_from(step_us / 1_000).expect("forward"));
            self.serve();
            if self.desk.rig.now().us >= self.next_us + BAR_US + LATE_US {
                self.stream_bar();
            }
        }
        self.collect();
    }

    /// The socket of the data link ends.
    pub(super) fn cut(&mut self) {
        self.desk.rig.cut(LinkName::Data);
        self.stream = None;
        self.collect();
    }

    /// The data link is logged in again. Returns the first second that is streamed.
    pub(super) fn back(&mut self) -> i64 {
        self.desk.rig.reconnect(LinkName::Data);
        while self.next_us + BAR_US + LATE_US <= self.desk.rig.now().us {
            self.next_us += BAR_US;
        }
        self.serve();
        (self.next_us - START_US) / SECOND_US
    }

    fn stream_bar(&mut self) {
        let start_us = self.next_us;
        self.next_us += BAR_US;
        let Some(req_id) = self.stream.filter(|_| !self.is_silent) else { return };
        let Some(bar) = self.truth(start_us, BAR_US) else { return };
        self.desk.hear(Response::RealTimeBarTick(Box::new(RealTimeBarTick {
            req_id: Some(req_id),
            time: Some(start_us / SECOND_US),
            open: Some(bar.open),
            high: Some(bar.high),
            low: Some(bar.low),
            close: Some(bar.close),
            volume: bar.volume.map(|volume| volume.to_string()),
            wap: bar.wap.map(|wap| wap.to_string()),
            count: bar.count,
        })));
        self.serve();
    }

    /// Does what the session asked for.
    pub(super) fn serve(&mut self) {
        loop {
            let sent = self.desk.rig.sent(LinkName::Data);
            if sent.is_empty() {
                break;
            }
            for request in sent {
                match request {
                    Request::RealTimeBarsRequest(ask) => self.stream = ask.req_id,
                    Request::CancelRealTimeBars(cancel) if cancel.req_id == self.stream => self.stream = None,
                    Request::HistoricalDataRequest(ask) if self.slow_s > 0 => {
                        let due_us = self.desk.rig.now().us + self.slow_s * SECOND_US;
                        self.unanswered.push((due_us, *ask));
                    }
                    Request::HistoricalDataRequest(ask) => self.answer(&ask),
                    _ => {}
                }
            }
        }
        let now_us = self.desk.rig.now().us;
        if let Some(place) = self.unanswered.iter().position(|(due_us, _)| *due_us <= now_us) {
            let (_, ask) = self.unanswered.remove(place);
            self.answer(&ask);
            return self.serve();
        }
        self.collect();
    }

    fn answer(&mut self, ask: &HistoricalDataRequest) {
        let now_us = self.desk.rig.now().us;
        let size = ask.bar_size_setting.clone().expect("a size");
        let step_us = if size == "1 min" { 60 * SECOND_US } else { BAR_US };
        let end_text = ask.end_date_time.clone().unwrap_or_default();
        let end_us = chrono::NaiveDateTime::parse_from_str(&end_text, "%Y%m%d-%H:%M:%S")
            .map_or(now_us, |end| end.and_utc().timestamp_micros());
        let duration = ask.duration.clone().expect("a duration");
        let (count, unit) = duration.split_once(' ').expect("number and unit");
        let count: i64 = count.parse().expect("a number");
        let seconds = count * if unit == "S" { 1 } else { 86_400 };
        self.asked.push((size, (end_us - START_US) / SECOND_US));
        let req_id = ask.req_id.expect("an id");
        match self.archive {
            Archive::Mute => return,
            Archive::NoData => {
                return self.desk.notice(
                    req_id,
                    162,
                    "Historical Market Data Service error message:HMDS query returned no data: AAPL@SMART Trades",
                );
            }
            Archive::Answers => {}
        }
        let mut start_us = end_us - seconds * SECOND_US;
        start_us -= start_us.rem_euclid(step_us);
        let mut rows = Vec::new();
        while start_us < end_us {
            // The bar going on at the end is partial.
            let until_us = (start_us + step_us).min(end_us.max(start_us + BAR_US));
            if until_us <= now_us - self.lag_s * SECOND_US {
                rows.extend(self.truth(start_us, until_us - start_us).map(row));
            }
            start_us += step_us;
        }
        self.desk.hear(Response::HistoricalData(HistoricalData { req_id: Some(req_id), historical_data_bars: rows }));
        let end = HistoricalDataEnd { req_id: Some(req_id), start_date_str: None, end_date_str: None };
        self.desk.hear(Response::HistoricalDataEnd(end));
    }

    fn collect(&mut self) {
        for event in self.desk.rig.events() {
            match event {
                Event::Bar(_, bar) => self.bars.push(*bar),
                Event::Gap(_, gap) => self.gaps.push(*gap),
                _ => {}
            }
        }
    }

    /// What was traded in a stretch, as one bar.
    pub(super) fn truth(&self, start_us: i64, length_us: i64) -> Option<Bar> {
        let mut whole: Option<Bar> = None;
        let (mut volume, mut worth) = (Decimal::ZERO, Decimal::ZERO);
        let mut at_us = start_us;
        while at_us < start_us + length_us {
            if !self.halts.iter().any(|(from, to)| (*from..*to).contains(&at_us)) {
                let five = five(at_us);
                let size = five.volume.as_ref().map(Size::decimal).expect("traded");
                volume += size;
                worth += size * five.wap.as_ref().map(Size::decimal).expect("traded");
                whole = Some(match whole {
                    None => Bar { start_us, ..five },
                    Some(bar) => Bar {
                        high: bar.high.max(five.high),
                        low: bar.low.min(five.low),
                        close: five.close,
                        count: Some(bar.count.unwrap_or(0) + five.count.unwrap_or(0)),
                        ..bar
                    },
                });
            }
            at_us += BAR_US;
        }
        whole.map(|bar| Bar {
            volume: Some(Size::from(volume)),
            wap: Some(Size::from((worth / volume).round_dp(8))),
            ..bar
        })
    }

    /// The final bars of a size, as (seconds since the start, backfilled).
    pub(super) fn closed(&self, size: &str) -> Vec<(i64, bool)> {
        let of_size = self.bars.iter().filter(|bar| bar.complete && bar.size.name() == size);
        of_size.map(|bar| ((bar.bar.start_us - START_US) / SECOND_US, bar.backfilled == Some(true))).collect()
    }

    /// Every final bar is there once, in order, from `from` to before `to` seconds, and is what was traded.
    #[track_caller]
    pub(super) fn check(&self, size: &str, from: i64, to: i64) {
        let step: i64 = size.parse::<crate::schema::bar::BarSize>().expect("a size").seconds();
        let expected = |start: &i64| self.truth(START_US + start * SECOND_US, step * SECOND_US).is_some();
        let starts: Vec<i64> = (from..to).step_by(usize::try_from(step).expect("positive")).filter(expected).collect();
        let closed = self.closed(size).into_iter().map(|(start, _)| start).filter(|start| (from..to).contains(start));
        let closed: Vec<i64> = closed.collect();
        let differs = closed.iter().zip(&starts).position(|(one, other)| one != other);
        let differs = differs.unwrap_or(closed.len().min(starts.len()));
        let shown = |all: &[i64]| all.iter().skip(differs.saturating_sub(1)).take(4).copied().collect::<Vec<i64>>();
        assert!(closed == starts, "{size}: {:?} instead of {:?}", shown(&closed), shown(&starts));
        self.check_content();
    }

    /// Every final bar that is not partial is what was traded.
    #[track_caller]
    pub(super) fn check_content(&self) {
        for event in self.bars.iter().filter(|bar| bar.complete && bar.partial.is_none()) {
            let truth = self.truth(event.bar.start_us, event.size.seconds() * SECOND_US);
            let value = |size: &Option<Size>| size.as_ref().map(Size::decimal);
            let plain =
                |bar: &Bar| (bar.start_us, bar.open, bar.high, bar.low, bar.close, value(&bar.volume), bar.count);
            let truth = truth.expect("something was traded");
            assert_eq!(plain(&event.bar), plain(&truth), "{} {event:?}", event.size);
            let off = value(&event.bar.wap).expect("traded") - value(&truth.wap).expect("traded");
            assert!(off.abs() < Decimal::new(1, 6), "{event:?} {truth:?}");
        }
    }

    /// In-progress bars never follow their final one, and starts never go back.
    #[track_caller]
    pub(super) fn check_order(&self) {
        let mut last: BTreeMap<&str, (i64, bool)> = BTreeMap::new();
        for bar in &self.bars {
            let name = bar.size.name();
            let key = (bar.bar.start_us, bar.complete);
            if let Some(before) = last.insert(name, key) {
                assert!(before.0 < key.0 || before.0 == key.0 && !before.1, "{name}: {before:?} then {key:?}");
            }
        }
    }
}

/// Five seconds of trading.
fn five(start_us: i64) -> Bar {
    let seed = (start_us / BAR_US).wrapping_mul(2_654_435_761);
    let pick = |shift: u32, below: i64| (seed >> shift).rem_euclid(below);
    let cents = |number: i64| 100.0 + f64::from(i32::try_from(number).expect("small")) / 4.0;
    let (open, close) = (pick(3, 40), pick(9, 40));
    let (high, low) = (open.max(close) + pick(5, 4), open.min(close) - pick(7, 4));
    Bar {
        start_us,
        date: None,
        open: cents(open),
        high: cents(high),
        low: cents(low),
        close: cents(close),
        volume: Some(Size::from(Decimal::from(100 + pick(11, 900)))),
        wap: Some(Size::from(Decimal::new(10_000 + 25 * pick(13, 40), 2))),
        count: Some(i32::try_from(1 + pick(15, 20)).expect("small")),
    }
}

fn row(bar: Bar) -> HistoricalDataBar {
    HistoricalDataBar {
        date: Some((bar.start_us / SECOND_US).to_string()),
        open: Some(bar.open),
        high: Some(bar.high),
        low: Some(bar.low),
        close: Some(bar.close),
        volume: bar.volume.map(|volume| volume.to_string()),
        wap: bar.wap.map(|wap| wap.to_string()),
        bar_count: bar.count,
    }
}
