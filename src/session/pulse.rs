//! The host's own health: a host that slept, and who watches over the links.

use super::{Event, Session, core::Core};
use crate::{
    config::ms,
    schema::{bridge::BridgeEvent, connection::LinkName},
    session::Now,
};

/// What the session knows of its host and its watch.
#[derive(Debug, Default)]
pub(crate) struct Pulse {
    last: Option<Now>,
    /// A link is logged in, so there is something to watch.
    is_watching: bool,
    moved: Option<Moved>,
}

/// The gateway said that it moves to another port.
#[derive(Clone, Copy, Debug)]
struct Moved {
    port: u16,
    /// It is dialled; else the configured one is.
    is_dialled: bool,
    /// That the configured one is tried, too, was told.
    is_told: bool,
}

/// After so many dials in a row that came to nothing, the other port is tried.
const DIALS_AT_ONE_PORT: u32 = 3;

impl Session {
    /// Takes the time of a cause. A wall clock that ran ahead of the monotonic one means that the host slept: the
    /// other end of a connection may have forgotten it meanwhile, so both are probed at once.
    pub(super) fn begin(&mut self, now: Now) {
        self.core.now = now;
        self.core.stages.pause();
        let Some(last) = self.pulse.last.replace(now) else { return };
        let wall_us = now.us.saturating_sub(last.us);
        let ran_us = i64::try_from(now.at.saturating_duration_since(last.at).as_micros()).unwrap_or(i64::MAX);
        let drift_us = wall_us.saturating_sub(ran_us);
        let limit = i64::try_from(ms(self.core.config.timing.clock_drift_ms).as_micros()).unwrap_or(i64::MAX);
        if limit == 0 || drift_us.saturating_abs() < limit {
            return;
        }
        let (name, message) = if drift_us > 0 {
            ("host_slept", "the wall clock ran ahead: the host slept, or its clock was set; both links are probed")
        } else {
            ("clock_set_back", "the wall clock was set back; both links are probed")
        };
        let mut event = BridgeEvent::new(name, now.us);
        event.message = Some(message.to_owned());
        event.figures.insert("drift_ms".to_owned(), drift_us / 1_000);
        self.core.emit(Event::Bridge(Box::new(event)));
        self.trading.probe(&mut self.core);
        self.data.probe(&mut self.core);
    }

    /// The gateway moves to another port (1300); the text ends in its number.
    pub(super) fn on_port_changed(&mut self, text: &str) {
        let digits = text.rsplit(|c: char| !c.is_ascii_digit()).find(|part| !part.is_empty());
        let Some(port) = digits.and_then(|digits| digits.parse::<u16>().ok()).filter(|port| *port > 0) else { return };
        self.pulse.moved = Some(Moved { port, is_dialled: true, is_told: false });
        self.core.output(super::Output::Port(port));
        let mut event = BridgeEvent::new("gateway_port", self.core.now.us);
        event.message = Some(format!("the gateway moves to port {port}; set gateway.port for the next start"));
        event.figures.insert("port".to_owned(), i64::from(port));
        self.core.emit(Event::Bridge(Box::new(event)));
    }

    /// A dial of the trading link came to nothing. A gateway that moved may have been put back, or the notice was wrong:
    /// both ports are tried in turn.
    pub(super) fn try_other_port(&mut self) {
        let unreached = self.trading.unreached();
        let Some(moved) =
            self.pulse.moved.as_mut().filter(|_| unreached > 0 && unreached.is_multiple_of(DIALS_AT_ONE_PORT))
        else {
            return;
        };
        let configured = self.core.config.gateway.port;
        moved.is_dialled = !moved.is_dialled;
        let port = if moved.is_dialled { moved.port } else { configured };
        self.core.output(super::Output::Port(port));
        if std::mem::replace(&mut moved.is_told, true) {
            return;
        }
        let mut event = BridgeEvent::new("gateway_port", self.core.now.us);
        event.message =
            Some(format!("nothing answers at port {}; the configured port {configured} is tried in turn", moved.port));
        event.figures.insert("port".to_owned(), i64::from(configured));
        self.core.emit(Event::Bridge(Box::new(event)));
    }

    /// Tells when the watch over the links begins and ends.
    pub(super) fn tell_watch(&mut self) {
        let is_watching = self.trading.is_watched() || self.data.is_watched();
        if is_watching != self.pulse.is_watching {
            self.pulse.is_watching = is_watching;
            let name = if is_watching { "watchdog_started" } else { "watchdog_stopped" };
            self.core.emit(Event::Bridge(Box::new(BridgeEvent::new(name, self.core.now.us))));
        }
    }
}

/// Tells of a probe that was missed (`watchdog_soft`) or of a link that is built anew (`watchdog_hard`).
pub(super) fn tell(core: &mut Core, name: &str, link: LinkName, misses: u32, silent_ms: i64) {
    let mut event = BridgeEvent::new(name, core.now.us);
    let link = match link {
        LinkName::Trading => "trading",
        LinkName::Data => "data",
    };
    let deed = if name == "watchdog_hard" { "it is built anew" } else { "it is probed again" };
    event.message = Some(format!("no byte came on the {link} link for {silent_ms} ms and {misses} probes; {deed}"));
    event.figures.insert("misses".to_owned(), i64::from(misses));
    event.figures.insert("silent_ms".to_owned(), silent_ms);
    core.emit(Event::Bridge(Box::new(event)));
}
