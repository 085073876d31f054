//! The limits, one by one.

mod identical;

use std::time::{Duration, Instant};

use super::{Class, Cost, Fault, HistoryCost, LinkGate, Refused, Scheduler, Ticket};
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

const OPEN: LinkGate = LinkGate { trading: true, data: true, history: true };

impl Rig {
    fn new(limits: &config::Pacing) -> Self {
        Self { start: Instant::now(), scheduler: Scheduler::new(limits), next_id: 0 }
    }

    fn at(&self, ms: u64) -> Instant {
        self.start + Duration::from_millis(ms)
    }

    fn submit(&mut self, class: Class, client: &str, cost: Cost) -> i32 {
        let ticket = self.ticket(0, class, client, cost);
        self.scheduler.submit(ticket).expect("room");
        self.next_id
    }

    fn ticket(&mut self, ms: u64, class: Class, client: &str, cost: Cost) -> Ticket {
        self.next_id += 1;
        let link = if class <= Class::Account { LinkName::Trading } else { LinkName::Data };
        Ticket {
            link,
            class,
            client: (!client.is_empty()).then(|| client.into()),
            id: Some(self.next_id),
            owner: Owner::History,
            cost,
            request: Request::CurrentTimeRequest(CurrentTimeRequest {}),
            before: None,
            answer_within: None,
            deadline: None,
            queued_at: self.at(ms),
        }
    }

