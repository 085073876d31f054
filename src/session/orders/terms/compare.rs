//! Whether two requests of one key mean the same order.

use serde_json::{Map, Value};

use crate::{
    schema::{
        Instrument, Size,
        contract::ContractQuery,
        order::{OrderEvent, OrderType, TimeInForce},
        request::order::PlaceOrder,
    },
    session::orders::prices::{Need, rules},
};

/// The first field in which two requests of one key mean different orders. What to wait for and how
/// long is not part of the order, and a quantity is the same however many digits it is written with.
pub(in crate::session::orders) fn difference(first: &PlaceOrder, second: &PlaceOrder) -> Option<String> {
    let (first, second) = (fields(first), fields(second));
    let names = first.keys().chain(second.keys());
    let mut differing: Vec<&String> = names.filter(|name| first.get(*name) != second.get(*name)).collect();
    differing.sort_unstable();
    differing.first().map(|name| (*name).clone())
}

fn fields(ask: &PlaceOrder) -> Map<String, Value> {
    let mut fields = match serde_json::to_value(ask) {
        Ok(Value::Object(fields)) => fields,
        // A request that was read can be written.
        _ => Map::new(),
    };
    fields.remove("wait_for");
    fields.remove("timeout_ms");
    if let Some(quantity) = &ask.quantity {
        fields.insert("quantity".to_owned(), Value::from(quantity.decimal().normalize().to_string()));
    }
    fields
}

/// The first field in which a request is certainly not for the order that IB knows under its key. `con_id` is the
/// contract of the request, once it was looked up. IB writes other fields its own way; prices count until the order
/// is changed, those that move by themselves never.
pub(in crate::session::orders) fn contradiction(
    known: &OrderEvent,
    ask: &PlaceOrder,
    con_id: Option<i32>,
) -> Option<String> {
    let quantity = known.quantity.as_ref().map(Size::decimal);
    let asked = ask.quantity.as_ref().map(Size::decimal);
    let order_type = known.order_type.as_deref().and_then(OrderType::of_ib_text);
    let tif = known.tif.as_deref().and_then(TimeInForce::of_ib_text);
    let rules = rules(ask.order_type);
    let is_price = |need: Need| need == Need::Required && !rules.is_trailing && known.revision == 1;
    let is_other = |known: Option<f64>, asked: Option<f64>| known.is_some() && asked.is_some() && known != asked;
    let differs = [
        ("account", ask.account.as_ref().is_some_and(|account| !known.account.is_empty() && *account != known.account)),
        ("side", known.side.is_some_and(|side| side != ask.side)),
        ("quantity", quantity.zip(asked).is_some_and(|(quantity, asked)| quantity != asked)),
        ("contract", is_other_contract(known, &ask.contract.0, con_id)),
        ("order_type", order_type.is_some_and(|order_type| order_type != ask.order_type)),
        ("tif", tif.is_some_and(|tif| tif != ask.tif)),
        ("limit_price", is_price(rules.limit) && is_other(known.limit_price, ask.limit_price)),
        ("stop_price", is_price(rules.stop) && is_other(known.stop_price, ask.stop_price)),
    ];
    differs.into_iter().find(|(_, differs)| *differs).map(|(field, _)| field.to_owned())
}

/// By its id where that is known; before it is looked up by what the request says of it.
fn is_other_contract(known: &OrderEvent, asked: &ContractQuery, con_id: Option<i32>) -> bool {
    match (known.con_id, con_id.or(asked.con_id).filter(|id| *id > 0), &known.instrument) {
        (Some(known), Some(asked), _) => known != asked,
        (_, None, Some(instrument)) => contradicts(instrument, asked),
        _ => false,
    }
}

fn contradicts(known: &Instrument, asked: &ContractQuery) -> bool {
    let is_other = |known: &str, asked: &Option<String>| {
        asked.as_deref().is_some_and(|asked| !known.is_empty() && !known.eq_ignore_ascii_case(asked))
    };
    let sec_type = asked.sec_type.as_deref().unwrap_or_default();
    // A combo is made of its legs, and a continuous future stands for one that is traded.
    if ["BAG", "CONTFUT"].iter().any(|kind| sec_type.eq_ignore_ascii_case(kind)) {
        return false;
    }
    let expiry = known.expiry.as_deref().zip(asked.expiry.as_deref());
    is_other(&known.sec_type, &asked.sec_type)
        || is_other(&known.symbol, &asked.symbol)
        || is_other(&known.currency, &asked.currency)
        || expiry.is_some_and(|(known, asked)| !known.starts_with(asked))
        || (known.strike.is_some() && asked.strike.is_some() && known.strike != asked.strike)
        || known.right.as_deref().is_some_and(|right| {
            asked.right.as_deref().is_some_and(|asked| !asked.to_ascii_uppercase().starts_with(right))
        })
}
