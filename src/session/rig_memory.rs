//! What the journal of a scripted session gives back to its next run.

use super::durable::{Entry, Fact, Memory};

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
