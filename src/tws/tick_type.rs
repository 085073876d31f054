//! The tick types: what each number in a tick message stands for.

use std::fmt;

use Family::{Efp, Generic, Option as OptionValues, Price, Size, Text, Undocumented};

/// Which message carries a tick type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// `TickPrice`.
    Price,
    /// `TickSize`; most also come as the size of a `TickPrice`.
    Size,
    /// `TickGeneric`: a number.
    Generic,
    /// `TickString`.
    Text,
    /// `TickOptionComputation`.
    Option,
    /// Exchange for physical; it has no protobuf message.
    Efp,
    /// IB names the tick type but not its message.
    Undocumented,
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Price => "price",
            Self::Size => "size",
            Self::Generic => "generic",
            Self::Text => "text",
            Self::Option => "option",
            Self::Efp => "efp",
            Self::Undocumented => "undocumented",
        })
    }
}

/// One tick type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TickInfo {
    /// The number in the tick message.
    pub id: i32,
    /// IB's constant in snake case: `bid`, `ask_size`, `model_option`.
    pub name: &'static str,
    /// The message that carries it.
    pub family: Family,
    /// For a tick of delayed data (market data types 3 and 4): the live tick type it stands in for.
    pub delayed_of: Option<i32>,
}

/// The tick type with this number, or `None` if this build does not know it.
pub fn info(id: i32) -> Option<&'static TickInfo> {
    TICK_TYPES.get(usize::try_from(id).ok()?)
}

const fn tick(id: i32, name: &'static str, family: Family) -> TickInfo {
    TickInfo { id, name, family, delayed_of: None }
}

const fn delayed(id: i32, name: &'static str, family: Family, live: i32) -> TickInfo {
    TickInfo { id, name, family, delayed_of: Some(live) }
}

