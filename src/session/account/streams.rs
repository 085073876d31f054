//! Streams of values and positions that name one account or model each.

use rustc_hash::FxHashMap;

use super::{portfolio::Portfolio, submit};
use crate::{
    session::core::Core,
    tws::{
        Request,
        message::account::{
            AccountUpdatesMultiRequest, CancelAccountUpdatesMulti, CancelPositionsMulti, PositionsMultiRequest,
        },
    },
};

/// What a stream tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Values,
    Positions,
}

/// One stream.
#[derive(Clone, Debug)]
pub(super) struct Stream {
    pub(super) of: Portfolio,
    pub(super) kind: Kind,
    /// Its first complete set has come, or will not.
    has_ended: bool,
}

/// The streams on the present connection, by request id.
#[derive(Debug, Default)]
pub(super) struct Streams {
    open: FxHashMap<i32, Stream>,
}

impl Streams {
    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    /// Begins a stream; one of the same kind and portfolio is ended before.
    pub(super) fn ask(&mut self, core: &mut Core, kind: Kind, of: &Portfolio) {
        self.end(core, kind, of);
        let req_id = core.new_req_id();
        let (id, account, model_code) = (Some(req_id), Some(of.account.clone()), of.model.clone());
        let request = match kind {
            Kind::Values => Request::AccountUpdatesMultiRequest(AccountUpdatesMultiRequest {
                req_id: id,
                account,
                model_code,
                ledger_and_nlv: None,
            }),
            Kind::Positions => {
                Request::PositionsMultiRequest(PositionsMultiRequest { req_id: id, account, model_code })
            }
        };
        if submit(core, Some(req_id), request) {
            self.open.insert(req_id, Stream { of: of.clone(), kind, has_ended: false });
        }
    }

    fn end(&mut self, core: &mut Core, kind: Kind, of: &Portfolio) {
        let same = self.open.iter().find(|(_, stream)| stream.kind == kind && stream.of == *of);
        let Some(req_id) = same.map(|(req_id, _)| *req_id) else { return };
        let request = match kind {
            Kind::Values => Request::CancelAccountUpdatesMulti(CancelAccountUpdatesMulti { req_id: Some(req_id) }),
            Kind::Positions => Request::CancelPositionsMulti(CancelPositionsMulti { req_id: Some(req_id) }),
        };
        // In the class of its request, so that it cannot overtake it.
        submit(core, None, request);
        self.open.remove(&req_id);
        core.cancelled(req_id);
        core.done(req_id);
    }

    /// The stream that an answer belongs to.
    pub(super) fn get(&self, core: &mut Core, req_id: Option<i32>) -> Option<Stream> {
        let req_id = req_id.unwrap_or_default();
        let found = self.open.get(&req_id).cloned();
        if found.is_none() {
            core.late_answer(req_id);
        }
        found
    }

    /// The first set of a stream is complete.
    pub(super) fn on_end(&mut self, core: &mut Core, req_id: Option<i32>) -> Option<Stream> {
        if let Some(stream) = self.open.get_mut(&req_id.unwrap_or_default()) {
            stream.has_ended = true;
        }
        self.get(core, req_id)
    }

    /// The gateway refused it.
    pub(super) fn refused(&mut self, req_id: i32) -> Option<Stream> {
        self.open.remove(&req_id)
    }

    /// True if no first set of this kind is still awaited, models left aside.
    pub(super) fn have_all_ended(&self, kind: Kind) -> bool {
        self.open.values().all(|stream| stream.kind != kind || stream.of.model.is_some() || stream.has_ended)
    }

    /// Whether the first set is complete; `None` if there is no such stream.
    pub(super) fn has_ended(&self, kind: Kind, of: &Portfolio) -> Option<bool> {
        self.open.values().find(|stream| stream.kind == kind && stream.of == *of).map(|stream| stream.has_ended)
    }

    /// The connection is gone, and they with it.
    pub(super) fn clear(&mut self) {
        self.open.clear();
    }
}
