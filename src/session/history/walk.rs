//! One caller's range of ticks, walked a thousand at a time.
//!
//! The gateway is asked for a thousand ticks from a second on and completes the last second. Should it
//! not, nothing is lost: the last second of a full answer is kept back and asked for again with the next.
//! An answer covers one session at most, so an empty one leads to the start of the next session of
//! the schedule.

use super::{
    holes::Holes,
    once,
    plan::SECOND_US,
    question::{Answered, Found, Question},
    seat::Seat,
    utc_text,
};
use crate::{
    schema::{
        ApiError, ErrorCode,
        request::history::{Manifest, PastTick, PastTickKind, Progress, TradingSession},
    },
    session::{Answer, Outcome, Rows, core::Core},
    tws::message::tick_by_tick::HistoricalTicksRequest,
};

/// Ticks of one request: `ib-limits` section 4.
const TICKS_MAX: usize = 1_000;

/// Reason of what lies behind the last ticks found where IB names no trading sessions.
const NO_SCHEDULE: &str = "no_schedule";

/// One caller's range of ticks.
#[derive(Debug)]
pub(super) struct Walk {
    pub(super) seat: Seat,
    kind: PastTickKind,
    regular_hours: bool,
    ignore_size: bool,
    start_us: i64,
    end_us: i64,
    /// Ticks before this second were sent or kept back.
    cursor_us: i64,
    /// Ticks of the last second of a full answer.
    held: Vec<PastTick>,
    /// Sessions of the range, asked for after the first empty answer.
    sessions: Sessions,
    state: State,
    unsent: Vec<PastTick>,
    rows: u64,
    answers: u32,
    holes: Holes,
    refused: Option<ApiError>,
}

#[derive(Debug)]
enum Sessions {
    Unknown,
    Known(Vec<TradingSession>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    AskTicks,
    AskSessions,
    Waiting { for_sessions: bool },
    Done,
}

impl Walk {
    pub(super) fn new(
        seat: Seat,
        (kind, regular_hours, ignore_size): (PastTickKind, bool, bool),
        (start_us, end_us): (i64, i64),
    ) -> Self {
        let start_us = start_us - start_us.rem_euclid(SECOND_US);
        Self {
            seat,
            kind,
            regular_hours,
            ignore_size,
            start_us,
            end_us,
            cursor_us: start_us,
            held: Vec::new(),
            sessions: Sessions::Unknown,
            state: State::AskTicks,
            unsent: Vec::new(),
            rows: 0,
            answers: 0,
            holes: Holes::default(),
            refused: None,
        }
    }

    pub(super) fn open(&self) -> usize {
        usize::from(matches!(self.state, State::Waiting { .. }))
    }

    pub(super) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    pub(super) fn next_question(&mut self) -> Option<(usize, Question)> {
        let question = match self.state {
            State::AskTicks => self.ticks(),
            State::AskSessions => {
                let span = (self.cursor_us, self.end_us);
                once::schedule(&self.seat.listing, span, self.regular_hours)
            }
            State::Waiting { .. } | State::Done => return None,
        };
        self.state = State::Waiting { for_sessions: self.state == State::AskSessions };
        Some((0, question))
    }

    pub(super) fn ticks(&self) -> Question {
        let request = HistoricalTicksRequest {
            contract: Some(self.seat.listing.contract.clone()),
            start_date_time: Some(utc_text(self.cursor_us)),
            end_date_time: Some(String::new()),
            number_of_ticks: i32::try_from(TICKS_MAX).ok(),
            what_to_show: Some(self.kind.ib_text().to_owned()),
            use_rth: Some(self.regular_hours),
            ignore_size: Some(self.ignore_size),
            ..HistoricalTicksRequest::default()
        };
        Question::Ticks(Box::new(request), self.kind)
    }

    pub(super) fn put_back(&mut self) {
        if let State::Waiting { for_sessions } = self.state {
            self.state = if for_sessions { State::AskSessions } else { State::AskTicks };
        }
    }

