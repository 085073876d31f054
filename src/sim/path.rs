//! A seeded random walk that can be read at any time, and searched for its extremes, without its past.
//!
//! The walk is a bridge refined by halving: the value half way between two known points is their mean
//! plus a seeded displacement that shrinks with the distance. Reading one point costs one
//! descent; the highest value of a year is found by descending only where it can still be, because
//! every displacement is bounded.

use std::ops::Range;

use super::seed::Seed;

/// Time between two points at which the walk returns to its base, in milliseconds.
const ROOT_MS_MIN: i64 = 400 * 86_400_000;
const YEAR_MS: f64 = 365.0 * 86_400_000.0;
/// How far the root points stray from the base, as a share.
const ROOT_SPREAD: f64 = 0.05;

/// A walk of the logarithm of a price around 0, one value per slot.
#[derive(Clone, Debug)]
pub(super) struct Path {
    seed: Seed,
    /// Displacement limit of a midpoint, by level; level 0 has none.
    amplitude: Vec<f64>,
    /// Sum of all displacement limits at and below a level.
    slack: Vec<f64>,
}

/// Whether the highest or the lowest value is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extreme {
    High,
    Low,
}

impl Extreme {
    /// True if `candidate` beats `best`.
    pub(super) fn improves(self, candidate: i64, best: i64) -> bool {
        match self {
            Self::High => candidate > best,
            Self::Low => candidate < best,
        }
    }
}

/// What is searched: a whole-number reading of the walk, with a limit over a stretch of it.
pub(super) trait Reading {
    /// The reading at a slot where the walk stands at `x`.
    fn at(&self, slot: i64, x: f64) -> i64;
    /// A value no reading in `slots` passes while the walk stays within `x_low..=x_high`.
    fn limit(&self, slots: Range<i64>, x_low: f64, x_high: f64, extreme: Extreme) -> i64;
}

struct Node {
    level: u32,
    index: i64,
    left: f64,
    right: f64,
}

impl Path {
    /// A walk with `volatility` (annual, as a share) in steps of `slot_ms` milliseconds.
    pub(super) fn new(seed: Seed, volatility: f64, slot_ms: i64) -> Self {
        let slot_ms = slot_ms.max(1);
        let levels = levels(slot_ms);
        #[expect(clippy::cast_precision_loss, reason = "a step of a few hundred milliseconds")]
        let step_deviation = volatility * (slot_ms as f64 / YEAR_MS).sqrt();
        // A uniform displacement of this limit has the variance of a bridge's midpoint.
        let limit = |level: u32| {
            if level == 0 { 0.0 } else { step_deviation * 2_f64.powi(level.cast_signed()).sqrt() / 2.0 * 3_f64.sqrt() }
        };
        let amplitude: Vec<f64> = (0..=levels).map(limit).collect();
        let slack = amplitude
            .iter()
            .scan(0.0, |sum, limit| {
                *sum += limit;
                Some(*sum)
            })
            .collect();
        Self { seed, amplitude, slack }
    }

    /// The walk's value at a slot.
    pub(super) fn at(&self, slot: i64) -> f64 {
        let mut node = self.root(slot >> self.levels());
        while node.level > 0 {
            let (left, right) = self.halves(&node);
            node = if slot < right.start() { left } else { right };
        }
        node.left
    }

    /// The walk's value at every slot of a stretch, in order: much cheaper than one by one.
    pub(super) fn each(&self, slots: &Range<i64>) -> impl Iterator<Item = f64> {
        let slots = slots.clone();
        let mut open: Vec<Node> = self.roots(&slots).rev().collect();
        std::iter::from_fn(move || {
            loop {
                let node = open.pop()?;
                if node.level == 0 {
                    return Some(node.left);
                }
                let (left, right) = self.halves(&node);
                open.extend([right, left].into_iter().filter(|half| half.meets(&slots)));
            }
        })
    }

