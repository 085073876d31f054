//! Quotes, and the leases that hold them.

use ratatui::{Frame, layout::Constraint, layout::Rect, text::Span};

use super::{
    picture::{Picture, Quoted, name_of, price as price_of},
    screen::{Column, table},
    style::{BAD, FADED, GOOD, WARNING, ago, chart, coloured, faded, price, signed, strong},
};
use crate::schema::request::market::StreamState;

pub(super) fn quotes(frame: &mut Frame, area: Rect, picture: &Picture, scroll: &mut usize) {
    // What the others and the name leave.
    let spare = area.width.saturating_sub(77);
    let trend = if spare > 7 { (spare / 3 * 2).min(24) } else { 0 };
    let columns = [
        Column("instrument", Constraint::Min(12), false),
        Column("size", Constraint::Length(7), true),
        Column("bid", Constraint::Length(9), true),
        Column("ask", Constraint::Length(9), true),
        Column("size", Constraint::Length(7), true),
        Column("last", Constraint::Length(9), true),
        Column("day %", Constraint::Length(7), true),
        Column(if trend > 0 { " trend" } else { "" }, Constraint::Length(trend + u16::from(trend > 0)), false),
        Column("", Constraint::Length(6), false),
    ];
    let rows = picture.quotes.iter().map(|(con_id, quoted)| row(picture, *con_id, quoted, usize::from(trend)));
    let none = "no quote is held; `ibnats sub STK:AAPL` holds one";
    table(frame, area, "Quotes", &columns, rows.collect(), scroll, none);
}

fn row(picture: &Picture, con_id: i32, quoted: &Quoted, trend: usize) -> Vec<Span<'static>> {
    let quote = &quoted.event;
    let size = |size: &Option<crate::schema::Size>| size.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string);
    let change = price_of(quote).zip(quote.close).filter(|(_, close)| *close > 0.0);
    let kind = format!("{:?}", quote.data_kind).to_lowercase();
    let state = if quote.stale {
        coloured("stale", BAD)
    } else if quote.halted == Some(true) {
        coloured("halted", WARNING)
    } else if kind == "live" {
        faded(ago(picture.now_us, quote.recv_us))
    } else {
        coloured(kind, WARNING)
    };
    let decimals = picture.decimals(con_id, &[quote.bid, quote.ask, quote.last]);
    // A space before it: figures stand at the right of the column to the left.
    let mut line = chart(&quoted.trend, trend);
    line.content = format!(" {}", line.content).into();
    vec![
        strong(picture.name(con_id)),
        faded(size(&quote.bid_size)),
        coloured(price(quote.bid, decimals), GOOD),
        coloured(price(quote.ask, decimals), BAD),
        faded(size(&quote.ask_size)),
        Span::raw(price(quote.last, decimals)),
        signed(change.map(|(now, close)| (now / close - 1.0) * 100.0), 2),
        line,
        state,
    ]
}

pub(super) fn leases(frame: &mut Frame, area: Rect, picture: &Picture, scroll: &mut usize) {
    let columns = [
        Column("lease", Constraint::Length(16), false),
        Column("instrument", Constraint::Length(20), false),
        Column("client", Constraint::Length(14), false),
        Column("streams", Constraint::Fill(1), false),
        Column("shared", Constraint::Length(7), true),
        Column("ends in", Constraint::Length(9), true),
    ];
    let rows = picture.leases.iter().map(|lease| {
        let streams: Vec<String> = lease.streams.iter().map(|held| held.stream.to_string()).collect();
        let is_well = lease.streams.iter().all(|held| held.state == StreamState::Streaming);
        let ends = lease.expires_us.map_or_else(|| faded("never"), |at| Span::raw(ago(at, picture.now_us)));
        vec![
            faded(lease.lease.clone()),
            strong(name_of(&lease.instrument)),
            Span::raw(lease.client.clone().unwrap_or_else(|| "(bridge)".to_owned())),
            coloured(streams.join(" "), if is_well { GOOD } else { WARNING }),
            Span::styled(
                lease.streams.iter().map(|held| held.holders).max().unwrap_or_default().to_string(),
                ratatui::style::Style::new().fg(FADED),
            ),
            ends,
        ]
    });
    table(frame, area, "Leases", &columns, rows.collect(), scroll, "no stream is held");
}
