//! What one upstream request carries, and how it is written.

use std::collections::BTreeSet;

use compact_str::CompactString;

use super::{
    bars::{BarFeed, kept},
    upstream::Upstream,
};
use crate::{
    config::MarketDataPreference,
    schema::{
        bar::BarSize,
        market::TickByTickKind,
        request::market::{MarketDataPolicy, Stream},
    },
    session::pacing::Cost,
    tws::{
        Request,
        message::{
            depth::{CancelMarketDepth, MarketDepthRequest},
            history::{CancelHistoricalData, CancelRealTimeBars, RealTimeBarsRequest},
            market_data::{CancelMarketData, MarketDataRequest},
            tick_by_tick::{CancelTickByTick, TickByTickRequest},
        },
    },
};

/// Generic tick of headlines.
const NEWS: u16 = 292;

/// What one upstream request carries. Quote, tick, greeks and news are views of the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Feed {
    Level1,
    TickByTick(TickByTickKind),
    Bars,
    Depth,
}

impl Feed {
    /// `None` for bars that are not streamed.
    pub(super) fn of(stream: Stream) -> Option<Self> {
        match stream {
            Stream::Quote | Stream::Tick | Stream::Greeks | Stream::News => Some(Self::Level1),
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

/// How many leases want each stream of one feed.
#[expect(clippy::struct_excessive_bools, reason = "each says of one stream whether anybody wants it")]
#[derive(Debug, Default)]
pub(super) struct Views {
    counts: Vec<(Stream, u32)>,
    /// Whether anybody wants them: asked with every tick.
    pub(super) quote: bool,
    pub(super) tick: bool,
    pub(super) greeks: bool,
    pub(super) news: bool,
}

impl Views {
    pub(super) fn of(&self, stream: Stream) -> u32 {
        self.counts.iter().find(|(held, _)| *held == stream).map_or(0, |(_, count)| *count)
    }

    /// The streams that are held.
    pub(super) fn held(&self) -> impl Iterator<Item = Stream> + '_ {
        self.counts.iter().map(|(stream, _)| *stream)
    }

    /// Returns how many leases want it now.
    pub(super) fn add(&mut self, stream: Stream) -> u32 {
        if let Some((_, count)) = self.counts.iter_mut().find(|(held, _)| *held == stream) {
            *count += 1;
        } else {
            self.counts.push((stream, 1));
        }
        self.note();
        self.of(stream)
    }

    pub(super) fn remove(&mut self, stream: Stream) {
        for (held, count) in &mut self.counts {
            if *held == stream {
                *count = count.saturating_sub(1);
            }
        }
        self.counts.retain(|(_, count)| *count > 0);
        self.note();
    }

    fn note(&mut self) {
        self.quote = self.of(Stream::Quote) > 0;
        self.tick = self.of(Stream::Tick) > 0;
        self.greeks = self.of(Stream::Greeks) > 0;
        self.news = self.of(Stream::News) > 0;
    }
}

/// One thing that a level-1 request may ask for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    /// The default ticks; without them the request says `mdoff`.
    Quotes,
    /// A generic tick.
    Generic(u16),
    /// Headlines of one provider.
    News(CompactString),
}

impl Part {
    /// What leases on these streams with these wishes need of a level-1 request.
    pub(super) fn all(streams: &[Stream], generic_ticks: &[u16], providers: &[String]) -> BTreeSet<Self> {
        let mut parts: BTreeSet<Self> = BTreeSet::new();
        if streams.iter().any(|stream| matches!(stream, Stream::Quote | Stream::Tick | Stream::Greeks)) {
            parts.insert(Self::Quotes);
            parts.extend(generic_ticks.iter().copied().map(Self::Generic));
        }
        if streams.contains(&Stream::News) {
            parts.extend(providers.iter().map(|provider| Self::News(provider.as_str().into())));
            if providers.is_empty() {
                parts.insert(Self::Generic(NEWS));
            }
        }
        parts
    }

    pub(super) fn is_news(&self) -> bool {
        matches!(self, Self::News(_) | Self::Generic(NEWS))
    }
}

impl std::fmt::Display for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Quotes => f.write_str("quotes"),
            Self::Generic(number) => write!(f, "generic tick {number}"),
            Self::News(provider) => write!(f, "news of {provider}"),
        }
    }
}

/// The generic tick list of a request for these parts, entry by entry.
pub(super) fn tick_list(parts: &BTreeSet<Part>) -> Vec<String> {
    let mut list = Vec::new();
    if !parts.contains(&Part::Quotes) {
        list.push("mdoff".to_owned());
    }
    let mut providers = Vec::new();
    for part in parts {
        match part {
            Part::Quotes => {}
            Part::Generic(number) => list.push(number.to_string()),
            Part::News(provider) => providers.push(provider.as_str()),
        }
    }
    if !providers.is_empty() && !parts.contains(&Part::Generic(NEWS)) {
        list.push(format!("{NEWS}:{}", providers.join("+")));
    }
    list
}

