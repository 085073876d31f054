//! One order measured against limits that need nothing but the order and the market.

use rust_decimal::{Decimal, prelude::ToPrimitive};

use crate::{
    schema::{
        ApiError, ErrorCode, Instrument, Size,
        order::{OrderType, Side},
        risk::Limits,
    },
    tws::message::contract::Contract,
};

/// An order about to be written down, or what a modification would make of one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Proposal<'a> {
    pub(crate) client: Option<&'a str>,
    pub(crate) account: &'a str,
    pub(crate) traded: &'a Traded,
    pub(crate) instrument: &'a Instrument,
    pub(crate) side: Side,
    pub(crate) order_type: OrderType,
    /// `None` for orders sized in money.
    pub(crate) quantity: Option<&'a Size>,
    /// Money to spend or to raise, for orders sized that way.
    pub(crate) cash: Option<f64>,
    pub(crate) limit_price: Option<f64>,
    pub(crate) stop_price: Option<f64>,
    /// What a price is multiplied with; `None` for a combo with legs of which that is not known.
    pub(crate) multiplier: Option<f64>,
    /// IB's types of the orders that the gateway makes of the same message.
    pub(crate) attached: [Option<&'a str>; 2],
    /// It changes an order that is open already.
    pub(crate) is_modification: bool,
    pub(crate) reference: Reference,
    pub(crate) exposure: Exposure,
}

/// What the market last said, as far as it is known and not stale.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Reference {
    pub(crate) bid: Option<f64>,
    pub(crate) ask: Option<f64>,
    pub(crate) last: Option<f64>,
}

/// What the other parts know of a contract.
#[derive(Clone, Debug)]
pub(crate) struct View {
    pub(crate) con_id: i32,
    pub(crate) reference: Reference,
    /// Positions, by account.
    pub(crate) positions: Vec<(String, Decimal)>,
}

/// What the account holds of the instrument and has open in it, without the order in question.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Exposure {
    /// Position, negative when short.
    pub(crate) position: Decimal,
    /// Quantity still open in orders of the same side.
    pub(crate) open_quantity: Decimal,
    /// Number of those orders.
    pub(crate) open_orders: u32,
}

impl Exposure {
    /// Together with orders of the same request that come before it.
    pub(super) fn with(self, planned: &[&Planned]) -> Self {
        Self {
            open_quantity: self.open_quantity.saturating_add(planned.iter().map(|one| one.quantity).sum()),
            open_orders: self.open_orders.saturating_add(u32::try_from(planned.len()).unwrap_or(u32::MAX)),
            ..self
        }
    }
}

/// What is traded, also where IB gives no number to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Traded {
    /// A contract by its id.
    Contract(i32),
    /// A combo by its legs: contract, ratio and action, in order.
    Combo(Vec<(i32, i32, String)>),
}

impl Traded {
    pub(crate) fn of(con_id: Option<i32>, contract: Option<&Contract>) -> Self {
        if let Some(con_id) = con_id.filter(|con_id| *con_id > 0) {
            return Self::Contract(con_id);
        }
        let legs = contract.into_iter().flat_map(|contract| &contract.combo_legs).map(|leg| {
            (leg.con_id.unwrap_or_default(), leg.ratio.unwrap_or(1), leg.action.clone().unwrap_or_default())
        });
        let mut legs: Vec<_> = legs.collect();
        legs.sort();
        Self::Combo(legs)
    }
}

/// An order of the request at hand that has passed: those after it are measured as if it were open.
#[derive(Clone, Debug)]
pub(super) struct Planned {
    pub(super) account: String,
    pub(super) traded: Traded,
    pub(super) side: Side,
    pub(super) quantity: Decimal,
    /// Orders that its message makes.
    pub(super) orders: u32,
}

/// What an order is measured with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Means<'a> {
    /// An order that needs a quote which is not known is refused.
    pub(super) needs_quote: bool,
    /// What one unit of the instrument's currency is worth, in which currency; `None` if that is not known.
    pub(super) worth: Option<(f64, &'a str)>,
}

/// A limit that the order does not keep, or that it cannot be measured against.
pub(super) struct Broken {
    limit: &'static str,
    message: String,
    code: ErrorCode,
}

impl Broken {
    fn new(limit: &'static str, message: impl Into<String>) -> Self {
        Self { limit, message: message.into(), code: ErrorCode::RejectedByRisk }
    }

    pub(super) fn error(self, place: &str) -> ApiError {
        ApiError::new(self.code, format!("{place}.{}: {}", self.limit, self.message))
    }
}

