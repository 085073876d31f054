//! What is told of contracts that were found to whoever waits for them, and what is kept of them.

use std::sync::Arc;

use super::{Contracts, found::Found, hours, keeping, lookup::Waiter, query::Normal, unknown};
use crate::{
    schema::{
        ApiError, ErrorCode,
        request::contract::{Details, Validated, Validation},
    },
    session::{Answer, CacheItem, CacheKind, Output, Token, core::Core},
};

/// Candidates listed for an ambiguous description.
const CANDIDATES_MAX: usize = 50;

impl Contracts {
    /// Keeps what the gateway said, here and on the disk.
    pub(super) fn learn(&mut self, core: &mut Core, asked: &Normal, rows: &Arc<[Found]>) {
        let key = asked.key();
        if rows.is_empty() {
            return self.forget(core, &key);
        }
        let is_kept = self.remember(core.now.us, asked, rows);
        learn_hours(core, core.now.us, rows);
        if is_kept && let Some(body) = keeping::bytes(rows) {
            let item = CacheItem { kind: CacheKind::Contract, key, at_us: core.now.us, body: Some(body) };
            core.output(Output::Cache(item));
        }
    }

    /// One contract is known under its number and route as well.
    fn remember(&mut self, learned_us: i64, asked: &Normal, rows: &Arc<[Found]>) -> bool {
        let key = asked.key();
        if let [found] = &rows[..] {
            let (instrument, _) = found.instrument(asked);
            let exact = Normal::con_id(instrument.con_id, &instrument.exchange).key();
            if exact != key {
                self.known.learn(learned_us, &exact, Arc::clone(rows));
            }
        }
        self.known.learn(learned_us, &key, Arc::clone(rows))
    }

    pub(super) fn forget(&mut self, core: &mut Core, key: &str) {
        if self.known.forget(key) {
            let key = key.to_owned();
            core.output(Output::Cache(CacheItem { kind: CacheKind::Contract, key, at_us: core.now.us, body: None }));
        }
    }

    /// Something that an earlier run asked to be kept. What cannot be read is left alone.
    pub(crate) fn recall(&mut self, core: &mut Core, item: &CacheItem) {
        match item.kind {
            CacheKind::Contract => {
                let rows = item.body.clone().and_then(keeping::rows);
                let (Some(asked), Some(rows)) = (keeping::asked(&item.key), rows) else { return };
                self.remember(item.at_us, &asked, &rows);
                learn_hours(core, item.at_us, &rows);
            }
            CacheKind::Rule => self.rules.recall(item),
            CacheKind::Gateway => self.sighted_us = Some(item.at_us),
            CacheKind::Chain => self.chains.recall(item),
            CacheKind::Bars | CacheKind::Lease | CacheKind::Scan | CacheKind::Pacing => {}
        }
    }

    /// What was found serves one waiter.
    pub(super) fn tell(&mut self, core: &mut Core, asked: &Normal, rows: &[Found], waiter: Waiter) {
        // A caller who gave up was told so; an order must not be placed behind his back.
        if !waiter.is_waiting(core) {
            return;
        }
        if let Waiter::Details(token) = waiter {
            if rows.is_empty() {
                return core.refuse(token, unknown(asked, "the gateway lists none"));
            }
            let contracts = rows.iter().map(|found| found.details(core, asked)).collect();
            return core.answer(token, Answer::Details(Box::new(Details { contracts })));
        }
        if let Waiter::Chain(token) = waiter {
            return self.on_expiry_found(core, token, asked, rows);
        }
        let found = match rows {
            [found] => found,
            [] => return self.fail(core, waiter, unknown(asked, "the gateway lists none")),
            _ => return self.fail(core, waiter, ambiguous(asked, rows, 0)),
        };
        let (instrument, contract) = found.instrument(asked);
        match waiter {
            Waiter::Command(command) => {
                let listing = core.listing(instrument, contract);
                self.resolved.push_back((*command, listing));
            }
            Waiter::Validation { token, place } => {
                self.fill(core, token, place, Validation { ok: true, instrument: Some(instrument), error: None });
            }
            Waiter::Hours(token) => {
                let answer = hours::answer(core, found, instrument);
                core.answer(token, Answer::Hours(Box::new(answer)));
            }
            Waiter::Rules(token) => {
                let (rules, exchanges) = (found.market_rules(), found.exchanges());
                self.rules.ask(core, &self.link, token, instrument, (&rules, exchanges));
            }
            Waiter::Details(_) | Waiter::Chain(_) | Waiter::Renewal => {}
        }
    }

    pub(super) fn fail(&mut self, core: &mut Core, waiter: Waiter, error: ApiError) {
        match waiter {
            Waiter::Command(command) => self.resolved.push_back((*command, Err(error))),
            Waiter::Details(token) | Waiter::Hours(token) | Waiter::Rules(token) => core.refuse(token, error),
            Waiter::Validation { token, place } => {
                self.fill(core, token, place, Validation { ok: false, instrument: None, error: Some(error) });
            }
            Waiter::Chain(token) => self.on_expiry_failed(core, token, error),
            Waiter::Renewal => {}
        }
    }

    fn fill(&mut self, core: &mut Core, token: Token, place: usize, result: Validation) {
        let Some(results) = self.validations.get_mut(&token) else { return };
        if let Some(slot) = results.get_mut(place) {
            *slot = Some(result);
        }
        if results.iter().all(Option::is_some) {
            let results = self.validations.remove(&token).into_iter().flatten().flatten().collect();
            core.answer(token, Answer::Validated(Validated { results }));
        }
    }
}

/// Who watches streams and builds bars must know when the one contract trades, and who measures combos what its price
/// is multiplied with.
fn learn_hours(core: &mut Core, learned_us: i64, rows: &[Found]) {
    let [found] = rows else { return };
    core.learn_multiplier(found.con_id(), found.multiplier().unwrap_or(1.0));
    let (trading, liquid) = hours::hours_of(core, found);
    if let (Some(zone), Some(hours)) = (found.zone(), &trading) {
        core.learn_calendar(found.con_id(), zone, hours);
    }
    core.trading_hours.learn(found.con_id(), learned_us, trading);
    core.trading_hours.learn_liquid(found.con_id(), liquid.unwrap_or_default());
}

fn ambiguous(asked: &Normal, rows: &[Found], surplus: usize) -> ApiError {
    let count = rows.len() + surplus;
    let message = format!("{count} contracts fit {}; name one of the candidates", asked.describe());
    let candidates = rows.iter().take(CANDIDATES_MAX).map(|found| found.candidate(asked)).collect();
    ApiError { candidates: Some(candidates), ..ApiError::new(ErrorCode::AmbiguousContract, message) }
}

/// More contracts fit than are kept, `surplus` of them beside `rows`.
pub(super) fn too_many(asked: &Normal, rows: &[Found], surplus: usize, waiter: &Waiter) -> ApiError {
    if !matches!(waiter, Waiter::Details(_) | Waiter::Chain(_)) {
        return ambiguous(asked, rows, surplus);
    }
    let message = format!(
        "{} contracts fit {}, more than {}; add expiry, strike or exchange",
        rows.len() + surplus,
        asked.describe(),
        rows.len()
    );
    ApiError::new(ErrorCode::TooLarge, message)
}
