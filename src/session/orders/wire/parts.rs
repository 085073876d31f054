//! The parts of a request that most orders do not have, in the order message.

use super::{
    conditions,
    table::{Part, Wire},
};
use crate::{
    schema::request::order::{
        Adjusted, DeltaNeutral, LongShortSale, Pegged, PlaceOrder, ShortSale, SoftDollar, TriggerMethod, Volatility,
    },
    tws::message::order::{Order, SoftDollarTier},
};

pub(super) fn put(ask: &PlaceOrder, order: &mut Order) {
    fn one(part: Option<&dyn Part>, order: &mut Order) {
        if let Some(part) = part {
            part.put(order);
        }
    }
    let parts: [Option<&dyn Part>; 9] = [
        ask.algo.as_deref().map(|part| part as _),
        ask.scale.as_deref().map(|part| part as _),
        ask.hedge.as_deref().map(|part| part as _),
        ask.adjusted.as_deref().map(|part| part as _),
        ask.pegged.as_deref().map(|part| part as _),
        ask.short_sale.as_deref().map(|part| part as _),
        ask.advisor.as_deref().map(|part| part as _),
        ask.clearing.as_deref().map(|part| part as _),
        ask.mifid.as_deref().map(|part| part as _),
    ];
    for part in parts {
        one(part, order);
    }
    if let Some(volatility) = &ask.volatility {
        volatility.put(order);
        one(volatility.delta_neutral.as_deref().map(|part| part as _), order);
    }
    if let Some(list) = &ask.conditions {
        conditions::put(list, order);
    }
    order.soft_dollar_tier = ask.soft_dollar.as_ref().map(|tier| SoftDollarTier {
        name: tier.name.clone(),
        value: tier.value.clone(),
        display_name: tier.display_name.clone(),
    });
}

pub(super) fn take(ask: &mut PlaceOrder, order: &Order, segment: Option<LongShortSale>) {
    ask.algo = read(order);
    ask.scale = read(order);
    ask.hedge = read(order);
    ask.advisor = read(order);
    ask.clearing = read(order);
    ask.mifid = read(order);
    ask.conditions = conditions::take(order);
    let adjusted =
        read_with(order, |part: &mut Adjusted| part.trailing_unit = part.trailing_unit.filter(|unit| *unit != 0));
    ask.adjusted = adjusted.filter(|part| part.order_type.is_some());
    ask.pegged = read_with(order, |part: &mut Pegged| {
        for amount in [&mut part.change_amount, &mut part.reference_change_amount] {
            *amount = amount.filter(|amount| *amount != 0.0);
        }
        part.reference_con_id = part.reference_con_id.filter(|con_id| *con_id != 0);
    });
    ask.short_sale = read_with(order, |part: &mut ShortSale| {
        part.segment = segment;
        part.exempt_code = part.exempt_code.filter(|code| *code != -1);
    });
    let delta_neutral =
        read_with(order, |part: &mut DeltaNeutral| part.con_id = part.con_id.filter(|con_id| *con_id != 0));
    ask.volatility = read_with(order, |part: &mut Volatility| part.delta_neutral = delta_neutral);
    let tier = order.soft_dollar_tier.clone().unwrap_or_default();
    let tier = SoftDollar {
        name: Wire::take(&tier.name),
        value: Wire::take(&tier.value),
        display_name: Wire::take(&tier.display_name),
    };
    ask.soft_dollar = Some(tier).filter(|tier| *tier != SoftDollar::default()).map(Box::new);
    // What IB's client sends where nothing was said.
    ask.trigger_method = ask.trigger_method.filter(|method| *method != TriggerMethod::Default);
    ask.origin = ask.origin.filter(|_| order.origin != Some(0));
}

/// The part, if the order has anything of it.
fn read<T: Part + Default + PartialEq>(order: &Order) -> Option<Box<T>> {
    read_with(order, |_| {})
}

fn read_with<T: Part + Default + PartialEq>(order: &Order, settle: impl FnOnce(&mut T)) -> Option<Box<T>> {
    let mut part = T::default();
    part.take(order);
    settle(&mut part);
    (part != T::default()).then(|| Box::new(part))
}
