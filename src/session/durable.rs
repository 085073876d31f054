//! What must outlive this process: the session says what to write down, and is given it back at the start.
//!
//! An [`Entry`] with a receipt holds something back until the driver says by
//! [`super::Session::on_journaled`] that the entry is on the disk. Entries are written in the order
//! they come; those with an event are published from what was written.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::Event;
use crate::schema::{
    order::{FillEvent, OrderEvent, OrderKey},
    request::order::PlaceOrder,
};

/// One thing to be written down.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// When it was learned, microseconds UTC, our clock.
    pub at_us: i64,
    /// To be given back with the outcome; `None` if nothing waits for it. Of entries that a [`Claim`] makes one the
    /// last one has it.
    pub receipt: Option<u64>,
    /// What it is.
    pub fact: Fact,
}

/// What is written down.
#[derive(Clone, Debug, PartialEq)]
pub enum Fact {
    /// An order, new or changed.
    Order(Box<OrderFact>),
    /// An execution, new, corrected or with its commission; it is published.
    Fill(Box<FillEvent>),
    /// What the gateway said about orders, word for word.
    Evidence(Box<Evidence>),
    /// What a client asked for.
    Request(Box<Requested>),
    /// The next entries are written together or not at all, and end with the one of this receipt. If one of these
    /// keys has been used before, none of them is written.
    Claim(Claim),
    /// What is held, now that it has been compared with the fills; replaces what was written before.
    Positions(Vec<HeldPosition>),
}

/// Entries that are one, and keys that new orders among them are to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The keys; none if no order is new.
    pub keys: Vec<OrderKey>,
    /// The receipt of the last of the entries.
    pub receipt: u64,
    /// So many entries follow.
    pub entries: usize,
}

/// An order as it now is.
#[derive(Clone, Debug, PartialEq)]
pub struct OrderFact {
    /// All there is to remember.
    pub memory: OrderMemory,
    /// The trading client.
    pub client_id: i32,
    /// Lowest order id of the trading client that was never used.
    pub next_order_id: i32,
    /// The change is published.
    pub is_told: bool,
    /// It is about to be placed: its key must be new.
    pub is_new: bool,
}

/// What is remembered of one order.
#[derive(Clone, Debug, PartialEq)]
pub struct OrderMemory {
    /// As last published; `seq` is zero.
    pub event: OrderEvent,
    /// What was asked, for orders placed through the bridge.
    pub ask: Option<Box<PlaceOrder>>,
    /// The client that asked.
    pub client: Option<String>,
    /// What is proven, as JSON that only the session reads.
    pub facts: String,
}

/// One message of the gateway about an order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evidence {
    /// The message: `open_order`, `order_status`, `execution`, `commission`, `completed_order`, `order_bound`, `notice`.
    pub kind: &'static str,
    /// The order it was found to be about.
    pub key: Option<OrderKey>,
    /// API client, as told.
    pub client_id: Option<i32>,
    /// Order id, as told.
    pub order_id: Option<i32>,
    /// IB's order number, as told.
    pub perm_id: Option<i64>,
    /// Execution id, as told.
    pub exec_id: Option<String>,
    /// IB's code, of a notice.
    pub ib_code: Option<i32>,
    /// The whole message as JSON, field by field.
    pub text: String,
}

/// A request of a client that changes an order.
#[derive(Clone, Debug, PartialEq)]
pub struct Requested {
    /// `cancel`, `modify`, ...
    pub verb: &'static str,
    /// The order.
    pub key: OrderKey,
    /// Who asked.
    pub client: Option<String>,
    /// The request as JSON.
    pub body: String,
}

/// One position.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldPosition {
    /// Account number.
    pub account: String,
    /// IB's contract id.
    pub con_id: i32,
    /// How much, in the contract's units; negative if short.
    pub size: Decimal,
}

/// What an account's order efficiency is reckoned from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayCount {
    /// Account number.
    pub account: String,
    /// Orders, changes and cancels asked for today.
    pub messages: u32,
    /// Orders that filled for the first time today.
    pub executed: u32,
}

/// What earlier runs wrote down.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Memory {
    /// Oldest first.
    pub orders: Vec<OrderMemory>,
    /// The newest version of each, oldest first.
    pub fills: Vec<FillEvent>,
    /// Lowest order id of the trading client that was never used; 0 if none is known.
    pub next_order_id: i32,
    /// What was counted today in New York.
    pub today: Vec<DayCount>,
    /// What was held when positions were compared last, and what the fills since then make of it; `None` if
    /// they never were.
    pub positions: Option<Vec<HeldPosition>>,
}

/// Why new orders cannot be taken, beside the gateway. Each may come and go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Troubles {
    /// The journal cannot be written.
    pub journal: Option<String>,
    /// Events of orders cannot be stored in JetStream.
    pub stream: Option<String>,
    /// The kill switch and the limits cannot be kept.
    pub risk: Option<String>,
}

impl Fact {
    /// The key, if this is an order that is written down for the first time.
    pub(crate) fn new_key(&self) -> Option<OrderKey> {
        match self {
            Self::Order(order) if order.is_new => Some(order.memory.event.key.clone()),
            _ => None,
        }
    }
}

impl Entry {
    /// The event that is published once this is written; its `seq` is zero.
    pub fn event(&self) -> Option<Event> {
        match &self.fact {
            Fact::Order(order) if order.is_told => Some(Event::Order(Box::new(order.memory.event.clone()))),
            Fact::Fill(fill) => Some(Event::Fill(fill.clone())),
            _ => None,
        }
    }
}
