//! Questions under way to the gateway: who asked, until when the answer must come, whether it came.

use std::time::{Duration, Instant};

use super::{
    Event,
    breaker::Breakers,
    core::{Core, Owner},
    pacing::Ticket,
};
use crate::schema::{
    breaker::{Breaker, BreakerState},
    bridge::BridgeEvent,
    connection::LinkName,
};

/// A question under way.
#[derive(Debug)]
pub(crate) struct InFlight {
    owner: Owner,
    link: LinkName,
    deadline: Option<Instant>,
    /// What was asked, if its answer says whether such questions are answered.
    kind: Option<&'static str>,
}

impl Core {
    /// Notes that a queued request was written to the socket.
    pub(crate) fn on_sent(&mut self, ticket: &Ticket) {
        self.stages.on_sent(self.now.at, ticket.id);
        let Some(id) = ticket.id else { return };
        if !Self::is_req_id(id) || ticket.class == super::pacing::Class::Cancel {
            return;
        }
        let deadline = ticket.answer_within.map(|within| self.now.at + within);
        if let Some(at) = deadline {
            self.deadlines.insert((at, id), ticket.owner);
        }
        let kind = (Breakers::watches(ticket.class) && deadline.is_some()).then(|| ticket.request.name());
        self.in_flight.insert(id, InFlight { owner: ticket.owner, link: ticket.link, deadline, kind });
    }

    /// The answer came: no deadline applies any more, and errors that name
    /// the id are nobody's.
    pub(crate) fn done(&mut self, req_id: i32) {
        self.heard(req_id);
        self.forget(req_id);
    }

    /// Nobody waits for the answer any more, which says nothing about the gateway.
    pub(crate) fn unwanted(&mut self, req_id: i32) {
        self.forget(req_id);
    }

    /// An answer, or a part of one.
    fn heard(&mut self, req_id: i32) {
        self.stages.on_answer(self.now.at, req_id);
        self.pacing.history_answered(self.now.at, req_id);
        let kind = self.in_flight.get_mut(&req_id).and_then(|flight| flight.kind.take());
        if let Some(kind) = kind {
            let news = self.breakers.on_answer(self.now.at, kind);
            self.tell_breaker(news);
        }
    }

    pub(super) fn tell_breaker(&mut self, news: Option<Breaker>) {
        let Some(breaker) = news else { return };
        let mut event = BridgeEvent::new("breaker", self.now.us);
        event.message = Some(match breaker.state {
            BreakerState::Open => format!("{} requests of kind {} went unanswered", breaker.failures, breaker.kind),
            BreakerState::HalfOpen => format!("a request of kind {} is sent as a trial", breaker.kind),
            BreakerState::Closed => format!("requests of kind {} are answered again", breaker.kind),
        });
        event.breaker = Some(breaker);
        self.emit(Event::Bridge(Box::new(event)));
    }

    fn forget(&mut self, req_id: i32) {
        if let Some(InFlight { deadline: Some(at), .. }) = self.in_flight.remove(&req_id) {
            self.deadlines.remove(&(at, req_id));
        }
        self.pacing.history_done(self.now.at, req_id);
    }

    /// A cancel of this request is on its way: what still comes for it is expected.
    pub(crate) fn cancelled(&mut self, req_id: i32) {
        self.cancelled.add(self.now.at, req_id);
        // That nobody waits any more says nothing about the gateway.
        if let Some(flight) = self.in_flight.get_mut(&req_id) {
            flight.kind = None;
        }
    }

    /// Something came for a request that nobody waits for.
    pub(crate) fn late_answer(&mut self, req_id: i32) {
        if !self.cancelled.contains(self.now.at, req_id) {
            self.counters.late_answers += 1;
        }
    }

    /// The first sign of life came: no deadline applies any more, errors still reach the owner.
    pub(crate) fn alive(&mut self, req_id: i32) {
        self.heard(req_id);
        if let Some(flight) = self.in_flight.get_mut(&req_id)
            && let Some(at) = flight.deadline.take()
        {
            self.deadlines.remove(&(at, req_id));
        }
    }

    /// Gives an answer in progress more time.
    pub(crate) fn extend(&mut self, req_id: i32, within: Duration) {
        let at = self.now.at + within;
        if let Some(flight) = self.in_flight.get_mut(&req_id) {
            if let Some(old) = flight.deadline.replace(at) {
                self.deadlines.remove(&(old, req_id));
            }
            self.deadlines.insert((at, req_id), flight.owner);
        }
    }

    /// Who asked with this id.
    pub(crate) fn owner(&self, req_id: i32) -> Option<Owner> {
        self.in_flight.get(&req_id).map(|flight| flight.owner)
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// Takes the next request that stayed unanswered past its deadline.
    pub(crate) fn next_overdue(&mut self) -> Option<(i32, Owner)> {
        let (&(at, id), &owner) = self.deadlines.first_key_value()?;
        if at > self.now.at {
            return None;
        }
        let kind = self.in_flight.get_mut(&id).and_then(|flight| flight.kind.take());
        // With IB out of reach, silence says nothing about the gateway.
        if let Some(kind) = kind.filter(|_| !self.ib_lost && !self.is_maintained) {
            let news = self.breakers.on_silence(self.now.at, kind);
            self.tell_breaker(news);
        }
        self.forget(id);
        Some((id, owner))
    }

    /// Forgets what was asked on a link that went down. The parts re-ask what they still want.
    pub(crate) fn on_link_down(&mut self, link: LinkName) {
        self.pacing.on_link_down(self.now.at, link);
        if link == LinkName::Data {
            // Questions that breakers count go on that link only.
            self.breakers.on_link_down(self.now.at);
        }
        let gone: Vec<i32> =
            self.in_flight.iter().filter(|(_, flight)| flight.link == link).map(|(id, _)| *id).collect();
        for id in gone {
            self.forget(id);
        }
    }
}
