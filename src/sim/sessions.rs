//! Trading sessions, and the stretches of time that bars cover.

use chrono::{Datelike, Days, NaiveDate};
use chrono_tz::Tz;

use super::bar_size::BarSize;
use super::details::session_minutes;
use super::expiry;
use super::instrument::Venue;

const HOUR_MS: i64 = 3_600_000;

/// A stretch of time that makes one bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    /// First millisecond since the epoch.
    pub(super) start_ms: i64,
    /// First millisecond after it.
    pub(super) end_ms: i64,
    /// Day of the session it belongs to; the first one for weeks and months.
    pub(super) day: NaiveDate,
}

/// The calendar of one venue.
#[derive(Clone, Copy, Debug)]
pub(super) struct Calendar {
    pub(super) venue: Venue,
    /// Regular sessions only.
    pub(super) regular: bool,
    /// Markets open and close as in the world; otherwise trading outside regular sessions never stops.
    pub(super) closes: bool,
}

impl Calendar {
    /// The sessions that overlap `start_ms..end_ms`, oldest first, each of them whole.
    pub(super) fn sessions(self, start_ms: i64, end_ms: i64) -> impl Iterator<Item = Span> {
        let first = expiry::day_of(self.venue.zone, start_ms);
        let last = expiry::day_of(self.venue.zone, end_ms);
        let days = first.iter_days().take_while(move |day| *day <= last);
        days.filter_map(move |day| self.session(day))
            .filter(move |span| span.end_ms > start_ms && span.start_ms < end_ms)
    }

    fn session(self, day: NaiveDate) -> Option<Span> {
        let (open, close) = session_minutes(self.venue, day, self)?;
        let zone = self.venue.zone;
        let end_ms = if close == 1440 {
            expiry::at_local(zone, day.checked_add_days(Days::new(1))?, 0)
        } else {
            expiry::at_local(zone, day, close)
        };
        Some(Span { start_ms: expiry::at_local(zone, day, open), end_ms, day })
    }

    /// The bars that overlap `start_ms..end_ms`, oldest first, each of them whole.
    pub(super) fn bars(self, size: BarSize, start_ms: i64, end_ms: i64) -> Box<dyn Iterator<Item = Span> + Send> {
        let group = match size {
            BarSize::Seconds(seconds) => return Box::new(self.intraday(seconds * 1000, start_ms, end_ms)),
            BarSize::Day => return Box::new(self.sessions(start_ms, end_ms)),
            BarSize::Week => |day: NaiveDate| (day.iso_week().year(), day.iso_week().week()),
            BarSize::Month => |day: NaiveDate| (day.year(), day.month()),
        };
        let mut bars: Vec<Span> = Vec::new();
        // A group is whole only if its first days are seen, too.
        let lead = size.seconds() * 1000 + 4 * 86_400_000;
        for session in self.sessions(start_ms - lead, end_ms) {
            match bars.last_mut() {
                Some(open) if group(open.day) == group(session.day) => open.end_ms = session.end_ms,
                _ => bars.push(session),
            }
        }
        Box::new(bars.into_iter().filter(move |bar| bar.end_ms > start_ms))
    }

    /// Bars are cut at the multiples of their size after local midnight, and where a session starts or ends.
    fn intraday(self, size_ms: i64, start_ms: i64, end_ms: i64) -> impl Iterator<Item = Span> {
        self.sessions(start_ms, end_ms).flat_map(move |session| {
            let (from_ms, until_ms) = (session.start_ms.max(start_ms), session.end_ms.min(end_ms));
            let spans: Box<dyn Iterator<Item = Span> + Send> = if size_ms <= HOUR_MS {
                // The clock is changed by whole hours, so these cuts do not move.
                let midnight = expiry::at_local(self.venue.zone, session.day, 0);
                let first = (from_ms - midnight).div_euclid(size_ms);
                let starts = (first..).map(move |nth| midnight + nth * size_ms);
                Box::new(
                    starts
                        .take_while(move |start| *start < until_ms)
                        .map(move |start| cut(session, start, start + size_ms)),
                )
            } else {
                let cuts = long_cuts(self.venue.zone, session.day, size_ms);
                let pairs: Vec<(i64, i64)> = cuts.iter().copied().zip(cuts.iter().copied().skip(1)).collect();
                let touches = move |(start, end): &(i64, i64)| *end > from_ms && *start < until_ms;
                Box::new(pairs.into_iter().filter(touches).map(move |(start, end)| cut(session, start, end)))
            };
            spans
        })
    }