impl Proposal<'_> {
    pub(super) fn check(&self, limits: &Limits, means: Means<'_>) -> Result<(), Broken> {
        if limits.read_only == Some(true) {
            return Err(Broken::new("read_only", "no order is taken"));
        }
        self.check_kind(limits)?;
        let quantity = self.quantity.map(|size| size.decimal().to_f64().unwrap_or(f64::INFINITY).abs());
        let quantity = quantity.filter(|quantity| *quantity > 0.0);
        if let Some(max) = limits.order_quantity {
            self.check_quantity(quantity, max, means)?;
        }
        if let Some(max) = limits.open_orders
            && !self.is_modification
            && self.exposure.open_orders >= max
        {
            let message = format!("{max} orders of this side are open in this contract already");
            return Err(Broken::new("open_orders", message));
        }
        if let Some(max) = limits.order_notional {
            self.check_notional(quantity, max, means)?;
        }
        if let Some(percent) = limits.price_collar_percent {
            self.check_collar(percent, means.needs_quote)?;
        }
        Ok(())
    }

    fn check_kind(&self, limits: &Limits) -> Result<(), Broken> {
        let named = |rules: &Option<Vec<crate::schema::risk::InstrumentRule>>| {
            rules.as_ref().map(|rules| rules.iter().any(|rule| rule.names(self.instrument)))
        };
        let instrument = || format!("{}:{}", self.instrument.sec_type, self.instrument.symbol);
        if named(&limits.blocked_instruments) == Some(true) {
            return Err(Broken::new("blocked_instruments", format!("{} is blocked", instrument())));
        }
        if named(&limits.instruments) == Some(false) {
            return Err(Broken::new("instruments", format!("{} is not among those allowed", instrument())));
        }
        if limits.accounts.as_ref().is_some_and(|accounts| accounts.iter().all(|one| one != self.account)) {
            return Err(Broken::new("accounts", format!("{} is not among those allowed", self.account)));
        }
        if limits.order_types.as_ref().is_some_and(|types| !types.contains(&self.order_type)) {
            let message = format!("{} orders are not among those allowed", self.order_type.ib_text());
            return Err(Broken::new("order_types", message));
        }
        if let Some(types) = &limits.order_types {
            for text in self.attached.into_iter().flatten() {
                if OrderType::of_ib_text(text).is_none_or(|kind| !types.contains(&kind)) {
                    let message = format!("{text} of an attached order is not among those allowed");
                    return Err(Broken::new("order_types", message));
                }
            }
        }
        Ok(())
    }

    /// Orders that its message makes.
    pub(super) fn orders(&self) -> u32 {
        self.attached.into_iter().flatten().fold(1, |orders, _| orders + 1)
    }

    /// The price the order is worth, if one is known.
    fn price(&self) -> Option<f64> {
        self.limit_price.or(self.stop_price).or_else(|| self.market_price())
    }

    /// An order sized in money is as large as its price makes it.
    fn check_quantity(&self, quantity: Option<f64>, max: f64, means: Means<'_>) -> Result<(), Broken> {
        let limit = "order_quantity";
        let quantity = match (quantity, self.cash) {
            (Some(quantity), _) => quantity,
            (None, Some(cash)) => {
                let price = self.price().filter(|price| *price != 0.0);
                let Some(price) = price else {
                    return if means.needs_quote { Err(no_quote(limit)) } else { Ok(()) };
                };
                cash / (price.abs() * self.multiplier.unwrap_or(1.0))
            }
            (None, None) => return Err(derived(limit)),
        };
        if quantity > max {
            return Err(Broken::new(limit, format!("{quantity} is above {max}")));
        }
        Ok(())
    }

    /// What an order of this side would meet in the market.
    fn market_price(&self) -> Option<f64> {
        let Reference { bid, ask, last } = self.reference;
        match self.side {
            Side::Buy => ask.or(last).or(bid),
            Side::Sell => bid.or(last).or(ask),
        }
    }

    fn check_notional(&self, quantity: Option<f64>, max: f64, means: Means<'_>) -> Result<(), Broken> {
        let Some((rate, currency)) = means.worth else { return Err(self.no_rate()) };
        if quantity.is_none() && self.cash.is_none() {
            return Err(derived("order_notional"));
        }
        let price = self.price();
        if quantity.is_some() && price.is_none() && means.needs_quote {
            return Err(no_quote("order_notional"));
        }
        if quantity.is_some() && self.multiplier.is_none() && means.needs_quote {
            let message = "the multiplier of a leg is not known; ask for contract.details of each leg first, or set \
                           risk.without_quote = \"allow\"";
            let message = message.to_owned();
            return Err(Broken { limit: "order_notional", message, code: ErrorCode::NotReady });
        }
        let each = price.map(|price| price.abs() * self.multiplier.unwrap_or(1.0));
        let by_quantity = quantity.zip(each).map(|(quantity, each)| quantity * each);
        let worth = [self.cash, by_quantity].into_iter().flatten().map(|money| money * rate).find(|worth| *worth > max);
        match worth {
            Some(worth) => Err(Broken::new("order_notional", format!("{worth:.2} {currency} is above {max}"))),
            None => Ok(()),
        }
    }

    fn no_rate(&self) -> Broken {
        let message = format!(
            "IB has not told yet what {} is worth in the base currency of {}; risk.notional_currency = \"instrument\" \
             measures without converting",
            self.instrument.currency, self.account
        );
        Broken { limit: "order_notional", message, code: ErrorCode::NotReady }
    }

    /// A stop price is measured against the market, and its limit price against the stop price: that is where the
    /// market will be.
    fn check_collar(&self, percent: f64, needs_quote: bool) -> Result<(), Broken> {
        let market = self.market_price();
        if let Some(price) = self.stop_price.or(self.limit_price) {
            let Some(market) = market else {
                return if needs_quote { Err(no_quote("price_collar_percent")) } else { Ok(()) };
            };
            self.check_distance(price, market, percent)?;
        }
        match (self.limit_price, self.stop_price) {
            (Some(limit), Some(stop)) => self.check_distance(limit, stop, percent),
            _ => Ok(()),
        }
    }

    fn check_distance(&self, price: f64, reference: f64, percent: f64) -> Result<(), Broken> {
        let distance = match self.side {
            Side::Buy => price - reference,
            Side::Sell => reference - price,
        };
        if distance > reference.abs() * percent / 100.0 {
            let side = if self.side == Side::Buy { "above" } else { "below" };
            let message = format!("{price} lies more than {percent} % {side} {reference}");
            return Err(Broken::new("price_collar_percent", message));
        }
        Ok(())
    }

    /// True if it can only make the position smaller, together with what is open on its side.
    pub(super) fn reduces_position(&self) -> bool {
        let against = match self.side {
            Side::Buy => -self.exposure.position,
            Side::Sell => self.exposure.position,
        };
        let quantity = self.quantity.map(Size::decimal);
        let is_within = |quantity: Decimal| quantity.saturating_add(self.exposure.open_quantity) <= against;
        against > Decimal::ZERO && quantity.is_some_and(is_within)
    }
}

