//! News: bulletins, headlines, articles and corporate events.

use super::message;

message! {
    /// Asks for IB's bulletins (request 12).
    NewsBulletinsRequest {
        1 all_messages: bool,
    }

    /// Ends the bulletins (request 13).
    CancelNewsBulletins {}

    /// One bulletin (answer 14).
    NewsBulletin {
        1 news_msg_id: int32,
        2 news_msg_type: int32,
        3 news_message: string,
        4 originating_exch: string,
    }

    /// Asks which news providers the login may use (request 85).
    NewsProvidersRequest {}

    /// The news providers the login may use (answer 85).
    NewsProviders {
        1 news_providers: [NewsProvider],
    }

    /// One news provider.
    NewsProvider {
        1 provider_code: string,
        2 provider_name: string,
    }

    /// Asks for the text of one article (request 84).
    NewsArticleRequest {
        1 req_id: int32,
        2 provider_code: string,
        3 article_id: string,
        4 news_article_options: {string},
    }

    /// One article: `article_type` 0 plain text or HTML, 1 a PDF in base64 (answer 83).
    NewsArticle {
        1 req_id: int32,
        2 article_type: int32,
        3 article_text: string,
    }

    /// Asks for past headlines about one instrument; `provider_codes` are joined with `+` (request 86).
    HistoricalNewsRequest {
        1 req_id: int32,
        2 con_id: int32,
        3 provider_codes: string,
        4 start_date_time: string,
        5 end_date_time: string,
        6 total_results: int32,
        7 historical_news_options: {string},
    }

    /// One past headline; [`HistoricalNewsEnd`] follows the last (answer 86).
    HistoricalNews {
        1 req_id: int32,
        2 time: string,
        3 provider_code: string,
        4 article_id: string,
        5 headline: string,
    }

    /// Ends the headlines of one request; `has_more` if there are further ones (answer 87).
    HistoricalNewsEnd {
        1 req_id: int32,
        2 has_more: bool,
    }

    /// One headline of a market data stream with generic tick 292; `timestamp` in epoch milliseconds (answer
    /// 84).
    TickNews {
        1 req_id: int32,
        2 timestamp: int64,
        3 provider_code: string,
        4 article_id: string,
        5 headline: string,
        6 extra_data: string,
    }

    /// Asks which Wall Street Horizon events and filters exist (request 100).
    WshMetaDataRequest {
        1 req_id: int32,
    }

    /// Ends a request for the kinds of events (request 101).
    CancelWshMetaData {
        1 req_id: int32,
    }

    /// The kinds of Wall Street Horizon events, as JSON text (answer 104).
    WshMetaData {
        1 req_id: int32,
        2 data_json: string,
    }

    /// Asks for Wall Street Horizon events about one instrument, or by a filter in JSON text (request 102).
    WshEventDataRequest {
        1 req_id: int32,
        2 con_id: int32,
        3 filter: string,
        4 fill_watchlist: bool,
        5 fill_portfolio: bool,
        6 fill_competitors: bool,
        7 start_date: string,
        8 end_date: string,
        9 total_limit: int32,
    }

    /// Ends a request for events (request 103).
    CancelWshEventData {
        1 req_id: int32,
    }

    /// Wall Street Horizon events, as JSON text (answer 105).
    WshEventData {
        1 req_id: int32,
        2 data_json: string,
    }
}