/// Every tick type, at the index that is its number.
#[rustfmt::skip]
pub const TICK_TYPES: &[TickInfo] = &[
    tick(0, "bid_size", Size),
    tick(1, "bid", Price),
    tick(2, "ask", Price),
    tick(3, "ask_size", Size),
    tick(4, "last", Price),
    tick(5, "last_size", Size),
    tick(6, "high", Price),
    tick(7, "low", Price),
    tick(8, "volume", Size),
    tick(9, "close", Price),
    tick(10, "bid_option_computation", OptionValues),
    tick(11, "ask_option_computation", OptionValues),
    tick(12, "last_option_computation", OptionValues),
    tick(13, "model_option", OptionValues),
    tick(14, "open", Price),
    tick(15, "low_13_week", Price),
    tick(16, "high_13_week", Price),
    tick(17, "low_26_week", Price),
    tick(18, "high_26_week", Price),
    tick(19, "low_52_week", Price),
    tick(20, "high_52_week", Price),
    tick(21, "avg_volume", Size),
    tick(22, "open_interest", Size),
    tick(23, "option_historical_vol", Generic),
    tick(24, "option_implied_vol", Generic),
    tick(25, "option_bid_exch", Text),
    tick(26, "option_ask_exch", Text),
    tick(27, "option_call_open_interest", Size),
    tick(28, "option_put_open_interest", Size),
    tick(29, "option_call_volume", Size),
    tick(30, "option_put_volume", Size),
    tick(31, "index_future_premium", Generic),
    tick(32, "bid_exch", Text),
    tick(33, "ask_exch", Text),
    tick(34, "auction_volume", Size),
    tick(35, "auction_price", Price),
    tick(36, "auction_imbalance", Size),
    tick(37, "mark_price", Price),
    tick(38, "bid_efp_computation", Efp),
    tick(39, "ask_efp_computation", Efp),
    tick(40, "last_efp_computation", Efp),
    tick(41, "open_efp_computation", Efp),
    tick(42, "high_efp_computation", Efp),
    tick(43, "low_efp_computation", Efp),
    tick(44, "close_efp_computation", Efp),
    tick(45, "last_timestamp", Text),
    tick(46, "shortable", Generic),
    tick(47, "not_used", Text),
    tick(48, "rt_volume", Text),
    tick(49, "halted", Generic),
    tick(50, "bid_yield", Price),
    tick(51, "ask_yield", Price),
    tick(52, "last_yield", Price),
    tick(53, "cust_option_computation", OptionValues),
    tick(54, "trade_count", Generic),
    tick(55, "trade_rate", Generic),
    tick(56, "volume_rate", Generic),
    tick(57, "last_rth_trade", Price),
    tick(58, "rt_historical_vol", Generic),
    tick(59, "ib_dividends", Text),
    tick(60, "bond_factor_multiplier", Generic),
    tick(61, "regulatory_imbalance", Size),
    tick(62, "news_tick", Text),
    tick(63, "short_term_volume_3_min", Size),
    tick(64, "short_term_volume_5_min", Size),
    tick(65, "short_term_volume_10_min", Size),
    delayed(66, "delayed_bid", Price, 1),
    delayed(67, "delayed_ask", Price, 2),
    delayed(68, "delayed_last", Price, 4),
    delayed(69, "delayed_bid_size", Size, 0),
    delayed(70, "delayed_ask_size", Size, 3),
    delayed(71, "delayed_last_size", Size, 5),
    delayed(72, "delayed_high", Price, 6),
    delayed(73, "delayed_low", Price, 7),
    delayed(74, "delayed_volume", Size, 8),
    delayed(75, "delayed_close", Price, 9),
    delayed(76, "delayed_open", Price, 14),
    tick(77, "rt_trd_volume", Text),
    tick(78, "creditman_mark_price", Price),
    tick(79, "creditman_slow_mark_price", Price),
    delayed(80, "delayed_bid_option", OptionValues, 10),
    delayed(81, "delayed_ask_option", OptionValues, 11),
    delayed(82, "delayed_last_option", OptionValues, 12),
    delayed(83, "delayed_model_option", OptionValues, 13),
    tick(84, "last_exch", Text),
    tick(85, "last_reg_time", Text),
    tick(86, "futures_open_interest", Size),
    tick(87, "avg_opt_volume", Size),
    delayed(88, "delayed_last_timestamp", Text, 45),
    tick(89, "shortable_shares", Size),
    delayed(90, "delayed_halted", Generic, 49),
    tick(91, "reuters_2_mutual_funds", Undocumented),
    tick(92, "etf_nav_close", Undocumented),
    tick(93, "etf_nav_prior_close", Undocumented),
    tick(94, "etf_nav_bid", Undocumented),
    tick(95, "etf_nav_ask", Undocumented),
    tick(96, "etf_nav_last", Price),
    tick(97, "etf_frozen_nav_last", Price),
    tick(98, "etf_nav_high", Price),
    tick(99, "etf_nav_low", Price),
    tick(100, "social_market_analytics", Undocumented),
    tick(101, "estimated_ipo_midpoint", Generic),
    tick(102, "final_ipo_last", Generic),
    tick(103, "delayed_yield_bid", Price),
    tick(104, "delayed_yield_ask", Price),
    tick(105, "odd_lot_bid", Price),
    tick(106, "odd_lot_ask", Price),
    tick(107, "odd_lot_bid_size", Size),
    tick(108, "odd_lot_ask_size", Size),
    tick(109, "odd_lot_bid_exch", Text),
    tick(110, "odd_lot_ask_exch", Text),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tick_type_stands_at_its_number() {
        for (index, tick) in TICK_TYPES.iter().enumerate() {
            assert_eq!(usize::try_from(tick.id), Ok(index), "{}", tick.name);
            assert_eq!(info(tick.id), Some(tick));
        }
    }

    #[test]
    fn numbers_outside_the_table_are_unknown() {
        for id in [i32::MIN, -1, 111, i32::MAX] {
            assert_eq!(info(id), None, "{id}");
        }
    }

    #[test]
    fn a_delayed_tick_mirrors_a_live_one_of_its_own_family_and_name() {
        for tick in TICK_TYPES {
            let Some(live) = tick.delayed_of.map(|id| info(id).expect("a known live tick")) else { continue };
            assert_eq!((live.family, live.delayed_of), (tick.family, None), "{}", tick.name);
            let plain = tick.name.strip_prefix("delayed_").expect("a name that says delayed");
            assert!(live.name.starts_with(plain), "{} stands in for {}", tick.name, live.name);
        }
    }
}
