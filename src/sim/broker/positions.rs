//! Position subscriptions: the whole list, its end, then each change.

use std::collections::BTreeMap;

use super::advisor::account_and_model;
use super::feeds::PositionFeed;
use super::reply::{error, number, text};
use super::{Broker, Moment};
use crate::tws::Response;
use crate::tws::message::account::{Position, PositionEnd, PositionMulti, PositionMultiEnd, PositionsMultiRequest};

impl Broker {
    pub(super) fn positions(&mut self, at: Moment, client_id: i32) {
        let accounts = match self.all_at_once() {
            Ok(accounts) => accounts,
            Err(refusal) => return self.tell(client_id, error(at.now_ms, -1, refusal)),
        };
        self.subscribe_positions(client_id, None, accounts);
        self.tell(client_id, Response::PositionEnd(PositionEnd {}));
    }

    pub(super) fn positions_multi(&mut self, at: Moment, client_id: i32, request: &PositionsMultiRequest) {
        let req_id = request.req_id();
        match self.portfolios_named(request.account(), request.model_code()).and_then(|accounts| {
            self.feeds.check_room(client_id)?;
            Ok(accounts)
        }) {
            Ok(accounts) => {
                self.subscribe_positions(client_id, Some(req_id), accounts);
                self.tell(client_id, Response::PositionMultiEnd(PositionMultiEnd { req_id: Some(req_id) }));
            }
            Err(refusal) => self.tell(client_id, error(at.now_ms, req_id, refusal)),
        }
    }

    fn subscribe_positions(&mut self, client_id: i32, req_id: Option<i32>, accounts: Vec<String>) {
        let mut feed = PositionFeed { accounts, told: BTreeMap::new() };
        self.refresh_positions(client_id, req_id, &mut feed);
        self.feeds.positions.insert((client_id, req_id), feed);
    }

    /// A position that is gone is told once, with size 0.
    pub(super) fn refresh_positions(&mut self, client_id: i32, req_id: Option<i32>, feed: &mut PositionFeed) {
        let mut changed = Vec::new();
        for (account, books) in self.books(&feed.accounts) {
            for (con_id, position) in &books.now.positions {
                let key = (account.clone(), *con_id);
                let now = (position.quantity, position.average_cost());
                let is_news = feed.told.get(&key).map_or(!now.0.is_zero(), |told| *told != now);
                if is_news {
                    feed.told.insert(key, now);
                    let contract = Some(position.resolved.contract.clone());
                    let (account, model_code) = account_and_model(account);
                    let (account, position, avg_cost) = (Some(account), Some(text(now.0)), Some(number(now.1)));
                    changed.push(match req_id {
                        None => Response::Position(Box::new(Position { account, contract, position, avg_cost })),
                        Some(req_id) => Response::PositionMulti(Box::new(PositionMulti {
                            req_id: Some(req_id),
                            account,
                            contract,
                            position,
                            avg_cost,
                            model_code,
                        })),
                    });
                }
            }
        }
        for response in changed {
            self.tell(client_id, response);
        }
    }
}
