//! The bytes of one connection on both ways, and what is wrong with them. Pure: time is passed in.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

use super::faults::{LineFault, garbage};
use super::outbox::ConnectionId;
use super::seed::Seed;

/// Pieces of a split delivery; the rest of a longer one comes in one piece.
const PIECES_MAX: usize = 20_000;
/// Room that a gateway which reads slowly makes up for later, in microseconds.
const CATCH_UP_US: i64 = 1_000_000;
/// The start of a frame that never ends: 64 bytes announced, 7 sent.
const HALF_FRAME: &[u8] = &[0, 0, 0, 64, 0, 0, 0, 201, 8, 1, 16];

/// A fault with its end, in simulated milliseconds.
#[derive(Clone, Copy, Debug)]
struct Until<T> {
    what: T,
    until_ms: i64,
}

impl<T: Copy> Until<T> {
    fn new(what: T, now_ms: i64, for_ms: Option<i64>) -> Self {
        Self { what, until_ms: for_ms.map_or(i64::MAX, |for_ms| now_ms.saturating_add(for_ms)) }
    }

    fn at(this: Option<Self>, now_ms: i64) -> Option<T> {
        this.filter(|fault| now_ms < fault.until_ms).map(|fault| fault.what)
    }
}

/// The gateway's end of one connection. `I` is what arrives.
#[derive(Debug)]
pub(super) struct Line<I> {
    inbox: VecDeque<I>,
    outgoing: VecDeque<(i64, Bytes)>,
    last_due_ms: i64,
    /// Nothing is read before.
    reads_from_ms: i64,
    /// Nothing is written before.
    writes_from_ms: i64,
    /// Nothing written arrives any more; the gateway notices then.
    half_open_until_ms: Option<i64>,
    delay: Option<Until<(i64, i64)>>,
    split: Option<Until<usize>>,
    merge: Option<Until<i64>>,
    /// Requests per second.
    pace: Option<Until<u32>>,
    next_read_us: i64,
    is_closing: bool,
    /// The client has ended the connection, and the gateway has not noticed.
    is_deserted: bool,
    seed: Seed,
    drawn: i64,
}

/// What leaves a line.
#[derive(Debug, Default)]
pub(super) struct Departure {
    pub(super) pieces: Vec<Bytes>,
    /// The socket ends after the pieces.
    pub(super) is_end: bool,
}

impl<I> Line<I> {
    pub(super) fn new(seed: u64, id: ConnectionId) -> Self {
        Self {
            inbox: VecDeque::new(),
            outgoing: VecDeque::new(),
            last_due_ms: i64::MIN,
            reads_from_ms: i64::MIN,
            writes_from_ms: i64::MIN,
            half_open_until_ms: None,
            delay: None,
            split: None,
            merge: None,
            pace: None,
            next_read_us: i64::MIN,
            is_closing: false,
            is_deserted: false,
            seed: Seed::of(seed, i32::try_from(id.0).unwrap_or(i32::MAX), 0x11_4E),
            drawn: 0,
        }
    }

    /// Something goes wrong from now on. [`LineFault::Cut`] is the caller's to complete with [`Self::close`].
    pub(super) fn afflict(&mut self, now_ms: i64, fault: LineFault) {
        match fault {
            LineFault::Cut { mid_frame: false } => {}
            LineFault::Cut { mid_frame: true } => self.put(now_ms, Bytes::from_static(HALF_FRAME)),
            LineFault::HalfOpen { for_ms } => {
                let until_ms = now_ms.saturating_add(for_ms);
                self.half_open_until_ms = Some(until_ms);
                self.reads_from_ms = until_ms;
                self.outgoing.clear();
            }
            LineFault::Stall { for_ms, reads, writes } => {
                let until_ms = now_ms.saturating_add(for_ms);
                if reads {
                    self.reads_from_ms = self.reads_from_ms.max(until_ms);
                }
                if writes {
                    self.writes_from_ms = self.writes_from_ms.max(until_ms);
                }
            }
            LineFault::Delay { by_ms, jitter_ms, for_ms } => {
                self.delay = Some(Until::new((by_ms, jitter_ms), now_ms, for_ms));
            }
            LineFault::Split { bytes, for_ms } => self.split = Some(Until::new(bytes.max(1), now_ms, for_ms)),
            LineFault::Merge { gather_ms, for_ms } => self.merge = Some(Until::new(gather_ms.max(1), now_ms, for_ms)),
            LineFault::SlowReading { per_s, for_ms } => {
                self.pace = Some(Until::new(per_s.max(1), now_ms, for_ms));
                self.next_read_us = now_ms.saturating_mul(1_000);
            }
            LineFault::Garbage(kind) => {
                let number = self.draw();
                self.put(now_ms, garbage(kind, number));
            }
        }
    }

