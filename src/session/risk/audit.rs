//! Who asked to change orders, and how that was decided: once for every such request.

use rustc_hash::FxHashMap;
use serde::Serialize;

use crate::{
    schema::{
        ApiError,
        order::OrderKey,
        risk::{AuditEvent, Decision},
    },
    session::{Ask, Command, Outcome, Token},
};

/// Longest request told in full, in bytes.
const REQUEST_BYTES_MAX: usize = 16 * 1024;

/// Requests that have not been decided yet. Each belongs to a caller who waits, so there are no more than those.
#[derive(Debug, Default)]
pub(crate) struct Audit {
    /// The flag says that it was carried out, so that only a late refusal is still to be told.
    drafts: FxHashMap<Token, (AuditEvent, bool)>,
}

impl Audit {
    pub(crate) fn len(&self) -> usize {
        self.drafts.len()
    }

    /// A request came in. Those that cannot change an order are of no interest.
    pub(crate) fn begin(&mut self, command: &Command) {
        let Some((verb, key, request)) = describe(&command.ask) else { return };
        let draft = AuditEvent {
            seq: 0,
            recv_us: 0,
            client: command.client.as_ref().map(ToString::to_string),
            verb: verb.to_owned(),
            key,
            decision: Decision::Accepted,
            code: None,
            reason: None,
            request,
        };
        self.drafts.insert(command.token, (draft, false));
    }

    /// The request was carried out; the answer may come much later. `None` if it was decided before.
    pub(crate) fn accept(&mut self, token: Token, now_us: i64) -> Option<AuditEvent> {
        let (draft, is_accepted) = self.drafts.get_mut(&token)?;
        if std::mem::replace(is_accepted, true) {
            return None;
        }
        Some(AuditEvent { recv_us: now_us, ..draft.clone() })
    }

    /// The answer. What was accepted and is refused now was never sent: the journal could not take it.
    pub(crate) fn end(&mut self, token: Token, now_us: i64, outcome: &Outcome) -> Option<AuditEvent> {
        let (draft, is_accepted) = self.drafts.remove(&token)?;
        Some(match outcome {
            Ok(_) if is_accepted => return None,
            Ok(_) => AuditEvent { recv_us: now_us, decision: Decision::Repeated, ..draft },
            Err(error) => AuditEvent {
                recv_us: now_us,
                decision: Decision::Refused,
                code: Some(error.code),
                reason: Some(error.message.clone()),
                ..draft
            },
        })
    }
}

/// Verbs whose requests may change orders or what is allowed of them.
const AUDITED: [(&str, &[&str]); 4] = [
    ("order", &["place", "cancel", "modify", "settle", "cancel_all", "bracket", "oca"]),
    ("risk", &["halt", "resume", "set_limits"]),
    ("gateway", &["restart", "reconnect_data", "reconnect_account"]),
    ("bridge", &["reload"]),
];

/// A request that no session ever saw: it could not be read, or there was no room for it. `None` if it could not have
/// changed an order. `payload` is what came.
pub(crate) fn refused_unseen(
    (noun, verb): (&str, &str),
    client: Option<&str>,
    payload: &[u8],
    now_us: i64,
    error: &ApiError,
) -> Option<AuditEvent> {
    AUDITED.iter().find(|(audited, verbs)| *audited == noun && verbs.contains(&verb))?;
    let read = serde_json::from_slice::<serde_json::Value>(payload).ok();
    let key = read.as_ref().and_then(|read| read.get("key")?.as_str()?.parse().ok());
    let request = match read {
        Some(_) if payload.len() <= REQUEST_BYTES_MAX => String::from_utf8_lossy(payload).into_owned(),
        _ => format!("{{\"left_out\":\"{} bytes\"}}", payload.len()),
    };
    Some(AuditEvent {
        seq: 0,
        recv_us: now_us,
        client: client.map(str::to_owned),
        verb: format!("{noun}.{verb}"),
        key,
        decision: Decision::Refused,
        code: Some(error.code),
        reason: Some(error.message.clone()),
        request,
    })
}

/// A command for which the session's queue had no room. `None` if it could not have changed an order.
pub(crate) fn refused_in_queue(command: &Command, now_us: i64, error: &ApiError) -> Option<AuditEvent> {
    let (verb, key, request) = describe(&command.ask)?;
    Some(AuditEvent {
        seq: 0,
        recv_us: now_us,
        client: command.client.as_ref().map(ToString::to_string),
        verb: verb.to_owned(),
        key,
        decision: Decision::Refused,
        code: Some(error.code),
        reason: Some(error.message.clone()),
        request,
    })
}

fn describe(ask: &Ask) -> Option<(&'static str, Option<OrderKey>, String)> {
    Some(match ask {
        Ask::PlaceOrder(ask) => ("order.place", Some(ask.key.clone()), text(ask)),
        Ask::CancelOrder(ask) => ("order.cancel", ask.key.clone(), text(ask)),
        Ask::ModifyOrder(ask) => ("order.modify", Some(ask.key.clone()), text(ask)),
        Ask::SettleOrder(ask) => ("order.settle", Some(ask.key.clone()), text(ask)),
        Ask::CancelAll(ask) => ("order.cancel_all", None, text(ask)),
        Ask::Bracket(ask) => ("order.bracket", Some(ask.parent.key.clone()), text(ask)),
        Ask::Oca(ask) => ("order.oca", None, text(ask)),
        Ask::Halt(ask) => ("risk.halt", None, text(ask)),
        Ask::HaltFile { is_there: true, cancel } => ("risk.halt", None, text(cancel)),
        Ask::Resume => ("risk.resume", None, "{}".to_owned()),
        Ask::SetLimits(ask) => ("risk.set_limits", None, text(ask)),
        Ask::Gateway(command, ask) => (command.verb(), None, text(ask)),
        Ask::Reconfigure(ask) => ("bridge.reload", None, text(&ask.changed)),
        _ => return None,
    })
}

fn text(ask: &impl Serialize) -> String {
    match serde_json::to_string(ask) {
        Ok(text) if text.len() <= REQUEST_BYTES_MAX => text,
        Ok(text) => format!("{{\"left_out\":\"{} bytes\"}}", text.len()),
        Err(error) => format!("{{\"left_out\":{:?}}}", error.to_string()),
    }
}
