//! One subscription at the gateway, shared by every lease that needs it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Instant,
};

use super::{bars::BarFeed, picture::Picture, pulse::Pulse};
use crate::{
    schema::{
        bar::BarSize,
        connection::{GapEvent, GapState},
        market::TickByTickKind,
        request::market::Stream,
    },
    session::{Event, Listing, core::Core, pacing::Cost},
    tws::{
        Request,
        message::{
            contract::Contract,
            depth::{CancelMarketDepth, MarketDepthRequest},
            history::{CancelRealTimeBars, RealTimeBarsRequest},
            market_data::{CancelMarketData, MarketDataRequest},
            tick_by_tick::{CancelTickByTick, TickByTickRequest},
        },
    },
};

/// Rows of depth when a request names none.
pub(super) const DEPTH_ROWS: u8 = 10;

/// What one upstream request carries. Quote and tick are two views of the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Feed {
    Level1,
    TickByTick(TickByTickKind),
    Bars,
    Depth,
}

impl Feed {
    /// `None` for bars that the gateway does not stream.
    pub(super) fn of(stream: Stream) -> Option<Self> {
        match stream {
            Stream::Quote | Stream::Tick => Some(Self::Level1),
            Stream::TickByTick(kind) => Some(Self::TickByTick(kind)),
            Stream::Bar(size) => BarFeed::offers(size).then_some(Self::Bars),
            Stream::Depth => Some(Self::Depth),
        }
    }

    /// The stream that stands for it in a list.
    pub(super) fn stream(self) -> Stream {
        match self {
            Self::Level1 => Stream::Quote,
            Self::TickByTick(kind) => Stream::TickByTick(kind),
            Self::Bars => Stream::Bar(BarSize::FIVE_SECONDS),
            Self::Depth => Stream::Depth,
        }
    }
}

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

/// An interruption that is not over.
#[derive(Clone, Debug)]
struct Gap {
    from_us: i64,
    reason: String,
}

/// One subscription at the gateway, or the wish for one.
#[derive(Debug)]
pub(super) struct Upstream {
    pub(super) listing: Arc<Listing>,
    pub(super) feed: Feed,
    pub(super) place: Place,
    /// Leases that need it.
    pub(super) leases: u32,
    /// Leases on each view of level 1.
    pub(super) quote: u32,
    pub(super) tick: u32,
    /// Generic ticks wanted, with the number of leases that want them.
    pub(super) generic: BTreeMap<u16, u32>,
    /// Generic ticks of the current request.
    pub(super) generic_asked: BTreeSet<u16>,
    /// Generic ticks the gateway refused for this instrument.
    pub(super) generic_barred: BTreeSet<u16>,
    /// The narrower request that runs until its successor delivers.
    pub(super) old: Option<(i32, BTreeSet<u16>)>,
    pub(super) depth_rows: u8,
    /// The contract the gateway told us to ask for instead.
    pub(super) rerouted: Option<Contract>,
    pub(super) last_us: Option<i64>,
    pub(super) pulse: Pulse,
    since_us: i64,
    gap: Option<Gap>,
    /// The next event of the quote, or of the only stream, is the first after an interruption.
    pub(super) after_gap: bool,
    /// The same for each tick name, by tick type; types above 126 share the last bit.
    pub(super) after_gap_ticks: u128,
    /// What was known is of an ended request: forget it when data comes.
    pub(super) fresh: bool,
    /// Data has come since the request was made or interrupted.
    pub(super) flows: bool,
    pub(super) picture: Picture,
    /// Sizes that came with their price, and may be repeated by a message of their own.
    pub(super) echo: u8,
    /// Requests in a row that got no answer.
    pub(super) attempts: u32,
    /// Bars of every size, for [`Feed::Bars`].
    pub(super) bars: BarFeed,
}

impl Upstream {
    pub(super) fn new(listing: Arc<Listing>, feed: Feed, now_us: i64) -> Self {
        Self {
            picture: Picture::new(listing.instrument.con_id),
            listing,
            feed,
            place: Place::Waiting,
            leases: 0,
            quote: 0,
            tick: 0,
            generic: BTreeMap::new(),
            generic_asked: BTreeSet::new(),
            generic_barred: BTreeSet::new(),
            old: None,
            depth_rows: 0,
            rerouted: None,
            last_us: None,
            pulse: Pulse::default(),
            since_us: now_us,
            gap: None,
            after_gap: false,
            after_gap_ticks: 0,
            fresh: false,
            flows: false,
            echo: 0,
            attempts: 0,
            bars: BarFeed::default(),
        }
    }

