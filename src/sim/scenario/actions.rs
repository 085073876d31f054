//! Reads what a rule does: the word after `do` and the keys that belong to it.

use super::error::{ScenarioError, unknown};
use super::table::Fields;
use crate::sim::faults::action::{
    Action, Door, Garbage, GatewayFault, IbFault, LineFault, LinkBack, MessageFault, RequestFault, StreamKind, Streams,
};
use crate::sim::faults::{DATA_FARMS, DEFINITION_FARMS, HISTORY_FARMS};

/// A year in milliseconds: longer times are slips of the keyboard.
pub(super) const MS_MAX: i64 = 366 * 24 * 3600 * 1000;

/// Every word that may follow `do`.
pub(super) const ACTIONS: &[&str] = &[
    "cut",
    "half_open",
    "stall",
    "delay",
    "split",
    "merge",
    "slow_reading",
    "garbage",
    "closed_port",
    "mute_handshake",
    "hang_up",
    "client_id_in_use",
    "drop",
    "late",
    "double",
    "swap",
    "corrupt",
    "mute",
    "refuse",
    "hold",
    "notice",
    "stream_error",
    "kill_streams",
    "restart",
    "read_only",
    "order_flood",
    "roll_back_ids",
    "reject_next_order",
    "silence_next_order",
    "acknowledge_orders",
    "link_down",
    "farm_down",
    "competing_session",
    "correct_fill",
    "bust_fill",
    "price",
    "halt",
];

const GARBAGE: &[(&str, Garbage)] = &[
    ("unknown_id", Garbage::UnknownId),
    ("undecodable", Garbage::Undecodable),
    ("text", Garbage::Text),
    ("runt", Garbage::Runt),
    ("oversize", Garbage::Oversize),
    ("noise", Garbage::Noise),
];

const KINDS: &[(&str, StreamKind)] = &[
    ("market_data", StreamKind::MarketData),
    ("depth", StreamKind::Depth),
    ("tick_by_tick", StreamKind::TickByTick),
    ("real_time_bars", StreamKind::RealTimeBars),
    ("updated_bars", StreamKind::UpdatedBars),
];

const BACK: &[(&str, LinkBack)] =
    &[("1101", LinkBack::DataLost), ("1102", LinkBack::DataKept), ("nothing", LinkBack::Untold)];

/// Which part of a line stalls.
const WAYS: &[(&str, (bool, bool))] = &[("read", (true, false)), ("write", (false, true)), ("both", (true, true))];

/// Texts of notices that need none in the file.
const TEXTS: &[(i32, &str)] = &[
    (326, "Unable to connect as the client id is already in use. Retry with a unique client id."),
    (504, "Not connected"),
    (1100, "Connectivity between IBKR and Trader Workstation has been lost."),
    (
        1101,
        "Connectivity between IBKR and Trader Workstation has been restored - data lost. All market data requests must be resubmitted.",
    ),
    (1102, "Connectivity between IBKR and Trader Workstation has been restored - data maintained."),
    (
        1300,
        "TWS socket port has been reset and this connection is being dropped. Please reconnect on the new port - 4003",
    ),
    (2103, "Market data farm connection is broken:usfarm"),
    (2104, "Market data farm connection is OK:usfarm"),
    (2105, "HMDS data farm connection is broken:ushmds"),
    (2106, "HMDS data farm connection is OK:ushmds"),
    (2107, "HMDS data farm connection is inactive but should be available upon demand.ushmds"),
    (2108, "Market data farm connection is inactive but should be available upon demand.usfarm"),
    (2110, "Connectivity between Trader Workstation and server is broken. It will be restored automatically."),
    (2119, "Market data farm is connecting:usfarm"),
    (2157, "Sec-def data farm connection is broken:secdefnj"),
    (2158, "Sec-def data farm connection is OK:secdefnj"),
    (162, "Historical Market Data Service error message:API historical data query cancelled: pacing violation"),
    (10182, "Failed to request live updates (disconnected)."),
    (10197, "No market data during competing live session"),
    (10225, "Bust event occurred, current subscription is deactivated. Please resubscribe real-time bars immediately."),
    (317, "Market depth data has been RESET. Please empty deep book contents before applying any new entries."),
];

