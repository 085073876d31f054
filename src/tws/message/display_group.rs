//! Window groups of TWS, which show the same instrument.

use super::message;

message! {
    /// Asks which window groups TWS has (request 67).
    QueryDisplayGroupsRequest {
        1 req_id: int32,
    }

    /// The window groups of TWS (answer 67).
    DisplayGroupList {
        1 req_id: int32,
        2 groups: string,
    }

    /// Asks which instrument a window group shows, and to be told of changes (request 68).
    SubscribeToGroupEventsRequest {
        1 req_id: int32,
        2 group_id: int32,
    }

    /// Ends the news of a window group (request 70).
    UnsubscribeFromGroupEventsRequest {
        1 req_id: int32,
    }

    /// The instrument that a window group shows, or `none` (answer 68).
    DisplayGroupUpdated {
        1 req_id: int32,
        2 contract_info: string,
    }

    /// Makes a window group show an instrument, named as in [`DisplayGroupUpdated`] (request 69).
    UpdateDisplayGroupRequest {
        1 req_id: int32,
        2 contract_info: string,
    }
}
