//! The golden orders, written by hand.

use std::collections::BTreeMap;

use ibnats::tws::Request;
use ibnats::tws::message::order::{AttachedOrders, Order, OrderCondition, SoftDollarTier};
use ibnats::tws::message::order_flow::PlaceOrderRequest;

use crate::requests::{bag, option, some, stock};

/// The request behind the row `placeOrder <kind>`.
pub(crate) fn place_order(kind: &str) -> Request {
    let limit = |price: f64| Order { order_type: some("LMT"), lmt_price: Some(price), ..plain() };
    let (order_id, contract, order) = match kind {
        "MKT" => (1, stock(), Order { order_type: some("MKT"), ..plain() }),
        "LMT" => (2, stock(), limit(189.5)),
        "STP" => (3, stock(), Order { order_type: some("STP"), aux_price: Some(180.0), ..plain() }),
        "STP LMT" => {
            let order = Order { order_type: some("STP LMT"), aux_price: Some(180.0), ..limit(179.5) };
            (4, stock(), order)
        }
        "TRAIL pct" => {
            let order_type = some("TRAIL");
            let order = Order { order_type, trailing_percent: Some(2.5), trail_stop_price: Some(180.0), ..plain() };
            (5, stock(), order)
        }
        "LMT zero price" => (6, stock(), limit(0.0)),
        "fractional" => (7, stock(), Order { total_quantity: some("0.125"), ..limit(189.5) }),
        "OPT GTD" => {
            let good_till_date = some("20261201-21:00:00");
            let order = Order { tif: some("GTD"), good_till_date, outside_rth: Some(true), ..limit(5.05) };
            (8, option(), order)
        }
        "BAG" => {
            let smart_combo_routing_params = pairs("NonGuaranteed", "1");
            (9, bag(), Order { smart_combo_routing_params, ..limit(-1.25) })
        }
        "Adaptive" => {
            let algo_params = pairs("adaptivePriority", "Normal");
            (10, stock(), Order { algo_strategy: some("Adaptive"), algo_params, ..limit(189.5) })
        }
        "OCA child" => {
            let order = Order {
                parent_id: Some(2),
                oca_group: some("g1"),
                oca_type: Some(1),
                // The official client leaves `false` out, so this order waits for a transmitted sibling.
                transmit: None,
                ..limit(189.5)
            };
            (11, stock(), order)
        }
        "whatIf" => (12, stock(), Order { what_if: Some(true), ..limit(189.5) }),
        "conditions" => (13, stock(), Order { conditions: conditions(), ..limit(189.5) }),
        other => panic!("no golden order {other}"),
    };
    let attached_orders = Some(AttachedOrders::default());
    let (contract, order) = (Some(contract), Some(order));
    let request = PlaceOrderRequest { order_id: Some(order_id), contract, order, attached_orders };
    Request::PlaceOrderRequest(Box::new(request))
}

/// What the official client fills in for a day order to buy 100.
fn plain() -> Order {
    Order {
        client_id: Some(0),
        perm_id: Some(0),
        parent_id: Some(0),
        action: some("BUY"),
        total_quantity: some("100"),
        display_size: Some(0),
        tif: some("DAY"),
        account: some("DU1234567"),
        order_ref: some("alpha-1"),
        oca_type: Some(0),
        trigger_method: Some(0),
        delta_neutral_con_id: Some(0),
        delta_neutral_short_sale_slot: Some(0),
        transmit: Some(true),
        origin: Some(0),
        short_sale_slot: Some(0),
        exempt_code: Some(-1),
        discretionary_amt: Some(0.0),
        reference_contract_id: Some(0),
        pegged_change_amount: Some(0.0),
        reference_change_amount: Some(0.0),
        adjustable_trailing_unit: Some(0),
        soft_dollar_tier: Some(SoftDollarTier::default()),
        ..Order::default()
    }
}

/// Price and time, or margin and volume and percent change and an execution.
fn conditions() -> Vec<OrderCondition> {
    let and = |kind: i32| OrderCondition {
        kind: Some(kind),
        is_conjunction_connection: Some(true),
        ..OrderCondition::default()
    };
    let above = |kind: i32| OrderCondition { is_more: Some(true), ..and(kind) };
    let on_stock = |kind: i32| OrderCondition { con_id: Some(265_598), exchange: some("SMART"), ..above(kind) };
    vec![
        OrderCondition { price: Some(200.0), trigger_method: Some(0), ..on_stock(1) },
        OrderCondition { is_conjunction_connection: Some(false), time: some("20261120-15:00:00"), ..above(3) },
        OrderCondition { is_more: Some(false), percent: Some(30), ..and(4) },
        OrderCondition { volume: Some(1_000_000), ..on_stock(6) },
        OrderCondition { change_percent: Some(2.5), ..on_stock(7) },
        OrderCondition { exchange: some("SMART"), symbol: some("AAPL"), sec_type: some("STK"), ..and(5) },
    ]
}

fn pairs(key: &str, value: &str) -> BTreeMap<String, String> {
    BTreeMap::from([(key.to_owned(), value.to_owned())])
}
