//! IB's option calculators: price at a volatility, volatility at a price.

use super::{
    Asked, ServiceAnswer, asked,
    shared::{Inquiry, REPEAT, Shared},
};
use crate::{
    schema::{
        ApiError, Instrument,
        request::option::{Computation, PriceRequest, VolatilityRequest},
    },
    session::{Command, Listing, core::Core, notice::Notice},
    tws::{
        Request,
        message::{
            contract::Contract,
            market_data::{
                CalculateImpliedVolatilityRequest, CalculateOptionPriceRequest, CancelCalculateImpliedVolatility,
                CancelCalculateOptionPrice, TickOptionComputation,
            },
        },
        sentinel::{computed_greek, computed_price, computed_volatility},
    },
};

/// Kinds of instruments with a strike and an expiry.
const OPTIONS: [&str; 3] = ["OPT", "FOP", "WAR"];

/// One calculation.
#[derive(Debug)]
struct Calculation {
    instrument: Instrument,
    contract: Contract,
    /// The volatility, or the price of the option.
    assumed: f64,
    under_price: f64,
}

/// Makes the message of a calculation.
type Make = fn(i32, &Calculation) -> Request;

/// Calculations in progress.
#[derive(Debug, Default)]
pub(super) struct Calculators {
    open: Shared<Calculation>,
}

impl Calculators {
    /// Questions open, and answers kept.
    pub(super) fn entries(&self) -> (usize, usize) {
        self.open.entries()
    }

    pub(super) fn price(&mut self, core: &mut Core, command: &Command, ask: &PriceRequest, listing: &Listing) {
        let assumed = ("volatility", ask.volatility, 10.0);
        let request = |req_id, calculation: &Calculation| {
            Request::CalculateOptionPriceRequest(Box::new(CalculateOptionPriceRequest {
                req_id: Some(req_id),
                contract: Some(calculation.contract.clone()),
                volatility: Some(calculation.assumed),
                under_price: Some(calculation.under_price),
                ..CalculateOptionPriceRequest::default()
            }))
        };
        let cancel = |req_id| Request::CancelCalculateOptionPrice(CancelCalculateOptionPrice { req_id: Some(req_id) });
        self.calculate(core, command, listing, (assumed, ask.under_price), (request, cancel));
    }

    pub(super) fn volatility(
        &mut self,
        core: &mut Core,
        command: &Command,
        ask: &VolatilityRequest,
        listing: &Listing,
    ) {
        let assumed = ("price", ask.price, 1e9);
        let request = |req_id, calculation: &Calculation| {
            Request::CalculateImpliedVolatilityRequest(Box::new(CalculateImpliedVolatilityRequest {
                req_id: Some(req_id),
                contract: Some(calculation.contract.clone()),
                option_price: Some(calculation.assumed),
                under_price: Some(calculation.under_price),
                ..CalculateImpliedVolatilityRequest::default()
            }))
        };
        let cancel = |req_id| {
            Request::CancelCalculateImpliedVolatility(CancelCalculateImpliedVolatility { req_id: Some(req_id) })
        };
        self.calculate(core, command, listing, (assumed, ask.under_price), (request, cancel));
    }

    fn calculate(
        &mut self,
        core: &mut Core,
        command: &Command,
        listing: &Listing,
        (assumed, under_price): ((&str, f64, f64), f64),
        (request, cancel): (Make, fn(i32) -> Request),
    ) {
        let (name, value, max) = assumed;
        let checked =
            check(listing, (name, value, max)).and_then(|()| check(listing, ("under_price", under_price, 1e9)));
        if let Err(error) = checked {
            return core.refuse(command.token, error);
        }
        let (instrument, contract) = (listing.instrument.clone(), listing.contract.clone());
        let key = format!("{name} {} {} {value} {under_price}", instrument.con_id, instrument.exchange);
        let context = Calculation { instrument, contract, assumed: value, under_price };
        // The gateway goes on with a calculation until it is cancelled.
        self.open.ask(core, command, Inquiry { key, request, cancel: Some(cancel), context, keep: REPEAT });
    }

    pub(super) fn on_computation(&mut self, core: &mut Core, message: &TickOptionComputation) -> Asked {
        let read = |calculation: &Calculation| {
            let price = |value: Option<f64>| value.and_then(computed_price);
            let greek = |value: Option<f64>| value.and_then(computed_greek);
            ServiceAnswer::Computation(Computation {
                instrument: calculation.instrument.clone(),
                volatility: message.implied_vol.and_then(computed_volatility),
                price: price(message.opt_price),
                delta: greek(message.delta),
                gamma: greek(message.gamma),
                vega: greek(message.vega),
                theta: greek(message.theta),
                pv_dividend: price(message.pv_dividend),
                under_price: price(message.und_price),
            })
            .into()
        };
        asked(self.open.answer(core, message.req_id.unwrap_or_default(), read), message.req_id)
    }

    pub(super) fn on_notice(&mut self, core: &mut Core, req_id: i32, notice: &Notice) -> bool {
        self.open.on_notice(core, req_id, notice)
    }

    pub(super) fn on_timeout(&mut self, core: &mut Core, req_id: i32) -> bool {
        self.open.on_timeout(core, req_id)
    }

    pub(super) fn on_link_down(&mut self, core: &mut Core) {
        self.open.on_link_down(core);
    }
}

fn check(listing: &Listing, (name, value, max): (&str, f64, f64)) -> Result<(), ApiError> {
    let instrument = &listing.instrument;
    if !OPTIONS.contains(&instrument.sec_type.as_str()) {
        let text = format!("{} is no option; calculations are for OPT, FOP and WAR", instrument.local_symbol);
        return Err(ApiError::invalid(text));
    }
    if value > 0.0 && value <= max {
        Ok(())
    } else {
        Err(ApiError::invalid(format!("{name}: a number above 0 and at most {max}")))
    }
}
