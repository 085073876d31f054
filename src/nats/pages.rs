//! Long answers in numbered pages on the reply inbox, sent as their parts arrive.

use async_nats::{Client, service::Request};
use serde::Serialize;
use tracing::debug;

use super::{encoding::Encoding, reply};
use crate::{
    schema::{
        ApiError,
        bar::Bar,
        error::Reply,
        request::{
            chain::{ChainManifest, ChainPage, ChainParameters, ChainProgress, ChainRow},
            history::{BarsPage, BatchManifest, BatchPage, Manifest, PastTick, Progress, TicksPage},
        },
    },
    session::{Answer, Outcome, Part, Rows},
};

/// Largest page, in bytes of rows.
const PAGE_BYTES_MAX: usize = 256 * 1024;

/// Which kind of pages an answer has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Bars,
    Batch,
    Ticks,
    Chain,
}

/// The summary on the last page.
#[derive(Debug, Default)]
enum Summary {
    #[default]
    None,
    One(Box<Manifest>),
    Batch(BatchManifest),
    Chain(Box<(Option<Vec<ChainParameters>>, ChainManifest)>),
}

/// One answer on its way out. The newest page is held back until the next one or the end of the
/// answer is there, so that a short answer is one message; of a chain only the last expiry's.
pub(super) struct Pager<'a> {
    client: &'a Client,
    request: &'a Request,
    encoding: Encoding,
    numbering: Numbering,
}

impl<'a> Pager<'a> {
    pub(super) fn new(client: &'a Client, request: &'a Request, encoding: Encoding, kind: Kind) -> Self {
        Self { client, request, encoding, numbering: Numbering { kind, number: 0, held: None } }
    }

    /// Sends what is before this part, and the part itself if it tells the progress only.
    pub(super) async fn push(&mut self, part: Part) -> Result<(), ApiError> {
        for page in self.numbering.push(self.encoding, part)? {
            self.publish(&page).await?;
        }
        Ok(())
    }

    /// Sends the last page, or the error that ends the answer. Returns the error told, if any.
    pub(super) async fn finish(mut self, outcome: Outcome) -> Option<ApiError> {
        let error = match self.end(outcome).await {
            Ok(()) => return None,
            Err(error) => error,
        };
        if let Some(page) = self.numbering.release()
            && let Err(fault) = self.publish(&page).await
        {
            debug!(%fault, "page not sent");
        }
        reply::refuse(self.request, self.encoding, &error).await;
        Some(error)
    }

    async fn end(&mut self, outcome: Outcome) -> Result<(), ApiError> {
        let progress = Progress::default();
        let summary = match outcome? {
            Answer::Bars(bars) => {
                if !bars.rows.is_empty() {
                    self.push(Part { entry: None, rows: Rows::Bars(bars.rows), progress }).await?;
                }
                Summary::One(Box::new(bars.manifest))
            }
            Answer::Ticks(manifest) => Summary::One(manifest),
            Answer::Batch(manifest) => Summary::Batch(*manifest),
            Answer::Chain(chain) => Summary::Chain(Box::new((chain.parameters, chain.manifest))),
            _ => return Err(ApiError::invalid("the answer has no pages; this is a fault of the bridge")),
        };
        let page = self.numbering.last(summary);
        match page {
            Page::Bars(page) => reply::respond(self.client, self.request, self.encoding, &ok(page)).await,
            Page::Batch(page) => reply::respond(self.client, self.request, self.encoding, &ok(page)).await,
            Page::Ticks(page) => reply::respond(self.client, self.request, self.encoding, &ok(page)).await,
            Page::Chain(page) => reply::respond(self.client, self.request, self.encoding, &ok(page)).await,
        }
    }

    async fn publish(&self, page: &Page) -> Result<(), ApiError> {
        match page {
            Page::Bars(page) => publish(self.client, self.request, self.encoding, &ok(page)).await,
            Page::Batch(page) => publish(self.client, self.request, self.encoding, &ok(page)).await,
            Page::Ticks(page) => publish(self.client, self.request, self.encoding, &ok(page)).await,
            Page::Chain(page) => publish(self.client, self.request, self.encoding, &ok(page)).await,
        }
    }
}

