//! Finds out which request a recorded message answers.

use std::collections::BTreeMap;

use crate::tws::{Request, Response};

/// What answers requests that have no id.
const ANSWERS: &[(&str, &[&str])] = &[
    ("CurrentTimeRequest", &["CurrentTime"]),
    ("CurrentTimeInMillisRequest", &["CurrentTimeInMillis"]),
    ("IdsRequest", &["NextValidId"]),
    ("ManagedAccountsRequest", &["ManagedAccounts"]),
    ("PositionsRequest", &["Position", "PositionEnd"]),
    ("AccountDataRequest", &["AccountValue", "PortfolioValue", "AccountUpdateTime", "AccountDataEnd"]),
    ("CompletedOrdersRequest", &["CompletedOrder", "CompletedOrdersEnd"]),
    ("NewsBulletinsRequest", &["NewsBulletin"]),
    ("NewsProvidersRequest", &["NewsProviders"]),
    ("ScannerParametersRequest", &["ScannerParameters"]),
    ("FamilyCodesRequest", &["FamilyCodes"]),
    ("MarketDepthExchangesRequest", &["MarketDepthExchanges"]),
    ("MarketRuleRequest", &["MarketRule"]),
    ("FARequest", &["ReceiveFA"]),
];

/// What has been asked so far on one connection; requests are numbered by their place.
#[derive(Debug, Default)]
pub(super) struct Attribution {
    by_id: BTreeMap<i64, usize>,
    by_answer: BTreeMap<&'static str, usize>,
    by_execution: BTreeMap<String, usize>,
    /// Lists of open orders not ended yet, oldest first.
    listing: Vec<usize>,
}

impl Attribution {
    pub(super) fn asked(&mut self, place: usize, request: &Request, id: Option<i64>) {
        // What a cancel brings belongs to what it cancels.
        if let Some(id) = id.filter(|_| !is_cancel(request)) {
            self.by_id.insert(id, place);
        }
        if matches!(request, Request::OpenOrdersRequest(_) | Request::AllOpenOrdersRequest(_)) {
            self.listing.push(place);
        }
        if let Some((_, answers)) = ANSWERS.iter().find(|(kind, _)| *kind == request.name()) {
            self.by_answer.extend(answers.iter().map(|answer| (*answer, place)));
        }
    }

    /// The request a message belongs to; `None` for what came by itself.
    pub(super) fn owner(&mut self, response: &Response) -> Option<usize> {
        let by_id = |id: Option<i32>| id.and_then(|id| self.by_id.get(&i64::from(id))).copied();
        match response {
            Response::ErrorMessage(error) => by_id(error.id),
            Response::OpenOrder(order) => self.listing.first().copied().or_else(|| by_id(order.order_id)),
            Response::OrderStatus(status) => self.listing.first().copied().or_else(|| by_id(status.order_id)),
            Response::OpenOrdersEnd(_) => (!self.listing.is_empty()).then(|| self.listing.remove(0)),
            Response::ExecutionDetails(details) => {
                let execution = details.execution.as_ref();
                let order = execution.and_then(|execution| execution.order_id);
                let owner = by_id(details.req_id.filter(|id| *id > 0)).or_else(|| by_id(order));
                if let (Some(owner), Some(id)) = (owner, execution.and_then(|execution| execution.exec_id.clone())) {
                    self.by_execution.insert(id, owner);
                }
                owner
            }
            Response::CommissionAndFeesReport(report) => self.by_execution.get(report.exec_id()).copied(),
            response => {
                let id = response.to_json().get("req_id").and_then(serde_json::Value::as_i64);
                let by_id = id.and_then(|id| self.by_id.get(&id));
                by_id.or_else(|| self.by_answer.get(response.name())).copied()
            }
        }
    }
}

/// The request ends another one.
pub(super) fn is_cancel(request: &Request) -> bool {
    request.name().starts_with("Cancel")
}
