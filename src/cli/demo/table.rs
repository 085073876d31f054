//! The live table on the terminal.

use std::{
    collections::BTreeMap,
    io::{self, IsTerminal, Write},
};

use comfy_table::{CellAlignment, Table, presets::NOTHING};
use crossterm::{
    QueueableCommand, cursor,
    terminal::{Clear, ClearType},
};

use crate::schema::{connection::ConnectionEvent, market::QuoteEvent};

/// What the table shows.
#[derive(Debug, Default)]
pub(super) struct Board {
    /// Last quote by instrument tokens, as in the subject.
    pub(super) quotes: BTreeMap<String, QuoteEvent>,
    /// Quotes received in all.
    pub(super) received: u64,
    /// Last connection event.
    pub(super) connection: Option<ConnectionEvent>,
    lines_drawn: u16,
}

impl Board {
    /// Draws the table over the one drawn before; one below the other if this is no terminal.
    pub(super) fn draw(&mut self, seconds: u64) -> io::Result<()> {
        let text = self.render(seconds);
        let mut out = io::stdout().lock();
        if io::stdout().is_terminal() && self.lines_drawn > 0 {
            out.queue(cursor::MoveUp(self.lines_drawn))?.queue(Clear(ClearType::FromCursorDown))?;
        }
        out.write_all(text.as_bytes())?;
        out.flush()?;
        self.lines_drawn = u16::try_from(text.lines().count()).unwrap_or(u16::MAX);
        Ok(())
    }

    fn render(&self, seconds: u64) -> String {
        let mut table = Table::new();
        table.load_style(NOTHING);
        table.set_header(["instrument", "bid size", "bid", "ask", "ask size", "last", "data"]);
        for (instrument, quote) in &self.quotes {
            let price = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |price| format!("{price}"));
            let size = |value: &Option<crate::schema::Size>| {
                value.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string)
            };
            table.add_row([
                instrument.clone(),
                size(&quote.bid_size),
                price(quote.bid),
                price(quote.ask),
                size(&quote.ask_size),
                price(quote.last),
                data_word(quote),
            ]);
        }
        // Narrow enough for a terminal of 80 columns: a wrapped line could not be drawn over.
        for column in table.column_iter_mut() {
            column.set_padding((0, 1));
        }
        for column in table.column_iter_mut().skip(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        format!("{}\n{table}\n{} quotes received in {seconds} s\n", self.connection_line(), self.received)
    }

    fn connection_line(&self) -> String {
        match &self.connection {
            None => "connection: no word from the bridge yet".to_owned(),
            Some(state) => {
                let phases =
                    format!("trading {:?}, data {:?}, IB {:?}", state.trading.phase, state.data.phase, state.ib_link);
                let word = if state.ready { "ready" } else { "not ready" };
                format!("connection: {word} ({})", phases.to_lowercase())
            }
        }
    }
}

fn data_word(quote: &QuoteEvent) -> String {
    if quote.stale { "stale".to_owned() } else { format!("{:?}", quote.data_kind).to_lowercase() }
}
