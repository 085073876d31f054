//! Colours, and figures as people read them.

use std::collections::VecDeque;

use chrono::DateTime;
use ratatui::{
    style::{Color, Modifier, Style},
    text::{Line, Span},
};

use super::picture::Weight;

pub(super) const GOOD: Color = Color::Green;
pub(super) const BAD: Color = Color::Red;
pub(super) const WARNING: Color = Color::Yellow;
pub(super) const ACCENT: Color = Color::Cyan;
pub(super) const FADED: Color = Color::DarkGray;

/// Eighths of a column, for small charts.
const STEPS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

pub(super) fn coloured(text: impl Into<String>, colour: Color) -> Span<'static> {
    Span::styled(text.into(), Style::new().fg(colour))
}

pub(super) fn faded(text: impl Into<String>) -> Span<'static> {
    coloured(text, FADED)
}

pub(super) fn strong(text: impl Into<String>) -> Span<'static> {
    Span::styled(text.into(), Style::new().add_modifier(Modifier::BOLD))
}

pub(super) fn colour_of(weight: Weight) -> Color {
    match weight {
        Weight::Good => GOOD,
        Weight::Plain => ACCENT,
        Weight::Warning => WARNING,
        Weight::Bad => BAD,
    }
}

/// Green above zero, red below.
pub(super) fn signed(figure: Option<f64>, decimals: usize) -> Span<'static> {
    match figure {
        None => faded("-"),
        Some(figure) => {
            let colour = if figure > 0.0 {
                GOOD
            } else if figure < 0.0 {
                BAD
            } else {
                Color::Reset
            };
            coloured(format!("{}{}", if figure > 0.0 { "+" } else { "" }, grouped(figure, decimals)), colour)
        }
    }
}

/// `1,234.50`.
pub(super) fn grouped(figure: f64, decimals: usize) -> String {
    let text = format!("{:.decimals$}", figure.abs());
    let (whole, rest) = text.split_once('.').map_or((text.as_str(), None), |(whole, rest)| (whole, Some(rest)));
    let mut out = String::new();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    let is_zero = !text.chars().any(|digit| digit.is_ascii_digit() && digit != '0');
    let sign = if figure < 0.0 && !is_zero { "-" } else { "" };
    rest.map_or_else(|| format!("{sign}{out}"), |rest| format!("{sign}{out}.{rest}"))
}

/// The digits that a price or a price step needs behind the point; at least two.
pub(super) fn decimals_of(figure: f64) -> usize {
    figure.to_string().split_once('.').map_or(0, |(_, rest)| rest.len()).clamp(2, 6)
}

/// A price, with so many digits behind the point.
pub(super) fn price(figure: Option<f64>, decimals: usize) -> String {
    figure.map_or_else(|| "-".to_owned(), |figure| grouped(figure, decimals))
}

/// A figure in at most `width` characters. One that is too long is told in thousands, millions or billions if it is whole, such
/// as a size; what cannot be told is a dot row, since a figure without some of its digits is another figure.
pub(super) fn fitting(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let short = text.parse::<i64>().ok().and_then(|figure| {
        [(1_000_000_000_i64, 'B'), (1_000_000, 'M'), (1_000, 'K')].into_iter().find_map(|(unit, letter)| {
            let (whole, tenths) = (figure / unit, figure % unit / (unit / 10));
            let told =
                if tenths == 0 { format!("{whole}{letter}") } else { format!("{whole}.{}{letter}", tenths.abs()) };
            (whole != 0 && told.chars().count() <= width).then_some(told)
        })
    });
    short.unwrap_or_else(|| "…".repeat(width.min(1)))
}

/// Text in at most `width` characters; one that is cut says so.
pub(super) fn shortened(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(width.saturating_sub(1)).collect();
    short.extend((width > 0).then_some('…'));
    short
}

/// `14:03:05`, UTC.
pub(super) fn clock(us: i64) -> String {
    DateTime::from_timestamp_micros(us).map(|at| at.format("%H:%M:%S").to_string()).unwrap_or_default()
}