    /// Generic ticks to ask for now.
    pub(super) fn generic_wanted(&self) -> BTreeSet<u16> {
        self.generic.keys().copied().filter(|tick| !self.generic_barred.contains(tick)).collect()
    }

    pub(super) fn is_smart(&self) -> bool {
        self.listing.instrument.exchange == "SMART"
    }

    /// The request under this id, and what it costs.
    pub(super) fn request(&self, req_id: i32) -> (Request, Cost) {
        let contract = Some(self.rerouted.as_ref().unwrap_or(&self.listing.contract).clone());
        let req_id = Some(req_id);
        match self.feed {
            Feed::Level1 => {
                let list: Vec<String> = self.generic_asked.iter().map(u16::to_string).collect();
                let generic_tick_list = (!list.is_empty()).then(|| list.join(","));
                let request = MarketDataRequest { req_id, contract, generic_tick_list, ..MarketDataRequest::default() };
                (Request::MarketDataRequest(Box::new(request)), Cost::Message)
            }
            Feed::TickByTick(kind) => {
                let tick_type = match kind {
                    TickByTickKind::Last => "Last",
                    TickByTickKind::AllLast => "AllLast",
                    TickByTickKind::BidAsk => "BidAsk",
                    TickByTickKind::MidPoint => "MidPoint",
                };
                let tick_type = Some(tick_type.to_owned());
                let request = TickByTickRequest { req_id, contract, tick_type, ..TickByTickRequest::default() };
                (Request::TickByTickRequest(Box::new(request)), Cost::Message)
            }
            Feed::Bars => {
                // A currency pair has no trades.
                let source = if self.listing.instrument.sec_type == "CASH" { "MIDPOINT" } else { "TRADES" };
                let request = RealTimeBarsRequest {
                    req_id,
                    contract,
                    bar_size: Some(5),
                    what_to_show: Some(source.to_owned()),
                    ..RealTimeBarsRequest::default()
                };
                (Request::RealTimeBarsRequest(Box::new(request)), Cost::RealTimeBars)
            }
            Feed::Depth => {
                let request = MarketDepthRequest {
                    req_id,
                    contract,
                    num_rows: Some(i32::from(self.depth_rows)),
                    is_smart_depth: self.is_smart().then_some(true),
                    ..MarketDepthRequest::default()
                };
                (Request::MarketDepthRequest(Box::new(request)), Cost::Message)
            }
        }
    }

    /// The cancel of the request with this id.
    pub(super) fn cancel(&self, req_id: i32) -> Request {
        let req_id = Some(req_id);
        match self.feed {
            Feed::Level1 => Request::CancelMarketData(CancelMarketData { req_id }),
            Feed::TickByTick(_) => Request::CancelTickByTick(CancelTickByTick { req_id }),
            Feed::Bars => Request::CancelRealTimeBars(CancelRealTimeBars { req_id }),
            Feed::Depth => {
                let is_smart_depth = self.is_smart().then_some(true);
                Request::CancelMarketDepth(CancelMarketDepth { req_id, is_smart_depth })
            }
        }
    }

    /// Data came under this id. True if it is the first since the request or an interruption.
    pub(super) fn touch(&mut self, core: &mut Core, req_id: i32) -> bool {
        self.last_us = Some(core.now.us);
        self.pulse.beat(core.now.at);
        if self.flows {
            return false;
        }
        self.flows = true;
        self.attempts = 0;
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
            self.after_gap_ticks = u128::MAX;
        }
        self.tell_stale(core);
    }

    /// Says of a quote that nothing refreshes it any more.
    pub(super) fn tell_stale(&mut self, core: &mut Core) {
        if self.picture.is_known && !self.picture.quote.stale {
            self.picture.quote.stale = true;
            if self.quote > 0 {
                let mut event = self.picture.quote.clone();
                event.recv_us = core.now.us;
                core.emit(Event::Quote(Arc::clone(&self.listing), event));
            }
        }
    }

    /// Somebody holds this stream from now on: an open gap is theirs too.
    pub(super) fn join(&self, core: &mut Core, joined: Stream) {
        if let Some(gap) = &self.gap {
            self.tell_gap(core, gap, None, |stream| stream == joined);
        }
    }

    fn tell_gap(&self, core: &mut Core, gap: &Gap, to_us: Option<i64>, concerns: impl Fn(Stream) -> bool) {
        let streams: &[(Stream, u32)] = match self.feed {
            Feed::Level1 => &[(Stream::Quote, self.quote), (Stream::Tick, self.tick)],
            feed => &[(feed.stream(), 1)],
        };
        for (stream, _) in streams.iter().filter(|(stream, holders)| *holders > 0 && concerns(*stream)) {
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
