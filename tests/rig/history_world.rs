//! Requests of history at the shipped bridge, with a disk that a next run of it finds.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use ibnats::{
    config::Config,
    schema::{bar::Bar, connection::LinkName, request::history::PastTick},
    session::{Ask, CacheItem, Outcome, Part, Rows},
    sim::SimConfig,
};

use crate::{
    joined::{Joined, Notes},
    slow_wire::message_id,
};

/// 2026-11-20 00:00:00 UTC, a Friday.
pub(crate) const START_MS: i64 = 1_795_132_800_000;
const STEP_MS: i64 = 5;

#[derive(Default)]
pub(crate) struct Fetched {
    parts: Vec<Part>,
    /// History requests that left the bridge on this connection, with the time they left.
    pub(crate) asked: Vec<(i64, i32)>,
    /// When the requests that a cut left unanswered had been sent.
    pub(crate) cut_off: Vec<i64>,
    /// When the data connection was cut and when it was dialled again.
    pub(crate) outages: Vec<(i64, i64)>,
    /// What the bridge keeps on its disk.
    kept: BTreeMap<(&'static str, String), CacheItem>,
}

impl Notes for Fetched {
    fn on_dial(&mut self, now_ms: i64, link: LinkName) {
        if let Some((_, dialled)) = self.outages.last_mut().filter(|_| link == LinkName::Data) {
            *dialled = now_ms;
        }
    }

    /// Reads the wire for requests of bars: message id 20, above it 200 for protobuf.
    fn on_send(&mut self, now_ms: i64, link: LinkName, _frames: u32, bytes: &Bytes) {
        if link == LinkName::Data && message_id(bytes) == Some(220) {
            self.asked.push((now_ms, 220));
        }
    }

    fn on_part(&mut self, part: Part) {
        self.parts.push(part);
    }

    fn on_cache(&mut self, item: CacheItem) {
        let key = (item.kind.name(), item.key.clone());
        if item.body.is_some() {
            self.kept.insert(key, item);
        } else {
            self.kept.remove(&key);
        }
    }
}

pub(crate) type World = Joined<Fetched>;

impl World {
    pub(crate) fn new(slot_ms: u32) -> Self {
        Self::with(&SimConfig { slot_ms, ..SimConfig::default() })
    }

    /// The bridge as it is shipped.
    pub(crate) fn with(sim: &SimConfig) -> Self {
        Self::start(Config::default(), sim, START_MS, STEP_MS)
    }

    /// The bridge dies without a word and is started again, with what is on its disk.
    pub(crate) fn restart(&mut self) {
        self.notes.parts.clear();
        let kept = self.notes.kept.clone();
        self.restart_with(kept.values());
    }

    pub(crate) fn ask(&mut self, timeout_s: u64, ask: Ask) -> u64 {
        self.ask_as(None, Duration::from_secs(timeout_s), ask)
    }

    /// Ends the data connection as a network does, as soon as an answer is under way.
    pub(crate) fn cut_while_asked(&mut self) {
        let before = self.notes.asked.len();
        for _ in 0..10_000 {
            if self.notes.asked.len() > before {
                break;
            }
            self.step();
        }
        assert!(self.notes.asked.len() > before, "nothing was asked");
        // Sent in this very step: none of them can be answered yet.
        let (at, _) = self.notes.asked[self.notes.asked.len() - 1];
        self.notes.cut_off.extend(self.notes.asked.iter().filter(|(sent, _)| *sent == at).map(|(sent, _)| *sent));
        let wire = &mut self.wires[LinkName::Data as usize];
        let generation = wire.generation;
        // They reach the gateway, which counts them.
        wire.flush_up(&mut self.sim, self.now_ms);
        wire.hang_up(&mut self.sim);
        let now = self.now();
        self.notes.outages.push((self.now_ms, self.now_ms));
        self.session.on_closed(now, LinkName::Data, generation, "cut by the test");
        self.drain();
    }

    /// Runs until the caller has its outcome; gives the time it took from `since_ms`.
    pub(crate) fn finish(&mut self, token: u64, since_ms: i64) -> (Outcome, i64) {
        for _ in 0..2_000_000 {
            if let Some(outcome) = self.outcomes.remove(&token) {
                return (outcome, self.now_ms - since_ms);
            }
            self.step();
        }
        panic!("no outcome");
    }

    pub(crate) fn bars(&mut self) -> Vec<Bar> {
        let parts = std::mem::take(&mut self.notes.parts);
        parts.into_iter().flat_map(|part| if let Rows::Bars(rows) = part.rows { rows } else { Vec::new() }).collect()
    }

    pub(crate) fn ticks(&mut self) -> Vec<PastTick> {
        let parts = std::mem::take(&mut self.notes.parts);
        parts.into_iter().flat_map(|part| if let Rows::Ticks(rows) = part.rows { rows } else { Vec::new() }).collect()
    }

    #[track_caller]
    pub(crate) fn nothing_was_broken(&self) {
        assert_eq!(self.sim.violations(), [], "{:?}", self.sim.recent_violations());
    }
}
