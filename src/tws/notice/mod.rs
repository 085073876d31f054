//! What the codes and texts of gateway notices mean.
//!
//! Errors, warnings and mere news share one message ([`super::message::login::ErrorMessage`]). Only
//! the code, and for some codes only the text, tells what happened and whether anything has ended.

mod page;
mod table;
mod text;
mod words;

use std::time::Duration;

pub use page::page;
pub use text::{farm_name, unescape};
pub use words::{Category, MeaningSource, Retry, Scope, Severity};

/// What a notice means and what to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meaning {
    /// How bad it is.
    pub severity: Severity,
    /// What it is about.
    pub category: Category,
    /// What its id names: a request, an order, or nothing.
    pub scope: Scope,
    /// Whether the same thing may be asked again.
    pub retry: Retry,
    /// How long to wait first, where [`Retry::AfterWait`] has a known figure.
    pub wait: Option<Duration>,
    /// One sentence for a person, in our words. Empty for codes that no table knows.
    pub summary: &'static str,
    /// What the meaning was taken from, most exact first.
    pub source: MeaningSource,
    ends_request: bool,
}

impl Meaning {
    /// True if the request that the notice names is over: no more answers will come for its id.
    ///
    /// Says nothing about orders: what refuses a new order leaves a modified one alive. False for
    /// codes that no table and no range knows; a request is then left to its own deadline.
    pub fn ends_request(&self) -> bool {
        self.ends_request
    }
}

/// Says what a notice means: by its text if the code is ambiguous, then by its code, then by its range.
///
/// `text` is the gateway's, unescaped or not; it may be in any language, so a text that no pattern
/// knows falls back to the code.
pub fn classify(code: i32, text: &str) -> Meaning {
    let (mut meaning, source) = table::look_up(code, text).unwrap_or_else(|| by_range(code));
    meaning.source = source;
    meaning.ends_request = source != MeaningSource::Fallback && ends_request(code, &meaning);
    meaning
}

/// The meaning of a code without a row.
fn by_range(code: i32) -> (Meaning, MeaningSource) {
    let (severity, category, scope, retry, source) = match code {
        2100..=2199 => (Severity::Warning, Category::Other, Scope::Global, Retry::NoneNeeded, MeaningSource::Range),
        1100..=1999 => (Severity::System, Category::Connection, Scope::Global, Retry::NoneNeeded, MeaningSource::Range),
        // Produced inside client libraries; a gateway does not send them.
        500..=599 => (Severity::Error, Category::Internal, Scope::Global, Retry::Never, MeaningSource::Range),
        100..=499 | 10_000.. => (Severity::Error, Category::Other, Scope::Request, Retry::Never, MeaningSource::Range),
        _ => (Severity::Warning, Category::Other, Scope::Global, Retry::Never, MeaningSource::Fallback),
    };
    (Meaning { severity, category, scope, retry, wait: None, summary: "", source, ends_request: false }, source)
}

/// Notices that name a request which goes on, beside the warnings 2100-2199.
const GOES_ON: [i32; 7] = [
    165,    // link notices of the historical data service; a scanner that finds nothing now
    317,    // depth was reset
    492,    // scanner rows are less exact
    10_090, // part of the ticks is missing
    10_091, // part of the ticks is missing
    10_167, // ticks are delayed from here on
    10_197, // data is withheld while another session lives, and returns by itself
];

