//! One random history: what clients, prices, network, processes and people do to a day of orders.

use ibnats::{
    schema::{
        connection::LinkName,
        request::order::{CancelOrder, PlaceOrder},
    },
    session::Ask,
    sim::{
        broker::{Behaviour, Callbacks},
        faults::action::{Action, IbFault, LinkBack},
    },
    tws::{
        Request,
        message::{contract::Contract, order::Order, order_flow::PlaceOrderRequest},
    },
};
use rand::{RngExt, seq::IndexedRandom};

use crate::{
    changes,
    world::{AAPL, Nats, World},
};

const KEYS_MAX: usize = 12;
/// A client of another program at the same gateway.
const STRANGER: i32 = 77;

/// Runs the history of a seed up to the point where everything works again and has settled.
pub(crate) fn run(seed: u64) -> World {
    let mut world = World::new(seed);
    let price = 100.0;
    assert!(world.sim.set_price(world.now_ms, "AAPL", price));
    let behaviour = behaviour(&mut world);
    world.sim.broker(world.now_ms, move |broker, _, _| {
        broker.set_behaviour(behaviour);
        Vec::new()
    });
    if world.chance(80) {
        world.flow(1_000);
    }
    for _ in 0..world.random.random_range(10..60) {
        step(&mut world);
    }
    heal(&mut world);
    world
}

pub(crate) fn behaviour(world: &mut World) -> Behaviour {
    let mut delay = |max: i64| if world.random.random_bool(0.5) { 0 } else { world.random.random_range(0..max) };
    let (ack_delay_ms, cancel_delay_ms, commission_delay_ms) = (delay(400), delay(400), delay(2_000));
    let mut permille = |max: u32| if world.random.random_bool(0.4) { 0 } else { world.random.random_range(0..max) };
    let callbacks = Callbacks {
        late_permille: permille(400),
        late_ms_max: 1_500,
        doubled_permille: permille(300),
        missing_permille: permille(300),
    };
    Behaviour {
        ack_delay_ms,
        cancel_delay_ms,
        commission_delay_ms,
        fill_gap_ms: 100,
        quiet_market_orders: true,
        duplicate_statuses: true,
        callbacks,
    }
}

pub(crate) fn step(world: &mut World) {
    match world.random.random_range(0..100) {
        0..=19 => place(world),
        20..=27 => cancel(world),
        28..=34 => changes::modify(world),
        35..=38 => changes::family(world),
        39 => changes::cancel_all(world),
        40 => changes::use_key_differently(world),
        41 => changes::bust(world),
        42..=49 => move_price(world),
        50..=72 => pass(world),
        73..=79 => cut(world),
        80..=84 => kill(world),
        85..=87 => restart_gateway(world),
        88..=89 => {
            let ways: &[Nats] =
                if world.nats == Nats::Up { &[Nats::Down, Nats::Full, Nats::Slow] } else { &[Nats::Up] };
            let nats = *ways.choose(&mut world.random).expect("ways");
            world.note(|| format!("NATS: {nats:?}"));
            world.set_nats(nats);
        }
        90..=91 => lose_ib(world),
        92..=93 => correct(world),
        94..=95 => stranger(world),
        96 => by_hand(world),
        97 => {
            world.note(|| "order ids of the gateway fall back".to_owned());
            let by = world.random.random_range(1..5);
            world.sim.broker(world.now_ms, move |broker, _, _| {
                broker.roll_back_next_id(by);
                Vec::new()
            });
        }
        98 => {
            world.note(|| "the next order gets no answer".to_owned());
            world.sim.broker(world.now_ms, |broker, _, _| {
                broker.hold_next_order_silent();
                Vec::new()
            });
        }
        _ => {
            let code = *[201, 203, 110, 200].choose(&mut world.random).expect("codes");
            world.note(|| format!("the next order is refused with {code}"));
            world.sim.broker(world.now_ms, move |broker, _, _| {
                broker.force_reject(code, "Order rejected - reason:the test wants it");
                Vec::new()
            });
        }
    }
}

fn place(world: &mut World) {
    let known: Vec<String> = world.asked.keys().cloned().collect();
    let repeats = known.len() >= KEYS_MAX || (!known.is_empty() && world.chance(30));
    let ask = if repeats {
        let key = known.choose(&mut world.random).expect("a key");
        world.asked[key].clone()
    } else {
        new_order(world, known.len())
    };
    let key = ask.key.to_string();
    world.note(|| {
        format!("place {key} {:?} {:?} {:?} at {:?}", ask.side, ask.quantity, ask.order_type, ask.limit_price)
    });
    world.asked.insert(key.clone(), ask.clone());
    world.ours.insert(key.clone());
    let callers = if world.chance(10) { 3 } else { 1 };
    for _ in 0..callers {
        world.ask(&format!("place {key}"), Ask::PlaceOrder(Box::new(ask.clone())));
    }
}

