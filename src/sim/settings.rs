//! The gateway's own settings, as its API page shows them.

use crate::tws::message::gateway_settings::{
    ApiConfig, ApiPrecautionsConfig, ApiSettingsConfig, ConfigRequest, ConfigResponse, LockAndExitConfig,
};

/// The settings of a gateway that was set up for API orders, but perhaps for its read-only switch.
pub(super) fn answer(request: &ConfigRequest, is_read_only: bool) -> ConfigResponse {
    let precautions = ApiPrecautionsConfig {
        bypass_order_precautions: Some(true),
        bypass_price_based_volatility_warning: Some(true),
        bypass_redirect_order_warning: Some(true),
        bypass_no_overfill_protection: Some(true),
        ..ApiPrecautionsConfig::default()
    };
    let settings = ApiSettingsConfig {
        read_only_api: Some(is_read_only),
        maintain_connection_on_incorrect_fields: Some(true),
        allow_localhost_only: Some(true),
        ..ApiSettingsConfig::default()
    };
    ConfigResponse {
        req_id: request.req_id,
        lock_and_exit: Some(LockAndExitConfig {
            auto_logoff_time: Some("23:45".to_owned()),
            auto_logoff_type: Some("restart".to_owned()),
            ..LockAndExitConfig::default()
        }),
        api: Some(ApiConfig { precautions: Some(precautions), settings: Some(settings) }),
        ..ConfigResponse::default()
    }
}
