//! The two id tables.

use std::collections::BTreeMap;

use ibnats::tws::{Request, Response};

use crate::plain;

const TABLES: &str = include_str!("tws/message-ids.md");

/// IB's constant of each id, without those that exist only in text form.
fn ids(heading: &str) -> BTreeMap<u32, String> {
    let mut ids = BTreeMap::new();
    let table = TABLES.lines().skip_while(|line| !line.contains(heading)).skip(2);
    for line in table.take_while(|line| line.starts_with('|')) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        if !cells[3].contains("text only") {
            ids.insert(cells[1].parse().expect("an id"), cells[2].to_owned());
        }
    }
    ids
}

/// Spells a constant the way the messages are named.
fn message_name(constant: &str) -> String {
    let words: Vec<&str> = constant
        .split('_')
        .map(|word| match word {
            "MKT" => "MARKET",
            "ACCT" => "ACCOUNT",
            "CALC" => "CALCULATE",
            "VOLAT" => "VOLATILITY",
            "ERR" => "ERROR",
            "MSG" => "MESSAGE",
            "ACCTS" => "ACCOUNTS",
            word => word,
        })
        .collect();
    words.concat().to_lowercase()
}

/// Messages whose constant and name differ by more than spelling.
const RENAMED: &[(&str, &str)] = &[
    ("REQ_EXECUTIONS", "ExecutionRequest"),
    ("REPLACE_FA", "FAReplace"),
    ("REQ_TICK_BY_TICK_DATA", "TickByTickRequest"),
    ("CANCEL_TICK_BY_TICK_DATA", "CancelTickByTick"),
    ("EXECUTION_DATA", "ExecutionDetails"),
    ("EXECUTION_DATA_END", "ExecutionDetailsEnd"),
    ("NEWS_BULLETINS", "NewsBulletin"),
    ("REAL_TIME_BARS", "RealTimeBarTick"),
    ("OPEN_ORDER_END", "OpenOrdersEnd"),
    ("ACCT_DOWNLOAD_END", "AccountDataEnd"),
    ("POSITION_DATA", "Position"),
    ("SECURITY_DEFINITION_OPTION_PARAMETER", "SecDefOptParameter"),
    ("SECURITY_DEFINITION_OPTION_PARAMETER_END", "SecDefOptParameterEnd"),
    ("REROUTE_MKT_DATA_REQ", "RerouteMarketDataRequest"),
    ("REROUTE_MKT_DEPTH_REQ", "RerouteMarketDepthRequest"),
    ("TICK_BY_TICK", "TickByTickData"),
];

#[track_caller]
fn check(ours: &[(u32, &str)], heading: &str) {
    let ibs = ids(heading);
    assert_eq!(ours.iter().map(|(id, _)| *id).collect::<Vec<_>>(), ibs.keys().copied().collect::<Vec<_>>());
    for (id, name) in ours {
        let constant = ibs[id].as_str();
        if let Some((_, renamed)) = RENAMED.iter().find(|(from, _)| *from == constant) {
            assert_eq!(name, renamed, "id {id}, {constant}");
            continue;
        }
        let expected = match constant.strip_prefix("REQ_") {
            Some(rest) => message_name(rest) + "request",
            None => message_name(constant),
        };
        let name = plain(name);
        assert!(name == expected || name == expected.clone() + "request", "id {id}: {name} is not {constant}");
    }
}

#[test]
fn requests_have_ibs_ids() {
    check(Request::IDS, "outgoing request");
}

#[test]
fn responses_have_ibs_ids() {
    check(Response::IDS, "incoming message");
}
