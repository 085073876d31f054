//! Pages, and what stands around them.

use ratatui::{
    Frame,
    crossterm::event::KeyCode,
    layout::{Constraint, Flex, Layout, Rect},
    style::{Modifier, Style},
    text::{Line, Span},
    widgets::{Block, BorderType, Borders, Cell, Paragraph, Row, Table},
};

use super::{
    account, market, panels,
    picture::Picture,
    style::{ACCENT, BAD, FADED, GOOD, WARNING, clock, coloured, faded, fitting, shortened, strong},
};

/// A page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Tab {
    Overview,
    Market,
    Orders,
    Account,
    Pacing,
    Alerts,
}

impl Tab {
    pub(super) const ALL: [Self; 6] =
        [Self::Overview, Self::Market, Self::Orders, Self::Account, Self::Pacing, Self::Alerts];

    fn name(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Market => "Market",
            Self::Orders => "Orders",
            Self::Account => "Account",
            Self::Pacing => "Pacing",
            Self::Alerts => "Alerts",
        }
    }

    fn other(self, by: usize) -> Self {
        let place = Self::ALL.iter().position(|tab| *tab == self).unwrap_or_default();
        Self::ALL.get((place + by) % Self::ALL.len()).copied().unwrap_or(Self::Overview)
    }
}

/// Two lists beside each other need so many columns for their prices.
const SIDE_BY_SIDE_MIN: u16 = 140;
/// Rows of the panel with IB's limits.
const LIMITS_ROWS: u16 = 13;
/// A list that holds nothing says so in as many rows.
const LIST_ROWS_MIN: u16 = 6;

/// What the person looks at.
#[derive(Debug)]
pub(super) struct View {
    tab: Tab,
    scroll: usize,
}

impl View {
    pub(super) fn at(tab: Tab) -> Self {
        Self { tab, scroll: 0 }
    }

    #[cfg(test)]
    pub(super) fn tab(&self) -> Tab {
        self.tab
    }

    pub(super) fn on_key(&mut self, key: KeyCode) {
        let scroll = |by: usize, view: &Self| (view.tab, view.scroll.saturating_add(by));
        (self.tab, self.scroll) = match key {
            KeyCode::Tab | KeyCode::Right | KeyCode::Char('l') => (self.tab.other(1), 0),
            KeyCode::BackTab | KeyCode::Left | KeyCode::Char('h') => (self.tab.other(Tab::ALL.len() - 1), 0),
            KeyCode::Char(digit @ '1'..='6') => {
                let place = usize::try_from(digit.to_digit(10).unwrap_or(1)).unwrap_or(1);
                (Tab::ALL.get(place - 1).copied().unwrap_or(self.tab), 0)
            }
            KeyCode::Down | KeyCode::Char('j') => scroll(1, self),
            KeyCode::PageDown | KeyCode::Char(' ') => scroll(20, self),
            KeyCode::Up | KeyCode::Char('k') => (self.tab, self.scroll.saturating_sub(1)),
            KeyCode::PageUp => (self.tab, self.scroll.saturating_sub(20)),
            KeyCode::Home | KeyCode::Char('g') => (self.tab, 0),
            _ => (self.tab, self.scroll),
        };
    }
}

/// Draws everything.
pub(super) fn draw(frame: &mut Frame, picture: &Picture, view: &mut View) {
    let [head, tabs, body, foot] =
        Layout::vertical([Constraint::Length(1), Constraint::Length(1), Constraint::Min(0), Constraint::Length(1)])
            .areas(frame.area());
    header(frame, head, picture);
    frame.render_widget(Line::from(names(view.tab)), tabs);
    let scroll = &mut view.scroll;
    match view.tab {
        Tab::Overview => overview(frame, body, picture, scroll),
        Tab::Market => {
            let [quotes, leases] = halves(body, 60);
            market::quotes(frame, quotes, picture, scroll);
            market::leases(frame, leases, picture, &mut 0);
        }
        Tab::Orders => {
            let [orders, fills] = halves(body, 60);
            account::orders(frame, orders, picture, scroll);
            account::fills(frame, fills, picture, &mut 0);
        }
        Tab::Account => {
            let [pnl, positions] = halves(body, 30);
            account::profits(frame, pnl, picture);
            account::positions(frame, positions, picture, scroll);
        }
        Tab::Pacing => {
            let [limits, queues] = halves(body, 55);
            let [limits, links] = columns(limits, 55);
            panels::limits(frame, limits, picture);
            panels::connection(frame, links, picture);
            panels::queues(frame, queues, picture, scroll);
        }
        Tab::Alerts => panels::alerts(frame, body, picture, scroll),
    }
    footer(frame, foot, picture);
}