    /// Ids sent at this moment, in order.
    fn sent(&mut self, ms: u64) -> Vec<i32> {
        let now = self.at(ms);
        std::iter::from_fn(|| self.scheduler.next(now, OPEN)).filter_map(|cleared| cleared.ticket.id).collect()
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
fn a_run_that_follows_another_waits_a_second_with_all_but_cancels() {
    let mut rig = Rig::new(&config::Pacing::default());
    rig.scheduler.on_earlier_run(rig.at(0));
    rig.scheduler.on_earlier_run(rig.at(10));
    let ends = rig.at(1_000);
    for (ms, link, is_cancel, expected) in [
        (20, LinkName::Trading, true, Ok(())),
        (999, LinkName::Trading, false, Err(ends)),
        (999, LinkName::Data, false, Err(ends)),
        (1_000, LinkName::Trading, false, Ok(())),
        (1_000, LinkName::Data, false, Ok(())),
    ] {
        let now = rig.at(ms);
        assert_eq!(rig.scheduler.messages.check(now, link, is_cancel, 1), expected, "{link:?} after {ms} ms");
    }
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
    let limits =
        config::Pacing { messages_per_second: 5, trading_share: 2, cancel_share: 0, ..config::Pacing::default() };
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
fn longer_bars_are_under_the_soft_limit_and_no_small_bar_rule() {
    let limits = config::Pacing { history_long_2_s: 8, history_long_open: 10, ..config::Pacing::default() };
    let mut rig = Rig::new(&limits);
    let ids: Vec<i32> = (0..20).map(|_| rig.submit(Class::History, "", long())).collect();
    assert_eq!(rig.sent(0), ids[..8]);
    assert_eq!(rig.sent(1_999).len(), 0);
    assert_eq!(rig.sent(2_000), ids[8..10], "ten are open");
    rig.scheduler.history_done(rig.start, ids[0]);
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
    rig.scheduler.history_done(rig.start, first);
    assert_eq!(rig.sent(1), [second]);
}

#[test]
fn a_violation_slows_history_and_nothing_else() {
    let mut rig = Rig::new(&config::Pacing::default());
    let now = rig.at(0);
    rig.scheduler.on_violation(now, Fault::History(None), Duration::from_secs(60));
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
    let again = rig.ticket(0, Class::Live, "", Cost::Message);
    assert!(matches!(rig.scheduler.submit(again), Err(Refused::Full { waiting: 1, .. })));
    assert!(rig.scheduler.withdraw(id));
    assert!(!rig.scheduler.withdraw(id));
}

#[test]
fn a_cancel_behind_five_hundred_orders_goes_out_at_once() {
    let mut rig = Rig::new(&config::Pacing::default());
    for _ in 0..500 {
        rig.submit(Class::Order, "", Cost::Message);
    }
    assert_eq!(rig.sent(0).len(), 40, "five of forty-five are kept for cancels");
    let cancels: Vec<i32> = (0..5).map(|_| rig.submit(Class::Cancel, "", Cost::Message)).collect();
    assert_eq!(rig.sent(1), cancels);
    let late = rig.submit(Class::Cancel, "", Cost::Message);
    assert_eq!(rig.sent(999).len(), 0);
    assert_eq!(rig.sent(1_000)[0], late, "and first of all once there is room");
}

#[test]
fn cancels_of_data_use_no_share_of_the_orders_cancels() {
    let mut rig = Rig::new(&config::Pacing::default());
    for _ in 0..60 {
        let mut ticket = rig.ticket(0, Class::Cancel, "", Cost::Message);
        ticket.link = LinkName::Data;
        rig.scheduler.submit(ticket).expect("room");
    }
    assert_eq!(rig.sent(0).len(), 35);
    let orders: Vec<i32> = (0..6).map(|_| rig.submit(Class::Order, "", Cost::Message)).collect();
    assert_eq!(rig.sent(1), orders[..5]);
    let cancel = rig.submit(Class::Cancel, "", Cost::Message);
    assert_eq!(rig.sent(2), [cancel]);
}

#[test]
fn each_link_has_its_own_budget_if_the_gateway_counts_so() {
    let limits = config::Pacing {
        messages_per_second: 5,
        trading_share: 2,
        cancel_share: 1,
        message_scope: config::MessageScope::Link,
        ..config::Pacing::default()
    };
    let mut rig = Rig::new(&limits);
    for class in [Class::Live, Class::Order] {
        for _ in 0..9 {
            rig.submit(class, "", Cost::Message);
        }
    }
    assert_eq!(rig.sent(0).len(), 4 + 5);
}

#[test]
fn a_line_is_given_back_before_another_is_taken() {
    let mut rig = Rig::new(&config::Pacing::default());
    let request = rig.submit(Class::Live, "a", Cost::Message);
    let release = rig.submit(Class::Live, "", Cost::Release);
    assert_eq!(rig.sent(0), [release, request]);
}

#[test]
fn what_costs_twice_takes_two_turns() {
    let limits = config::Pacing { history_10_min: 12, history_same_2_s: 100, ..config::Pacing::default() };
    let mut rig = Rig::new(&limits);
    let mut of = |client: &str, weight| {
        (0..9).map(|same| rig.submit(Class::History, client, history(same, weight))).collect::<Vec<_>>()
    };
    let (twice, once) = (of("twice", 2), of("once", 1));
    let sent = rig.sent(0);
    let count = |ids: &[i32]| sent.iter().filter(|id| ids.contains(id)).count();
    assert_eq!((count(&twice), count(&once)), (3, 6));
}

#[test]
fn a_client_that_asks_again_after_each_answer_gets_no_more_than_its_turns() {
    let limits = config::Pacing { history_long_2_s: 1, ..config::Pacing::default() };
    let mut rig = Rig::new(&limits);
    for _ in 0..20 {
        rig.submit(Class::History, "many", long());
    }
    let mut single = 0;
    for round in 0..20 {
        rig.submit(Class::History, "one", long());
        for id in rig.sent(round * 2_000) {
            rig.scheduler.history_done(rig.start, id);
            single += u32::from(id > 20);
        }
    }
    assert_eq!(single, 10);
}

#[test]
fn a_client_may_hold_as_many_places_as_are_left_to_others() {
    let limits = config::Pacing { queue_max: 100, client_requests: 60, ..config::Pacing::default() };
    let mut rig = Rig::new(&limits);
    let mut fill = |client: &str| {
        (0..200)
            .take_while(|_| {
                let ticket = rig.ticket(0, Class::Interactive, client, Cost::Message);
                rig.scheduler.submit(ticket).is_ok()
            })
            .count()
    };
    assert_eq!(["a", "b", "c", "d"].map(&mut fill), [50, 25, 13, 6]);
}

#[test]
fn a_refused_request_is_taken_after_the_time_told() {
    let limits = config::Pacing { client_requests: 10, ..config::Pacing::default() };
    let mut rig = Rig::new(&limits);
    for _ in 0..400 {
        rig.submit(Class::Live, "", Cost::Message);
    }
    assert_eq!(rig.sent(0).len(), 35);
    // 365 wait before it: ten more seconds and a little.
    let asked = |rig: &mut Rig, ms| {
        let mut ticket = rig.ticket(ms, Class::Interactive, "a", Cost::Message);
        ticket.deadline = Some(rig.at(ms + 10_000));
        rig.scheduler.submit(ticket)
    };
    let Err(Refused::Late { sent_after, after }) = asked(&mut rig, 0) else { panic!("taken") };
    assert_eq!((sent_after.as_millis(), after.as_millis()), (11_000, 1_001));
    rig.sent(1_000);
    assert!(asked(&mut rig, 1_000).is_err());
    assert_eq!(asked(&mut rig, 1_001), Ok(()));
    // Its turn comes in time.
    let sent = (1_001..11_001).find(|ms| rig.sent(*ms).contains(&rig.next_id));
    assert_eq!(sent, Some(11_000));
}

#[test]
fn what_was_not_sent_in_time_is_never_sent() {
    let limits =
        config::Pacing { messages_per_second: 1, trading_share: 0, cancel_share: 0, ..config::Pacing::default() };
    let mut rig = Rig::new(&limits);
    let first = rig.submit(Class::Interactive, "", Cost::Message);
    let mut ticket = rig.ticket(0, Class::Interactive, "", Cost::Message);
    ticket.deadline = Some(rig.at(1_500));
    let second = rig.next_id;
    rig.scheduler.submit(ticket).expect("in time");
    assert_eq!(rig.sent(0), [first]);
    // The link does not take bytes when its turn comes.
    assert!(rig.scheduler.next(rig.at(1_000), LinkGate { trading: true, data: false, history: true }).is_none());
    assert_eq!(rig.scheduler.wake_at(), Some(rig.at(1_500)));
    assert!(rig.scheduler.next_expired(rig.at(1_499)).is_none());
    let expired = rig.scheduler.next_expired(rig.at(1_500)).and_then(|ticket| ticket.id);
    assert_eq!(expired, Some(second));
    assert_eq!(rig.sent(1_600).len(), 0);
    assert_eq!(rig.scheduler.stretch(rig.at(1_600), None).classes[Class::Interactive as usize].dropped, 1);
}

#[test]
fn a_longer_wait_of_another_caller_keeps_a_request_alive() {
    let mut rig = Rig::new(&config::Pacing::default());
    let mut ticket = rig.ticket(0, Class::Interactive, "", Cost::Message);
    ticket.deadline = Some(rig.at(100));
    let id = rig.next_id;
    rig.scheduler.submit(ticket).expect("room");
    rig.scheduler.extend(id, rig.at(300));
    rig.scheduler.extend(id, rig.at(200));
    assert!(rig.scheduler.next_expired(rig.at(299)).is_none());
    assert_eq!(rig.sent(299), [id]);
    assert!(rig.scheduler.next_expired(rig.at(300)).is_none());
}

#[test]
fn too_fast_messages_lower_the_rate_which_comes_back_by_and_by() {
    let mut rig = Rig::new(&config::Pacing::default());
    for _ in 0..500 {
        rig.submit(Class::Order, "", Cost::Message);
    }
    let now = rig.at(0);
    let slowdown = rig.scheduler.on_violation(now, Fault::Messages, Duration::from_secs(1));
    assert_eq!((slowdown.limit, slowdown.configured, slowdown.allowed), ("messages_per_second", 45, 36));
    assert_eq!(rig.sent(0).len(), 31);
    assert_eq!(rig.sent(1_000).len(), 31);
    assert_eq!(rig.sent(60_000).len(), 33);
    let now = rig.at(60_000);
    let slowed = rig.scheduler.slowed(now);
    assert_eq!((slowed[0].allowed, slowed[0].restored_ms), (38, 210_000));
    assert_eq!(rig.sent(270_000).len(), 40);
    assert_eq!((rig.scheduler.slowed(rig.at(270_000)), rig.scheduler.violations()), (Vec::new(), 1));
}

#[test]
fn a_violation_teaches_how_much_history_the_gateway_takes() {
    let mut rig = Rig::new(&config::Pacing::default());
    let ids: Vec<i32> = (0..45).map(|same| rig.submit(Class::History, "", history(same, 1))).collect();
    rig.sent(0);
    rig.sent(1_000);
    let now = rig.at(1_000);
    let slowdown = rig.scheduler.on_violation(now, Fault::History(Some(ids[44])), Duration::from_secs(60));
    assert_eq!((slowdown.limit, slowdown.allowed), ("history_10_min", 44));
    let long_id = {
        for id in &ids {
            rig.scheduler.history_done(rig.start, *id);
        }
        let id = rig.submit(Class::History, "", long());
        assert_eq!(rig.sent(61_000), [id]);
        id
    };
    let now = rig.at(61_000);
    let slowdown = rig.scheduler.on_violation(now, Fault::History(Some(long_id)), Duration::from_secs(60));
    assert_eq!((slowdown.limit, slowdown.allowed), ("history_long_2_s", 4));
    let names: Vec<String> = rig.scheduler.slowed(now).into_iter().map(|row| row.limit).collect();
    assert_eq!(names, ["history_10_min", "history_long_2_s"]);
}

#[test]
fn a_client_may_be_kept_to_its_part_of_the_history() {
    let limits = config::Pacing { client_history_percent: 20, ..config::Pacing::default() };
    let mut rig = Rig::new(&limits);
    for same in 0..30 {
        rig.submit(Class::History, "a", history(same, 1));
    }
    let other = rig.submit(Class::History, "b", history(99, 1));
    let sent = rig.sent(0);
    assert_eq!((sent.len(), sent.contains(&other)), (12, true), "eleven of fifty-eight, and one of the other");
    assert_eq!(rig.sent(599_999).len(), 0);
    assert_eq!(rig.sent(600_000).len(), 11);
}

#[test]
fn a_step_does_not_depend_on_how_many_wait() {
    let mut rig = Rig::new(&config::Pacing { queue_max: 200_000, ..config::Pacing::default() });
    let mut work = Vec::new();
    for waiting in [1_000_u64, 50_000] {
        while rig.scheduler.waiting(Class::History) < usize::try_from(waiting).expect("few") {
            let client = format!("c{}", rig.next_id % 50);
            let same = u64::try_from(rig.next_id).expect("positive");
            rig.submit(Class::History, &client, history(same % 500, 1));
        }
        let looked = |rig: &Rig| rig.scheduler.queues.iter().flatten().map(|queue| queue.looked).sum::<u64>();
        let before = looked(&rig);
        let mut steps = 0;
        for second in 0..600 {
            let ms = waiting * 1_000_000 + second * 1_000;
            let sent = rig.sent(ms);
            steps += sent.len() + 1;
            for id in sent {
                rig.scheduler.history_done(rig.start, id);
            }
        }
        work.push((looked(&rig) - before, steps));
    }
    let [(few, few_steps), (many, many_steps)] = work[..] else { panic!("{work:?}") };
    assert!(few > 0 && many_steps >= few_steps, "{work:?}");
    assert!(many <= 2 * few, "entries looked at in 600 s with 1,000 and with 50,000 waiting: {work:?}");
}
