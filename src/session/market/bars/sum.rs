//! Bars put together to one.

use rust_decimal::Decimal;

use crate::schema::{Size, bar::Bar};

/// Decimals of an average price that was computed here.
const AVERAGE_DECIMALS: u32 = 8;

/// Bars that follow each other, as one.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sum {
    bar: Bar,
    /// More than one bar: volume and average are computed.
    is_mixed: bool,
    volume: Option<Decimal>,
    /// Sum of average price times volume; absent if it cannot be told.
    worth: Option<Decimal>,
}

impl Sum {
    pub(super) fn of(bar: &Bar) -> Self {
        let volume = bar.volume.as_ref().map(Size::decimal);
        Self { worth: worth(bar), volume, is_mixed: false, bar: bar.clone() }
    }

    /// Adds the bar that follows.
    pub(super) fn add(&mut self, next: &Bar) {
        self.append(&Self::of(next));
    }

    /// Adds bars that follow.
    pub(super) fn append(&mut self, next: &Self) {
        self.is_mixed = true;
        let bar = &mut self.bar;
        bar.high = bar.high.max(next.bar.high);
        bar.low = bar.low.min(next.bar.low);
        bar.close = next.bar.close;
        bar.count = match (bar.count, next.bar.count) {
            (Some(sum), Some(more)) => Some(sum.saturating_add(more)),
            (sum, more) => sum.or(more),
        };
        if next.bar.wap.is_some() {
            bar.wap.clone_from(&next.bar.wap);
        }
        self.worth = match (self.volume, next.volume) {
            (Some(_), Some(_)) => self.worth.zip(next.worth).and_then(|(sum, more)| sum.checked_add(more)),
            (None, Some(_)) => next.worth,
            _ => self.worth,
        };
        self.volume = match (self.volume, next.volume) {
            (Some(sum), Some(more)) => sum.checked_add(more),
            (sum, more) => sum.or(more),
        };
    }

    /// The one bar. Volume keeps the gateway's digits, the average has at most eight decimals.
    pub(super) fn bar(&self, start_us: i64, date: Option<String>) -> Bar {
        let mut bar = Bar { start_us, date, ..self.bar.clone() };
        if self.is_mixed {
            bar.volume = self.volume.and_then(|volume| Size::from_gateway(&volume.to_string()));
            match (self.volume, self.worth) {
                (Some(volume), Some(worth)) if !volume.is_zero() => {
                    let average = worth.checked_div(volume).map(|average| average.round_dp(AVERAGE_DECIMALS));
                    bar.wap = average.map(Size::from);
                }
                // Nothing was traded: the last average stands.
                (Some(_), Some(_)) => {}
                _ => bar.wap = None,
            }
        }
        bar
    }
}

fn worth(bar: &Bar) -> Option<Decimal> {
    let volume = bar.volume.as_ref()?.decimal();
    if volume.is_zero() {
        return Some(Decimal::ZERO);
    }
    bar.wap.as_ref()?.decimal().checked_mul(volume)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(prices: [f64; 4], volume: &str, wap: &str, count: i32) -> Bar {
        let [open, high, low, close] = prices;
        Bar {
            start_us: 5_000_000,
            date: None,
            open,
            high,
            low,
            close,
            volume: Size::from_gateway(volume),
            wap: Size::from_gateway(wap),
            count: (count >= 0).then_some(count),
        }
    }

    #[test]
    fn one_bar_stays_digit_for_digit() {
        let only = bar([1.0, 2.0, 0.5, 1.5], "100.50", "1.2500", 7);
        assert_eq!(Sum::of(&only).bar(only.start_us, None), only);
    }

    #[test]
    fn the_average_is_weighted_by_volume() {
        let mut sum = Sum::of(&bar([10.0, 11.0, 9.0, 10.5], "100.50", "10", 2));
        sum.add(&bar([10.5, 12.0, 10.0, 11.5], "0", "0", 0));
        sum.add(&bar([11.5, 11.6, 8.0, 8.5], "301.5", "12", 5));
        let whole = sum.bar(0, None);
        assert_eq!((whole.open, whole.high, whole.low, whole.close), (10.0, 12.0, 8.0, 8.5));
        assert_eq!((whole.volume, whole.wap), (Size::from_gateway("402.00"), Size::from_gateway("11.5")));
        assert_eq!(whole.count, Some(7));
    }

    #[test]
    fn quotes_have_no_volume_and_huge_figures_no_average() {
        let mut quotes = Sum::of(&bar([1.0; 4], "", "", -1));
        quotes.add(&bar([2.0; 4], "", "", -1));
        let whole = quotes.bar(0, None);
        assert_eq!((whole.volume, whole.wap, whole.count, whole.high), (None, None, None, 2.0));

        let huge = bar([1.0; 4], "70000000000000000000000000000", "70000000", 1);
        let mut sum = Sum::of(&huge);
        sum.add(&huge);
        assert_eq!((sum.bar(0, None).volume, sum.bar(0, None).wap), (None, None));
    }

    #[test]
    fn without_a_trade_the_average_stands() {
        let mut sum = Sum::of(&bar([1.0; 4], "0", "1.5", 0));
        sum.add(&bar([1.0; 4], "0", "1.5", 0));
        assert_eq!(sum.bar(0, None).wap, Size::from_gateway("1.5"));
    }
}
