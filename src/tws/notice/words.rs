//! The words in which the notice tables speak.

use std::fmt;

use serde::Deserialize;

/// An enum whose variants have one fixed word each, the same in the tables and on our side.
macro_rules! words {
    ($( $(#[$doc:meta])* $name:ident { $( $(#[$variant_doc:meta])* $variant:ident = $word:literal, )* } )*) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
        pub enum $name {
            $( $(#[$variant_doc])* #[serde(rename = $word)] $variant, )*
        }

        impl $name {
            /// Every value.
            pub const ALL: &'static [Self] = &[$( Self::$variant ),*];

            /// The word for it, in snake case.
            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$variant => $word, )* }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    )* };
}

words! {
    /// How bad a notice is.
    Severity {
        /// News; nothing is wrong.
        Info = "info",
        /// Something was changed, held or is missing; what it names usually goes on.
        Warning = "warning",
        /// What it names was refused or has ended.
        Error = "error",
        /// The gateway's own link to IB or its API port.
        System = "system",
    }

    /// What a notice is about.
    Category {
        /// The link between gateway and IB, or a second session of the same user.
        Connection = "connection",
        /// One market data, historical or security definition farm went up, down or idle.
        FarmStatus = "farm_status",
        /// The API client id is taken or not allowed to do this.
        ClientId = "client_id",
        /// Too many requests in a span of time.
        Pacing = "pacing",
        /// Too many subscriptions or open requests at once.
        SubscriptionLimit = "subscription_limit",
        /// The login lacks a market data permission.
        MarketDataPermission = "market_data_permission",
        /// The instrument is unknown or described ambiguously.
        Contract = "contract",
        /// A valid empty answer.
        NoData = "no_data",
        /// The request itself is wrong.
        RequestInvalid = "request_invalid",
        /// An order or a change of one was refused.
        OrderReject = "order_reject",
        /// An order was changed, held or remarked upon; it normally stays alive.
        OrderWarning = "order_warning",
        /// An order is cancelled.
        OrderCancelled = "order_cancelled",
        /// A fault inside the gateway or a client library.
        Internal = "internal",
        /// None of these.
        Other = "other",
    }

    /// What the id of a notice names.
    Scope {
        /// Nothing: it concerns the whole session.
        Global = "global",
        /// A request.
        Request = "request",
        /// An order.
        Order = "order",
    }

    /// Whether the same thing may be asked again.
    Retry {
        /// The same request will fail again.
        Never = "never",
        /// After a wait; see [`super::Meaning::wait`].
        AfterWait = "after_wait",
        /// After the socket has been connected anew.
        AfterReconnect = "after_reconnect",
        /// The stream has ended: subscribe again.
        Resubscribe = "resubscribe",
        /// With another client id.
        WithNewClientId = "with_new_client_id",
        /// Nothing failed, or it repairs itself.
        NoneNeeded = "none_needed",
    }

    /// What a [`super::Meaning`] was taken from.
    MeaningSource {
        /// A pattern for the code matched the text.
        Text = "text",
        /// The code's own row.
        Code = "code",
        /// The range in which the code lies.
        Range = "range",
        /// Nothing is known about the code.
        Fallback = "fallback",
    }
}
