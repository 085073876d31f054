//! A gateway that says anything: fields of its messages take impossible values, are missing, or come twice. Whatever it says, the
//! session neither panics nor loses its way for ever.
//!
//! `IBNATS_SEED=17 cargo test --test hostile_gateway` runs one day and nothing else.
#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

#[path = "histories/changes.rs"]
#[allow(dead_code, reason = "each test file uses its part")]
mod changes;
#[path = "histories/disk.rs"]
mod disk;
#[path = "histories/history.rs"]
#[allow(dead_code, reason = "each test file uses its part")]
mod history;
#[path = "days/market.rs"]
mod market;
#[path = "histories/stream.rs"]
mod stream;
#[path = "histories/wire.rs"]
mod wire;
#[path = "histories/world.rs"]
#[allow(dead_code, reason = "each test file uses its part")]
mod world;

use std::{env, panic};

use bytes::BytesMut;
use ibnats::{
    schema::connection::LinkName,
    sim::SimConfig,
    tws::frame::{FRAME_BYTES_MAX, next_frame, put_frame},
};
use rand::{RngExt, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;
use world::World;

const DAYS: u64 = 60;
/// Of a thousand fields so many are spoilt.
const SPOILT_PERMILLE: u32 = 12;
const DOUBLES: [f64; 9] = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, f64::MIN, -1.0, 0.0, -0.0, 1e-300];
const TEXTS: [&str; 14] = [
    "",
    "-1",
    "NaN",
    "9e400",
    "79228162514264337593543950335",
    "-79228162514264337593543950335",
    "0.0000000000000000000000000001",
    "99999999999999999999999999999999999999",
    "a\r\nb: c",
    "\u{0}",
    "20261340 25:61:61 Nowhere/Atlantis",
    "=2E.*.>",
    "DU1,DU2,,",
    "\u{1F4B8}\u{1F4B8}\u{1F4B8}",
];

/// Reads a varint: its value and its length.
fn varint(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut value = 0_u64;
    for (place, byte) in bytes.iter().enumerate().take(10) {
        value |= u64::from(byte & 0x7f).checked_shl(u32::try_from(place * 7).expect("small"))?;
        if byte & 0x80 == 0 {
            return Some((value, place + 1));
        }
    }
    None
}

fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(u8::try_from(value & 0x7f).expect("seven bits") | 0x80);
        value >>= 7;
    }
    out.push(u8::try_from(value).expect("seven bits"));
}

/// One field of a protobuf message.
#[derive(Clone)]
enum Field<'a> {
    Varint(u64),
    Double([u8; 8]),
    Bytes(&'a [u8]),
    Float([u8; 4]),
}

/// The fields of a message; `None` if these bytes are none.
fn fields(mut bytes: &[u8]) -> Option<Vec<(u64, Field<'_>)>> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let (tag, len) = varint(bytes)?;
        bytes = bytes.get(len..)?;
        let field = match tag & 7 {
            0 => {
                let (value, len) = varint(bytes)?;
                bytes = bytes.get(len..)?;
                Field::Varint(value)
            }
            1 => {
                let (value, rest) = bytes.split_first_chunk::<8>()?;
                bytes = rest;
                Field::Double(*value)
            }
            2 => {
                let (size, len) = varint(bytes)?;
                let end = len.checked_add(usize::try_from(size).ok()?)?;
                let value = bytes.get(len..end)?;
                bytes = bytes.get(end..)?;
                Field::Bytes(value)
            }
            5 => {
                let (value, rest) = bytes.split_first_chunk::<4>()?;
                bytes = rest;
                Field::Float(*value)
            }
            _ => return None,
        };
        (tag >> 3 > 0).then_some(())?;
        found.push((tag, field));
    }
    Some(found)
}

