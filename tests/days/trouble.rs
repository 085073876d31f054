//! What goes wrong on a random day between the gateway, IB and the bridge, beside what histories of orders know.

use ibnats::{
    schema::connection::LinkName,
    sim::faults::{
        action::{Action, Door, Garbage, GatewayFault, IbFault, LineFault, RequestFault, StreamKind, Streams},
        rule::{Occasion, Rule, When},
    },
};
use rand::{RngExt, seq::IndexedRandom};

use crate::world::{START_MS, World};

/// One of each kind of farm, and one that serves nothing of the day.
const FARMS: [&str; 5] = ["usfarm", "cashfarm", "ushmds", "secdefnj", "eufarm"];
/// Questions that a gateway leaves unanswered now and then.
const MUTED: [&str; 5] =
    ["ContractDataRequest", "HistoricalDataRequest", "OpenOrdersRequest", "ExecutionRequest", "CompletedOrdersRequest"];
const GARBAGE: [Garbage; 6] =
    [Garbage::UnknownId, Garbage::Undecodable, Garbage::Text, Garbage::Runt, Garbage::Oversize, Garbage::Noise];
/// The gateway of a planned day restarts at this time: 10:01 in New York.
pub(crate) const RESTART: &str = "10:01";
const RESTART_MS: i64 = START_MS + 60_000;
/// How long such a restart takes at most, by the bridge's configuration.
pub(crate) const RESTART_LASTS_S: u64 = 20;

pub(crate) fn step(world: &mut World, is_planned: bool) {
    match world.random.random_range(0..11) {
        0 | 1 => lose_farm(world),
        2 => compete(world),
        3 => end_updates(world),
        4 => pacing_violation(world),
        5 => in_use(world),
        6 => half_open(world),
        7 => mute(world),
        8 => garbage(world),
        9 => hurry(world),
        _ if is_planned => restart_as_planned(world),
        _ => stall(world),
    }
}

fn lasting(world: &mut World, max_ms: i64) -> i64 {
    world.random.random_range(100..max_ms)
}

/// 2103 or 2105 and, later, 2104 or 2106: what the farm serves stands meanwhile.
fn lose_farm(world: &mut World) {
    let farm = *FARMS.choose(&mut world.random).expect("farms");
    let for_ms = lasting(world, 6_000);
    world.note(|| format!("{farm} is away for {for_ms} ms"));
    world.suffer(Action::Ib(IbFault::FarmDown { farm: farm.to_owned(), for_ms }));
}

/// 10197: live data stands.
fn compete(world: &mut World) {
    let for_ms = lasting(world, 5_000);
    world.note(|| format!("the user is logged in elsewhere for {for_ms} ms"));
    world.suffer(Action::Ib(IbFault::CompetingSession { for_ms }));
}

/// 10182: bars that are kept up to date end.
fn end_updates(world: &mut World) {
    world.note(|| "10182".to_owned());
    world.suffer(Action::Gateway(GatewayFault::StreamError {
        streams: Streams { kind: Some(StreamKind::UpdatedBars), symbol: None },
        code: 10_182,
        text: "Failed to request live updates (disconnected).".to_owned(),
        ends: true,
    }));
}

/// 162 on the next question for bars.
fn pacing_violation(world: &mut World) {
    world.note(|| "the next history request is a pacing violation".to_owned());
    let text = "Historical Market Data Service error message:Historical data request pacing violation".to_owned();
    refuse_next(world, Action::Request(RequestFault::Refuse { code: 162, text }), "HistoricalDataRequest", 1);
}

fn refuse_next(world: &mut World, action: Action, kind: &str, times: u32) {
    let mut rule = Rule::new(kind, When::Request(Occasion::of(kind)), action);
    rule.times = Some(times);
    assert!(world.sim.add_rule(world.now_ms, rule).is_some(), "too many faults");
}

/// 326: a link is cut, and its client id is in use for a while.
fn in_use(world: &mut World) {
    let (link, for_ms) = (link(world), lasting(world, 5_000));
    let door = *[Door::InUse, Door::InUse, Door::Mute, Door::HangUp].choose(&mut world.random).expect("doors");
    world.note(|| format!("{link:?} is cut, {door:?} for {for_ms} ms"));
    world.suffer(Action::Door { door, for_ms });
    world.cut(link, 0, 0);
}

fn link(world: &mut World) -> LinkName {
    *[LinkName::Trading, LinkName::Data].choose(&mut world.random).expect("links")
}

fn afflict(world: &mut World, fault: LineFault) {
    let client_id = *[None, Some(1), Some(2)].choose(&mut world.random).expect("clients");
    world.note(|| format!("client {client_id:?}: {fault:?}"));
    let when = When::Start { at_ms: 0, every_ms: None };
    let rule = Rule { client_id, ..Rule::new("line", when, Action::Line(fault)) };
    assert!(world.sim.add_rule(world.now_ms, rule).is_some(), "too many faults");
}

/// Nothing is read or written any more, and the socket stays until the gateway notices.
fn half_open(world: &mut World) {
    let for_ms = lasting(world, 20_000);
    afflict(world, LineFault::HalfOpen { for_ms });
}

fn stall(world: &mut World) {
    let for_ms = lasting(world, 8_000);
    let (reads, writes) = *[(true, true), (true, false), (false, true)].choose(&mut world.random).expect("ways");
    afflict(world, LineFault::Stall { for_ms, reads, writes });
}

/// Some questions get no answer.
fn mute(world: &mut World) {
    let kind = *MUTED.choose(&mut world.random).expect("kinds");
    let times = world.random.random_range(1..7);
    world.note(|| format!("{times} of {kind} are not answered"));
    refuse_next(world, Action::Request(RequestFault::Mute), kind, times);
}

fn garbage(world: &mut World) {
    let kind = *GARBAGE.choose(&mut world.random).expect("kinds");
    afflict(world, LineFault::Garbage(kind));
}

/// The gateway says that messages come too fast, though they do not.
fn hurry(world: &mut World) {
    world.note(|| "100: too many messages".to_owned());
    let text = "Max rate of messages per second has been exceeded:max=50 rec=57 (1)".to_owned();
    world.suffer(Action::Gateway(GatewayFault::Notice { code: 100, text, count: 1 }));
}

/// The restart that the calendar knows of: announced, orders fenced off, and no failure.
fn restart_as_planned(world: &mut World) {
    let left_ms = RESTART_MS - world.now_ms;
    if left_ms <= 0 {
        return;
    }
    world.note(|| "until the planned restart".to_owned());
    world.pass(left_ms, 500, |_, len| len);
    world.note(|| "the gateway restarts as planned".to_owned());
    let for_ms = lasting(world, 15_000);
    world.suffer(Action::Gateway(GatewayFault::Restart { for_ms }));
    let ms = lasting(world, for_ms + 100);
    world.pass(ms, 500, |_, len| len);
}
