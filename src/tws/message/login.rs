//! The session itself: start, order numbers, clock, errors and notices.

use super::message;

message! {
    /// Starts the API after the handshake, under a client id (request 71). An id that is in use is answered
    /// with notice 326, and the socket is closed.
    StartApiRequest {
        1 client_id: int32,
        2 optional_capabilities: string,
    }

    /// Asks for the next order number; `num_ids` is ignored (request 8).
    IdsRequest {
        1 num_ids: int32,
    }

    /// The first order number that may be used (answer 9). It comes unasked after [`StartApiRequest`], and is
    /// the sign that requests may be sent. It can be lower than numbers already used.
    NextValidId {
        1 order_id: int32,
    }

    /// Asks for the accounts of the login (request 17).
    ManagedAccountsRequest {}

    /// The accounts of the login, separated (and sometimes ended) by commas (answer 15). Also comes unasked
    /// after [`StartApiRequest`].
    ManagedAccounts {
        1 accounts_list: string,
    }

    /// Asks for the gateway's clock (request 49).
    CurrentTimeRequest {}

    /// The gateway's clock in epoch seconds (answer 49).
    CurrentTime {
        1 current_time: int64,
    }

    /// Asks for the gateway's clock (request 105).
    CurrentTimeInMillisRequest {}

    /// The gateway's clock in epoch milliseconds (answer 109).
    CurrentTimeInMillis {
        1 current_time_in_millis: int64,
    }

    /// Sets how much the gateway logs, from 1 to 5 (request 14).
    SetServerLogLevelRequest {
        1 log_level: int32,
    }

    /// An error, a warning or mere news; [`crate::tws::notice::classify`] tells which (answer 4). `id` is a
    /// request number, an order number, or -1 for none. `error_time` is in epoch milliseconds. Texts may hold
    /// `\uXXXX` escapes ([`crate::tws::notice::unescape`]), line breaks and HTML, in the gateway's language.
    ErrorMessage {
        1 id: int32,
        2 error_time: int64,
        3 error_code: int32,
        4 error_msg: string,
        5 advanced_order_reject_json: string,
    }

    /// Asks who the login belongs to (request 104).
    UserInfoRequest {
        1 req_id: int32,
    }

    /// The white branding id of the login (answer 107).
    UserInfo {
        1 req_id: int32,
        2 white_branding_id: string,
    }

    /// Introduces a registered third-party program; not for us (request 65).
    VerifyRequest {
        1 api_name: string,
        2 api_version: string,
    }

    /// Answers a verification challenge; not for us (request 66).
    VerifyMessageRequest {
        1 api_data: string,
    }

    /// A verification challenge for registered third-party programs; ignored (answer 65).
    VerifyMessageApi {
        1 api_data: string,
    }

    /// Ends the verification of a registered third-party program; ignored (answer 66).
    VerifyCompleted {
        1 is_successful: bool,
        2 error_text: string,
    }
}
