//! Messages of the `display_group` family.

use super::message;

message! {
    /// Query display groups request (request 67).
    QueryDisplayGroupsRequest {
        1 req_id: int32,
    }

    /// Display group list (answer 67).
    DisplayGroupList {
        1 req_id: int32,
        2 groups: string,
    }

    /// Subscribe to group events request (request 68).
    SubscribeToGroupEventsRequest {
        1 req_id: int32,
        2 group_id: int32,
    }

    /// Unsubscribe from group events request (request 70).
    UnsubscribeFromGroupEventsRequest {
        1 req_id: int32,
    }

    /// Display group updated (answer 68).
    DisplayGroupUpdated {
        1 req_id: int32,
        2 contract_info: string,
    }

    /// Update display group request (request 69).
    UpdateDisplayGroupRequest {
        1 req_id: int32,
        2 contract_info: string,
    }
}