/// How long ago, in one unit: `12s`, `3m`, `2h`, `5d`.
pub(super) fn ago(now_us: i64, then_us: i64) -> String {
    let seconds = now_us.saturating_sub(then_us).max(0) / 1_000_000;
    match seconds {
        0..120 => format!("{seconds}s"),
        120..7_200 => format!("{}m", seconds / 60),
        7_200..172_800 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// A bar of this width that is full at `max`: green, amber above three quarters, red above nine tenths.
pub(super) fn gauge(used: u32, max: u32, width: usize) -> Line<'static> {
    let part = if max == 0 { 0.0 } else { (f64::from(used) / f64::from(max)).min(1.0) };
    let colour = match part {
        part if part > 0.9 => BAD,
        part if part > 0.75 => WARNING,
        _ => GOOD,
    };
    let eighths = part * f64::from(u32::try_from(width * 8).unwrap_or(u32::MAX));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between zero and the width")]
    let eighths = eighths.round() as usize;
    let (full, rest) = (eighths / 8, eighths % 8);
    let last = ['▏', '▎', '▍', '▌', '▋', '▊', '▉'].get(rest.wrapping_sub(1)).filter(|_| full < width);
    let mut bar = "█".repeat(full.min(width));
    bar.extend(last);
    let empty = width.saturating_sub(full + usize::from(last.is_some()));
    Line::from(vec![coloured(bar, colour), faded("·".repeat(empty))])
}

/// A small chart of the newest points, each between the lowest and the highest.
pub(super) fn chart(points: &VecDeque<f64>, width: usize) -> Span<'static> {
    let points: Vec<f64> = points.iter().skip(points.len().saturating_sub(width)).copied().collect();
    let (low, high) = points
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), point| (low.min(*point), high.max(*point)));
    let span = high - low;
    let step = |point: &f64| {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 7")]
        let place = if span > 0.0 { ((point - low) / span * 7.0).round() as usize } else { 0 };
        STEPS.get(place).copied().unwrap_or('▁')
    };
    let is_up = points.first() <= points.last();
    coloured(points.iter().map(step).collect::<String>(), if is_up { GOOD } else { BAD })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_grouped_and_keep_their_digits() {
        assert_eq!(grouped(1_234_567.5, 2), "1,234,567.50");
        assert_eq!(grouped(-999.0, 0), "-999");
        assert_eq!(grouped(-0.001, 2), "0.00");
        assert_eq!((decimals_of(1.08455), decimals_of(271.5), decimals_of(0.25), decimals_of(0.000_05)), (5, 2, 2, 5));
        assert_eq!(price(Some(1.0845), 5), "1.08450");
        assert_eq!(price(None, 2), "-");
    }

    #[test]
    fn figures_that_do_not_fit_never_lose_digits_unseen() {
        for (text, width, wanted) in [
            ("500000", 6, "500000"),
            ("500000", 5, "500K"),
            ("1000000", 6, "1M"),
            ("1250000", 6, "1.2M"),
            ("-2500000", 6, "-2.5M"),
            ("1234567", 3, "…"),
            ("123456789", 3, "…"),
            ("6497.50", 6, "…"),
            ("0/1000000", 8, "…"),
            ("999", 2, "…"),
            ("999", 0, ""),
        ] {
            assert_eq!(fitting(text, width), wanted, "{text} in {width}");
        }
    }

    #[test]
    fn bars_and_charts_stay_within_their_width() {
        for (used, max) in [(0, 0), (0, 10), (1, 3), (10, 10), (20, 10)] {
            assert_eq!(gauge(used, max, 12).width(), 12, "{used} of {max}");
        }
        assert_eq!(chart(&VecDeque::from([9.0, 1.0, 2.0, 3.0]), 3).content, "▁▅█");
        assert_eq!(chart(&VecDeque::from([1.0, 1.0]), 9).content, "▁▁");
        assert_eq!(chart(&VecDeque::new(), 9).content, "");
    }

    #[test]
    fn times_are_told_in_one_unit() {
        assert_eq!(ago(5_000_000, 0), "5s");
        assert_eq!(ago(600_000_000, 0), "10m");
        assert_eq!(ago(0, 9), "0s");
    }
}
