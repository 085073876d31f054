//! Positions, account values and profit and loss.

mod groups;
mod mismatch;
mod models;
mod portfolio;
mod positions;
mod profits;
mod questions;
mod sizes;
mod streams;
#[cfg(test)]
mod tests;
mod turns;
mod values;

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use rust_decimal::Decimal;

use super::{
    Command, Event,
    core::{Core, Errand, Owner},
    durable::HeldPosition,
    notice::Notice,
    pacing::Class,
    truth::IbChange,
};
use crate::{
    schema::{ApiError, ErrorCode, bridge::BridgeEvent, connection::LinkName},
    tws::{
        Request, Response,
        message::account::{AccountSummaryRequest, CancelAccountSummary, PositionsRequest},
    },
};
use groups::Groups;
use mismatch::Mismatches;
use models::Models;
use portfolio::Portfolio;
use positions::Held;
use profits::Profits;
use streams::{Kind, Streams};
use turns::Turns;
use values::{Turn, Values};

/// Tags of the one summary stream. IB allows two such streams; the other slot stays free.
const SUMMARY_TAGS: &str = "AccountType,NetLiquidation,TotalCashValue,SettledCash,AccruedCash,BuyingPower,\
     EquityWithLoanValue,PreviousEquityWithLoanValue,GrossPositionValue,ReqTEquity,ReqTMargin,SMA,InitMarginReq,\
     MaintMarginReq,AvailableFunds,ExcessLiquidity,Cushion,FullInitMarginReq,FullMaintMarginReq,\
     FullAvailableFunds,FullExcessLiquidity,LookAheadNextChange,LookAheadInitMarginReq,LookAheadMaintMarginReq,\
     LookAheadAvailableFunds,LookAheadExcessLiquidity,HighestSeverity,DayTradesRemaining,Leverage";

/// Wait before a summary that was refused for want of a slot is asked for again: slots of a lost
/// connection stay taken for a while.
const SUMMARY_RETRY: Duration = Duration::from_secs(60);

/// Accounts up to which IB answers for all of a login at once; above it each has to be asked for by its name.
const ACCOUNTS_AT_ONCE_MAX: usize = 50;

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
    /// Those whose figures are streamed.
    followed: Vec<String>,
    held: Held,
    values: Values,
    profits: Profits,
    streams: Streams,
    models: Models,
    groups: Groups,
    turns: Turns,
    mismatches: Mismatches,
    /// Positions are asked for account by account.
    is_by_account: bool,
    resumed: Vec<Command>,
    positions_download: Download,
    values_download: Download,
    summary_download: Download,
    summary_id: Option<i32>,
    was_synced: bool,
    /// Streams were asked for while the gateway had no link to IB: they may never begin.
    asked_in_dark: bool,
}

impl Account {
    // Causes.

    pub(crate) fn start_sync(&mut self, core: &mut Core, accounts: &[String]) {
        self.accounts = accounts.to_vec();
        self.asked_in_dark = core.ib_lost;
        self.follow(core);
        self.profits.clear();
        self.held.set_changed();
        self.is_by_account = accounts.len() > ACCOUNTS_AT_ONCE_MAX;
        self.ask_positions(core);
        self.values_download = self.turns.start(core, &self.followed);
        if self.is_by_account {
            self.summary_download = Download::Ended;
        } else {
            self.ask_summary(core);
        }
        for account in self.followed.clone() {
            self.profits.subscribe(core, &Portfolio::whole(&account));
        }
        if self.followed.len() > 1 {
            for account in self.followed.clone() {
                self.streams.ask(core, Kind::Values, &Portfolio::whole(&account));
            }
        }
        self.models.on_login(core, accounts, &mut self.streams, &mut self.profits);
        self.groups.on_login(core);
    }

