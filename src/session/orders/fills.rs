//! Executions and their commissions: each fill once, again with its commission, corrections marked.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use compact_str::CompactString;
use rust_decimal::{
    Decimal,
    prelude::{FromPrimitive as _, ToPrimitive as _},
};
use rustc_hash::FxHashMap;

use super::{
    Orders,
    book::Identity,
    describe::{side, size},
};
use crate::{
    schema::{
        connection::{LinkName, NoticeEvent},
        order::{FillEvent, OrderKey, Side},
    },
    session::{Event, core::Core, durable::Fact, traded},
    tws::{
        message::{
            order::Order,
            order_flow::{CommissionAndFeesReport, Execution, ExecutionDetails},
        },
        sentinel::unset_double,
    },
};

/// Fills kept; the oldest are forgotten and counted beyond it.
const FILLS_MAX: usize = if cfg!(test) { 1_000 } else { 100_000 };
/// Fills of which only the name is kept, so that they are known when a list names them again.
const NAMES_MAX: usize = if cfg!(test) { 5_000 } else { 500_000 };
/// Commissions kept whose execution has not come.
const COMMISSIONS_MAX: usize = 10_000;
/// Unreadable reports remembered, so that each is told once.
const UNREADABLE_MAX: usize = 1_000;

/// The newest version of every fill.
#[derive(Debug, Default)]
pub(super) struct Fills {
    by_id: FxHashMap<String, FillEvent>,
    oldest_first: VecDeque<String>,
    forgotten: FxHashMap<CompactString, Forgotten>,
    forgotten_oldest_first: VecDeque<CompactString>,
    /// What the fills make of each position, by account and contract. Those forgotten still count.
    bought: BTreeMap<(String, i32), Decimal>,
    /// By whole execution id.
    commissions: FxHashMap<String, CommissionAndFeesReport>,
    commissions_oldest_first: VecDeque<String>,
    /// Executions that were told as a notice, since no fill can be made of them.
    unreadable: BTreeSet<String>,
}

/// What stays of a fill that is not kept any more.
#[derive(Debug)]
struct Forgotten {
    version: u64,
    /// What it makes of its position.
    bought: Decimal,
}

/// What became of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Novelty {
    New,
    Correction,
    /// Told before, in this version.
    Known,
    /// A version that has been replaced.
    Outdated,
}

impl Fills {
    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    pub(super) fn list(
        &self,
        accounts: Option<&BTreeSet<String>>,
        key: Option<&str>,
        model: Option<&str>,
    ) -> Vec<FillEvent> {
        let wanted = |fill: &&FillEvent| {
            accounts.is_none_or(|accounts| accounts.contains(&fill.account))
                && key.is_none_or(|key| fill.key.as_str() == key)
                && model.is_none_or(|model| fill.model.as_deref() == Some(model))
        };
        self.oldest_first.iter().filter_map(|id| self.by_id.get(id)).filter(wanted).cloned().collect()
    }

    /// A fill of an earlier run.
    pub(super) fn restore(&mut self, core: &mut Core, fill: FillEvent) {
        self.keep(core, &FillEvent { seq: 0, ..fill });
    }

    fn novelty(&self, exec_id: &str) -> Novelty {
        let (fill, version) = parts(exec_id);
        let kept = self.by_id.get(fill).map(|known| version_number(parts(&known.exec_id).1));
        match kept.or_else(|| self.forgotten.get(fill).map(|known| known.version)) {
            None => Novelty::New,
            Some(known) => match version_number(version).cmp(&known) {
                Ordering::Greater => Novelty::Correction,
                Ordering::Equal => Novelty::Known,
                Ordering::Less => Novelty::Outdated,
            },
        }
    }

    /// What the fills told so far make of each position, by account and contract.
    pub(super) fn bought(&self) -> &BTreeMap<(String, i32), Decimal> {
        &self.bought
    }

    fn count(&mut self, fill: &FillEvent, more: Decimal) {
        if !more.is_zero() {
            let bought = self.bought.entry((fill.account.clone(), fill.con_id)).or_default();
            *bought = bought.saturating_add(more);
        }
    }

