//! `pace.*` requests, and what follows from the gateway's complaints.

use std::time::{Duration, Instant};

use super::{
    Answer, Command, Event, Session, Token,
    history::HistoryAsk,
    notice::Notice,
    pacing::{Class, Fault, Slowdown, millis},
};
use crate::{
    config::ms,
    schema::{
        ApiError,
        bridge::BridgeEvent,
        connection::LinkName,
        request::pace::{PaceCheck, PaceChecked, PaceKind, PaceStats, PaceStatus},
    },
};

/// Stretches that `pace.stats` tells, in minutes; the last is everything.
const STRETCHES: [Option<u32>; 4] = [Some(1), Some(10), Some(60), None];

/// The gateway's code for messages that come too fast.
const TOO_MANY_MESSAGES: i32 = 100;

impl Session {
    pub(super) fn tell_pace(&mut self, token: Token) {
        let status = self.pace_status();
        self.core.answer(token, Answer::PaceStatus(Box::new(status)));
    }

    pub(super) fn pace_status(&mut self) -> PaceStatus {
        let now = self.core.now.at;
        let [market_data_lines, tick_by_tick, depth, kept_bars] = self.market.usage(&self.core);
        let scanners = self.services.scanner_usage(&self.core);
        let pacing = &mut self.core.pacing;
        PaceStatus {
            messages_per_second: pacing.message_usage(now),
            trading_messages: pacing.link_usage(now, LinkName::Trading),
            data_messages: pacing.link_usage(now, LinkName::Data),
            history_10_min: pacing.history_usage(now),
            history_long_2_s: pacing.long_usage(now),
            history_open: pacing.open_usage(),
            history_long_open: pacing.long_open_usage(),
            market_data_lines,
            tick_by_tick,
            depth,
            kept_bars,
            scanners,
            queues: pacing.queue_status(now),
            clients: pacing.client_status(),
            slowed: pacing.slowed(now),
            violations: pacing.violations(),
        }
    }

    pub(super) fn tell_pace_stats(&mut self, token: Token) {
        let now = self.core.now.at;
        let stretches = STRETCHES.map(|minutes| self.core.pacing.stretch(now, minutes)).into();
        self.core.answer(token, Answer::PaceStats(PaceStats { stretches }));
    }

    pub(super) fn check_pace(&mut self, command: &Command, ask: &PaceCheck) {
        match self.foretell(command, ask) {
            Ok(checked) => self.core.answer(command.token, Answer::PaceChecked(Box::new(checked))),
            Err(error) => self.core.refuse(command.token, error),
        }
    }

    fn foretell(&mut self, command: &Command, ask: &PaceCheck) -> Result<PaceChecked, ApiError> {
        let count = ask.count.unwrap_or(1);
        if !(1..=100_000).contains(&count) {
            return Err(ApiError::invalid("count must be from 1 to 100000"));
        }
        let (class, link) = match ask.kind {
            PaceKind::Cancel => (Class::Cancel, LinkName::Trading),
            PaceKind::Order => (Class::Order, LinkName::Trading),
            PaceKind::Quotes | PaceKind::TickByTick | PaceKind::Depth | PaceKind::RealTimeBars => {
                (Class::Live, LinkName::Data)
            }
            PaceKind::Question => (Class::Interactive, LinkName::Data),
            PaceKind::Bars | PaceKind::Ticks | PaceKind::Head => (Class::History, LinkName::Data),
        };
        let timing = &self.core.config.timing;
        let kind_ms = match class {
            Class::Cancel | Class::Order => timing.order_ms,
            Class::History => timing.history_ms,
            _ => timing.request_ms,
        };
        let now = self.core.now.at;
        let deadline = now + ms(ask.timeout_ms.unwrap_or(kind_ms)).min(Duration::from_secs(7 * 86_400));
        let (units, first, last, error) = match ask.kind {
            PaceKind::Bars | PaceKind::Ticks | PaceKind::Head | PaceKind::RealTimeBars => {
                let ask = HistoryAsk { ask, count, client: &command.client, deadline };
                self.history.dry_run(&mut self.core, &ask)?
            }
            _ => {
                let mut sent = |count| self.core.pacing.message_sent_by(now, class, link, &command.client, count);
                let (first, last) = (sent(1), sent(count));
                (count, first, last, None)
            }
        };
        let error = error.or_else(|| self.refusal(ask.kind, count)).or_else(|| late(now, last, deadline));
        let after = |at: Instant| millis(at.saturating_duration_since(now));
        Ok(PaceChecked {
            accepted: error.is_none(),
            class: class.name().to_owned(),
            units,
            first_ms: after(first),
            last_ms: after(last),
            error,
        })
    }

    /// Why so many more streams would be refused.
    fn refusal(&self, kind: PaceKind, count: u32) -> Option<ApiError> {
        self.market.check_more(&self.core, kind, count).err()
    }

    /// The gateway says that a limit was broken: it is lowered for a while, and that is told.
    pub(super) fn on_violation(&mut self, notice: &Notice) {
        let wait = notice.meaning.wait.unwrap_or(Duration::from_secs(1));
        let is_messages = notice.code == TOO_MANY_MESSAGES;
        let fault = if is_messages { Fault::Messages } else { Fault::History(notice.id) };
        let now = self.core.now;
        let Slowdown { limit, configured, allowed, held_for } = self.core.pacing.on_violation(now.at, fault, wait);
        let mut event = BridgeEvent::new("violation", now.us);
        let held_ms = millis(held_for);
        event.message = Some(format!(
            "the gateway reports a pacing violation ({}: {}); {limit} is {allowed} of {configured} for now, nothing of it goes for {held_ms} ms",
            notice.code, notice.text
        ));
        let figures = [
            ("ib_code", i64::from(notice.code)),
            ("allowed", i64::from(allowed)),
            ("configured", i64::from(configured)),
            ("held_ms", i64::try_from(held_ms).unwrap_or(i64::MAX)),
        ];
        event.figures = figures.into_iter().map(|(name, figure)| (name.to_owned(), figure)).collect();
        self.core.emit(Event::Bridge(Box::new(event)));
    }
}

fn late(now: Instant, last: Instant, deadline: Instant) -> Option<ApiError> {
    if last < deadline {
        return None;
    }
    let ms = millis(last.saturating_duration_since(now));
    let error = ApiError::new(crate::schema::ErrorCode::PacingLimited, format!("it would be sent in {ms} ms"));
    Some(error.retry_after_ms(millis(last.saturating_duration_since(deadline)) + 1))
}
