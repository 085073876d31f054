//! Prepares events of the kept lane: number, bytes, message id, and where they are stored.

use async_nats::Subject;
use bytes::Bytes;
use rustc_hash::FxHashMap;
use serde::Serialize;
use tracing::error;

use super::{
    encoding::Encoding,
    last_values::Write,
    streams::Names,
    subject::{Inst, Topic, bucket_subject, token},
    window::StreamKind,
};
use crate::{config::Nats, session::Event};

/// Subjects counted at once. Above it counting starts anew, above every number given so far.
const SUBJECTS_MAX: usize = 65_536;

/// An event ready to be sent, and sent again.
#[derive(Clone, Debug)]
pub(super) struct Prepared {
    pub(super) subject: Subject,
    pub(super) payload: Bytes,
    /// Its id in the stream that stores it; `None` for events whose last value is enough.
    pub(super) id: Option<String>,
    pub(super) stream: StreamKind,
    pub(super) last: Option<Write>,
    pub(super) packed: Option<(Subject, Bytes)>,
}

/// Numbers and encodes kept events.
#[derive(Debug)]
pub(super) struct Preparer {
    prefix: String,
    packed_prefix: Option<String>,
    names: Names,
    numbers: FxHashMap<String, u64>,
    first_seq: u64,
}

enum Bucket {
    Last,
    Account,
}

impl Preparer {
    /// `first_seq` is above the numbers of any earlier run.
    pub(super) fn new(config: &Nats, first_seq: u64) -> Self {
        Self {
            prefix: config.prefix.clone(),
            packed_prefix: Some(config.msgpack_prefix.clone()).filter(|prefix| !prefix.is_empty()),
            names: Names::of(&config.prefix),
            numbers: FxHashMap::default(),
            first_seq,
        }
    }

    /// The event as it will be sent; `None` only for what cannot be encoded.
    pub(super) fn prepare(&mut self, event: Event) -> Option<Prepared> {
        match event {
            Event::Position(mut position) => {
                let (inst, account) = (Inst::from(&position.instrument), (&position.account).into());
                let topic = match &position.model {
                    Some(model) => Topic::ModelPosition { account, model: model.into(), inst }.key(),
                    None => Topic::Position { account, inst }.key(),
                };
                position.seq = self.number(&topic);
                self.finish(&topic, &*position, None, Some(Bucket::Account))
            }
            Event::AccountValue(mut value) => {
                let (account, tag) = ((&value.account).into(), (&value.tag).into());
                let topic = match &value.model {
                    Some(model) => Topic::ModelValue { account, model: model.into(), tag }.key(),
                    None => Topic::AccountValue { account, tag }.key(),
                };
                value.seq = self.number(&topic);
                let mut prepared = self.finish(&topic, &*value, None, Some(Bucket::Account))?;
                // One tag may have a value in each currency: none may hide another.
                if let (Some(last), Some(currency)) = (&mut prepared.last, &value.currency) {
                    last.subject = [last.subject.as_str(), ".", &token(currency)].concat().into();
                }
                Some(prepared)
            }
            Event::Pnl(mut pnl) => {
                let account = (&pnl.account).into();
                let topic = match &pnl.model {
                    Some(model) => Topic::ModelPnl { account, model: model.into() }.key(),
                    None => Topic::Pnl { account }.key(),
                };
                pnl.seq = self.number(&topic);
                self.finish(&topic, &*pnl, None, Some(Bucket::Account))
            }
            Event::PositionPnl(mut pnl) => {
                let con_id = pnl.con_id.to_string().into();
                let topic = Topic::PositionPnl { account: (&pnl.account).into(), con_id }.key();
                pnl.seq = self.number(&topic);
                self.finish(&topic, &*pnl, None, Some(Bucket::Account))
            }
            Event::Connection(mut state) => {
                let topic = Topic::ConnectionState.key();
                state.seq = self.number(&topic);
                let id = self.connection_id(&topic, state.seq);
                self.finish(&topic, &*state, Some(id), Some(Bucket::Last))
            }
            Event::Farm(mut farm) => {
                let topic = Topic::Farm { farm: (&farm.farm).into() }.key();
                farm.seq = self.number(&topic);
                let id = self.connection_id(&topic, farm.seq);
                self.finish(&topic, &*farm, Some(id), Some(Bucket::Last))
            }
            Event::Notice(mut notice) => {
                let topic = Topic::Notice.key();
                notice.seq = self.number(&topic);
                let id = self.connection_id(&topic, notice.seq);
                self.finish(&topic, &*notice, Some(id), None)
            }
            Event::Gap(listing, mut gap) => {
                let inst = Inst::from(&listing.instrument);
                let topic = Topic::Gap { inst, stream: (&gap.stream).into() }.key();
                gap.seq = self.number(&topic);
                let id = self.connection_id(&topic, gap.seq);
                self.finish(&topic, &*gap, Some(id), None)
            }
            Event::Audit(mut event) => {
                let topic = Topic::Audit { client: event.client.as_deref().unwrap_or_default().into() }.key();
                event.seq = self.number(&topic);
                let id = self.connection_id(&topic, event.seq);
                let prepared = self.finish(&topic, &*event, Some(id), None)?;
                Some(Prepared { stream: StreamKind::Audit, ..prepared })
            }
            Event::Bridge(mut event) => {
                let topic = Topic::Bridge { event: (&event.event).into() }.key();
                event.seq = self.number(&topic);
                let id = self.connection_id(&topic, event.seq);
                self.finish(&topic, &*event, Some(id), None)
            }
            Event::News(mut news) => {
                let topic = Topic::News { provider: (&news.provider).into() }.key();
                news.seq = self.number(&topic);
                self.finish(&topic, &*news, None, None)
            }
            Event::Scan(mut scan) => {
                let topic = Topic::Scan { id: (&scan.id).into() }.key();
                scan.seq = self.number(&topic);
                self.finish(&topic, &*scan, None, None)
            }
            Event::Order(_) | Event::Fill(_) => {
                error!("an order event came past the journal");
                None
            }
            Event::Tick(..)
            | Event::Quote(..)
            | Event::TickByTick(..)
            | Event::Bar(..)
            | Event::Depth(..)
            | Event::Greeks(..) => {
                error!("a market event came on the kept lane");
                None
            }
        }
    }

