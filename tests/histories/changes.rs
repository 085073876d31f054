//! What clients do to orders beside placing and cancelling one: changes, brackets, groups, cancels of everything,
//! one key used for two orders.

use ibnats::{
    schema::request::order::{Bracket, CancelAll, ModifyOrder, Oca, PlaceOrder},
    session::Ask,
};
use rand::{RngExt, seq::IndexedRandom};

use crate::world::{AAPL, World};

/// A limit price that no message of this key has had: the gateway's account shows each change by its price.
fn new_price(world: &mut World, key: &str) -> f64 {
    loop {
        let cents = world.random.random_range(9_700..10_300);
        if world.prices.entry(key.to_owned()).or_default().insert(cents) {
            return f64::from(cents) / 100.0;
        }
    }
}

pub(crate) fn modify(world: &mut World) {
    let repeats = !world.changes.is_empty() && world.chance(40);
    let ask = if repeats {
        world.changes.choose(&mut world.random).expect("a change").clone()
    } else {
        let known: Vec<String> = world.ours.iter().cloned().collect();
        let Some(key) = known.choose(&mut world.random).cloned() else { return };
        let price = new_price(world, &key);
        let number = world.changes.len();
        let quantity = if world.chance(30) { format!(r#","quantity":"{}""#, number + 20) } else { String::new() };
        let json = format!(r#"{{"key":"{key}","modify_id":"m{number}","limit_price":{price}{quantity}}}"#);
        let ask: ModifyOrder = serde_json::from_str(&json).expect("a request");
        world.changes.push(ask.clone());
        ask
    };
    world.note(|| format!("modify {} {:?} to {:?}", ask.key, ask.modify_id, ask.limit_price));
    world.ask(&ask.key.to_string(), Ask::ModifyOrder(Box::new(ask)));
}

fn limit_order(world: &mut World, key: &str, side: &str) -> PlaceOrder {
    let price = new_price(world, key);
    let quantity = world.random.random_range(1..40);
    let json = format!(
        r#"{{"key":"{key}","contract":"CONID:{AAPL}","side":"{side}","quantity":"{quantity}","order_type":"limit",
            "limit_price":{price}}}"#
    );
    serde_json::from_str(&json).expect("a request")
}

/// A bracket or a group, new or asked for again.
pub(crate) fn family(world: &mut World) {
    let repeats = world.families.len() >= 3 || (!world.families.is_empty() && world.chance(30));
    let ask = if repeats {
        world.families.choose(&mut world.random).expect("a family").clone()
    } else if world.chance(50) {
        new_bracket(world)
    } else {
        new_group(world)
    };
    world.note(|| format!("family {ask:?}"));
    let callers = if world.chance(20) { 2 } else { 1 };
    for _ in 0..callers {
        world.ask("", ask.clone());
    }
}

fn new_bracket(world: &mut World) -> Ask {
    let number = world.families.len();
    let key = format!("b{number}");
    let parent = limit_order(world, &key, "buy");
    let json = format!(
        r#"{{"parent":{},"take_profit":{{"limit_price":110.0}},"stop_loss":{{"stop_price":90.0}}}}"#,
        serde_json::to_string(&parent).expect("a request")
    );
    let bracket: Bracket = serde_json::from_str(&json).expect("a request");
    world.ours.extend([key.clone(), format!("{key}-tp"), format!("{key}-sl")]);
    let ask = Ask::Bracket(Box::new(bracket));
    world.families.push(ask.clone());
    ask
}

fn new_group(world: &mut World) -> Ask {
    let number = world.families.len();
    let keys = [format!("o{number}a"), format!("o{number}b"), format!("o{number}c")];
    let count = world.random.random_range(2..=3);
    let orders = keys.iter().take(count).map(|key| limit_order(world, key, "sell")).collect();
    world.ours.extend(keys.into_iter().take(count));
    let oca = Oca { group: format!("g{number}"), oca_type: None, orders, timeout_ms: None };
    let ask = Ask::Oca(Box::new(oca));
    world.families.push(ask.clone());
    ask
}

pub(crate) fn cancel_all(world: &mut World) {
    let scope = *["all", "all", "global"].choose(&mut world.random).expect("words");
    world.note(|| format!("cancel_all {scope}"));
    let ask: CancelAll = serde_json::from_str(&format!(r#"{{"scope":"{scope}"}}"#)).expect("a request");
    world.ask("", Ask::CancelAll(ask));
}

/// Somebody uses a key for another order: one of the two is taken at most.
pub(crate) fn use_key_differently(world: &mut World) {
    let known: Vec<PlaceOrder> = world.asked.values().cloned().collect();
    let Some(first) = known.choose(&mut world.random).cloned() else { return };
    // More than any other order of a history.
    let quantity = serde_json::from_str(r#""77""#).expect("a size");
    let other = PlaceOrder { quantity: Some(quantity), ..first.clone() };
    world.note(|| format!("place {} for another order", other.key));
    world.ask(&format!("other {}", first.key), Ask::PlaceOrder(Box::new(other)));
}

pub(crate) fn bust(world: &mut World) {
    let executed = world.sim.witness().executed();
    let Some(fill) = executed.choose(&mut world.random) else { return };
    let exec_id = fill.exec_id.clone();
    world.note(|| format!("bust of {exec_id}"));
    let key = if fill.order_ref.is_empty() { format!("perm-{}", fill.perm_id) } else { fill.order_ref.clone() };
    world.busted.insert(key);
    world.sim.broker(world.now_ms, move |broker, now_ms, book| {
        broker.bust_execution(now_ms, &exec_id, book).unwrap_or_default()
    });
}
