//! The newsroom: stories about every instrument, told live, looked up later, and IB's bulletins.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDateTime};

use super::gateway::World;
use super::listing;
use super::outbox::{ConnectionId, NO_ID, Outbox};
use super::seed::Seed;
use super::universe::{Refusal, given};
use crate::tws::message::contract::{Contract, ContractData, ContractDetails};
use crate::tws::message::market_data::MarketDataRequest;
use crate::tws::message::news::{
    HistoricalNews, HistoricalNewsEnd, HistoricalNewsRequest, NewsArticle, NewsArticleRequest, NewsBulletin,
    NewsProvider, NewsProviders, TickNews,
};
use crate::tws::{Request, Response};

/// The sources the simulated user may use, as by default at IB.
const PROVIDERS: [(&str, &str); 3] = [
    ("BRFG", "Briefing.com General Market Columns"),
    ("BRFUPDN", "Briefing.com Analyst Actions"),
    ("DJNL", "Dow Jones Newsletters"),
];
/// In each stretch of this length a source writes at most one story about an instrument.
const PERIOD_MS: i64 = 600_000;
/// Stories are kept so long.
const KEPT_MS: i64 = 400 * 86_400_000;
const HEADLINES_MAX: i32 = 300;
/// Contract ids of the sources' broad tapes.
const TAPE_IDS: i32 = 700_000_000;
/// Stories and bulletins told by hand that are remembered.
const TOLD_MAX: usize = 1_000;
const STREAM_NEWS: u64 = 60;

#[derive(Clone, Debug, PartialEq)]
struct Story {
    at_ms: i64,
    provider: &'static str,
    article_id: String,
    con_id: i32,
    headline: String,
}

/// A market data request that asked for news, too.
#[derive(Debug)]
struct Reader {
    /// One instrument, or everything of the sources.
    con_id: Option<i32>,
    providers: BTreeSet<&'static str>,
    told_ms: i64,
}

/// Who reads news and bulletins, and what was told by hand.
#[derive(Debug, Default)]
pub(super) struct Newsroom {
    readers: BTreeMap<(ConnectionId, i32), Reader>,
    told: Vec<Story>,
    bulletins: Vec<NewsBulletin>,
    bulletin_readers: BTreeSet<ConnectionId>,
}

impl Newsroom {
    /// Answers a request about news; false if it is about something else.
    pub(super) fn answer(&mut self, world: &World, to: ConnectionId, request: &Request, out: &mut Outbox) -> bool {
        match request {
            Request::NewsProvidersRequest(_) => out.send(to, Response::NewsProviders(providers())),
            Request::NewsArticleRequest(request) => match self.article(world, request) {
                Ok(article) => out.send(to, Response::NewsArticle(article)),
                Err(refusal) => out.refuse(to, request.req_id(), refusal),
            },
            Request::HistoricalNewsRequest(request) => {
                if let Err(refusal) = self.headlines(world, to, request, out) {
                    out.refuse(to, request.req_id(), refusal);
                }
            }
            Request::NewsBulletinsRequest(request) => {
                self.bulletin_readers.insert(to);
                if request.all_messages.unwrap_or(false) {
                    for bulletin in &self.bulletins {
                        out.send(to, Response::NewsBulletin(bulletin.clone()));
                    }
                }
            }
            Request::CancelNewsBulletins(_) => {
                if !self.bulletin_readers.remove(&to) {
                    out.refuse(to, NO_ID, Refusal::invalid("No bulletins are subscribed"));
                }
            }
            _ => return false,
        }
        true
    }

    /// The broad tape of a source, if a market data request asks for one; it takes no quotes.
    pub(super) fn is_tape(request: &MarketDataRequest) -> bool {
        request.contract.as_ref().is_some_and(|contract| tape(contract).is_some())
    }

    /// Takes up the news part of a market data request that was accepted.
    pub(super) fn read(&mut self, to: ConnectionId, request: &MarketDataRequest, out: &mut Outbox) {
        let list = given(request.generic_tick_list.as_ref()).unwrap_or_default();
        let asked: Vec<&str> =
            list.split(',').map(str::trim).filter(|entry| *entry == "292" || entry.starts_with("292:")).collect();
        if asked.is_empty() {
            return;
        }
        let contract = request.contract.clone().unwrap_or_default();
        let broad = tape(&contract);
        // Several sources come as `292:A+B` or as `292:A,292:B`.
        let named = asked.iter().filter_map(|entry| entry.split_once(':')).flat_map(|(_, codes)| codes.split('+'));
        let providers = match broad {
            Some(provider) => BTreeSet::from([provider]),
            None => match named.map(provider).collect::<Result<BTreeSet<_>, Refusal>>() {
                Ok(all) if all.is_empty() => PROVIDERS.iter().map(|(code, _)| *code).collect(),
                Ok(providers) => providers,
                Err(refusal) => return out.refuse(to, request.req_id(), refusal),
            },
        };
        let con_id = if broad.is_some() { None } else { contract.con_id.filter(|con_id| *con_id > 0) };
        let reader = Reader { con_id, providers, told_ms: out.now_ms };
        self.readers.insert((to, request.req_id()), reader);
    }

