//! Liveness of a link from evidence: silence, then a probe, then a second one, then the end.

use std::time::Instant;

use super::{Link, Probe, Step};
use crate::{
    config::ms,
    session::{
        core::{Core, Errand, Owner},
        pacing::Class,
        pulse,
    },
    tws::{Request, message::login::CurrentTimeRequest},
};

impl Link {
    /// The gateway told its time: the answer to a probe. Gives when it was asked.
    pub(crate) fn on_time(&mut self, core: &Core) -> Option<Instant> {
        let probe = self.probe.take()?;
        let trip = core.now.at.saturating_duration_since(probe.asked_at);
        self.last_probe = Some((core.now.us, i64::try_from(trip.as_micros()).unwrap_or(i64::MAX)));
        Some(probe.asked_at)
    }

    pub(super) fn watch(&mut self, core: &mut Core) -> Step {
        let now = core.now.at;
        match self.probe {
            Some(probe) if probe.deadline <= now => {
                self.misses += 1;
                let silent = self.silent_since().map(|at| now.saturating_duration_since(at)).unwrap_or_default();
                let silent_ms = i64::try_from(silent.as_millis()).unwrap_or(i64::MAX);
                let is_dead = self.misses >= core.config.timing.probe_misses;
                if !core.is_maintained {
                    let name = if is_dead { "watchdog_hard" } else { "watchdog_soft" };
                    pulse::tell(core, name, self.name, self.misses, silent_ms);
                }
                if is_dead {
                    let reason = format!("no byte from the gateway although its time was asked {} times", self.misses);
                    return self.hang_up(core, &reason);
                }
                self.ask_time(core);
            }
            None if self.silent_since().is_some_and(|at| at + ms(core.config.timing.probe_after_ms) <= now) => {
                self.ask_time(core);
            }
            _ => {}
        }
        Step::None
    }

    /// Asks whether the gateway is alive, unless that is asked already.
    pub(crate) fn probe(&mut self, core: &mut Core) {
        if self.is_watched() && self.probe.is_none() {
            self.ask_time(core);
        }
    }

    fn silent_since(&self) -> Option<Instant> {
        self.last_receive.map(|(at, _)| at)
    }

    fn ask_time(&mut self, core: &mut Core) {
        let now = core.now.at;
        self.probe = Some(Probe { asked_at: now, deadline: now + ms(core.config.timing.probe_timeout_ms) });
        let errand = Errand::new(self.name, Class::Cancel, Request::CurrentTimeRequest(CurrentTimeRequest {}));
        // The cancel class never refuses.
        let _ = core.submit(Owner::Link(self.name), errand);
    }

    pub(super) fn watch_at(&self, core: &Core) -> Option<Instant> {
        match self.probe {
            Some(probe) => Some(probe.deadline),
            None => self.silent_since().map(|at| at + ms(core.config.timing.probe_after_ms)),
        }
    }
}