    /// The bar a moment lies in; `None` outside sessions.
    pub(super) fn bar_at(self, size: BarSize, at_ms: i64) -> Option<Span> {
        self.bars(size, at_ms, at_ms + 1).next()
    }

    /// Start of the session that lies `count` sessions back from `end_ms`, the last one included.
    pub(super) fn sessions_back(self, count: i64, end_ms: i64) -> i64 {
        let count = usize::try_from(count).unwrap_or(0).clamp(1, 25_000);
        // Five sessions a week at least.
        let reach = i64::try_from(count).unwrap_or(0) * 7 / 5 + 10;
        let all: Vec<Span> = self.sessions(end_ms - reach * 86_400_000, end_ms).collect();
        all.get(all.len().saturating_sub(count)).map_or(end_ms, |span| span.start_ms)
    }
}

fn cut(session: Span, start_ms: i64, end_ms: i64) -> Span {
    Span { start_ms: start_ms.max(session.start_ms), end_ms: end_ms.min(session.end_ms), day: session.day }
}

/// The cuts of bars longer than an hour, which follow the clock on the wall when it is changed.
fn long_cuts(zone: Tz, day: NaiveDate, size_ms: i64) -> Vec<i64> {
    let step = u32::try_from(size_ms / 60_000).unwrap_or(1440).max(1);
    let mut cuts: Vec<i64> =
        (0..1440).step_by(step as usize).map(|minute| expiry::at_local(zone, day, minute)).collect();
    cuts.push(expiry::at_local(zone, day.checked_add_days(Days::new(1)).unwrap_or(day), 0));
    cuts.dedup();
    cuts
}

#[cfg(test)]
mod tests {
    use super::super::listing::US_STOCK;
    use super::*;

    /// 2026-11-20 15:00 UTC, a Friday.
    const FRIDAY_MS: i64 = 1_795_186_800_000;
    #[test]
    fn bars_follow_each_other_without_a_hole_around_the_clock() {
        let calendar = Calendar { venue: US_STOCK, regular: false, closes: false };
        for size in [BarSize::Seconds(300), BarSize::Seconds(14_400), BarSize::Day, BarSize::Week, BarSize::Month] {
            let bars: Vec<Span> = calendar.bars(size, FRIDAY_MS - 2400 * HOUR_MS, FRIDAY_MS).collect();
            assert!(bars.windows(2).all(|pair| pair[0].end_ms == pair[1].start_ms), "{size:?}");
            let (first, last) = (bars[0], bars[bars.len() - 1]);
            assert!(first.start_ms <= FRIDAY_MS - 2400 * HOUR_MS && first.end_ms > FRIDAY_MS - 2400 * HOUR_MS);
            assert!(last.start_ms < FRIDAY_MS && last.end_ms >= FRIDAY_MS, "{size:?}");
        }
    }

    #[test]
    fn regular_sessions_leave_out_nights_and_weekends() {
        let calendar = Calendar { venue: US_STOCK, regular: true, closes: false };
        let sessions: Vec<Span> = calendar.sessions(FRIDAY_MS, FRIDAY_MS + 96 * HOUR_MS).collect();
        assert_eq!(sessions.len(), 3, "Friday, Monday, Tuesday: {sessions:?}");
        assert!(sessions.iter().all(|span| span.end_ms - span.start_ms == 13 * HOUR_MS / 2));
        assert_eq!(calendar.bar_at(BarSize::Seconds(60), FRIDAY_MS + 24 * HOUR_MS), None);
        assert_eq!(calendar.sessions_back(6, FRIDAY_MS), FRIDAY_MS - 7 * 24 * HOUR_MS - HOUR_MS / 2);
    }
}
