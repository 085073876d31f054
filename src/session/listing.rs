//! A resolved instrument with a small number of its own.

use crate::{schema::Instrument, tws::message::contract::Contract};

/// An instrument that events name. One value per instrument and run, shared by reference.
#[derive(Clone, Debug, PartialEq)]
pub struct Listing {
    /// Counts up from 0 in the order instruments were resolved, so that publishers can index by it.
    pub slot: usize,
    /// The instrument.
    pub instrument: Instrument,
    /// The instrument as requests to the gateway name it.
    pub contract: Contract,
}
