//! The whole order book of one instrument, kept from its changes.

use crate::schema::market::{Book, BookRow, BookSide, DepthAction, DepthEvent};

/// Rows kept of a side; far above what a gateway sends.
const ROWS_MAX: usize = 500;

/// The book so far.
#[derive(Debug, Default)]
pub(super) struct Rows {
    bids: Vec<BookRow>,
    asks: Vec<BookRow>,
    recv_us: i64,
    /// Counts changes, resets included; never goes back.
    pub(super) change: u64,
}

impl Rows {
    /// Takes a change in, and numbers it.
    pub(super) fn apply(&mut self, event: &mut DepthEvent) {
        self.change += 1;
        event.change = self.change;
        self.recv_us = event.recv_us;
        let side = match event.side {
            Some(BookSide::Bid) => &mut self.bids,
            Some(BookSide::Ask) => &mut self.asks,
            None => {
                self.bids.clear();
                self.asks.clear();
                return;
            }
        };
        let Ok(position) = usize::try_from(event.position.unwrap_or_default()) else { return };
        let row = BookRow { price: event.price, size: event.size.clone(), market_maker: event.market_maker.clone() };
        let len = side.len();
        match (event.action, side.get_mut(position)) {
            (DepthAction::Delete, Some(_)) => {
                side.remove(position);
            }
            (DepthAction::Update, Some(present)) => *present = row,
            // The gateway also updates a row that it has not inserted.
            (DepthAction::Insert | DepthAction::Update, _) if len < ROWS_MAX => side.insert(position.min(len), row),
            _ => {}
        }
    }

    /// The book as published; `None` while nothing is known.
    pub(super) fn book(&self, stale: bool) -> Option<Book> {
        let is_empty = self.bids.is_empty() && self.asks.is_empty();
        (!is_empty).then(|| Book {
            recv_us: self.recv_us,
            change: self.change,
            stale,
            bids: self.bids.clone(),
            asks: self.asks.clone(),
        })
    }
}
