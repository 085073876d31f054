//! Providers, articles and bulletins.

use super::{LinkName, Rig, ServiceAnswer, ServiceAsk};
use crate::{
    schema::{
        ErrorCode,
        news::BulletinKind,
        request::news::{ArticleFormat, ArticleRequest, BulletinsRequest, ProvidersRequest},
    },
    session::Event,
    tws::{
        Request, Response,
        message::news::{NewsArticle, NewsBulletin, NewsProvider, NewsProviders},
    },
};

fn providers() -> Response {
    let row = NewsProvider { provider_code: Some("BRFG".into()), provider_name: Some("Briefing".into()) };
    Response::NewsProviders(NewsProviders { news_providers: vec![row] })
}

fn article(provider: &str, id: &str) -> ServiceAsk {
    ServiceAsk::Article(ArticleRequest { provider: provider.into(), article_id: id.into(), timeout_ms: None })
}

fn bulletin(number: i32, kind: i32) -> Response {
    Response::NewsBulletin(NewsBulletin {
        news_msg_id: Some(number),
        news_msg_type: Some(kind),
        news_message: Some("NYSE is closed".into()),
        originating_exch: Some("NYSE".into()),
    })
}

#[test]
fn one_question_for_the_providers_serves_all_who_ask() {
    let mut rig = Rig::ready();
    let ask = || ServiceAsk::NewsProviders(ProvidersRequest::default());
    let (first, second) = (rig.ask_service(ask()), rig.ask_service(ask()));
    assert!(matches!(rig.one_sent(), Request::NewsProvidersRequest(_)));
    rig.receive_data(providers());
    let third = rig.ask_service(ask());
    for token in [first, second, third] {
        let ServiceAnswer::Providers(answer) = rig.answered(token) else { panic!("other answer") };
        assert_eq!(answer.providers[0].code, "BRFG");
    }
    assert!(rig.sent(LinkName::Data).is_empty(), "the third is answered from what is known");
}

#[test]
fn an_article_is_told_with_its_name_and_an_error_with_ibs_code() {
    let mut rig = Rig::ready();
    let token = rig.ask_service(article("BRFG", "BRFG$1"));
    let Request::NewsArticleRequest(sent) = rig.one_sent() else { panic!("other request") };
    rig.receive_data(Response::NewsArticle(NewsArticle {
        req_id: sent.req_id,
        article_type: Some(1),
        article_text: Some("JVBERi0=".into()),
    }));
    let ServiceAnswer::Article(answer) = rig.answered(token) else { panic!("other answer") };
    assert_eq!((answer.article_id.as_str(), answer.format), ("BRFG$1", ArticleFormat::PdfBase64));

    let token = rig.ask_service(article("BRFG", "none"));
    let Request::NewsArticleRequest(sent) = rig.one_sent() else { panic!("other request") };
    rig.notice(LinkName::Data, sent.req_id.expect("an id"), 10_172, "Failed to request news article");
    assert_eq!(rig.refused_with(token).0, ErrorCode::InvalidRequest);
    let token = rig.ask_service(article("BR\nFG", "x"));
    assert_eq!(rig.refused_with(token).0, ErrorCode::InvalidRequest);
}

#[test]
fn a_question_without_answer_ends_in_time_and_one_cut_off_is_refused_at_once() {
    let mut rig = Rig::ready();
    rig.is_alive = true;
    let token = rig.ask_service(article("BRFG", "a"));
    rig.wait_ms(60_000);
    assert_eq!(rig.refused_with(token).0, ErrorCode::Timeout);
    let token = rig.ask_service(article("BRFG", "b"));
    rig.cut(LinkName::Data);
    assert_eq!(rig.refused_with(token).0, ErrorCode::NotReady);
    let token = rig.ask_service(article("BRFG", "c"));
    assert_eq!(rig.refused_with(token).0, ErrorCode::NotReady, "nothing waits for the next link");
}

#[test]
fn bulletins_are_asked_for_at_each_login_and_told_once() {
    let mut rig = Rig::with(crate::config::Config::default());
    rig.shows_bulletins = true;
    rig.log_in(LinkName::Data);
    rig.log_in(LinkName::Trading);
    let asked = |rig: &mut Rig| {
        let sent = rig.sent(LinkName::Data);
        sent.iter().filter(|request| matches!(request, Request::NewsBulletinsRequest(_))).count()
    };
    assert_eq!(asked(&mut rig), 1);
    rig.receive_data(bulletin(7, 2));
    rig.cut(LinkName::Data);
    rig.reconnect(LinkName::Data);
    assert_eq!(asked(&mut rig), 1);
    rig.notice_all(1100, "Connectivity between IB and Trader Workstation has been lost.");
    rig.notice_all(1102, "Connectivity restored - data maintained.");
    assert_eq!(asked(&mut rig), 0);
    rig.notice_all(1101, "Connectivity restored - data lost.");
    assert_eq!(asked(&mut rig), 1, "subscriptions are gone");
    rig.receive_data(bulletin(7, 2));
    rig.receive_data(bulletin(8, 3));
    let news: Vec<_> = rig
        .events()
        .into_iter()
        .filter_map(|event| match event {
            Event::News(news) => Some((news.article_id, news.bulletin)),
            _ => None,
        })
        .collect();
    let expected = [("7", BulletinKind::ExchangeUnavailable), ("8", BulletinKind::ExchangeAvailable)];
    assert_eq!(news, expected.map(|(id, kind)| (id.to_owned(), Some(kind))));
    let token = rig.ask_service(ServiceAsk::Bulletins(BulletinsRequest {}));
    let ServiceAnswer::Bulletins(answer) = rig.answered(token) else { panic!("other answer") };
    assert_eq!(answer.bulletins.len(), 2);
}