    /// The extreme of a reading over `slots`; `best` is a value known to be reached.
    pub(super) fn extreme(&self, slots: &Range<i64>, extreme: Extreme, reading: &impl Reading, best: i64) -> i64 {
        let mut best = best;
        let mut open: Vec<Node> = self.roots(slots).collect();
        while let Some(node) = open.pop() {
            let covered = node.start().max(slots.start)..node.end().min(slots.end);
            if covered.is_empty() {
                continue;
            }
            if node.level == 0 {
                let value = reading.at(covered.start, node.left);
                if extreme.improves(value, best) {
                    best = value;
                }
                continue;
            }
            let slack = self.slack.get(node.level as usize).copied().unwrap_or(f64::INFINITY);
            let (low, high) = (node.left.min(node.right) - slack, node.left.max(node.right) + slack);
            if !extreme.improves(reading.limit(covered, low, high, extreme), best) {
                continue;
            }
            let (left, right) = self.halves(&node);
            // The more promising half is looked at first: it prunes the other one.
            let left_first = (left.left + left.right > right.left + right.right) == (extreme == Extreme::High);
            if left_first {
                open.extend([right, left]);
            } else {
                open.extend([left, right]);
            }
        }
        best
    }

    fn levels(&self) -> u32 {
        u32::try_from(self.amplitude.len()).map_or(0, |count| count.saturating_sub(1))
    }

    /// The roots over a stretch that is not empty.
    fn roots(&self, slots: &Range<i64>) -> impl DoubleEndedIterator<Item = Node> {
        let levels = self.levels();
        ((slots.start >> levels)..=((slots.end - 1) >> levels)).map(|root| self.root(root))
    }

    fn root(&self, index: i64) -> Node {
        let level = self.levels();
        let value = |index| ROOT_SPREAD * self.seed.signed_unit(u32::from(u8::MAX), index);
        Node { level, index, left: value(index), right: value(index + 1) }
    }

    fn halves(&self, node: &Node) -> (Node, Node) {
        let limit = self.amplitude.get(node.level as usize).copied().unwrap_or(0.0);
        let middle = f64::midpoint(node.left, node.right) + limit * self.seed.signed_unit(node.level, node.index);
        let level = node.level.saturating_sub(1);
        (
            Node { level, index: node.index * 2, left: node.left, right: middle },
            Node { level, index: node.index * 2 + 1, left: middle, right: node.right },
        )
    }
}

impl Node {
    fn start(&self) -> i64 {
        self.index << self.level
    }

    fn end(&self) -> i64 {
        (self.index + 1) << self.level
    }

    fn meets(&self, slots: &Range<i64>) -> bool {
        self.start() < slots.end && slots.start < self.end()
    }
}

/// Halvings from a root stretch down to one slot.
pub(super) fn levels(slot_ms: i64) -> u32 {
    let slots = ROOT_MS_MIN / slot_ms.max(1);
    (i64::BITS - slots.leading_zeros()).clamp(1, 48)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Steps;

    #[expect(clippy::cast_possible_truncation, reason = "a test scale of a few thousand steps")]
    impl Reading for Steps {
        fn at(&self, _: i64, x: f64) -> i64 {
            (x * 20_000.0).floor() as i64
        }
        fn limit(&self, _: Range<i64>, x_low: f64, x_high: f64, extreme: Extreme) -> i64 {
            let x = if extreme == Extreme::High { x_high } else { x_low };
            (x * 20_000.0).floor() as i64
        }
    }

    #[test]
    fn the_extreme_found_by_search_is_the_extreme_of_all_points() {
        for seed in 0..20 {
            let path = Path::new(Seed::of(seed, 265_598, 0), 0.3, 250);
            let start = 7_059_000_000 + i64::try_from(seed).expect("small") * 77_777;
            let slots = start..start + 5_000;
            let all: Vec<i64> = slots.clone().map(|slot| Steps.at(slot, path.at(slot))).collect();
            let first = all[0];
            assert!(path.each(&slots).eq(slots.clone().map(|slot| path.at(slot))), "seed {seed}");
            assert_eq!(path.extreme(&slots, Extreme::High, &Steps, first), *all.iter().max().expect("values"));
            assert_eq!(path.extreme(&slots, Extreme::Low, &Steps, first), *all.iter().min().expect("values"));
        }
    }

    #[test]
    fn the_walk_stays_near_its_base_and_moves_with_its_volatility() {
        let path = Path::new(Seed::of(1, 265_598, 0), 0.25, 250);
        let day = 86_400_000 / 250;
        let days: Vec<f64> = (20_000..20_400).map(|index| path.at(index * day)).collect();
        assert!(days.iter().all(|x| x.abs() < 0.6), "{days:?}");
        let moves: f64 = days.windows(2).map(|pair| (pair[1] - pair[0]).powi(2)).sum::<f64>() / 399.0;
        let daily = moves.sqrt() * 365_f64.sqrt();
        assert!((0.15..0.4).contains(&daily), "annual volatility {daily}");
    }
}
