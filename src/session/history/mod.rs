//! History of any range, cut into the requests IB allows.

use std::sync::Arc;

use super::{Command, Listing, core::Core, notice::Notice};
use crate::{
    schema::request::history::{BarsRequest, HeadRequest},
    tws::Response,
};

/// Range requests in progress.
#[derive(Debug, Default)]
pub(crate) struct History {}

impl History {
    pub(crate) fn bars(&mut self, _core: &mut Core, _command: &Command, _ask: &BarsRequest, _listing: &Arc<Listing>) {}
    pub(crate) fn head(&mut self, _core: &mut Core, _command: &Command, _ask: &HeadRequest, _listing: &Arc<Listing>) {}

    pub(crate) fn on_response(&mut self, _core: &mut Core, _response: Response) {}
    pub(crate) fn on_notice(&mut self, _core: &mut Core, _req_id: i32, _notice: &Notice) {}
    pub(crate) fn on_timeout(&mut self, _core: &mut Core, _req_id: i32) {}
    pub(crate) fn on_link_ready(&mut self, _core: &mut Core) {}
    pub(crate) fn on_link_down(&mut self, _core: &mut Core) {}
}
