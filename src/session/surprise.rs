//! Wire surprises are told once and then once in a while: a field this release does not know may
//! come with every tick, and a notice for each would drown the stream that keeps orders company.

use std::time::{Duration, Instant};

use rustc_hash::FxHashMap;

const AGAIN_AFTER: Duration = Duration::from_secs(60);
/// Different surprises told apart; beyond them all others count as one.
const KINDS_MAX: usize = 256;

/// Which surprises were told, and when.
#[derive(Debug, Default)]
pub(super) struct Surprises {
    told: FxHashMap<String, Told>,
}

#[derive(Debug)]
struct Told {
    at: Instant,
    untold: u64,
}

impl Surprises {
    /// True with the number of earlier ones like it that were not told, if this one is to be told.
    pub(super) fn tell(&mut self, now: Instant, what: &str) -> Option<u64> {
        let what = if self.told.len() < KINDS_MAX || self.told.contains_key(what) { what } else { "" };
        match self.told.get_mut(what) {
            Some(told) if told.at + AGAIN_AFTER > now => {
                told.untold += 1;
                None
            }
            Some(told) => {
                told.at = now;
                Some(std::mem::take(&mut told.untold))
            }
            None => {
                self.told.insert(what.to_owned(), Told { at: now, untold: 0 });
                Some(0)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "any instant will do")]
    fn a_surprise_is_told_once_a_minute_with_the_number_of_those_kept_quiet() {
        let start = Instant::now();
        let mut surprises = Surprises::default();
        assert_eq!(surprises.tell(start, "a"), Some(0));
        assert_eq!(surprises.tell(start, "b"), Some(0));
        assert_eq!(surprises.tell(start + AGAIN_AFTER / 2, "a"), None);
        assert_eq!(surprises.tell(start + AGAIN_AFTER, "a"), Some(1));
        let told = (0..10_000).filter_map(|n| surprises.tell(start, &n.to_string())).count();
        assert!(told <= KINDS_MAX && surprises.told.len() <= KINDS_MAX + 1);
    }
}
