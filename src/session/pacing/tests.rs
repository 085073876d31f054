//! The limits, one by one.

use std::time::{Duration, Instant};

use super::{Class, Cost, HistoryCost, LinkGate, Scheduler, Ticket, scheduler::QueueFull};
use crate::{
    config,
    schema::connection::LinkName,
    session::core::Owner,
    tws::{Request, message::login::CurrentTimeRequest},
};

struct Rig {
    start: Instant,
    scheduler: Scheduler,
    next_id: i32,
}

const OPEN: LinkGate = LinkGate { trading: true, data: true };

impl Rig {
    fn new(limits: &config::Pacing) -> Self {
        Self { start: Instant::now(), scheduler: Scheduler::new(limits), next_id: 0 }
    }

    fn at(&self, ms: u64) -> Instant {
        self.start + Duration::from_millis(ms)
    }

    fn submit(&mut self, class: Class, client: &str, cost: Cost) -> i32 {
        self.next_id += 1;
        let link = if class <= Class::Account { LinkName::Trading } else { LinkName::Data };
        let ticket = Ticket {
            link,
            class,
            client: (!client.is_empty()).then(|| client.into()),
            id: Some(self.next_id),
            owner: Owner::History,
            cost,
            request: Request::CurrentTimeRequest(CurrentTimeRequest {}),
            before: None,
            answer_within: None,
            queued_at: self.start,
        };
        self.scheduler.submit(ticket).expect("room");
        self.next_id
    }

    /// Ids sent at this moment, in order.
    fn sent(&mut self, ms: u64) -> Vec<i32> {
        let now = self.at(ms);
        std::iter::from_fn(|| self.scheduler.next(now, OPEN)).filter_map(|ticket| ticket.id).collect()
    }
}

/// A small request like no other.
fn history(same: u64, weight: u32) -> Cost {
    static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1 << 32);
    let identity = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    Cost::History(HistoryCost { weight, small: true, same, identity })
}

fn identical(identity: u64) -> Cost {
    Cost::History(HistoryCost { weight: 1, small: true, same: identity, identity })
}

fn long() -> Cost {
    Cost::History(HistoryCost { weight: 1, small: false, same: 1, identity: 1 })
}

#[test]
fn urgent_classes_go_first() {
    let mut rig = Rig::new(&config::Pacing::default());
    let bulk = rig.submit(Class::Bulk, "", Cost::Message);
    let order = rig.submit(Class::Order, "", Cost::Message);
    let cancel = rig.submit(Class::Cancel, "", Cost::Message);
    assert_eq!(rig.sent(0), [cancel, order, bulk]);
}

#[test]
fn clients_of_one_class_take_turns() {
    let mut rig = Rig::new(&config::Pacing::default());
    let greedy: Vec<i32> = (0..3).map(|_| rig.submit(Class::Interactive, "greedy", Cost::Message)).collect();
    let modest = rig.submit(Class::Interactive, "modest", Cost::Message);
    assert_eq!(rig.sent(0), [greedy[0], modest, greedy[1], greedy[2]]);
}

#[test]
fn data_requests_leave_the_trading_share_free() {
    let limits = config::Pacing { messages_per_second: 5, trading_share: 2, ..config::Pacing::default() };
    let mut rig = Rig::new(&limits);
    for _ in 0..5 {
        rig.submit(Class::Live, "", Cost::Message);
    }
    assert_eq!(rig.sent(0).len(), 3);
    for _ in 0..3 {
        rig.submit(Class::Order, "", Cost::Message);
    }
    assert_eq!(rig.sent(1).len(), 2);
    assert_eq!(rig.scheduler.wake_at(), Some(rig.at(1_000)));
    assert_eq!(rig.sent(1_000).len(), 3);
}

#[test]
fn bid_ask_counts_twice_and_the_ten_minutes_slide() {
    let limits = config::Pacing { history_10_min: 4, ..config::Pacing::default() };
    let mut rig = Rig::new(&limits);
    for same in 0..3 {
        rig.submit(Class::History, "", history(same, 2));
    }
    assert_eq!(rig.sent(0).len(), 2);
    assert_eq!(rig.scheduler.wake_at(), Some(rig.at(600_000)));
    assert_eq!(rig.sent(599_999).len(), 0);
    assert_eq!(rig.sent(600_000).len(), 1);
}

#[test]
fn the_same_contract_and_kind_waits_two_seconds_while_others_pass() {
    let limits = config::Pacing { history_same_2_s: 2, ..config::Pacing::default() };
    let mut rig = Rig::new(&limits);
    let first: Vec<i32> = (0..3).map(|_| rig.submit(Class::History, "a", history(7, 1))).collect();
    let other = rig.submit(Class::History, "b", history(8, 1));
    assert_eq!(rig.sent(0), [first[0], other, first[1]]);
    assert_eq!(rig.sent(1_999).len(), 0);
    assert_eq!(rig.sent(2_000), [first[2]]);
}

