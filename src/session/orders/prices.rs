//! Which prices each order type takes.

use crate::schema::order::OrderType;

/// Whether a field is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    Required,
    Optional,
    Forbidden,
}

/// What an order type takes.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "a row of a table")]
pub(super) struct Rules {
    pub(super) limit: Need,
    pub(super) stop: Need,
    /// Takes a trailing distance; `stop` is then the first stop.
    pub(super) is_trailing: bool,
    pub(super) takes_offset: bool,
    pub(super) takes_percent_offset: bool,
    /// Works in the closing auction.
    pub(super) is_at_close: bool,
}

impl Rules {
    /// Takes the distance of a limit from the trailing stop.
    pub(super) fn takes_limit_offset(self) -> bool {
        self.is_trailing && self.limit != Need::Forbidden
    }
}

/// The row of an order type.
pub(super) fn rules(order_type: OrderType) -> Rules {
    use Need::{Forbidden, Optional, Required};
    let row = |limit, stop| Rules {
        limit,
        stop,
        is_trailing: false,
        takes_offset: false,
        takes_percent_offset: false,
        is_at_close: false,
    };
    match order_type {
        OrderType::Market
        | OrderType::MarketToLimit
        | OrderType::MarketWithProtection
        | OrderType::BoxTop
        | OrderType::RelativePlusMarket => row(Forbidden, Forbidden),
        OrderType::MarketOnClose => Rules { is_at_close: true, ..row(Forbidden, Forbidden) },
        OrderType::Limit | OrderType::LimitPlusMarket | OrderType::RelativePlusLimit => row(Required, Forbidden),
        OrderType::LimitOnClose => Rules { is_at_close: true, ..row(Required, Forbidden) },
        OrderType::Stop | OrderType::StopWithProtection | OrderType::MarketIfTouched => row(Forbidden, Required),
        OrderType::StopLimit | OrderType::LimitIfTouched => row(Required, Required),
        OrderType::TrailingStop | OrderType::TrailingMarketIfTouched => {
            Rules { is_trailing: true, ..row(Forbidden, Optional) }
        }
        OrderType::TrailingStopLimit | OrderType::TrailingLimitIfTouched => {
            Rules { is_trailing: true, ..row(Optional, Optional) }
        }
        OrderType::Midprice | OrderType::PeggedToBest | OrderType::PeggedToBenchmark | OrderType::Volatility => {
            row(Optional, Forbidden)
        }
        OrderType::PeggedToStock => row(Optional, Forbidden),
        OrderType::Relative | OrderType::PassiveRelative | OrderType::PeggedToPrimary => {
            Rules { takes_offset: true, takes_percent_offset: true, ..row(Optional, Forbidden) }
        }
        OrderType::PeggedToMarket
        | OrderType::PeggedToMidpoint
        | OrderType::SnapToMarket
        | OrderType::SnapToMidpoint
        | OrderType::SnapToPrimary => Rules { takes_offset: true, ..row(Optional, Forbidden) },
    }
}