    /// No fill can be made of the report, and none may be lost: a person must look. Lists repeat it; it is told once.
    fn tell_unreadable(&mut self, core: &mut Core, execution: &Execution, why: &str) {
        core.counters.undecodable_messages += 1;
        let text =
            |field: &Option<String>| field.clone().filter(|text| !text.is_empty()).unwrap_or_else(|| "?".to_owned());
        let number = |field: Option<f64>| field.map_or_else(|| "?".to_owned(), |number| number.to_string());
        let message = format!(
            "a fill is not published: {why}; execution {} of account {}: {} {} at {}, order {} ({}), at {}",
            text(&execution.exec_id),
            text(&execution.acct_number),
            text(&execution.side),
            size(execution.shares.as_ref()).map_or_else(|| "?".to_owned(), |size| size.to_string()),
            number(execution.price),
            execution.order_id.unwrap_or_default(),
            text(&execution.order_ref),
            text(&execution.time),
        );
        if self.unreadable.contains(&message) {
            return;
        }
        if self.unreadable.len() >= UNREADABLE_MAX {
            self.unreadable.clear();
        }
        self.unreadable.insert(message.clone());
        let notice = NoticeEvent::warning(core.now.us, LinkName::Trading, "unreadable_fill", message);
        core.emit(Event::Notice(Box::new(notice)));
    }

    fn keep(&mut self, core: &mut Core, fill: &FillEvent) {
        let id = parts(&fill.exec_id).0.to_owned();
        self.count(fill, effect(fill));
        if let Some(replaced) = self.by_id.insert(id.clone(), fill.clone()) {
            return self.count(&replaced, -effect(&replaced));
        }
        if let Some(replaced) = self.forgotten.remove(id.as_str()) {
            self.count(fill, -replaced.bought);
        }
        self.oldest_first.push_back(id);
        if self.oldest_first.len() > FILLS_MAX
            && let Some(oldest) = self.oldest_first.pop_front()
            && let Some(fill) = self.by_id.remove(&oldest)
        {
            core.counters.forgotten += 1;
            self.keep_name(oldest.into(), &fill);
        }
    }

    fn keep_name(&mut self, name: CompactString, fill: &FillEvent) {
        let forgotten = Forgotten { version: version_number(parts(&fill.exec_id).1), bought: effect(fill) };
        if self.forgotten.insert(name.clone(), forgotten).is_none() {
            self.forgotten_oldest_first.push_back(name);
        }
        if self.forgotten_oldest_first.len() > NAMES_MAX
            && let Some(oldest) = self.forgotten_oldest_first.pop_front()
        {
            self.forgotten.remove(&oldest);
        }
    }

    fn keep_commission(&mut self, core: &mut Core, exec_id: String, message: CommissionAndFeesReport) {
        if self.commissions.insert(exec_id.clone(), message).is_none() {
            self.commissions_oldest_first.push_back(exec_id);
        }
        if self.commissions_oldest_first.len() > COMMISSIONS_MAX
            && let Some(oldest) = self.commissions_oldest_first.pop_front()
        {
            self.commissions.remove(&oldest);
            core.counters.forgotten += 1;
        }
    }
}

