//! Profit and loss subscriptions: of an account, or of one of its positions.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::executions::UNSET;
use super::feeds::PnlFeed;
use super::reply::{error, number, text};
use super::valuation::Valuation;
use super::{Books, Broker, Moment};
use crate::tws::Response;
use crate::tws::message::account::{PnL, PnLRequest, PnLSingle, PnLSingleRequest};
use crate::tws::message::contract::Contract;

/// About one update a second.
const CADENCE_MS: i64 = 1000;

/// What daily profit is measured from.
#[derive(Clone, Debug, Default)]
pub(super) struct StartOfDay {
    pub net_liquidation: Decimal,
    /// Unrealized profit by contract.
    pub unrealized: BTreeMap<i32, Decimal>,
}

impl StartOfDay {
    pub(super) fn of(worth: &Valuation) -> Self {
        let unrealized = worth.positions.iter().map(|(con_id, valued)| (*con_id, valued.unrealized)).collect();
        Self { net_liquidation: worth.net_liquidation(), unrealized }
    }
}

impl Broker {
    pub(super) fn pnl(&mut self, at: Moment, client_id: i32, request: &PnLRequest) {
        let (account, model) = (request.account(), request.model_code());
        self.subscribe_pnl(at, client_id, request.req_id(), (account, model), None);
    }

    /// An unknown contract gets no answer at all, as IB does it.
    pub(super) fn pnl_single(&mut self, at: Moment, client_id: i32, request: &PnLSingleRequest) {
        let contract = Contract { con_id: request.con_id, ..Contract::default() };
        if request.con_id() != 0 && at.book.resolve(&contract).is_ok() {
            let (account, model) = (request.account(), request.model_code());
            self.subscribe_pnl(at, client_id, request.req_id(), (account, model), request.con_id);
        }
    }

    fn subscribe_pnl(
        &mut self,
        at: Moment,
        client_id: i32,
        req_id: i32,
        (account, model): (&str, &str),
        con_id: Option<i32>,
    ) {
        let account = self.feeds.check_room(client_id).and_then(|()| self.portfolios_named(account, model));
        match account.map(|accounts| accounts.into_iter().next()) {
            Ok(Some(account)) => {
                let mut feed = PnlFeed { account, con_id, next_ms: i64::MIN, told: None };
                self.refresh_pnl(at, client_id, req_id, &mut feed);
                self.feeds.pnl.insert((client_id, req_id), feed);
            }
            Ok(None) => {}
            Err(refusal) => self.tell(client_id, error(at.now_ms, req_id, refusal)),
        }
    }

    pub(super) fn refresh_pnl(&mut self, at: Moment, client_id: i32, req_id: i32, feed: &mut PnlFeed) {
        let books = self.accounts.get(&feed.account).or_else(|| self.models.get(&feed.account));
        let Some(books) = books.filter(|_| at.now_ms >= feed.next_ms) else { return };
        feed.next_ms = at.now_ms.saturating_add(CADENCE_MS);
        let worth = Valuation::of(&books.now, at.book);
        let now = match feed.con_id {
            None => of_account(req_id, books, &worth),
            Some(con_id) => of_contract(req_id, con_id, books, &worth),
        };
        if feed.told.as_ref() != Some(&now) {
            feed.told = Some(now.clone());
            self.tell(client_id, now);
        }
    }
}

fn of_account(req_id: i32, books: &Books, worth: &Valuation) -> Response {
    Response::PnL(PnL {
        req_id: Some(req_id),
        daily_pnl: Some(number(worth.net_liquidation() - books.start_of_day.net_liquidation)),
        unrealized_pnl: Some(number(worth.unrealized)),
        realized_pnl: Some(number(worth.realized_today)),
    })
}

fn of_contract(req_id: i32, con_id: i32, books: &Books, worth: &Valuation) -> Response {
    let before = books.start_of_day.unrealized.get(&con_id).copied().unwrap_or_default();
    let valued = worth.positions.get(&con_id);
    let amount = |amount: Option<Decimal>| Some(amount.map_or(UNSET, number));
    Response::PnLSingle(PnLSingle {
        req_id: Some(req_id),
        position: Some(text(books.now.quantity(con_id))),
        daily_pnl: amount(valued.map(|valued| valued.realized_today + valued.unrealized - before)),
        unrealized_pnl: amount(valued.map(|valued| valued.unrealized)),
        realized_pnl: amount(valued.map(|valued| valued.realized_today)),
        value: amount(valued.map(|valued| valued.value)),
    })
}
