//! What consoles see: events gathered for a tenth of a second, the newest of each instrument and state alone.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use rustc_hash::FxHashMap;
use serde_json::{Value, json};
use tokio::{
    sync::{broadcast, mpsc, oneshot},
    time::{MissedTickBehavior, interval},
};

use crate::{measure::Count, schema::bar::BarSize, session::Event};

/// Time between two frames: nothing moves faster on the screen.
const FRAME_EVERY: Duration = Duration::from_millis(100);
/// Frames that a slow console may be behind before it misses some.
const FRAMES_MAX: usize = 64;
/// Events of one frame that are not conflated, such as fills.
const LISTED_MAX: usize = 2_000;
/// Instruments and states of one frame.
const NEWEST_MAX: usize = 20_000;
/// Happenings that a new console is told of.
const PAST_MAX: usize = 400;
/// Consoles that may be opening at once.
const JOINING_MAX: usize = 64;

type Joined = (String, broadcast::Receiver<Arc<str>>);

/// Lets consoles in. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Board {
    joining: mpsc::Sender<oneshot::Sender<Joined>>,
}

impl Board {
    /// Gathers events until their sender is gone. `dropped` counts what found no room.
    pub fn open(events: mpsc::Receiver<Event>, dropped: Arc<Count>) -> Self {
        let (joining, joiners) = mpsc::channel(JOINING_MAX);
        tokio::spawn(run(events, joiners, dropped));
        Self { joining }
    }

    /// What happened so far, and the frames from here on; `None` if the bridge is stopping.
    pub(super) async fn join(&self) -> Option<Joined> {
        let (reply, joined) = oneshot::channel();
        self.joining.send(reply).await.ok()?;
        joined.await.ok()
    }
}

async fn run(
    mut events: mpsc::Receiver<Event>,
    mut joiners: mpsc::Receiver<oneshot::Sender<Joined>>,
    dropped: Arc<Count>,
) {
    let (frames, _) = broadcast::channel(FRAMES_MAX);
    let mut gathering = Gathering::default();
    let mut draw = interval(FRAME_EVERY);
    draw.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            event = events.recv() => match event {
                Some(event) => dropped.add(gathering.take(event)),
                None => return,
            },
            joiner = joiners.recv() => {
                let Some(joiner) = joiner else { return };
                // What waits for the next frame is in the past as well: it may be seen twice, but not be missed.
                let _ = joiner.send((gathering.past(), frames.subscribe()));
            }
            _ = draw.tick() => {
                if let Some(frame) = gathering.frame(frames.receiver_count() > 0) {
                    let _ = frames.send(frame.into());
                }
            }
        }
    }
}

/// What of several events only the newest is shown.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    Quote(usize),
    Bar(usize, BarSize),
    Position(String, i32),
    Value(String, String, Option<String>),
    Pnl(String),
    PositionPnl(String, i32),
}

impl Key {
    fn of(event: &Event) -> Option<Self> {
        match event {
            Event::Quote(listing, _) => Some(Self::Quote(listing.slot)),
            Event::Bar(listing, bar) => Some(Self::Bar(listing.slot, bar.size)),
            Event::Position(event) => Some(Self::Position(event.account.clone(), event.con_id)),
            Event::AccountValue(event) => {
                Some(Self::Value(event.account.clone(), event.tag.clone(), event.currency.clone()))
            }
            Event::Pnl(event) => Some(Self::Pnl(event.account.clone())),
            Event::PositionPnl(event) => Some(Self::PositionPnl(event.account.clone(), event.con_id)),
            _ => None,
        }
    }
}

#[derive(Debug, Default)]
struct Gathering {
    newest: FxHashMap<Key, Event>,
    listed: VecDeque<Event>,
    past: VecDeque<Value>,
}

impl Gathering {
    /// Takes an event; gives the number of events that found no room.
    fn take(&mut self, event: Event) -> u64 {
        if let Some(key) = Key::of(&event) {
            if self.newest.len() >= NEWEST_MAX && !self.newest.contains_key(&key) {
                return 1;
            }
            self.newest.insert(key, event);
            return 0;
        }
        if is_remembered(&event) {
            self.past.extend(shown(&event));
            if self.past.len() > PAST_MAX {
                self.past.pop_front();
            }
        }
        self.listed.push_back(event);
        let is_full = self.listed.len() > LISTED_MAX;
        if is_full {
            self.listed.pop_front();
        }
        u64::from(is_full)
    }