impl Orders {
    pub(super) fn on_execution(&mut self, core: &mut Core, message: ExecutionDetails) {
        let Some(execution) = message.execution else {
            core.counters.undecodable_messages += 1;
            return;
        };
        let exec_id = execution.exec_id.clone().unwrap_or_default();
        let quantity = size(execution.shares.as_ref());
        let side = execution.side.as_deref().and_then(side);
        let price = execution.price.and_then(unset_double);
        let (Some(quantity), Some(side), Some(price), false) = (quantity, side, price, exec_id.is_empty()) else {
            return self.fills.tell_unreadable(core, &execution, "its id, side, size or price cannot be read");
        };
        let identity = Identity {
            client_id: execution.client_id,
            order_id: execution.order_id,
            perm_id: execution.perm_id,
            order_ref: execution.order_ref.as_deref(),
        };
        self.note_order_id(&identity);
        let account = execution.acct_number.clone().unwrap_or_default();
        let order = Order { account: Some(account.clone()), ..Order::default() };
        let key = self.find_or_name(&identity, &order);
        let novelty = self.fills.novelty(&exec_id);
        let replaced = self.fills.by_id.get(parts(&exec_id).0).map(|fill| fill.quantity.clone());
        let is_leg = is_combo_leg(&exec_id);
        let cumulative = size(execution.cum_qty.as_ref());
        let named = message.contract.as_ref().and_then(traded::instrument);
        let mut instrument = named;
        if let Some(key) = &key {
            self.change(core, key, |record| {
                record.identify(&identity);
                let event = &mut record.event;
                if !is_leg {
                    event.side = event.side.or(Some(side));
                    if event.instrument.is_none() {
                        event.con_id = instrument.as_ref().map(|named| named.con_id).filter(|id| *id > 0);
                        event.instrument.clone_from(&instrument);
                    }
                    match (novelty, &replaced) {
                        (Novelty::Outdated, _) => {}
                        (Novelty::Correction, Some(replaced)) => {
                            record.facts.on_corrected(replaced, &quantity, execution.avg_price);
                        }
                        _ => record.facts.on_filled(cumulative.as_ref().unwrap_or(&quantity), execution.avg_price),
                    }
                }
                // The name under which the order was placed, where it is the same contract.
                if let Some(known) = &record.event.instrument
                    && instrument.as_ref().is_none_or(|named| named.con_id == known.con_id)
                {
                    instrument = Some(known.clone());
                }
            });
            self.replay_status(core, &identity);
            self.corrected.extend(is_later_version(&exec_id).then(|| key.clone()));
        }
        if matches!(novelty, Novelty::Known | Novelty::Outdated) {
            return;
        }
        let Some(instrument) = instrument else {
            return self.fills.tell_unreadable(core, &execution, "nothing says what was traded");
        };
        // Every fill is told, even of an order that nothing names.
        let key = key.unwrap_or_else(|| OrderKey::of_perm_id(identity.perm_id.unwrap_or_default()));
        let is_recovered = self.sync.is_recovery(message.req_id.unwrap_or(-1));
        let time = execution.time.as_deref().unwrap_or_default();
        let event_us = core.moment(LinkName::Trading, time, "executions go without their time");
        let mut fill = FillEvent {
            key,
            account,
            con_id: instrument.con_id,
            seq: 0,
            recv_us: core.now.us,
            event_us,
            exec_id: exec_id.clone(),
            side,
            quantity,
            price,
            cumulative_quantity: cumulative,
            average_price: execution.avg_price.and_then(unset_double).filter(|price| *price != 0.0),
            exchange: execution.exchange.clone().filter(|exchange| !exchange.is_empty()),
            commission: None,
            commission_currency: None,
            realized_pnl: None,
            order_id: execution.order_id.filter(|id| *id != 0 && *id != -1),
            perm_id: execution.perm_id.filter(|id| *id > 0),
            client_id: execution.client_id,
            liquidity: execution.last_liquidity.and_then(liquidity),
            correction: (novelty == Novelty::Correction).then_some(true),
            recovered: is_recovered.then_some(true),
            combo_leg: is_leg.then_some(true),
            model: execution.model_code.clone().filter(|model| !model.is_empty()),
            instrument,
        };
        if let Some(commission) = self.fills.commissions.remove(&exec_id) {
            self.fills.commissions_oldest_first.retain(|id| *id != exec_id);
            charge(&mut fill, &commission);
        }
        self.fills.keep(core, &fill);
        core.journal(Fact::Fill(Box::new(fill)));
    }

