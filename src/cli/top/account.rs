//! Orders, fills, positions and profit.

use std::cmp::Reverse;

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
    style::{ACCENT, BAD, FADED, GOOD, WARNING, clock, coloured, faded, fitting, grouped, price, signed, strong},
};
use crate::schema::order::{OrderEvent, OrderState, Side};

/// Columns for how much of an order is filled.
const PART_WIDTH: u16 = 9;

/// Open orders first, then the newest.
pub(super) fn orders(frame: &mut Frame, area: Rect, picture: &Picture, scroll: &mut usize) {
    let columns = [
        Column("time", Constraint::Length(8), false),
        Column("key", Constraint::Min(12), false),
        Column("instrument", Constraint::Length(if area.width > 90 { 16 } else { 10 }), false),
        Column("side", Constraint::Length(4), false),
        Column("filled", Constraint::Length(PART_WIDTH), true),
        Column("price", Constraint::Length(9), true),
        Column("state", Constraint::Length(if area.width > 90 { 16 } else { 9 }), false),
    ];
    let mut all: Vec<&OrderEvent> = picture.orders.values().collect();
    all.sort_by_key(|order| (order.state.is_final(), Reverse(order.recv_us)));
    let rows = all.into_iter().map(|order| {
        let quantity = order.quantity.as_ref().map_or_else(|| "?".to_owned(), ToString::to_string);
        let at = order.limit_price.or(order.stop_price);
        let decimals = picture.decimals(order.con_id.unwrap_or_default(), &[at]);
        vec![
            faded(clock(order.recv_us)),
            strong(order.key.to_string()),
            Span::raw(order.con_id.map(|con_id| picture.name(con_id)).unwrap_or_default()),
            order.side.map_or_else(|| faded("-"), side),
            Span::raw(part_of(&order.filled.to_string(), &quantity)),
            at.map_or_else(
                || faded(order.order_type.clone().unwrap_or_default()),
                |at| Span::raw(price(Some(at), decimals)),
            ),
            coloured(word(order.state), colour(order.state)),
        ]
    });
    table(frame, area, "Orders", &columns, rows.collect(), scroll, "none");
}

/// `10/50`; long ones in thousands or millions.
fn part_of(filled: &str, quantity: &str) -> String {
    let text = format!("{filled}/{quantity}");
    let half = usize::from(PART_WIDTH) / 2;
    if text.chars().count() <= usize::from(PART_WIDTH) {
        return text;
    }
    format!("{}/{}", fitting(filled, half), fitting(quantity, half))
}

fn side(side: Side) -> Span<'static> {
    match side {
        Side::Buy => coloured("buy", GOOD),
        Side::Sell => coloured("sell", BAD),
    }
}

fn word(state: OrderState) -> String {
    let text = serde_json::to_value(state).unwrap_or_default();
    text.as_str().unwrap_or_default().replace('_', " ")
}

fn colour(state: OrderState) -> Color {
    match state {
        OrderState::Working | OrderState::PartiallyFilled => ACCENT,
        OrderState::Filled => GOOD,
        OrderState::Rejected | OrderState::OutcomeUnknown => BAD,
        OrderState::Cancelled | OrderState::Journaled => FADED,
        OrderState::Sent | OrderState::CancelPending | OrderState::Inactive => WARNING,
    }
}

pub(super) fn fills(frame: &mut Frame, area: Rect, picture: &Picture, scroll: &mut usize) {
    let columns = [
        Column("time", Constraint::Length(8), false),
        Column("instrument", Constraint::Min(8), false),
        Column("side", Constraint::Length(4), false),
        Column("size", Constraint::Length(6), true),
        Column("price", Constraint::Length(9), true),
        Column(
            if area.width > 50 { "cost" } else { "" },
            Constraint::Length(if area.width > 50 { 6 } else { 0 }),
            true,
        ),
    ];
    let rows = picture.fills.iter().map(|fill| {
        vec![
            faded(clock(fill.event_us.unwrap_or(fill.recv_us))),
            strong(picture.name(fill.con_id)),
            side(fill.side),
            Span::raw(fill.quantity.to_string()),
            Span::raw(price(Some(fill.price), picture.decimals(fill.con_id, &[Some(fill.price)]))),
            faded(fill.commission.map_or_else(|| "-".to_owned(), |cost| grouped(cost, 2))),
        ]
    });
    table(frame, area, "Fills", &columns, rows.collect(), scroll, "none today");
}

pub(super) fn positions(frame: &mut Frame, area: Rect, picture: &Picture, scroll: &mut usize) {
    let columns = [
        Column("instrument", Constraint::Min(8), false),
        Column("held", Constraint::Length(7), true),
        Column(
            if area.width > 60 { "cost" } else { "" },
            Constraint::Length(if area.width > 60 { 10 } else { 0 }),
            true,
        ),
        Column("price", Constraint::Length(9), true),
        Column("unrealized", Constraint::Length(11), true),
    ];
    let rows = picture.positions.values().map(|held| {
        vec![
            strong(picture.name(held.con_id)),
            Span::raw(held.position.to_string()),
            faded(held.average_cost.map_or_else(|| "-".to_owned(), |cost| grouped(cost, 2))),
            Span::raw(price(held.market_price, picture.decimals(held.con_id, &[held.market_price]))),
            signed(held.unrealized_pnl, 2),
        ]
    });
    table(frame, area, "Positions", &columns, rows.collect(), scroll, "none");
}

/// Profit of each account, and how the day went.
pub(super) fn profits(frame: &mut Frame, area: Rect, picture: &Picture) {
    let mut lines: Vec<Line> = Vec::new();
    for (account, pnl) in &picture.pnl {
        let open = picture.orders.values().filter(|order| &order.account == account && !order.state.is_final());
        lines.push(Line::from(vec![strong(account.clone()), faded(format!("  {} open orders", open.count()))]));
        for (name, figure) in [("day", pnl.daily), ("unrealized", pnl.unrealized), ("realized", pnl.realized)] {
            let mut line = Line::from(faded(format!("  {name:<12}")));
            line.push_span(signed(figure, 2));
            lines.push(line);
        }
    }
    if lines.is_empty() {
        lines.push(Line::from(faded("IB has not told any yet")));
    }
    if let Some(halted) = picture.risk.as_ref().and_then(|risk| risk.halted.as_ref()) {
        let reason = halted.reason.clone().unwrap_or_default();
        lines.push(Line::from(coloured(format!("halted by {}: {reason}", halted.by), BAD)));
    }
    frame.render_widget(Paragraph::new(lines).block(block("Profit and loss")), area);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_much_is_filled_is_told_whole_or_in_thousands() {
        assert_eq!(part_of("10", "50"), "10/50");
        assert_eq!(part_of("25000", "25000"), "25K/25K");
        assert_eq!(part_of("0", "1000000"), "0/1000000");
        assert_eq!(part_of("0.12345678", "2"), "…/2");
    }
}
