//! How many requests are served at the same time: each lane has places of its own, so that no kind starves another, and
//! no client takes all of them.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use compact_str::CompactString;

use crate::{
    gateway::{Lane, clock},
    schema::{ApiError, ErrorCode},
};

/// A client may hold so many times the places that stay free, beside one for who has none yet. Alone it gets three of four;
/// the more clients there are, the less each, and equally much.
const HELD_PER_FREE: usize = 3;
/// Ends of requests from which the pace of a lane is told.
const ENDS_KEPT: usize = 32;

/// The places of every lane.
pub(super) struct Places {
    lanes: [(Lane, Arc<Mutex<Row>>); Lane::ALL.len()],
    max: usize,
}

/// Whose requests they are; those without a name share.
type Client = Option<CompactString>;

/// The places of one lane.
#[derive(Default)]
struct Row {
    next_id: u64,
    held: usize,
    by_client: BTreeMap<Client, usize>,
    /// When those end at the latest that were read.
    limits: BTreeSet<(Instant, u64)>,
    /// When places became free, oldest first.
    ends: VecDeque<Instant>,
    /// Refused, and no place has become free for them yet.
    refused: u32,
}

/// A place of a lane; free again when dropped.
pub(super) struct Place {
    row: Arc<Mutex<Row>>,
    id: u64,
    client: Client,
    limit: Option<Instant>,
}

impl Places {
    pub(super) fn new(max: usize) -> Self {
        Self { lanes: Lane::ALL.map(|lane| (lane, Arc::default())), max }
    }

    /// A place, or when one may be free.
    pub(super) fn take(&self, lane: Lane, client: Client, now: Instant) -> Result<Place, ApiError> {
        let row = self.lanes.iter().find(|(of, _)| *of == lane).map(|(_, row)| Arc::clone(row)).unwrap_or_default();
        let mut open = lock(&row);
        let own = open.by_client.get(&client).copied().unwrap_or_default();
        let free = self.max.saturating_sub(open.held);
        // Who takes something out of the market, or stops trading, is never told that it asked enough.
        let may_share = own == 0 || own < free.saturating_sub(1).saturating_mul(HELD_PER_FREE);
        if free > 0 && (lane.protects() || may_share) {
            let id = open.next_id;
            open.next_id += 1;
            open.held += 1;
            *open.by_client.entry(client.clone()).or_default() += 1;
            drop(open);
            return Ok(Place { row, id, client, limit: None });
        }
        open.refused = open.refused.saturating_add(1);
        let text = match (free, &client) {
            (0, _) => format!("{} {} requests are being served", self.max, lane.name()),
            (_, Some(client)) => format!("{own} {} requests of {client:?} are being served", lane.name()),
            (_, None) => format!("{own} {} requests of clients without a name are being served", lane.name()),
        };
        let busy = ApiError::new(ErrorCode::Busy, text);
        Err(match open.free_in(now) {
            Some(wait) => busy.retry_after_ms(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).max(1)),
            None => busy,
        })
    }
}

impl Row {
    /// When the place is free that the newest of the refused may take, those before it having taken theirs: by the
    /// pace at which places became free of late, and no later than the request that holds it may last. `None` if neither
    /// is known.
    fn free_in(&self, now: Instant) -> Option<Duration> {
        // The time since the last end counts: a lane in which nothing ends any more has a slow pace.
        let each = self.ends.front().map(|oldest| {
            now.saturating_duration_since(*oldest) / u32::try_from(self.ends.len()).unwrap_or(u32::MAX).max(1)
        });
        let by_pace = each.map(|each| each.saturating_mul(self.refused));
        let turn = usize::try_from(self.refused.saturating_sub(1)).unwrap_or(usize::MAX);
        let by_limit = self.limits.iter().nth(turn).map(|(at, _)| at.saturating_duration_since(now));
        match (by_pace, by_limit) {
            (Some(pace), Some(limit)) => Some(pace.min(limit)),
            (known, None) | (None, known) => known,
        }
    }
}

impl Place {
    /// The request has been read: it ends by itself at `limit`.
    pub(super) fn ends_by(&mut self, limit: Instant) {
        let mut row = lock(&self.row);
        row.limits.insert((limit, self.id));
        self.limit = Some(limit);
    }

    fn free(&self, now: Instant) {
        let mut row = lock(&self.row);
        row.held = row.held.saturating_sub(1);
        if let Some(own) = row.by_client.get_mut(&self.client) {
            *own = own.saturating_sub(1);
            if *own == 0 {
                row.by_client.remove(&self.client);
            }
        }
        if let Some(limit) = self.limit {
            row.limits.remove(&(limit, self.id));
        }
        row.refused = row.refused.saturating_sub(1);
        if row.ends.len() >= ENDS_KEPT {
            row.ends.pop_front();
        }
        row.ends.push_back(now);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.free(clock::now().at);
    }
}

