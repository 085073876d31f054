//! One subscription at the gateway, shared by every lease that needs it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Instant,
};

use compact_str::CompactString;
use rustc_hash::FxHashMap;

use super::{
    bars::BarFeed,
    book::Rows,
    feed::{Feed, Part, Views, widest},
    picture::Picture,
    pulse::Pulse,
};
use crate::{
    schema::{
        connection::{GapEvent, GapState},
        market::Book,
        request::market::{MarketDataPolicy, Stream, StreamState},
    },
    session::{Event, Listing, core::Core},
    tws::message::contract::Contract,
};

/// Rows of depth when a request names none.
pub(super) const DEPTH_ROWS: u8 = 10;

/// Where an upstream request stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Place {
    /// Not at the gateway: the link is away or no slot is free.
    #[default]
    Waiting,
    /// To be asked at this moment.
    Delayed { at: Instant },
    /// Queued or at the gateway.
    Asked { req_id: i32, sent: bool },
    /// Refused at this moment; asked again after a reconnect or for a new lease.
    Refused { at: Instant },
}

/// What a level-1 request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) parts: BTreeSet<Part>,
    pub(super) policy: MarketDataPolicy,
}

impl Shape {
    fn covers(&self, other: &Self) -> bool {
        other.parts.is_subset(&self.parts) && widest([self.policy, other.policy].into_iter()) == self.policy
    }
}

/// An interruption that is not over.
#[derive(Clone, Debug)]
struct Gap {
    from_us: i64,
    reason: String,
}

/// One subscription at the gateway, or the wish for one.
#[expect(clippy::struct_excessive_bools, reason = "facts about the data that change one by one")]
#[derive(Debug)]
pub(super) struct Upstream {
    pub(super) listing: Arc<Listing>,
    pub(super) feed: Feed,
    pub(super) place: Place,
    /// Number in the queue for a line or slot, kept until data comes: who is refused again loses no place.
    pub(super) queued: Option<u64>,
    /// Leases that need it.
    pub(super) leases: u32,
    /// Leases by client.
    pub(super) clients: FxHashMap<Option<CompactString>, u32>,
    /// Leases by stream.
    pub(super) views: Views,
    /// Parts of level 1 that are wanted, with the number of leases that want them.
    pub(super) parts: BTreeMap<Part, u32>,
    /// Kinds of market data that are accepted, with the number of leases that accept them.
    pub(super) policies: BTreeMap<MarketDataPolicy, u32>,
    /// What the current request asks for.
    pub(super) asked: Shape,
    /// Parts the gateway refused for this instrument.
    pub(super) barred: BTreeSet<Part>,
    /// What it said of those it refused last.
    refused: Option<String>,
    /// The narrower request that runs until its successor delivers.
    pub(super) old: Option<(i32, Shape)>,
    pub(super) depth_rows: u8,
    pub(super) smart_depth: bool,
    /// The contract the gateway told us to ask for instead.
    pub(super) rerouted: Option<Contract>,
    pub(super) last_us: Option<i64>,
    pub(super) pulse: Pulse,
    since_us: i64,
    gap: Option<Gap>,
    /// Why no data comes, for people.
    trouble: Option<String>,
    /// The next event of the quote, or of the only stream, is the first after an interruption.
    pub(super) after_gap: bool,
    /// The same for the greeks.
    pub(super) after_gap_greeks: bool,
    /// The same for each tick name, by tick type; types above 126 share the last bit.
    pub(super) after_gap_ticks: u128,
    /// What was known is of an ended request: forget it when data comes.
    pub(super) fresh: bool,
    /// A farm was broken when the request was written: it may never be answered.
    pub(super) asked_in_dark: bool,
    /// The farm is back: if nothing has come by then, the request is made again.
    pub(super) doubted: Option<Instant>,
    /// Another session of the user withholds the data (10197): until then silence means nothing.
    pub(super) withheld_until: Option<Instant>,
    /// Data has come since the request was made.
    pub(super) begun: bool,
    /// It was made a second time since nothing came. Once, until something comes or the link is another.
    pub(super) asked_once_more: bool,
    /// Whether most of the trading is done at this time of day, when last looked.
    pub(super) is_liquid: Option<bool>,
    /// When it was last asked for again because of its silence; `None` once something came.
    pub(super) asked_again_us: Option<i64>,
    /// Data has come since the request was made or interrupted.
    pub(super) flows: bool,
    pub(super) flowing_since: Option<Instant>,
    pub(super) picture: Picture,
    /// Sizes that came with their price, and may be repeated by a message of their own.
    pub(super) echo: u8,
    /// Requests in a row that got no answer.
    pub(super) attempts: u32,
    /// Bars of every size, for [`Feed::Bars`].
    pub(super) bars: BarFeed,
    pub(super) book: Rows,
}

