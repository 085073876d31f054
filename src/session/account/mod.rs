//! Positions, account values and profit and loss.

mod mismatch;
mod positions;
mod profits;
#[cfg(test)]
mod tests;
mod values;

use std::{collections::BTreeMap, time::Duration};

use rust_decimal::Decimal;

use super::{
    Answer, Command,
    core::{Core, Errand, Owner},
    durable::HeldPosition,
    notice::Notice,
    pacing::Class,
};
use crate::{
    schema::{
        ApiError, ErrorCode,
        connection::LinkName,
        request::account::{self, AccountQuery, Accounts, PnlQuery},
    },
    tws::{
        Request, Response,
        message::account::{AccountDataRequest, AccountSummaryRequest, PositionsRequest},
    },
};
use mismatch::Mismatches;
use positions::Held;
use profits::Profits;
use values::Values;

/// Tags of the one summary stream. IB allows two such streams; the other slot stays free.
const SUMMARY_TAGS: &str = "AccountType,NetLiquidation,TotalCashValue,SettledCash,AccruedCash,BuyingPower,\
     EquityWithLoanValue,PreviousEquityWithLoanValue,GrossPositionValue,ReqTEquity,ReqTMargin,SMA,InitMarginReq,\
     MaintMarginReq,AvailableFunds,ExcessLiquidity,Cushion,FullInitMarginReq,FullMaintMarginReq,\
     FullAvailableFunds,FullExcessLiquidity,LookAheadNextChange,LookAheadInitMarginReq,LookAheadMaintMarginReq,\
     LookAheadAvailableFunds,LookAheadExcessLiquidity,HighestSeverity,DayTradesRemaining,Leverage";

/// Wait before a summary that was refused for want of a slot is asked for again: slots of a lost
/// connection stay taken for a while.
const SUMMARY_RETRY: Duration = Duration::from_secs(60);

/// One download since the last login.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Download {
    /// Not asked for on this connection.
    #[default]
    Idle,
    /// Asked for; its end has not come.
    Asked,
    /// Its end came, or the gateway refused it.
    Ended,
}

impl Download {
    fn end(&mut self) {
        if *self == Self::Asked {
            *self = Self::Ended;
        }
    }
}

/// The account picture as the gateway streams it.
#[derive(Debug, Default)]
pub(crate) struct Account {
    accounts: Vec<String>,
    held: Held,
    values: Values,
    profits: Profits,
    mismatches: Mismatches,
    positions_download: Download,
    values_download: Download,
    summary_download: Download,
    summary_id: Option<i32>,
    was_synced: bool,
}

impl Account {
    // Requests.

    pub(crate) fn list(&mut self, core: &mut Core, command: &Command) {
        if self.accounts.is_empty() {
            return core.refuse(command.token, not_ready("no login yet: the accounts are not known"));
        }
        let account = |name: &String| account::Account { account: name.clone(), paper: name.starts_with('D') };
        let accounts = self.accounts.iter().map(account).collect();
        core.answer(command.token, Answer::Accounts(Accounts { accounts }));
    }

    pub(crate) fn summary(&mut self, core: &mut Core, command: &Command, ask: &AccountQuery) {
        let outcome =
            self.check(ask.account.as_deref()).map(|()| Answer::Summary(self.values.summary(ask.account.as_deref())));
        core.reply(command.token, outcome);
    }

    pub(crate) fn positions(&mut self, core: &mut Core, command: &Command, ask: &AccountQuery) {
        let outcome =
            self.check(ask.account.as_deref()).map(|()| Answer::Positions(self.held.positions(ask.account.as_deref())));
        core.reply(command.token, outcome);
    }

    pub(crate) fn pnl(&mut self, core: &mut Core, command: &Command, ask: &PnlQuery) {
        let outcome = self.check(ask.account.as_deref()).map(|()| {
            let accounts = self.accounts.iter().filter(|one| ask.account.as_ref().is_none_or(|wanted| wanted == *one));
            let accounts: Vec<&String> = accounts.collect();
            Answer::Pnl(self.profits.answer(&accounts, ask, &self.held.places()))
        });
        core.reply(command.token, outcome);
    }

    fn check(&self, account: Option<&str>) -> Result<(), ApiError> {
        if !self.was_synced {
            return Err(not_ready("the first download of positions and account values has not ended"));
        }
        match account {
            Some(account) if !self.accounts.iter().any(|known| known == account) => {
                let known = self.accounts.join(", ");
                Err(ApiError::invalid(format!("account: {account:?} is not an account of this login ({known})")))
            }
            _ => Ok(()),
        }
    }

    // Causes.

    pub(crate) fn start_sync(&mut self, core: &mut Core, accounts: &[String]) {
        self.accounts = accounts.to_vec();
        self.held.start_download();
        self.profits.clear();
        self.held.set_changed();
        self.positions_download = ask(core, None, Request::PositionsRequest(PositionsRequest {}));
        // One account at a time is the gateway's limit; the summary covers the others.
        self.values_download = match accounts.first() {
            Some(first) => {
                let request = AccountDataRequest { subscribe: Some(true), acct_code: Some(first.clone()) };
                ask(core, None, Request::AccountDataRequest(request))
            }
            None => Download::Ended,
        };
        self.ask_summary(core);
        for account in accounts {
            self.profits.subscribe_account(core, account);
        }
    }

