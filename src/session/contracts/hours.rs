//! Trading hours of a contract, read from its details.

use super::found::Found;
use crate::{
    schema::{
        connection::LinkName,
        request::contract::{HoursAnswer, Session},
    },
    session::{
        core::Core,
        time::{Hours, Trading},
    },
};

/// Longest text that is read, in bytes.
const TEXT_BYTES_MAX: usize = 64 * 1024;

/// Trading and liquid hours; `None` where the gateway tells none, or its zone is unknown.
pub(super) fn hours_of(core: &mut Core, found: &Found) -> (Option<Hours>, Option<Hours>) {
    let (zone, trading, liquid) = found.hours_texts();
    let told = |text: Option<&str>| text.is_some_and(|text| !text.trim().is_empty());
    if !told(trading) && !told(liquid) {
        return (None, None);
    }
    let what = "contracts in it have no hours";
    let Some(zone) = core.zone(LinkName::Data, zone.unwrap_or_default(), what) else { return (None, None) };
    let mut read = |text: Option<&str>| {
        let text = text.filter(|text| told(Some(text)) && text.len() <= TEXT_BYTES_MAX)?;
        let (hours, strange) = Hours::read(text, zone);
        if let Some(first) = strange.first() {
            core.tell_strange_hours(found.con_id(), first);
        }
        Some(hours)
    };
    (read(trading), read(liquid))
}

/// The sessions as they are published.
pub(super) fn sessions(hours: &Hours) -> Vec<Session> {
    hours.spans().iter().map(|span| Session { start_us: span.start_us, end_us: span.end_us }).collect()
}

/// The answer about one contract.
pub(super) fn answer(core: &mut Core, found: &Found, instrument: crate::schema::Instrument) -> HoursAnswer {
    let now_us = core.now.us;
    let (trading, liquid) = hours_of(core, found);
    let is_open = |hours: &Option<Hours>| match hours.as_ref()?.at(now_us) {
        Trading::Untold => None,
        Trading::Closed => Some(false),
        Trading::Open(_) => Some(true),
    };
    let closes = trading.as_ref().and_then(|hours| match hours.at(now_us) {
        Trading::Open(span) => Some(span.end_us),
        _ => None,
    });
    HoursAnswer {
        instrument,
        time_zone: found.zone_name(),
        is_open: is_open(&trading),
        is_liquid: is_open(&liquid),
        closes_us: closes,
        opens_us: trading.as_ref().and_then(|hours| hours.next_open(now_us)),
        told_until_us: trading.as_ref().and_then(Hours::told).map(|told| told.end_us),
        trading: trading.as_ref().map(sessions),
        liquid: liquid.as_ref().map(sessions),
    }
}
