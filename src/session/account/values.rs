//! Account values, published on change.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;

use super::portfolio::Portfolio;
use crate::{
    schema::{account::AccountValueEvent, request::account::Account},
    session::{Event, core::Core},
};

/// Most values kept; a gateway sends about 150 for each account and currency.
const VALUES_MAX: usize = 100_000;

/// The tag that says whether the other values of an account can be believed.
const READY: &str = "AccountReady";

/// The currency under which IB tells sums of all currencies.
const SUM: &str = "BASE";

/// What a value has changed about its account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    None,
    /// IB began to reset it: what it tells may be wrong.
    Unready,
    /// The reset is over: everything has to be asked for again.
    Ready,
}

/// The value last published for each portfolio, tag and currency.
#[derive(Debug, Default)]
pub(super) struct Values {
    known: BTreeMap<(Portfolio, String, String), AccountValueEvent>,
    /// Accounts that IB is resetting.
    unready: BTreeSet<String>,
}

impl Values {
    pub(super) fn of(&self, is_wanted: impl Fn(&AccountValueEvent) -> bool) -> Vec<AccountValueEvent> {
        self.known.values().filter(|event| is_wanted(event)).cloned().collect()
    }

    /// True while IB resets the account.
    pub(super) fn is_unready(&self, account: &str) -> bool {
        self.unready.contains(account)
    }

    /// The next login tells anew which accounts are being reset.
    pub(super) fn on_link_down(&mut self) {
        self.unready.clear();
    }

    /// What the values say about the account itself.
    pub(super) fn describe(&self, account: &mut Account) {
        let from = (Portfolio::whole(&account.account), String::new(), String::new());
        let name = account.account.clone();
        let own = self.known.range(from..).take_while(|((of, ..), _)| of.account == name && of.model.is_none());
        let mut unit = None;
        for event in own.map(|(_, event)| event) {
            let currency = event.currency.as_deref().unwrap_or_default();
            match event.tag.as_str() {
                READY => account.ready = Some(!self.is_unready(&name)),
                "NetLiquidation" if !currency.is_empty() && currency != SUM => {
                    account.base_currency = Some(currency.to_owned());
                }
                "ExchangeRate" if !currency.is_empty() && currency != SUM => {
                    if event.value.parse::<Decimal>() == Ok(Decimal::ONE) {
                        unit.get_or_insert_with(|| currency.to_owned());
                    }
                    account.exchange_rates.insert(currency.to_owned(), event.value.clone());
                }
                _ => {}
            }
        }
        account.base_currency = account.base_currency.take().or(unit);
    }

    /// A value came. While IB resets the account only that is told, no other value.
    pub(super) fn on_value(
        &mut self,
        core: &mut Core,
        of: &Portfolio,
        tag: Option<String>,
        value: Option<String>,
        currency: Option<String>,
    ) -> Turn {
        let (Some(tag), false) = (tag.filter(|tag| !tag.is_empty()), of.account.is_empty()) else {
            core.counters.undecodable_messages += 1;
            return Turn::None;
        };
        let value = value.unwrap_or_default();
        let mut turn = Turn::None;
        if tag == READY && of.model.is_none() {
            if value.eq_ignore_ascii_case("false") {
                if self.unready.insert(of.account.clone()) {
                    turn = Turn::Unready;
                }
            } else if self.unready.remove(&of.account) {
                turn = Turn::Ready;
            }
        } else if self.is_unready(&of.account) {
            return Turn::None;
        }
        self.keep(core, of, tag, value, currency);
        turn
    }

    fn keep(&mut self, core: &mut Core, of: &Portfolio, tag: String, value: String, currency: Option<String>) {
        let key = (of.clone(), tag.clone(), currency.clone().unwrap_or_default());
        let known = self.known.get(&key);
        if known.is_some_and(|known| known.value == value) {
            return;
        }
        if known.is_none() && self.known.len() >= VALUES_MAX {
            core.counters.forgotten += 1;
            return;
        }
        let event = AccountValueEvent {
            account: of.account.clone(),
            model: of.model.clone(),
            seq: 0,
            recv_us: core.now.us,
            tag,
            value,
            currency: currency.filter(|currency| !currency.is_empty()),
        };
        if of.model.is_none() {
            let currency = event.currency.as_deref().unwrap_or_default();
            core.risk.on_account_value(&event.account, &event.tag, &event.value, currency);
        }
        self.known.insert(key, event.clone());
        core.emit(Event::AccountValue(Box::new(event)));
    }
}
