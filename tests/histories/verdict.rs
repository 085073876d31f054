//! What must be true at the end of every history, judged by the gateway's own account.

use std::collections::{BTreeMap, BTreeSet};

use ibnats::{
    schema::order::{FillEvent, OrderEvent, OrderState},
    session::Event,
    sim::broker::Standing,
};

use crate::world::World;

/// Everything that is wrong; empty if nothing is.
pub(crate) fn judge(world: &mut World) -> Vec<String> {
    let mut wrong = Vec::new();
    sent_at_most_once(world, &mut wrong);
    every_fill_told_once(world, &mut wrong);
    let memory = world.disk.recall(1, world.now_ms * 1_000);
    let orders: BTreeMap<String, OrderEvent> =
        memory.orders.into_iter().map(|order| (order.event.key.to_string(), order.event)).collect();
    journal_and_gateway_agree(world, &orders, &mut wrong);
    stream_and_journal_agree(world, &orders, &mut wrong);
    one_order_for_all_callers(world, &mut wrong);
    one_order_for_each_key(world, &mut wrong);
    for announced in &world.announced {
        if announced.starts_with("mismatch") || announced.starts_with("duplicate_order") {
            wrong.push(format!("announced: {announced}"));
        }
    }
    wrong
}

fn sent_at_most_once(world: &World, wrong: &mut Vec<String>) {
    let mut received: BTreeMap<&str, BTreeSet<i32>> = BTreeMap::new();
    let mut messages = BTreeSet::new();
    for placement in world.sim.witness().placements() {
        if placement.client_id == 1 {
            received.entry(&placement.order_ref).or_default().insert(placement.order_id);
            // Every change has a price of its own.
            let price = placement.limit_price.map(f64::to_bits);
            if !messages.insert((&placement.order_ref, price)) {
                wrong.push(format!("{placement:?} was received twice"));
            }
        }
    }
    for (key, order_ids) in received {
        if order_ids.len() > 1 {
            wrong.push(format!("{key} was received as orders {order_ids:?}"));
        }
        if !world.ours.contains(key) {
            wrong.push(format!("{key:?} was received and never asked for"));
        }
    }
}

fn fills(world: &World) -> Vec<&FillEvent> {
    let fill = |event: &'_ Event| matches!(event, Event::Fill(_));
    world
        .stream
        .stored
        .iter()
        .filter(|event| fill(event))
        .filter_map(|event| match event {
            Event::Fill(fill) => Some(&**fill),
            _ => None,
        })
        .collect()
}

fn root(exec_id: &str) -> &str {
    exec_id.rsplit_once('.').map_or(exec_id, |(root, _)| root)
}

fn every_fill_told_once(world: &World, wrong: &mut Vec<String>) {
    let told = fills(world);
    let mut news = BTreeSet::new();
    for fill in &told {
        if !news.insert(format!("{} {:?} {:?}", fill.exec_id, fill.commission, fill.realized_pnl)) {
            wrong.push(format!("fill {} was told twice with commission {:?}", fill.exec_id, fill.commission));
        }
    }
    let executed = world.sim.witness().executed();
    for at_gateway in &executed {
        let versions: Vec<_> = told.iter().filter(|fill| root(&fill.exec_id) == root(&at_gateway.exec_id)).collect();
        let Some(last) = versions.last() else {
            wrong.push(format!("fill {} of {:?} was never told", at_gateway.exec_id, at_gateway.order_ref));
            continue;
        };
        let price: f64 = at_gateway.price.to_string().parse().expect("a price");
        let is_same = last.exec_id == at_gateway.exec_id
            && last.quantity.decimal() == at_gateway.quantity
            && (last.price - price).abs() < 1e-9;
        if !is_same || last.commission.is_none() {
            wrong.push(format!("fill {at_gateway:?} was told last as {last:?}"));
        }
        let is_ours = world.ours.contains(&at_gateway.order_ref);
        let key = if is_ours { at_gateway.order_ref.clone() } else { format!("perm-{}", at_gateway.perm_id) };
        if let Some(fill) = versions.iter().find(|fill| fill.key.as_str() != key) {
            wrong.push(format!("fill {} of {key} was told as one of {}", fill.exec_id, fill.key));
        }
        let first: Vec<_> =
            versions.iter().filter(|fill| fill.correction.is_none()).map(|fill| &fill.exec_id).collect();
        if first.iter().collect::<BTreeSet<_>>().len() > 1 {
            wrong.push(format!("versions {first:?} of one fill are not marked as corrections"));
        }
    }
    for fill in told {
        if !executed.iter().any(|at_gateway| root(&at_gateway.exec_id) == root(&fill.exec_id)) {
            wrong.push(format!("fill {} never happened", fill.exec_id));
        }
    }
}

