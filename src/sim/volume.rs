//! Traded quantity that adds up: a year's total split by halves, down to the single trade.

use std::ops::Range;

use super::path::levels;
use super::seed::Seed;

/// Cumulative traded quantity of one instrument, in its smallest size step. Every slot has one
/// trade of at least one step.
#[derive(Clone, Copy, Debug)]
pub(super) struct Volume {
    seed: Seed,
    levels: u32,
    /// Mean quantity beyond the one step that every slot trades, over a root stretch.
    root_total: i64,
}

impl Volume {
    /// `daily` size steps a day on average, in slots of `slot_ms` milliseconds.
    pub(super) fn new(seed: Seed, daily: i64, slot_ms: i64) -> Self {
        let levels = levels(slot_ms);
        let slot_ms = slot_ms.max(1);
        let per_slot_milli = (daily.saturating_mul(slot_ms) / 86_400).max(0);
        let root_total = (i128::from(per_slot_milli) << levels) / 1000;
        Self { seed, levels, root_total: i64::try_from(root_total).unwrap_or(i64::MAX / 4) }
    }

    /// Quantity traded in `start..end`.
    pub(super) fn between(&self, start: i64, end: i64) -> i64 {
        let (first, last) = (start >> self.levels, end >> self.levels);
        let whole: i64 = (first..last).map(|root| self.root(root)).sum();
        end - start + whole + self.prefix(end) - self.prefix(start)
    }

    /// Quantity traded in every slot of a stretch that is not empty, in order: much cheaper than one by one.
    pub(super) fn each(&self, slots: &Range<i64>) -> impl Iterator<Item = i64> {
        let (slots, levels) = (slots.clone(), self.levels);
        let roots = ((slots.start >> levels)..=((slots.end - 1) >> levels)).rev();
        let mut open: Vec<(u32, i64, i64)> = roots.map(|index| (levels, index, self.root(index))).collect();
        std::iter::from_fn(move || {
            loop {
                let (level, index, total) = open.pop()?;
                if level == 0 {
                    return Some(1 + total);
                }
                let left = if total > 0 { self.left_share(level, index, total) } else { 0 };
                let halves = [(level - 1, index * 2 + 1, total - left), (level - 1, index * 2, left)];
                open.extend(
                    halves
                        .into_iter()
                        .filter(|(level, index, _)| index << level < slots.end && slots.start < (index + 1) << level),
                );
            }
        })
    }

    fn root(&self, index: i64) -> i64 {
        // Years differ by up to a fifth.
        self.root_total - self.root_total / 5 + self.seed.below(254, index, self.root_total.unsigned_abs() * 2 / 5)
    }

    /// Quantity from the start of the slot's root stretch to the slot.
    fn prefix(&self, slot: i64) -> i64 {
        let mut level = self.levels;
        let mut index = slot >> level;
        let mut total = self.root(index);
        let mut before = 0;
        while level > 0 && total > 0 {
            let left = self.left_share(level, index, total);
            level -= 1;
            index *= 2;
            if slot >= (index + 1) << level {
                before += left;
                index += 1;
                total -= left;
            } else {
                total = left;
            }
        }
        before
    }

    fn left_share(&self, level: u32, index: i64, total: i64) -> i64 {
        // Months differ little, minutes a lot.
        let strength: i64 = if level > 16 { 40 } else { 200 };
        let per_mille = 500 - strength + self.seed.below(level, index, 2 * strength.unsigned_abs() + 1);
        let exact = i128::from(total) * i128::from(per_mille);
        let rest = i64::try_from(exact.rem_euclid(1000)).unwrap_or(0);
        // Rounding up by chance keeps small totals from always falling to the same side.
        let carry = i64::from(self.seed.below(level + 64, index, 1000) < rest);
        i64::try_from(exact / 1000).unwrap_or(0) + carry
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_volume_of_a_stretch_is_the_sum_of_its_trades() {
        let volume = Volume::new(Seed::of(3, 265_598, 1), 50_000_000, 250);
        let start = 7_059_123_456;
        let one_by_one = (start..start + 3_000).map(|slot| volume.between(slot, slot + 1));
        assert!(volume.each(&(start..start + 3_000)).eq(one_by_one.clone()));
        let trades: i64 = one_by_one.sum();
        assert_eq!(volume.between(start, start + 3_000), trades);
        assert!((start..start + 3_000).all(|slot| volume.between(slot, slot + 1) >= 1));
    }

    #[test]
    fn a_day_trades_about_the_daily_quantity() {
        let volume = Volume::new(Seed::of(3, 265_598, 1), 50_000_000, 250);
        let day = 86_400_000 / 250;
        let traded = volume.between(20_000 * day, 20_001 * day);
        assert!((20_000_000..100_000_000).contains(&traded), "{traded}");
    }
}