fn lock(row: &Mutex<Row>) -> MutexGuard<'_, Row> {
    row.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(count: u64) -> Duration {
        Duration::from_millis(count)
    }

    #[track_caller]
    fn refused(places: &Places, lane: Lane, now: Instant) -> Option<u64> {
        let error = places.take(lane, None, now).err().expect("no place");
        assert_eq!(error.code, ErrorCode::Busy);
        error.retry_after_ms
    }

    #[test]
    fn a_full_lane_takes_no_place_of_another() {
        let (places, now) = (Places::new(2), clock::now().at);
        let mut held = Vec::new();
        for lane in Lane::ALL {
            let clients = [None, Some("other".into())].into_iter();
            held.extend(clients.map(|client| places.take(lane, client, now).expect("a place")));
            assert!(places.take(lane, Some("third".into()), now).is_err(), "{lane:?}");
        }
        held.remove(0);
        assert!(places.take(Lane::ALL[0], None, now).is_ok());
        assert!(places.take(Lane::ALL[1], None, now).is_err());
    }

    #[test]
    fn a_refusal_tells_what_is_known_and_nothing_else() {
        let (places, now) = (Places::new(2), clock::now().at);
        let (mut first, mut second) =
            (places.take(Lane::Long, None, now), places.take(Lane::Long, Some("other".into()), now));
        assert_eq!(refused(&places, Lane::Long, now), None, "nothing is known of what was not read");
        first.as_mut().expect("a place").ends_by(now + ms(700));
        second.as_mut().expect("a place").ends_by(now + ms(400));
        first.as_ref().expect("a place").free(now);
        let third = places.take(Lane::Long, None, now);
        // A place was free just now, and nothing since: at the latest when the second ends.
        assert_eq!(refused(&places, Lane::Long, now + ms(100)), Some(100));
        assert_eq!(
            refused(&places, Lane::Long, now + ms(350)),
            Some(700),
            "the first to be refused takes the second's"
        );
        drop((first, second, third));
    }

    #[test]
    fn many_refused_are_told_to_come_one_after_the_other() {
        let (places, began) = (Places::new(1), clock::now().at);
        for number in 0..40 {
            let place = places.take(Lane::Other, None, began).expect("a place");
            place.free(began + ms(number * 10));
            std::mem::forget(place);
        }
        let now = began + ms(390);
        let place = places.take(Lane::Other, None, now).expect("a place");
        // The last 32 places took 310 ms.
        let told: Vec<_> = (0..4).map(|_| refused(&places, Lane::Other, now)).collect();
        assert_eq!(told, [Some(9), Some(19), Some(29), Some(38)]);
        place.free(now);
        std::mem::forget(place);
        // It is for the first of them: three are still to come, before this one.
        let place = places.take(Lane::Other, None, now).expect("a place");
        assert_eq!(refused(&places, Lane::Other, now), Some(37));
        drop(place);
    }

    /// How many places each of these clients gets that ask in turns until all of them are refused.
    fn shares(places: &Places, lane: Lane, clients: usize) -> (Vec<usize>, Vec<Place>) {
        let (now, mut shares, mut held) = (clock::now().at, vec![0; clients], Vec::new());
        loop {
            let before = held.len();
            for (number, share) in shares.iter_mut().enumerate() {
                if let Ok(place) = places.take(lane, Some(format!("c{number}").into()), now) {
                    held.push(place);
                    *share += 1;
                }
            }
            if held.len() == before {
                return (shares, held);
            }
        }
    }

    #[test]
    fn clients_share_the_places_of_a_lane_and_leave_some_to_who_comes_later() {
        for clients in [1, 2, 50, 100] {
            let places = Places::new(256);
            let (shares, held) = shares(&places, Lane::Long, clients);
            let (least, most) = (shares.iter().min(), shares.iter().max());
            let fair = 256 * HELD_PER_FREE / (clients * HELD_PER_FREE + 1);
            assert!(least >= Some(&fair.saturating_sub(1)) && most <= Some(&(fair + 1)), "{clients}: {shares:?}");
            assert!(places.take(Lane::Long, Some("late".into()), clock::now().at).is_ok(), "{clients}");
            drop(held);
        }
    }

    #[test]
    fn a_client_that_asked_enough_is_told_so_and_gets_a_place_when_one_of_its_own_ends() {
        let (places, now) = (Places::new(8), clock::now().at);
        let (shares, mut held) = shares(&places, Lane::Order, 1);
        assert_eq!(shares, [6]);
        let error = places.take(Lane::Order, Some("c0".into()), now).err().expect("enough");
        assert_eq!(
            (error.code, error.message.as_str()),
            (ErrorCode::Busy, "6 order requests of \"c0\" are being served")
        );
        held.pop();
        assert!(places.take(Lane::Order, Some("c0".into()), now).is_ok());
    }

    #[test]
    fn cancels_and_the_kill_switch_have_every_place() {
        for lane in [Lane::Control, Lane::Cancel] {
            assert_eq!(shares(&Places::new(8), lane, 1).0, [8]);
        }
    }
}
