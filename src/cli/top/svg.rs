//! A screen as a picture: every character at its place, in its colours.

use std::fmt::Write as _;

use ratatui::{
    buffer::{Buffer, Cell},
    style::{Color, Modifier},
};

/// Size of a character, in pixels.
const WIDTH: f64 = 8.4;
const HEIGHT: f64 = 18.0;
const MARGIN: f64 = 12.0;
const GROUND: &str = "#10151c";
const INK: &str = "#d5dbe3";

/// The picture as SVG text.
pub(super) fn of(buffer: &Buffer) -> String {
    let (columns, rows) = (f64::from(buffer.area.width), f64::from(buffer.area.height));
    let (width, height) = (columns * WIDTH + 2.0 * MARGIN, rows * HEIGHT + 2.0 * MARGIN);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" height=\"{height:.0}\" \
         font-family=\"ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace\" font-size=\"14\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"10\" fill=\"{GROUND}\"/>\n"
    );
    let columns = usize::from(buffer.area.width).max(1);
    for (row, cells) in buffer.content.chunks(columns).enumerate() {
        line(&mut out, row, cells);
    }
    out.push_str("</svg>\n");
    out
}

fn line(out: &mut String, row: usize, cells: &[Cell]) {
    let top = MARGIN + place(row) * HEIGHT;
    let mut start = 0;
    for run in cells.chunk_by(|a, b| look(a) == look(b)) {
        let Some((ink, ground, is_bold, is_underlined)) = run.first().map(look) else { continue };
        let text: String = run.iter().map(Cell::symbol).collect();
        let left = MARGIN + place(start) * WIDTH;
        let width = place(run.len()) * WIDTH;
        start += run.len();
        if let Some(ground) = ground {
            let _ = writeln!(
                out,
                "<rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{HEIGHT}\" fill=\"{ground}\"/>"
            );
        }
        if text.trim().is_empty() {
            continue;
        }
        let bold = if is_bold { " font-weight=\"bold\"" } else { "" };
        let underlined = if is_underlined { " text-decoration=\"underline\"" } else { "" };
        let _ = writeln!(
            out,
            "<text x=\"{left:.1}\" y=\"{:.1}\" fill=\"{ink}\" textLength=\"{width:.1}\" lengthAdjust=\"spacingAndGlyphs\" xml:space=\"preserve\"{bold}{underlined}>{}</text>",
            top + HEIGHT * 0.75,
            escaped(&text),
        );
    }
}

/// Positions on a screen are small.
fn place(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

fn look(cell: &Cell) -> (&'static str, Option<&'static str>, bool, bool) {
    let ground = (cell.bg != Color::Reset).then(|| hex(cell.bg));
    (hex(cell.fg), ground, cell.modifier.contains(Modifier::BOLD), cell.modifier.contains(Modifier::UNDERLINED))
}

/// The colours in use; a terminal has its own for them.
fn hex(colour: Color) -> &'static str {
    match colour {
        Color::Green => "#4cc38a",
        Color::Red => "#f2686c",
        Color::Yellow => "#f0b849",
        Color::Cyan => "#57b6e8",
        Color::DarkGray => "#6b7786",
        Color::Black => GROUND,
        _ => INK,
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use ratatui::{layout::Rect, style::Style};

    use super::*;

    #[test]
    fn runs_of_one_look_are_one_text_and_signs_are_escaped() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 10, 1));
        buffer.set_string(0, 0, "a<b", Style::new().fg(Color::Green));
        buffer.set_string(3, 0, "&", Style::new().bg(Color::Red));
        let svg = of(&buffer);
        assert!(svg.contains(">a&lt;b</text>") && svg.contains(">&amp;</text>"), "{svg}");
        assert_eq!(svg.matches("<rect").count(), 2, "{svg}");
        assert!(svg.starts_with("<svg") && svg.ends_with("</svg>\n"));
    }
}
