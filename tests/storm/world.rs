//! A day's trade at the shipped bridge, with clients that do what they are told.

use std::time::Duration;

use bytes::Bytes;
use ibnats::{
    config::Config,
    schema::{
        connection::LinkName,
        request::pace::{PaceStats, PaceStatus},
    },
    session::{Answer, Ask},
    sim::SimConfig,
};

use crate::{
    joined::{Joined, Notes},
    slow_wire::message_id,
};

/// 2026-11-20 15:00:00 UTC, a Friday.
pub(crate) const START_MS: i64 = 1_795_186_800_000;
pub(crate) const STEP_MS: i64 = 20;

/// What left the bridge for the gateway.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sent {
    pub(crate) at_ms: i64,
    /// Of the message, above 200 for protobuf.
    pub(crate) message: i32,
}

#[derive(Default)]
pub(crate) struct Traffic {
    /// Messages of both links, without the greeting.
    pub(crate) frames: u64,
    /// What left on the trading link.
    pub(crate) trading: Vec<Sent>,
}

impl Notes for Traffic {
    fn on_send(&mut self, now_ms: i64, link: LinkName, frames: u32, bytes: &Bytes) {
        self.frames += u64::from(frames);
        if let (LinkName::Trading, Some(message)) = (link, message_id(bytes)) {
            self.trading.push(Sent { at_ms: now_ms, message });
        }
    }
}

pub(crate) type World = Joined<Traffic>;

impl World {
    pub(crate) fn new(config: Config) -> Self {
        Self::start(config, &SimConfig { slot_ms: 1_000, ..SimConfig::default() }, START_MS, STEP_MS)
    }

    /// A client asks; its outcome will be found under the number returned.
    pub(crate) fn ask(&mut self, client: &str, timeout_ms: u64, ask: Ask) -> u64 {
        self.ask_as(Some(client), Duration::from_millis(timeout_ms), ask)
    }

    fn answer(&mut self, ask: Ask) -> Answer {
        let token = self.ask("watch", 10_000, ask);
        self.outcomes.remove(&token).expect("answered at once").expect("answered")
    }

    pub(crate) fn pace(&mut self) -> PaceStatus {
        match self.answer(Ask::PaceStatus) {
            Answer::PaceStatus(status) => *status,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn stats(&mut self) -> PaceStats {
        match self.answer(Ask::PaceStats) {
            Answer::PaceStats(stats) => stats,
            other => panic!("{other:?}"),
        }
    }
}
