//! Whether two requests of one key mean the same order.

use serde_json::{Map, Value};

use crate::schema::{Size, order::OrderEvent, request::order::PlaceOrder};

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

/// The first field in which a request is certainly not for the order that IB knows under its key.
/// IB writes other fields its own way, and prices of an order move.
pub(in crate::session::orders) fn contradiction(known: &OrderEvent, ask: &PlaceOrder) -> Option<String> {
    let quantity = known.quantity.as_ref().map(Size::decimal);
    let asked = ask.quantity.as_ref().map(Size::decimal);
    let differs = [
        ("account", ask.account.as_ref().is_some_and(|account| !known.account.is_empty() && *account != known.account)),
        ("side", known.side.is_some_and(|side| side != ask.side)),
        ("quantity", quantity.zip(asked).is_some_and(|(quantity, asked)| quantity != asked)),
    ];
    differs.into_iter().find(|(_, differs)| *differs).map(|(field, _)| field.to_owned())
}
