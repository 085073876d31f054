//! The instrument that a report of the gateway names: of a position, an order or an execution. And sizes that
//! cannot be any.

use super::contracts::default_exchange;
use crate::{
    schema::{Instrument, Size},
    tws::{
        Response,
        message::{contract::Contract, order::Order},
        sentinel::{unset_decimal, unset_double},
    },
};

/// A size in a report of an order, an execution or a position that is more than anybody can trade or hold: those who
/// read the report take it for not told. With what is to be said of it.
pub(crate) fn strange_size(response: &Response) -> Option<String> {
    let of_order = |order: &Option<Order>| {
        let order = order.as_ref();
        let field = |read: fn(&Order) -> &Option<String>| order.and_then(|order| read(order).clone());
        [
            ("total_quantity", field(|order| &order.total_quantity)),
            ("filled_quantity", field(|order| &order.filled_quantity)),
        ]
    };
    let sizes = match response {
        Response::OpenOrder(message) => of_order(&message.order),
        Response::CompletedOrder(message) => of_order(&message.order),
        Response::OrderStatus(message) => {
            [("filled", message.filled.clone()), ("remaining", message.remaining.clone())]
        }
        Response::ExecutionDetails(message) => {
            let execution = message.execution.as_ref();
            let shares = execution.and_then(|execution| execution.shares.clone());
            [("shares", shares), ("cum_qty", execution.and_then(|execution| execution.cum_qty.clone()))]
        }
        Response::Position(message) => [("position", message.position.clone()), ("", None)],
        Response::PositionMulti(message) => [("position", message.position.clone()), ("", None)],
        Response::PortfolioValue(message) => [("position", message.position.clone()), ("", None)],
        _ => return None,
    };
    sizes.into_iter().find_map(|(field, text)| {
        let size = unset_decimal(text.as_deref()?).and_then(Size::from_gateway)?;
        (!size.is_quantity()).then(|| format!("{}: {field} is more than {}", response.name(), Size::QUANTITY_MAX))
    })
}

/// Reads the contract of a report. `None` if nothing in it tells what was traded.
///
/// Reports name the exchange of the moment, or none. Where a kind of security has a usual route the
/// instrument is named with that, so that one position has one name.
pub(crate) fn instrument(contract: &Contract) -> Option<Instrument> {
    let text = |field: &Option<String>| field.clone().filter(|text| !text.is_empty());
    let symbol = text(&contract.symbol).or_else(|| text(&contract.local_symbol));
    let con_id = contract.con_id.unwrap_or_default();
    if con_id <= 0 && symbol.is_none() {
        return None;
    }
    let symbol = symbol.unwrap_or_else(|| con_id.to_string());
    let sec_type = contract.sec_type.clone().unwrap_or_default();
    let listed = text(&contract.exchange).or_else(|| text(&contract.primary_exch));
    let exchange = default_exchange(&sec_type).map(str::to_owned).or(listed);
    let digits = |field: &Option<String>| -> Option<String> {
        let digits: String = field.iter().flat_map(|text| text.chars()).take_while(char::is_ascii_digit).collect();
        (!digits.is_empty()).then_some(digits)
    };
    let right = contract.right.as_deref().and_then(|right| match right {
        "C" | "CALL" => Some("C".to_owned()),
        "P" | "PUT" => Some("P".to_owned()),
        _ => None,
    });
    Some(Instrument {
        con_id,
        local_symbol: text(&contract.local_symbol).unwrap_or_else(|| symbol.clone()),
        symbol,
        exchange: exchange.unwrap_or_else(|| "SMART".to_owned()),
        currency: text(&contract.currency).unwrap_or_default(),
        primary_exchange: text(&contract.primary_exch),
        expiry: digits(&contract.last_trade_date).or_else(|| digits(&contract.last_trade_date_or_contract_month)),
        strike: contract.strike.and_then(unset_double).filter(|strike| *strike != 0.0),
        right,
        multiplier: contract.multiplier.and_then(unset_double).filter(|multiplier| *multiplier > 0.0),
        trading_class: text(&contract.trading_class),
        min_tick: None,
        sec_type,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stock_is_named_by_its_usual_route_whatever_the_report_says() {
        let report = |exchange: &str| Contract {
            con_id: Some(265_598),
            symbol: Some("AAPL".to_owned()),
            sec_type: Some("STK".to_owned()),
            exchange: Some(exchange.to_owned()),
            currency: Some("USD".to_owned()),
            ..Contract::default()
        };
        for exchange in ["", "NASDAQ", "SMART"] {
            let named = instrument(&report(exchange)).expect("an instrument");
            assert_eq!((named.exchange.as_str(), named.local_symbol.as_str()), ("SMART", "AAPL"));
        }
    }

    #[test]
    fn an_empty_contract_names_nothing() {
        assert_eq!(instrument(&Contract::default()), None);
    }
}
