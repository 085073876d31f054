//! The subject, the count and the bucket key of every market stream, found by the listing's slot.

use std::borrow::Cow;

use async_nats::Subject;

use super::{
    last_values::Conflator,
    streams::Names,
    subject::{Inst, Topic, bucket_subject, kind_name},
};
use crate::{
    config::Nats,
    schema::{bar::BarSize, market::TickByTickKind},
    session::{Event, Listing},
};

/// One subject.
#[derive(Debug)]
pub(super) struct Track {
    /// Where its events go as JSON.
    pub(super) subject: Subject,
    /// Where its events go as MessagePack, if that is on.
    pub(super) packed: Option<Subject>,
    /// Its key in the conflator, if its last value is kept.
    pub(super) last_value: Option<usize>,
    seq: u64,
    /// The connection to NATS its last event went to.
    connection: u64,
    /// Something was lost since its last event.
    has_lost: bool,
}

impl Track {
    /// Number of the next event, and whether it is the first one after a loss.
    ///
    /// An earlier connection may have taken events with it that nobody counted: that skips one number.
    pub(super) fn next(&mut self, connection: u64) -> (u64, bool) {
        let is_cut = self.connection != connection;
        self.connection = connection;
        self.seq += 1 + u64::from(is_cut);
        (self.seq, std::mem::take(&mut self.has_lost) || is_cut)
    }

    /// Skips the numbers of events that were lost.
    pub(super) fn skip(&mut self, lost: u64) {
        self.seq += lost;
        self.has_lost = true;
    }
}

/// All market subjects in use.
#[derive(Debug)]
pub(super) struct Tracks {
    prefix: String,
    packed_prefix: Option<String>,
    bucket: String,
    first_seq: u64,
    slots: Vec<Slot>,
}

#[derive(Debug, Default)]
struct Slot {
    quote: Option<Track>,
    greeks: Option<Track>,
    depth: Option<Track>,
    tick_by_tick: Vec<(TickByTickKind, Track)>,
    ticks: Vec<(Cow<'static, str>, Track)>,
    bars: Vec<(BarSize, Track)>,
}

impl Tracks {
    /// No subjects yet. Counting starts at `first_seq`, above any earlier run.
    pub(super) fn new(config: &Nats, first_seq: u64) -> Self {
        Self {
            prefix: config.prefix.clone(),
            packed_prefix: Some(config.msgpack_prefix.clone()).filter(|prefix| !prefix.is_empty()),
            bucket: Names::of(&config.prefix).last,
            first_seq,
            slots: Vec::new(),
        }
    }

    /// The track of a market event; `None` for any other.
    pub(super) fn of(&mut self, event: &Event, last: &mut Conflator, connection: u64) -> Option<&mut Track> {
        let (Event::Quote(listing, _)
        | Event::Greeks(listing, _)
        | Event::Depth(listing, _)
        | Event::Tick(listing, _)
        | Event::TickByTick(listing, ..)
        | Event::Bar(listing, _)) = event
        else {
            return None;
        };
        let (slot, make) = self.slot(listing, connection)?;
        let inst = || make.inst.clone();
        match event {
            Event::Quote(..) => Some(slot.quote.get_or_insert_with(|| make.kept(&Topic::Quote { inst: inst() }, last))),
            Event::Greeks(..) => {
                Some(slot.greeks.get_or_insert_with(|| make.kept(&Topic::Greeks { inst: inst() }, last)))
            }
            Event::Depth(..) => Some(slot.depth.get_or_insert_with(|| make.track(&Topic::Depth { inst: inst() }))),
            Event::Tick(_, tick) => {
                let topic = |name: &Cow<'static, str>| Topic::Tick { inst: inst(), name: name.clone() };
                find(&mut slot.ticks, &tick.name, |name| make.track(&topic(name)))
            }
            Event::TickByTick(_, kind, _) => {
                let topic = |kind: TickByTickKind| Topic::TickByTick { inst: inst(), kind: kind_name(kind).into() };
                find(&mut slot.tick_by_tick, kind, |kind| make.track(&topic(*kind)))
            }
            Event::Bar(_, bar) => {
                let topic = |size: BarSize| Topic::Bar { inst: inst(), size: size.name().into() };
                find(&mut slot.bars, &bar.size, |size| make.kept(&topic(*size), last))
            }
            _ => None,
        }
    }

