//! `ibnats top`: the bridge at a glance, full screen, in a terminal.

mod account;
mod feed;
mod market;
mod panels;
mod picture;
mod screen;
mod style;
mod svg;

use std::{
    io::{self, IsTerminal as _},
    path::PathBuf,
    time::Duration,
};

use ratatui::{
    Terminal,
    backend::TestBackend,
    buffer::Buffer,
    crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers},
};
use tokio::{
    sync::mpsc,
    time::{MissedTickBehavior, interval},
};

use self::{
    feed::News,
    picture::Picture,
    screen::{Tab, View},
};
use super::{
    Failure,
    remote::{Bridge, Remote},
};
use crate::gateway::clock;

/// Nothing is drawn more often than this.
const DRAW_EVERY: Duration = Duration::from_millis(200);
/// How often the reader of keys looks whether anybody still listens.
const KEYS_EVERY: Duration = Duration::from_millis(250);
const KEYS_MAX: usize = 64;
/// A picture waits so much longer for answers that have not come.
const COMPLETE_WITHIN: Duration = Duration::from_secs(20);

/// Show connection, limits, quotes, orders, fills, positions and alerts on the full screen
///
/// Keys: q quits, Tab and the arrows left and right change the page, 1 to 6 choose one, the arrows up and down scroll.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    bridge: Bridge,
    /// Page to begin with
    #[arg(long, value_enum, default_value_t = Tab::Overview)]
    page: Tab,
    /// Write one picture as .svg or .txt instead, which needs no terminal
    #[arg(long, value_name = "FILE")]
    screenshot: Option<PathBuf>,
    /// Size of the picture in characters
    #[arg(long, value_name = "COLUMNSxROWS", default_value = "150x46", value_parser = size, requires = "screenshot")]
    size: (u16, u16),
    /// Seconds to watch before the picture is taken
    #[arg(long, value_name = "SECONDS", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=600), requires = "screenshot")]
    after: u64,
}

fn size(text: &str) -> Result<(u16, u16), String> {
    let wrong = || format!("{text:?} is no size such as 150x46, of at least 40x10 and at most 400x200");
    let (columns, rows) = text.split_once('x').ok_or_else(wrong)?;
    let (columns, rows) = (columns.parse().map_err(|_| wrong())?, rows.parse().map_err(|_| wrong())?);
    if (40..=400).contains(&columns) && (10..=200).contains(&rows) { Ok((columns, rows)) } else { Err(wrong()) }
}

pub(super) async fn run(args: Args) -> Result<(), Failure> {
    if args.screenshot.is_none() && !(io::stdout().is_terminal() && io::stdin().is_terminal()) {
        return Err("this needs a terminal; `ibnats top --screenshot FILE.svg` draws without one, and `ibnats pool`, `pace`, `order list` and `account` print what it shows".into());
    }
    let remote = Remote::open(&args.bridge).await?;
    // Says at once that no bridge is there, instead of an empty screen.
    remote.ask("bridge.info", serde_json::json!({})).await?;
    let mut picture = Picture::new(remote.prefix(), &remote.servers());
    let news = feed::start(remote).await?;
    if let Some(path) = &args.screenshot {
        return screenshot(&args, picture, news, path).await;
    }
    let mut terminal = ratatui::try_init()?;
    let outcome = watch(&mut terminal, &mut picture, View::at(args.page), news).await;
    ratatui::try_restore()?;
    outcome
}

async fn watch(
    terminal: &mut ratatui::DefaultTerminal,
    picture: &mut Picture,
    mut view: View,
    mut news: mpsc::Receiver<News>,
) -> Result<(), Failure> {
    let mut keys = keys();
    let mut draw = interval(DRAW_EVERY);
    draw.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            Some(news) = news.recv() => {
                picture.take(clock::now().us, news);
                continue;
            }
            Some(event) = keys.recv() => match event {
                Event::Key(key) if key.kind != KeyEventKind::Release && is_end(key) => return Ok(()),
                Event::Key(key) if key.kind != KeyEventKind::Release => view.on_key(key.code),
                _ => {}
            },
            _ = draw.tick() => {}
        }
        picture.tick(clock::now().us);
        terminal.draw(|frame| screen::draw(frame, picture, &mut view))?;
    }
}

fn is_end(key: KeyEvent) -> bool {
    let is_interrupt = key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL);
    is_interrupt || matches!(key.code, KeyCode::Char('q') | KeyCode::Esc)
}

/// Keys and changes of size. The thread ends soon after nobody listens any more.
fn keys() -> mpsc::Receiver<Event> {
    let (told, keys) = mpsc::channel(KEYS_MAX);
    std::thread::spawn(move || {
        while !told.is_closed() {
            match event::poll(KEYS_EVERY).and_then(|is_there| is_there.then(event::read).transpose()) {
                Ok(Some(event)) => {
                    if told.blocking_send(event).is_err() {
                        return;
                    }
                }
                Ok(None) => {}
                Err(_) => return,
            }
        }
    });
    keys
}