/// Sends a page that is not the last one.
pub(super) async fn publish<T: Serialize>(
    client: &Client,
    request: &Request,
    encoding: Encoding,
    page: &Reply<T>,
) -> Result<(), ApiError> {
    let Some(inbox) = request.message.reply.clone() else { return Ok(()) };
    let body = encoding.bytes(page).map_err(|error| reply::unwritable(&error))?;
    // Each `respond` would count as one more request.
    let headers = reply::headers(request, encoding, None);
    let sent = if headers.is_empty() {
        client.publish(inbox, body).await
    } else {
        client.publish_with_headers(inbox, headers, body).await
    };
    if let Err(error) = sent {
        debug!(%error, "page not sent");
    }
    Ok(())
}

fn ok<T>(page: T) -> Reply<T> {
    Reply { ok: true, data: Some(page), error: None }
}

/// A page of one of the kinds.
#[derive(Debug, PartialEq)]
enum Page {
    Bars(BarsPage),
    Batch(BatchPage),
    Ticks(TicksPage),
    Chain(ChainPage),
}

/// Rows of one page that is not sent yet.
#[derive(Debug)]
struct Draft {
    entry: Option<u32>,
    rows: Rows,
    progress: Progress,
}

/// Cuts parts into pages and numbers them.
#[derive(Debug)]
struct Numbering {
    kind: Kind,
    number: u32,
    held: Option<Draft>,
}

impl Numbering {
    fn push(&mut self, encoding: Encoding, part: Part) -> Result<Vec<Page>, ApiError> {
        let mut pages: Vec<Page> = Vec::new();
        let Part { entry, rows, progress } = part;
        if rows.is_empty() {
            pages.extend(self.release());
            pages.push(self.page(Draft { entry, rows, progress }, false, Summary::None));
            return Ok(pages);
        }
        let pieces = match rows {
            Rows::Bars(rows) => cut(encoding, rows)?.into_iter().map(Rows::Bars).collect::<Vec<_>>(),
            Rows::Ticks(rows) => cut(encoding, rows)?.into_iter().map(Rows::Ticks).collect(),
            Rows::Chain(rows) => cut(encoding, rows)?.into_iter().map(Rows::Chain).collect(),
        };
        for rows in pieces {
            pages.extend(self.release());
            self.held = Some(Draft { entry, rows, progress });
        }
        // The next expiry may take seconds; the last one goes with the manifest.
        if self.kind == Kind::Chain && progress.total.is_some_and(|total| progress.done < total) {
            pages.extend(self.release());
        }
        Ok(pages)
    }

    /// The page held back.
    fn release(&mut self) -> Option<Page> {
        let draft = self.held.take()?;
        Some(self.page(draft, false, Summary::None))
    }

    /// The last page: the one held back, or an empty one.
    fn last(&mut self, summary: Summary) -> Page {
        let rows = match self.kind {
            Kind::Ticks => Rows::Ticks(Vec::new()),
            Kind::Chain => Rows::Chain(Vec::new()),
            Kind::Bars | Kind::Batch => Rows::Bars(Vec::new()),
        };
        let nothing = Draft { entry: None, rows, progress: Progress::default() };
        let draft = self.held.take().unwrap_or(nothing);
        self.page(draft, true, summary)
    }

    fn page(&mut self, draft: Draft, last: bool, summary: Summary) -> Page {
        let page = self.number;
        self.number += 1;
        let pages = self.number;
        let progress = (!last).then_some(draft.progress);
        let one = |summary| match summary {
            Summary::One(manifest) => Some(Manifest { pages, ..*manifest }),
            _ => None,
        };
        match self.kind {
            Kind::Bars => Page::Bars(BarsPage { page, last, rows: bars(draft.rows), progress, manifest: one(summary) }),
            Kind::Ticks => {
                Page::Ticks(TicksPage { page, last, rows: ticks(draft.rows), progress, manifest: one(summary) })
            }
            Kind::Chain => {
                let (parameters, manifest) = match summary {
                    Summary::Chain(end) => (end.0, Some(ChainManifest { pages, ..end.1 })),
                    _ => (None, None),
                };
                let progress = progress.map(|Progress { done, total, rows, .. }| ChainProgress {
                    done,
                    total: total.unwrap_or(done),
                    rows,
                });
                Page::Chain(ChainPage { page, last, rows: options(draft.rows), progress, parameters, manifest })
            }
            Kind::Batch => {
                let manifest = match summary {
                    Summary::Batch(manifest) => Some(BatchManifest { pages, ..manifest }),
                    _ => None,
                };
                Page::Batch(BatchPage { page, last, contract: draft.entry, rows: bars(draft.rows), progress, manifest })
            }
        }
    }
}