    pub(super) fn on_commission(&mut self, core: &mut Core, message: CommissionAndFeesReport) {
        let exec_id = message.exec_id.clone().unwrap_or_default();
        if exec_id.is_empty() {
            core.counters.undecodable_messages += 1;
            return;
        }
        let (id, version) = parts(&exec_id);
        match self.fills.by_id.get_mut(id) {
            Some(fill) if fill.exec_id == exec_id => {
                let before = fill.clone();
                charge(fill, &message);
                if *fill != before {
                    fill.recv_us = core.now.us;
                    core.journal(Fact::Fill(Box::new(fill.clone())));
                }
            }
            // Of a version that has been replaced.
            Some(fill) if version_number(version) < version_number(parts(&fill.exec_id).1) => {}
            // It comes with every list: its fill was told long ago.
            None if self.fills.forgotten.get(id).is_some_and(|fill| version_number(version) <= fill.version) => {}
            _ => self.fills.keep_commission(core, exec_id, message),
        }
    }
}

impl Orders {
    /// All executions have been listed: orders with corrected fills have filled what their executions make. A report
    /// from before the correction may have come after it, or what it corrects was never heard of.
    pub(super) fn recount(&mut self, core: &mut Core) {
        self.corrected.retain(|key| self.book.contains(key));
        // What is kept would be too little.
        if !self.fills.forgotten.is_empty() {
            return;
        }
        let mut sums: BTreeMap<&OrderKey, (Decimal, Option<Decimal>)> = BTreeMap::new();
        if !self.corrected.is_empty() {
            for fill in self.fills.by_id.values().filter(|fill| fill.combo_leg != Some(true)) {
                if let Some(key) = self.corrected.get(&fill.key) {
                    let (quantity, money) = sums.entry(key).or_insert((Decimal::ZERO, Some(Decimal::ZERO)));
                    *quantity = quantity.saturating_add(fill.quantity.decimal());
                    let paid =
                        Decimal::from_f64(fill.price).and_then(|price| price.checked_mul(fill.quantity.decimal()));
                    *money = money.zip(paid).and_then(|(sum, paid)| sum.checked_add(paid));
                }
            }
        }
        let sums: Vec<_> = sums.into_iter().map(|(key, sums)| (key.clone(), sums)).collect();
        for (key, (quantity, money)) in sums {
            let Some(before) = self.book.get(&key).map(|record| record.facts.filled()) else { continue };
            if quantity < before.decimal() {
                let average = money.and_then(|money| money.checked_div(quantity)).and_then(|price| price.to_f64());
                self.change(core, &key, |record| record.facts.on_corrected(&before, &quantity.into(), average));
            }
        }
    }
}

/// What a fill makes of its position. The summary of a combo moves none: its legs do.
fn effect(fill: &FillEvent) -> Decimal {
    match (fill.instrument.sec_type.as_str(), fill.side) {
        ("BAG", _) => Decimal::ZERO,
        (_, Side::Buy) => fill.quantity.decimal(),
        (_, Side::Sell) => -fill.quantity.decimal(),
    }
}

fn charge(fill: &mut FillEvent, commission: &CommissionAndFeesReport) {
    let currency = commission.currency.clone().filter(|currency| !currency.is_empty());
    // A report that leaves something out takes nothing back.
    fill.commission = commission.commission_and_fees.and_then(unset_double).or(fill.commission);
    fill.commission_currency = currency.or_else(|| fill.commission_currency.take());
    fill.realized_pnl = commission.realized_pnl.and_then(unset_double).or(fill.realized_pnl);
}

/// What names the fill, and what names its version. An id that does not end in a number has no
/// version: taking two such ids for one fill would lose the second.
fn parts(exec_id: &str) -> (&str, &str) {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    exec_id.rsplit_once('.').filter(|(_, version)| is_number(version)).unwrap_or((exec_id, ""))
}

/// Versions are numbers with leading zeroes.
fn version_number(version: &str) -> u64 {
    version.parse().unwrap_or(0)
}

/// The first version of a fill is 1.
pub(super) fn is_later_version(exec_id: &str) -> bool {
    version_number(parts(exec_id).1) > 1
}

/// The executions of a combo's legs have ids of five segments.
fn is_combo_leg(exec_id: &str) -> bool {
    exec_id.split('.').count() == 5
}

fn liquidity(ib: i32) -> Option<String> {
    let word = match ib {
        1 => "added",
        2 => "removed",
        3 => "routed",
        _ => return None,
    };
    Some(word.to_owned())
}
