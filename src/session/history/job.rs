//! One caller's range: its chunks, the rows so far, and what is missing.

use std::{collections::VecDeque, sync::Arc};

use compact_str::CompactString;

use super::{
    cost,
    fetch::{FetchRequest, Fetched},
    plan::{self, Chunk, SECOND_US},
    range::Range,
};
use crate::{
    schema::{
        ApiError, ErrorCode,
        bar::{Bar, BarSource},
        request::history::{Hole, Manifest},
    },
    session::{Answer, Bars, Command, Listing, Outcome, Token},
    tws::message::history::HistoricalDataRequest,
};

/// One caller's range.
#[derive(Debug)]
pub(super) struct Job {
    token: Token,
    client: Option<CompactString>,
    deadline: std::time::Instant,
    listing: Arc<Listing>,
    range: Range,
    regular_hours: bool,
    /// Places of the chunks that are still to be asked for.
    waiting: VecDeque<usize>,
    open: usize,
    rows: Vec<(usize, Vec<Bar>)>,
    holes: Vec<Hole>,
    /// The first failure that is more than an absence of data, else the first.
    error: Option<ApiError>,
    gave_up: bool,
}

impl Job {
    pub(super) fn new(command: &Command, listing: &Arc<Listing>, range: Range, regular_hours: bool) -> Self {
        let mut job = Self {
            token: command.token,
            client: command.client.clone(),
            deadline: command.deadline,
            listing: Arc::clone(listing),
            waiting: (0..range.chunks.len()).collect(),
            range,
            regular_hours,
            open: 0,
            rows: Vec::new(),
            holes: Vec::new(),
            error: None,
            gave_up: false,
        };
        if job.range.start_us < job.range.kept_from_us {
            let failure = ApiError::new(ErrorCode::NoData, "IB keeps bars of 30s and less for six months");
            let to_us = job.range.kept_from_us.min(job.range.end_us);
            job.miss(job.range.start_us, to_us, &failure);
        }
        job
    }

    pub(super) fn token(&self) -> Token {
        self.token
    }

    /// Chunks asked for and not served.
    pub(super) fn open(&self) -> usize {
        self.open
    }

    pub(super) fn is_done(&self) -> bool {
        self.gave_up || self.open == 0 && self.waiting.is_empty()
    }

    /// Takes the next chunk, as the gateway is to be asked for it.
    pub(super) fn next_request(&mut self) -> Option<(usize, FetchRequest)> {
        let place = self.waiting.pop_front()?;
        let request = self.request(self.range.chunks.get(place)?);
        self.open += 1;
        let cost = cost(&self.listing, self.range.source, self.is_small());
        let (source, client, deadline) = (self.range.source, self.client.clone(), self.deadline);
        Some((place, FetchRequest { request, cost, source, client, deadline }))
    }

    pub(super) fn is_small(&self) -> bool {
        plan::is_small(self.range.size)
    }

    pub(super) fn source(&self) -> BarSource {
        self.range.source
    }

    /// What the gateway is asked for each chunk.
    pub(super) fn requests(&self) -> impl Iterator<Item = HistoricalDataRequest> {
        self.range.chunks.iter().map(|chunk| self.request(chunk))
    }

    fn request(&self, chunk: &Chunk) -> HistoricalDataRequest {
        HistoricalDataRequest {
            contract: Some(self.listing.contract.clone()),
            end_date_time: Some(self.end_text(chunk)),
            bar_size_setting: Some(self.range.size.ib_text().to_owned()),
            duration: Some(chunk.duration.to_owned()),
            use_rth: Some(self.regular_hours),
            what_to_show: Some(self.range.source.ib_text().to_owned()),
            // Seconds since the epoch; bars of a day and longer come with a date all the same.
            format_date: Some(2),
            keep_up_to_date: Some(false),
            ..HistoricalDataRequest::default()
        }
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
        let end = chrono::DateTime::from_timestamp_micros(end_us);
        end.map(|end| end.format("%Y%m%d-%H:%M:%S").to_string()).unwrap_or_default()
    }

    /// The chunk could not be queued; it is tried again later.
    pub(super) fn put_back(&mut self, place: usize) {
        self.open = self.open.saturating_sub(1);
        self.waiting.push_front(place);
    }

    /// Ends the job without its remaining chunks.
    pub(super) fn give_up(&mut self, error: ApiError) {
        self.error = Some(error);
        self.rows.clear();
        self.gave_up = true;
    }

    /// Takes what a chunk's request came to.
    pub(super) fn accept(&mut self, place: usize, result: &Fetched) {
        let Some(chunk) = self.range.chunks.get(place).cloned() else { return };
        self.open = self.open.saturating_sub(1);
        match result {
            Ok(rows) => {
                // A duration may reach further back than the chunk.
                let from = rows.partition_point(|bar| bar.start_us < chunk.from_us);
                let to = rows.partition_point(|bar| bar.start_us < chunk.to_us);
                let rows = rows.get(from..to).unwrap_or_default().to_vec();
                if rows.is_empty() {
                    let nothing = ApiError::new(ErrorCode::NoData, "IB has no bars in this range");
                    self.miss(chunk.from_us, chunk.to_us, &nothing);
                } else {
                    self.rows.push((place, rows));
                }
            }
            Err(error) => self.miss(chunk.from_us, chunk.to_us, error),
        }
    }

    fn miss(&mut self, from_us: i64, to_us: i64, error: &ApiError) {
        self.holes.push(Hole { from_us, to_us, reason: error.code.as_str().to_owned(), ib_code: error.ib_code });
        let is_worse = |known: &ApiError| known.code == ErrorCode::NoData && error.code != ErrorCode::NoData;
        if self.error.as_ref().is_none_or(is_worse) {
            self.error = Some(error.clone());
        }
    }

    /// The answer: rows in order and without repeats, or the reason why there is not one.
    pub(super) fn finish(mut self, requests: u32) -> Outcome {
        if let (true, Some(error)) = (self.rows.is_empty(), self.error.take()) {
            return Err(error);
        }
        // Chunks lie end to end and their rows were clipped, so order of place is order of time.
        self.rows.sort_unstable_by_key(|(place, _)| *place);
        let rows: Vec<Bar> = self.rows.into_iter().flat_map(|(_, rows)| rows).collect();
        let manifest = Manifest {
            instrument: self.listing.instrument.clone(),
            pages: 0,
            rows: u64::try_from(rows.len()).unwrap_or(u64::MAX),
            requests,
            holes: merged(self.holes),
        };
        Ok(Answer::Bars(Box::new(Bars { rows, manifest })))
    }
}

/// Joins holes that touch and have one cause.
fn merged(mut holes: Vec<Hole>) -> Vec<Hole> {
    holes.sort_unstable_by_key(|hole| hole.from_us);
    let mut joined: Vec<Hole> = Vec::new();
    for hole in holes {
        match joined.last_mut() {
            Some(last)
                if last.to_us == hole.from_us && (&last.reason, last.ib_code) == (&hole.reason, hole.ib_code) =>
            {
                last.to_us = hole.to_us;
            }
            _ => joined.push(hole),
        }
    }
    joined
}