    /// Ends the walk here: the rest is a hole with this reason.
    pub(super) fn give_up(&mut self, error: ApiError) {
        self.release_held();
        self.fail(&error);
        self.refused = Some(error);
    }

    fn fail(&mut self, error: &ApiError) -> State {
        if self.cursor_us < self.end_us {
            self.holes.failed(self.cursor_us, self.end_us, error);
        }
        self.state = State::Done;
        State::Done
    }

    pub(super) fn accept(&mut self, result: &Answered) {
        let State::Waiting { for_sessions } = self.state else { return };
        self.answers += 1;
        self.state = match result {
            // Not even the session of the last ticks: nothing says where to go on.
            Ok(Found::Sessions(found)) if found.1.is_empty() => self.end_without_schedule(),
            Ok(Found::Sessions(found)) => {
                self.sessions = Sessions::Known(found.1.clone());
                self.skip()
            }
            Ok(Found::Ticks(ticks)) => self.take(ticks),
            Err(error) if error.code != ErrorCode::NoData => {
                self.release_held();
                self.fail(error)
            }
            Ok(_) | Err(_) if for_sessions => self.end_without_schedule(),
            Ok(_) | Err(_) => self.skip(),
        };
        if self.state == State::Done && self.rows == 0 && self.refused.is_none() && self.start_us < self.cursor_us {
            self.holes.absent(self.start_us, self.cursor_us.max(self.start_us), ErrorCode::NoData.as_str());
        }
    }

    /// IB names no sessions at all: whether there are ticks after these nobody knows.
    fn end_without_schedule(&mut self) -> State {
        if self.cursor_us < self.end_us {
            self.holes.absent(self.cursor_us, self.end_us, NO_SCHEDULE);
        }
        State::Done
    }

    fn take(&mut self, ticks: &[PastTick]) -> State {
        let (cursor_us, end_us) = (self.cursor_us, self.end_us);
        let mut ticks: Vec<PastTick> = ticks.iter().filter(|tick| tick.event_us >= cursor_us).cloned().collect();
        let Some(last_us) = ticks.last().map(|tick| tick.event_us) else { return self.skip() };
        // The held second again, now complete; or at least as complete as it was.
        let again = ticks.iter().take_while(|tick| tick.event_us == cursor_us).count();
        if again < self.held.len() {
            self.release_held();
            ticks.drain(..again);
        }
        self.held.clear();
        let is_full = ticks.len() >= TICKS_MAX;
        let whole = ticks.partition_point(|tick| tick.event_us < last_us);
        if is_full && whole > 0 {
            self.held = ticks.split_off(whole);
            self.cursor_us = last_us;
        } else {
            self.cursor_us = last_us.saturating_add(SECOND_US);
        }
        ticks.retain(|tick| tick.event_us < end_us);
        self.add(ticks);
        if self.cursor_us >= end_us {
            self.held.clear();
            return State::Done;
        }
        State::AskTicks
    }

    fn add(&mut self, ticks: Vec<PastTick>) {
        self.rows += u64::try_from(ticks.len()).unwrap_or(0);
        self.unsent.extend(ticks);
    }

    fn release_held(&mut self) {
        if let Some(held) = self.held.first() {
            self.cursor_us = held.event_us.saturating_add(SECOND_US);
        }
        let end_us = self.end_us;
        let held = std::mem::take(&mut self.held).into_iter().filter(|tick| tick.event_us < end_us).collect();
        self.add(held);
    }

    /// Nothing more in this session: on to the next.
    fn skip(&mut self) -> State {
        self.release_held();
        let Sessions::Known(sessions) = &self.sessions else { return State::AskSessions };
        let next = sessions.iter().map(|session| session.start_us).find(|start_us| *start_us > self.cursor_us);
        match next.map(|start_us| start_us - start_us.rem_euclid(SECOND_US)) {
            Some(start_us) if start_us < self.end_us => {
                self.cursor_us = start_us;
                State::AskTicks
            }
            _ => {
                self.cursor_us = self.end_us;
                State::Done
            }
        }
    }

