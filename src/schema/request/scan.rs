//! `scan.*`: market scanners.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::market::Usage;
use crate::schema::scan::ScanEvent;

/// What is scanned for. Codes are those of `scan.parameters`.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scan {
    /// Kind of instrument, such as `STK`.
    pub instrument: String,
    /// Where, such as `STK.US.MAJOR`.
    pub location: String,
    /// What for, such as `TOP_PERC_GAIN`.
    pub scan_code: String,
    /// Rows wanted: 1 to 50. Default 50.
    pub rows: Option<u8>,
    /// Only above this price.
    pub above_price: Option<f64>,
    /// Only below this price.
    pub below_price: Option<f64>,
    /// Only above this volume.
    pub above_volume: Option<u32>,
    /// Only above this market capitalisation.
    pub market_cap_above: Option<f64>,
    /// Only below this market capitalisation.
    pub market_cap_below: Option<f64>,
    /// Only above this average option volume.
    pub average_option_volume_above: Option<u32>,
    /// `ALL`, `STOCK`, `ETF` or what else IB knows.
    pub stock_type: Option<String>,
    /// For bonds: Moody's rating at least.
    pub moody_rating_above: Option<String>,
    /// For bonds: Moody's rating at most.
    pub moody_rating_below: Option<String>,
    /// For bonds: S&P rating at least.
    pub sp_rating_above: Option<String>,
    /// For bonds: S&P rating at most.
    pub sp_rating_below: Option<String>,
    /// For bonds: maturity after this date, `YYYYMMDD`.
    pub maturity_after: Option<String>,
    /// For bonds: maturity before this date, `YYYYMMDD`.
    pub maturity_before: Option<String>,
    /// For bonds: coupon at least, in percent.
    pub coupon_above: Option<f64>,
    /// For bonds: coupon at most, in percent.
    pub coupon_below: Option<f64>,
    /// For bonds: leave out convertible ones.
    pub exclude_convertible: Option<bool>,
    /// Settings of the scan code as IB writes them, such as `Annual,true`.
    pub settings: Option<String>,
    /// Further filters by IB's code, such as `{"priceAbove":"5"}`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub filters: BTreeMap<String, String>,
}

/// What to do when all scanners of the login are taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnLimit {
    /// Wait for one to become free.
    #[default]
    Queue,
    /// Refuse with `pacing_limited` and name the holders.
    Refuse,
}

/// `scan.run`: the present result, once.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunScan {
    /// What to scan for.
    pub scan: Scan,
    /// When all scanners are taken: `queue` (the default) or `refuse`.
    #[serde(default)]
    pub on_limit: OnLimit,
    /// Give up after this many milliseconds.
    pub timeout_ms: Option<u64>,
}

/// `scan.subscribe`: take a lease on a scanner; results are published on `ib.scan.<id>`.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SubscribeScan {
    /// What to scan for.
    pub scan: Scan,
    /// Seconds until the lease ends unless renewed; 0 = until unsubscribed, also over restarts of the bridge. Default 60.
    #[serde(default = "a_minute")]
    pub ttl_s: u32,
    /// When all scanners are taken: `queue` (the default) or `refuse`.
    #[serde(default)]
    pub on_limit: OnLimit,
    /// Give up after this many milliseconds.
    pub timeout_ms: Option<u64>,
}

fn a_minute() -> u32 {
    60
}

/// Where a scanner stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ScanState {
    /// Waits for a place among the scanners of the login, or for the gateway.
    Waiting,
    /// Asked for; no result yet.
    Asked,
    /// Results come.
    Running,
}