    fn slot<'s, 'l>(&'s mut self, listing: &'l Listing, connection: u64) -> Option<(&'s mut Slot, Make<'s, 'l>)> {
        if self.slots.len() <= listing.slot {
            self.slots.resize_with(listing.slot + 1, Slot::default);
        }
        let make = Make {
            prefix: &self.prefix,
            packed_prefix: self.packed_prefix.as_deref(),
            bucket: &self.bucket,
            first_seq: self.first_seq,
            connection,
            inst: Inst::from(&listing.instrument),
        };
        Some((self.slots.get_mut(listing.slot)?, make))
    }
}

fn find<'a, K: PartialEq + Clone>(
    tracks: &'a mut Vec<(K, Track)>,
    key: &K,
    make: impl FnOnce(&K) -> Track,
) -> Option<&'a mut Track> {
    let index = tracks.iter().position(|(present, _)| present == key).unwrap_or_else(|| {
        tracks.push((key.clone(), make(key)));
        tracks.len() - 1
    });
    tracks.get_mut(index).map(|(_, track)| track)
}

/// What it takes to make a track.
struct Make<'s, 'l> {
    prefix: &'s str,
    packed_prefix: Option<&'s str>,
    bucket: &'s str,
    first_seq: u64,
    connection: u64,
    inst: Inst<'l>,
}

impl Make<'_, '_> {
    fn track(&self, topic: &Topic<'_>) -> Track {
        Track {
            subject: topic.subject(self.prefix).into(),
            packed: self.packed_prefix.map(|prefix| topic.subject(prefix).into()),
            last_value: None,
            seq: self.first_seq,
            connection: self.connection,
            has_lost: false,
        }
    }

    fn kept(&self, topic: &Topic<'_>, last: &mut Conflator) -> Track {
        let key = last.add(bucket_subject(self.bucket, &topic.key()).into());
        Track { last_value: Some(key), ..self.track(topic) }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::schema::market::QuoteEvent;

    fn tick(listing: &Arc<Listing>) -> Event {
        let tick = serde_json::json!({
            "con_id": 1, "seq": 0, "recv_us": 0, "name": "bid", "tick_type": 1, "data_kind": "live"
        });
        let tick = serde_json::from_value(tick).expect("a tick");
        Event::Tick(Arc::clone(listing), tick)
    }

    #[test]
    fn numbers_grow_by_one_and_jump_by_what_was_lost() {
        let config = Nats::default();
        let (mut tracks, mut last) = (Tracks::new(&config, 1_000), Conflator::new(1));
        let listing = Arc::new(crate::nats::fixtures::listing(3, "AAPL"));
        let track = tracks.of(&tick(&listing), &mut last, 1).expect("a track");
        assert_eq!(track.next(1), (1_001, false));
        assert_eq!(track.next(1), (1_002, false));
        track.skip(5);
        assert_eq!(track.next(1), (1_008, true));
        assert_eq!(track.next(1), (1_009, false));
        assert_eq!(track.next(2), (1_011, true), "a lost connection may have taken something with it");
    }

    #[test]
    fn every_stream_of_an_instrument_has_its_own_subject() {
        let config = Nats { msgpack_prefix: "ibm".to_owned(), ..Nats::default() };
        let (mut tracks, mut last) = (Tracks::new(&config, 0), Conflator::new(1));
        let listing = Arc::new(crate::nats::fixtures::listing(0, "BRK B"));
        let quote = Event::Quote(Arc::clone(&listing), QuoteEvent::default());
        let quote = tracks.of(&quote, &mut last, 0).expect("a track");
        assert_eq!(quote.subject.as_str(), "ib.quote.STK.BRK=20B.SMART.USD");
        assert_eq!(quote.packed.as_ref().map(Subject::as_str), Some("ibm.quote.STK.BRK=20B.SMART.USD"));
        assert!(quote.last_value.is_some());
        let tick = tracks.of(&tick(&listing), &mut last, 0).expect("a track");
        assert_eq!((tick.subject.as_str(), tick.last_value), ("ib.tick.STK.BRK=20B.SMART.USD.bid", None));
        let (slot, make) = tracks.slot(&listing, 0).expect("a slot");
        assert!(slot.bars.is_empty(), "made when they are needed");
        let bar =
            make.kept(&Topic::Bar { inst: make.inst.clone(), size: BarSize::FIVE_SECONDS.name().into() }, &mut last);
        assert_eq!(bar.subject.as_str(), "ib.bar.STK.BRK=20B.SMART.USD.5s");
        let kind = kind_name(TickByTickKind::AllLast).into();
        let trades = make.track(&Topic::TickByTick { inst: make.inst.clone(), kind });
        assert_eq!(trades.subject.as_str(), "ib.tbt.STK.BRK=20B.SMART.USD.all_last");
    }
}
