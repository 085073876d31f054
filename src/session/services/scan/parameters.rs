//! `scan.parameters`: IB's document is asked for once a login, and given out part by part.

use super::{
    super::{Asked, ServiceAnswer, asked, not_ready},
    document::Document,
};
use crate::{
    config::ms,
    schema::{
        ApiError, ErrorCode,
        connection::LinkName,
        request::scan::{ParameterPart, Parameters, ParametersRequest},
    },
    session::{
        Command, Token,
        core::{Core, Errand, Owner},
        notice::Notice,
        pacing::Class,
    },
    tws::{
        Request,
        message::scanner::{ScannerParameters, ScannerParametersRequest},
    },
};

/// Rows on a page: a few hundred bytes each, far below what a server takes.
const PAGE_ROWS: usize = 500;
/// Bytes of the document on a page; written as JSON they may become six times as many.
const PAGE_BYTES: usize = 128 * 1024;

/// The document, and who waits for it.
#[derive(Debug, Default)]
pub(super) struct ParameterBook {
    known: Option<Known>,
    /// The id the question is known by here; its answer carries none.
    asked: Option<i32>,
    waiting: Vec<(Token, ParametersRequest)>,
}

#[derive(Debug)]
struct Known {
    xml: String,
    document: Result<Document, String>,
}

impl ParameterBook {
    pub(super) fn ask(&mut self, core: &mut Core, command: &Command, ask: &ParametersRequest) {
        if let Some(known) = &self.known {
            return core.reply(command.token, known.page(ask));
        }
        self.waiting.push((command.token, ask.clone()));
        if self.asked.is_some() {
            return;
        }
        let req_id = core.new_req_id();
        let request = Request::ScannerParametersRequest(ScannerParametersRequest {});
        let errand = Errand::new(LinkName::Data, Class::Interactive, request).id(req_id);
        match core.submit(Owner::Services, errand.answer_within(ms(core.config.timing.request_ms))) {
            Ok(()) => self.asked = Some(req_id),
            Err(error) => self.refuse_all(core, &error),
        }
    }

    pub(super) fn on_answer(&mut self, core: &mut Core, message: ScannerParameters) -> Asked {
        let Some(req_id) = self.asked.take() else { return asked(false, None) };
        core.done(req_id);
        let xml = message.xml.unwrap_or_default();
        let known = Known { document: Document::read(&xml), xml };
        for (token, ask) in std::mem::take(&mut self.waiting) {
            core.reply(token, known.page(&ask));
        }
        self.known = Some(known);
        Ok(())
    }

    pub(super) fn on_notice(&mut self, core: &mut Core, req_id: i32, notice: &Notice) -> bool {
        self.asked == Some(req_id) && self.end(core, &notice.to_error())
    }

    pub(super) fn on_timeout(&mut self, core: &mut Core, req_id: i32) -> bool {
        let error = ApiError::new(ErrorCode::Timeout, "the gateway did not send the scanner parameters; ask again");
        self.asked == Some(req_id) && self.end(core, &error)
    }

    /// The next login may bring another document.
    pub(super) fn on_link_down(&mut self, core: &mut Core) {
        self.known = None;
        self.end(core, &not_ready("the data link to the gateway was lost before the answer came"));
    }

    fn end(&mut self, core: &mut Core, error: &ApiError) -> bool {
        if let Some(req_id) = self.asked.take() {
            core.done(req_id);
        }
        self.refuse_all(core, error);
        true
    }

    fn refuse_all(&mut self, core: &mut Core, error: &ApiError) {
        for (token, _) in std::mem::take(&mut self.waiting) {
            core.refuse(token, error.clone());
        }
    }
}

impl Known {
    fn page(&self, ask: &ParametersRequest) -> crate::session::Outcome {
        if ask.part == ParameterPart::Raw {
            let pieces = pieces(&self.xml);
            let (raw, page, pages) = piece(&pieces, ask.page)?;
            let raw = Some(raw.to_owned());
            return Ok(ServiceAnswer::Parameters(Parameters { page, pages, raw, ..Parameters::default() }).into());
        }
        let document = self.document.as_ref().map_err(|reason| {
            let text =
                format!("the gateway's document of scanner parameters cannot be read: {reason}; ask for part raw");
            ApiError::new(ErrorCode::Unsupported, text)
        })?;
        let goes_with =
            |instruments: &[String]| ask.instrument.as_ref().is_none_or(|wanted| instruments.contains(wanted));
        let mut answer = Parameters::default();
        match ask.part {
            ParameterPart::Instruments | ParameterPart::Raw => {
                let fits = |row: &&_| {
                    let row: &crate::schema::request::scan::ScanInstrument = row;
                    ask.instrument.as_ref().is_none_or(|wanted| row.code == *wanted)
                };
                answer.instruments = Some(rows(&mut answer, ask.page, document.instruments.iter().filter(fits))?);
            }
            ParameterPart::Locations => {
                let fitting = document.locations.iter().filter(|row| goes_with(&row.instruments));
                answer.locations = Some(rows(&mut answer, ask.page, fitting)?);
            }
            ParameterPart::ScanCodes => {
                let fitting = document.scan_codes.iter().filter(|row| goes_with(&row.instruments));
                answer.scan_codes = Some(rows(&mut answer, ask.page, fitting)?);
            }
            ParameterPart::Filters => {
                let own = document.instruments.iter().find(|row| Some(&row.code) == ask.instrument.as_ref());
                let fitting = document.filters.iter().filter(|row| own.is_none_or(|own| own.filters.contains(&row.id)));
                answer.filters = Some(rows(&mut answer, ask.page, fitting)?);
            }
        }
        Ok(ServiceAnswer::Parameters(answer).into())
    }
}

/// The rows of one page.
fn rows<'a, T: Clone + 'a>(
    answer: &mut Parameters,
    page: u32,
    rows: impl Iterator<Item = &'a T>,
) -> Result<Vec<T>, ApiError> {
    let rows: Vec<&T> = rows.collect();
    let pages: Vec<&[&T]> = if rows.is_empty() { vec![&[]] } else { rows.chunks(PAGE_ROWS).collect() };
    let (rows, page, pages) = piece(&pages, page)?;
    (answer.page, answer.pages) = (page, pages);
    Ok(rows.iter().map(|row| (*row).clone()).collect())
}

fn piece<T: Copy>(pieces: &[T], page: u32) -> Result<(T, u32, u32), ApiError> {
    let pages = u32::try_from(pieces.len()).unwrap_or(u32::MAX);
    let piece = usize::try_from(page).ok().and_then(|page| pieces.get(page));
    let piece = piece.ok_or_else(|| ApiError::invalid(format!("page is 0 to {}", pages.saturating_sub(1))))?;
    Ok((*piece, page, pages))
}

/// A text cut into pieces that end between two characters.
fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    loop {
        let mut end = PAGE_BYTES.min(rest.len());
        while !rest.is_char_boundary(end) {
            end -= 1;
        }
        let (piece, left) = rest.split_at(end);
        pieces.push(piece);
        if left.is_empty() {
            return pieces;
        }
        rest = left;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pieces_of_a_text_are_the_text() {
        for text in [String::new(), "<a/>".to_owned(), "ä€𝄞".repeat(100_000)] {
            let pieces = pieces(&text);
            assert_eq!(pieces.concat(), text);
            assert!(!pieces.is_empty() && pieces.iter().all(|piece| piece.len() <= PAGE_BYTES));
        }
    }
}