pub(super) fn read(fields: &mut Fields<'_, '_>) -> Result<Action, ScenarioError> {
    let Some(word) = fields.text("do")? else {
        return Err(fields.error(format!("this rule has no do = \"...\"; say what happens: {}", ACTIONS.join(", "))));
    };
    if let Some(fault) = line_fault(&word, fields)? {
        return Ok(Action::Line(fault));
    }
    if let Some(door) = door(&word) {
        return Ok(Action::Door { door, for_ms: must(fields, "for_ms")? });
    }
    if let Some(fault) = message_fault(&word, fields)? {
        return Ok(Action::Message(fault));
    }
    if let Some(fault) = request_fault(&word, fields)? {
        return Ok(Action::Request(fault));
    }
    if let Some(fault) = gateway_fault(&word, fields)? {
        return Ok(Action::Gateway(fault));
    }
    if let Some(fault) = ib_fault(&word, fields)? {
        return Ok(Action::Ib(fault));
    }
    Err(fields.error_at("do", unknown("thing to do", &word, ACTIONS)))
}

fn line_fault(word: &str, fields: &mut Fields<'_, '_>) -> Result<Option<LineFault>, ScenarioError> {
    Ok(Some(match word {
        "cut" => LineFault::Cut { mid_frame: fields.yes("mid_frame")? },
        "half_open" => LineFault::HalfOpen { for_ms: must(fields, "for_ms")? },
        "stall" => {
            let (reads, writes) = fields.word("way", WAYS)?.unwrap_or((true, true));
            LineFault::Stall { for_ms: must(fields, "for_ms")?, reads, writes }
        }
        "delay" => LineFault::Delay {
            by_ms: must(fields, "by_ms")?,
            jitter_ms: ms(fields, "jitter_ms")?.unwrap_or_default(),
            for_ms: ms(fields, "for_ms")?,
        },
        "split" => LineFault::Split {
            bytes: usize::try_from(fields.whole("bytes", 1..65_537)?.unwrap_or(1)).unwrap_or(1),
            for_ms: ms(fields, "for_ms")?,
        },
        "merge" => LineFault::Merge { gather_ms: must(fields, "gather_ms")?, for_ms: ms(fields, "for_ms")? },
        "slow_reading" => LineFault::SlowReading { per_s: count(fields, "per_s")?, for_ms: ms(fields, "for_ms")? },
        "garbage" => LineFault::Garbage(fields.word("kind", GARBAGE)?.unwrap_or(Garbage::Undecodable)),
        _ => return Ok(None),
    }))
}

fn door(word: &str) -> Option<Door> {
    match word {
        "closed_port" => Some(Door::Closed),
        "mute_handshake" => Some(Door::Mute),
        "hang_up" => Some(Door::HangUp),
        "client_id_in_use" => Some(Door::InUse),
        _ => None,
    }
}

fn message_fault(word: &str, fields: &mut Fields<'_, '_>) -> Result<Option<MessageFault>, ScenarioError> {
    Ok(Some(match word {
        "drop" => MessageFault::Drop,
        "late" => MessageFault::Late {
            by_ms: must(fields, "by_ms")?,
            jitter_ms: ms(fields, "jitter_ms")?.unwrap_or_default(),
        },
        "double" => MessageFault::Double,
        "swap" => MessageFault::Swap,
        "corrupt" => MessageFault::Corrupt,
        _ => return Ok(None),
    }))
}

fn request_fault(word: &str, fields: &mut Fields<'_, '_>) -> Result<Option<RequestFault>, ScenarioError> {
    Ok(Some(match word {
        "mute" => RequestFault::Mute,
        "refuse" => {
            let (code, text) = code_and_text(fields)?;
            RequestFault::Refuse { code, text }
        }
        "hold" => RequestFault::Hold { by_ms: must(fields, "by_ms")? },
        _ => return Ok(None),
    }))
}

fn gateway_fault(word: &str, fields: &mut Fields<'_, '_>) -> Result<Option<GatewayFault>, ScenarioError> {
    Ok(Some(match word {
        "notice" => {
            let (code, text) = code_and_text(fields)?;
            let count = if fields.has("count") { count(fields, "count")? } else { 1 };
            GatewayFault::Notice { code, text, count }
        }
        "stream_error" => {
            let (code, text) = code_and_text(fields)?;
            GatewayFault::StreamError { streams: streams(fields)?, code, text, ends: fields.yes("ends")? }
        }
        "kill_streams" => GatewayFault::KillStreams(streams(fields)?),
        "restart" => GatewayFault::Restart { for_ms: must(fields, "for_ms")? },
        "read_only" => GatewayFault::ReadOnly { for_ms: ms(fields, "for_ms")? },
        "order_flood" => GatewayFault::OrderFlood { count: count(fields, "count")? },
        "roll_back_ids" => {
            let by = fields.whole("by", 1..1_000_000_001)?.unwrap_or(1);
            GatewayFault::RollBackIds { by: i32::try_from(by).unwrap_or(1) }
        }
        "reject_next_order" => {
            let (code, text) = code_and_text(fields)?;
            GatewayFault::RejectNext { code, text }
        }
        "silence_next_order" => GatewayFault::SilenceNext,
        "acknowledge_orders" => GatewayFault::Acknowledge,
        _ => return Ok(None),
    }))
}

