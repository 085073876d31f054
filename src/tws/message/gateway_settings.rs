//! The gateway's own settings.

use super::message;

message! {
    /// Asks for the gateway's own settings (request 108). From [`crate::tws::ServerVersion::CONFIG`].
    ConfigRequest {
        1 req_id: int32,
    }

    /// The gateway's own settings (answer 110).
    ConfigResponse {
        1 req_id: int32,
        2 lock_and_exit: LockAndExitConfig,
        3 messages: [MessageConfig],
        4 api: ApiConfig,
        5 orders: OrdersConfig,
    }

    /// Changes some of the gateway's own settings (request 109). From
    /// [`crate::tws::ServerVersion::UPDATE_CONFIG`].
    UpdateConfigRequest {
        1 req_id: int32,
        2 lock_and_exit: LockAndExitConfig,
        3 messages: [MessageConfig],
        4 api: ApiConfig,
        5 orders: OrdersConfig,
        6 accepted_warnings: [UpdateConfigWarning],
        7 reset_api_order_sequence: bool,
    }

    /// Says which settings were changed, and what to confirm first (answer 111).
    UpdateConfigResponse {
        1 req_id: int32,
        2 status: string,
        3 message: string,
        4 changed_fields: [string],
        5 errors: [string],
        6 warnings: [UpdateConfigWarning],
    }

    /// A warning that must be confirmed before a setting is changed.
    UpdateConfigWarning {
        1 message_id: int32,
        2 title: string,
        3 message: string,
    }

    /// When the gateway restarts or logs off by itself.
    LockAndExitConfig {
        1 auto_logoff_time: string,
        2 auto_logoff_period: string,
        3 auto_logoff_type: string,
    }

    /// A message of the gateway's user interface and whether it is shown.
    MessageConfig {
        1 id: int32,
        2 title: string,
        3 message: string,
        4 default_action: string,
        5 enabled: bool,
    }

    /// The settings for API clients.
    ApiConfig {
        1 precautions: ApiPrecautionsConfig,
        2 settings: ApiSettingsConfig,
    }

    /// Which precautions API orders skip. One that is not skipped can hold an order, without a notice, until
    /// somebody clicks.
    ApiPrecautionsConfig {
        1 bypass_order_precautions: bool,
        2 bypass_bond_warning: bool,
        3 bypass_negative_yield_confirmation: bool,
        4 bypass_called_bond_warning: bool,
        5 bypass_same_action_pair_trade_warning: bool,
        6 bypass_flagged_accounts_warning: bool,
        7 bypass_price_based_volatility_warning: bool,
        8 bypass_redirect_order_warning: bool,
        9 bypass_no_overfill_protection: bool,
        10 bypass_route_marketable_to_bbo: bool,
    }

    /// The API page of the gateway's settings.
    ApiSettingsConfig {
        1 read_only_api: bool,
        2 total_quantity_for_mutual_funds: bool,
        3 download_open_orders_on_connection: bool,
        4 include_virtual_fx_positions: bool,
        5 prepare_daily_pnl: bool,
        6 send_status_updates_for_volatility_orders: bool,
        7 encode_api_messages: string,
        8 socket_port: int32,
        9 use_negative_auto_range: bool,
        10 create_api_message_log_file: bool,
        11 include_market_data_in_log_file: bool,
        12 expose_trading_schedule_to_api: bool,
        13 split_insured_deposit_from_cash_balance: bool,
        14 send_zero_positions_for_today_only: bool,
        15 let_api_account_requests_switch_subscription: bool,
        16 use_account_groups_with_allocation_methods: bool,
        17 logging_level: string,
        18 master_client_id: int32,
        19 bulk_data_timeout: int32,
        20 component_exch_separator: string,
        21 show_forex_data_in1_10_pips: bool,
        22 allow_forex_trading_in1_10_pips: bool,
        23 round_account_values_to_nearest_whole_number: bool,
        24 send_market_data_in_lots_for_us_stocks: bool,
        25 show_advanced_order_reject_in_ui: bool,
        26 reject_messages_above_max_rate: bool,
        27 maintain_connection_on_incorrect_fields: bool,
        28 compatibility_mode_nasdaq_stocks: bool,
        29 send_instrument_timezone: string,
        30 send_forex_data_in_compatibility_mode: bool,
        31 maintain_and_resubmit_orders_on_reconnect: bool,
        32 historical_data_max_size: int32,
        33 auto_report_netting_event_contract_trades: bool,
        34 option_exercise_request_type: string,
        35 allow_localhost_only: bool,
        36 trusted_ips: [string],
    }

    /// The settings for orders.
    OrdersConfig {
        1 smart_routing: OrdersSmartRoutingConfig,
    }

    /// The settings for smart routing.
    OrdersSmartRoutingConfig {
        1 seek_price_improvement: bool,
        2 pre_open_reroute: bool,
        3 do_not_route_to_dark_pools: bool,
        4 default_algorithm: string,
    }
}
