//! Which field of a request is which field of the order message: one table, read in both directions.

use std::collections::BTreeMap;

use crate::{
    schema::request::order::{
        Adjusted, Advisor, Algo, Clearing, DeltaNeutral, Hedge, Mifid, Pegged, PlaceOrder, Scale, ShortSale, Volatility,
    },
    tws::{
        message::order::Order,
        sentinel::{unset_double, unset_int},
    },
};

/// A value of a request as the order message writes it. Absent is absent in both.
pub(super) trait Wire<W>: Sized {
    fn put(&self) -> W;
    fn take(wire: &W) -> Self;
}

/// Fields of a request that have one field each in the order message.
pub(super) trait Part {
    fn put(&self, order: &mut Order);
    fn take(&mut self, order: &Order);
}

impl Wire<Option<i32>> for Option<i32> {
    fn put(&self) -> Option<i32> {
        *self
    }

    fn take(wire: &Option<i32>) -> Self {
        wire.and_then(unset_int)
    }
}

impl Wire<Option<f64>> for Option<f64> {
    fn put(&self) -> Option<f64> {
        *self
    }

    fn take(wire: &Option<f64>) -> Self {
        wire.and_then(unset_double)
    }
}

impl Wire<Option<String>> for Option<String> {
    fn put(&self) -> Option<String> {
        self.clone()
    }

    fn take(wire: &Option<String>) -> Self {
        wire.clone().filter(|text| !text.is_empty())
    }
}

impl Wire<Option<String>> for String {
    fn put(&self) -> Option<String> {
        Some(self.clone()).filter(|text| !text.is_empty())
    }

    fn take(wire: &Option<String>) -> Self {
        wire.clone().unwrap_or_default()
    }
}

impl Wire<Option<bool>> for bool {
    fn put(&self) -> Option<bool> {
        self.then_some(true)
    }

    fn take(wire: &Option<bool>) -> Self {
        *wire == Some(true)
    }
}

/// Yes, no, or the gateway's own setting.
impl Wire<Option<i32>> for Option<bool> {
    fn put(&self) -> Option<i32> {
        self.map(i32::from)
    }

    fn take(wire: &Option<i32>) -> Self {
        wire.and_then(unset_int).map(|number| number != 0)
    }
}

impl Wire<Self> for BTreeMap<String, String> {
    fn put(&self) -> Self {
        self.clone()
    }

    fn take(wire: &Self) -> Self {
        wire.clone()
    }
}

macro_rules! table {
    ($( $part:ident { $( $field:ident = $wire:ident, )* } )*) => { $(
        impl Part for $part {
            fn put(&self, order: &mut Order) {
                $( order.$wire = Wire::put(&self.$field); )*
            }

            fn take(&mut self, order: &Order) {
                $( self.$field = Wire::take(&order.$wire); )*
            }
        }
    )* };
}

