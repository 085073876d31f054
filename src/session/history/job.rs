//! One caller's range of bars: its chunks, what is missing, and what is sent when.

use std::collections::{BTreeMap, VecDeque};

use super::{
    holes::Holes,
    plan::{self, Chunk, SECOND_US},
    question::{Answered, Found, Question},
    range::Range,
    seat::Seat,
};
use crate::{
    schema::{
        ApiError, ErrorCode,
        bar::{Bar, BarSource},
        request::history::{Manifest, Progress},
    },
    session::{Answer, Bars, Outcome, Rows, core::Core},
    tws::message::history::HistoricalDataRequest,
};

/// Whether the moment of the earliest data is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Head {
    /// Nothing was missing so far.
    NotNeeded,
    /// The first part of the range brought nothing: to be asked for.
    Wanted,
    /// Asked for. Nothing more of the range is asked until it is known.
    Asked,
    /// Microseconds UTC; `None` if IB does not say.
    Known(Option<i64>),
}

/// One caller's range.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) seat: Seat,
    range: Range,
    regular_hours: bool,
    /// Places of the chunks that are still to be asked for.
    waiting: VecDeque<usize>,
    open: usize,
    /// Rows of chunks that are settled before an earlier one is.
    settled: BTreeMap<usize, Vec<Bar>>,
    /// Rows up to this chunk were sent.
    next_out: usize,
    /// All rows, if the session itself asked.
    collected: Vec<Bar>,
    rows: u64,
    holes: Holes,
    head: Head,
    refused: Option<ApiError>,
}

impl Job {
    pub(super) fn new(seat: Seat, range: Range, regular_hours: bool) -> Self {
        let mut holes = Holes::default();
        if let Some((to_us, reason)) = range.unkept {
            holes.absent(range.start_us, to_us.min(range.end_us), reason);
        }
        Self {
            seat,
            waiting: (0..range.chunks.len()).collect(),
            range,
            regular_hours,
            open: 0,
            settled: BTreeMap::new(),
            next_out: 0,
            collected: Vec::new(),
            rows: 0,
            holes,
            head: Head::NotNeeded,
            refused: None,
        }
    }

    /// Chunks asked for and not served.
    pub(super) fn open(&self) -> usize {
        self.open
    }

    /// Chunks not asked for yet.
    pub(super) fn unasked(&self) -> usize {
        self.waiting.len()
    }

    /// What they cost by IB's count.
    pub(super) fn unasked_units(&self) -> u32 {
        let weight = if self.source() == BarSource::BidAsk { 2 } else { 1 };
        u32::try_from(self.unasked()).unwrap_or(u32::MAX).saturating_mul(weight)
    }

    pub(super) fn is_done(&self) -> bool {
        let waits_for_head = matches!(self.head, Head::Wanted | Head::Asked);
        self.refused.is_some() || self.open == 0 && self.waiting.is_empty() && !waits_for_head
    }

    pub(super) fn is_small(&self) -> bool {
        plan::is_small(self.range.size)
    }

    pub(super) fn source(&self) -> BarSource {
        self.range.source
    }

    pub(super) fn regular_hours(&self) -> bool {
        self.regular_hours
    }

    /// What the gateway is asked for each chunk.
    pub(super) fn questions(&self) -> impl Iterator<Item = Question> {
        self.range.chunks.iter().map(|chunk| self.question(chunk))
    }

    /// Takes the next chunk.
    pub(super) fn next_question(&mut self) -> Option<(usize, Question)> {
        if matches!(self.head, Head::Wanted | Head::Asked) {
            return None;
        }
        let place = self.waiting.pop_front()?;
        let question = self.question(self.range.chunks.get(place)?);
        self.open += 1;
        Some((place, question))
    }

    fn question(&self, chunk: &Chunk) -> Question {
        let request = HistoricalDataRequest {
            contract: Some(self.seat.listing.contract.clone()),
            end_date_time: Some(self.end_text(chunk)),
            bar_size_setting: Some(self.range.size.ib_text().to_owned()),
            duration: Some(chunk.duration.to_string()),
            use_rth: Some(self.regular_hours),
            what_to_show: Some(self.range.source.ib_text().to_owned()),
            // Seconds since the epoch; bars of a day and longer come with a date all the same.
            format_date: Some(2),
            keep_up_to_date: Some(false),
            ..HistoricalDataRequest::default()
        };
        Question::Bars(Box::new(request), self.range.source)
    }

    /// The end of a chunk in UTC; empty, which means now, for the last chunk of a range that ends
    /// now. Rounded up to a whole bar, so that the last one wanted is complete.
    fn end_text(&self, chunk: &Chunk) -> String {
        let bar_s = self.range.size.seconds();
        let step_us = if bar_s < 86_400 { bar_s.saturating_mul(SECOND_US) } else { SECOND_US };
        let end_us = chunk.to_us + (step_us - chunk.to_us.rem_euclid(step_us)) % step_us;
        if self.range.ends_now || end_us > self.range.now_us || chunk.to_us >= self.range.now_us {
            return String::new();
        }
        super::utc_text(end_us)
    }

