//! Bars of five seconds out of a historical request that is kept up to date, instead of real-time bars.
//!
//! The gateway sends the current bar every second or two, grown; a later time stamp says that the one before is
//! final, and nothing else does (`ib-behaviour` section 8).

use super::source;
use crate::{
    schema::bar::{Bar, BarSize},
    session::{
        Listing,
        listing::of_trades,
        pacing::{Cost, HistoryCost},
    },
    tws::{
        Request,
        message::{
            contract::Contract,
            history::{HistoricalDataBar, HistoricalDataRequest},
        },
        sentinel::unset_double,
    },
};

/// What is asked for before the bars that follow; the builders have gaps mended themselves.
const DURATION: &str = "60 S";

/// The bar that still grows.
#[derive(Debug, Default)]
pub(super) struct Kept {
    pub(super) current: Option<Bar>,
}

impl Kept {
    /// Takes an update. Returns the bar that it shows to be final.
    pub(super) fn update(&mut self, bar: Bar) -> Option<Bar> {
        match &mut self.current {
            Some(current) if bar.start_us < current.start_us => None,
            Some(current) if bar.start_us == current.start_us => {
                *current = bar;
                None
            }
            _ => self.current.replace(bar),
        }
    }
}

/// The request under this id, and what it costs: one of the small-bar requests, open until it is cancelled.
pub(in crate::session::market) fn request(
    listing: &Listing,
    contract: Option<Contract>,
    req_id: Option<i32>,
) -> (Request, Cost) {
    let request = HistoricalDataRequest {
        req_id,
        contract,
        // IB wants it empty.
        end_date_time: Some(String::new()),
        bar_size_setting: Some(BarSize::FIVE_SECONDS.ib_text().to_owned()),
        duration: Some(DURATION.to_owned()),
        use_rth: Some(false),
        what_to_show: Some(source(listing).ib_text().to_owned()),
        format_date: Some(2),
        keep_up_to_date: Some(true),
        ..HistoricalDataRequest::default()
    };
    let rest = [String::new(), DURATION.to_owned(), BarSize::FIVE_SECONDS.ib_text().to_owned()];
    let cost = HistoryCost::new(&listing.instrument, source(listing).ib_text(), true, &rest);
    (Request::HistoricalDataRequest(Box::new(request)), Cost::History(cost))
}

/// Reads a bar. `None` if its time or one of its prices cannot be read.
pub(in crate::session::market) fn read(row: &HistoricalDataBar) -> Option<Bar> {
    let seconds: i64 = row.date.as_deref()?.trim().parse().ok().filter(|seconds| *seconds > 0)?;
    let price = |field: Option<f64>| field.and_then(unset_double);
    Some(Bar {
        start_us: seconds.checked_mul(1_000_000)?,
        date: None,
        open: price(row.open)?,
        high: price(row.high)?,
        low: price(row.low)?,
        close: price(row.close)?,
        volume: of_trades(row.volume.as_deref()),
        wap: of_trades(row.wap.as_deref()),
        count: row.bar_count.filter(|count| *count >= 0),
    })
}