table! {
    PlaceOrder {
        cash_quantity = cash_qty,
        percent_offset = percent_offset,
        discretionary_amount = discretionary_amt,
        good_till = good_till_date,
        good_after = good_after_time,
        duration = duration,
        outside_regular_hours = outside_rth,
        include_overnight = include_overnight,
        allow_pre_open = allow_pre_open,
        ignore_open_auction = ignore_open_auction,
        display_size = display_size,
        min_quantity = min_qty,
        min_trade_quantity = min_trade_qty,
        all_or_none = all_or_none,
        block = block_order,
        hidden = hidden,
        sweep_to_fill = sweep_to_fill,
        post_only = post_only,
        not_held = not_held,
        imbalance_only = imbalance_only,
        randomize_size = randomize_size,
        randomize_price = randomize_price,
        discretionary_up_to_limit = discretionary_up_to_limit_price,
        trigger_method = trigger_method,
        route_marketable_to_bbo = route_marketable_to_bbo,
        use_price_management = use_price_mgmt_algo,
        seek_price_improvement = seek_price_improvement,
        opt_out_smart_routing = opt_out_smart_routing,
        post_to_ats = post_to_ats,
        override_price_constraints = override_percentage_constraints,
        advanced_error_override = advanced_error_override,
        oca_group = oca_group,
        oca_type = oca_type,
        auto_cancel_parent = auto_cancel_parent,
        deactivate = deactivate,
        solicited = solicited,
        open_close = open_close,
        origin = origin,
        rule_80a = rule80a,
        manual_order_time = manual_order_time,
        manual_order_indicator = manual_order_indicator,
        external_operator = ext_operator,
        customer_account = customer_account,
        professional_customer = professional_customer,
        oms_container = is_oms_container,
        model = model_code,
        smart_combo_routing = smart_combo_routing_params,
        misc_options = order_misc_options,
    }
    Algo {
        strategy = algo_strategy,
        params = algo_params,
        id = algo_id,
    }
    Scale {
        initial_size = scale_init_level_size,
        subsequent_size = scale_subs_level_size,
        price_increment = scale_price_increment,
        price_adjust_value = scale_price_adjust_value,
        price_adjust_interval_s = scale_price_adjust_interval,
        profit_offset = scale_profit_offset,
        auto_reset = scale_auto_reset,
        initial_position = scale_init_position,
        initial_fill_quantity = scale_init_fill_qty,
        random_percent = scale_random_percent,
        table = scale_table,
        active_start = active_start_time,
        active_stop = active_stop_time,
    }
    Hedge {
        kind = hedge_type,
        param = hedge_param,
        keep_price = dont_use_auto_price_for_hedge,
        max_size = hedge_max_size,
    }
    Adjusted {
        order_type = adjusted_order_type,
        trigger_price = trigger_price,
        stop_price = adjusted_stop_price,
        stop_limit_price = adjusted_stop_limit_price,
        trailing_amount = adjusted_trailing_amount,
        trailing_unit = adjustable_trailing_unit,
    }
    Volatility {
        value = volatility,
        period = volatility_type,
        continuous_update = continuous_update,
        reference_price = reference_price_type,
    }
    DeltaNeutral {
        order_type = delta_neutral_order_type,
        aux_price = delta_neutral_aux_price,
        con_id = delta_neutral_con_id,
        open_close = delta_neutral_open_close,
        short_sale = delta_neutral_short_sale,
        short_sale_slot = delta_neutral_short_sale_slot,
        designated_location = delta_neutral_designated_location,
        settling_firm = delta_neutral_settling_firm,
        clearing_account = delta_neutral_clearing_account,
        clearing_intent = delta_neutral_clearing_intent,
    }
    Pegged {
        starting_price = starting_price,
        stock_reference_price = stock_ref_price,
        delta = delta,
        stock_range_lower = stock_range_lower,
        stock_range_upper = stock_range_upper,
        reference_con_id = reference_contract_id,
        reference_exchange = reference_exchange_id,
        change_amount = pegged_change_amount,
        change_is_decrease = is_pegged_change_amount_decrease,
        reference_change_amount = reference_change_amount,
        min_compete_size = min_compete_size,
        compete_against_best_offset = compete_against_best_offset,
        mid_offset_at_whole = mid_offset_at_whole,
        mid_offset_at_half = mid_offset_at_half,
    }
    ShortSale {
        slot = short_sale_slot,
        designated_location = designated_location,
        exempt_code = exempt_code,
    }
    Advisor {
        group = fa_group,
        method = fa_method,
        percentage = fa_percentage,
    }
    Clearing {
        settling_firm = settling_firm,
        account = clearing_account,
        intent = clearing_intent,
    }
    Mifid {
        decision_maker = mifid2_decision_maker,
        decision_algo = mifid2_decision_algo,
        execution_trader = mifid2_execution_trader,
        execution_algo = mifid2_execution_algo,
    }
}
