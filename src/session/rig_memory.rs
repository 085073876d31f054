//! What the disk of a scripted session keeps and gives back to its next run.

use std::ops::Range;

use super::{
    RiskMemory,
    durable::{Entry, Fact, Memory},
    rig::Rig,
};

impl Rig {
    /// At once, unless the test says otherwise.
    pub(super) fn keep_risk(&mut self, memory: RiskMemory) {
        let number = memory.number;
        self.kept_risk = Some(memory);
        if !self.is_risk_file_stuck {
            self.session.on_risk_kept(self.now(), number);
        }
    }
}

/// Where the entries are that are written with the one of this receipt.
pub(crate) fn batch(entries: &[Entry], receipt: u64) -> Range<usize> {
    let end = 1 + entries.iter().position(|entry| entry.receipt == Some(receipt)).expect("an entry");
    let claimed = entries.iter().find_map(|entry| match &entry.fact {
        Fact::Claim(claim) if claim.receipt == receipt => Some(claim.entries),
        _ => None,
    });
    end - claimed.unwrap_or(1)..end
}

/// True if the last entry is one with others.
pub(crate) fn is_in_batch(entries: &[Entry]) -> bool {
    let claimed = entries.iter().enumerate().rev().find_map(|(place, entry)| match &entry.fact {
        Fact::Claim(claim) => Some(place + claim.entries),
        _ => None,
    });
    claimed.is_some_and(|last| entries.len() - 1 <= last)
}

/// What a journal with these entries gives back to the next run.
pub(crate) fn remembered(entries: &[Entry]) -> Memory {
    let mut memory = Memory::default();
    for entry in entries {
        match &entry.fact {
            Fact::Order(order) => {
                memory.next_order_id = order.next_order_id;
                match memory.orders.iter_mut().find(|known| known.event.key == order.memory.event.key) {
                    Some(known) => *known = order.memory.clone(),
                    None => memory.orders.push(order.memory.clone()),
                }
            }
            Fact::Fill(fill) => {
                let name = |id: &str| id.rsplit_once('.').map_or(id.to_owned(), |(name, _)| name.to_owned());
                match memory.fills.iter_mut().find(|known| name(&known.exec_id) == name(&fill.exec_id)) {
                    Some(known) => known.clone_from(fill),
                    None => memory.fills.push((**fill).clone()),
                }
            }
            Fact::Evidence(_) | Fact::Request(_) | Fact::Claim(_) | Fact::Positions(_) => {}
        }
    }
    memory
}
