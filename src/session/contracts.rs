//! Turns descriptions into instruments, and answers `contract.*`.

use std::sync::Arc;

use super::{Command, Listing, core::Core, notice::Notice};
use crate::{
    schema::{
        ApiError,
        contract::ContractQuery,
        request::contract::{DetailsRequest, SearchRequest, ValidateRequest},
    },
    tws::message::contract::{ContractData, SymbolSamples},
};

/// A command whose contract has been looked up.
pub(crate) type Resolved = (Command, Result<Arc<Listing>, ApiError>);

/// Lookups in progress and instruments already known.
#[derive(Debug, Default)]
pub(crate) struct Contracts {
    resolved: Vec<Resolved>,
}

impl Contracts {
    /// Looks up the one contract that `query` names; the result is taken with [`Self::next_resolved`].
    pub(crate) fn resolve(&mut self, _core: &mut Core, _command: Command, _query: &ContractQuery) {}

    /// The next command whose lookup has ended.
    pub(crate) fn next_resolved(&mut self) -> Option<Resolved> {
        self.resolved.pop()
    }

    pub(crate) fn details(&mut self, _core: &mut Core, _command: &Command, _ask: &DetailsRequest) {}
    pub(crate) fn search(&mut self, _core: &mut Core, _command: &Command, _ask: &SearchRequest) {}
    pub(crate) fn validate(&mut self, _core: &mut Core, _command: &Command, _ask: &ValidateRequest) {}

    pub(crate) fn on_contract(&mut self, _core: &mut Core, _message: ContractData) {}
    pub(crate) fn on_contracts_end(&mut self, _core: &mut Core, _req_id: i32) {}
    pub(crate) fn on_symbols(&mut self, _core: &mut Core, _message: SymbolSamples) {}
    pub(crate) fn on_notice(&mut self, _core: &mut Core, _req_id: i32, _notice: &Notice) {}
    pub(crate) fn on_timeout(&mut self, _core: &mut Core, _req_id: i32) {}
    pub(crate) fn on_link_ready(&mut self, _core: &mut Core) {}
    pub(crate) fn on_link_down(&mut self, _core: &mut Core) {}
}