fn new_order(world: &mut World, number: usize) -> PlaceOrder {
    let side = if world.random.random_bool(0.5) { "buy" } else { "sell" };
    let quantity = world.random.random_range(1..40);
    let cents = world.random.random_range(9_700..10_300);
    world.prices.entry(format!("k{number}")).or_default().insert(cents);
    let wait_for = *["sent", "working", "final"].choose(&mut world.random).expect("words");
    let terms = match world.random.random_range(0..10) {
        0..=3 => r#""order_type":"market""#.to_owned(),
        4..=8 => format!(r#""order_type":"limit","limit_price":{}.{:02}"#, cents / 100, cents % 100),
        _ => format!(r#""order_type":"limit","limit_price":{}.{:02},"tif":"ioc""#, cents / 100, cents % 100),
    };
    let json = format!(
        r#"{{"key":"k{number}","contract":"CONID:{AAPL}","side":"{side}","quantity":"{quantity}","wait_for":"{wait_for}",{terms}}}"#
    );
    serde_json::from_str(&json).expect("a request")
}

fn cancel(world: &mut World) {
    let known: Vec<String> = world.ours.iter().cloned().collect();
    let Some(key) = known.choose(&mut world.random).cloned() else { return };
    world.note(|| format!("cancel {key}"));
    let ask = CancelOrder { key: Some(key.parse().expect("a key")), ..CancelOrder::default() };
    world.ask(&key, Ask::CancelOrder(ask));
}

fn move_price(world: &mut World) {
    let price = f64::from(world.random.random_range(9_600..10_400)) / 100.0;
    world.note(|| format!("price {price}"));
    world.sim.set_price(world.now_ms, "AAPL", price);
}

fn pass(world: &mut World) {
    let ms = world.random.random_range(1..1_500);
    world.note(|| format!("{ms} ms pass"));
    if world.chance(50) {
        world.pass(ms, 100, |_, len| len);
    } else {
        // The network is slow: parts of frames arrive.
        world.pass(ms, 100, |random, len| random.random_range(0..=len));
    }
}

fn cut(world: &mut World) {
    let link = if world.chance(80) { LinkName::Trading } else { LinkName::Data };
    let Some(bridge) = &world.bridge else { return };
    let wire = &bridge.wires[link as usize];
    let (up, down) = (wire.up.len(), wire.down.len());
    let (up, down) = (world.random.random_range(0..=up), world.random.random_range(0..=down));
    world.note(|| format!("cut {link:?}: {up} bytes up, {down} bytes down still arrive"));
    world.cut(link, up, down);
}

fn kill(world: &mut World) {
    world.note(|| "kill -9".to_owned());
    world.kill_bridge();
    if world.chance(50) {
        let ms = world.random.random_range(1..3_000);
        world.pass(ms, 100, |_, len| len);
    }
    world.note(|| "the bridge starts".to_owned());
    world.start_bridge();
}

fn restart_gateway(world: &mut World) {
    world.note(|| "the gateway restarts".to_owned());
    world.is_gateway_up = false;
    world.restart_gateway();
    let ms = world.random.random_range(1..2_000);
    world.pass(ms, 100, |_, len| len);
    world.is_gateway_up = true;
}

/// IB is lost: nothing flows, orders wait at the gateway, and 1101 or 1102 ends it.
fn lose_ib(world: &mut World) {
    let for_ms = world.random.random_range(1..2_000);
    let back = *[LinkBack::DataLost, LinkBack::DataKept].choose(&mut world.random).expect("ways");
    let repeat_ms = world.chance(30).then_some(300);
    world.note(|| format!("IB is lost for {for_ms} ms, then {back:?}"));
    world.suffer(Action::Ib(IbFault::LinkDown { for_ms, back, repeat_ms }));
    // Part of it, all of it, or longer.
    let ms = world.random.random_range(0..2_500);
    world.pass(ms, 100, |_, len| len);
}

fn correct(world: &mut World) {
    let executed = world.sim.witness().executed();
    let Some(fill) = executed.choose(&mut world.random) else { return };
    let exec_id = fill.exec_id.clone();
    world.note(|| format!("correction of {exec_id}"));
    let price = f64::from(world.random.random_range(9_600..10_400)) / 100.0;
    world.sim.broker(world.now_ms, move |broker, now_ms, book| {
        broker.correct_execution(now_ms, &exec_id, price, book).unwrap_or_default()
    });
}

fn foreign_order(world: &mut World) -> Order {
    Order {
        action: Some("BUY".to_owned()),
        total_quantity: Some(world.random.random_range(1..20).to_string()),
        order_type: Some("MKT".to_owned()),
        transmit: Some(true),
        ..Order::default()
    }
}

fn apple() -> Contract {
    Contract { con_id: Some(AAPL), ..Contract::default() }
}

fn stranger(world: &mut World) {
    world.note(|| "an order of another client".to_owned());
    let order = foreign_order(world);
    world.sim.broker(world.now_ms, move |broker, now_ms, book| {
        let request = PlaceOrderRequest {
            order_id: Some(broker.next_order_id(STRANGER)),
            contract: Some(apple()),
            order: Some(order),
            attached_orders: None,
        };
        let request = Request::PlaceOrderRequest(Box::new(request));
        let out = broker.handle(now_ms, STRANGER, &request, book).unwrap_or_default();
        // It leaves: while it stays, its numbers do, too, and are not given away again when the ids fall back.
        broker.on_disconnect(STRANGER);
        out
    });
}

fn by_hand(world: &mut World) {
    world.note(|| "an order typed in by hand".to_owned());
    let order = foreign_order(world);
    world.sim.broker(world.now_ms, move |broker, now_ms, book| {
        broker.inject_manual_order(now_ms, &apple(), &order, book).map(|(_, out)| out).unwrap_or_default()
    });
}

/// Everything works again, and there is time to find out what happened.
pub(crate) fn heal(world: &mut World) {
    world.note(|| "everything works again".to_owned());
    world.set_nats(Nats::Up);
    world.is_gateway_up = true;
    world.sim.clear_rules(world.now_ms, None);
    world.sim.broker(world.now_ms, |broker, now_ms, book| {
        broker.set_behaviour(Behaviour::default());
        broker.release_silent(now_ms, book)
    });
    if world.bridge.is_none() {
        world.start_bridge();
    }
    world.flow(6_000);
    world.pass(60_000, 500, |_, len| len);
    world.flow(2_000);
}
