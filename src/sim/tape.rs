//! A price file replayed instead of seeded prices: rows of `time_ms,symbol,bid,ask,last,size`.

use std::collections::BTreeMap;
use std::ops::Range;

use thiserror::Error;

use super::instrument::{Instrument, Tick};
use super::price::{Bar, Quote, Side};

/// Times below this are counted from the start of the simulation; others are epoch milliseconds.
const RELATIVE_BELOW_MS: i64 = 100_000_000_000;

/// A line of a price file that cannot be read.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("line {line}: expected time_ms,symbol,bid,ask,last,size with positive prices, found {text:?}")]
pub struct PriceFileError {
    line: usize,
    text: String,
}

/// One row of a file, prices in the instrument's currency.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Row {
    at_ms: i64,
    bid: f64,
    ask: f64,
    last: f64,
    size: i64,
}

/// The rows of a file by symbol, each in order of time.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct PriceFile(BTreeMap<String, Vec<Row>>);

impl PriceFile {
    /// Reads a file. Empty lines, lines that start with `#` and a heading are skipped.
    ///
    /// # Errors
    ///
    /// The first line that cannot be read.
    pub(super) fn parse(text: &str, start_ms: i64) -> Result<Self, PriceFileError> {
        let mut symbols: BTreeMap<String, Vec<Row>> = BTreeMap::new();
        for (position, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') || line.starts_with("time_ms") {
                continue;
            }
            let (symbol, row) = row(line, start_ms)
                .ok_or_else(|| PriceFileError { line: position + 1, text: line.chars().take(80).collect() })?;
            symbols.entry(symbol).or_default().push(row);
        }
        for rows in symbols.values_mut() {
            rows.sort_by_key(|row| row.at_ms);
        }
        Ok(Self(symbols))
    }

    /// The symbols with their rows.
    pub(super) fn tapes(self) -> impl Iterator<Item = (String, Tape)> {
        self.0.into_iter().map(|(symbol, rows)| (symbol, Tape { rows }))
    }
}

fn row(line: &str, start_ms: i64) -> Option<(String, Row)> {
    let mut fields = line.split(',').map(str::trim);
    let mut next = || fields.next();
    let time: i64 = next()?.parse().ok()?;
    let symbol = next().filter(|symbol| !symbol.is_empty())?.to_owned();
    let mut price = || next()?.parse::<f64>().ok().filter(|price| *price > 0.0 && *price < 1e9);
    let (bid, ask, last) = (price()?, price()?, price()?);
    let size = next()?.parse::<i64>().ok().filter(|size| *size >= 0)?;
    let at_ms = if time < RELATIVE_BELOW_MS { start_ms.checked_add(time)? } else { time };
    (bid <= ask && fields.next().is_none()).then_some((symbol, Row { at_ms, bid, ask, last, size }))
}

/// The prices of one instrument as rows in time. The first row also stands for all time before it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tape {
    rows: Vec<Row>,
}

impl Tape {
    /// The quote before `end_ms`.
    pub(super) fn quote(&self, instrument: &Instrument, end_ms: i64) -> Quote {
        let row = self.at(end_ms);
        let bid = nearest(instrument.tick, row.bid);
        Quote {
            bid,
            ask: nearest(instrument.tick, row.ask).max(bid),
            bid_size: row.size.max(1),
            ask_size: row.size.max(1),
        }
    }

    /// One price before `end_ms`, in units of its side.
    pub(super) fn price(&self, instrument: &Instrument, side: Side, end_ms: i64) -> i64 {
        reading(instrument, side, self.at(end_ms))
    }

    /// Quantity traded in a stretch of time.
    pub(super) fn volume(&self, span: &Range<i64>) -> i64 {
        self.within(span).iter().map(|row| row.size).sum()
    }

    /// The bar over a stretch of time; it opens at the price the stretch began with.
    pub(super) fn bar(&self, instrument: &Instrument, side: Side, span: &Range<i64>) -> Bar {
        let open = reading(instrument, side, self.at(span.start + 1));
        let rows = self.within(span);
        let values: Vec<i64> = rows.iter().map(|row| reading(instrument, side, *row)).collect();
        let (high, low) = values.iter().fold((open, open), |(high, low), value| (high.max(*value), low.min(*value)));
        let (volume, count) = if side == Side::Trades { (self.volume(span), values.len()) } else { (0, 0) };
        #[expect(clippy::cast_precision_loss, reason = "an average needs no more digits")]
        let worth: f64 = values.iter().zip(rows).map(|(value, row)| *value as f64 * row.size as f64).sum();
        #[expect(clippy::cast_precision_loss, reason = "an average needs no more digits")]
        let average = if volume > 0 { worth / volume as f64 } else { 0.0 };
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        Bar { open, high, low, close: values.last().copied().unwrap_or(open), volume, average, count }
    }

    fn at(&self, end_ms: i64) -> Row {
        let position = self.rows.partition_point(|row| row.at_ms < end_ms);
        let row = self.rows.get(position.saturating_sub(1));
        row.copied().unwrap_or(Row { at_ms: 0, bid: 1.0, ask: 1.0, last: 1.0, size: 0 })
    }

    fn within(&self, span: &Range<i64>) -> &[Row] {
        let start = self.rows.partition_point(|row| row.at_ms < span.start);
        let end = self.rows.partition_point(|row| row.at_ms < span.end);
        self.rows.get(start..end).unwrap_or_default()
    }
}

fn reading(instrument: &Instrument, side: Side, row: Row) -> i64 {
    let steps = |price| nearest(instrument.tick, price);
    match side {
        Side::Trades => steps(row.last),
        Side::Bid => steps(row.bid),
        Side::Ask => steps(row.ask),
        Side::Midpoint => steps(row.bid) + steps(row.ask),
    }
}

fn nearest(tick: Tick, price: f64) -> i64 {
    tick.steps(price + tick.size() / 2.0)
}

#[cfg(test)]
mod tests {
    use super::super::price::Prices;
    use super::super::universe::Universe;
    use super::*;

    const START_MS: i64 = 1_795_273_200_000;
    const FILE: &str = "time_ms,symbol,bid,ask,last,size\n0,AAPL,99.99,100.01,100,5\n1000,AAPL,101,101.02,101.01,7\n";

    #[test]
    fn a_replayed_instrument_shows_the_rows_of_its_file() {
        let universe = Universe::default();
        let apple = universe.by_con_id(265_598).expect("a stock");
        let mut prices = Prices::new(1, 250, universe.walks());
        for (symbol, tape) in PriceFile::parse(FILE, START_MS).expect("a good file").tapes() {
            assert_eq!(symbol, "AAPL");
            prices.replay(apple.con_id(), tape);
        }
        let slot = prices.slot(START_MS);
        assert_eq!(prices.quote(&apple, slot).bid, 9_999);
        assert_eq!(prices.trade(&apple, slot + 3).price, 10_000);
        assert_eq!(prices.trade(&apple, slot + 4).price, 10_101);
        let bar = prices.bar(&apple, Side::Trades, slot..slot + 8).expect("a bar");
        assert_eq!((bar.open, bar.high, bar.low, bar.close, bar.volume), (10_000, 10_101, 10_000, 10_101, 12));
    }

    #[test]
    fn a_bad_line_is_named() {
        let error = PriceFile::parse("0,AAPL,1,2,1,5\n0,AAPL,2,1,1,5\n", 0).expect_err("a bid above the ask");
        assert!(error.to_string().starts_with("line 2:"), "{error}");
    }
}
