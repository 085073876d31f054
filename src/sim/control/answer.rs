//! What the simulator tells of itself over the control channel.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::sim::faults::RuleState;
use crate::sim::gateway::Gateway;

pub(super) fn rules(gateway: &Gateway) -> Value {
    let row = |rule: &RuleState| {
        json!({
            "number": rule.number, "name": rule.name, "matched": rule.matched, "fired": rule.fired,
            "spent": rule.spent
        })
    };
    json!({ "ok": true, "rules": gateway.rules().iter().map(row).collect::<Vec<_>>() })
}

pub(super) fn status(gateway: &Gateway, now_ms: i64) -> Value {
    let client_id = |connection| gateway.clients.get(connection).and_then(|client| client.client_id);
    let connections: Vec<Value> = gateway
        .clients
        .connections()
        .into_iter()
        .map(|connection| json!({ "connection": connection.0, "client_id": client_id(connection) }))
        .collect();
    json!({
        "ok": true, "now_ms": now_ms, "connections": connections, "standing": gateway.faults.standing(now_ms),
        "lines": gateway.lines(), "unreadable": gateway.unreadable_count()
    })
}

pub(super) fn requests(gateway: &Gateway) -> Value {
    let rows = gateway.requests().into_iter();
    let rows = rows.map(|row| json!({ "client_id": row.client_id, "kind": row.kind, "count": row.count }));
    json!({ "ok": true, "requests": rows.collect::<Vec<_>>() })
}

/// Order messages by the client's own name for the order, with what became of it.
pub(super) fn orders(gateway: &Gateway) -> Value {
    let mut by_key: BTreeMap<&str, (u64, Vec<i32>)> = BTreeMap::new();
    for placement in gateway.broker().placements() {
        let (count, order_ids) = by_key.entry(&placement.order_ref).or_default();
        *count += 1;
        if !order_ids.contains(&placement.order_id) {
            order_ids.push(placement.order_id);
        }
    }
    let standings = gateway.broker().standings();
    let row = |(key, (count, order_ids)): (&str, (u64, Vec<i32>))| {
        let standing = standings.iter().rev().find(|standing| standing.order_ref == key);
        json!({
            "key": key, "messages": count, "order_ids": order_ids,
            "status": standing.map(|standing| standing.status),
            "filled": standing.map(|standing| standing.filled.to_string()),
        })
    };
    json!({ "ok": true, "orders": by_key.into_iter().map(row).collect::<Vec<_>>() })
}

pub(super) fn violations(gateway: &Gateway) -> Value {
    let counts: Vec<Value> = gateway
        .violations()
        .iter()
        .map(|row| json!({ "rule": format!("{:?}", row.rule), "count": row.count }))
        .collect();
    let recent: Vec<Value> = gateway
        .recent_violations()
        .iter()
        .map(|breach| {
            json!({
                "rule": format!("{:?}", breach.rule), "at_ms": breach.at_ms, "client_id": breach.client_id,
                "request": breach.request
            })
        })
        .collect();
    json!({ "ok": true, "violations": counts, "recent": recent })
}
