//! Positions, account values and profit and loss.

use super::{Command, core::Core, notice::Notice};
use crate::{schema::request::account::AccountQuery, tws::Response};

/// The account picture as the gateway streams it.
#[derive(Debug, Default)]
pub(crate) struct Account {}

impl Account {
    pub(crate) fn list(&mut self, _core: &mut Core, _command: &Command) {}
    pub(crate) fn summary(&mut self, _core: &mut Core, _command: &Command, _ask: &AccountQuery) {}
    pub(crate) fn positions(&mut self, _core: &mut Core, _command: &Command, _ask: &AccountQuery) {}

    pub(crate) fn start_sync(&mut self, _core: &mut Core, _accounts: &[String]) {}
    pub(crate) fn is_synced(&self) -> bool {
        true
    }
    pub(crate) fn on_response(&mut self, _core: &mut Core, _response: Response) {}
    pub(crate) fn on_notice(&mut self, _core: &mut Core, _req_id: i32, _notice: &Notice) {}
    pub(crate) fn on_timeout(&mut self, _core: &mut Core, _req_id: i32) {}
    pub(crate) fn on_link_down(&mut self, _core: &mut Core) {}

    /// Accounts of the login; empty before the first login.
    pub(crate) fn accounts(&self) -> &[String] {
        &[]
    }
}
