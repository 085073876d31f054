//! Account values, published on change.

use std::collections::BTreeMap;

use crate::{
    schema::{account::AccountValueEvent, request::account::Summary},
    session::{Event, core::Core},
};

/// Most values kept; a gateway sends about 150 for each account and currency.
const VALUES_MAX: usize = 50_000;

/// The value last published for each account, tag and currency.
#[derive(Debug, Default)]
pub(super) struct Values {
    known: BTreeMap<(String, String, String), AccountValueEvent>,
}

impl Values {
    pub(super) fn summary(&self, account: Option<&str>) -> Summary {
        let wanted = |event: &&AccountValueEvent| account.is_none_or(|account| event.account == account);
        Summary { values: self.known.values().filter(wanted).cloned().collect() }
    }

    pub(super) fn on_value(
        &mut self,
        core: &mut Core,
        account: &str,
        tag: Option<String>,
        value: Option<String>,
        currency: Option<String>,
    ) {
        let (Some(tag), false) = (tag.filter(|tag| !tag.is_empty()), account.is_empty()) else {
            core.counters.undecodable_messages += 1;
            return;
        };
        let value = value.unwrap_or_default();
        let key = (account.to_owned(), tag.clone(), currency.clone().unwrap_or_default());
        let known = self.known.get(&key);
        if known.is_some_and(|known| known.value == value) {
            return;
        }
        if known.is_none() && self.known.len() >= VALUES_MAX {
            core.counters.forgotten += 1;
            return;
        }
        let event = AccountValueEvent {
            account: account.to_owned(),
            seq: 0,
            recv_us: core.now.us,
            tag,
            value,
            currency: currency.filter(|currency| !currency.is_empty()),
        };
        self.known.insert(key, event.clone());
        core.emit(Event::AccountValue(Box::new(event)));
    }
}
