//! Plays one recorded connection to a client: finds what was recorded for each request and when it must leave.
//!
//! Pure: time is passed in, in microseconds.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use serde_json::Value;

use super::attribution::is_cancel;
use super::script::{Answer, Script, Track, id_of};
use crate::tws::frame::{Envelope, PROTOBUF_ID_OFFSET, open, put_frame};
use crate::tws::message::login::ErrorMessage;
use crate::tws::{Edit, Request, Response, edit};

/// Names of fields that hold a request id or an order id.
const ID_FIELDS: &[&str] = &["req_id", "id", "order_id"];

/// One connection that is played.
#[derive(Debug)]
pub(super) struct Player {
    script: Arc<Script>,
    /// Recorded microseconds per microsecond.
    speed: f64,
    played: Vec<bool>,
    /// Which track a live id plays.
    live: BTreeMap<i64, usize>,
    /// What leaves when; the number keeps the order.
    due: BTreeMap<(u64, u64), (Option<usize>, Bytes)>,
    number: u64,
}

impl Player {
    /// The client has logged in at `now_us`.
    pub(super) fn new(script: &Arc<Script>, speed: f64, now_us: u64) -> Self {
        let played = vec![false; script.tracks.len()];
        let mut player =
            Self { script: Arc::clone(script), speed, played, live: BTreeMap::new(), due: BTreeMap::new(), number: 0 };
        for answer in &script.ambient {
            player.schedule(now_us, answer, None, None);
        }
        player
    }

    /// A request has arrived. An error that says so, if nothing of the kind was recorded.
    pub(super) fn on_request(&mut self, now_us: u64, request: &Request) {
        let id = id_of(request);
        if is_cancel(request)
            && let Some(track) = id.and_then(|id| self.live.remove(&id))
        {
            self.due.retain(|_, (owner, _)| *owner != Some(track));
            return;
        }
        let script = Arc::clone(&self.script);
        let Some((index, track)) = self.find(&script, request) else {
            if !is_cancel(request) {
                self.refuse(now_us, request, id);
            }
            return;
        };
        if let Some(played) = self.played.get_mut(index) {
            *played = true;
        }
        if let Some(id) = id {
            self.live.insert(id, index);
        }
        let ids = track.id.zip(id).filter(|(recorded, live)| recorded != live);
        for answer in &track.answers {
            self.schedule(now_us, answer, Some(index), ids);
        }
    }

    /// What leaves now, in order.
    pub(super) fn take_due(&mut self, now_us: u64) -> BytesMut {
        let later = self.due.split_off(&(now_us.saturating_add(1), 0));
        let mut out = BytesMut::new();
        for (_, frame) in std::mem::replace(&mut self.due, later).into_values() {
            put_frame(&mut out, |out| out.put_slice(&frame));
        }
        out
    }

    /// When something leaves next.
    pub(super) fn wake_at(&self) -> Option<u64> {
        self.due.keys().next().map(|(at_us, _)| *at_us)
    }

    /// The best of what was recorded: the same words first, then the same contract, then the same kind where there
    /// is no contract. What was not played yet goes first.
    fn find<'s>(&self, script: &'s Script, request: &Request) -> Option<(usize, &'s Track)> {
        let wanted = Likeness::of(request);
        let same_kind = script.tracks.iter().enumerate().filter(|(_, track)| track.request.id() == request.id());
        same_kind
            .filter_map(|(index, track)| {
                let rank = wanted.rank(&Likeness::of(&track.request))?;
                let is_played = self.played.get(index).copied().unwrap_or_default();
                Some(((rank, is_played, index), (index, track)))
            })
            .min_by_key(|(key, _)| *key)
            .map(|(_, found)| found)
    }

    fn schedule(&mut self, now_us: u64, answer: &Answer, owner: Option<usize>, ids: Option<(i64, i64)>) {
        #[expect(clippy::cast_precision_loss, reason = "a few microseconds in a year do not matter")]
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
        let after_us = (answer.after_us as f64 / self.speed) as u64;
        let frame = ids.map_or_else(|| answer.frame.clone(), |(from, to)| translated(&answer.frame, from, to));
        self.number += 1;
        self.due.insert((now_us.saturating_add(after_us), self.number), (owner, frame));
    }

    fn refuse(&mut self, now_us: u64, request: &Request, id: Option<i64>) {
        let count = self.script.tracks.iter().filter(|track| track.request.id() == request.id()).count();
        let text = format!(
            "This is not in the recording: {} {}. It holds {count} of this kind.",
            request.name(),
            request.to_json()
        );
        tracing::warn!(client_id = self.script.client_id, "{text}");
        let error = Response::ErrorMessage(ErrorMessage {
            id: Some(id.and_then(|id| i32::try_from(id).ok()).unwrap_or(-1)),
            error_code: Some(321),
            error_msg: Some(text.chars().take(1_000).collect()),
            ..ErrorMessage::default()
        });
        let mut out = BytesMut::new();
        error.put(&mut out);
        self.number += 1;
        self.due.insert((now_us, self.number), (None, out.freeze().slice(4..)));
    }
}

/// What makes two requests of one kind alike.
struct Likeness {
    words: Value,
    contract: Option<Value>,
}

impl Likeness {
    fn of(request: &Request) -> Self {
        let mut words = request.to_json();
        if let Some(fields) = words.as_object_mut() {
            for field in ID_FIELDS {
                fields.remove(*field);
            }
        }
        let contract = words.get("contract").cloned();
        Self { words, contract }
    }

    /// 0 for the same words, 1 for the same contract, 2 for no contract in either; `None` if they differ.
    fn rank(&self, recorded: &Self) -> Option<u8> {
        if self.words == recorded.words {
            return Some(0);
        }
        match (&self.contract, &recorded.contract) {
            (Some(wanted), Some(found)) => same_contract(wanted, found).then_some(1),
            (None, None) => Some(2),
            _ => None,
        }
    }
}

fn same_contract(wanted: &Value, found: &Value) -> bool {
    let number = |contract: &Value| contract.get("con_id").and_then(Value::as_i64).filter(|con_id| *con_id > 0);
    if let (Some(wanted), Some(found)) = (number(wanted), number(found)) {
        return wanted == found;
    }
    ["symbol", "sec_type", "currency", "last_trade_date_or_contract_month", "strike", "right", "local_symbol"]
        .iter()
        .all(|field| wanted.get(field) == found.get(field))
}

/// A frame about another request id or order id.
fn translated(frame: &Bytes, from: i64, to: i64) -> Bytes {
    let Envelope::Protobuf { id, body } = open(frame.clone()) else { return frame.clone() };
    let Ok(response) = Response::decode(id, body.clone()) else { return frame.clone() };
    let edited = edit(&body, response.fields(), &mut Renumber { from, to });
    let mut out = BytesMut::with_capacity(edited.len() + 4);
    out.put_u32(id + PROTOBUF_ID_OFFSET);
    out.put_slice(&edited);
    out.freeze()
}

struct Renumber {
    from: i64,
    to: i64,
}

impl Edit for Renumber {
    fn text(&mut self, _: &[u8]) -> Option<Vec<u8>> {
        None
    }

    fn number(&mut self, name: &'static str, value: i64) -> Option<i64> {
        (value == self.from && ID_FIELDS.contains(&name)).then_some(self.to)
    }
}
