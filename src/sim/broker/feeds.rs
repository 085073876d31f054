//! Who has subscribed to what of the account, and what each has been told.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::reply::Refusal;
use super::{Books, Broker, Moment};
use crate::tws::Response;

/// Subscriptions of one kind for one client.
const PER_CLIENT_MAX: usize = 100;
/// Account summaries of the whole login, whichever client asked.
const SUMMARIES_MAX: usize = 2;

/// All account subscriptions, by client and request id.
#[derive(Debug, Default)]
pub(super) struct Feeds {
    /// Request id `None` is the plain `reqPositions`.
    pub positions: BTreeMap<(i32, Option<i32>), PositionFeed>,
    pub values: BTreeMap<(i32, Sort), ValueFeed>,
    pub pnl: BTreeMap<(i32, i32), PnlFeed>,
}

/// Which of the three ways to ask for account values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sort {
    Updates,
    Multi(i32),
    Summary(i32),
}

#[derive(Debug)]
pub(super) struct PositionFeed {
    pub accounts: Vec<String>,
    /// Quantity and average cost last told, by account and contract.
    pub told: BTreeMap<(String, i32), (Decimal, Decimal)>,
}

#[derive(Debug)]
pub(super) struct ValueFeed {
    pub accounts: Vec<String>,
    /// Tags of a summary; unused by the others.
    pub tags: Vec<String>,
    /// Ledger and net liquidation only.
    pub brief: bool,
    /// Text last told, by account, key and currency.
    pub told: BTreeMap<(String, &'static str, String), String>,
    /// Price and quantity last told, by contract.
    pub portfolio: BTreeMap<i32, (Decimal, Decimal)>,
    /// State of the books last told.
    pub changes: u64,
    /// When to look again although no position has changed.
    pub next_ms: i64,
}

#[derive(Debug)]
pub(super) struct PnlFeed {
    pub account: String,
    /// Of one contract, or of the account.
    pub con_id: Option<i32>,
    pub next_ms: i64,
    pub told: Option<Response>,
}

impl Feeds {
    pub(super) fn forget(&mut self, client_id: i32) {
        self.positions.retain(|(client, _), _| *client != client_id);
        self.values.retain(|(client, _), _| *client != client_id);
        self.pnl.retain(|(client, _), _| *client != client_id);
    }

    /// Refuses one more subscription of a client that has too many.
    pub(super) fn check_room(&self, client_id: i32) -> Result<(), Refusal> {
        let positions = self.positions.keys().filter(|(client, _)| *client == client_id).count();
        let values = self.values.keys().filter(|(client, _)| *client == client_id).count();
        let pnl = self.pnl.keys().filter(|(client, _)| *client == client_id).count();
        if positions.max(values).max(pnl) < PER_CLIENT_MAX {
            Ok(())
        } else {
            Err(processing("Maximum number of account subscriptions exceeded"))
        }
    }

    pub(super) fn check_summaries(&self, client_id: i32, sort: Sort) -> Result<(), Refusal> {
        let is_summary = |key: &&(i32, Sort)| matches!(key.1, Sort::Summary(_)) && **key != (client_id, sort);
        if self.values.keys().filter(is_summary).count() < SUMMARIES_MAX {
            Ok(())
        } else {
            Err(processing("Maximum number of account summary requests exceeded"))
        }
    }
}

/// 322, with the class name that changes from build to build.
pub(super) fn processing(cause: &str) -> Refusal {
    Refusal::new(322, format!("Error processing request.-'bN' : cause - {cause}"))
}

impl Broker {
    /// Sends every subscriber what has changed for it.
    pub(super) fn refresh_feeds(&mut self, at: Moment) {
        let mut feeds = std::mem::take(&mut self.feeds);
        for ((client_id, req_id), feed) in &mut feeds.positions {
            self.refresh_positions(*client_id, *req_id, feed);
        }
        for ((client_id, sort), feed) in &mut feeds.values {
            self.refresh_values(at, *client_id, *sort, feed);
        }
        for ((client_id, req_id), feed) in &mut feeds.pnl {
            self.refresh_pnl(at, *client_id, *req_id, feed);
        }
        self.feeds = feeds;
    }

    /// The accounts a request means: the named one, or all for no name.
    pub(super) fn accounts_named(&self, name: &str) -> Result<Vec<String>, Refusal> {
        if matches!(name, "" | "All") {
            return Ok(self.accounts.keys().cloned().collect());
        }
        match self.accounts.get_key_value(name) {
            Some((name, _)) => Ok(vec![name.clone()]),
            None => Err(Refusal::invalid("Invalid account code")),
        }
    }

    pub(super) fn books<'a>(&'a self, accounts: &'a [String]) -> impl Iterator<Item = (&'a String, &'a Books)> {
        accounts.iter().filter_map(|name| self.accounts.get_key_value(name).or_else(|| self.models.get_key_value(name)))
    }
}