impl Upstream {
    pub(super) fn new(listing: Arc<Listing>, feed: Feed, now_us: i64) -> Self {
        Self {
            picture: Picture::new(listing.instrument.con_id),
            listing,
            feed,
            place: Place::Waiting,
            queued: None,
            leases: 0,
            clients: FxHashMap::default(),
            views: Views::default(),
            parts: BTreeMap::new(),
            policies: BTreeMap::new(),
            asked: Shape { parts: BTreeSet::new(), policy: MarketDataPolicy::LiveOnly },
            barred: BTreeSet::new(),
            refused: None,
            old: None,
            depth_rows: 0,
            smart_depth: false,
            rerouted: None,
            last_us: None,
            pulse: Pulse::default(),
            since_us: now_us,
            gap: None,
            trouble: None,
            after_gap: false,
            after_gap_greeks: false,
            after_gap_ticks: 0,
            fresh: false,
            asked_in_dark: false,
            doubted: None,
            withheld_until: None,
            begun: false,
            asked_once_more: false,
            is_liquid: None,
            asked_again_us: None,
            flows: false,
            flowing_since: None,
            echo: 0,
            attempts: 0,
            bars: BarFeed::default(),
            book: Rows::default(),
        }
    }

    /// What to ask for now.
    pub(super) fn wanted(&self) -> Shape {
        Shape {
            parts: self.parts.keys().filter(|part| !self.barred.contains(part)).cloned().collect(),
            policy: widest(self.policies.keys().copied()),
        }
    }

    /// True if the running request gives what is wanted.
    pub(super) fn is_wide_enough(&self) -> bool {
        self.asked.covers(&self.wanted())
    }

    /// Where it stands, for people.
    pub(super) fn state(&self) -> StreamState {
        match self.place {
            Place::Asked { .. } if self.flows => StreamState::Streaming,
            Place::Asked { .. } => StreamState::Asked,
            Place::Waiting if self.queued.is_some() => StreamState::Queued,
            Place::Waiting | Place::Delayed { .. } => StreamState::Waiting,
            Place::Refused { .. } => StreamState::Refused,
        }
    }

    /// What is wrong with it, for people.
    pub(super) fn trouble(&self) -> Option<&str> {
        let is_barred = self.barred.iter().any(|part| self.parts.contains_key(part));
        self.trouble.as_deref().or(self.refused.as_deref().filter(|_| is_barred))
    }

    /// The gateway refuses these parts for this instrument: they are left out from now on.
    pub(super) fn bar(&mut self, parts: Vec<Part>, reason: &str) {
        let names: Vec<String> = parts.iter().map(ToString::to_string).collect();
        self.refused = Some(format!("left out, since the gateway refused it: {} ({reason})", names.join(", ")));
        self.barred.extend(parts);
    }

    /// It is asked for a second time, for people.
    pub(super) fn on_asked_once_more(&mut self, reason: String) {
        (self.asked_once_more, self.fresh) = (true, true);
        self.trouble = Some(reason);
        self.pulse.pause();
    }

    /// The whole book, if one is known.
    pub(super) fn book(&self) -> Option<Book> {
        self.book.book(!self.flows)
    }

