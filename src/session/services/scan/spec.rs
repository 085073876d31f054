//! What is scanned for: checked, named, and written as a request.

use crate::{
    schema::{ApiError, request::scan::Scan, scan::ScanRow},
    session::services::plain,
    tws::{
        message::scanner::{ScannerDataElement, ScannerSubscription},
        sentinel::{some_text, unset_double},
    },
};

/// Rows IB gives at most: `ib-limits` section 3.
const ROWS_MAX: u8 = 50;
const CODE_CHARS_MAX: usize = 100;
const FILTERS_MAX: usize = 50;

/// Refuses what IB could not be asked.
pub(super) fn check(scan: &Scan) -> Result<(), ApiError> {
    for (field, code) in
        [("instrument", &scan.instrument), ("location", &scan.location), ("scan_code", &scan.scan_code)]
    {
        plain(&format!("scan.{field}"), code, CODE_CHARS_MAX)?;
    }
    if scan.rows.is_some_and(|rows| !(1..=ROWS_MAX).contains(&rows)) {
        return Err(ApiError::invalid(format!("scan.rows is 1 to {ROWS_MAX}")));
    }
    let numbers = [
        ("above_price", scan.above_price),
        ("below_price", scan.below_price),
        ("market_cap_above", scan.market_cap_above),
        ("market_cap_below", scan.market_cap_below),
        ("coupon_above", scan.coupon_above),
        ("coupon_below", scan.coupon_below),
    ];
    if let Some((field, _)) =
        numbers.iter().find(|(_, number)| number.is_some_and(|number| unset_double(number).is_none()))
    {
        return Err(ApiError::invalid(format!("scan.{field} is a number")));
    }
    let texts = [
        ("stock_type", &scan.stock_type),
        ("moody_rating_above", &scan.moody_rating_above),
        ("moody_rating_below", &scan.moody_rating_below),
        ("sp_rating_above", &scan.sp_rating_above),
        ("sp_rating_below", &scan.sp_rating_below),
        ("maturity_after", &scan.maturity_after),
        ("maturity_before", &scan.maturity_before),
        ("settings", &scan.settings),
    ];
    for (field, given) in texts {
        if let Some(given) = given {
            plain(&format!("scan.{field}"), given, 2 * CODE_CHARS_MAX)?;
        }
    }
    if scan.filters.len() > FILTERS_MAX {
        return Err(ApiError::invalid(format!("scan.filters holds at most {FILTERS_MAX} filters")));
    }
    for (code, value) in &scan.filters {
        plain("a code of scan.filters", code, CODE_CHARS_MAX)?;
        plain(&format!("scan.filters.{code}"), value, CODE_CHARS_MAX)?;
    }
    Ok(())
}

/// The same for the same question in every run and on every machine.
pub(super) fn id(scan: &Scan) -> String {
    let rows = Some(scan.rows.unwrap_or(ROWS_MAX));
    let whole = serde_json::to_string(&Scan { rows, ..scan.clone() }).unwrap_or_default();
    // FNV-1a.
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let hash = whole.bytes().fold(0xcbf2_9ce4_8422_2325, step);
    format!("{}-{hash:016x}", scan.scan_code.to_ascii_lowercase())
}

/// The question as IB reads it.
pub(super) fn subscription(scan: &Scan) -> ScannerSubscription {
    let scan = scan.clone();
    ScannerSubscription {
        number_of_rows: Some(i32::from(scan.rows.unwrap_or(ROWS_MAX))),
        instrument: Some(scan.instrument),
        location_code: Some(scan.location),
        scan_code: Some(scan.scan_code),
        above_price: scan.above_price,
        below_price: scan.below_price,
        above_volume: scan.above_volume.map(i64::from),
        market_cap_above: scan.market_cap_above,
        market_cap_below: scan.market_cap_below,
        moody_rating_above: scan.moody_rating_above,
        moody_rating_below: scan.moody_rating_below,
        sp_rating_above: scan.sp_rating_above,
        sp_rating_below: scan.sp_rating_below,
        maturity_date_above: scan.maturity_after,
        maturity_date_below: scan.maturity_before,
        coupon_rate_above: scan.coupon_above,
        coupon_rate_below: scan.coupon_below,
        exclude_convertible: scan.exclude_convertible,
        average_option_volume_above: scan.average_option_volume_above.map(i64::from),
        scanner_setting_pairs: scan.settings,
        stock_type_filter: scan.stock_type,
        scanner_subscription_filter_options: scan.filters,
        ..ScannerSubscription::default()
    }
}

/// One row; `None` if it names no contract.
pub(super) fn row(element: ScannerDataElement) -> Option<ScanRow> {
    let contract = element.contract?;
    Some(ScanRow {
        rank: u32::try_from(element.rank.unwrap_or_default()).unwrap_or_default(),
        con_id: contract.con_id?,
        sec_type: contract.sec_type.unwrap_or_default(),
        symbol: contract.symbol.unwrap_or_default(),
        local_symbol: some_text(contract.local_symbol),
        exchange: some_text(contract.exchange),
        currency: some_text(contract.currency),
        expiry: some_text(contract.last_trade_date_or_contract_month),
        strike: contract.strike.and_then(unset_double).filter(|strike| *strike != 0.0),
        right: some_text(contract.right).filter(|right| right != "0" && right != "?"),
        trading_class: some_text(contract.trading_class),
        market_name: some_text(element.market_name),
        distance: some_text(element.distance),
        benchmark: some_text(element.benchmark),
        projection: some_text(element.projection),
        legs: some_text(element.combo_key),
    })
}