    /// What happened to the connection and the bridge so far.
    fn past(&self) -> String {
        json!({ "version": env!("CARGO_PKG_VERSION"), "past": self.past }).to_string()
    }

    /// What came since the last frame; `None` if nothing did or nobody looks.
    fn frame(&mut self, is_watched: bool) -> Option<String> {
        let newest = std::mem::take(&mut self.newest);
        let listed = std::mem::take(&mut self.listed);
        if !is_watched || (newest.is_empty() && listed.is_empty()) {
            return None;
        }
        let events: Vec<Value> = listed.iter().chain(newest.values()).filter_map(shown).collect();
        Some(Value::Array(events).to_string())
    }
}

/// What a person who opens the console later wants to know.
fn is_remembered(event: &Event) -> bool {
    matches!(event, Event::Connection(_) | Event::Farm(_) | Event::Notice(_) | Event::Gap(..) | Event::Bridge(_))
}

/// An event as consoles get it: its kind and its payload.
fn shown(event: &Event) -> Option<Value> {
    let payload = match event {
        Event::Quote(_, event) => serde_json::to_value(event),
        Event::Bar(_, event) => serde_json::to_value(event),
        Event::Order(event) => serde_json::to_value(event),
        Event::Fill(event) => serde_json::to_value(event),
        Event::Position(event) => serde_json::to_value(event),
        Event::AccountValue(event) => serde_json::to_value(event),
        Event::Pnl(event) => serde_json::to_value(event),
        Event::PositionPnl(event) => serde_json::to_value(event),
        Event::Connection(event) => serde_json::to_value(event),
        Event::Farm(event) => serde_json::to_value(event),
        Event::Notice(event) => serde_json::to_value(event),
        Event::Gap(_, event) => serde_json::to_value(event),
        Event::Bridge(event) => serde_json::to_value(event),
        Event::News(event) => serde_json::to_value(event),
        Event::Tick(..)
        | Event::TickByTick(..)
        | Event::Depth(..)
        | Event::Greeks(..)
        | Event::Scan(_)
        | Event::Audit(_) => return None,
    };
    let kind = Event::KINDS.get(event.kind())?;
    Some(json!([kind, payload.ok()?]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{account::PnlEvent, bridge::BridgeEvent};

    fn pnl(daily: f64) -> Event {
        let event = json!({ "seq": 0, "recv_us": 1, "account": "DU1", "daily": daily });
        let event: PnlEvent = serde_json::from_value(event).expect("an event");
        Event::Pnl(Box::new(event))
    }

    fn happening(number: i64) -> Event {
        Event::Bridge(Box::new(BridgeEvent::new("heartbeat", number)))
    }

    #[test]
    fn only_the_newest_of_a_state_is_drawn_but_every_happening() {
        let mut gathering = Gathering::default();
        for number in [1.0, 2.0, 3.0] {
            assert_eq!(gathering.take(pnl(number)), 0);
        }
        gathering.take(happening(1));
        gathering.take(happening(2));
        let frame: Vec<Value> = serde_json::from_str(&gathering.frame(true).expect("a frame")).expect("JSON");
        let kinds: Vec<&str> = frame.iter().filter_map(|event| event[0].as_str()).collect();
        assert_eq!(kinds, ["bridge", "bridge", "pnl"]);
        assert_eq!(frame[2][1]["daily"], 3.0);
        assert_eq!(gathering.frame(true), None, "nothing is drawn twice");
    }

    #[test]
    fn the_past_is_bounded_and_what_finds_no_room_is_counted() {
        let mut gathering = Gathering::default();
        let lost: u64 = (0..2_010).map(|number| gathering.take(happening(number))).sum();
        assert_eq!(lost, 10);
        let past: Value = serde_json::from_str(&gathering.past()).expect("JSON");
        assert_eq!(past["past"].as_array().map(Vec::len), Some(PAST_MAX));
        assert_eq!(past["past"][0][1]["recv_us"], 2_010 - 400);
    }

    #[test]
    fn nothing_is_drawn_while_nobody_looks() {
        let mut gathering = Gathering::default();
        gathering.take(pnl(1.0));
        assert_eq!(gathering.frame(false), None);
        assert_eq!(gathering.frame(true), None);
    }
}
