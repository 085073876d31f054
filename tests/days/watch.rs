//! What must hold after every step of a random day.

use std::collections::{BTreeMap, BTreeSet};

use ibnats::{session::Event, sim::broker::Placement};

use crate::world::World;

/// Entries a table may have in a day this small.
const ENTRIES_MAX: usize = 500;
/// An answer may come so late after its deadline: the steps of simulated time.
const GRACE_MS: i64 = 1_000;

#[derive(Default)]
pub(crate) struct Watch {
    /// How much of each record has been looked at.
    placements: usize,
    stored: usize,
    violations: u64,
    received: BTreeSet<(String, Option<u64>)>,
    order_ids: BTreeMap<String, i32>,
    told: BTreeSet<String>,
    numbers: BTreeMap<String, u64>,
    /// The first thing that was wrong, with the number of its step.
    pub(crate) wrong: Vec<String>,
}

impl Watch {
    pub(crate) fn look(&mut self, world: &mut World, step: usize) {
        let before = self.wrong.len();
        self.no_order_twice(world);
        self.no_fill_twice_and_numbers_in_order(world);
        self.limits_kept(world);
        self.everybody_answered(world);
        self.tables_bounded(world);
        for wrong in &mut self.wrong[before..] {
            *wrong = format!("step {step}: {wrong}");
        }
    }

    fn no_order_twice(&mut self, world: &World) {
        let placements = world.sim.witness().placements();
        for Placement { client_id, order_id, order_ref, limit_price } in &placements[self.placements..] {
            if *client_id != 1 {
                continue;
            }
            if !self.received.insert((order_ref.clone(), limit_price.map(f64::to_bits))) {
                self.wrong.push(format!("{order_ref} at {limit_price:?} was received twice"));
            }
            if *self.order_ids.entry(order_ref.clone()).or_insert(*order_id) != *order_id {
                self.wrong.push(format!("{order_ref} was received under two numbers"));
            }
        }
        self.placements = placements.len();
    }

    fn no_fill_twice_and_numbers_in_order(&mut self, world: &World) {
        for event in &world.stream.stored[self.stored..] {
            let (subject, seq) = match event {
                Event::Fill(fill) => {
                    let version = format!("{} {:?} {:?}", fill.exec_id, fill.commission, fill.realized_pnl);
                    if !self.told.insert(version.clone()) {
                        self.wrong.push(format!("fill {version} was told twice"));
                    }
                    (format!("fill {} {}", fill.account, fill.key), fill.seq)
                }
                Event::Order(order) => {
                    (format!("order {} {}", order.account, order.key), order.seq.unwrap_or_default())
                }
                _ => continue,
            };
            if self.numbers.insert(subject.clone(), seq).is_some_and(|before| seq <= before) {
                self.wrong.push(format!("{subject} goes back to number {seq}"));
            }
        }
        self.stored = world.stream.stored.len();
    }

    fn limits_kept(&mut self, world: &World) {
        let count = world.sim.violations().iter().map(|rule| rule.count).sum();
        if count > self.violations {
            self.violations = count;
            self.wrong.push(format!("IB's limits were broken: {:?}", world.sim.recent_violations().last()));
        }
    }

    fn everybody_answered(&mut self, world: &mut World) {
        let now_ms = world.now_ms;
        let late: Vec<_> =
            world.due.iter().filter(|(_, due)| **due + GRACE_MS < now_ms).map(|(token, _)| *token).collect();
        for token in late {
            world.due.remove(&token);
            self.wrong.push(format!("{:?} was not answered by its deadline", world.callers.get(&token)));
        }
    }

    fn tables_bounded(&mut self, world: &World) {
        let Some(bridge) = &world.bridge else { return };
        for (table, entries) in bridge.session.sizes() {
            if entries > ENTRIES_MAX {
                self.wrong.push(format!("{table} has {entries} entries"));
            }
        }
    }
}
