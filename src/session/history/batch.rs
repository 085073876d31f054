//! Bars of many contracts: each is a request of its own under the name of one caller.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;

use crate::{
    schema::{
        ApiError,
        request::history::{BarsRequest, BatchEntry, BatchManifest, BatchRequest},
    },
    session::{Answer, Ask, Command, Outcome, Token, core::Core, standing::BATCH_TOKENS},
};

/// Contracts of one batch.
const CONTRACTS_MAX: usize = 1_000;
/// Contracts of one batch served at the same time.
const SERVED_MAX: usize = 12;

/// One caller's batch.
#[derive(Debug)]
struct Batch {
    command: Command,
    ask: BatchRequest,
    /// Places not begun.
    waiting: VecDeque<usize>,
    begun: usize,
    entries: Vec<Option<BatchEntry>>,
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
    /// Takes a batch.
    pub(super) fn add(&mut self, command: &Command, ask: &BatchRequest) {
        let count = ask.contracts.len();
        let entries = vec![None; count];
        let waiting = (0..count).collect();
        self.batches.push(Batch { command: command.clone(), ask: ask.clone(), waiting, begun: 0, entries });
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

    /// The next request to be made for a batch, as if a caller had sent it.
    pub(super) fn next_command(&mut self, core: &mut Core) -> Option<Command> {
        let batch = self.batches.iter_mut().find(|batch| batch.begun < SERVED_MAX && !batch.waiting.is_empty())?;
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

    /// A request of ours has ended; the batch's outcome is told with its last one.
    pub(super) fn on_reply(&mut self, core: &mut Core, child: Token, outcome: Outcome) {
        let Some((parent, place)) = self.children.remove(&child) else { return };
        let Some(index) = self.batches.iter().position(|batch| batch.command.token == parent) else { return };
        let Some(batch) = self.batches.get_mut(index) else { return };
        batch.begun = batch.begun.saturating_sub(1);
        let nothing = BatchEntry { instrument: None, rows: 0, requests: 0, holes: Vec::new(), error: None };
        let entry = match outcome {
            Ok(Answer::Bars(bars)) => {
                let manifest = bars.manifest;
                let instrument = Some(manifest.instrument);
                let (rows, requests, holes) = (manifest.rows, manifest.requests, manifest.holes);
                BatchEntry { instrument, rows, requests, holes, error: None }
            }
            Ok(_) => BatchEntry { error: Some(ApiError::invalid("answered with something else")), ..nothing },
            Err(error) => BatchEntry { error: Some(error), ..nothing },
        };
        if let Some(slot) = batch.entries.get_mut(place) {
            *slot = Some(entry);
        }
        if batch.begun == 0 && batch.waiting.is_empty() {
            let batch = self.batches.swap_remove(index);
            let contracts: Vec<BatchEntry> = batch.entries.into_iter().flatten().collect();
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
