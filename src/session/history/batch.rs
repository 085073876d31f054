//! Bars of many contracts: each is a request of its own under the name of one caller.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use rustc_hash::FxHashMap;

use crate::{
    schema::{
        ApiError, ErrorCode,
        request::history::{BarsRequest, BatchEntry, BatchManifest, BatchRequest},
    },
    session::{Answer, Ask, Command, Outcome, Token, core::Core, standing::BATCH_TOKENS},
};

/// Contracts of one batch.
const CONTRACTS_MAX: usize = 1_000;
/// Contracts of one batch served at the same time.
const SERVED_MAX: usize = 12;
/// Wait before the next contract when the gateway takes no requests, at least.
const BUSY_WAIT: Duration = Duration::from_millis(100);

/// One caller's batch.
#[derive(Debug)]
struct Batch {
    command: Command,
    ask: BatchRequest,
    /// Places not begun.
    waiting: VecDeque<usize>,
    begun: usize,
    entries: Vec<Option<BatchEntry>>,
    /// No contract is begun before: requests of its kind are not taken.
    resume_at: Option<Instant>,
}

impl Batch {
    fn may_begin(&self) -> bool {
        self.begun < SERVED_MAX && !self.waiting.is_empty()
    }

    /// True if a contract is to be tried again later: nothing is wrong with it, and the next one would fare no better.
    fn is_for_later(&mut self, now: Instant, error: &ApiError, is_up: bool) -> bool {
        match error.code {
            ErrorCode::NotReady => !is_up,
            ErrorCode::Busy => {
                let wait = error.retry_after_ms.map(Duration::from_millis);
                let at = wait.map(|wait| now + wait.max(BUSY_WAIT)).filter(|at| *at < self.command.deadline);
                self.resume_at = self.resume_at.max(at);
                at.is_some()
            }
            _ => false,
        }
    }
}

/// Batches being served.
#[derive(Debug, Default)]
pub(super) struct Batches {
    batches: Vec<Batch>,
    /// Whose place each request of ours serves.
    children: FxHashMap<Token, (Token, usize)>,
    count: u64,
}

impl Batches {
    /// Batches, and requests made for them.
    pub(super) fn entries(&self) -> usize {
        self.batches.len() + self.children.len()
    }

    /// Takes a batch.
    pub(super) fn add(&mut self, command: &Command, ask: &BatchRequest) {
        let count = ask.contracts.len();
        let entries = vec![None; count];
        let waiting = (0..count).collect();
        let (command, ask) = (command.clone(), ask.clone());
        self.batches.push(Batch { command, ask, waiting, begun: 0, entries, resume_at: None });
    }

    /// Refuses a batch of no or too many contracts.
    ///
    /// # Errors
    ///
    /// `invalid_request`.
    pub(super) fn check(ask: &BatchRequest) -> Result<(), ApiError> {
        let count = ask.contracts.len();
        if (1..=CONTRACTS_MAX).contains(&count) {
            return Ok(());
        }
        Err(ApiError::invalid(format!("contracts has {count} entries; name 1 to {CONTRACTS_MAX}")))
    }

    pub(super) fn len(&self) -> usize {
        self.batches.len()
    }

    /// The caller and the place that a request of ours serves.
    pub(super) fn parent(&self, child: Token) -> Option<(Token, u32)> {
        let (parent, place) = self.children.get(&child)?;
        Some((*parent, u32::try_from(*place).unwrap_or(u32::MAX)))
    }

    /// Batches that were to go on by now may.
    pub(super) fn resume(&mut self, now: Instant) {
        for batch in &mut self.batches {
            batch.resume_at = batch.resume_at.filter(|at| *at > now);
        }
    }

    /// When [`Self::resume`] has something to do.
    pub(super) fn wake_at(&self) -> Option<Instant> {
        self.batches.iter().filter(|batch| batch.may_begin()).filter_map(|batch| batch.resume_at).min()
    }

