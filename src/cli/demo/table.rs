//! The live table on the terminal.

use std::{
    collections::BTreeMap,
    io::{self, IsTerminal, Write},
};

use comfy_table::{CellAlignment, Table, presets::NOTHING};
use crossterm::{
    QueueableCommand, cursor,
    terminal::{self, Clear, ClearType},
};

use crate::schema::{
    Size,
    connection::{ConnectionEvent, IbLink},
    market::QuoteEvent,
};

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
        let mut text = self.render(seconds);
        let mut out = io::stdout().lock();
        if out.is_terminal() {
            // A wrapped line would count as one below and take two on the screen.
            let (columns, _) = terminal::size().unwrap_or((80, 24));
            text = cut(&text, columns.into());
        }
        if out.is_terminal() && self.lines_drawn > 0 {
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
            let decimals = [quote.bid, quote.ask, quote.last, quote.close].into_iter().flatten().map(decimals).max();
            let price = |value: Option<f64>| {
                value.map_or_else(|| "-".to_owned(), |price| format!("{price:.*}", decimals.unwrap_or(2).clamp(2, 6)))
            };
            let size = |value: &Option<Size>| value.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string);
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
                let mut phases = format!("trading {:?}, data {:?}", state.trading.phase, state.data.phase);
                // A gateway tells about its link to IB only when that changes.
                if state.ib_link != IbLink::Unknown {
                    phases = format!("{phases}, IB {:?}", state.ib_link);
                }
                let word = if state.ready { "ready" } else { "not ready" };
                format!("connection: {word} ({})", phases.to_lowercase())
            }
        }
    }
}

/// Digits after the point of the shortest text of this price.
fn decimals(price: f64) -> usize {
    price.to_string().split_once('.').map_or(0, |(_, digits)| digits.len())
}

/// Every line without what goes beyond this many columns.
fn cut(text: &str, columns: usize) -> String {
    text.lines().flat_map(|line| line.chars().take(columns).chain(['\n'])).collect()
}

fn data_word(quote: &QuoteEvent) -> String {
    if quote.stale { "stale".to_owned() } else { format!("{:?}", quote.data_kind).to_lowercase() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A board with one of each kind of name and price.
    fn board() -> Board {
        let quote = |bid: f64, size: &str| QuoteEvent {
            bid: Some(bid),
            ask: Some(bid),
            last: Some(bid),
            bid_size: size.parse().ok(),
            ask_size: size.parse().ok(),
            ..QuoteEvent::default()
        };
        let rows = [
            ("CASH EUR.USD", quote(1.05985, "5500000")),
            ("FUT ESZ6", quote(6486.25, "11")),
            ("OPT AAPL  261204C00200000", quote(3.9, "8")),
        ];
        let quotes = rows.into_iter().map(|(name, quote)| (name.to_owned(), quote)).collect();
        Board { quotes, ..Board::default() }
    }

    #[test]
    fn the_table_fits_into_eighty_columns() {
        let text = board().render(7);
        let widest = text.lines().map(|line| line.chars().count()).max();
        assert!(widest.is_some_and(|widest| widest <= 80), "{widest:?}\n{text}");
    }

    #[test]
    fn prices_of_a_row_have_the_same_decimals() {
        let text = board().render(7);
        for price in ["1.05985", "6486.25", "3.90"] {
            assert!(text.contains(price), "{price}\n{text}");
        }
    }

    #[test]
    fn a_line_longer_than_the_terminal_is_cut() {
        assert_eq!(cut("═══\n12\n", 2), "══\n12\n");
    }
}
