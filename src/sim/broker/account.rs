//! Account values in the three ways a client can ask for them: updates, updates multi, summary.

use std::collections::BTreeMap;

use super::account_values::{self, Value};
use super::advisor::account_and_model;
use super::feeds::{Sort, ValueFeed};
use super::reply::{Refusal, error, new_york, number, text};
use super::valuation::Valuation;
use super::{Books, Broker, Moment};
use crate::tws::Response;
use crate::tws::message::account::{
    AccountDataEnd, AccountDataRequest, AccountSummary, AccountSummaryEnd, AccountSummaryRequest, AccountUpdateMulti,
    AccountUpdateMultiEnd, AccountUpdateTime, AccountUpdatesMultiRequest, AccountValue, PortfolioValue,
};

/// Values are sent when a position changes, or else this often, ms.
const CADENCE_MS: i64 = 3 * 60 * 1000;

impl Broker {
    pub(super) fn account_data(&mut self, at: Moment, client_id: i32, request: &AccountDataRequest) {
        let key = (client_id, Sort::Updates);
        if !request.subscribe() {
            self.feeds.values.remove(&key);
            return;
        }
        let account = match self.accounts_named(request.acct_code()) {
            Ok(accounts) => accounts.into_iter().next().unwrap_or_default(),
            Err(refusal) => return self.tell(client_id, error(at.now_ms, -1, refusal)),
        };
        let other_account = |feed: &ValueFeed| feed.accounts.first().is_some_and(|other| *other != account);
        let taken = self
            .feeds
            .values
            .iter()
            .any(|((client, sort), feed)| *client != client_id && *sort == Sort::Updates && other_account(feed));
        if taken {
            let text = "Unable to subscribe to account as another client is subscribed to a different account.";
            return self.tell(client_id, error(at.now_ms, -1, Refusal::new(2101, text)));
        }
        if self.feeds.values.get(&key).is_some_and(other_account) {
            let text = "API client has been unsubscribed from account data.";
            self.tell(client_id, error(at.now_ms, -1, Refusal::new(2100, text)));
        }
        self.subscribe_values(at, client_id, Sort::Updates, feed(vec![account.clone()]));
        self.tell(client_id, Response::AccountDataEnd(AccountDataEnd { account_name: Some(account) }));
    }

    pub(super) fn account_multi(&mut self, at: Moment, client_id: i32, request: &AccountUpdatesMultiRequest) {
        let req_id = request.req_id();
        let accounts = self
            .feeds
            .check_room(client_id)
            .and_then(|()| self.portfolios_named(request.account(), request.model_code()));
        match accounts {
            Ok(accounts) => {
                let feed = ValueFeed { brief: request.ledger_and_nlv(), ..feed(accounts) };
                self.subscribe_values(at, client_id, Sort::Multi(req_id), feed);
                let end = AccountUpdateMultiEnd { req_id: Some(req_id) };
                self.tell(client_id, Response::AccountUpdateMultiEnd(end));
            }
            Err(refusal) => self.tell(client_id, error(at.now_ms, req_id, refusal)),
        }
    }

    pub(super) fn account_summary(&mut self, at: Moment, client_id: i32, request: &AccountSummaryRequest) {
        let (req_id, sort) = (request.req_id(), Sort::Summary(request.req_id()));
        let members = self.accounts_in(request.group());
        let accounts = match members.and_then(|members| self.feeds.check_summaries(client_id, sort).map(|()| members)) {
            Ok(accounts) => accounts,
            Err(refusal) => return self.tell(client_id, error(at.now_ms, req_id, refusal)),
        };
        let tags = request.tags().split(',').map(|tag| tag.trim().to_owned()).take(200).collect();
        let feed = ValueFeed { tags, ..feed(accounts) };
        self.subscribe_values(at, client_id, sort, feed);
        self.tell(client_id, Response::AccountSummaryEnd(AccountSummaryEnd { req_id: Some(req_id) }));
    }

    fn subscribe_values(&mut self, at: Moment, client_id: i32, sort: Sort, mut feed: ValueFeed) {
        self.refresh_values(at, client_id, sort, &mut feed);
        self.feeds.values.insert((client_id, sort), feed);
    }

