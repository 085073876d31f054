//! Whether the conditions of an order hold now.

use super::Moment;
use super::book::price;
use super::terms::date_time;
use crate::tws::message::order::{Order, OrderCondition};

const PRICE: i32 = 1;
const TIME: i32 = 3;

/// True if the conditions, joined from first to last, hold. The simulated account has neither margin calls nor
/// volumes to wait for: conditions of other kinds than price and time never hold.
pub(super) fn hold(order: &Order, at: Moment) -> bool {
    let mut so_far = true;
    let mut joins_by_and = true;
    for condition in &order.conditions {
        let holds = holds(condition, at);
        so_far = if joins_by_and { so_far && holds } else { so_far || holds };
        joins_by_and = condition.is_conjunction_connection();
    }
    so_far
}

fn holds(condition: &OrderCondition, at: Moment) -> bool {
    match condition.kind() {
        PRICE => {
            let last = at.book.quote(condition.con_id()).and_then(|quote| price(quote.last));
            let Some((last, level)) = last.zip(price(condition.price)) else { return false };
            if condition.is_more() { last >= level } else { last <= level }
        }
        TIME => {
            let Some(Some(moment)) = date_time(condition.time()) else { return false };
            (at.now_ms >= moment) == condition.is_more()
        }
        _ => false,
    }
}
