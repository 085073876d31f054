//! Connection, limits, queues and alerts.

use ratatui::{
    Frame,
    layout::{Constraint, Rect},
    style::Color,
    text::{Line, Span},
    widgets::Paragraph,
};

use super::{
    picture::Picture,
    screen::{Column, block, table},
    style::{ACCENT, BAD, FADED, GOOD, WARNING, ago, clock, colour_of, coloured, faded, gauge, strong},
};
use crate::schema::{
    connection::{FarmState, IbLink, LinkPhase, LinkStatus},
    request::market::Usage,
};

/// Both sockets, the gateway's link to IB and the farms: three facts that are never mixed.
pub(super) fn connection(frame: &mut Frame, area: Rect, picture: &Picture) {
    let block = block("Connection");
    let Some(pool) = &picture.pool else {
        return frame.render_widget(Paragraph::new(faded("not told yet")).block(block), area);
    };
    let state = &pool.connection;
    let mut lines = vec![link("trading", &state.trading, picture.now_us), link("data", &state.data, picture.now_us)];
    let up = pool.farms.iter().filter(|farm| farm.state == FarmState::Up).count();
    let (word, colour) = match state.ib_link {
        IbLink::Up => ("up", GOOD),
        IbLink::Lost => ("lost", BAD),
        // A gateway that was never without IB says nothing of it, and farms that are up are its word.
        IbLink::Unknown if up > 0 => ("no loss told", GOOD),
        IbLink::Unknown => ("not told", FADED),
    };
    let since = ago(picture.now_us, state.ib_link_since_us);
    lines.push(Line::from(vec![
        Span::raw("IB       "),
        dot(colour),
        coloured(format!("{word:<8} "), colour),
        faded(since),
    ]));
    for error in [&state.trading, &state.data].into_iter().filter(|link| link.phase != LinkPhase::Ready) {
        if let Some(error) = &error.last_error {
            lines.push(Line::from(coloured(error.clone(), BAD)));
        }
    }
    // What is well is counted; what is not is named.
    let mut chips = vec![Span::raw("farms    ")];
    if up > 0 {
        chips.extend([dot(GOOD), Span::raw(format!("{up} up "))]);
    }
    for farm in pool.farms.iter().filter(|farm| farm.state != FarmState::Up) {
        let colour = match farm.state {
            FarmState::Up => GOOD,
            FarmState::Down => BAD,
            FarmState::Idle => FADED,
            FarmState::Connecting => WARNING,
        };
        chips.push(dot(colour));
        chips.push(Span::raw(format!("{} ", farm.farm)));
    }
    lines.push(Line::from(chips));
    if let Some(health) = &picture.health {
        let account = health.uses.account.ok;
        let uses =
            [("data", health.data), ("history", health.history), ("orders", health.orders), ("account", account)];
        let mut words = vec![Span::raw("usable   ")];
        for (name, is_usable) in uses {
            words.push(dot(if is_usable { GOOD } else { BAD }));
            words.push(Span::raw(format!("{name} ")));
        }
        lines.push(Line::from(words));
        lines.extend(health.reasons.iter().map(|reason| Line::from(coloured(reason.clone(), WARNING))));
        let lost = health.counters.shed_events + health.counters.dropped_offline;
        lines.push(Line::from(vec![
            faded("journal  "),
            Span::raw(format!("{} unpublished", health.journal.unpublished)),
            faded("   events shed "),
            coloured(lost.to_string(), if lost > 0 { WARNING } else { FADED }),
        ]));
    }
    let paragraph = Paragraph::new(lines).wrap(ratatui::widgets::Wrap { trim: false }).block(block);
    frame.render_widget(paragraph, area);
}

fn dot(colour: Color) -> Span<'static> {
    coloured("● ", colour)
}

fn link(name: &str, link: &LinkStatus, now_us: i64) -> Line<'static> {
    let colour = match link.phase {
        LinkPhase::Ready => GOOD,
        LinkPhase::Down => BAD,
        _ => WARNING,
    };
    let phase = format!("{:?}", link.phase).to_lowercase();
    let mut words = vec![Span::raw(format!("{name:<9}")), dot(colour), coloured(format!("{phase:<9}"), colour)];
    words.push(faded(format!("{:<5} id ", ago(now_us, link.since_us))));
    words.push(Span::raw(link.client_id.to_string()));
    if let Some(version) = link.server_version {
        words.push(faded(format!("  v{version}")));
    }
    if let Some(at) = link.last_receive_us {
        words.push(faded(format!("  heard {} ago", ago(now_us, at))));
    }
    if let Some(us) = link.round_trip_us {
        words.push(faded(format!("  rtt {us} µs")));
    }
    Line::from(words)
}