    fn connection_id(&self, topic: &str, seq: u64) -> String {
        format!("{}.{topic}.{seq}", self.prefix)
    }

    fn number(&mut self, topic: &str) -> u64 {
        if let Some(seq) = self.numbers.get_mut(topic) {
            *seq += 1;
            return *seq;
        }
        if self.numbers.len() >= SUBJECTS_MAX {
            self.first_seq = self.numbers.values().copied().max().unwrap_or(self.first_seq);
            self.numbers.clear();
        }
        let seq = self.first_seq + 1;
        self.numbers.insert(topic.to_owned(), seq);
        seq
    }

    fn finish<T: Serialize>(
        &self,
        topic: &str,
        event: &T,
        id: Option<String>,
        bucket: Option<Bucket>,
    ) -> Option<Prepared> {
        let encode = |encoding: Encoding| match encoding.bytes(event) {
            Ok(bytes) => Some(bytes),
            Err(error) => {
                error!(topic, %error, "event not published");
                None
            }
        };
        let payload = encode(Encoding::Json)?;
        let last = bucket.map(|bucket| {
            let name = match bucket {
                Bucket::Last => &self.names.last,
                Bucket::Account => &self.names.account,
            };
            Write { subject: bucket_subject(name, topic).into(), value: payload.clone() }
        });
        let packed = match &self.packed_prefix {
            Some(prefix) => Some((below(prefix, topic), encode(Encoding::MessagePack)?)),
            None => None,
        };
        let stream = StreamKind::Connection;
        Some(Prepared { subject: below(&self.prefix, topic), payload, id, stream, last, packed })
    }
}

pub(super) fn below(prefix: &str, topic: &str) -> Subject {
    [prefix, ".", topic].concat().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::bridge::BridgeEvent;

    #[test]
    fn numbers_stay_above_all_earlier_ones_when_there_are_too_many_subjects() {
        let mut preparer = Preparer::new(&Nats::default(), 100);
        let topics: Vec<String> = (0..=SUBJECTS_MAX).map(|n| format!("t{n}")).collect();
        let before = topics.iter().take(SUBJECTS_MAX).map(|topic| preparer.number(topic)).max().expect("numbers");
        assert!(preparer.number(&topics[SUBJECTS_MAX]) > before);
        assert!(preparer.number(&topics[0]) > before);
    }

    #[test]
    fn bridge_events_are_stored_with_prefix_subject_and_number() {
        let config = Nats { prefix: "ib.paper".into(), ..Nats::default() };
        let mut preparer = Preparer::new(&config, 7);
        let event = preparer.prepare(Event::Bridge(Box::new(BridgeEvent::new("started", 1)))).expect("prepared");
        assert_eq!(event.subject.as_str(), "ib.paper.bridge.started");
        assert_eq!(event.id.as_deref(), Some("ib.paper.bridge.started.8"));
        assert!(event.packed.is_none() && event.last.is_none());
    }
}
