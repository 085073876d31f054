//! What is missing of a range, and why.

use crate::schema::{ApiError, ErrorCode, request::history::Hole};

/// Reason of holes before the earliest data IB has.
const BEFORE_FIRST_DATA: &str = "before_first_data";
/// Holes remembered one by one; above it neighbours are told as one, with the first one's reason.
const HOLES_MAX: usize = 10_000;

/// Holes of one range, in any order.
#[derive(Debug, Default)]
pub(super) struct Holes {
    holes: Vec<(Hole, Option<ApiError>)>,
}

impl Holes {
    /// IB has nothing there, and nothing went wrong.
    pub(super) fn absent(&mut self, from_us: i64, to_us: i64, reason: &str) {
        self.add(Hole { from_us, to_us, reason: reason.to_owned(), ib_code: None }, None);
    }

    /// Whatever IB has there could not be had.
    pub(super) fn failed(&mut self, from_us: i64, to_us: i64, error: &ApiError) {
        let hole = Hole { from_us, to_us, reason: error.code.as_str().to_owned(), ib_code: error.ib_code };
        let failure = (error.code != ErrorCode::NoData).then(|| error.clone());
        self.add(hole, failure);
    }

    /// Forgets what is missing from this moment on.
    pub(super) fn end_at(&mut self, to_us: i64) {
        self.holes.retain(|(hole, _)| hole.from_us < to_us);
        for (hole, _) in &mut self.holes {
            hole.to_us = hole.to_us.min(to_us);
        }
    }

    fn add(&mut self, hole: Hole, failure: Option<ApiError>) {
        let joins =
            |last: &Hole| last.to_us == hole.from_us && (&last.reason, last.ib_code) == (&hole.reason, hole.ib_code);
        let is_full = self.holes.len() >= HOLES_MAX;
        match self.holes.last_mut() {
            Some((last, _)) if joins(last) || is_full => last.to_us = last.to_us.max(hole.to_us),
            _ => self.holes.push((hole, failure)),
        }
    }

    /// The holes in order, those that touch and have one cause joined. What lies before `head_us` is
    /// no failure.
    ///
    /// # Errors
    ///
    /// The first failure, if there are no rows at all.
    pub(super) fn finish(mut self, head_us: Option<i64>, has_no_rows: bool) -> Result<Vec<Hole>, ApiError> {
        if let Some(head_us) = head_us {
            self.holes = self.holes.into_iter().flat_map(|hole| split(hole, head_us)).collect();
        }
        self.holes.sort_by_key(|(hole, _)| hole.from_us);
        if has_no_rows && let Some(error) = self.holes.iter_mut().find_map(|(_, failure)| failure.take()) {
            return Err(error);
        }
        let mut joined: Vec<Hole> = Vec::new();
        for (hole, _) in self.holes {
            match joined.last_mut() {
                Some(last)
                    if last.to_us == hole.from_us && (&last.reason, last.ib_code) == (&hole.reason, hole.ib_code) =>
                {
                    last.to_us = hole.to_us;
                }
                _ => joined.push(hole),
            }
        }
        Ok(joined)
    }
}

/// The parts of a hole before and after the earliest data.
fn split((hole, failure): (Hole, Option<ApiError>), head_us: i64) -> Vec<(Hole, Option<ApiError>)> {
    let is_about_keeping = !matches!(hole.reason.as_str(), "no_data") && failure.is_none();
    if hole.from_us >= head_us || is_about_keeping {
        return vec![(hole, failure)];
    }
    let mut parts = Vec::new();
    if hole.to_us > head_us {
        parts.push((Hole { from_us: head_us, ..hole.clone() }, failure));
    }
    let to_us = hole.to_us.min(head_us);
    parts.push((Hole { to_us, reason: BEFORE_FIRST_DATA.to_owned(), ib_code: None, ..hole }, None));
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_before_the_first_data_is_no_failure() {
        let timeout = ApiError::new(ErrorCode::Timeout, "silence");
        let mut holes = Holes::default();
        holes.failed(0, 10, &timeout);
        holes.absent(10, 20, "no_data");
        holes.absent(20, 30, "no_data");
        let told = holes.finish(Some(15), true).expect("no failure");
        let told: Vec<_> = told.iter().map(|hole| (hole.from_us, hole.to_us, hole.reason.as_str())).collect();
        assert_eq!(told, [(0, 15, "before_first_data"), (15, 30, "no_data")]);

        let mut holes = Holes::default();
        holes.failed(0, 10, &timeout);
        assert_eq!(holes.finish(Some(5), true), Err(timeout.clone()));
        let mut holes = Holes::default();
        holes.failed(0, 10, &timeout);
        assert_eq!(holes.finish(None, false).map(|told| told.len()), Ok(1));
    }
}
