//! Advisors: their groups and models; and requests that a plain paper account cannot use.

use rust_decimal::Decimal;

use super::feeds::processing;
use super::reply::{Refusal, error};
use super::{Books, Broker, Moment};
use crate::tws::Response;
use crate::tws::message::account::{FamilyCode, FamilyCodes, ReceiveFA, SoftDollarTiers};
use crate::tws::message::order_flow::ExerciseOptionsRequest;

/// Accounts up to which one request can stand for all of a login.
const ACCOUNTS_AT_ONCE_MAX: usize = 50;

/// Account and model of books by their name: `<account>`, or `<account>/<model>`.
pub(super) fn account_and_model(name: &str) -> (String, Option<String>) {
    match name.split_once('/') {
        Some((account, model)) => (account.to_owned(), Some(model.to_owned())),
        None => (name.to_owned(), None),
    }
}

impl Broker {
    /// Makes the login an advisor's. Models are named `<account>/<model>`.
    pub fn set_advisor(&mut self, groups: Vec<(String, Vec<String>)>, models: &[String]) {
        self.groups = groups.into_iter().collect();
        self.models = models.iter().map(|name| (name.clone(), Books::with_cash(Decimal::ZERO))).collect();
    }

    /// IB resets an account (`true`) or has done so: meanwhile its figures are wrong.
    pub fn reset_account(&mut self, account: &str, is_resetting: bool) {
        if let Some(books) = self.accounts.get_mut(account) {
            books.is_resetting = is_resetting;
            books.changes += 1;
        }
    }

    /// What a request means that may name a model.
    pub(super) fn portfolios_named(&self, account: &str, model: &str) -> Result<Vec<String>, Refusal> {
        let accounts = self.accounts_named(account)?;
        if model.is_empty() {
            return Ok(accounts);
        }
        let books: Vec<String> = accounts.iter().map(|account| format!("{account}/{model}")).collect();
        let books: Vec<String> = books.into_iter().filter(|name| self.models.contains_key(name)).collect();
        if books.is_empty() { Err(Refusal::invalid("Invalid model code")) } else { Ok(books) }
    }

    /// The accounts that a summary of this group is about.
    pub(super) fn accounts_in(&self, group: &str) -> Result<Vec<String>, Refusal> {
        match group {
            "All" => self.all_at_once(),
            name => self.groups.get(name).cloned().ok_or_else(|| Refusal::invalid("Invalid account group")),
        }
    }

    /// All accounts, if they are not too many for one request.
    pub(super) fn all_at_once(&self) -> Result<Vec<String>, Refusal> {
        if self.accounts.len() > ACCOUNTS_AT_ONCE_MAX {
            return Err(Refusal::new(10_322, "Account All is not supported for this number of accounts"));
        }
        Ok(self.accounts.keys().cloned().collect())
    }

    /// The advisor's groups, as far as they are told; the rest of the configuration is empty.
    pub(super) fn advisor_data(&mut self, at: Moment, client_id: i32, fa_data_type: i32) {
        if self.groups.is_empty() {
            return self.refuse_advisor(at, client_id, -1);
        }
        let mut groups = String::new();
        for (name, members) in self.groups.iter().filter(|_| fa_data_type == 1) {
            let members = members.join("</String><String>");
            groups.push_str("<Group><name>");
            groups.push_str(name);
            groups.push_str("</name><ListOfAccts varName=\"list\"><String>");
            groups.push_str(&members);
            groups.push_str("</String></ListOfAccts></Group>");
        }
        let xml = Some(format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?><ListOfGroups>{groups}</ListOfGroups>"));
        self.tell(client_id, Response::ReceiveFA(ReceiveFA { fa_data_type: Some(fa_data_type), xml }));
    }

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
