//! Replies: the envelope, the error headers, and pages for answers that are too long for one message.

use std::str::FromStr as _;

use async_nats::{Client, HeaderMap, HeaderValue, service::Request};
use bytes::Bytes;
use serde::Serialize;
use tracing::{debug, error};

use super::encoding::{EncodeError, Encoding, one_line};
use crate::{
    schema::{
        ApiError, ErrorCode,
        error::Reply,
        request::{
            history::BarsPage,
            news::{Headline, HeadlinesManifest, HeadlinesPage},
        },
    },
    session::{Answer, Bars, Outcome, services::ServiceAnswer},
};

/// Largest page, in bytes of rows.
const PAGE_BYTES_MAX: usize = 256 * 1024;
/// Largest answer in pages: a server cuts a reader off that has about 64 MiB to read.
const PAGES_MAX: usize = 128;
/// Room for headers and subject below the server's largest message.
const RESERVE_BYTES: usize = 4 * 1024;

/// Answers `request`. Returns the error the caller was told, if any.
pub(super) async fn send(client: &Client, request: &Request, encoding: Encoding, outcome: Outcome) -> Option<ApiError> {
    let told = match outcome {
        Ok(Answer::Bars(bars)) => match pages(encoding, *bars) {
            Ok(pages) => send_pages(client, request, encoding, pages).await,
            Err(error) => Err(error),
        },
        Ok(Answer::Service(answer)) => match *answer {
            ServiceAnswer::Headlines { rows, manifest } => match headlines_pages(encoding, rows, manifest) {
                Ok(pages) => send_pages(client, request, encoding, pages).await,
                Err(error) => Err(error),
            },
            answer => respond(client, request, encoding, &Reply::from(Ok(answer))).await,
        },
        Ok(answer) => respond(client, request, encoding, &Reply::from(Ok(answer))).await,
        Err(error) => Err(error),
    };
    let error = told.err()?;
    let reply: Reply<()> = Err(error.clone()).into();
    match encoding.bytes(&reply) {
        Ok(body) => finish(request, body, headers(request, encoding, Some(&error))).await,
        Err(fault) => error!(%fault, "error reply not sent"),
    }
    Some(error)
}

async fn respond<T: Serialize>(
    client: &Client,
    request: &Request,
    encoding: Encoding,
    reply: &Reply<T>,
) -> Result<(), ApiError> {
    let body = encoding.bytes(reply).map_err(|error| unwritable(&error))?;
    let bytes_max = client.max_payload().saturating_sub(RESERVE_BYTES);
    if body.len() > bytes_max {
        let text = format!("the answer has {} bytes, the server takes {bytes_max}; ask for less", body.len());
        return Err(ApiError::new(ErrorCode::TooLarge, text));
    }
    finish(request, body, headers(request, encoding, None)).await;
    Ok(())
}

async fn finish(request: &Request, body: Bytes, headers: HeaderMap) {
    if let Err(error) = request.respond_with_headers(Ok(body), headers).await {
        debug!(%error, "reply not sent");
    }
}

fn unwritable(error: &EncodeError) -> ApiError {
    error!(%error, "reply not sent");
    ApiError::new(ErrorCode::Unsupported, "the answer cannot be written; this is a fault of the bridge")
}

/// Sends all pages in order; the last one ends the request.
async fn send_pages<P: Serialize>(
    client: &Client,
    request: &Request,
    encoding: Encoding,
    pages: Vec<P>,
) -> Result<(), ApiError> {
    let Some(inbox) = request.message.reply.clone() else { return Ok(()) };
    let count = pages.len();
    for (number, page) in pages.into_iter().enumerate() {
        let reply = Reply::from(Ok(page));
        if number + 1 == count {
            return respond(client, request, encoding, &reply).await;
        }
        // Each `respond` would count as one more request.
        let body = encoding.bytes(&reply).map_err(|error| unwritable(&error))?;
        let headers = headers(request, encoding, None);
        let sent = if headers.is_empty() {
            client.publish(inbox.clone(), body).await
        } else {
            client.publish_with_headers(inbox.clone(), headers, body).await
        };
        if let Err(error) = sent {
            debug!(%error, "page not sent");
        }
    }
    Ok(())
}

