//! What the gateway says about orders, as it is written down: word for word, repeats once.

use std::hash::{BuildHasher as _, Hasher as _};

use rustc_hash::{FxBuildHasher, FxHashMap};

use super::{Orders, book::Identity};
use crate::{
    session::{
        core::Core,
        durable::{Evidence, Fact},
        notice::Notice,
    },
    tws::Response,
};

/// Reports of which a repeat is recognised. Above it recognition starts anew.
const KNOWN_MAX: usize = 100_000;

/// What a report is about, and what it said last.
type About = (&'static str, Option<i32>, Option<i32>, Option<i64>, Option<String>);

/// Recognises repeats: lists are asked for again and again.
#[derive(Debug, Default)]
pub(super) struct EvidenceLog {
    last: FxHashMap<About, u64>,
}

impl EvidenceLog {
    fn is_news(&mut self, evidence: &Evidence) -> bool {
        if self.last.len() >= KNOWN_MAX {
            self.last.clear();
        }
        let about = (evidence.kind, evidence.client_id, evidence.order_id, evidence.perm_id, evidence.exec_id.clone());
        let mut hasher = FxBuildHasher.build_hasher();
        hasher.write(evidence.text.as_bytes());
        let said = hasher.finish();
        self.last.insert(about, said) != Some(said)
    }
}

impl Orders {
    /// Writes a report down, after it was applied: then it is known which order it is about.
    pub(super) fn note_evidence(&mut self, core: &mut Core, mut evidence: Evidence, order_ref: Option<&str>) {
        if !self.evidence_log.is_news(&evidence) {
            return;
        }
        let identity = Identity {
            client_id: evidence.client_id,
            order_id: evidence.order_id,
            perm_id: evidence.perm_id,
            order_ref,
        };
        evidence.key = self.book.find(&identity, self.client_id);
        core.journal(Fact::Evidence(Box::new(evidence)));
    }
}

/// A report about an order, and the key it carries; `None` for other messages.
pub(super) fn evidence(response: &Response) -> Option<(Evidence, Option<String>)> {
    let (mut order_ref, mut told) = (None, Evidence::default());
    match response {
        Response::OpenOrder(message) => {
            told.kind = "open_order";
            told.order_id = message.order_id;
            if let Some(order) = &message.order {
                (told.client_id, told.perm_id) = (order.client_id, order.perm_id);
                order_ref.clone_from(&order.order_ref);
            }
        }
        Response::CompletedOrder(message) => {
            told.kind = "completed_order";
            let order = message.order.as_ref()?;
            (told.client_id, told.order_id, told.perm_id) = (order.client_id, order.order_id, order.perm_id);
            order_ref.clone_from(&order.order_ref);
        }
        Response::OrderStatus(message) => {
            told.kind = "order_status";
            (told.client_id, told.order_id, told.perm_id) = (message.client_id, message.order_id, message.perm_id);
        }
        Response::OrderBound(message) => {
            told.kind = "order_bound";
            (told.client_id, told.order_id, told.perm_id) = (message.client_id, message.order_id, message.perm_id);
        }
        Response::ExecutionDetails(message) => {
            told.kind = "execution";
            let execution = message.execution.as_ref()?;
            (told.client_id, told.order_id, told.perm_id) =
                (execution.client_id, execution.order_id, execution.perm_id);
            told.exec_id.clone_from(&execution.exec_id);
            order_ref.clone_from(&execution.order_ref);
        }
        Response::CommissionAndFeesReport(message) => {
            told.kind = "commission";
            told.exec_id.clone_from(&message.exec_id);
        }
        _ => return None,
    }
    let mut fields = response.to_json();
    if let Some(fields) = fields.as_object_mut() {
        // Names the question, not the order: another one each time.
        fields.remove("req_id");
    }
    told.text = fields.to_string();
    Some((told, order_ref))
}

/// A notice that names an order.
pub(super) fn notice_evidence(order_id: i32, client_id: i32, notice: &Notice) -> Evidence {
    let mut fields = serde_json::json!({ "code": notice.code, "text": notice.text });
    if let (Some(fields), Some(json)) = (fields.as_object_mut(), &notice.advanced_reject) {
        fields.insert("advanced_reject".to_owned(), json.as_str().into());
    }
    Evidence {
        kind: "notice",
        order_id: Some(order_id),
        client_id: Some(client_id),
        ib_code: Some(notice.code),
        text: fields.to_string(),
        ..Evidence::default()
    }
}