/// A lease on a scanner.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ScanLease {
    /// Name of the lease, for `scan.renew` and `scan.unsubscribe`.
    pub lease: String,
    /// Client that holds it; absent for requests without a client token.
    pub client: Option<String>,
    /// Names what is scanned for: the same question has the same id.
    pub id: String,
    /// Where its results are published.
    pub subject: String,
    /// What is scanned for.
    pub scan: Scan,
    /// Where the scanner stands.
    pub state: ScanState,
    /// How many leases share it, this one included.
    pub holders: u32,
    /// Seconds granted at each renewal; 0 = until unsubscribed.
    pub ttl_s: u32,
    /// When it ends unless renewed, microseconds UTC, our clock; absent if it does not end.
    pub expires_us: Option<i64>,
    /// The last result, if there is one.
    pub last: Option<ScanEvent>,
    /// Why the gateway does not scan at present; it is asked again.
    pub trouble: Option<String>,
}

/// `scan.renew`: keep a lease.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RenewScan {
    /// The lease.
    pub lease: String,
}

/// `scan.unsubscribe`: give a lease back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UnsubscribeScan {
    /// The lease.
    pub lease: String,
}

/// Answer to `scan.unsubscribe`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UnsubscribedScan {
    /// The lease that ended.
    pub lease: String,
    /// True if nobody else needs the scanner, so that it was ended.
    pub cancelled: bool,
}

/// `scan.list`: all leases on scanners.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListScans {}

/// Answer to `scan.list`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Scans {
    /// Leases in the order they were taken.
    pub leases: Vec<ScanLease>,
    /// Scanners in use and allowed.
    pub scanners: Usage,
}

/// A part of the scanner parameters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ParameterPart {
    /// Kinds of instruments.
    #[default]
    Instruments,
    /// Places, for one kind of instrument or all.
    Locations,
    /// Scan codes, for one kind of instrument or all.
    ScanCodes,
    /// Filters.
    Filters,
    /// IB's XML document itself, cut into pieces.
    Raw,
}

/// `scan.parameters`: which codes a scan may name. The document is large, so ask part by part.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ParametersRequest {
    /// Which part. Default `instruments`.
    pub part: ParameterPart,
    /// Only what goes with this kind of instrument, such as `STK`.
    pub instrument: Option<String>,
    /// Page number from 0; see `pages` in the answer.
    pub page: u32,
    /// Give up after this many milliseconds.
    pub timeout_ms: Option<u64>,
}

/// Answer to `scan.parameters`: one page of the part asked for.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Parameters {
    /// This page, from 0.
    pub page: u32,
    /// How many pages the part has.
    pub pages: u32,
    /// Kinds of instruments.
    pub instruments: Option<Vec<ScanInstrument>>,
    /// Places.
    pub locations: Option<Vec<ScanLocation>>,
    /// Scan codes.
    pub scan_codes: Option<Vec<ScanCode>>,
    /// Filters.
    pub filters: Option<Vec<ScanFilter>>,
    /// A piece of the XML document; the pieces of all pages in order are the document.
    pub raw: Option<String>,
}

/// A kind of instrument that can be scanned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ScanInstrument {
    /// Code for `instrument`.
    pub code: String,
    /// Its name.
    pub name: String,
    /// Codes of the filters that go with it.
    pub filters: Vec<String>,
}

/// A place that can be scanned.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ScanLocation {
    /// Code for `location`.
    pub code: String,
    /// Its name.
    pub name: String,
    /// The place it is a part of.
    pub parent: Option<String>,
    /// Kinds of instruments that can be scanned there.
    pub instruments: Vec<String>,
}

/// What can be scanned for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ScanCode {
    /// Code for `scan_code`.
    pub code: String,
    /// Its name.
    pub name: String,
    /// Kinds of instruments it goes with.
    pub instruments: Vec<String>,
}

/// One filter.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ScanFilter {
    /// IB's name of the filter.
    pub id: String,
    /// Group it is shown in.
    pub category: Option<String>,
    /// Codes for `filters`, one for each bound or value.
    pub fields: Vec<ScanField>,
}

/// One value of a filter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ScanField {
    /// Code for `filters`.
    pub code: String,
    /// Its name.
    pub name: String,
}