fn overview(frame: &mut Frame, body: Rect, picture: &Picture, scroll: &mut usize) {
    if body.width < SIDE_BY_SIDE_MIN || body.height < 24 {
        // A small screen shows what matters most.
        let [links, quotes, orders] =
            Layout::vertical([Constraint::Length(9), Constraint::Fill(1), Constraint::Fill(1)]).areas(body);
        panels::connection(frame, links, picture);
        market::quotes(frame, quotes, picture, scroll);
        account::orders(frame, orders, picture, &mut 0);
        return;
    }
    let room = body.height.saturating_sub(LIMITS_ROWS);
    let lists = [picture.quotes.len(), picture.orders.len()];
    let others = [picture.positions.len(), picture.fills.len(), picture.alerts.len()];
    let middle = shared(room, needed(&lists), needed(&others));
    let [top, middle, bottom] =
        Layout::vertical([Constraint::Length(LIMITS_ROWS), Constraint::Length(middle), Constraint::Fill(1)])
            .areas(body);
    let [links, limits, profits] =
        Layout::horizontal([Constraint::Fill(5), Constraint::Fill(4), Constraint::Fill(4)]).areas(top);
    panels::connection(frame, links, picture);
    panels::limits(frame, limits, picture);
    account::profits(frame, profits, picture);
    let [quotes, orders] = columns(middle, 55);
    market::quotes(frame, quotes, picture, scroll);
    account::orders(frame, orders, picture, &mut 0);
    let [left, middle, right] =
        Layout::horizontal([Constraint::Fill(4), Constraint::Fill(4), Constraint::Fill(5)]).areas(bottom);
    account::positions(frame, left, picture, &mut 0);
    account::fills(frame, middle, picture, &mut 0);
    panels::alerts(frame, right, picture, &mut 0);
}

/// Rows of a panel with the longest of these lists: its frame and its headings are three.
fn needed(lists: &[usize]) -> u16 {
    let longest = lists.iter().max().copied().unwrap_or_default();
    u16::try_from(longest + 3).unwrap_or(u16::MAX)
}

/// Rows for the upper of two panels: three fifths, unless one of the two needs less than its share.
fn shared(room: u16, upper: u16, lower: u16) -> u16 {
    let share = room / 5 * 3;
    if upper <= share {
        upper
    } else if lower <= room - share {
        room - lower.max(LIST_ROWS_MIN).min(room)
    } else {
        share
    }
}

fn halves(area: Rect, upper: u16) -> [Rect; 2] {
    Layout::vertical([Constraint::Percentage(upper), Constraint::Fill(1)]).areas(area)
}

fn columns(area: Rect, left: u16) -> [Rect; 2] {
    Layout::horizontal([Constraint::Percentage(left), Constraint::Fill(1)]).areas(area)
}

fn header(frame: &mut Frame, area: Rect, picture: &Picture) {
    let mut words = vec![strong(" ibnats "), coloured(picture.prefix.clone(), ACCENT), faded(" on ")];
    words.push(Span::raw(picture.servers.clone()));
    if let Some(info) = &picture.info {
        words.push(faded("   gateway "));
        words.push(Span::raw(info.gateway.clone()));
        words.push(faded("   "));
        words.push(Span::raw(info.accounts.join(" ")));
        words.push(if info.allow_live { coloured(" live allowed", WARNING) } else { faded(" paper only") });
    }
    frame.render_widget(Line::from(words), area);
    let halted = picture.risk.as_ref().and_then(|risk| risk.halted.as_ref());
    let state = match (&picture.health, halted) {
        (_, Some(halted)) => badge(format!(" HALTED by {} ", halted.by), BAD),
        (Some(health), None) if health.ok => badge(" READY ", GOOD),
        (Some(health), None) => badge(format!(" {} ", health.reasons.first().map_or("NOT READY", |text| text)), BAD),
        (None, None) => badge(" ... ", FADED),
    };
    let right = Line::from(vec![state, Span::raw(format!(" {} UTC ", clock(picture.now_us)))]).right_aligned();
    let width = u16::try_from(right.width()).unwrap_or(u16::MAX).min(area.width);
    let place = Rect { x: area.x + area.width - width, width, ..area };
    frame.render_widget(ratatui::widgets::Clear, place);
    frame.render_widget(right, place);
}