    /// Names the instrument of a request whose contract did not name its id.
    pub(super) fn resolved(&mut self, to: ConnectionId, req_id: i32, con_id: i32) {
        if let Some(reader) = self.readers.get_mut(&(to, req_id)) {
            reader.con_id = Some(con_id);
        }
    }

    /// True if the request was one for a broad tape alone.
    pub(super) fn cancel(&mut self, to: ConnectionId, req_id: i32) -> bool {
        self.readers.remove(&(to, req_id)).is_some_and(|reader| reader.con_id.is_none())
    }

    pub(super) fn closed(&mut self, connection: ConnectionId) {
        self.readers.retain(|(owner, _), _| *owner != connection);
        self.bulletin_readers.remove(&connection);
    }

    /// Tells every reader the stories written since the last call.
    pub(super) fn advance(&mut self, world: &World, out: &mut Outbox) {
        let now_ms = out.now_ms;
        for (&(to, req_id), reader) in &mut self.readers {
            let since_ms = std::mem::replace(&mut reader.told_ms, now_ms);
            if since_ms >= now_ms {
                continue;
            }
            let fits = |story: &Story| reader.providers.contains(story.provider);
            let written = match reader.con_id {
                Some(con_id) => written(con_id, since_ms + 1, now_ms).collect::<Vec<_>>(),
                None => subjects(world).flat_map(|con_id| written(con_id, since_ms + 1, now_ms)).collect(),
            };
            for story in written.into_iter().filter(fits) {
                out.send(to, Response::TickNews(Box::new(tick(req_id, world, &story))));
            }
        }
    }

    /// Tells a story by hand; false if the source or the instrument does not exist.
    pub(super) fn tell(&mut self, world: &World, code: &str, symbol: &str, headline: &str, out: &mut Outbox) -> bool {
        let (Ok(provider), Some(instrument)) = (provider(code), world.universe.named(symbol, out.now_ms)) else {
            return false;
        };
        let article_id = format!("{provider}$told{}", self.told.len());
        let at_ms = out.now_ms - out.now_ms.rem_euclid(1000);
        let story = Story { at_ms, provider, article_id, con_id: instrument.con_id(), headline: headline.to_owned() };
        for (&(to, req_id), reader) in &self.readers {
            if reader.con_id.is_none_or(|con_id| con_id == story.con_id) && reader.providers.contains(provider) {
                out.send(to, Response::TickNews(Box::new(tick(req_id, world, &story))));
            }
        }
        if self.told.len() < TOLD_MAX {
            self.told.push(story);
        }
        true
    }

    /// Sends a bulletin: 1 regular, 2 exchange not available, 3 exchange available.
    pub(super) fn bulletin(&mut self, kind: i32, text: &str, exchange: &str, out: &mut Outbox) {
        let bulletin = NewsBulletin {
            news_msg_id: i32::try_from(self.bulletins.len() + 1).ok(),
            news_msg_type: Some(kind),
            news_message: Some(text.to_owned()),
            originating_exch: Some(exchange.to_owned()),
        };
        for to in &self.bulletin_readers {
            out.send(*to, Response::NewsBulletin(bulletin.clone()));
        }
        if self.bulletins.len() < TOLD_MAX {
            self.bulletins.push(bulletin);
        }
    }