/// An error for an id usually ends what the id names; notices about orders, farms and the whole
/// session do not, and nor do mere news.
fn ends_request(code: i32, meaning: &Meaning) -> bool {
    let concerns_other = meaning.scope == Scope::Global
        || matches!(meaning.category, Category::OrderWarning | Category::FarmStatus)
        || matches!(meaning.severity, Severity::Info | Severity::System);
    !concerns_other && !GOES_ON.contains(&code) && !(2100..=2199).contains(&code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(code: i32, text: &str, category: Category, retry: Retry, wait_s: Option<u64>, source: MeaningSource) {
        let meaning = classify(code, text);
        assert_eq!(
            (meaning.category, meaning.retry, meaning.wait, meaning.source),
            (category, retry, wait_s.map(Duration::from_secs), source),
            "{code} {text}"
        );
    }

    #[test]
    fn a_text_pattern_wins_over_the_code() {
        let source = MeaningSource::Text;
        let violation = "Historical Market Data Service error message:Historical data request pacing violation";
        check(162, violation, Category::Pacing, Retry::AfterWait, Some(60), source);
        let empty = "Historical Market Data Service error message:HMDS query returned no data: AAPL@SMART Trades";
        check(162, empty, Category::NoData, Retry::Never, None, source);
        let modified = "Error validating request.-'bN' : cause - Order Type can't be changed";
        check(321, modified, Category::OrderWarning, Retry::Never, None, source);
        assert_eq!(classify(321, modified).severity, Severity::Warning);
        assert_eq!(classify(321, modified).scope, Scope::Order);
    }

    #[test]
    fn patterns_ignore_case_and_take_the_first_hit_in_file_order() {
        check(162, "PACING VIOLATION", Category::Pacing, Retry::AfterWait, Some(60), MeaningSource::Text);
        let both = "no market data permissions for X; pacing violation";
        assert_eq!(classify(162, both).category, Category::Pacing);
    }

    #[test]
    fn an_unknown_or_foreign_text_falls_back_to_the_code() {
        check(162, "Fehler beim Abruf", Category::Other, Retry::Never, None, MeaningSource::Code);
        check(200, "", Category::Contract, Retry::Never, None, MeaningSource::Code);
    }

    #[test]
    fn a_pattern_belongs_to_its_own_code() {
        check(366, "pacing violation", Category::RequestInvalid, Retry::NoneNeeded, None, MeaningSource::Code);
    }

    #[test]
    fn codes_without_a_row_are_judged_by_their_range() {
        let range = MeaningSource::Range;
        check(2199, "", Category::Other, Retry::NoneNeeded, None, range);
        check(1999, "", Category::Connection, Retry::NoneNeeded, None, range);
        check(599, "", Category::Internal, Retry::Never, None, range);
        check(499, "", Category::Other, Retry::Never, None, range);
        check(19_999, "", Category::Other, Retry::Never, None, range);
        for code in [i32::MIN, 0, 99, 1099, 2000, 2200, 9999] {
            check(code, "", Category::Other, Retry::Never, None, MeaningSource::Fallback);
        }
        assert_eq!(classify(i32::MAX, "").source, range);
    }

    #[test]
    fn streams_survive_the_notices_that_only_warn() {
        let lost = "Historical Market Data Service query message:HMDS server disconnect occurred";
        for (code, text) in [
            (10_090, ""),
            (10_091, ""),
            (10_167, ""),
            (10_197, ""),
            (317, ""),
            (2152, "Exchanges - Need additional market data permissions - Depth: BATS"),
            (2150, ""),
            (2199, ""),
            (165, lost),
            (165, "no items retrieved"),
            (399, ""),
            (481, ""),
            (492, ""),
            (1100, ""),
            (100, ""),
            (2000, ""),
        ] {
            assert!(!classify(code, text).ends_request(), "{code} {text}");
        }
    }

    #[test]
    fn other_errors_end_the_request_they_name() {
        for code in [101, 162, 200, 300, 316, 320, 321, 322, 354, 366, 420, 10_089, 10_168, 10_186, 10_182, 10_225] {
            assert!(classify(code, "").ends_request(), "{code}");
        }
        assert!(classify(19_999, "").ends_request());
        assert!(classify(162, "API historical data query cancelled: 7").ends_request());
    }

    proptest::proptest! {
        #[test]
        fn no_notice_is_too_strange(code in proptest::prop_oneof![0_i32..11_000, proptest::num::i32::ANY], text: String) {
            let _ = (classify(code, &text), farm_name(&text), unescape(&text));
        }
    }
}
