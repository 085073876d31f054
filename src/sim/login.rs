//! Who is connected: client ids, and what a gateway says when one logs in.

use std::collections::BTreeMap;

use super::faults::{DEFINITION_FARMS, HISTORY_FARMS};
use super::outbox::{ConnectionId, NO_ID, Outbox};
use crate::tws::Response;
use crate::tws::message::login::StartApiRequest;

/// Farms a login tells of, in this order.
const FARMS: &[&str] =
    &["usfarm.nj", "eufarm", "cashfarm", "usfuture", "usopt", "usfarm", "euhmds", "ushmds", "secdefnj"];

/// What a gateway says of a farm: code and text.
pub(super) fn farm_notice(farm: &str, is_up: bool) -> (i32, String) {
    let (kind, down, up) = if HISTORY_FARMS.contains(&farm) {
        ("HMDS", 2105, 2106)
    } else if DEFINITION_FARMS.contains(&farm) {
        ("Sec-def", 2157, 2158)
    } else {
        ("Market", 2103, 2104)
    };
    let (code, word) = if is_up { (up, "OK") } else { (down, "broken") };
    (code, format!("{kind} data farm connection is {word}:{farm}"))
}

/// One connected client.
#[derive(Clone, Copy, Debug)]
pub(super) struct Client {
    pub(super) connection: ConnectionId,
    /// Chosen by the client in its first message.
    pub(super) client_id: Option<i32>,
    /// 1 live, 2 frozen, 3 delayed, 4 delayed-frozen; lasts as long as the connection.
    pub(super) market_data_type: i32,
}

/// All connections past their handshake.
#[derive(Debug, Default)]
pub(super) struct Clients {
    all: BTreeMap<ConnectionId, Client>,
}

impl Clients {
    pub(super) fn opened(&mut self, connection: ConnectionId) {
        self.all.insert(connection, Client { connection, client_id: None, market_data_type: 1 });
    }

    pub(super) fn closed(&mut self, connection: ConnectionId) -> Option<Client> {
        self.all.remove(&connection)
    }

    pub(super) fn get(&self, connection: ConnectionId) -> Option<Client> {
        self.all.get(&connection).copied()
    }

    /// The connection a client id lives on.
    pub(super) fn connection_of(&self, client_id: i32) -> Option<ConnectionId> {
        self.started().find(|client| client.client_id == Some(client_id)).map(|client| client.connection)
    }

    /// Clients that have named themselves.
    pub(super) fn started(&self) -> impl Iterator<Item = &Client> {
        self.all.values().filter(|client| client.client_id.is_some())
    }

    /// Every connection, started or not.
    pub(super) fn connections(&self) -> Vec<ConnectionId> {
        self.all.keys().copied().collect()
    }

    pub(super) fn set_market_data_type(&mut self, connection: ConnectionId, market_data_type: i32) {
        if let Some(client) = self.all.get_mut(&connection) {
            client.market_data_type = market_data_type;
        }
    }

    /// Gives a connection its client id. A used id is refused and the newcomer closed; the first
    /// connection is not disturbed.
    pub(super) fn start(
        &mut self,
        connection: ConnectionId,
        request: &StartApiRequest,
        out: &mut Outbox,
    ) -> Option<i32> {
        let client_id = request.client_id.unwrap_or_default();
        if self.connection_of(client_id).is_some() {
            refuse_id(connection, client_id, out);
            return None;
        }
        self.all.get_mut(&connection)?.client_id = Some(client_id);
        Some(client_id)
    }
}

/// Tells a newcomer that its client id is in use, and closes.
pub(super) fn refuse_id(connection: ConnectionId, client_id: i32, out: &mut Outbox) {
    let text = format!(
        "Unable to connect as the client id is already in use. Retry with a unique client id. (id {client_id})"
    );
    out.error(connection, NO_ID, 326, text);
    out.close(connection);
}

/// The first messages after a login: accounts and next order id, the farms, then the client's open orders.
pub(super) fn welcome(to: ConnectionId, download: Vec<Response>, is_farm_up: impl Fn(&str) -> bool, out: &mut Outbox) {
    let is_identity = |response: &Response| matches!(response, Response::ManagedAccounts(_) | Response::NextValidId(_));
    let (identity, orders): (Vec<_>, Vec<_>) = download.into_iter().partition(is_identity);
    for response in identity {
        out.send(to, response);
    }
    for farm in FARMS {
        let (code, text) = farm_notice(farm, is_farm_up(farm));
        out.error(to, NO_ID, code, text);
    }
    for response in orders {
        out.send(to, response);
    }
}