fn bars(rows: Rows) -> Vec<Bar> {
    match rows {
        Rows::Bars(rows) => rows,
        Rows::Ticks(_) | Rows::Chain(_) => Vec::new(),
    }
}

fn ticks(rows: Rows) -> Vec<PastTick> {
    match rows {
        Rows::Ticks(rows) => rows,
        Rows::Bars(_) | Rows::Chain(_) => Vec::new(),
    }
}

fn options(rows: Rows) -> Vec<ChainRow> {
    match rows {
        Rows::Chain(rows) => rows,
        Rows::Bars(_) | Rows::Ticks(_) => Vec::new(),
    }
}

/// Cuts rows into pieces that fit a page each; at least one.
pub(super) fn cut<T: Serialize>(encoding: Encoding, rows: Vec<T>) -> Result<Vec<Vec<T>>, ApiError> {
    let mut pieces = vec![Vec::new()];
    let mut piece_bytes = 0;
    for row in rows {
        let mut counter = Counter(1);
        encoding.write(&row, &mut counter).map_err(|error| reply::unwritable(&error))?;
        if piece_bytes > 0 && piece_bytes + counter.0 > PAGE_BYTES_MAX {
            pieces.push(Vec::new());
            piece_bytes = 0;
        }
        piece_bytes += counter.0;
        if let Some(piece) = pieces.last_mut() {
            piece.push(row);
        }
    }
    Ok(pieces)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn part(from: i64, count: i64) -> Part {
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
        Part { entry: None, rows: Rows::Bars((from..from + count).map(row).collect()), progress: Progress::default() }
    }

    fn manifest(rows: u64) -> Manifest {
        let instrument = crate::nats::fixtures::listing(0, "A").instrument;
        Manifest { instrument, pages: 0, rows, requests: 1, holes: Vec::new() }
    }

    fn numbering() -> Numbering {
        Numbering { kind: Kind::Bars, number: 0, held: None }
    }

    fn unwrap(page: Page) -> BarsPage {
        let Page::Bars(page) = page else { panic!("{page:?}") };
        page
    }

    #[test]
    fn pages_are_numbered_small_and_complete() {
        for encoding in [Encoding::Json, Encoding::MessagePack] {
            let mut numbering = numbering();
            let mut pages = Vec::new();
            for from in [0, 10_000, 10_100] {
                pages
                    .extend(numbering.push(encoding, part(from, if from == 0 { 10_000 } else { 100 })).expect("pages"));
            }
            pages.push(numbering.last(Summary::One(Box::new(manifest(10_200)))));
            let pages: Vec<BarsPage> = pages.into_iter().map(unwrap).collect();
            let rows: Vec<i64> = pages.iter().flat_map(|page| &page.rows).map(|row| row.start_us).collect();
            assert_eq!(rows, (0..10_200).collect::<Vec<_>>());
            for (number, page) in pages.iter().enumerate() {
                let is_last = number == pages.len() - 1;
                assert_eq!((page.page as usize, page.last, page.manifest.is_some()), (number, is_last, is_last));
                assert_eq!(page.progress.is_some(), !is_last);
                assert!(encoding.bytes(page).expect("encodes").len() < PAGE_BYTES_MAX + 1_024);
            }
            let manifest = pages.last().and_then(|page| page.manifest.as_ref()).expect("a manifest");
            assert_eq!((manifest.pages as usize, manifest.rows), (pages.len(), 10_200));
        }
    }

    #[test]
    fn a_short_answer_and_an_empty_one_are_one_page() {
        for count in [0, 5] {
            let mut numbering = numbering();
            if count > 0 {
                assert_eq!(numbering.push(Encoding::Json, part(0, count)).expect("pages"), []);
            }
            let page = unwrap(numbering.last(Summary::One(Box::new(manifest(5)))));
            assert!(page.last && page.page == 0 && page.manifest.is_some_and(|manifest| manifest.pages == 1));
        }
    }

    #[test]
    fn progress_without_rows_is_told_at_once_and_frees_the_page_before_it() {
        let mut numbering = numbering();
        assert_eq!(numbering.push(Encoding::Json, part(0, 5)).expect("pages"), []);
        let pages = numbering.push(Encoding::Json, part(0, 0)).expect("pages");
        let pages: Vec<(u32, usize)> = pages.into_iter().map(unwrap).map(|page| (page.page, page.rows.len())).collect();
        assert_eq!(pages, [(0, 5), (1, 0)]);
    }
}