#[test]
fn one_contract_that_waits_does_not_hold_up_the_others_of_its_client() {
    let limits = config::Pacing { history_same_2_s: 1, ..config::Pacing::default() };
    let mut rig = Rig::new(&limits);
    let ids: Vec<i32> = [7, 7, 7, 8].map(|same| rig.submit(Class::History, "a", history(same, 1))).to_vec();
    assert_eq!(rig.sent(0), [ids[0], ids[3]]);
    assert_eq!(rig.sent(2_000), [ids[1]]);
}

#[test]
fn an_identical_small_request_waits_fifteen_seconds_whatever_became_of_the_first() {
    let mut rig = Rig::new(&config::Pacing::default());
    let first = rig.submit(Class::History, "", identical(7));
    assert_eq!(rig.sent(100), [first]);
    rig.scheduler.on_link_down(LinkName::Data);
    let again = rig.submit(Class::History, "", identical(7));
    let other = rig.submit(Class::History, "", identical(8));
    assert_eq!(rig.sent(101), [other]);
    assert_eq!(rig.scheduler.wake_at(), Some(rig.at(15_100)));
    assert_eq!(rig.sent(15_099).len(), 0);
    assert_eq!(rig.sent(15_100), [again]);
}

#[test]
fn longer_bars_are_under_the_soft_limit_and_no_small_bar_rule() {
    let limits = config::Pacing { history_long_2_s: 8, history_long_open: 10, ..config::Pacing::default() };
    let mut rig = Rig::new(&limits);
    let ids: Vec<i32> = (0..20).map(|_| rig.submit(Class::History, "", long())).collect();
    assert_eq!(rig.sent(0), ids[..8]);
    assert_eq!(rig.sent(1_999).len(), 0);
    assert_eq!(rig.sent(2_000), ids[8..10], "ten are open");
    rig.scheduler.history_done(ids[0]);
    assert_eq!(rig.sent(2_001), [ids[10]]);
    let now = rig.at(2_001);
    assert_eq!(rig.scheduler.history_usage(now).used, 0);
}

#[test]
fn the_last_of_many_units_is_foretold() {
    let limits = config::Pacing { history_10_min: 4, history_same_2_s: 100, ..config::Pacing::default() };
    let mut rig = Rig::new(&limits);
    for same in 0..3 {
        rig.submit(Class::History, "", history(same, 1));
    }
    assert_eq!(rig.sent(0).len(), 3);
    let now = rig.at(60_000);
    let mut by = |ahead, units| rig.scheduler.history_sent_by(now, true, ahead, units);
    let start = rig.start;
    let at = |seconds| start + Duration::from_secs(seconds);
    assert_eq!([by(0, 1), by(0, 2), by(3, 1)], [at(60), at(600), at(600)]);
    assert_eq!([by(0, 5), by(0, 6), by(4, 5)], [at(660), at(1_200), at(1_260)]);
}

#[test]
fn open_history_is_bounded_until_it_ends() {
    let limits = config::Pacing { history_open: 1, ..config::Pacing::default() };
    let mut rig = Rig::new(&limits);
    let first = rig.submit(Class::History, "", history(1, 1));
    let second = rig.submit(Class::History, "", history(2, 1));
    assert_eq!(rig.sent(0), [first]);
    rig.scheduler.history_done(first);
    assert_eq!(rig.sent(1), [second]);
}

#[test]
fn a_violation_slows_history_and_nothing_else() {
    let mut rig = Rig::new(&config::Pacing::default());
    let now = rig.at(0);
    rig.scheduler.on_violation(now, Duration::from_secs(60));
    let history = rig.submit(Class::History, "", history(1, 1));
    let live = rig.submit(Class::Live, "", Cost::Message);
    assert_eq!(rig.sent(0), [live]);
    assert_eq!(rig.sent(60_000), [history]);
}

#[test]
fn a_full_class_refuses_but_never_a_cancel() {
    let limits = config::Pacing { queue_max: 1, ..config::Pacing::default() };
    let mut rig = Rig::new(&limits);
    rig.submit(Class::Cancel, "", Cost::Message);
    rig.submit(Class::Cancel, "", Cost::Message);
    let id = rig.submit(Class::Live, "", Cost::Message);
    let mut again = rig.scheduler.queue(Class::Live).pop_if(|_| true).expect("queued");
    rig.scheduler.submit(again.clone()).expect("room");
    again.id = Some(id + 1);
    assert_eq!(rig.scheduler.submit(again), Err(QueueFull));
    assert!(rig.scheduler.withdraw(id));
    assert!(!rig.scheduler.withdraw(id));
}
