//! Placing and cancelling orders, and every report about them: states, executions, commissions.

use super::message;

use super::contract::Contract;
use super::order::{AttachedOrders, Order, OrderCancel, OrderState};

message! {
    /// Places an order; with the number of a living order, modifies it (request 3). Answered by [`OpenOrder`],
    /// [`OrderStatus`], [`ExecutionDetails`] and notices together: none of them is certain to come.
    PlaceOrderRequest {
        1 order_id: int32,
        2 contract: Contract,
        3 order: Order,
        4 attached_orders: AttachedOrders,
    }

    /// Cancels one order of this client (request 4). The cancel is confirmed by notice 202 or a status, and may
    /// lose the race against a fill.
    CancelOrderRequest {
        1 order_id: int32,
        2 order_cancel: OrderCancel,
    }

    /// Cancels every order of the login, whoever placed it (request 58).
    GlobalCancelRequest {
        1 order_cancel: OrderCancel,
    }

    /// Exercises options or lets them lapse (request 21). IB calls `override_flag` "override".
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

    /// Asks for the open orders of this client id (request 5). For client id 0 it also binds orders typed in
    /// TWS.
    OpenOrdersRequest {}

    /// Asks once for the open orders of the whole login, without binding them (request 16).
    AllOpenOrdersRequest {}

    /// Binds orders typed in TWS from now on; client id 0 only (request 15).
    AutoOpenOrdersRequest {
        1 auto_bind: bool,
    }

    /// Asks for the orders that are over (request 99). With `api_only` those placed through the API.
    CompletedOrdersRequest {
        1 api_only: bool,
    }

    /// One open order: on request, when placed, and at changes (answer 5). Repeats. `order_id` 0 marks an order
    /// that belongs to nobody's client id.
    OpenOrder {
        1 order_id: int32,
        2 contract: Contract,
        3 order: Order,
        4 order_state: OrderState,
    }

    /// Ends the orders of one request (answer 53).
    OpenOrdersEnd {}

    /// The state of one order (answer 3). Repeats, and is not sent for every change: an order that fills at
    /// once may have none.
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

    /// An order typed in TWS was given an order number of this client (answer 100).
    OrderBound {
        1 perm_id: int64,
        2 client_id: int32,
        3 order_id: int32,
    }

    /// One order that is over (answer 101). Without an order number: `perm_id` tells which.
    CompletedOrder {
        1 contract: Contract,
        2 order: Order,
        3 order_state: OrderState,
    }

    /// Ends the completed orders (answer 102).
    CompletedOrdersEnd {}

    /// Asks for the executions of the gateway's day (request 7).
    ExecutionRequest {
        1 req_id: int32,
        2 execution_filter: ExecutionFilter,
    }

    /// Which executions to send; what is absent does not filter. An unset `last_n_days` is left out or
    /// 2147483647.
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

    /// One execution: on request, and unasked with request id -1 when an order fills (answer 11). Its
    /// commission comes apart ([`CommissionAndFeesReport`]).
    ExecutionDetails {
        1 req_id: int32,
        2 contract: Contract,
        3 execution: Execution,
    }

    /// One fill. A correction has the same `exec_id` but for what follows the last dot; the highest replaces
    /// the others. `side` is `BOT` or `SLD`.
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

    /// Ends the executions of one request (answer 55).
    ExecutionDetailsEnd {
        1 req_id: int32,
    }

    /// What one execution cost; `exec_id` is all that ties it to its [`Execution`] (answer 59). Unset
    /// `realized_pnl` and `bond_yield` are 1.7976931348623157E308 ([`crate::tws::sentinel::unset_double`]).
    CommissionAndFeesReport {
        1 exec_id: string,
        2 commission_and_fees: double,
        3 currency: string,
        4 realized_pnl: double,
        5 bond_yield: double,
        6 yield_redemption_date: string,
    }
}