    fn draw(&mut self) -> u64 {
        self.drawn += 1;
        self.seed.bits(0, self.drawn)
    }

    /// Bytes for the client.
    pub(super) fn put(&mut self, now_ms: i64, bytes: Bytes) {
        if self.half_open_until_ms.is_some() || self.is_closing {
            return;
        }
        let mut due_ms = now_ms;
        if let Some((by_ms, jitter_ms)) = Until::at(self.delay, now_ms) {
            self.drawn += 1;
            let most = u64::try_from(jitter_ms).unwrap_or_default().saturating_add(1);
            due_ms = due_ms.saturating_add(by_ms).saturating_add(self.seed.below(1, self.drawn, most));
        }
        if let Some(gather_ms) = Until::at(self.merge, now_ms) {
            due_ms = due_ms.div_euclid(gather_ms).saturating_add(1).saturating_mul(gather_ms);
        }
        // A TCP stream does not overtake itself.
        self.last_due_ms = self.last_due_ms.max(due_ms);
        self.outgoing.push_back((self.last_due_ms, bytes));
    }

    /// The connection ends after what was put.
    pub(super) fn close(&mut self) {
        self.is_closing = true;
        self.inbox.clear();
    }

    /// The client has ended the connection. True if the gateway notices now.
    pub(super) fn is_noticed_leaving(&mut self, now_ms: i64) -> bool {
        self.is_deserted = now_ms < self.reads_from_ms;
        !self.is_deserted
    }

    /// What can leave now.
    pub(super) fn depart(&mut self, now_ms: i64) -> Departure {
        if self.half_open_until_ms.is_some_and(|until| until <= now_ms) {
            return Departure { pieces: Vec::new(), is_end: true };
        }
        if now_ms < self.writes_from_ms {
            return Departure::default();
        }
        let mut pieces = Vec::new();
        let mut gathered: Option<BytesMut> = None;
        while self.outgoing.front().is_some_and(|(due_ms, _)| *due_ms <= now_ms) {
            let Some((_, bytes)) = self.outgoing.pop_front() else { break };
            match &mut gathered {
                None if pieces.is_empty() && self.outgoing.is_empty() => pieces.push(bytes),
                None => gathered = Some(BytesMut::from(bytes)),
                Some(all) => all.extend_from_slice(&bytes),
            }
        }
        pieces.extend(gathered.map(BytesMut::freeze));
        if let Some(bytes) = Until::at(self.split, now_ms) {
            pieces = pieces.into_iter().flat_map(|piece| split(piece, bytes)).collect();
        }
        Departure { pieces, is_end: self.is_closing && self.outgoing.is_empty() }
    }

    /// A request or the like has arrived.
    pub(super) fn arrive(&mut self, incoming: I) {
        self.inbox.push_back(incoming);
    }

    /// The next thing that the gateway reads now.
    pub(super) fn read(&mut self, now_ms: i64) -> Option<I> {
        if self.is_closing || now_ms < self.reads_from_ms || self.inbox.is_empty() {
            return None;
        }
        if let Some(per_s) = Until::at(self.pace, now_ms) {
            let now_us = now_ms.saturating_mul(1_000);
            if now_us < self.next_read_us {
                return None;
            }
            self.next_read_us = self.next_read_us.max(now_us - CATCH_UP_US) + 1_000_000 / i64::from(per_s);
        }
        self.inbox.pop_front()
    }

    /// The client left while nothing was read, and now the gateway finds out.
    pub(super) fn is_found_deserted(&self, now_ms: i64) -> bool {
        self.is_deserted && now_ms >= self.reads_from_ms
    }

    /// When something is due next.
    pub(super) fn wake_at(&self, now_ms: i64) -> Option<i64> {
        let reads = (!self.inbox.is_empty() || self.is_deserted).then(|| {
            let paced = Until::at(self.pace, now_ms).map_or(i64::MIN, |_| self.next_read_us.div_euclid(1_000) + 1);
            self.reads_from_ms.max(paced)
        });
        let writes = self.outgoing.front().map(|(due_ms, _)| self.writes_from_ms.max(*due_ms));
        [reads, writes, self.half_open_until_ms].into_iter().flatten().min()
    }
}