    fn headlines(
        &self,
        world: &World,
        to: ConnectionId,
        request: &HistoricalNewsRequest,
        out: &mut Outbox,
    ) -> Result<(), Refusal> {
        let con_id = request.con_id.unwrap_or_default();
        if world.universe.by_con_id(con_id).is_none() {
            return Err(Refusal::unknown_contract());
        }
        let codes = given(request.provider_codes.as_ref()).unwrap_or_default();
        let providers: BTreeSet<&str> = codes.split('+').map(provider).collect::<Result<_, _>>()?;
        let total = request.total_results.unwrap_or_default();
        if !(1..=HEADLINES_MAX).contains(&total) {
            return Err(Refusal::invalid("Total results should be between 1 and 300"));
        }
        let start_ms = moment(request.start_date_time.as_ref())?.unwrap_or(out.now_ms - KEPT_MS);
        let end_ms = moment(request.end_date_time.as_ref())?.unwrap_or(out.now_ms).min(out.now_ms);
        let start_ms = start_ms.max(out.now_ms - KEPT_MS);
        let told = self.told.iter().filter(|story| story.con_id == con_id && story.at_ms <= end_ms).cloned();
        let mut told: Vec<Story> = told.filter(|story| story.at_ms > start_ms).collect();
        told.sort_by_key(|story| story.at_ms);
        let limit = usize::try_from(total).unwrap_or(0);
        let mut found: Vec<Story> = Vec::new();
        let mut stretch = end_ms.div_euclid(PERIOD_MS);
        // One more than wanted, to know whether there are more.
        while found.len() <= limit && (stretch + 1) * PERIOD_MS > start_ms {
            let mut stories: Vec<Story> = in_stretch(con_id, stretch).collect();
            while told.last().is_some_and(|story| story.at_ms.div_euclid(PERIOD_MS) >= stretch) {
                stories.extend(told.pop());
            }
            stories.sort_by_key(|story| std::cmp::Reverse(story.at_ms));
            let is_wanted =
                |story: &Story| story.at_ms > start_ms && story.at_ms <= end_ms && providers.contains(story.provider);
            found.extend(stories.into_iter().filter(is_wanted));
            stretch -= 1;
        }
        let has_more = found.len() > limit;
        for story in found.into_iter().take(limit) {
            let headline = HistoricalNews {
                req_id: request.req_id,
                time: Some(stamp(story.at_ms)),
                provider_code: Some(story.provider.to_owned()),
                article_id: Some(story.article_id.clone()),
                headline: Some(story.text(world)),
            };
            out.send(to, Response::HistoricalNews(headline));
        }
        let end = HistoricalNewsEnd { req_id: request.req_id, has_more: Some(has_more) };
        out.send(to, Response::HistoricalNewsEnd(end));
        Ok(())
    }

    fn article(&self, world: &World, request: &NewsArticleRequest) -> Result<NewsArticle, Refusal> {
        let code = given(request.provider_code.as_ref()).unwrap_or_default();
        let provider = provider(code)?;
        let article_id = given(request.article_id.as_ref()).unwrap_or_default();
        let told = self.told.iter().find(|story| story.article_id == article_id).cloned();
        let story = told.or_else(|| by_article(article_id)).filter(|story| story.provider == provider);
        let story =
            story.ok_or_else(|| Refusal::new(10_172, "Failed to request news article: article is not found"))?;
        let text = format!(
            "<html><body><h1>{}</h1><p>{} UTC. This story was made up by a simulator.</p></body></html>",
            story.text(world),
            stamp(story.at_ms)
        );
        Ok(NewsArticle { req_id: request.req_id, article_type: Some(0), article_text: Some(text) })
    }
}

impl Story {
    fn text(&self, world: &World) -> String {
        let name = world.universe.by_con_id(self.con_id).map_or("Somebody", |instrument| instrument.name);
        if self.headline.is_empty() { headline(self.con_id, self.at_ms, name) } else { self.headline.clone() }
    }
}

fn tick(req_id: i32, world: &World, story: &Story) -> TickNews {
    TickNews {
        req_id: Some(req_id),
        timestamp: Some(story.at_ms),
        provider_code: Some(story.provider.to_owned()),
        article_id: Some(story.article_id.clone()),
        headline: Some(story.text(world)),
        extra_data: Some(format!("A:{}:L:en", story.con_id)),
    }
}

fn headline(con_id: i32, at_ms: i64, name: &str) -> String {
    const DOES: [&str; 6] = [
        "raises its outlook",
        "is said to be in talks",
        "names a new chief executive",
        "falls short of estimates",
        "opens a plant",
        "buys back shares",
    ];
    let chosen = Seed::of(0, con_id, STREAM_NEWS + 10).below(0, at_ms, 6);
    let does = usize::try_from(chosen).ok().and_then(|chosen| DOES.get(chosen)).copied().unwrap_or_default();
    format!("{name} {does}")
}

/// What the sources write about an instrument in one stretch of time; each may be silent.
fn in_stretch(con_id: i32, stretch: i64) -> impl Iterator<Item = Story> {
    (0..).zip(PROVIDERS).filter_map(move |(place, (provider, _))| {
        let seed = Seed::of(0, con_id, STREAM_NEWS + place);
        let is_silent = seed.below(0, stretch, 2) == 0;
        (!is_silent).then(|| Story {
            at_ms: stretch * PERIOD_MS + 1000 * seed.below(1, stretch, PERIOD_MS.unsigned_abs() / 1000),
            provider,
            article_id: format!("{provider}${con_id:x}.{stretch:x}"),
            con_id,
            headline: String::new(),
        })
    })
}