    /// The next request to be made for a batch, as if a caller had sent it.
    pub(super) fn next_command(&mut self, core: &mut Core) -> Option<Command> {
        let batch = self.batches.iter_mut().find(|batch| batch.may_begin() && batch.resume_at.is_none())?;
        let place = batch.waiting.pop_front()?;
        batch.begun += 1;
        let token = Token(BATCH_TOKENS + self.count);
        self.count += 1;
        self.children.insert(token, (batch.command.token, place));
        core.admit_caller(token, batch.command.deadline);
        let ask = BarsRequest {
            contract: batch.ask.contracts.get(place)?.clone(),
            bar_size: batch.ask.bar_size,
            start: batch.ask.start,
            end: batch.ask.end,
            duration: batch.ask.duration.clone(),
            source: batch.ask.source,
            regular_hours: batch.ask.regular_hours,
            timeout_ms: None,
        };
        let (client, deadline) = (batch.command.client.clone(), batch.command.deadline);
        Some(Command { token, client, deadline, ask: Ask::Bars(Box::new(ask)) })
    }

    /// A request of ours has ended; the batch's outcome is told with its last one. `is_up`: history can be asked for.
    pub(super) fn on_reply(&mut self, core: &mut Core, child: Token, outcome: Outcome, is_up: bool) {
        let Some((parent, place)) = self.children.remove(&child) else { return };
        let Some(batch) = self.batches.iter_mut().find(|batch| batch.command.token == parent) else { return };
        batch.begun = batch.begun.saturating_sub(1);
        if let Err(error) = &outcome
            && batch.is_for_later(core.now.at, error, is_up)
        {
            batch.waiting.push_front(place);
            return;
        }
        let entry = match outcome {
            Ok(Answer::Bars(bars)) => {
                let manifest = bars.manifest;
                let instrument = Some(manifest.instrument);
                let (rows, requests, holes) = (manifest.rows, manifest.requests, manifest.holes);
                BatchEntry { instrument, rows, requests, holes, error: None }
            }
            Ok(_) => failed(ApiError::invalid("answered with something else")),
            Err(error) => failed(error),
        };
        if let Some(slot) = batch.entries.get_mut(place) {
            *slot = Some(entry);
        }
        self.end_if_done(core, parent);
    }

    fn end_if_done(&mut self, core: &mut Core, parent: Token) {
        let is_done = |batch: &Batch| batch.command.token == parent && batch.begun == 0 && batch.waiting.is_empty();
        let Some(index) = self.batches.iter().position(is_done) else { return };
        let batch = self.batches.swap_remove(index);
        let contracts: Vec<BatchEntry> = batch.entries.into_iter().flatten().collect();
        // As one request would be told, if it went no better for any of them.
        let late = |entry: &BatchEntry| entry.error.clone().filter(|error| error.code == ErrorCode::Timeout);
        if contracts.iter().all(|entry| late(entry).is_some())
            && let Some(error) = contracts.first().and_then(late)
        {
            return core.refuse(parent, error);
        }
        let served = contracts.iter().filter(|entry| entry.error.is_none()).count();
        let manifest = BatchManifest {
            pages: 0,
            rows: contracts.iter().map(|entry| entry.rows).sum(),
            requests: contracts.iter().map(|entry| entry.requests).fold(0, u32::saturating_add),
            served: u32::try_from(served).unwrap_or(u32::MAX),
            contracts,
        };
        core.answer(parent, Answer::Batch(Box::new(manifest)));
    }

    /// The deadline of a batch has come: what was not begun fails. Gives what is open; `None` if there is no such batch.
    pub(super) fn cut_short(&mut self, core: &mut Core, parent: Token, error: &ApiError) -> Option<Vec<Token>> {
        let batch = self.batches.iter_mut().find(|batch| batch.command.token == parent)?;
        for place in batch.waiting.drain(..) {
            if let Some(slot) = batch.entries.get_mut(place) {
                *slot = Some(failed(error.clone()));
            }
        }
        let mut open: Vec<Token> =
            self.children.iter().filter(|(_, (of, _))| *of == parent).map(|(child, _)| *child).collect();
        open.sort_unstable();
        self.end_if_done(core, parent);
        Some(open)
    }

    /// Ends the batches whose callers gave up, and what was asked for them.
    pub(super) fn drop_abandoned(&mut self, core: &mut Core) {
        self.batches.retain(|batch| core.is_waiting(batch.command.token));
        let gone: Vec<Token> = self
            .children
            .iter()
            .filter(|(_, (parent, _))| !core.is_waiting(*parent))
            .map(|(child, _)| *child)
            .collect();
        for child in gone {
            self.children.remove(&child);
            core.refuse(child, ApiError::invalid("the batch was given up"));
        }
    }
}

/// What is told of a contract that brought nothing.
fn failed(error: ApiError) -> BatchEntry {
    BatchEntry { instrument: None, rows: 0, requests: 0, holes: Vec::new(), error: Some(error) }
}