fn split(mut piece: Bytes, bytes: usize) -> Vec<Bytes> {
    let mut pieces = Vec::new();
    while piece.len() > bytes && pieces.len() < PIECES_MAX {
        pieces.push(piece.split_to(bytes));
    }
    pieces.push(piece);
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line() -> Line<u32> {
        Line::new(1, ConnectionId(1))
    }

    fn bytes(text: &'static str) -> Bytes {
        Bytes::from_static(text.as_bytes())
    }

    fn texts(departure: &Departure) -> Vec<String> {
        departure.pieces.iter().map(|piece| String::from_utf8_lossy(piece).into_owned()).collect()
    }

    #[test]
    fn a_healthy_line_passes_everything_at_once() {
        let mut line = line();
        line.put(5, bytes("abc"));
        assert_eq!(texts(&line.depart(5)), ["abc"]);
        line.arrive(1);
        assert_eq!(line.read(5), Some(1));
        assert_eq!(line.wake_at(5), None);
    }

    #[test]
    fn what_is_delayed_stays_in_order() {
        let mut line = line();
        line.afflict(0, LineFault::Delay { by_ms: 100, jitter_ms: 50, for_ms: Some(10) });
        line.put(0, bytes("a"));
        line.put(10, bytes("b"));
        assert!(texts(&line.depart(99)).is_empty());
        assert_eq!(texts(&line.depart(150)), ["ab"], "b was not delayed, but does not overtake");
    }

    #[test]
    fn a_stalled_line_loses_nothing() {
        let mut line = line();
        line.afflict(0, LineFault::Stall { for_ms: 1_000, reads: true, writes: true });
        line.arrive(1);
        line.put(1, bytes("a"));
        assert_eq!((line.read(999), line.wake_at(999)), (None, Some(1_000)));
        assert!(texts(&line.depart(999)).is_empty());
        assert_eq!(line.read(1_000), Some(1));
        assert_eq!(texts(&line.depart(1_000)), ["a"]);
    }

    #[test]
    fn a_half_open_line_swallows_everything_until_the_gateway_notices() {
        let mut line = line();
        line.put(0, bytes("lost"));
        line.afflict(0, LineFault::HalfOpen { for_ms: 1_000 });
        line.put(1, bytes("lost too"));
        line.arrive(1);
        assert!(!line.is_noticed_leaving(500));
        assert!(!line.is_found_deserted(999));
        assert_eq!(line.read(999), None);
        assert!(texts(&line.depart(999)).is_empty());
        assert!(line.is_found_deserted(1_000));
        assert!(line.depart(1_000).is_end);
    }

    #[test]
    fn frames_are_split_and_merged() {
        let mut line = line();
        line.afflict(0, LineFault::Split { bytes: 2, for_ms: Some(10) });
        line.put(0, bytes("abcde"));
        assert_eq!(texts(&line.depart(0)), ["ab", "cd", "e"]);
        line.afflict(10, LineFault::Merge { gather_ms: 100, for_ms: None });
        line.put(10, bytes("ab"));
        line.put(60, bytes("cd"));
        assert!(texts(&line.depart(99)).is_empty());
        assert_eq!(texts(&line.depart(100)), ["abcd"]);
    }

    #[test]
    fn a_slow_gateway_reads_so_many_requests_in_a_second() {
        let mut line = line();
        line.afflict(0, LineFault::SlowReading { per_s: 10, for_ms: None });
        for number in 0..100 {
            line.arrive(number);
        }
        let mut read = 0;
        for now_ms in 0..2_000 {
            while line.read(now_ms).is_some() {
                read += 1;
            }
        }
        assert_eq!(read, 20);
    }

    #[test]
    fn a_line_closes_after_what_was_put() {
        let mut line = line();
        line.afflict(0, LineFault::Delay { by_ms: 100, jitter_ms: 0, for_ms: None });
        line.put(0, bytes("bye"));
        line.close();
        assert!(!line.depart(99).is_end);
        let end = line.depart(100);
        assert_eq!((texts(&end), end.is_end), (vec!["bye".to_owned()], true));
    }
}