    /// Data came under this id. True if it is the first since the request or an interruption.
    pub(super) fn touch(&mut self, core: &mut Core, req_id: i32) -> bool {
        self.last_us = Some(core.now.us);
        self.pulse.beat(core.now.at);
        // A wider request runs beside the narrower one that goes on: only its own data tell that it has begun.
        self.begun |= matches!(self.place, Place::Asked { req_id: current, .. } if current == req_id);
        if self.flows {
            return false;
        }
        self.flows = true;
        self.flowing_since = Some(core.now.at);
        self.queued = None;
        self.trouble = None;
        self.asked_once_more = false;
        self.attempts = 0;
        self.asked_again_us = None;
        self.withheld_until = None;
        core.alive(req_id);
        if std::mem::take(&mut self.fresh) {
            self.picture.restart();
        }
        self.picture.is_due |= std::mem::take(&mut self.picture.quote.stale);
        if let Some(gap) = self.gap.take() {
            self.tell_gap(core, &gap, Some(core.now.us), |_| true);
        }
        true
    }

    /// Data may be missing from the last event on.
    pub(super) fn interrupt(&mut self, core: &mut Core, reason: &str) {
        self.flows = false;
        self.pulse.pause();
        if self.last_us.is_some() {
            self.open_gap(core, reason);
        }
    }

    /// Another session has the data. They return by themselves: the request stands, and has been answered.
    pub(super) fn withhold(&mut self, core: &mut Core, req_id: i32, until: Instant, reason: &str) {
        self.interrupt(core, reason);
        self.withheld_until = Some(until);
        self.asked_again_us = None;
        core.alive(req_id);
    }

    pub(super) fn is_withheld(&self, now: Instant) -> bool {
        self.withheld_until.is_some_and(|until| until > now)
    }

    /// The gateway ended the stream, or never began it.
    pub(super) fn end(&mut self, core: &mut Core, reason: &str) {
        self.flows = false;
        self.pulse.pause();
        self.fresh = true;
        self.open_gap(core, reason);
    }

    fn open_gap(&mut self, core: &mut Core, reason: &str) {
        if self.gap.is_some() {
            return;
        }
        self.trouble = Some(reason.to_owned());
        let from_us = self.last_us.unwrap_or(self.since_us);
        if self.feed == Feed::Bars {
            // Each size has a gap of its own: what is missing is fetched before it ends.
            let listing = Arc::clone(&self.listing);
            return self.bars.interrupt(core, &listing, from_us, reason);
        }
        let gap = Gap { from_us, reason: reason.to_owned() };
        self.tell_gap(core, &gap, None, |_| true);
        self.gap = Some(gap);
        if self.last_us.is_some() {
            self.after_gap = true;
            self.after_gap_greeks = true;
            self.after_gap_ticks = u128::MAX;
        }
        self.tell_stale(core);
    }

    /// Says of a quote that nothing refreshes it any more.
    pub(super) fn tell_stale(&mut self, core: &mut Core) {
        if self.picture.is_known && !self.picture.quote.stale {
            self.picture.quote.stale = true;
            if self.views.quote {
                let mut event = self.picture.quote.clone();
                event.recv_us = core.now.us;
                core.emit(Event::Quote(Arc::clone(&self.listing), event));
            }
            self.tell_greeks(core);
        }
    }

    /// Somebody holds this stream from now on: an open gap is theirs too.
    pub(super) fn join(&self, core: &mut Core, joined: Stream) {
        if let Some(gap) = &self.gap {
            self.tell_gap(core, gap, None, |stream| stream == joined);
        }
    }

    fn tell_gap(&self, core: &mut Core, gap: &Gap, to_us: Option<i64>, concerns: impl Fn(Stream) -> bool) {
        for stream in self.views.held().filter(|stream| concerns(*stream)) {
            let event = GapEvent {
                con_id: self.listing.instrument.con_id,
                seq: 0,
                recv_us: core.now.us,
                stream: stream.to_string(),
                state: if to_us.is_some() { GapState::Closed } else { GapState::Opened },
                from_us: gap.from_us,
                to_us,
                reason: gap.reason.clone(),
                repaired: None,
                missing: None,
            };
            core.emit(Event::Gap(Arc::clone(&self.listing), Box::new(event)));
        }
    }
}
