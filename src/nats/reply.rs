//! Replies: the envelope and the error headers.

use std::str::FromStr as _;

use async_nats::{Client, HeaderMap, HeaderValue, service::Request};
use bytes::Bytes;
use serde::Serialize;
use tracing::{debug, error};

use super::{
    encoding::{EncodeError, Encoding, one_line},
    pages,
};
use crate::{
    schema::{
        ApiError, ErrorCode,
        error::Reply,
        request::news::{Headline, HeadlinesManifest, HeadlinesPage},
    },
    session::{Answer, Outcome, services::ServiceAnswer},
};

/// Largest answer in pages that is sent at one go: a server cuts a reader off that has about 64 MiB to read.
const PAGES_MAX: usize = 128;
/// Room for headers and subject below the server's largest message.
const RESERVE_BYTES: usize = 4 * 1024;

/// Answers `request`. Returns the error the caller was told, if any.
pub(super) async fn send(client: &Client, request: &Request, encoding: Encoding, outcome: Outcome) -> Option<ApiError> {
    let told = match outcome {
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
    refuse(request, encoding, &error).await;
    Some(error)
}

/// Tells an error, the end of the answer.
pub(super) async fn refuse(request: &Request, encoding: Encoding, error: &ApiError) {
    let reply: Reply<()> = Err(error.clone()).into();
    match encoding.bytes(&reply) {
        Ok(body) => finish(request, body, headers(request, encoding, Some(error))).await,
        Err(fault) => error!(%fault, "error reply not sent"),
    }
}

pub(super) async fn respond<T: Serialize>(
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

pub(super) fn unwritable(error: &EncodeError) -> ApiError {
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
    let count = pages.len();
    for (number, page) in pages.into_iter().enumerate() {
        let reply = Reply::from(Ok(page));
        if number + 1 == count {
            return respond(client, request, encoding, &reply).await;
        }
        pages::publish(client, request, encoding, &reply).await?;
    }
    Ok(())
}

/// # Errors
///
/// `too_large` if a server would cut the reader off.
fn bounded<R>(pages: Vec<Vec<R>>) -> Result<Vec<Vec<R>>, ApiError> {
    if pages.len() > PAGES_MAX {
        let text = format!("the answer is longer than {PAGES_MAX} pages; ask for fewer rows");
        return Err(ApiError::new(ErrorCode::TooLarge, text));
    }
    Ok(pages)
}

fn headlines_pages(
    encoding: Encoding,
    rows: Vec<Headline>,
    mut manifest: HeadlinesManifest,
) -> Result<Vec<HeadlinesPage>, ApiError> {
    let pages = bounded(pages::cut(encoding, rows)?)?;
    manifest.pages = u32::try_from(pages.len()).unwrap_or(u32::MAX);
    let page = |(page, rows)| HeadlinesPage { page, last: false, rows, manifest: None };
    let mut pages: Vec<HeadlinesPage> = (0..).zip(pages).map(page).collect();
    if let Some(page) = pages.last_mut() {
        page.last = true;
        page.manifest = Some(manifest);
    }
    Ok(pages)
}

/// None for a plain JSON answer: headers cost more than they tell.
pub(super) fn headers(request: &Request, encoding: Encoding, error: Option<&ApiError>) -> HeaderMap {
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
