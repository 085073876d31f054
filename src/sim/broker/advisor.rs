//! Requests that a plain paper account cannot use: advisor data, exercises, family codes.

use rust_decimal::Decimal;

use super::feeds::processing;
use super::reply::{Refusal, error};
use super::{Broker, Moment};
use crate::tws::Response;
use crate::tws::message::account::{FamilyCode, FamilyCodes, SoftDollarTiers};
use crate::tws::message::order_flow::ExerciseOptionsRequest;

impl Broker {
    /// Advisor data exists for advisor logins only. `req_id` is -1 where the request has none.
    pub(super) fn refuse_advisor(&mut self, at: Moment, client_id: i32, req_id: i32) {
        let refusal = Refusal::new(344, "Not a financial advisor account.");
        self.tell(client_id, error(at.now_ms, req_id, refusal));
    }

    /// The simulated account holds options to trade them: an exercise is always refused, with the reason.
    pub(super) fn exercise(&mut self, at: Moment, client_id: i32, request: &ExerciseOptionsRequest) {
        let contract = request.contract.clone().unwrap_or_default();
        let refusal = match (at.book.resolve(&contract), self.accounts_named(request.account())) {
            (Err((code, text)), _) => Refusal::new(code, text),
            (_, Err(refusal)) => refusal,
            (Ok(found), Ok(accounts)) => {
                let con_id = found.contract.con_id();
                let held: Decimal = self.books(&accounts).map(|(_, books)| books.now.quantity(con_id)).sum();
                processing(if held > Decimal::ZERO {
                    "The exercise of options is not offered for this account"
                } else {
                    "No position to exercise in this option exists"
                })
            }
        };
        self.tell(client_id, error(at.now_ms, request.order_id(), refusal));
    }

    pub(super) fn family_codes(&mut self, client_id: i32) {
        let code =
            |account: &String| FamilyCode { account_id: Some(account.clone()), family_code: Some(String::new()) };
        let family_codes = self.accounts.keys().map(code).collect();
        self.tell(client_id, Response::FamilyCodes(FamilyCodes { family_codes }));
    }

    pub(super) fn soft_dollar_tiers(&mut self, client_id: i32, req_id: i32) {
        let tiers = SoftDollarTiers { req_id: Some(req_id), soft_dollar_tiers: Vec::new() };
        self.tell(client_id, Response::SoftDollarTiers(tiers));
    }
}
