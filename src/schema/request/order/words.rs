//! The words of order requests that IB knows by a number or a letter.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

macro_rules! words {
    ($( $(#[$doc:meta])* $name:ident { $( $(#[$variant_doc:meta])* $variant:ident, )* } )*) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $( $(#[$variant_doc])* $variant, )* }
    )* };
}

words! {
    /// What a fill of one order does to the others of its OCA group.
    OcaType {
        /// Cancels them; one order of the group is at the exchange at a time (overfill protection).
        CancelWithBlock,
        /// Reduces them in proportion; with overfill protection.
        ReduceWithBlock,
        /// Reduces them in proportion; overfills are possible.
        ReduceNonBlock,
    }

    /// Which price triggers stop, touched and conditional orders.
    TriggerMethod {
        /// IB's default for the instrument.
        Default,
        /// Two bids or asks in a row.
        DoubleBidAsk,
        /// The last price.
        Last,
        /// Two last prices in a row.
        DoubleLast,
        /// The bid for sales, the ask for purchases.
        BidAsk,
        /// The last price, or bid and ask.
        LastOrBidAsk,
        /// The middle between bid and ask.
        MidPoint,
    }

    /// How a child order follows what its parent filled.
    HedgeKind {
        /// An option with its stock, by delta.
        Delta,
        /// A stock with an index, by beta; `param` is the beta.
        Beta,
        /// A foreign security with its currency.
        Fx,
        /// One stock with another; `param` is the ratio.
        Pair,
    }

    /// Where the shares of a short sale come from.
    ShortSaleSlot {
        /// The clearing broker holds them.
        Broker,
        /// They are delivered from elsewhere; `designated_location` says from where.
        ThirdParty,
    }

    /// The account segment of an institutional long/short account that is sold from.
    LongShortSale {
        /// IB's `SSHORT`.
        Short,
        /// IB's `SLONG`.
        Long,
    }

    /// Whether an institutional customer opens or closes a position.
    OpenClose {
        /// Opens.
        Open,
        /// Closes.
        Close,
    }

    /// Who an institutional order is for.
    OrderOrigin {
        /// The customer.
        Customer,
        /// The firm.
        Firm,
    }

    /// The period that a volatility is stated for.
    VolatilityPeriod {
        /// A day.
        Daily,
        /// A year.
        Annual,
    }

    /// The underlying's price that a volatility order is computed from.
    ReferencePrice {
        /// The average of the best bid and ask.
        Average,
        /// The bid when buying calls or selling puts, else the ask.
        BidOrAsk,
    }
}