    pub(super) fn refresh_values(&mut self, at: Moment, client_id: i32, sort: Sort, feed: &mut ValueFeed) {
        let changes: u64 = self.books(&feed.accounts).map(|(_, books)| books.changes).sum();
        if changes == feed.changes && at.now_ms < feed.next_ms {
            return;
        }
        (feed.changes, feed.next_ms) = (changes, at.now_ms.saturating_add(CADENCE_MS));
        let accounts = feed.accounts.clone();
        let mut news = Vec::new();
        for (account, books) in self.books(&accounts) {
            let worth = Valuation::of(&books.now, at.book);
            for value in wanted_values(sort, feed, account, books, &worth) {
                let key = (account.clone(), value.key, value.currency.clone());
                if feed.told.get(&key) != Some(&value.text) {
                    feed.told.insert(key, value.text.clone());
                    news.push(value_response(sort, account, value));
                }
            }
            if sort == Sort::Updates {
                news.extend(portfolio(feed, account, books, &worth));
                let time_stamp = Some(new_york(at.now_ms).format("%H:%M").to_string());
                news.push(Response::AccountUpdateTime(AccountUpdateTime { time_stamp }));
            }
        }
        for response in news {
            self.tell(client_id, response);
        }
    }
}

fn feed(accounts: Vec<String>) -> ValueFeed {
    ValueFeed {
        accounts,
        tags: Vec::new(),
        brief: false,
        told: BTreeMap::new(),
        portfolio: BTreeMap::new(),
        changes: u64::MAX,
        next_ms: i64::MIN,
    }
}

fn wanted_values(sort: Sort, feed: &ValueFeed, account: &str, books: &Books, worth: &Valuation) -> Vec<Value> {
    let mut whole = account_values::account(account, worth, books.start_of_day.net_liquidation);
    if books.is_resetting {
        account_values::spoil(&mut whole);
    }
    let ledger = account_values::ledger(&books.now, worth);
    match sort {
        Sort::Updates => whole.into_iter().chain(ledger).collect(),
        Sort::Multi(_) => {
            whole.into_iter().filter(|value| !feed.brief || value.key == "NetLiquidation").chain(ledger).collect()
        }
        Sort::Summary(_) => {
            let named = |value: &Value| feed.tags.iter().any(|tag| tag == value.key);
            let of_ledger = |value: &Value| {
                (named(value) && value.currency == "BASE")
                    || feed.tags.iter().any(|tag| match tag.as_str() {
                        "$LEDGER" => value.currency == "BASE",
                        "$LEDGER:ALL" => true,
                        other => other.strip_prefix("$LEDGER:").is_some_and(|currency| currency == value.currency),
                    })
            };
            let whole = whole.into_iter().filter(named);
            whole.chain(ledger.into_iter().filter(of_ledger)).collect()
        }
    }
}

fn value_response(sort: Sort, account: &str, value: Value) -> Response {
    let (account, model_code) = account_and_model(account);
    let (account, key, text) = (Some(account), Some(value.key.to_owned()), Some(value.text));
    let currency = Some(value.currency);
    match sort {
        Sort::Updates => Response::AccountValue(AccountValue { key, value: text, currency, account_name: account }),
        Sort::Multi(req_id) => Response::AccountUpdateMulti(Box::new(AccountUpdateMulti {
            req_id: Some(req_id),
            account,
            model_code,
            key,
            value: text,
            currency,
        })),
        Sort::Summary(req_id) => {
            Response::AccountSummary(AccountSummary { req_id: Some(req_id), account, tag: key, value: text, currency })
        }
    }
}

fn portfolio(feed: &mut ValueFeed, account: &str, books: &Books, worth: &Valuation) -> Vec<Response> {
    let mut news = Vec::new();
    for (con_id, position) in &books.now.positions {
        let Some(valued) = worth.positions.get(con_id) else { continue };
        let now = (position.quantity, valued.price);
        if feed.portfolio.insert(*con_id, now) == Some(now) {
            continue;
        }
        news.push(Response::PortfolioValue(Box::new(PortfolioValue {
            contract: Some(position.resolved.contract.clone()),
            position: Some(text(position.quantity)),
            market_price: Some(number(valued.price)),
            market_value: Some(number(valued.value)),
            average_cost: Some(number(position.average_cost())),
            unrealized_pnl: Some(number(valued.unrealized)),
            realized_pnl: Some(number(valued.realized_today)),
            account_name: Some(account.to_owned()),
        })));
    }
    news
}