async fn screenshot(
    args: &Args,
    mut picture: Picture,
    mut news: mpsc::Receiver<News>,
    path: &PathBuf,
) -> Result<(), Failure> {
    let begun = clock::now().at;
    let (least, most) = (Duration::from_secs(args.after), Duration::from_secs(args.after) + COMPLETE_WITHIN);
    let mut tick = interval(DRAW_EVERY);
    loop {
        tokio::select! {
            Some(news) = news.recv() => picture.take(clock::now().us, news),
            _ = tick.tick() => picture.tick(clock::now().us),
        }
        let passed = clock::now().at.saturating_duration_since(begun);
        if passed >= most || passed >= least && picture.is_complete() {
            break;
        }
    }
    let buffer = drawn(&mut picture, View::at(args.page), args.size)?;
    let is_svg = path.extension().is_some_and(|extension| extension == "svg");
    let text = if is_svg { svg::of(&buffer) } else { plain(&buffer) };
    std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()).into())
}

/// One picture of this size.
fn drawn(picture: &mut Picture, mut view: View, (columns, rows): (u16, u16)) -> Result<Buffer, Failure> {
    let mut terminal = Terminal::new(TestBackend::new(columns, rows))?;
    picture.tick(clock::now().us);
    terminal.draw(|frame| screen::draw(frame, picture, &mut view))?;
    Ok(terminal.backend().buffer().clone())
}

fn plain(buffer: &Buffer) -> String {
    let width = usize::from(buffer.area.width).max(1);
    let rows = buffer.content.chunks(width).map(|row| {
        let text: String = row.iter().map(ratatui::buffer::Cell::symbol).collect();
        format!("{}\n", text.trim_end())
    });
    rows.collect::<Vec<_>>().concat()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn picture() -> Picture {
        let mut picture = Picture::new("ib", "127.0.0.1:4222");
        let quote = json!({
            "con_id": 1, "seq": 1, "recv_us": 1, "data_kind": "live", "stale": false, "bid": 1.5, "ask": 1.75,
            "bid_size": "100", "ask_size": "200", "last": 1.6, "close": 1.5,
        });
        picture.take(0, News::Event("quote.STK.AAPL.SMART.USD".to_owned(), quote));
        let order = json!({
            "key": "mine-1", "account": "DU1", "recv_us": 1, "state": "working", "origin": "bridge", "filled": "0",
            "side": "buy", "quantity": "100", "order_type": "LMT", "limit_price": 1.55,
        });
        picture.take(0, News::Event("order.DU1.mine-1".to_owned(), order));
        picture
    }

    #[test]
    fn every_page_is_drawn_at_every_size_and_names_what_it_shows() {
        for page in Tab::ALL {
            for size in [(40, 10), (80, 24), (150, 46), (400, 200)] {
                let text = plain(&drawn(&mut picture(), View::at(page), size).expect("drawn"));
                assert_eq!(text.lines().count(), usize::from(size.1));
                assert!(text.contains("ibnats"), "{text}");
            }
        }
        let text = plain(&drawn(&mut picture(), View::at(Tab::Overview), (150, 46)).expect("drawn"));
        for words in ["AAPL", "1.75", "mine-1", "working", "Pacing", "Positions", "Alerts"] {
            assert!(text.contains(words), "{words} is missing in\n{text}");
        }
    }

    #[test]
    fn a_large_size_keeps_its_digits_or_is_told_in_millions() {
        let mut picture = picture();
        let quote = json!({
            "con_id": 2, "seq": 1, "recv_us": 1, "data_kind": "live", "stale": false, "bid": 1.0599, "ask": 1.06,
            "bid_size": "1000000", "ask_size": "12500000000", "close": 1.05,
        });
        picture.take(0, News::Event("quote.CASH.EUR.IDEALPRO.USD".to_owned(), quote));
        let order = json!({
            "key": "mine-2", "account": "DU1", "recv_us": 1, "state": "working", "origin": "bridge", "filled": "1000000",
            "side": "buy", "quantity": "2000000", "order_type": "LMT", "limit_price": 1.0599,
        });
        picture.take(0, News::Event("order.DU1.mine-2".to_owned(), order));
        let text = plain(&drawn(&mut picture, View::at(Tab::Overview), (150, 46)).expect("drawn"));
        assert!(text.contains(" 12.5B "), "{text}");
        assert!(text.contains("1.0599    1.0600") || text.contains("1.0599  "), "{text}");
        for width in 40..160 {
            for page in [Tab::Market, Tab::Orders, Tab::Overview] {
                let text = plain(&drawn(&mut picture, View::at(page), (width, 46)).expect("drawn"));
                let words: Vec<&str> = text.split(|c: char| c.is_whitespace() || c == '│').collect();
                for part in ["000", "0000", "00000", "000000", "00000000", "500000000", "/2000000"] {
                    assert!(!words.contains(&part), "{part} at {width}\n{text}");
                }
            }
        }
    }

    #[test]
    fn keys_change_the_page_and_scroll_within_bounds() {
        let mut view = View::at(Tab::Overview);
        view.on_key(KeyCode::Tab);
        assert_eq!(view.tab(), Tab::Market);
        view.on_key(KeyCode::BackTab);
        view.on_key(KeyCode::Left);
        assert_eq!(view.tab(), Tab::Alerts, "round and round");
        view.on_key(KeyCode::Char('3'));
        assert_eq!(view.tab(), Tab::Orders);
        for _ in 0..1_000 {
            view.on_key(KeyCode::PageDown);
        }
        drawn(&mut picture(), view, (80, 24)).expect("drawn");
    }

    #[test]
    fn only_sizes_that_can_be_drawn_are_taken() {
        assert_eq!(size("80x24"), Ok((80, 24)));
        for wrong in ["80", "x", "1x1", "9999x24", "-1x24"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }
}
