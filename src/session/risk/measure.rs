//! One order measured against limits that need nothing but the order and the market.

use rust_decimal::{Decimal, prelude::ToPrimitive};

use crate::schema::{
    ApiError, ErrorCode, Instrument, Size,
    order::{OrderType, Side},
    risk::Limits,
};

/// An order about to be written down, or what a modification would make of one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Proposal<'a> {
    pub(crate) client: Option<&'a str>,
    pub(crate) account: &'a str,
    pub(crate) instrument: &'a Instrument,
    pub(crate) side: Side,
    pub(crate) order_type: OrderType,
    /// `None` for orders sized in money.
    pub(crate) quantity: Option<&'a Size>,
    /// Money to spend or to raise, for orders sized that way.
    pub(crate) cash: Option<f64>,
    pub(crate) limit_price: Option<f64>,
    pub(crate) stop_price: Option<f64>,
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
        if let (Some(max), Some(size)) = (limits.order_quantity, self.quantity)
            && quantity.is_some_and(|quantity| quantity > max)
        {
            return Err(Broken::new("order_quantity", format!("{size} is above {max}")));
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
        let price = self.limit_price.or(self.stop_price).or_else(|| self.market_price());
        if quantity.is_some() && price.is_none() && means.needs_quote {
            return Err(no_quote("order_notional"));
        }
        let each = price.map(|price| price.abs() * self.instrument.multiplier.unwrap_or(1.0));
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

    /// A stop order's limit is measured against its stop price: that is where the market will be.
    fn check_collar(&self, percent: f64, needs_quote: bool) -> Result<(), Broken> {
        let Some(price) = self.limit_price else { return Ok(()) };
        let Some(reference) = self.stop_price.or_else(|| self.market_price()) else {
            return if needs_quote { Err(no_quote("price_collar_percent")) } else { Ok(()) };
        };
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

fn no_quote(limit: &'static str) -> Broken {
    let message = "no quote of the instrument is known to measure it by; subscribe to its quote first, or set \
                   risk.without_quote = \"allow\"";
    Broken { limit, message: message.to_owned(), code: ErrorCode::NotReady }
}
