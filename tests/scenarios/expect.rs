//! What a scenario file says under `[expect]`, and whether it holds.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::world::{Order, World};

#[derive(Deserialize)]
struct File {
    expect: Expect,
}

/// Simulated seconds count from the start of the run.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expect {
    /// How long the scenario runs.
    pub(crate) run_s: f64,
    /// Streams of Apple held all the time.
    #[serde(default)]
    pub(crate) streams: Vec<String>,
    /// A market order of one share is asked for at each of these times.
    #[serde(default)]
    pub(crate) orders_at_s: Vec<f64>,
    /// Two hours of minute bars are asked for at each of these times.
    #[serde(default)]
    pub(crate) history_at_s: Vec<f64>,
    /// From here to the end the bridge says that it is ready.
    ready_by_s: Option<f64>,
    /// From here to the end every stream brings something at least every six seconds.
    flows_by_s: Option<f64>,
    /// So often readiness was lost and told.
    lost: Option<usize>,
    /// So often the loss of the gateway's link to IB was told.
    ib_lost: Option<usize>,
    /// So often each farm was told to be down.
    #[serde(default)]
    farms_down: BTreeMap<String, usize>,
    /// So many logins the gateway saw.
    logins: Option<u64>,
    /// At most so many.
    logins_max: Option<u64>,
    /// So many requests of a kind the gateway saw.
    #[serde(default)]
    requests: BTreeMap<String, u64>,
    /// Last state of each order, or the code with which it was refused.
    #[serde(default)]
    orders: Vec<String>,
    /// Outcome of each question for bars: `ok` or an error code.
    #[serde(default)]
    history: Vec<String>,
    /// Shares filled by the events published.
    fills: Option<u32>,
    /// These notices were published, at least once.
    #[serde(default)]
    notices: Vec<i32>,
    /// These events of the bridge were published, at least once.
    #[serde(default)]
    bridge: Vec<String>,
    /// Breaches of IB's limits that are the scenario's own doing.
    #[serde(default)]
    violations: u64,
}

impl Expect {
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        toml::from_str::<File>(text).map(|file| file.expect).map_err(|error| error.to_string())
    }
}

/// Milliseconds of a number of seconds in a file.
#[expect(clippy::cast_possible_truncation, reason = "scenarios last minutes")]
pub(crate) fn milliseconds(seconds: f64) -> i64 {
    (seconds * 1_000.0) as i64
}

/// Everything that does not hold.
pub(crate) fn verdict(world: &World, expect: &Expect) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut must = |holds: bool, what: String| {
        if !holds {
            wrong.push(what);
        }
    };
    let ms = milliseconds;
    let end_ms = ms(expect.run_s);

    if let Some(by_s) = expect.ready_by_s {
        let last = world.readiness.iter().rev().find(|(_, is_ready)| !is_ready).map(|(at, _)| *at);
        let is_ready = world.readiness.last().is_some_and(|(_, is_ready)| *is_ready);
        let since = world.readiness.iter().rev().take_while(|(_, is_ready)| *is_ready).last().map(|(at, _)| *at);
        must(
            is_ready && since.is_some_and(|since| since <= ms(by_s)),
            format!("not ready by {by_s} s: last not ready at {last:?}, ready since {since:?} (ms)"),
        );
    }
    if let Some(by_s) = expect.flows_by_s {
        for stream in &expect.streams {
            let times = world.flows.get(stream).cloned().unwrap_or_default();
            let mut last = ms(by_s);
            let mut longest = (0, last);
            for at in times.into_iter().filter(|at| *at > ms(by_s)).chain([end_ms]) {
                longest = longest.max((at - last, last));
                last = at;
            }
            must(longest.0 <= 6_000, format!("{stream} is silent for {} ms from {} ms on", longest.0, longest.1));
        }
        for (stream, count) in &world.open_gaps {
            must(*count == 0, format!("{stream}: {count} gaps are left open"));
        }
    }
    let lost = world.readiness.windows(2).filter(|pair| pair[0].1 && !pair[1].1).count();
    must(expect.lost.is_none_or(|wanted| wanted == lost), format!("readiness was lost {lost} times"));
    let ib_lost = world.ib_losses;
    must(expect.ib_lost.is_none_or(|wanted| wanted == ib_lost), format!("the link to IB was lost {ib_lost} times"));
    for (farm, wanted) in &expect.farms_down {
        let told = world.farms_down.get(farm).copied().unwrap_or_default();
        must(told == *wanted, format!("{farm} was told to be down {told} times"));
    }

    let requests: BTreeMap<&str, u64> = world.sim.requests().iter().fold(BTreeMap::new(), |mut sums, row| {
        *sums.entry(row.kind).or_default() += row.count;
        sums
    });
    let seen = |kind: &str| requests.get(kind).copied().unwrap_or_default();
    let logins = seen("StartApiRequest");
    must(expect.logins.is_none_or(|wanted| wanted == logins), format!("{logins} logins"));
    must(expect.logins_max.is_none_or(|most| logins <= most), format!("{logins} logins"));
    for (kind, wanted) in &expect.requests {
        must(seen(kind) == *wanted, format!("{} of {kind}", seen(kind)));
    }

    let orders: Vec<String> = world.orders.values().map(Order::outcome).collect();
    must(expect.orders == orders, format!("orders ended as {orders:?}"));
    for key in world.orders.keys() {
        let count = world.sim.witness().placements().iter().filter(|placement| placement.order_ref == *key).count();
        must(count <= 1, format!("order {key} was sent {count} times"));
    }
    let fills = world.fills.len();
    must(expect.fills.is_none_or(|wanted| wanted as usize == fills), format!("{fills} shares were filled"));
    let executed = world.sim.witness().executed().iter().filter(|fill| !fill.order_ref.is_empty()).count();
    must(fills == executed, format!("{fills} fills were published of {executed}"));

    let history: Vec<String> = world.history.values().map(|outcome| outcome.clone().unwrap_or_default()).collect();
    must(expect.history == history, format!("questions for bars ended as {history:?}"));
    for code in &expect.notices {
        must(world.notices.contains(code), format!("no notice {code}; there were {:?}", world.notices));
    }
    for event in &expect.bridge {
        must(world.bridge.contains(event), format!("no event {event}; there were {:?}", world.bridge));
    }
    let violations: u64 = world.sim.violations().iter().map(|row| row.count).sum();
    must(violations == expect.violations, format!("{violations} violations: {:?}", world.sim.recent_violations()));
    wrong
}
