//! `[ibc]`: the command port of IBC, the program that starts the gateway and logs it in.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::check::Broken;

/// `[ibc]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Ibc {
    /// Where IBC takes commands, such as `127.0.0.1:7462`; empty means nowhere: nothing is ever sent.
    pub address: String,
    /// Limit of one command, from connecting to IBC's answer, in milliseconds.
    pub timeout_ms: u64,
    /// Have the gateway connect to its farms anew after one has been down for so long, in seconds; 0 = never.
    pub reconnect_data_after_s: u64,
    /// Have the gateway restarted after it could not be used at all for so long, in seconds; 0 = never.
    pub restart_after_s: u64,
    /// Shortest time between two commands of the bridge's own, in seconds.
    pub again_after_s: u64,
    /// Commands of the bridge's own that may fail to help; then it leaves the gateway to a person.
    pub tries_max: u32,
}

impl Default for Ibc {
    fn default() -> Self {
        Self {
            address: String::new(),
            timeout_ms: 10_000,
            reconnect_data_after_s: 0,
            restart_after_s: 0,
            again_after_s: 900,
            tries_max: 3,
        }
    }
}

impl Ibc {
    /// True if there is somebody to send commands to.
    pub fn is_there(&self) -> bool {
        !self.address.is_empty()
    }

    pub(super) fn check(&self, broken: &mut Broken) {
        let port = self.address.rsplit_once(':').filter(|(host, _)| !host.is_empty());
        let port = port.and_then(|(_, port)| port.parse::<u16>().ok()).filter(|port| *port > 0);
        if self.is_there() && port.is_none() {
            broken.add("ibc.address", format!("{:?} is not host:port", self.address));
        }
        broken.if_so(self.timeout_ms == 0, "ibc.timeout_ms", "must be above zero");
        for (key, after_s) in
            [("ibc.reconnect_data_after_s", self.reconnect_data_after_s), ("ibc.restart_after_s", self.restart_after_s)]
        {
            broken.if_so(after_s > 0 && !self.is_there(), key, "needs ibc.address");
        }
    }
}
