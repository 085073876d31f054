//! The corporate events calendar of Wall Street Horizon.

use std::collections::BTreeSet;

use chrono::{Days, NaiveDate};
use chrono_tz::Tz;
use serde_json::{Value, json};

use super::expiry;
use super::gateway::World;
use super::outbox::{ConnectionId, Outbox};
use super::universe::{Refusal, given};
use crate::tws::message::news::{WshEventData, WshEventDataRequest, WshMetaData};
use crate::tws::{Request, Response};

/// Days ahead the calendar reaches, and events of one answer.
const DAYS_AHEAD: u64 = 365;
const EVENTS_MAX: usize = 100;

/// Which connections have asked for the metadata, which comes before events.
#[derive(Debug, Default)]
pub(super) struct Calendar {
    prepared: BTreeSet<ConnectionId>,
}

impl Calendar {
    /// Answers a request about the calendar; false if it is about something else.
    pub(super) fn answer(&mut self, world: &World, to: ConnectionId, request: &Request, out: &mut Outbox) -> bool {
        match request {
            Request::WshMetaDataRequest(request) => {
                self.prepared.insert(to);
                let data_json = Some(metadata().to_string());
                out.send(to, Response::WshMetaData(WshMetaData { req_id: request.req_id, data_json }));
            }
            Request::WshEventDataRequest(request) => {
                let answer = if self.prepared.contains(&to) {
                    events(world, request, out.now_ms)
                } else {
                    Err(Refusal::new(10_282, "WSH metadata should be requested before WSH event data"))
                };
                match answer {
                    Ok(events) => {
                        let data_json = Some(events.to_string());
                        out.send(to, Response::WshEventData(WshEventData { req_id: request.req_id, data_json }));
                    }
                    Err(refusal) => out.refuse(to, request.req_id.unwrap_or_default(), refusal),
                }
            }
            // Both are answered at once, so there is never anything left to cancel.
            Request::CancelWshMetaData(request) => {
                out.error(
                    to,
                    request.req_id.unwrap_or_default(),
                    10_280,
                    "Failed to cancel WSH metadata: none pending",
                );
            }
            Request::CancelWshEventData(request) => {
                let text = "Failed to cancel WSH event data: none pending";
                out.error(to, request.req_id.unwrap_or_default(), 10_284, text);
            }
            _ => return false,
        }
        true
    }

    pub(super) fn closed(&mut self, connection: ConnectionId) {
        self.prepared.remove(&connection);
    }
}

fn metadata() -> Value {
    let kind = |name: &str, tag: &str| json!({"name": name, "tag": tag});
    json!({"meta_data": {
        "event_types": [kind("Earnings", "wshe_ed"), kind("Dividend", "wshe_div")],
        "filters": [
            {"name": "Watchlist", "tag": "watchlist", "type": "array"},
            {"name": "Country", "tag": "country", "type": "text"},
            {"name": "Limit", "tag": "limit", "type": "number"},
        ],
    }})
}

fn events(world: &World, request: &WshEventDataRequest, now_ms: i64) -> Result<Value, Refusal> {
    let failed = |cause: &str| Refusal::new(10_283, format!("Failed to request WSH event data: {cause}"));
    let today = expiry::day_of(Tz::US__Eastern, now_ms);
    let last = today.checked_add_days(Days::new(DAYS_AHEAD)).unwrap_or(today);
    let day = |field: Option<&String>| match given(field) {
        Some(text) => NaiveDate::parse_from_str(text, "%Y%m%d").map(Some).map_err(|_| failed("invalid date")),
        None => Ok(None),
    };
    let (start, end) =
        (day(request.start_date.as_ref())?.unwrap_or(today), day(request.end_date.as_ref())?.unwrap_or(last));
    let end = end.min(last.checked_add_days(Days::new(9 * DAYS_AHEAD)).unwrap_or(last));
    let filter = given(request.filter.as_ref()).map(serde_json::from_str::<Value>).transpose();
    let filter = filter.map_err(|_| failed("the filter is no JSON"))?;
    let listed = filter.as_ref().and_then(|filter| filter["watchlist"].as_array()).map(|ids| {
        let id = |id: &Value| id.as_i64().or_else(|| id.as_str()?.parse().ok());
        ids.iter().filter_map(id).filter_map(|id| i32::try_from(id).ok()).collect::<Vec<_>>()
    });
    let wanted = match (request.con_id.filter(|con_id| *con_id > 0 && *con_id != i32::MAX), listed) {
        (Some(con_id), _) => vec![con_id],
        (None, Some(listed)) => listed,
        (None, None) if filter.is_some() => world.universe.fixed().iter().map(|one| one.con_id()).collect(),
        (None, None) => return Err(failed("a contract id or a filter is needed")),
    };
    let limit = request.total_limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(EVENTS_MAX).min(EVENTS_MAX);
    let mut rows = Vec::new();
    for con_id in wanted {
        let Some(company) = world.universe.by_con_id(con_id).filter(|company| company.sec_type() == "STK") else {
            continue;
        };
        // Every company reports once in thirteen weeks, on a day of its own.
        let offset = u64::from(con_id.unsigned_abs() % 91);
        let first = NaiveDate::from_ymd_opt(2020, 1, 6).and_then(|day| day.checked_add_days(Days::new(offset)));
        let mut date = first.unwrap_or(today);
        while date <= end {
            if date >= start {
                rows.push((date, row(con_id, company.name, date)));
            }
            let Some(next) = date.checked_add_days(Days::new(91)) else { break };
            date = next;
        }
    }
    rows.sort_by_key(|(date, _)| *date);
    Ok(Value::Array(rows.into_iter().take(limit).map(|(_, row)| row).collect()))
}

fn row(con_id: i32, name: &str, date: NaiveDate) -> Value {
    json!({
        "conids": [con_id.to_string()],
        "company": name,
        "event_type": "wshe_ed",
        "index_date": date.format("%Y%m%d").to_string(),
        "data": {"earnings_date": date.format("%Y%m%d").to_string(), "time_of_day": "AFTER MARKET"},
    })
}