fn ib_fault(word: &str, fields: &mut Fields<'_, '_>) -> Result<Option<IbFault>, ScenarioError> {
    Ok(Some(match word {
        "link_down" => IbFault::LinkDown {
            for_ms: must(fields, "for_ms")?,
            back: fields.word("back", BACK)?.unwrap_or(LinkBack::DataKept),
            repeat_ms: ms(fields, "repeat_ms")?,
        },
        "farm_down" => IbFault::FarmDown { farm: farm(fields)?, for_ms: must(fields, "for_ms")? },
        "competing_session" => IbFault::CompetingSession { for_ms: must(fields, "for_ms")? },
        "correct_fill" => IbFault::Correct { change_ppm: change(fields)?.unwrap_or(1_000) },
        "bust_fill" => IbFault::Bust,
        "price" => {
            let to = fields.number("to", 1e-6, 1e9)?;
            let change_ppm = change(fields)?;
            if to.is_some() == change_ppm.is_some() {
                return Err(fields.error("price needs either to = 190.5 or change_percent = -2"));
            }
            IbFault::Price { symbol: symbol(fields)?, to, change_ppm: change_ppm.unwrap_or_default() }
        }
        "halt" => IbFault::Halt { symbol: symbol(fields)?, for_ms: ms(fields, "for_ms")? },
        _ => return Ok(None),
    }))
}

/// A length of time in milliseconds.
pub(super) fn ms(fields: &mut Fields<'_, '_>, key: &'static str) -> Result<Option<i64>, ScenarioError> {
    fields.whole(key, 0..MS_MAX + 1)
}

fn must(fields: &mut Fields<'_, '_>, key: &'static str) -> Result<i64, ScenarioError> {
    ms(fields, key)?.ok_or_else(|| fields.error_at("do", format!("this needs {key} = <milliseconds>")))
}

fn count(fields: &mut Fields<'_, '_>, key: &'static str) -> Result<u32, ScenarioError> {
    let count = fields.whole(key, 1..1_000_001)?;
    let count = count.ok_or_else(|| fields.error_at("do", format!("this needs {key} = <whole number>")))?;
    Ok(u32::try_from(count).unwrap_or(1))
}

fn code_and_text(fields: &mut Fields<'_, '_>) -> Result<(i32, String), ScenarioError> {
    let code = fields.whole("code", -1..100_000)?;
    let code = code.ok_or_else(|| fields.error_at("do", "this needs code = <IB's number of the message>"))?;
    let code = i32::try_from(code).unwrap_or_default();
    let known = TEXTS.iter().find(|(known, _)| *known == code).map(|(_, text)| (*text).to_owned());
    let text = fields.text("text")?.or(known);
    let text = text.ok_or_else(|| {
        fields.error_at("code", format!("{code} needs text = \"...\": the simulator has no words for it"))
    })?;
    Ok((code, text))
}

fn streams(fields: &mut Fields<'_, '_>) -> Result<Streams, ScenarioError> {
    Ok(Streams { kind: fields.word("streams", KINDS)?, symbol: fields.text("of")? })
}

fn symbol(fields: &mut Fields<'_, '_>) -> Result<String, ScenarioError> {
    let symbol = fields.text("of")?;
    symbol.ok_or_else(|| fields.error_at("do", "this needs of = \"<symbol>\", such as \"AAPL\""))
}

fn change(fields: &mut Fields<'_, '_>) -> Result<Option<i64>, ScenarioError> {
    #[expect(clippy::cast_possible_truncation, reason = "the number is bounded")]
    let ppm = |percent: f64| (percent * 10_000.0).round() as i64;
    Ok(fields.number("change_percent", -99.0, 1_000.0)?.map(ppm))
}

fn farm(fields: &mut Fields<'_, '_>) -> Result<String, ScenarioError> {
    let known: Vec<&str> = DATA_FARMS.iter().chain(HISTORY_FARMS).chain(DEFINITION_FARMS).copied().collect();
    match fields.text("farm")? {
        Some(farm) if known.contains(&farm.as_str()) => Ok(farm),
        Some(farm) => Err(fields.error_at("farm", unknown("farm", &farm, &known))),
        None => Err(fields.error_at("do", format!("this needs farm = one of {}", known.join(", ")))),
    }
}
