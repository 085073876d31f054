//! Generic ticks: market data that comes only when asked for by number.

use super::instrument::{Instrument, Shape};
use super::level1::Level1;
use super::price::Prices;
use super::ticks::Ticks;
use super::universe::Refusal;

/// Numbers a request may name, in IB's order of documentation.
const LEGAL: &[u32] = &[
    100, 101, 104, 105, 106, 162, 165, 221, 225, 232, 233, 236, 258, 292, 293, 294, 295, 318, 375, 411, 456, 460, 577,
    586, 588, 595, 614, 619, 623,
];

/// A set of generic tick numbers, as bits over [`LEGAL`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct GenericTicks(u32);

impl GenericTicks {
    /// Reads a comma-separated list such as `100,233`. News sources (`292:BRFG`) and `mdoff` are accepted.
    pub(super) fn parse(list: &str, sec_type: &str) -> Result<Self, Refusal> {
        let mut bits = 0;
        for entry in list.split(',').map(str::trim).filter(|entry| !entry.is_empty() && *entry != "mdoff") {
            let number = entry.split_once(':').map_or(entry, |(number, _)| number);
            let position = number.parse().ok().and_then(|number: u32| LEGAL.iter().position(|legal| *legal == number));
            let Some(position) = position else {
                let legal: Vec<String> = LEGAL.iter().map(ToString::to_string).collect();
                return Err(Refusal::invalid(&format!(
                    "Incorrect generic tick list of {list}. Legal ones for ({sec_type}) are: {}",
                    legal.join(",")
                )));
            };
            bits |= 1 << position;
        }
        Ok(Self(bits))
    }

    fn has(self, number: u32) -> bool {
        LEGAL.iter().position(|legal| *legal == number).is_some_and(|position| self.0 & (1 << position) != 0)
    }
}

/// The ticks a new subscription gets once.
pub(super) fn first(ticks: &mut Ticks<'_>, asked: GenericTicks, level: &Level1, prices: &Prices) {
    if asked == GenericTicks::default() {
        return;
    }
    let instrument = ticks.instrument;
    let volume = instrument.daily_volume;
    if asked.has(165) {
        ranges(ticks, level, prices);
        ticks.size(21, volume);
    }
    if has_options(instrument) {
        if asked.has(100) {
            ticks.size(29, volume / 80);
            ticks.size(30, volume / 110);
        }
        if asked.has(101) {
            ticks.size(27, volume / 12);
            ticks.size(28, volume / 15);
        }
        if asked.has(105) {
            ticks.size(87, volume / 50);
        }
        if asked.has(104) {
            ticks.generic(23, instrument.walk.volatility * 0.95);
        }
        if asked.has(106) {
            ticks.generic(24, instrument.walk.volatility);
        }
    }
    if asked.has(236) && instrument.sec_type() == "STK" {
        ticks.generic(46, 3.0);
        ticks.size(89, volume / 10);
    }
    if asked.has(293) {
        ticks.generic(54, f64::from(i32::try_from(level.day.bar.count).unwrap_or(i32::MAX)));
    }
    if asked.has(411) {
        ticks.generic(58, instrument.walk.volatility);
    }
    if asked.has(456) && instrument.sec_type() == "STK" {
        ticks.string(59, "0.92,1.04,20270212,0.26");
    }
    if asked.has(588) && matches!(instrument.shape, Shape::Future { .. }) {
        ticks.size(86, volume * 2);
    }
    if asked.has(318) && level.trade.is_some() {
        ticks.price(57, instrument.tick.price(level.day.close), None, 0);
    }
    changes(ticks, asked, level, prices);
}

/// The ticks that move with the market.
pub(super) fn changes(ticks: &mut Ticks<'_>, asked: GenericTicks, level: &Level1, prices: &Prices) {
    if asked == GenericTicks::default() {
        return;
    }
    let instrument = ticks.instrument;
    if asked.has(221) || asked.has(232) {
        let mark = match (&level.option, level.quote, level.trade) {
            (Some(option), ..) => option.model.1.price,
            (None, Some(quote), _) => f64::midpoint(instrument.tick.price(quote.bid), instrument.tick.price(quote.ask)),
            (None, None, Some(trade)) => instrument.tick.price(trade.price),
            (None, None, None) => return,
        };
        ticks.price(37, mark, None, 0);
    }
    let Some(trade) = level.trade.filter(|_| !instrument.is_index()) else { return };
    for (number, tick_type) in [(233, 48), (375, 77)] {
        if asked.has(number) {
            let text = format!(
                "{};{};{};{};{};true",
                instrument.tick.price(trade.price),
                instrument.size.text(trade.size),
                prices.start_ms(level.slot),
                instrument.size.text(level.day.bar.volume),
                super::details::decimal(level.day.bar.average * instrument.tick.size()),
            );
            ticks.string(tick_type, &text);
        }
    }
}

fn has_options(instrument: &Instrument) -> bool {
    matches!(instrument.sec_type(), "STK" | "IND")
}

/// Lows and highs of the last 13, 26 and 52 weeks.
fn ranges(ticks: &mut Ticks<'_>, level: &Level1, prices: &Prices) {
    let instrument = ticks.instrument;
    if !instrument.has_trades() {
        return;
    }
    for (weeks, low, high) in [(13, 15, 16), (26, 17, 18), (52, 19, 20)] {
        let start = prices.slot(prices.start_ms(level.slot) - weeks * 7 * 86_400_000);
        if let Some(bar) = prices.bar(instrument, super::price::Side::Trades, start..level.slot + 1) {
            ticks.price(low, instrument.tick.price(bar.low), None, 0);
            ticks.price(high, instrument.tick.price(bar.high), None, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_numbers_is_read_and_a_wrong_one_named() {
        let asked = GenericTicks::parse("100, 233,292:BRFG,mdoff", "STK").expect("legal ticks");
        assert!(asked.has(100) && asked.has(233) && asked.has(292) && !asked.has(101));
        let refusal = GenericTicks::parse("233,999", "STK").expect_err("999 does not exist");
        assert_eq!(refusal.code, 321);
        assert!(refusal.text.contains("Incorrect generic tick list of 233,999"), "{refusal:?}");
    }
}
