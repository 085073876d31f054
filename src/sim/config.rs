//! What a simulation is started with.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use chrono::{DateTime, Utc};

use super::scenario::Scenario;
use crate::tws::ServerVersion;

/// Settings of a simulated gateway.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "settings of a gateway are switches")]
pub struct SimConfig {
    /// Where to listen. Port 0 lets the system choose one.
    pub listen: SocketAddr,
    /// Everything random follows from this number.
    pub seed: u64,
    /// Simulated time at the start; the host's time if absent.
    pub clock: Option<DateTime<Utc>>,
    /// Simulated seconds per second of the host. At least 0.001.
    pub speed: f64,
    /// Account codes of the login; the first is the default.
    pub accounts: Vec<String>,
    /// Groups of an advisor: a name and the accounts in it. With any, the login is an advisor's.
    pub groups: Vec<(String, Vec<String>)>,
    /// Models of an advisor, each as `<account>/<model>`. Orders that name one are booked in it too.
    pub models: Vec<String>,
    /// Simulated milliseconds between two quotes of an instrument; one trade is made with each.
    pub slot_ms: u32,
    /// Prices to replay: rows of `time_ms,symbol,bid,ask,last,size`. Times below 10^11 count from the start.
    pub price_file: Option<PathBuf>,
    /// Newest server version offered to clients. Below the oldest one spoken here, the simulator plays an
    /// old gateway: it tells its version and closes.
    pub version_max: ServerVersion,
    /// Client connections at the same time; more are closed at once.
    pub clients_max: usize,
    /// Market data lines of the user: distinct instruments streamed at a time.
    pub market_data_lines: usize,
    /// Breaches of IB's rules for historical data are refused; off, they are only counted.
    pub pacing: bool,
    /// The gateway setting "reject messages above maximum allowed message rate": each such message is answered
    /// with error 100, and the third ends the connection. Off, they are only counted.
    pub rejects_fast_clients: bool,
    /// Instruments have their real regular hours in `liquidHours` and for `useRTH`. Off, the regular
    /// session is the whole day. Trading itself is always open.
    pub regular_hours: bool,
    /// Markets open and close as in the world, with the holidays and half days of the US exchanges; what has no
    /// regular session always trades.
    pub market_hours: bool,
    /// Faults that happen from the start on.
    pub scenario: Option<Scenario>,
    /// Where commands are taken while it runs; nowhere if absent. Port 0 lets the system choose one. Whoever
    /// reaches it commands the simulator.
    pub control: Option<SocketAddr>,
    /// Where the command port of IBC is played; nowhere if absent. Port 0 lets the system choose one.
    pub command_port: Option<SocketAddr>,
}

impl Default for SimConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            seed: 1,
            clock: None,
            speed: 1.0,
            accounts: vec!["DU1234567".to_owned()],
            groups: Vec::new(),
            models: Vec::new(),
            slot_ms: 250,
            price_file: None,
            version_max: ServerVersion::MAX,
            clients_max: 32,
            market_data_lines: 100,
            pacing: true,
            rejects_fast_clients: false,
            regular_hours: false,
            market_hours: false,
            scenario: None,
            control: None,
            command_port: None,
        }
    }
}
