//! Messages of the `login` family.

use super::message;

message! {
    /// Start api request (request 71).
    StartApiRequest {
        1 client_id: int32,
        2 optional_capabilities: string,
    }

    /// Ids request (request 8).
    IdsRequest {
        1 num_ids: int32,
    }

    /// Next valid id (answer 9).
    NextValidId {
        1 order_id: int32,
    }

    /// Managed accounts request (request 17).
    ManagedAccountsRequest {}

    /// Managed accounts (answer 15).
    ManagedAccounts {
        1 accounts_list: string,
    }

    /// Current time request (request 49).
    CurrentTimeRequest {}

    /// Current time (answer 49).
    CurrentTime {
        1 current_time: int64,
    }

    /// Current time in millis request (request 105).
    CurrentTimeInMillisRequest {}

    /// Current time in millis (answer 109).
    CurrentTimeInMillis {
        1 current_time_in_millis: int64,
    }

    /// Set server log level request (request 14).
    SetServerLogLevelRequest {
        1 log_level: int32,
    }

    /// Error message (answer 4).
    ErrorMessage {
        1 id: int32,
        2 error_time: int64,
        3 error_code: int32,
        4 error_msg: string,
        5 advanced_order_reject_json: string,
    }

    /// User info request (request 104).
    UserInfoRequest {
        1 req_id: int32,
    }

    /// User info (answer 107).
    UserInfo {
        1 req_id: int32,
        2 white_branding_id: string,
    }

    /// Verify request (request 65).
    VerifyRequest {
        1 api_name: string,
        2 api_version: string,
    }

    /// Verify message request (request 66).
    VerifyMessageRequest {
        1 api_data: string,
    }

    /// Verify message api (answer 65).
    VerifyMessageApi {
        1 api_data: string,
    }

    /// Verify completed (answer 66).
    VerifyCompleted {
        1 is_successful: bool,
        2 error_text: string,
    }
}
