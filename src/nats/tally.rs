//! Requests counted by verb and outcome, and how long their answers took.

use std::time::Duration;

use super::endpoints::{VERBS, Verb};
use crate::{
    measure::{Count, Durations, Histogram},
    schema::{ApiError, ErrorCode},
};

/// What every request of one verb came to.
#[derive(Debug, Default)]
struct Row {
    answered: Count,
    refused: [Count; ErrorCode::ALL.len()],
    took: Durations,
}

/// Requests of every verb since the start.
#[derive(Debug)]
pub struct Tally {
    rows: Vec<Row>,
}

impl Default for Tally {
    fn default() -> Self {
        Self { rows: VERBS.iter().map(|_| Row::default()).collect() }
    }
}

impl Tally {
    /// A request was answered, or refused with `error`.
    pub fn record(&self, verb: &Verb, error: Option<&ApiError>, took: Duration) {
        let place = VERBS.iter().position(|row| (row.noun, row.verb) == (verb.noun, verb.verb));
        let Some(row) = place.and_then(|place| self.rows.get(place)) else { return };
        match error {
            None => row.answered.add(1),
            Some(error) => {
                if let Some(count) = row.refused.get(error.code as usize) {
                    count.add(1);
                }
            }
        }
        row.took.record(took);
    }

    /// Verbs that were asked: their names, `ok` or an error code with its count, and the times.
    pub fn rows(&self) -> impl Iterator<Item = (&'static Verb, Vec<(&'static str, u64)>, Histogram)> + '_ {
        VERBS.iter().zip(&self.rows).filter_map(|(verb, row)| {
            let took = row.took.histogram();
            let refused = ErrorCode::ALL.iter().zip(&row.refused).map(|(code, count)| (code.as_str(), count.get()));
            let outcomes = std::iter::once(("ok", row.answered.get())).chain(refused).filter(|(_, count)| *count > 0);
            (took.count > 0).then(|| (verb, outcomes.collect(), took))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_code_has_a_place_of_its_own() {
        for (place, code) in ErrorCode::ALL.iter().enumerate() {
            assert_eq!(*code as usize, place, "{code:?}");
        }
    }

    #[test]
    fn only_verbs_that_were_asked_are_told() {
        let tally = Tally::default();
        let verb = VERBS.iter().find(|verb| (verb.noun, verb.verb) == ("md", "list")).expect("a verb");
        tally.record(verb, None, Duration::from_millis(3));
        tally.record(verb, Some(&ApiError::new(ErrorCode::Busy, "full")), Duration::from_millis(1));
        let rows: Vec<_> = tally.rows().map(|(verb, outcomes, took)| (verb.verb, outcomes, took.count)).collect();
        assert_eq!(rows, [("list", vec![("ok", 1), ("busy", 1)], 2)]);
    }
}