    pub(super) fn send_settled(&mut self, core: &mut Core) {
        let ticks = std::mem::take(&mut self.unsent);
        if !ticks.is_empty() {
            self.seat.send(core, Rows::Ticks(ticks), self.progress());
        }
    }

    pub(super) fn progress(&self) -> Progress {
        Progress { done: self.answers, total: None, rows: self.rows, through_us: self.cursor_us.min(self.end_us) }
    }

    pub(super) fn finish(self, requests: u32) -> Outcome {
        if let Some(error) = self.refused.filter(|_| self.rows == 0) {
            return Err(error);
        }
        let holes = self.holes.finish(None, self.rows == 0)?;
        let instrument = self.seat.listing.instrument.clone();
        Ok(Answer::Ticks(Box::new(Manifest { instrument, pages: 0, rows: self.rows, requests, holes })))
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use super::*;
    use crate::session::{Command, Token, rig::Rig};

    fn tick(second: i64, price: f64) -> PastTick {
        let text = serde_json::json!({ "event_us": second * SECOND_US, "price": price });
        serde_json::from_value(text).expect("a tick")
    }

    fn walk(seconds: i64) -> Walk {
        let mut rig = Rig::new();
        let listing = rig.stock(1, "A");
        let ask = crate::session::Ask::PaceStatus;
        let deadline = rig.now().at + Duration::from_secs(1);
        let command = Command { token: Token(1), client: None, deadline, ask };
        let seat = Seat::new(&command, &listing);
        Walk::new(seat, (PastTickKind::Last, false, false), (0, seconds * SECOND_US))
    }

    /// Serves a walk from these ticks, `limit` at a time, the last second completed or not; returns
    /// the prices in the order they were sent.
    fn serve(walk: &mut Walk, ticks: &[PastTick], completes: bool) -> Vec<f64> {
        let mut sent = Vec::new();
        for _ in 0..1_000 {
            let Some((_, question)) = walk.next_question() else { break };
            let found = match question {
                Question::Ticks(..) => {
                    let from = ticks.partition_point(|tick| tick.event_us < walk.cursor_us);
                    let mut to = (from + TICKS_MAX).min(ticks.len());
                    while completes && to > from && to < ticks.len() && ticks[to].event_us == ticks[to - 1].event_us {
                        to += 1;
                    }
                    Found::Ticks(Arc::new(ticks[from..to].to_vec()))
                }
                _ => Found::Sessions(Arc::new((String::new(), Vec::new()))),
            };
            walk.accept(&Ok(found));
            sent.extend(std::mem::take(&mut walk.unsent).into_iter().filter_map(|tick| tick.price));
        }
        assert!(walk.is_done());
        sent
    }

    #[test]
    fn every_tick_comes_once_wherever_a_thousand_end() {
        // Seconds of 1 to 7 ticks, so that answers end at every place within a second.
        for offset in 0..7_i32 {
            let seconds = (0..1_500_i64).map(|second| (second, (second * 31 + i64::from(offset)) % 7 + 1));
            let ticks: Vec<PastTick> = seconds
                .flat_map(|(second, count)| (0..count).map(move |number| (second, number)))
                .enumerate()
                .map(|(price, (second, _))| tick(second, f64::from(u32::try_from(price).expect("few"))))
                .collect();
            for completes in [true, false] {
                let sent = serve(&mut walk(1_400), &ticks, completes);
                let expected: Vec<f64> = ticks
                    .iter()
                    .filter(|tick| tick.event_us < 1_400 * SECOND_US)
                    .filter_map(|tick| tick.price)
                    .collect();
                assert_eq!(sent, expected, "offset {offset}, completes {completes}");
            }
        }
    }

    #[test]
    fn a_second_of_more_than_a_thousand_ticks_is_sent_whole() {
        let second = |number: u32| tick(5, f64::from(number));
        let ticks: Vec<PastTick> = (0..2_500).map(second).chain([tick(6, -1.0)]).collect();
        assert_eq!(serve(&mut walk(10), &ticks, true).len(), 2_501);
    }
}