/// How much of every limit is used.
pub(super) fn limits(frame: &mut Frame, area: Rect, picture: &Picture) {
    let block = block("Pacing");
    let Some(pace) = &picture.pace else {
        return frame.render_widget(Paragraph::new(faded("not told yet")).block(block), area);
    };
    let rows: [(&str, Usage); 10] = [
        ("messages/s", pace.messages_per_second),
        ("  data link", pace.data_messages),
        ("lines", pace.market_data_lines),
        ("tick-by-tick", pace.tick_by_tick),
        ("depth", pace.depth),
        ("scanners", pace.scanners),
        ("history 10 min", pace.history_10_min),
        ("history open", pace.history_open),
        ("long bars 2 s", pace.history_long_2_s),
        ("live bars", pace.kept_bars),
    ];
    let width = usize::from(area.width.saturating_sub(29)).max(4);
    let mut lines: Vec<Line> = rows
        .into_iter()
        .map(|(name, usage)| {
            let mut line = Line::from(Span::raw(format!("{name:<15}")));
            line.extend(gauge(usage.used, usage.max, width));
            line.push_span(Span::raw(format!(" {:>4}", usage.used)));
            line.push_span(faded(format!("/{:<5}", usage.max)));
            line
        })
        .collect();
    let violations = coloured(pace.violations.to_string(), if pace.violations > 0 { BAD } else { FADED });
    lines.push(Line::from(vec![faded("violations     "), violations]));
    for slowed in &pace.slowed {
        let text = format!("{}: {} of {} for now", slowed.limit, slowed.allowed, slowed.configured);
        lines.push(Line::from(coloured(text, WARNING)));
    }
    frame.render_widget(Paragraph::new(lines).block(block), area);
}

/// What waits, by class.
pub(super) fn queues(frame: &mut Frame, area: Rect, picture: &Picture, scroll: &mut usize) {
    let columns = [
        Column("class", Constraint::Length(12), false),
        Column("waiting", Constraint::Length(9), true),
        Column("oldest ms", Constraint::Length(10), true),
        Column("sent", Constraint::Length(10), true),
        Column("longest wait ms", Constraint::Length(16), true),
    ];
    let queues = picture.pace.iter().flat_map(|pace| &pace.queues);
    let rows = queues.map(|queue| {
        let waiting = if queue.waiting > 0 { WARNING } else { FADED };
        vec![
            strong(queue.class.clone()),
            coloured(queue.waiting.to_string(), waiting),
            Span::raw(queue.oldest_ms.to_string()),
            Span::raw(queue.sent.to_string()),
            Span::raw(queue.longest_wait_ms.to_string()),
        ]
    });
    let clients = picture.pace.iter().flat_map(|pace| &pace.clients).map(|client| {
        vec![
            coloured(client.client.clone().unwrap_or_else(|| "(no name)".to_owned()), ACCENT),
            Span::raw(client.waiting.to_string()),
            faded("-"),
            Span::raw(client.sent.to_string()),
            Span::raw(client.longest_wait_ms.to_string()),
        ]
    });
    table(frame, area, "Queues and clients", &columns, rows.chain(clients).collect(), scroll, "nothing was sent yet");
}

/// What a person should know, newest first.
pub(super) fn alerts(frame: &mut Frame, area: Rect, picture: &Picture, scroll: &mut usize) {
    let columns = [
        Column("time", Constraint::Length(8), false),
        Column("what", Constraint::Length(14), false),
        Column("", Constraint::Fill(1), false),
    ];
    let rows = picture.alerts.iter().map(|alert| {
        vec![
            faded(clock(alert.at_us)),
            coloured(alert.tag.clone(), colour_of(alert.weight)),
            Span::raw(alert.text.clone()),
        ]
    });
    table(frame, area, "Alerts", &columns, rows.collect(), scroll, "none since this screen was opened");
}