    /// The chunk could not be queued; it is tried again later.
    pub(super) fn put_back(&mut self, place: usize) {
        self.open = self.open.saturating_sub(1);
        self.waiting.push_front(place);
    }

    /// Ends the job before its first chunk that is not settled: from there on there is a hole with this reason. What was
    /// had of later chunks is left out, so that who asks again goes on where the rows end.
    pub(super) fn give_up(&mut self, error: ApiError) {
        let mut places = self.next_out..self.range.chunks.len();
        let missing = places.find(|place| !self.settled.contains_key(place));
        if let Some(place) = missing
            && let Some(chunk) = self.range.chunks.get(place)
        {
            let left_out = self.settled.split_off(&place);
            self.rows -= left_out.values().map(|rows| u64::try_from(rows.len()).unwrap_or(0)).sum::<u64>();
            self.holes.end_at(chunk.from_us);
            self.holes.failed(chunk.from_us, self.range.end_us, &error);
        }
        self.waiting.clear();
        self.head = if let Head::Known(head_us) = self.head { Head::Known(head_us) } else { Head::Known(None) };
        self.refused = Some(error);
    }

    /// Takes what a chunk's request came to.
    pub(super) fn accept(&mut self, place: usize, result: &Answered) {
        let Some(chunk) = self.range.chunks.get(place).cloned() else { return };
        self.open = self.open.saturating_sub(1);
        let rows = match result {
            Ok(Found::Bars(rows)) => {
                // A duration may reach further back than the chunk.
                let from = rows.partition_point(|bar| bar.start_us < chunk.from_us);
                let to = rows.partition_point(|bar| bar.start_us < chunk.to_us);
                rows.get(from..to).unwrap_or_default().to_vec()
            }
            Ok(_) => Vec::new(),
            Err(error) => {
                self.holes.failed(chunk.from_us, chunk.to_us, error);
                Vec::new()
            }
        };
        if rows.is_empty() && result.is_ok() {
            self.holes.absent(chunk.from_us, chunk.to_us, ErrorCode::NoData.as_str());
        }
        let is_first = self.rows == 0 && self.settled.range(..place).all(|(_, rows)| rows.is_empty());
        // The session's own repairs need no reason.
        if rows.is_empty() && is_first && self.head == Head::NotNeeded && self.seat.parts_to.is_some() {
            self.head = Head::Wanted;
        }
        self.rows += u64::try_from(rows.len()).unwrap_or(0);
        self.settled.insert(place, rows);
    }

    pub(super) fn head(&self) -> Head {
        self.head
    }

    pub(super) fn head_asked(&mut self) {
        self.head = Head::Asked;
    }

    /// The moment of the earliest data is known now, or known to be unknown: nothing before it is asked.
    pub(super) fn on_head(&mut self, head_us: Option<i64>) {
        self.head = Head::Known(head_us);
        let Some(head_us) = head_us else { return };
        let chunks = &self.range.chunks;
        let is_before = |place: &usize| chunks.get(*place).is_some_and(|chunk| chunk.to_us <= head_us);
        let (before, rest): (Vec<usize>, Vec<usize>) =
            std::mem::take(&mut self.waiting).into_iter().partition(is_before);
        self.waiting = rest.into();
        for place in before {
            if let Some(chunk) = chunks.get(place) {
                self.holes.absent(chunk.from_us, chunk.to_us, ErrorCode::NoData.as_str());
            }
            self.settled.insert(place, Vec::new());
        }
    }

    /// Sends the rows that have no unsettled chunk before them.
    pub(super) fn send_settled(&mut self, core: &mut Core) {
        let mut out = Vec::new();
        while let Some(rows) = self.settled.remove(&self.next_out) {
            self.next_out += 1;
            out.extend(rows);
        }
        if self.seat.parts_to.is_none() {
            self.collected.append(&mut out);
        } else if !out.is_empty() {
            self.seat.send(core, Rows::Bars(out), self.progress());
        }
    }

    pub(super) fn progress(&self) -> Progress {
        let count = |len: usize| u32::try_from(len).unwrap_or(u32::MAX);
        let waiting: u64 = self.settled.values().map(|rows| u64::try_from(rows.len()).unwrap_or(0)).sum();
        Progress {
            done: count(self.next_out + self.settled.len()),
            total: Some(count(self.range.chunks.len())),
            rows: self.rows.saturating_sub(waiting),
            through_us: self.range.chunks.get(self.next_out).map_or(self.range.end_us, |chunk| chunk.from_us),
        }
    }

    /// The outcome, after all rows were sent. What was sent before the job was given up stays told.
    pub(super) fn finish(self, requests: u32) -> Outcome {
        if let Some(error) = self.refused.filter(|_| self.rows == 0 || self.seat.parts_to.is_none()) {
            return Err(error);
        }
        let head_us = if let Head::Known(head_us) = self.head { head_us } else { None };
        let holes = self.holes.finish(head_us, self.rows == 0)?;
        let manifest =
            Manifest { instrument: self.seat.listing.instrument.clone(), pages: 0, rows: self.rows, requests, holes };
        Ok(Answer::Bars(Box::new(Bars { rows: self.collected, manifest })))
    }
}