    /// Chooses the accounts to stream; that some are left out is told once.
    fn follow(&mut self, core: &mut Core) {
        let max = core.config.account.followed_max;
        let followed: Vec<String> = self.accounts.iter().take(max).cloned().collect();
        if followed != self.followed && followed.len() < self.accounts.len() {
            let mut event = BridgeEvent::new("accounts_not_followed", core.now.us);
            let left_out = self.accounts.len() - followed.len();
            event.message =
                Some(format!("{left_out} accounts of the login are not followed: account.followed_max is {max}"));
            event.figures.insert("accounts".to_owned(), i64::try_from(left_out).unwrap_or(i64::MAX));
            core.emit(Event::Bridge(Box::new(event)));
        }
        self.followed = followed;
    }

    fn ask_positions(&mut self, core: &mut Core) {
        self.held.start_download();
        self.positions_download = Download::Asked;
        if self.is_by_account {
            for account in self.followed.clone() {
                self.streams.ask(core, Kind::Positions, &Portfolio::whole(&account));
            }
        } else {
            submit(core, None, Request::PositionsRequest(PositionsRequest {}));
        }
    }

    /// Asks for all positions again, to compare them.
    pub(crate) fn recheck(&mut self, core: &mut Core) {
        if self.positions_download == Download::Ended {
            self.ask_positions(core);
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

    /// What is held of this contract is what the opening position and the fills since then make, as of the last
    /// comparison.
    pub(crate) fn agrees(&self, account: &str, con_id: i32) -> bool {
        self.mismatches.agrees(account, con_id)
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
        self.summary_download = Download::Asked;
        submit(core, Some(req_id), Request::AccountSummaryRequest(request));
    }

    /// Positions, values and summary have been told completely since the last login.
    pub(crate) fn is_synced(&self) -> bool {
        [self.positions_download, self.values_download, self.summary_download].iter().all(|one| *one == Download::Ended)
    }

    pub(crate) fn on_response(&mut self, core: &mut Core, response: Response) {
        match response {
            Response::Position(message) => self.held.on_position(core, *message),
            Response::PositionEnd(_) => {
                self.held.end_download(core, None);
                self.positions_download.end();
            }
            Response::PositionMulti(message) => {
                let Some(stream) = self.streams.get(core, message.req_id) else { return };
                match stream.of.model {
                    None => self.held.on_multi(core, *message),
                    Some(_) => {
                        if let Some(held) = self.models.held_mut(&stream.of) {
                            held.on_multi(core, *message);
                        }
                    }
                }
            }
            Response::PositionMultiEnd(message) => self.on_stream_end(core, message.req_id),
            Response::PortfolioValue(message) => self.held.on_portfolio(core, *message),
            Response::AccountValue(message) => {
                let of = Portfolio::whole(message.account_name.as_deref().unwrap_or_default());
                self.on_value(core, &of, message.key, message.value, message.currency);
            }
            Response::AccountDataEnd(_) => self.values_download.end(),
            Response::AccountUpdateMulti(message) => {
                let Some(stream) = self.streams.get(core, message.req_id) else { return };
                // A stream of one account may tell of another; a model's tells of the model alone.
                let account = message.account.filter(|account| !account.is_empty());
                let of = match (stream.of.model, account) {
                    (Some(model), _) => Portfolio::model(&stream.of.account, &model),
                    (None, account) => Portfolio::whole(&account.unwrap_or(stream.of.account)),
                };
                self.on_value(core, &of, message.key, message.value, message.currency);
            }
            Response::AccountUpdateMultiEnd(message) => self.on_stream_end(core, message.req_id),
            Response::AccountSummary(message) if self.groups.is_asked(message.req_id.unwrap_or_default()) => {
                self.groups.on_member(message.account.as_deref().unwrap_or_default());
            }
            Response::AccountSummary(message) => {
                let of = Portfolio::whole(message.account.as_deref().unwrap_or_default());
                self.on_value(core, &of, message.tag, message.value, message.currency);
            }
            Response::AccountSummaryEnd(message) if message.req_id == self.summary_id => self.summary_download.end(),
            Response::AccountSummaryEnd(message) if self.groups.is_asked(message.req_id.unwrap_or_default()) => {
                self.groups.on_end(core);
            }
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
        self.resumed.extend(self.models.take_answerable(&self.streams, &self.profits));
    }

    fn on_stream_end(&mut self, core: &mut Core, req_id: Option<i32>) {
        let Some(stream) = self.streams.on_end(core, req_id) else { return };
        if stream.kind != Kind::Positions {
            return;
        }
        if stream.of.model.is_some() {
            if let Some(held) = self.models.held_mut(&stream.of) {
                held.end_download(core, None);
            }
            return;
        }
        self.held.end_download(core, Some(&stream.of.account));
        if self.is_by_account && self.streams.have_all_ended(Kind::Positions) {
            self.positions_download.end();
        }
    }

    fn on_value(
        &mut self,
        core: &mut Core,
        of: &Portfolio,
        tag: Option<String>,
        value: Option<String>,
        currency: Option<String>,
    ) {
        let (name, message) = match self.values.on_value(core, of, tag, value, currency) {
            Turn::None => return,
            Turn::Unready => {
                ("account_reset", "IB is resetting this account: its values stand still until that is over")
            }
            Turn::Ready => {
                self.ask_values_again(core, &of.account);
                ("account_ready", "the reset of this account is over; its values are asked for again")
            }
        };
        let mut event = BridgeEvent::new(name, core.now.us);
        event.message = Some(format!("{}: {message}", of.account));
        core.emit(Event::Bridge(Box::new(event)));
    }

    /// IB is out of reach or back. The gateway's subscriptions are gone after 1101 and kept after 1102, but for those
    /// that were made without IB. Positions are compared in either case.
    pub(crate) fn on_ib_change(&mut self, core: &mut Core, change: IbChange) {
        match change {
            // A gateway that has no link to IB says so right after the login.
            IbChange::Lost => self.asked_in_dark |= self.values_download == Download::Asked,
            IbChange::RestoredEmpty => self.ask_streams_again(core),
            IbChange::RestoredKept if self.asked_in_dark => self.ask_streams_again(core),
            IbChange::RestoredKept => {}
        }
    }

    fn ask_streams_again(&mut self, core: &mut Core) {
        self.asked_in_dark = false;
        if self.positions_download == Download::Idle {
            return;
        }
        for account in self.followed.clone() {
            self.ask_values_again(core, &account);
        }
        if let Some(req_id) = self.summary_id.take() {
            submit(core, None, Request::CancelAccountSummary(CancelAccountSummary { req_id: Some(req_id) }));
            core.cancelled(req_id);
            core.done(req_id);
            self.ask_summary(core);
        }
        self.profits.ask_again(core);
        self.profits.follow(core, &self.held.places());
    }

    /// What was told during a reset was not believed.
    fn ask_values_again(&mut self, core: &mut Core, account: &str) {
        let whole = Portfolio::whole(account);
        if self.streams.has_ended(Kind::Values, &whole).is_some() {
            self.streams.ask(core, Kind::Values, &whole);
        } else {
            self.turns.ask_again(core, account);
        }
        for model in self.models.in_account(account) {
            self.streams.ask(core, Kind::Values, &Portfolio::model(account, &model));
        }
    }

    /// A question that waited for a group or a model, and can be answered or refused now.
    pub(crate) fn next_resumed(&mut self) -> Option<Command> {
        self.resumed.pop().or_else(|| self.groups.next_resumed())
    }

    /// A notice for a request of this part.
    pub(crate) fn on_notice(&mut self, core: &mut Core, req_id: i32, notice: &Notice) {
        if !notice.meaning.ends_request() {
            return;
        }
        if self.groups.is_asked(req_id) {
            return self.groups.refused(core, notice);
        }
        if Some(req_id) != self.summary_id {
            self.on_stream_refused(core, req_id, notice);
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

    fn on_stream_refused(&mut self, core: &mut Core, req_id: i32, notice: &Notice) {
        let stream = self.streams.refused(req_id);
        let of = stream.as_ref().map(|stream| stream.of.clone()).or_else(|| self.profits.refused(req_id, notice));
        if let Some(of) = of.filter(|of| of.model.is_some()) {
            self.models.refused(&of, notice);
            self.resumed.extend(self.models.take_answerable(&self.streams, &self.profits));
        } else if stream.is_some_and(|stream| stream.kind == Kind::Positions)
            && self.streams.have_all_ended(Kind::Positions)
        {
            self.positions_download.end();
            self.was_synced |= self.is_synced();
        }
        // The last stream that was waited for may be the one that was refused.
        if self.positions_download == Download::Ended && self.held.take_changed() {
            self.profits.follow(core, &self.held.places());
        }
    }

    /// The gateway refused something without saying what. If that were the positions, they can be asked for account
    /// by account, where a refusal has a name; the rest of the download is not worth waiting for.
    pub(crate) fn on_unnamed_refusal(&mut self, core: &mut Core) {
        if self.positions_download == Download::Asked && !self.is_by_account {
            self.is_by_account = true;
            for account in self.followed.clone() {
                self.streams.ask(core, Kind::Positions, &Portfolio::whole(&account));
            }
        }
        self.values_download.end();
        self.was_synced |= self.is_synced();
    }

    /// Another client holds the updates of another account (2101): values come by a stream of their own, and
    /// nothing values the positions.
    pub(crate) fn on_updates_taken(&mut self, core: &mut Core) {
        self.values_download.end();
        if let Some(account) = self.turns.stop() {
            let whole = Portfolio::whole(&account);
            if self.streams.has_ended(Kind::Values, &whole).is_none() {
                self.streams.ask(core, Kind::Values, &whole);
            }
        }
        self.was_synced |= self.is_synced();
    }

    /// A refused summary is to be asked for again, or a group was not told.
    pub(crate) fn on_timeout(&mut self, core: &mut Core, req_id: i32) {
        if self.groups.is_asked(req_id) {
            self.groups.on_timeout(core);
        } else if Some(req_id) == self.summary_id {
            self.ask_summary(core);
        }
    }

    /// The turn of the next account to be valued may have come.
    pub(crate) fn on_timer(&mut self, core: &mut Core) {
        self.turns.on_timer(core);
    }

    pub(crate) fn wake_at(&self) -> Option<Instant> {
        self.turns.wake_at()
    }

    /// What was known stays known; it is compared with the next download.
    pub(crate) fn on_link_down(&mut self, _core: &mut Core) {
        self.positions_download = Download::Idle;
        self.values_download = Download::Idle;
        self.summary_download = Download::Idle;
        self.summary_id = None;
        self.profits.clear();
        self.streams.clear();
        self.values.on_link_down();
        self.groups.on_link_down();
        self.turns.stop();
    }

    /// Accounts that IB is resetting.
    pub(crate) fn unready(&self) -> Vec<&str> {
        self.accounts.iter().map(String::as_str).filter(|account| self.values.is_unready(account)).collect()
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

/// Queues a request of this part. False if the class's queue is full: a login asks for a handful, and the
/// download would miss its deadline and the link be built anew.
fn submit(core: &mut Core, id: Option<i32>, request: Request) -> bool {
    let mut errand = Errand::new(LinkName::Trading, Class::Account, request);
    if let Some(id) = id {
        errand = errand.id(id);
    }
    core.submit(Owner::Account, errand).is_ok()
}

/// As [`submit`], with a time within which the answer must come.
fn submit_within(core: &mut Core, id: i32, request: Request, within: Duration) -> bool {
    let errand = Errand::new(LinkName::Trading, Class::Account, request).id(id).answer_within(within);
    core.submit(Owner::Account, errand).is_ok()
}

fn not_ready(message: &str) -> ApiError {
    ApiError::new(ErrorCode::NotReady, message).retry_after_ms(1_000)
}
