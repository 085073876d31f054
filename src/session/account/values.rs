//! Account values and profit and loss, published on change.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use crate::{
    schema::{
        account::{AccountValueEvent, PnlEvent},
        request::account::Summary,
    },
    session::{Event, core::Core},
    tws::{message::account::PnL, sentinel::unset_double},
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

/// Daily, unrealized and realized.
type Figures = [Option<f64>; 3];

/// Which account each stream of profit and loss belongs to, and what it said last.
#[derive(Debug, Default)]
pub(super) struct Profits {
    streams: FxHashMap<i32, (String, Option<Figures>)>,
}

impl Profits {
    pub(super) fn expect(&mut self, req_id: i32, account: &str) {
        self.streams.insert(req_id, (account.to_owned(), None));
    }

    pub(super) fn forget(&mut self, req_id: i32) {
        self.streams.remove(&req_id);
    }

    pub(super) fn clear(&mut self) {
        self.streams.clear();
    }

    pub(super) fn on_pnl(&mut self, core: &mut Core, message: &PnL) {
        let Some((account, last)) = self.streams.get_mut(&message.req_id.unwrap_or_default()) else {
            core.counters.late_answers += 1;
            return;
        };
        let now =
            [message.daily_pnl, message.unrealized_pnl, message.realized_pnl].map(|one| one.and_then(unset_double));
        if last.replace(now) == Some(now) {
            return;
        }
        let [daily, unrealized, realized] = now;
        core.risk.on_daily_pnl(core.now, account, daily);
        let event = PnlEvent { account: account.clone(), seq: 0, recv_us: core.now.us, daily, unrealized, realized };
        core.emit(Event::Pnl(Box::new(event)));
    }
}
