//! What the session tells the world.

use std::sync::Arc;

use crate::schema::{
    account::{AccountValueEvent, PnlEvent, PositionEvent, PositionPnlEvent},
    bar::BarEvent,
    bridge::BridgeEvent,
    connection::{ConnectionEvent, FarmEvent, GapEvent, NoticeEvent},
    market::{DepthEvent, GreeksEvent, QuoteEvent, TickByTickEvent, TickByTickKind, TickEvent},
    news::NewsEvent,
    order::{FillEvent, OrderEvent},
    risk::AuditEvent,
    scan::ScanEvent,
};

use super::Listing;

/// One event. `seq` is still zero: whoever publishes it counts per subject.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "a variant is the payload of its name, with what its subject needs beside it")]
pub enum Event {
    Tick(Arc<Listing>, TickEvent),
    Quote(Arc<Listing>, QuoteEvent),
    TickByTick(Arc<Listing>, TickByTickKind, Box<TickByTickEvent>),
    Bar(Arc<Listing>, Box<BarEvent>),
    Depth(Arc<Listing>, Box<DepthEvent>),
    Greeks(Arc<Listing>, Box<GreeksEvent>),
    Order(Box<OrderEvent>),
    Fill(Box<FillEvent>),
    Position(Box<PositionEvent>),
    AccountValue(Box<AccountValueEvent>),
    Pnl(Box<PnlEvent>),
    PositionPnl(Box<PositionPnlEvent>),
    Connection(Box<ConnectionEvent>),
    Farm(Box<FarmEvent>),
    Notice(Box<NoticeEvent>),
    Gap(Arc<Listing>, Box<GapEvent>),
    Bridge(Box<BridgeEvent>),
    News(Box<NewsEvent>),
    Scan(Box<ScanEvent>),
    Audit(Box<AuditEvent>),
}

/// How an event is treated when NATS is slower than the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Worthless late: the oldest is shed, and counted.
    Market,
    /// Never shed.
    Kept,
}

impl Event {
    /// What the kinds are called, by [`Self::kind`].
    pub const KINDS: [&str; 20] = [
        "tick",
        "quote",
        "tbt",
        "bar",
        "depth",
        "greeks",
        "order",
        "fill",
        "position",
        "account",
        "pnl",
        "position_pnl",
        "connection",
        "farm",
        "notice",
        "gap",
        "bridge",
        "news",
        "scan",
        "audit",
    ];

    /// Place of this event's kind in [`Self::KINDS`].
    pub fn kind(&self) -> usize {
        match self {
            Self::Tick(..) => 0,
            Self::Quote(..) => 1,
            Self::TickByTick(..) => 2,
            Self::Bar(..) => 3,
            Self::Depth(..) => 4,
            Self::Greeks(..) => 5,
            Self::Order(..) => 6,
            Self::Fill(..) => 7,
            Self::Position(..) => 8,
            Self::AccountValue(..) => 9,
            Self::Pnl(..) => 10,
            Self::PositionPnl(..) => 11,
            Self::Connection(..) => 12,
            Self::Farm(..) => 13,
            Self::Notice(..) => 14,
            Self::Gap(..) => 15,
            Self::Bridge(..) => 16,
            Self::News(..) => 17,
            Self::Scan(..) => 18,
            Self::Audit(..) => 19,
        }
    }

    /// The lane this event travels on.
    pub fn lane(&self) -> Lane {
        match self {
            Self::Tick(..)
            | Self::Quote(..)
            | Self::TickByTick(..)
            | Self::Bar(..)
            | Self::Depth(..)
            | Self::Greeks(..) => Lane::Market,
            _ => Lane::Kept,
        }
    }
}