/// The message with some fields spoilt.
fn spoil(random: &mut ChaCha8Rng, message: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for (tag, field) in fields(message).unwrap_or_default() {
        let is_spoilt = random.random_range(0..1_000) < SPOILT_PERMILLE;
        let way = if is_spoilt { random.random_range(0..6) } else { 6 };
        // Missing, or twice.
        let copies = match way {
            0 => 0,
            1 => 2,
            _ => 1,
        };
        for _ in 0..copies {
            put_varint(&mut out, tag);
            match &field {
                Field::Varint(value) => {
                    let odd = [0, 1, u64::MAX, i64::MAX as u64, 1 << 63, 1 << 31, random.random()];
                    put_varint(&mut out, if way < 6 { *odd.choose(random).expect("some") } else { *value });
                }
                Field::Double(value) => {
                    let odd = DOUBLES.choose(random).expect("some").to_le_bytes();
                    out.extend(if way < 6 { odd } else { *value });
                }
                Field::Float(value) => out.extend(value),
                Field::Bytes(value) => {
                    let is_text = std::str::from_utf8(value).is_ok_and(|text| !text.chars().any(char::is_control));
                    let inside = match fields(value).filter(|_| !is_text) {
                        Some(_) => spoil(random, value),
                        None if way < 6 => TEXTS.choose(random).expect("some").as_bytes().to_vec(),
                        None => value.to_vec(),
                    };
                    put_varint(&mut out, inside.len() as u64);
                    out.extend(inside);
                }
            }
        }
    }
    out
}

/// Spoils what the gateway has sent; what is no protobuf message passes as it is.
fn spoil_frames(random: &mut ChaCha8Rng, sent: &mut BytesMut) {
    let mut out = BytesMut::new();
    while let Ok(Some(frame)) = next_frame(sent, FRAME_BYTES_MAX) {
        let is_message = frame.get(4..).is_some_and(|body| fields(body).is_some_and(|fields| !fields.is_empty()));
        put_frame(&mut out, |body| {
            if is_message {
                body.extend_from_slice(&frame[..4]);
                body.extend_from_slice(&spoil(random, &frame[4..]));
            } else {
                body.extend_from_slice(&frame);
            }
        });
    }
    out.extend_from_slice(sent);
    *sent = out;
}

/// Lets time pass at a gateway whose messages are spoilt on the way.
fn pass(world: &mut World, ms: i64) {
    let until = world.now_ms + ms;
    while world.now_ms < until {
        world.now_ms += 100;
        world.sim.advance(world.now_ms);
        let now = world.now();
        if let Some(bridge) = &mut world.bridge
            && bridge.session.wake_at().is_some_and(|at| at <= now.at)
        {
            bridge.session.on_timer(now);
        }
        world.drain();
        for link in [LinkName::Trading, LinkName::Data] {
            let (now, now_ms) = (world.now(), world.now_ms);
            let Some(bridge) = &mut world.bridge else { return };
            let wire = &mut bridge.wires[link as usize];
            let is_open = wire.deliver_up(&mut world.sim, now_ms, usize::MAX);
            spoil_frames(&mut world.random, &mut wire.down);
            wire.deliver_down(&mut bridge.session, now, link, usize::MAX);
            if !is_open && wire.connection.take().is_some() {
                wire.drop_bytes();
                bridge.session.on_closed(now, link, wire.generation, "the gateway ended the connection");
            }
            world.drain();
        }
    }
}

fn day(seed: u64) {
    let mut world = World::with(&SimConfig { seed, slot_ms: 2_000, ..SimConfig::default() });
    let mut leases = Vec::new();
    pass(&mut world, 2_000);
    for _ in 0..40 {
        if world.chance(50) {
            market::step(&mut world, &mut leases);
        } else {
            history::step(&mut world);
        }
        let ms = world.random.random_range(100..4_000);
        pass(&mut world, ms);
    }
}

#[test]
fn a_gateway_may_say_anything() {
    if let Some(seed) = env::var("IBNATS_SEED").ok().and_then(|text| text.parse().ok()) {
        return day(seed);
    }
    let failed: Vec<u64> = (1..=DAYS).filter(|seed| panic::catch_unwind(|| day(*seed)).is_err()).collect();
    assert!(
        failed.is_empty(),
        "seeds {failed:?}: see one with IBNATS_SEED={} cargo test --test hostile_gateway",
        failed[0]
    );
}