/// The policy of the configuration.
pub(super) fn policy_of(preference: MarketDataPreference) -> MarketDataPolicy {
    match preference {
        MarketDataPreference::LiveOnly => MarketDataPolicy::LiveOnly,
        MarketDataPreference::LiveElseFrozen => MarketDataPolicy::LiveElseFrozen,
        MarketDataPreference::LiveElseDelayed => MarketDataPolicy::LiveElseDelayed,
        MarketDataPreference::Any => MarketDataPolicy::Any,
    }
}

/// The policy that gives each holder at least what it accepts.
pub(super) fn widest(policies: impl Iterator<Item = MarketDataPolicy>) -> MarketDataPolicy {
    let policies: BTreeSet<MarketDataPolicy> = policies.collect();
    let (frozen, delayed) = (MarketDataPolicy::LiveElseFrozen, MarketDataPolicy::LiveElseDelayed);
    if policies.contains(&frozen) && policies.contains(&delayed) {
        return MarketDataPolicy::Any;
    }
    policies.last().copied().unwrap_or(MarketDataPolicy::LiveOnly)
}

/// The market data type that the gateway knows a policy by.
pub(super) fn market_data_type(policy: MarketDataPolicy) -> i32 {
    match policy {
        MarketDataPolicy::LiveOnly => 1,
        MarketDataPolicy::LiveElseFrozen => 2,
        MarketDataPolicy::LiveElseDelayed => 3,
        MarketDataPolicy::Any => 4,
    }
}

impl Upstream {
    /// The request under this id, and what it costs.
    pub(super) fn request(&self, req_id: i32) -> (Request, Cost) {
        let contract = Some(self.rerouted.as_ref().unwrap_or(&self.listing.contract).clone());
        let req_id = Some(req_id);
        match self.feed {
            Feed::Level1 => {
                let list = tick_list(&self.asked.parts);
                let generic_tick_list = (!list.is_empty()).then(|| list.join(","));
                let request = MarketDataRequest { req_id, contract, generic_tick_list, ..MarketDataRequest::default() };
                let market_data_type = market_data_type(self.asked.policy);
                (Request::MarketDataRequest(Box::new(request)), Cost::MarketData { market_data_type })
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
            Feed::Bars if self.bars.is_kept() => kept::request(&self.listing, contract, req_id),
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
                    is_smart_depth: self.smart_depth.then_some(true),
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
            Feed::Bars if self.bars.is_kept() => Request::CancelHistoricalData(CancelHistoricalData { req_id }),
            Feed::Bars => Request::CancelRealTimeBars(CancelRealTimeBars { req_id }),
            Feed::Depth => {
                let is_smart_depth = self.smart_depth.then_some(true);
                Request::CancelMarketDepth(CancelMarketDepth { req_id, is_smart_depth })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(streams: &[&str], generic_ticks: &[u16], providers: &[&str], expected: &str) {
        let streams: Vec<Stream> = streams.iter().map(|stream| stream.parse().expect("a stream")).collect();
        let providers: Vec<String> = providers.iter().map(ToString::to_string).collect();
        assert_eq!(tick_list(&Part::all(&streams, generic_ticks, &providers)).join(","), expected);
    }

    #[test]
    fn a_tick_list_names_what_is_wanted_and_no_more() {
        check(&["quote"], &[], &[], "");
        check(&["quote", "greeks"], &[233, 106, 233], &[], "106,233");
        check(&["news"], &[233], &[], "mdoff,292");
        check(&["news"], &[], &["DJNL", "BRFG"], "mdoff,292:BRFG+DJNL");
        check(&["tick", "news"], &[233], &["BRFG"], "233,292:BRFG");
        check(&["quote", "news"], &[292], &["BRFG"], "292");
    }

    #[test]
    fn frozen_and_delayed_together_are_everything() {
        use MarketDataPolicy::{Any, LiveElseDelayed, LiveElseFrozen, LiveOnly};
        for (policies, expected) in [
            (&[][..], LiveOnly),
            (&[LiveOnly, LiveElseDelayed], LiveElseDelayed),
            (&[LiveElseFrozen, LiveOnly], LiveElseFrozen),
            (&[LiveElseFrozen, LiveElseDelayed], Any),
            (&[LiveOnly, Any], Any),
        ] {
            assert_eq!(widest(policies.iter().copied()), expected, "{policies:?}");
        }
    }
}
