//! Order types and times in force.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Words with IB's text for each.
macro_rules! ib_words {
    ($( $(#[$doc:meta])* $name:ident { $( $(#[$variant_doc:meta])* $variant:ident = $text:literal, )* } )*) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $( $(#[$variant_doc])* $variant, )* }

        impl $name {
            /// Every value.
            pub const ALL: &'static [Self] = &[$( Self::$variant ),*];

            /// IB's text.
            pub fn ib_text(self) -> &'static str {
                match self { $( Self::$variant => $text, )* }
            }

            /// The value of IB's text; `None` if this release has no word for it.
            pub fn of_ib_text(text: &str) -> Option<Self> {
                match text { $( $text => Some(Self::$variant), )* _ => None }
            }
        }
    )* };
}

ib_words! {
    /// Order types.
    OrderType {
        /// At the market.
        Market = "MKT",
        /// At a limit price or better.
        Limit = "LMT",
        /// Market order once the stop price is reached.
        Stop = "STP",
        /// Limit order once the stop price is reached.
        StopLimit = "STP LMT",
        /// Stop that follows the market.
        TrailingStop = "TRAIL",
        /// Stop-limit that follows the market.
        TrailingStopLimit = "TRAIL LIMIT",
        /// Market order once the price is touched.
        MarketIfTouched = "MIT",
        /// Limit order once the price is touched.
        LimitIfTouched = "LIT",
        /// At the market in the closing auction.
        MarketOnClose = "MOC",
        /// At a limit in the closing auction.
        LimitOnClose = "LOC",
        /// At the market, the rest at the price of the first fill.
        MarketToLimit = "MTL",
        /// At the market within a protected range.
        MarketWithProtection = "MKT PRT",
        /// Stop within a protected range.
        StopWithProtection = "STP PRT",
        /// Touched order that follows the market.
        TrailingMarketIfTouched = "TRAIL MIT",
        /// Touched limit order that follows the market.
        TrailingLimitIfTouched = "TRAIL LIT",
        /// Between bid and ask, up to a limit.
        Midprice = "MIDPRICE",
        /// Follows the own side of the market (pegged to primary).
        Relative = "REL",
        /// Stays behind the own side of the market.
        PassiveRelative = "PASSV REL",
        /// Follows the own side of the market.
        PeggedToPrimary = "PEG PRIM",
        /// Follows the other side of the market.
        PeggedToMarket = "PEG MKT",
        /// Follows the middle of the market.
        PeggedToMidpoint = "PEG MID",
        /// Competes with the best price at IB's venue.
        PeggedToBest = "PEG BEST",
        /// Follows another instrument.
        PeggedToBenchmark = "PEG BENCH",
        /// An option that follows its stock.
        PeggedToStock = "PEG STK",
        /// Takes the other side's price at the moment it is placed.
        SnapToMarket = "SNAP MKT",
        /// Takes the middle at the moment it is placed.
        SnapToMidpoint = "SNAP MID",
        /// Takes the own side's price at the moment it is placed.
        SnapToPrimary = "SNAP PRIM",
        /// An option priced by volatility.
        Volatility = "VOL",
        /// Price improvement auction of the Boston options exchange.
        BoxTop = "BOX TOP",
        /// Combo: one leg at a limit, the other at the market.
        LimitPlusMarket = "LMT + MKT",
        /// Combo: one leg relative, the other at a limit.
        RelativePlusLimit = "REL + LMT",
        /// Combo: one leg relative, the other at the market.
        RelativePlusMarket = "REL + MKT",
    }

    /// How long an order stays.
    #[derive(Default)]
    TimeInForce {
        /// Until the end of the trading day.
        #[default]
        Day = "DAY",
        /// Until cancelled.
        Gtc = "GTC",
        /// Fill what is possible at once, cancel the rest.
        Ioc = "IOC",
        /// Fill all at once or cancel.
        Fok = "FOK",
        /// Until `good_till`.
        Gtd = "GTD",
        /// At the opening.
        Opg = "OPG",
        /// The day, and cancelled at its end rather than expired.
        Dtc = "DTC",
        /// In the auction.
        Auc = "AUC",
    }
}