/// Cuts rows into pages: at least one, none too large for a message.
fn cut<R: Serialize>(encoding: Encoding, rows: Vec<R>) -> Result<Vec<Vec<R>>, ApiError> {
    let mut pages = vec![Vec::new()];
    let mut page_bytes = 0;
    for row in rows {
        let mut counter = Counter(1);
        encoding.write(&row, &mut counter).map_err(|error| unwritable(&error))?;
        if page_bytes > 0 && page_bytes + counter.0 > PAGE_BYTES_MAX {
            if pages.len() == PAGES_MAX {
                let text =
                    format!("the answer is longer than {PAGES_MAX} pages; ask for a shorter range or fewer rows");
                return Err(ApiError::new(ErrorCode::TooLarge, text));
            }
            pages.push(Vec::new());
            page_bytes = 0;
        }
        page_bytes += counter.0;
        if let Some(page) = pages.last_mut() {
            page.push(row);
        }
    }
    Ok(pages)
}

fn count(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

/// Cuts an answer into pages; the last one carries the manifest.
fn pages(encoding: Encoding, bars: Bars) -> Result<Vec<BarsPage>, ApiError> {
    let Bars { rows, mut manifest } = bars;
    let pages = cut(encoding, rows)?;
    manifest.pages = count(pages.len());
    let page = |(page, rows)| BarsPage { page, last: false, rows, manifest: None };
    let mut pages: Vec<BarsPage> = (0..).zip(pages).map(page).collect();
    if let Some(page) = pages.last_mut() {
        page.last = true;
        page.manifest = Some(manifest);
    }
    Ok(pages)
}

fn headlines_pages(
    encoding: Encoding,
    rows: Vec<Headline>,
    mut manifest: HeadlinesManifest,
) -> Result<Vec<HeadlinesPage>, ApiError> {
    let pages = cut(encoding, rows)?;
    manifest.pages = count(pages.len());
    let page = |(page, rows)| HeadlinesPage { page, last: false, rows, manifest: None };
    let mut pages: Vec<HeadlinesPage> = (0..).zip(pages).map(page).collect();
    if let Some(page) = pages.last_mut() {
        page.last = true;
        page.manifest = Some(manifest);
    }
    Ok(pages)
}

/// Counts bytes instead of keeping them.
struct Counter(usize);

impl std::io::Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// None for a plain JSON answer: headers cost more than they tell.
fn headers(request: &Request, encoding: Encoding, error: Option<&ApiError>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let asked = request.message.headers.as_ref();
    if encoding == Encoding::MessagePack || asked.is_some_and(|asked| asked.get("Content-Type").is_some()) {
        headers.insert("Content-Type", encoding.content_type());
    }
    if let Some(trace) = asked.and_then(|asked| asked.get("traceparent")) {
        headers.insert("traceparent", trace.clone());
    }
    if let Some(error) = error {
        // Line breaks in a header value would panic the client library.
        let text = HeaderValue::from_str(&one_line(&error.to_string())).unwrap_or_default();
        headers.insert("Nats-Service-Error", text);
        headers.insert("Nats-Service-Error-Code", HeaderValue::from(i32::from(error.code.status())));
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{bar::Bar, request::history::Manifest};

    fn bars(count: i64) -> Bars {
        let row = |start_us| Bar {
            start_us,
            date: None,
            open: 1.25,
            high: 2.5,
            low: 1.0,
            close: 2.0,
            volume: "1000".parse().ok(),
            wap: None,
            count: Some(7),
        };
        let instrument = crate::nats::fixtures::listing(0, "A").instrument;
        let manifest = Manifest { instrument, pages: 0, rows: count.unsigned_abs(), requests: 1, holes: Vec::new() };
        Bars { rows: (0..count).map(row).collect(), manifest }
    }

    #[test]
    fn pages_are_numbered_small_and_complete() {
        for encoding in [Encoding::Json, Encoding::MessagePack] {
            let pages = pages(encoding, bars(10_000)).expect("pages");
            assert!(pages.len() > 1);
            let rows: Vec<i64> = pages.iter().flat_map(|page| &page.rows).map(|row| row.start_us).collect();
            assert_eq!(rows, (0..10_000).collect::<Vec<_>>());
            for (number, page) in pages.iter().enumerate() {
                let is_last = number == pages.len() - 1;
                assert_eq!((page.page as usize, page.last, page.manifest.is_some()), (number, is_last, is_last));
                assert!(encoding.bytes(page).expect("encodes").len() < PAGE_BYTES_MAX + 1_024);
            }
            let manifest = pages.last().and_then(|page| page.manifest.as_ref()).expect("a manifest");
            assert_eq!((manifest.pages as usize, manifest.rows), (pages.len(), 10_000));
        }
    }

    #[test]
    fn an_empty_answer_is_one_page() {
        let pages = pages(Encoding::Json, bars(0)).expect("pages");
        assert_eq!((pages.len(), pages[0].last), (1, true));
    }

    #[test]
    fn an_answer_without_end_is_refused() {
        let error = pages(Encoding::Json, bars(400_000)).expect_err("too long");
        assert_eq!(error.code, ErrorCode::TooLarge);
    }
}