fn journal_and_gateway_agree(world: &World, orders: &BTreeMap<String, OrderEvent>, wrong: &mut Vec<String>) {
    let standings = world.sim.witness().standings();
    for standing in &standings {
        let is_ours = world.ours.contains(&standing.order_ref);
        let key = if is_ours { standing.order_ref.clone() } else { format!("perm-{}", standing.perm_id) };
        let Some(order) = orders.get(&key) else {
            wrong.push(format!("{standing:?} is not in the journal"));
            continue;
        };
        let expected = expected(standing);
        if order.state != expected || order.filled.decimal() != standing.filled {
            let filled = &order.filled;
            wrong.push(format!(
                "{standing:?} is {:?}, filled {filled}, in the journal: {:?}",
                order.state, order.reason
            ));
        }
        let limit = standing.limit_price.map(|price| price.to_string().parse::<f64>().expect("a price"));
        let has_terms = order.quantity.as_ref().is_none_or(|quantity| quantity.decimal() == standing.quantity)
            && (limit.is_none() || order.limit_price == limit);
        if standing.is_open && !has_terms {
            let (quantity, price) = (&order.quantity, order.limit_price);
            wrong.push(format!("{standing:?} has quantity {quantity:?} and price {price:?} in the journal"));
        }
        let origin = match standing.client_id {
            1 => "bridge".to_owned(),
            0 => "tws".to_owned(),
            other => format!("client-{other}"),
        };
        // Lists of orders that are over do not tell who placed them; executions do.
        if order.origin != origin && !(order.origin == "unknown" && standing.filled.is_zero()) {
            wrong.push(format!("{standing:?} is said to come from {}", order.origin));
        }
    }
    for (key, order) in orders {
        if order.state == OrderState::OutcomeUnknown {
            wrong.push(format!("{key} is still unknown: {:?}", order.reason));
        }
        if !order.state.is_final()
            && !standings
                .iter()
                .any(|standing| standing.order_ref == *key || *key == format!("perm-{}", standing.perm_id))
        {
            wrong.push(format!("{key} is {:?} and the gateway has no such order", order.state));
        }
    }
}

fn expected(standing: &Standing) -> OrderState {
    match standing.status {
        "Filled" => OrderState::Filled,
        "Cancelled" | "ApiCancelled" => OrderState::Cancelled,
        "Inactive" => OrderState::Rejected,
        "PendingSubmit" => OrderState::Sent,
        "PendingCancel" => OrderState::CancelPending,
        _ if standing.filled > 0.into() => OrderState::PartiallyFilled,
        _ => OrderState::Working,
    }
}

fn stream_and_journal_agree(world: &World, orders: &BTreeMap<String, OrderEvent>, wrong: &mut Vec<String>) {
    let mut last: BTreeMap<&str, &OrderEvent> = BTreeMap::new();
    let plain = |event: &OrderEvent| OrderEvent { seq: None, recv_us: 0, after_gap: None, ..event.clone() };
    for event in &world.stream.stored {
        let Event::Order(event) = event else { continue };
        if let Some(before) = last.insert(event.key.as_str(), event) {
            if plain(before) == plain(event) {
                wrong.push(format!("{} was told twice: {:?}", event.key, event.state));
            }
            if event.filled.decimal() < before.filled.decimal() && !world.busted.contains(event.key.as_str()) {
                wrong.push(format!("{} was filled {} and then {}", event.key, before.filled, event.filled));
            }
        }
    }
    for (key, order) in orders {
        match last.get(key.as_str()) {
            Some(told) if plain(told) == plain(order) => {}
            told => wrong.push(format!(
                "{key} ends as {:?} in the journal, as {:?} on the stream",
                order.state,
                told.map(|told| told.state)
            )),
        }
    }
}

/// Whoever asked with one key was told of one order.
fn one_order_for_all_callers(world: &World, wrong: &mut Vec<String>) {
    let mut order_ids: BTreeMap<&str, BTreeSet<i32>> = BTreeMap::new();
    for (key, outcome) in &world.replies {
        if let Ok(ibnats::session::Answer::Order(answer)) = outcome {
            let key = key.rsplit(' ').next().unwrap_or(key);
            order_ids.entry(key).or_default().extend(answer.order.order_id);
        }
    }
    for (key, order_ids) in order_ids {
        if order_ids.len() > 1 {
            wrong.push(format!("callers of {key} were told of orders {order_ids:?}"));
        }
    }
}

/// Of two different orders with one key only one is ever promised.
fn one_order_for_each_key(world: &World, wrong: &mut Vec<String>) {
    let promised: BTreeSet<&str> =
        world.replies.iter().filter(|(_, outcome)| outcome.is_ok()).map(|(what, _)| what.as_str()).collect();
    for other in promised.iter().filter_map(|what| what.strip_prefix("other ")) {
        if promised.contains(format!("place {other}").as_str()) {
            wrong.push(format!("{other} was promised to two callers with different orders"));
        }
    }
}
