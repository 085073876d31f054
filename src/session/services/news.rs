//! News providers, articles and bulletins; past headlines are in [`super::headlines`].

use std::{
    collections::{BTreeSet, VecDeque},
    time::Duration,
};

use super::{
    Asked, ServiceAnswer, asked,
    headlines::Headlines,
    plain,
    shared::{Inquiry, REPEAT, Shared},
};
use crate::{
    schema::{
        connection::LinkName,
        news::{BULLETIN, BulletinKind, NewsEvent},
        request::news::{Article, ArticleFormat, ArticleRequest, Bulletins, HeadlinesRequest, Provider, Providers},
    },
    session::{
        Command, Event, Listing,
        core::{Core, Errand, Owner},
        notice::Notice,
        pacing::Class,
    },
    tws::{
        Request,
        message::news::{
            HistoricalNews, HistoricalNewsEnd, NewsArticle, NewsArticleRequest, NewsBulletin, NewsBulletinsRequest,
            NewsProviders, NewsProvidersRequest,
        },
        notice::unescape,
        sentinel::some_text,
    },
};

/// Subscriptions to news change in Account Management, and count from the next login.
const PROVIDERS_KEEP: Duration = Duration::from_secs(3_600);
/// Bulletins remembered.
const BULLETINS_MAX: usize = 200;
/// Longest name of a provider or an article.
const NAME_CHARS_MAX: usize = 100;

/// What is asked.
#[derive(Debug)]
enum Ask {
    Providers,
    Article(ArticleRequest),
}

const PROVIDERS: &str = "providers";

impl Ask {
    fn request(req_id: i32, ask: &Self) -> Request {
        match ask {
            Self::Providers => Request::NewsProvidersRequest(NewsProvidersRequest {}),
            Self::Article(ask) => Request::NewsArticleRequest(NewsArticleRequest {
                req_id: Some(req_id),
                provider_code: Some(ask.provider.clone()),
                article_id: Some(ask.article_id.clone()),
                ..NewsArticleRequest::default()
            }),
        }
    }
}

/// News of the login.
#[derive(Debug, Default)]
pub(super) struct News {
    open: Shared<Ask>,
    headlines: Headlines,
    bulletins: VecDeque<NewsEvent>,
    /// Numbers of the bulletins told, so that the ones a new login repeats are not told again.
    told: BTreeSet<i32>,
}

impl News {
    /// Questions open, and answers kept.
    pub(super) fn entries(&self) -> (usize, usize) {
        let (open, kept) = self.open.entries();
        (open + self.headlines.entries(), kept)
    }

    // Requests.

    pub(super) fn providers(&mut self, core: &mut Core, command: &Command) {
        let (key, context) = (PROVIDERS.to_owned(), Ask::Providers);
        let inquiry = Inquiry { key, request: Ask::request, cancel: None, context, keep: PROVIDERS_KEEP };
        self.open.ask(core, command, inquiry);
    }

    pub(super) fn article(&mut self, core: &mut Core, command: &Command, ask: &ArticleRequest) {
        let checked = plain("provider", &ask.provider, NAME_CHARS_MAX)
            .and_then(|()| plain("article_id", &ask.article_id, NAME_CHARS_MAX));
        if let Err(error) = checked {
            return core.refuse(command.token, error);
        }
        let key = format!("article {} {}", ask.provider, ask.article_id);
        let context = Ask::Article(ask.clone());
        self.open.ask(core, command, Inquiry { key, request: Ask::request, cancel: None, context, keep: REPEAT });
    }

    pub(super) fn headlines(&mut self, core: &mut Core, command: &Command, ask: &HeadlinesRequest, listing: &Listing) {
        self.headlines.ask(core, command, ask, listing);
    }

    pub(super) fn bulletins(&mut self, core: &mut Core, command: &Command) {
        let bulletins = Bulletins { subject: String::new(), bulletins: self.bulletins.iter().cloned().collect() };
        core.answer(command.token, ServiceAnswer::Bulletins(bulletins).into());
    }

    // Causes.

    /// Bulletins say which exchanges cannot be traded, and one subscription of one message brings all
    /// of them: it is always held.
    pub(super) fn on_link_ready(&mut self, core: &mut Core) {
        Self::ask_bulletins(core);
        self.headlines.on_link_ready(core);
    }