fn derived(limit: &'static str) -> Broken {
    Broken::new(limit, "the order names no quantity: IB derives it, and what it will be cannot be measured")
}

fn no_quote(limit: &'static str) -> Broken {
    let message = "no quote of the instrument is known to measure it by; subscribe to its quote first, or set \
                   risk.without_quote = \"allow\"";
    Broken { limit, message: message.to_owned(), code: ErrorCode::NotReady }
}

#[cfg(test)]
mod tests {
    use super::{
        super::tests::{order, quote, verdict},
        Side,
    };
    use crate::{config::Config, schema::ErrorCode, session::rig::Rig};

    #[test]
    fn a_stop_price_is_measured_from_the_market_and_its_limit_price_from_the_stop_price() {
        let mut config = Config::default();
        config.risk.limits.price_collar_percent = Some(10.0);
        let mut rig = Rig::ready_with(config);
        rig.is_alive = true;
        let listing = rig.stock(265_598, "AAPL");
        quote(&mut rig, &listing, &[(1, 99.0), (2, 100.0)]);
        let mut at = |key: &str, side, stop, limit: Option<f64>| {
            let mut order = order(key, "");
            let kind = if limit.is_some() { r#""stop_limit""# } else { r#""stop""# };
            order.order_type = serde_json::from_str(kind).expect("a type");
            (order.side, order.stop_price, order.limit_price) = (side, Some(stop), limit);
            verdict(&mut rig, "", &listing, order).map(|(code, _)| code)
        };
        let refused = Some(ErrorCode::RejectedByRisk);
        assert_eq!(at("k1", Side::Buy, 110.0, None), None, "exactly at the collar");
        assert_eq!(at("k2", Side::Buy, 110.1, None), refused);
        assert_eq!(at("k3", Side::Sell, 89.2, None), None);
        assert_eq!(at("k4", Side::Sell, 89.0, None), refused);
        assert_eq!(at("k5", Side::Buy, 50.0, None), None, "below the market it costs nothing");
        assert_eq!(at("k6", Side::Buy, 105.0, Some(116.0)), refused);
        assert_eq!(at("k7", Side::Buy, 105.0, Some(115.0)), None);
    }
}
