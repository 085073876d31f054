//! Messages of the `order_flow` family.

use super::message;

use super::contract::Contract;
use super::order::{AttachedOrders, Order, OrderCancel, OrderState};

message! {
    /// Place order request (request 3).
    PlaceOrderRequest {
        1 order_id: int32,
        2 contract: Contract,
        3 order: Order,
        4 attached_orders: AttachedOrders,
    }

    /// Cancel order request (request 4).
    CancelOrderRequest {
        1 order_id: int32,
        2 order_cancel: OrderCancel,
    }

    /// Global cancel request (request 58).
    GlobalCancelRequest {
        1 order_cancel: OrderCancel,
    }

    /// Exercise options request (request 21).
    ExerciseOptionsRequest {
        1 order_id: int32,
        2 contract: Contract,
        3 exercise_action: int32,
        4 exercise_quantity: int32,
        5 account: string,
        6 override_flag: bool,
        7 manual_order_time: string,
        8 customer_account: string,
        9 professional_customer: bool,
    }

    /// Open orders request (request 5).
    OpenOrdersRequest {}

    /// All open orders request (request 16).
    AllOpenOrdersRequest {}

    /// Auto open orders request (request 15).
    AutoOpenOrdersRequest {
        1 auto_bind: bool,
    }

    /// Completed orders request (request 99).
    CompletedOrdersRequest {
        1 api_only: bool,
    }

    /// Open order (answer 5).
    OpenOrder {
        1 order_id: int32,
        2 contract: Contract,
        3 order: Order,
        4 order_state: OrderState,
    }

    /// Open orders end (answer 53).
    OpenOrdersEnd {}

    /// Order status (answer 3).
    OrderStatus {
        1 order_id: int32,
        2 status: string,
        3 filled: string,
        4 remaining: string,
        5 avg_fill_price: double,
        6 perm_id: int64,
        7 parent_id: int32,
        8 last_fill_price: double,
        9 client_id: int32,
        10 why_held: string,
        11 mkt_cap_price: double,
    }

    /// Order bound (answer 100).
    OrderBound {
        1 perm_id: int64,
        2 client_id: int32,
        3 order_id: int32,
    }

    /// Completed order (answer 101).
    CompletedOrder {
        1 contract: Contract,
        2 order: Order,
        3 order_state: OrderState,
    }

    /// Completed orders end (answer 102).
    CompletedOrdersEnd {}

    /// Execution request (request 7).
    ExecutionRequest {
        1 req_id: int32,
        2 execution_filter: ExecutionFilter,
    }

    /// Execution filter (part of other messages).
    ExecutionFilter {
        1 client_id: int32,
        2 acct_code: string,
        3 time: string,
        4 symbol: string,
        5 sec_type: string,
        6 exchange: string,
        7 side: string,
        8 last_n_days: int32,
        9 specific_dates: [int32],
    }

    /// Execution details (answer 11).
    ExecutionDetails {
        1 req_id: int32,
        2 contract: Contract,
        3 execution: Execution,
    }

    /// Execution (part of other messages).
    Execution {
        1 order_id: int32,
        2 exec_id: string,
        3 time: string,
        4 acct_number: string,
        5 exchange: string,
        6 side: string,
        7 shares: string,
        8 price: double,
        9 perm_id: int64,
        10 client_id: int32,
        11 is_liquidation: bool,
        12 cum_qty: string,
        13 avg_price: double,
        14 order_ref: string,
        15 ev_rule: string,
        16 ev_multiplier: double,
        17 model_code: string,
        18 last_liquidity: int32,
        19 is_price_revision_pending: bool,
        20 submitter: string,
        21 opt_exercise_or_lapse_type: int32,
    }

    /// Execution details end (answer 55).
    ExecutionDetailsEnd {
        1 req_id: int32,
    }

    /// Commission and fees report (answer 59).
    CommissionAndFeesReport {
        1 exec_id: string,
        2 commission_and_fees: double,
        3 currency: string,
        4 realized_pnl: double,
        5 bond_yield: double,
        6 yield_redemption_date: string,
    }
}
