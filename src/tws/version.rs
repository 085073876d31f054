//! Server versions and what each of them adds.

use std::fmt;

/// The protocol version both sides agreed on in the handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerVersion(pub u32);

impl ServerVersion {
    /// Oldest version we speak: the first at which all ordinary traffic is protobuf.
    pub const MIN: Self = Self(213);
    /// Oldest version any client of the present handshake offers. Offered only to learn how old a
    /// gateway is that refuses the range we speak.
    pub const OLDEST: Self = Self(100);
    /// Newest version we know; also the newest of the official client 10.51.1.
    pub const MAX: Self = Self(226);

    /// UTC date-times end in `Z`.
    pub const UTC_Z_SUFFIX: Self = Self(214);
    /// Contract data and historical tick requests can be cancelled.
    pub const CANCEL_CONTRACT_DATA: Self = Self(215);
    /// Stop-loss and profit-taker attached in one order message.
    pub const ATTACHED_ORDERS: Self = Self(218);
    /// The gateway's own settings can be read.
    pub const CONFIG: Self = Self(219);
    /// The gateway's own settings can be changed.
    pub const UPDATE_CONFIG: Self = Self(221);
    /// Odd-lot quotes (ticks 105-110).
    pub const ODD_LOT_QUOTES: Self = Self(225);
}

impl fmt::Display for ServerVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