fn badge(text: impl Into<String>, colour: ratatui::style::Color) -> Span<'static> {
    Span::styled(text.into(), Style::new().fg(ratatui::style::Color::Black).bg(colour).add_modifier(Modifier::BOLD))
}

fn names(shown: Tab) -> Vec<Span<'static>> {
    let mut words = vec![Span::raw(" ")];
    for (place, tab) in Tab::ALL.into_iter().enumerate() {
        words.push(faded(format!("{} ", place + 1)));
        let style = if tab == shown {
            Style::new().fg(ACCENT).add_modifier(Modifier::BOLD | Modifier::UNDERLINED)
        } else {
            Style::new()
        };
        words.push(Span::styled(tab.name(), style));
        words.push(Span::raw("   "));
    }
    words
}

fn footer(frame: &mut Frame, area: Rect, picture: &Picture) {
    let keys = Line::from(vec![
        coloured(" q", ACCENT),
        faded(" quit  "),
        coloured("Tab ← →", ACCENT),
        faded(" pages  "),
        coloured("↑ ↓", ACCENT),
        faded(" scroll  "),
    ]);
    let width = u16::try_from(keys.width()).unwrap_or(0);
    frame.render_widget(keys, area);
    if let Some(trouble) = picture.trouble() {
        let place = Rect { x: area.x + width.min(area.width), width: area.width.saturating_sub(width), ..area };
        frame.render_widget(Line::from(coloured(trouble, WARNING)), place);
    }
}

/// A frame with a title around a panel.
pub(super) fn block(title: impl Into<String>) -> Block<'static> {
    Block::new()
        .borders(Borders::ALL)
        .border_type(BorderType::Rounded)
        .border_style(Style::new().fg(FADED))
        .title(Span::styled(format!(" {} ", title.into()), Style::new().add_modifier(Modifier::BOLD)))
}

/// A column: its heading, its width, and whether it holds figures.
pub(super) struct Column(pub(super) &'static str, pub(super) Constraint, pub(super) bool);

/// Draws rows, of which `scroll` are above the panel; as many as there are, and no more.
pub(super) fn table(
    frame: &mut Frame,
    area: Rect,
    title: &str,
    columns: &[Column],
    rows: Vec<Vec<Span<'static>>>,
    scroll: &mut usize,
    none: &str,
) {
    let count = rows.len();
    let room = usize::from(area.height.saturating_sub(3));
    *scroll = (*scroll).min(count.saturating_sub(room));
    let block = block(if count == 0 { title.to_owned() } else { format!("{title} {count}") });
    if count == 0 {
        return frame.render_widget(Paragraph::new(faded(none.to_owned())).block(block), area);
    }
    let aligned = |span: Span<'static>, is_figure: bool| {
        let line = Line::from(span);
        Cell::new(if is_figure { line.right_aligned() } else { line })
    };
    // The places that the table will come to as well: what does not fit into one has to be told shorter.
    let places = Layout::horizontal(columns.iter().map(|Column(_, width, _)| *width)).flex(Flex::Start).spacing(1);
    let places = places.split(block.inner(area));
    let widths: Vec<u16> = places.iter().map(|place| place.width).collect();
    let heads = columns
        .iter()
        .zip(&widths)
        .map(|(Column(name, _, is_figure), width)| aligned(faded(shortened(name, usize::from(*width))), *is_figure));
    let shown = rows.into_iter().skip(*scroll).take(room.max(1)).map(|row| {
        Row::new(row.into_iter().zip(columns).zip(&widths).map(|((span, Column(_, _, is_figure)), width)| {
            let width = usize::from(*width);
            let content = if *is_figure { fitting(&span.content, width) } else { shortened(&span.content, width) };
            aligned(Span::styled(content, span.style), *is_figure)
        }))
    });
    let widths = widths.iter().map(|width| Constraint::Length(*width));
    frame.render_widget(Table::new(shown, widths).header(Row::new(heads)).block(block).column_spacing(1), area);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_go_where_something_is_to_be_shown() {
        for (upper, lower, wanted) in [(8, 10, 8), (3, 40, 3), (40, 6, 14), (40, 3, 14), (40, 40, 12)] {
            assert_eq!(shared(20, upper, lower), wanted, "{upper} and {lower} of 20");
        }
        assert_eq!(shared(0, 9, 9), 0);
    }
}
