//! Requests this gateway takes and has nothing for: the errors and empty answers a gateway gives.

use super::bar_size::service;
use super::outbox::{ConnectionId, NO_ID, Outbox};
use super::universe::Refusal;
use crate::tws::message::news::HistoricalNewsEnd;
use crate::tws::{Request, Response};

/// Answers a request that nothing else has answered. Only cancels without a request id, and
/// subscriptions to bulletins that never come, get no message, as on a gateway.
pub(super) fn answer(to: ConnectionId, request: &Request, out: &mut Outbox) {
    let id = request_id(request);
    match request {
        Request::NewsBulletinsRequest(_) | Request::CancelNewsBulletins(_) => {}
        Request::HistoricalNewsRequest(request) => {
            let end = HistoricalNewsEnd { req_id: request.req_id, has_more: Some(false) };
            out.send(to, Response::HistoricalNewsEnd(end));
        }
        Request::NewsArticleRequest(_) => out.error(to, id, 10172, "Failed to request news article: not available"),
        Request::WshMetaDataRequest(_) | Request::WshEventDataRequest(_) => {
            out.error(to, id, 10276, "News feed is not allowed.");
        }
        Request::ScannerSubscriptionRequest(_) => {
            out.refuse(to, id, service("Scanner subscriptions are not available"));
        }
        Request::CancelScannerSubscription(_) => {
            out.error(to, id, 365, format!("No scanner subscription found for ticker id:{id}"));
        }
        Request::FARequest(_) | Request::FAReplace(_) => {
            out.refuse(to, id, Refusal::invalid("Not a financial advisor account"));
        }
        _ => out.refuse(to, id, Refusal::invalid(&format!("{} is not supported by this gateway", request.name()))),
    }
}

/// The request or order id of any request, or -1 if its kind has none.
fn request_id(request: &Request) -> i32 {
    let body = request.to_json();
    let id = ["req_id", "order_id"].iter().find_map(|field| body.get(field)?.as_i64());
    id.and_then(|id| i32::try_from(id).ok()).unwrap_or(NO_ID)
}

#[cfg(test)]
mod tests {
    use super::super::SimConfig;
    use super::super::gateway::Gateway;
    use super::super::outbox::Effect;
    use super::super::tape::PriceFile;
    use super::*;
    use bytes::Bytes;

    /// Requests that a gateway takes without a word when there is nothing to tell: cancels of account
    /// streams, switches, and `PnLSingle` for an unknown contract.
    const SILENT: &[&str] = &[
        "AutoOpenOrdersRequest",
        "GlobalCancelRequest",
        "CancelAccountSummary",
        "CancelPositions",
        "CancelPositionsMulti",
        "CancelAccountUpdatesMulti",
        "CancelPnL",
        "PnLSingleRequest",
        "CancelPnLSingle",
        "StartApiRequest",
        "SetServerLogLevelRequest",
        "NewsBulletinsRequest",
        "CancelNewsBulletins",
        "CancelContractData",
        "CancelCalculateImpliedVolatility",
        "CancelCalculateOptionPrice",
        "MarketDataTypeRequest",
    ];

    #[test]
    fn every_kind_of_request_is_answered_or_known_to_be_silent() {
        let now_ms = 1_795_273_200_000;
        let mut gateway = Gateway::new(&SimConfig::default(), PriceFile::default(), now_ms);
        let connection = ConnectionId(1);
        gateway.on_opened(connection);
        let ask = |gateway: &mut Gateway, request: &Request| -> Vec<Effect> {
            gateway.on_request(now_ms, connection, request)
        };
        let start = Request::decode(71, Bytes::new()).expect("an empty login");
        assert!(!ask(&mut gateway, &start).is_empty());
        let mut silent = Vec::new();
        for (id, name) in Request::IDS {
            // Field 1 is a request id or a flag in most messages; where it is text, all is left out.
            let request = Request::decode(*id, Bytes::from_static(&[0x08, 0x01]))
                .or_else(|_| Request::decode(*id, Bytes::new()))
                .expect("an empty message");
            if ask(&mut gateway, &request).is_empty() && !SILENT.contains(name) {
                silent.push(*name);
            }
        }
        assert_eq!(silent, [""; 0]);
    }
}