fn written(con_id: i32, from_ms: i64, to_ms: i64) -> impl Iterator<Item = Story> {
    let stretches = from_ms.div_euclid(PERIOD_MS)..=to_ms.div_euclid(PERIOD_MS);
    let all = stretches.flat_map(move |stretch| in_stretch(con_id, stretch));
    all.filter(move |story| (from_ms..=to_ms).contains(&story.at_ms))
}

fn by_article(article_id: &str) -> Option<Story> {
    let (con_id, stretch) = article_id.split_once('$')?.1.split_once('.')?;
    let (con_id, stretch) = (i32::from_str_radix(con_id, 16).ok()?, i64::from_str_radix(stretch, 16).ok()?);
    // Far from any time there is, the arithmetic would leave its numbers.
    if !(0..100_000_000).contains(&stretch) {
        return None;
    }
    in_stretch(con_id, stretch).find(|story| story.article_id == article_id)
}

/// What the broad tapes write about.
fn subjects(world: &World) -> impl Iterator<Item = i32> + '_ {
    world
        .universe
        .fixed()
        .iter()
        .filter(|instrument| instrument.sec_type() == "STK")
        .map(|instrument| instrument.con_id())
}

fn provider(code: &str) -> Result<&'static str, Refusal> {
    let known = PROVIDERS.iter().find(|(known, _)| *known == code.trim());
    known.map(|(code, _)| *code).ok_or_else(|| Refusal::new(10_276, format!("News feed is not allowed: {code}")))
}

/// The source whose broad tape a contract names.
fn tape(contract: &Contract) -> Option<&'static str> {
    let place = contract.con_id.and_then(|con_id| usize::try_from(con_id.checked_sub(TAPE_IDS)?).ok());
    if let Some((code, _)) = place.and_then(|place| PROVIDERS.get(place)) {
        return Some(code);
    }
    let is_news = contract.sec_type.as_deref() == Some("NEWS");
    provider(contract.exchange.as_deref().filter(|_| is_news)?).ok()
}

/// Contract details of the broad tapes a description means; `None` if it means something else.
pub(super) fn tapes(req_id: i32, query: &Contract) -> Option<Vec<ContractData>> {
    let wanted = tape(query);
    if wanted.is_none() && query.sec_type.as_deref() != Some("NEWS") {
        return None;
    }
    let symbol = given(query.symbol.as_ref());
    let data = |(place, (code, name)): (i32, &(&'static str, &str))| {
        let tape = format!("{code}:{code}_ALL");
        let is_meant = wanted == Some(*code) && symbol.is_none_or(|symbol| symbol == tape);
        is_meant.then(|| ContractData {
            req_id: Some(req_id),
            contract: Some(Contract {
                con_id: Some(TAPE_IDS + place),
                local_symbol: listing::text(&tape),
                ..listing::contract("NEWS", &tape, code, "", &tape, code)
            }),
            contract_details: Some(ContractDetails {
                market_name: listing::text("NEWS"),
                long_name: listing::text(name),
                valid_exchanges: listing::text(code),
                ..ContractDetails::default()
            }),
        })
    };
    Some((0..).zip(&PROVIDERS).filter_map(data).collect())
}

fn providers() -> NewsProviders {
    let row = |(code, name): &(&str, &str)| NewsProvider {
        provider_code: Some((*code).to_owned()),
        provider_name: Some((*name).to_owned()),
    };
    NewsProviders { news_providers: PROVIDERS.iter().map(row).collect() }
}

fn stamp(at_ms: i64) -> String {
    DateTime::from_timestamp_millis(at_ms).unwrap_or_default().format("%Y-%m-%d %H:%M:%S.0").to_string()
}

/// A moment in UTC, with or without a fraction of a second; `None` if left out.
fn moment(field: Option<&String>) -> Result<Option<i64>, Refusal> {
    let Some(text) = given(field) else { return Ok(None) };
    let read = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f");
    let moment = read.or_else(|_| NaiveDateTime::parse_from_str(text, "%Y%m%d-%H:%M:%S"));
    let moment = moment.map_err(|_| Refusal::invalid(&format!("Invalid date-time {text}")))?;
    Ok(Some(moment.and_utc().timestamp_millis()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_article_is_found_by_its_name_and_nothing_else_is() {
        let story = (0..20).flat_map(|stretch| in_stretch(265_598, 2_900_000 + stretch)).next().expect("a story");
        assert_eq!(by_article(&story.article_id), Some(story));
        for other in ["", "BRFG$", "BRFG$zz.1", "BRFG$1.ffffffffffffff", "DJNL$40d7e.-1"] {
            assert_eq!(by_article(other), None, "{other}");
        }
    }
}
