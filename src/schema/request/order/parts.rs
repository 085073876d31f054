//! The parts of an order that most orders do not have: algo, scale, hedge, adjustment and others.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::words::{HedgeKind, LongShortSale, ReferencePrice, ShortSaleSlot, VolatilityPeriod};
use crate::schema::order::{OrderKey, OrderType};

macro_rules! parts {
    ($( $(#[$doc:meta])* $name:ident { $($field:tt)* } )*) => { $(
        $(#[$doc])*
        #[skip_serializing_none]
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields, default)]
        pub struct $name { $($field)* }
    )* };
}

parts! {
    /// One of IB's algorithms.
    Algo {
        /// IB's name of the strategy, such as `Adaptive`, `Twap`, `Vwap`, `ArrivalPx`.
        pub strategy: String,
        /// Parameters of the strategy as IB names and writes them, such as `adaptivePriority`: `Normal`.
        #[serde(skip_serializing_if = "BTreeMap::is_empty")]
        pub params: BTreeMap<String, String>,
        /// Identifier that an algo of the customer's own travels under.
        pub id: Option<String>,
    }

    /// A large order worked in parts at changing prices.
    Scale {
        /// Size of the first part.
        pub initial_size: Option<i32>,
        /// Size of each later part; the first part's if left out.
        pub subsequent_size: Option<i32>,
        /// Price distance between parts, above zero.
        pub price_increment: Option<f64>,
        /// Amount by which prices are adjusted after `price_adjust_interval_s`.
        pub price_adjust_value: Option<f64>,
        /// Seconds between price adjustments.
        pub price_adjust_interval_s: Option<i32>,
        /// Distance at which a filled part is closed with a profit.
        pub profit_offset: Option<f64>,
        /// True: parts closed with a profit are worked again.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        pub auto_reset: bool,
        /// Position held before the order starts.
        pub initial_position: Option<i32>,
        /// Quantity of the present part that counts as filled.
        pub initial_fill_quantity: Option<i32>,
        /// True: part sizes vary at random.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        pub random_percent: bool,
        /// IB's table of parts as text, instead of sizes and increments.
        pub table: Option<String>,
        /// When to start, `20261218-14:30:00` for UTC.
        pub active_start: Option<String>,
        /// When to stop, written the same way.
        pub active_stop: Option<String>,
    }

    /// A child order that hedges what its parent fills; needs `parent_key`.
    Hedge {
        /// How; required.
        pub kind: Option<HedgeKind>,
        /// Beta or ratio, as decimal text; for `beta` and `pair`.
        pub param: Option<String>,
        /// True: keep the given price instead of the price IB would choose.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        pub keep_price: bool,
        /// Largest size of the hedge. Server version 223 or newer.
        pub max_size: Option<i32>,
    }

    /// A stop order that turns into another one when a price is reached.
    Adjusted {
        /// What it turns into: a stop or trailing type; required.
        pub order_type: Option<OrderType>,
        /// The price at which it turns; required.
        pub trigger_price: Option<f64>,
        /// Stop price afterwards.
        pub stop_price: Option<f64>,
        /// Limit price afterwards, for stop-limit types.
        pub stop_limit_price: Option<f64>,
        /// Trailing distance afterwards, for trailing types.
        pub trailing_amount: Option<f64>,
        /// Unit of the trailing distance as IB numbers it: 0 an amount.
        pub trailing_unit: Option<i32>,
    }

    /// A price stated as volatility; for `volatility` orders on options.
    Volatility {
        /// Volatility in percent, above zero; required.
        pub value: Option<f64>,
        /// What period it is stated for; required.
        pub period: Option<VolatilityPeriod>,
        /// True: the price follows the underlying.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        pub continuous_update: bool,
        /// Which price of the underlying counts.
        pub reference_price: Option<ReferencePrice>,
        /// The order that hedges the delta of what fills.
        pub delta_neutral: Option<Box<DeltaNeutral>>,
    }

    /// The hedging order of a volatility order.
    DeltaNeutral {
        /// IB's order type text, such as `MKT`; required.
        pub order_type: String,
        /// Price for types that need one.
        pub aux_price: Option<f64>,
        /// Contract id of the hedge.
        pub con_id: Option<i32>,
        /// IB's open/close letter.
        pub open_close: Option<String>,
        /// True if the hedge sells short.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        pub short_sale: bool,
        /// Where the shares of the hedge's short sale come from.
        pub short_sale_slot: Option<ShortSaleSlot>,
        /// Location of those shares, for `third_party`.
        pub designated_location: Option<String>,
        /// Settling firm of the hedge.
        pub settling_firm: Option<String>,
        /// Clearing account of the hedge.
        pub clearing_account: Option<String>,
        /// Clearing intent of the hedge: `IB`, `Away`, `PTA`.
        pub clearing_intent: Option<String>,
    }

    /// What a pegged order follows.
    Pegged {
        /// First price of a pegged-to-benchmark, pegged-to-stock or box order.
        pub starting_price: Option<f64>,
        /// The underlying's price that belongs to `starting_price`.
        pub stock_reference_price: Option<f64>,
        /// Change of the option's price per change of the stock, in percent, for pegged-to-stock.
        pub delta: Option<f64>,
        /// The order is cancelled if the underlying falls below.
        pub stock_range_lower: Option<f64>,
        /// The order is cancelled if the underlying rises above.
        pub stock_range_upper: Option<f64>,
        /// Contract id of the benchmark, for pegged-to-benchmark.
        pub reference_con_id: Option<i32>,
        /// Exchange of the benchmark.
        pub reference_exchange: Option<String>,
        /// Change of the order's price for each `reference_change_amount`.
        pub change_amount: Option<f64>,
        /// True: the order's price falls when the benchmark rises.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        pub change_is_decrease: bool,
        /// Change of the benchmark that moves the order's price.
        pub reference_change_amount: Option<f64>,
        /// Smallest size to compete with, for pegged-to-best.
        pub min_compete_size: Option<i32>,
        /// How far to better the best price, for pegged-to-best.
        pub compete_against_best_offset: Option<f64>,
        /// Offset from the middle where the spread is a whole number of ticks.
        pub mid_offset_at_whole: Option<f64>,
        /// Offset from the middle where the spread is not.
        pub mid_offset_at_half: Option<f64>,
    }

    /// Details of a short sale by an institution.
    ShortSale {
        /// Segment that is sold from.
        pub segment: Option<LongShortSale>,
        /// Where the shares come from.
        pub slot: Option<ShortSaleSlot>,
        /// Location of the shares, for `third_party`.
        pub designated_location: Option<String>,
        /// Exemption code of the short sale rule.
        pub exempt_code: Option<i32>,
    }

    /// How an adviser's order is shared between accounts.
    Advisor {
        /// Name of the account group.
        pub group: Option<String>,
        /// Allocation method, as IB names it.
        pub method: Option<String>,
        /// Percentage, as decimal text, for methods that change positions by percent.
        pub percentage: Option<String>,
    }

    /// Where an institution's order is cleared.
    Clearing {
        /// Settling firm.
        pub settling_firm: Option<String>,
        /// Account at the true beneficiary.
        pub account: Option<String>,
        /// `IB`, `Away` or `PTA`.
        pub intent: Option<String>,
    }

    /// Who decided and who executed, for `MiFID` II reporting.
    Mifid {
        /// Person who decided.
        pub decision_maker: Option<String>,
        /// Algorithm that decided.
        pub decision_algo: Option<String>,
        /// Person who executes.
        pub execution_trader: Option<String>,
        /// Algorithm that executes.
        pub execution_algo: Option<String>,
    }

    /// An arrangement for paying research out of commissions.
    SoftDollar {
        /// Name of the tier.
        pub name: Option<String>,
        /// Value of the tier.
        pub value: Option<String>,
        /// Name for people.
        pub display_name: Option<String>,
    }

    /// Orders that the gateway attaches with prices of its own presets. Server version 218 or newer.
    Attached {
        /// The stop-loss.
        pub stop_loss: Option<AttachedOrder>,
        /// The profit taker.
        pub profit_taker: Option<AttachedOrder>,
    }
}

/// An order that the gateway attaches to another one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AttachedOrder {
    /// Key under which the bridge tells of it. The gateway writes the parent's key into it.
    pub key: OrderKey,
    /// IB's order type text; `PRESET` takes the gateway's own.
    #[serde(default = "preset")]
    pub order_type: String,
}

fn preset() -> String {
    "PRESET".to_owned()
}
