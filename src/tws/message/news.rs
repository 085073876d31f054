//! Messages of the `news` family.

use super::message;

message! {
    /// News bulletins request (request 12).
    NewsBulletinsRequest {
        1 all_messages: bool,
    }

    /// Cancel news bulletins (request 13).
    CancelNewsBulletins {}

    /// News bulletin (answer 14).
    NewsBulletin {
        1 news_msg_id: int32,
        2 news_msg_type: int32,
        3 news_message: string,
        4 originating_exch: string,
    }

    /// News providers request (request 85).
    NewsProvidersRequest {}

    /// News providers (answer 85).
    NewsProviders {
        1 news_providers: [NewsProvider],
    }

    /// News provider (part of other messages).
    NewsProvider {
        1 provider_code: string,
        2 provider_name: string,
    }

    /// News article request (request 84).
    NewsArticleRequest {
        1 req_id: int32,
        2 provider_code: string,
        3 article_id: string,
        4 news_article_options: {string},
    }

    /// News article (answer 83).
    NewsArticle {
        1 req_id: int32,
        2 article_type: int32,
        3 article_text: string,
    }

    /// Historical news request (request 86).
    HistoricalNewsRequest {
        1 req_id: int32,
        2 con_id: int32,
        3 provider_codes: string,
        4 start_date_time: string,
        5 end_date_time: string,
        6 total_results: int32,
        7 historical_news_options: {string},
    }

    /// Historical news (answer 86).
    HistoricalNews {
        1 req_id: int32,
        2 time: string,
        3 provider_code: string,
        4 article_id: string,
        5 headline: string,
    }

    /// Historical news end (answer 87).
    HistoricalNewsEnd {
        1 req_id: int32,
        2 has_more: bool,
    }

    /// Tick news (answer 84).
    TickNews {
        1 req_id: int32,
        2 timestamp: int64,
        3 provider_code: string,
        4 article_id: string,
        5 headline: string,
        6 extra_data: string,
    }

    /// Wsh meta data request (request 100).
    WshMetaDataRequest {
        1 req_id: int32,
    }

    /// Cancel wsh meta data (request 101).
    CancelWshMetaData {
        1 req_id: int32,
    }

    /// Wsh meta data (answer 104).
    WshMetaData {
        1 req_id: int32,
        2 data_json: string,
    }

    /// Wsh event data request (request 102).
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

    /// Cancel wsh event data (request 103).
    CancelWshEventData {
        1 req_id: int32,
    }

    /// Wsh event data (answer 105).
    WshEventData {
        1 req_id: int32,
        2 data_json: string,
    }
}
