//! The log: a filter that can be changed while the bridge runs, and repeats that do not flood it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tracing::{Event, Level, Metadata, callsite::Identifier};
use tracing_subscriber::{
    EnvFilter, Registry,
    layer::{Context, Filter, Layer as _, SubscriberExt as _},
    reload,
    util::SubscriberInitExt as _,
};

use crate::{
    config::{Log, LogFormat},
    gateway::clock,
    measure::Count,
};

/// Lines from one place in the program that are written in each [`WINDOW`].
const LINES_MAX: u32 = 20;
const WINDOW: Duration = Duration::from_secs(60);

/// Changes the log filter. Cheap to clone.
#[derive(Clone, Debug)]
pub struct LogControl {
    handle: reload::Handle<EnvFilter, Registry>,
    text: Arc<Mutex<String>>,
    repeats: Arc<Repeats>,
}

/// Starts logging on standard error; `RUST_LOG` wins over the configured filter.
///
/// # Errors
///
/// What is wrong with the filter, for a person.
pub fn start(log: &Log) -> Result<LogControl, String> {
    let text = match std::env::var("RUST_LOG") {
        Ok(filter) if !filter.is_empty() => filter,
        _ => log.filter.clone(),
    };
    let (filter, handle) = reload::Layer::new(parse(&text)?);
    let repeats = Arc::new(Repeats::default());
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines = match log.format {
        LogFormat::Text => lines.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).boxed(),
        LogFormat::Json => lines.json().boxed(),
    };
    let lines = lines.with_filter(NoRepeats(Arc::clone(&repeats)));
    let registry = tracing_subscriber::registry().with(filter).with(lines);
    registry.try_init().map_err(|error| error.to_string())?;
    Ok(LogControl { handle, text: Arc::new(Mutex::new(text)), repeats })
}

fn parse(text: &str) -> Result<EnvFilter, String> {
    EnvFilter::try_new(text).map_err(|error| format!("log filter {text:?} cannot be understood: {error}"))
}

impl LogControl {
    /// The filter in force.
    pub fn filter(&self) -> String {
        self.text.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts another filter in force.
    ///
    /// # Errors
    ///
    /// What is wrong with it, for a person; then the earlier one stays.
    pub fn set(&self, text: &str) -> Result<(), String> {
        self.handle.reload(parse(text)?).map_err(|error| error.to_string())?;
        text.clone_into(&mut self.text.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(())
    }

    /// Lines left out since the start.
    pub fn suppressed(&self) -> u64 {
        self.repeats.suppressed.get()
    }

    /// Lines left out since the last call.
    pub(super) fn take_untold(&self) -> u64 {
        let untold = self.repeats.untold.get();
        self.repeats.untold.sub(untold);
        untold
    }
}

/// How often each place in the program has spoken of late. There are as many places as there are log statements.
#[derive(Debug, Default)]
struct Repeats {
    places: Mutex<HashMap<Identifier, Spoken>>,
    suppressed: Count,
    untold: Count,
}

#[derive(Clone, Copy, Debug)]
struct Spoken {
    since: Instant,
    lines: u32,
}

impl Repeats {
    fn may_speak(&self, now: Instant, place: Identifier) -> bool {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let spoken = places.entry(place).or_insert(Spoken { since: now, lines: 0 });
        if now.saturating_duration_since(spoken.since) >= WINDOW {
            *spoken = Spoken { since: now, lines: 0 };
        }
        spoken.lines = spoken.lines.saturating_add(1);
        let may_speak = spoken.lines <= LINES_MAX;
        if !may_speak {
            self.suppressed.add(1);
            self.untold.add(1);
        }
        may_speak
    }
}

/// Leaves repeats out. Whoever asks for debug lines wants all of them.
#[derive(Debug)]
struct NoRepeats(Arc<Repeats>);

impl<S> Filter<S> for NoRepeats {
    fn enabled(&self, _: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        true
    }

    fn event_enabled(&self, event: &Event<'_>, _: &Context<'_, S>) -> bool {
        let metadata = event.metadata();
        *metadata.level() > Level::INFO || self.0.may_speak(clock::now().at, metadata.callsite())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Place;
    impl tracing::Callsite for Place {
        fn set_interest(&self, _: tracing::subscriber::Interest) {}
        fn metadata(&self) -> &Metadata<'_> {
            unreachable!("nobody asks")
        }
    }
    static HERE: Place = Place;
    static THERE: Place2 = Place2(1);
    struct Place2(u8);
    impl tracing::Callsite for Place2 {
        fn set_interest(&self, _: tracing::subscriber::Interest) {}
        fn metadata(&self) -> &Metadata<'_> {
            unreachable!("nobody asks {}", self.0)
        }
    }

    #[test]
    fn a_place_that_repeats_itself_is_silenced_for_the_rest_of_the_minute() {
        let repeats = Repeats::default();
        let start = clock::now().at;
        let here = Identifier(&HERE);
        let spoken = (0..50).filter(|_| repeats.may_speak(start, here.clone())).count();
        assert_eq!(spoken, 20);
        assert_eq!(repeats.suppressed.get(), 30);
        assert!(repeats.may_speak(start, Identifier(&THERE)), "another place");
        assert!(!repeats.may_speak(start + Duration::from_secs(59), here.clone()));
        assert!(repeats.may_speak(start + WINDOW, here), "the next minute");
    }

    #[test]
    fn a_filter_that_cannot_be_read_says_why() {
        assert!(parse("info,ibnats=loud").is_err_and(|error| error.contains("loud")));
        assert!(parse("info,ibnats=debug").is_ok());
    }
}
