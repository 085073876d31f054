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
    session::Listing,
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
    loss: u64,
}

impl Track {
    /// Number of the next event, and whether it is the first one after a loss that may have hit it.
    ///
    /// A loss also skips a number: nobody can tell which subjects it hit, so each shows a jump.
    pub(super) fn next(&mut self, loss: u64) -> (u64, bool) {
        let after_gap = self.loss != loss;
        self.loss = loss;
        self.seq += 1 + u64::from(after_gap);
        (self.seq, after_gap)
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

    /// The quote of an instrument.
    pub(super) fn quote(&mut self, listing: &Listing, last: &mut Conflator, loss: u64) -> Option<&mut Track> {
        let (slot, make) = self.slot(listing, loss)?;
        Some(slot.quote.get_or_insert_with(|| make.kept(&Topic::Quote { inst: make.inst.clone() }, last)))
    }

    /// The option computations of an instrument.
    pub(super) fn greeks(&mut self, listing: &Listing, last: &mut Conflator, loss: u64) -> Option<&mut Track> {
        let (slot, make) = self.slot(listing, loss)?;
        Some(slot.greeks.get_or_insert_with(|| make.kept(&Topic::Greeks { inst: make.inst.clone() }, last)))
    }

    /// The book of an instrument.
    pub(super) fn depth(&mut self, listing: &Listing, loss: u64) -> Option<&mut Track> {
        let (slot, make) = self.slot(listing, loss)?;
        Some(slot.depth.get_or_insert_with(|| make.track(&Topic::Depth { inst: make.inst.clone() })))
    }

    /// One tick of an instrument.
    #[expect(clippy::ptr_arg, reason = "a static name enters the table without a copy")]
    pub(super) fn tick(&mut self, listing: &Listing, name: &Cow<'static, str>, loss: u64) -> Option<&mut Track> {
        let (slot, make) = self.slot(listing, loss)?;
        let track = |name: &Cow<'static, str>| make.track(&Topic::Tick { inst: make.inst.clone(), name: name.clone() });
        find(&mut slot.ticks, name, track)
    }

    /// One tick-by-tick stream of an instrument.
    pub(super) fn tick_by_tick(&mut self, listing: &Listing, kind: TickByTickKind, loss: u64) -> Option<&mut Track> {
        let (slot, make) = self.slot(listing, loss)?;
        let track = |kind: &TickByTickKind| {
            make.track(&Topic::TickByTick { inst: make.inst.clone(), kind: kind_name(*kind).into() })
        };
        find(&mut slot.tick_by_tick, &kind, track)
    }

    /// Bars of one size of an instrument.
    pub(super) fn bar(
        &mut self,
        listing: &Listing,
        size: BarSize,
        last: &mut Conflator,
        loss: u64,
    ) -> Option<&mut Track> {
        let (slot, make) = self.slot(listing, loss)?;
        let track = |size: &BarSize| make.kept(&Topic::Bar { inst: make.inst.clone(), size: size.name().into() }, last);
        find(&mut slot.bars, &size, track)
    }

    fn slot<'s, 'l>(&'s mut self, listing: &'l Listing, loss: u64) -> Option<(&'s mut Slot, Make<'s, 'l>)> {
        if self.slots.len() <= listing.slot {
            self.slots.resize_with(listing.slot + 1, Slot::default);
        }
        let make = Make {
            prefix: &self.prefix,
            packed_prefix: self.packed_prefix.as_deref(),
            bucket: &self.bucket,
            first_seq: self.first_seq,
            loss,
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
    loss: u64,
    inst: Inst<'l>,
}

impl Make<'_, '_> {
    fn track(&self, topic: &Topic<'_>) -> Track {
        Track {
            subject: topic.subject(self.prefix).into(),
            packed: self.packed_prefix.map(|prefix| topic.subject(prefix).into()),
            last_value: None,
            seq: self.first_seq,
            loss: self.loss,
        }
    }

    fn kept(&self, topic: &Topic<'_>, last: &mut Conflator) -> Track {
        let key = last.add(bucket_subject(self.bucket, &topic.key()).into());
        Track { last_value: Some(key), ..self.track(topic) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_grow_by_one_and_jump_after_a_loss() {
        let config = Nats::default();
        let mut tracks = Tracks::new(&config, 1_000);
        let listing = crate::nats::fixtures::listing(3, "AAPL");
        let name = Cow::Borrowed("bid");
        let mut next = |loss| tracks.tick(&listing, &name, loss).expect("a track").next(loss);
        assert_eq!(next(0), (1_001, false));
        assert_eq!(next(0), (1_002, false));
        assert_eq!(next(5), (1_004, true));
        assert_eq!(next(5), (1_005, false));
    }

    #[test]
    fn every_stream_of_an_instrument_has_its_own_subject() {
        let config = Nats { msgpack_prefix: "ibm".to_owned(), ..Nats::default() };
        let (mut tracks, mut last) = (Tracks::new(&config, 0), Conflator::new(1));
        let listing = crate::nats::fixtures::listing(0, "BRK B");
        let quote = tracks.quote(&listing, &mut last, 0).expect("a track");
        assert_eq!(quote.subject.as_str(), "ib.quote.STK.BRK=20B.SMART.USD");
        assert_eq!(quote.packed.as_ref().map(Subject::as_str), Some("ibm.quote.STK.BRK=20B.SMART.USD"));
        assert!(quote.last_value.is_some());
        let bar = tracks.bar(&listing, BarSize::FIVE_SECONDS, &mut last, 0).expect("a track");
        assert_eq!(bar.subject.as_str(), "ib.bar.STK.BRK=20B.SMART.USD.5s");
        let trades = tracks.tick_by_tick(&listing, TickByTickKind::AllLast, 0).expect("a track");
        assert_eq!(trades.subject.as_str(), "ib.tbt.STK.BRK=20B.SMART.USD.all_last");
    }
}
