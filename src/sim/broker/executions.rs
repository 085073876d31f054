//! The executions of the login: their ids, their filter, their correction.

use std::collections::VecDeque;

use rust_decimal::Decimal;

use super::ledger::Fill;
use super::reply::{local_time, new_york, number, text};
use super::terms::date_time;
use crate::tws::Response;
use crate::tws::message::order_flow::{CommissionAndFeesReport, Execution, ExecutionDetails, ExecutionFilter};

/// Executions that can still be asked for or corrected. Older ones live on in the ledger only.
const KEPT_MAX: usize = 20_000;
/// IB's "no value" in a number field.
pub(super) const UNSET: f64 = f64::MAX;

/// The fills, oldest first.
#[derive(Debug)]
pub(super) struct Executions {
    fills: VecDeque<Fill>,
    /// First segment of all ids of this session.
    session: u32,
    /// Second segment of the latest id.
    serial: u32,
}

impl Executions {
    pub(super) fn new(session: u32) -> Self {
        Self { fills: VecDeque::new(), session: session & 0x0000_ffff, serial: 0 }
    }

    /// First three segments of a new id, as in `0000e0d5.6531f3b2.01`. The second segment starts at the
    /// time in seconds and only grows.
    pub(super) fn next_root(&mut self, now_ms: i64) -> String {
        let seconds = u32::try_from(now_ms / 1000).unwrap_or(u32::MAX / 2);
        self.serial = seconds.max(self.serial.wrapping_add(1));
        format!("{:08x}.{:08x}.01", self.session, self.serial)
    }

    /// Keeps a fill; gives back the oldest one if there is no more room for it.
    pub(super) fn push(&mut self, fill: Fill) -> Option<Fill> {
        self.fills.push_back(fill);
        if self.fills.len() > KEPT_MAX { self.fills.pop_front() } else { None }
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &Fill> {
        self.fills.iter()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Fill> {
        self.fills.iter_mut()
    }

    /// The fill with this id, whatever its last segment.
    pub(super) fn find_mut(&mut self, exec_id: &str) -> Option<&mut Fill> {
        let root = exec_id.rsplit_once('.')?.0;
        self.fills.iter_mut().find(|fill| fill.root == root)
    }

    /// Fills that the filter admits; without days in the filter, those since midnight in New York.
    pub(super) fn filtered<'a>(
        &'a self,
        now_ms: i64,
        filter: &'a ExecutionFilter,
    ) -> Option<impl Iterator<Item = &'a Fill>> {
        let not_before_ms = date_time(filter.time())?.unwrap_or(i64::MIN);
        let days_back = match filter.last_n_days() {
            days if (1..=7).contains(&days) => i64::from(days) - 1,
            _ => 0,
        };
        let today = new_york(now_ms).date_naive();
        let first_day = today - chrono::TimeDelta::days(days_back);
        let wanted = move |fill: &&Fill| {
            let contract = &fill.resolved.contract;
            let day = new_york(fill.at_ms).date_naive();
            let day_fits = if filter.specific_dates.is_empty() {
                day >= first_day
            } else {
                filter.specific_dates.iter().any(|date| date.to_string() == day.format("%Y%m%d").to_string())
            };
            let side = match filter.side() {
                "BUY" => "BOT",
                "SELL" => "SLD",
                other => other,
            };
            day_fits
                && fill.at_ms >= not_before_ms
                && (filter.client_id() == 0 || filter.client_id() == fill.client_id)
                && fits(filter.acct_code(), &fill.account)
                && fits(filter.symbol(), contract.symbol())
                && fits(filter.sec_type(), contract.sec_type())
                && fits(filter.exchange(), contract.exchange())
                && fits(side, fill.side.executed())
        };
        Some(self.fills.iter().filter(wanted))
    }
}

/// An empty filter field admits everything.
fn fits(wanted: &str, found: &str) -> bool {
    wanted.is_empty() || wanted.eq_ignore_ascii_case(found)
}

/// `req_id` is -1 for fills nobody asked for.
pub(super) fn execution_details(req_id: i32, fill: &Fill) -> Response {
    Response::ExecutionDetails(Box::new(ExecutionDetails {
        req_id: Some(req_id),
        contract: Some(fill.resolved.contract.clone()),
        execution: Some(Execution {
            order_id: Some(fill.order_id),
            exec_id: Some(fill.exec_id()),
            time: Some(local_time(fill.at_ms)),
            acct_number: Some(fill.account.clone()),
            exchange: fill.resolved.contract.exchange.clone(),
            side: Some(fill.side.executed().to_owned()),
            shares: Some(text(fill.quantity)),
            price: Some(number(fill.price)),
            perm_id: Some(fill.perm_id),
            client_id: Some(fill.client_id),
            is_liquidation: Some(false),
            cum_qty: Some(text(fill.cumulative)),
            avg_price: Some(number(fill.average_price)),
            order_ref: Some(fill.order_ref.clone()),
            last_liquidity: Some(fill.liquidity),
            is_price_revision_pending: Some(false),
            model_code: Some(fill.model.clone()).filter(|model| !model.is_empty()),
            ..Execution::default()
        }),
    }))
}

pub(super) fn commission_report(fill: &Fill) -> Response {
    Response::CommissionAndFeesReport(Box::new(CommissionAndFeesReport {
        exec_id: Some(fill.exec_id()),
        commission_and_fees: Some(number(fill.commission)),
        currency: fill.resolved.contract.currency.clone(),
        realized_pnl: Some(fill.realized.map_or(UNSET, |realized: Decimal| number(realized))),
        bond_yield: Some(UNSET),
        yield_redemption_date: None,
    }))
}
