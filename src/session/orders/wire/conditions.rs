//! Conditions in the order message.

use super::table::Wire;
use crate::{
    schema::request::order::{Condition, Conditions, Join},
    tws::message::order::{Order, OrderCondition},
};

const PRICE: i32 = 1;
const TIME: i32 = 3;
const MARGIN: i32 = 4;
const EXECUTION: i32 = 5;
const VOLUME: i32 = 6;
const PERCENT_CHANGE: i32 = 7;

pub(super) fn put(conditions: &Conditions, order: &mut Order) {
    order.conditions = conditions.list.iter().map(wire).collect();
    order.conditions_cancel_order = conditions.cancel_order.then_some(true);
    order.conditions_ignore_rth = conditions.ignore_regular_hours.then_some(true);
    order.conditions_include_overnight = conditions.include_overnight.then_some(true);
}

/// `None` if there are none, or one of a kind this release has no word for.
pub(super) fn take(order: &Order) -> Option<Box<Conditions>> {
    let list: Vec<Condition> = order.conditions.iter().map(read).collect::<Option<_>>()?;
    (!list.is_empty()).then(|| {
        Box::new(Conditions {
            list,
            cancel_order: order.conditions_cancel_order == Some(true),
            ignore_regular_hours: order.conditions_ignore_rth == Some(true),
            include_overnight: order.conditions_include_overnight == Some(true),
        })
    })
}

fn wire(condition: &Condition) -> OrderCondition {
    let joined = |kind: i32, join: Join| OrderCondition {
        kind: Some(kind),
        is_conjunction_connection: Some(join == Join::And),
        ..OrderCondition::default()
    };
    let on = |kind, join, con_id: i32, exchange: &str, above| OrderCondition {
        con_id: Some(con_id),
        exchange: Some(exchange.to_owned()),
        is_more: Some(above),
        ..joined(kind, join)
    };
    match condition {
        Condition::Price { con_id, exchange, above, price, trigger_method, join } => OrderCondition {
            price: Some(*price),
            trigger_method: Some(Wire::<Option<i32>>::put(trigger_method).unwrap_or(0)),
            ..on(PRICE, *join, *con_id, exchange, *above)
        },
        Condition::Time { after, time, join } => {
            OrderCondition { is_more: Some(*after), time: Some(time.clone()), ..joined(TIME, *join) }
        }
        Condition::Margin { above, percent, join } => {
            OrderCondition { is_more: Some(*above), percent: Some(*percent), ..joined(MARGIN, *join) }
        }
        Condition::Execution { symbol, sec_type, exchange, join } => OrderCondition {
            symbol: Some(symbol.clone()),
            sec_type: Some(sec_type.clone()),
            exchange: Some(exchange.clone()),
            ..joined(EXECUTION, *join)
        },
        Condition::Volume { con_id, exchange, above, volume, join } => {
            OrderCondition { volume: Some(*volume), ..on(VOLUME, *join, *con_id, exchange, *above) }
        }
        Condition::PercentChange { con_id, exchange, above, change_percent, join } => OrderCondition {
            change_percent: Some(*change_percent),
            ..on(PERCENT_CHANGE, *join, *con_id, exchange, *above)
        },
    }
}

fn read(wire: &OrderCondition) -> Option<Condition> {
    let join = if wire.is_conjunction_connection == Some(true) { Join::And } else { Join::Or };
    let above = wire.is_more == Some(true);
    let con_id = wire.con_id.unwrap_or_default();
    let exchange = wire.exchange.clone().unwrap_or_default();
    Some(match wire.kind? {
        PRICE => {
            let trigger_method = Wire::take(&wire.trigger_method.filter(|method| *method != 0));
            Condition::Price { con_id, exchange, above, price: wire.price.unwrap_or_default(), trigger_method, join }
        }
        TIME => Condition::Time { after: above, time: wire.time.clone().unwrap_or_default(), join },
        MARGIN => Condition::Margin { above, percent: wire.percent.unwrap_or_default(), join },
        EXECUTION => Condition::Execution {
            symbol: wire.symbol.clone().unwrap_or_default(),
            sec_type: wire.sec_type.clone().unwrap_or_default(),
            exchange,
            join,
        },
        VOLUME => Condition::Volume { con_id, exchange, above, volume: wire.volume.unwrap_or_default(), join },
        PERCENT_CHANGE => {
            let change_percent = wire.change_percent.unwrap_or_default();
            Condition::PercentChange { con_id, exchange, above, change_percent, join }
        }
        _ => return None,
    })
}