    /// IB is back and the gateway's subscriptions are gone (1101). IB speaks of market data only; asking again costs one
    /// message, and bulletins that are told again are known by their numbers.
    pub(super) fn on_ib_back_empty(core: &mut Core) {
        Self::ask_bulletins(core);
    }

    fn ask_bulletins(core: &mut Core) {
        let request = Request::NewsBulletinsRequest(NewsBulletinsRequest { all_messages: Some(true) });
        let errand = Errand::new(LinkName::Data, Class::Bulk, request);
        // The queue is new with the link; were it full, bulletins would come after the next login.
        let _ = core.submit(Owner::Services, errand);
    }

    pub(super) fn on_link_down(&mut self, core: &mut Core) {
        self.open.on_link_down(core);
        self.headlines.on_link_down();
    }

    pub(super) fn on_providers(&mut self, core: &mut Core, message: NewsProviders) -> Asked {
        let row = |row: crate::tws::message::news::NewsProvider| {
            let code = row.provider_code.filter(|code| !code.is_empty())?;
            Some(Provider { code, name: row.provider_name.unwrap_or_default() })
        };
        let providers: Vec<Provider> = message.news_providers.into_iter().filter_map(row).collect();
        let was_wanted = self.headlines.on_providers(core, &providers);
        let answer = ServiceAnswer::Providers(Providers { providers });
        let was_asked = self.open.answer_to(core, PROVIDERS, |_| answer.into());
        asked(was_asked || was_wanted, None)
    }

    pub(super) fn on_article(&mut self, core: &mut Core, message: NewsArticle) -> Asked {
        let format = match message.article_type {
            // What is zero may be left out on the wire.
            None | Some(0) => ArticleFormat::Text,
            Some(1) => ArticleFormat::PdfBase64,
            Some(_) => ArticleFormat::Other,
        };
        let text = message.article_text.unwrap_or_default();
        let read = |ask: &Ask| {
            let (provider, article_id) = match ask {
                Ask::Article(ask) => (ask.provider.clone(), ask.article_id.clone()),
                Ask::Providers => Default::default(),
            };
            ServiceAnswer::Article(Article { provider, article_id, format, text }).into()
        };
        asked(self.open.answer(core, message.req_id.unwrap_or_default(), read), message.req_id)
    }

    pub(super) fn on_headline(&mut self, core: &mut Core, message: HistoricalNews) -> Asked {
        self.headlines.on_headline(core, message)
    }

    pub(super) fn on_headlines_end(&mut self, core: &mut Core, message: &HistoricalNewsEnd) -> Asked {
        self.headlines.on_end(core, message)
    }

    pub(super) fn on_bulletin(&mut self, core: &mut Core, message: NewsBulletin) {
        let number = message.news_msg_id.unwrap_or_default();
        if !self.told.insert(number) {
            return;
        }
        let event = NewsEvent {
            seq: 0,
            recv_us: core.now.us,
            event_us: None,
            provider: BULLETIN.to_owned(),
            article_id: number.to_string(),
            headline: unescape(&message.news_message.unwrap_or_default()).into_owned(),
            extra: None,
            instrument: None,
            bulletin: Some(match message.news_msg_type {
                Some(1) => BulletinKind::Regular,
                Some(2) => BulletinKind::ExchangeUnavailable,
                Some(3) => BulletinKind::ExchangeAvailable,
                _ => BulletinKind::Other,
            }),
            exchange: some_text(message.originating_exch),
        };
        if self.bulletins.len() >= BULLETINS_MAX {
            self.bulletins.pop_front();
        }
        while self.told.len() > 10 * BULLETINS_MAX {
            // Numbers grow.
            self.told.pop_first();
        }
        self.bulletins.push_back(event.clone());
        core.emit(Event::News(Box::new(event)));
    }

    pub(super) fn on_notice(&mut self, core: &mut Core, req_id: i32, notice: &Notice) -> bool {
        self.open.on_notice(core, req_id, notice) || self.headlines.on_notice(core, req_id, notice)
    }

    pub(super) fn on_timeout(&mut self, core: &mut Core, req_id: i32) -> bool {
        self.open.on_timeout(core, req_id) || self.headlines.on_timeout(core, req_id)
    }

    /// Callers may have given up.
    pub(super) fn on_timer(&mut self, core: &mut Core) {
        self.headlines.on_timer(core);
    }
}