    /// Asks for all positions again, to compare them.
    pub(crate) fn recheck(&mut self, core: &mut Core) {
        if self.positions_download == Download::Ended {
            self.held.start_download();
            self.positions_download = ask(core, None, Request::PositionsRequest(PositionsRequest {}));
        }
    }

    /// Takes up what earlier runs wrote down.
    pub(crate) fn restore(&mut self, held: Option<Vec<HeldPosition>>, bought: &BTreeMap<(String, i32), Decimal>) {
        self.mismatches.restore(held, bought);
    }

    /// All positions asked for last have come.
    pub(crate) fn has_positions(&self) -> bool {
        self.positions_download == Download::Ended
    }

    /// Compares complete positions with fills. True if something must be looked at again soon.
    pub(crate) fn compare(&mut self, core: &mut Core, bought: &BTreeMap<(String, i32), Decimal>) -> bool {
        self.mismatches.compare(core, &self.held.sizes(), bought)
    }

    fn ask_summary(&mut self, core: &mut Core) {
        let req_id = core.new_req_id();
        let request = AccountSummaryRequest {
            req_id: Some(req_id),
            group: Some("All".to_owned()),
            tags: Some(SUMMARY_TAGS.to_owned()),
        };
        self.summary_id = Some(req_id);
        self.summary_download = ask(core, Some(req_id), Request::AccountSummaryRequest(request));
    }

    /// Positions, values and summary have been told completely since the last login.
    pub(crate) fn is_synced(&self) -> bool {
        [self.positions_download, self.values_download, self.summary_download].iter().all(|one| *one == Download::Ended)
    }

    pub(crate) fn on_response(&mut self, core: &mut Core, response: Response) {
        match response {
            Response::Position(message) => self.held.on_position(core, *message),
            Response::PositionEnd(_) => {
                self.held.end_download(core);
                self.positions_download.end();
            }
            Response::PortfolioValue(message) => self.held.on_portfolio(core, *message),
            Response::AccountValue(message) => {
                let account = message.account_name.as_deref().unwrap_or_default();
                self.values.on_value(core, account, message.key, message.value, message.currency);
            }
            Response::AccountDataEnd(_) => self.values_download.end(),
            Response::AccountSummary(message) => {
                let account = message.account.as_deref().unwrap_or_default();
                self.values.on_value(core, account, message.tag, message.value, message.currency);
            }
            Response::AccountSummaryEnd(message) if message.req_id == self.summary_id => self.summary_download.end(),
            Response::PnL(message) => self.profits.on_pnl(core, &message),
            Response::PnLSingle(message) => self.profits.on_position(core, &message),
            // The hour of the last update says nothing the values do not; the rest is never asked for.
            _ => {}
        }
        // Half a list would end the streams of what it has not named yet.
        if self.positions_download == Download::Ended && self.held.take_changed() {
            self.profits.follow(core, &self.held.places());
        }
        self.was_synced |= self.is_synced();
    }

    /// A notice for a request of this part.
    pub(crate) fn on_notice(&mut self, core: &mut Core, req_id: i32, notice: &Notice) {
        if !notice.meaning.ends_request() {
            return;
        }
        if Some(req_id) != self.summary_id {
            self.profits.refused(req_id, notice);
            return core.done(req_id);
        }
        self.summary_download.end();
        self.was_synced |= self.is_synced();
        if notice.code == 322 {
            core.extend(req_id, SUMMARY_RETRY);
        } else {
            core.done(req_id);
        }
    }

    /// The gateway refused something without saying what: nothing of the download is worth waiting for.
    pub(crate) fn on_unnamed_refusal(&mut self) {
        self.positions_download.end();
        self.values_download.end();
        self.was_synced |= self.is_synced();
    }

    /// Only a refused summary has a deadline: the time to ask again.
    pub(crate) fn on_timeout(&mut self, core: &mut Core, req_id: i32) {
        if Some(req_id) == self.summary_id {
            self.ask_summary(core);
        }
    }

    /// What was known stays known; it is compared with the next download.
    pub(crate) fn on_link_down(&mut self, _core: &mut Core) {
        self.positions_download = Download::Idle;
        self.values_download = Download::Idle;
        self.summary_download = Download::Idle;
        self.summary_id = None;
        self.profits.clear();
    }

    /// Positions in a contract, by account.
    pub(crate) fn held(&self, con_id: i32) -> Vec<(String, Decimal)> {
        self.held.of(con_id)
    }

    /// Accounts of the login; empty before the first login.
    pub(crate) fn accounts(&self) -> &[String] {
        &self.accounts
    }
}

fn ask(core: &mut Core, id: Option<i32>, request: Request) -> Download {
    let mut errand = Errand::new(LinkName::Trading, Class::Account, request);
    if let Some(id) = id {
        errand = errand.id(id);
    }
    // A login asks for a handful; the queue of this class holds thousands. Were it full, the
    // download would miss its deadline and the link be built anew.
    let _ = core.submit(Owner::Account, errand);
    Download::Asked
}

fn not_ready(message: &str) -> ApiError {
    ApiError::new(ErrorCode::NotReady, message).retry_after_ms(1_000)
}
