//! Option values and sensitivities after Black and Scholes, without interest and dividends.

use std::f64::consts::PI;

/// Shortest time to expiry used, in years: about a minute.
const YEARS_MIN: f64 = 2e-6;

/// What an option is worth and how it moves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Greeks {
    pub(super) price: f64,
    pub(super) delta: f64,
    pub(super) gamma: f64,
    /// Change per percentage point of volatility.
    pub(super) vega: f64,
    /// Change per day.
    pub(super) theta: f64,
}

/// Value of a European option. Grows with `years` and `volatility`; grows with `under` for a call,
/// falls for a put.
pub(super) fn value(under: f64, strike: f64, is_call: bool, years: f64, volatility: f64) -> f64 {
    let (first, second) = arguments(under, strike, years, volatility);
    let call = under * normal(first) - strike * normal(second);
    let value = if is_call { call } else { call - under + strike };
    value.max(0.0)
}

/// Value and sensitivities of a European option.
pub(super) fn greeks(under: f64, strike: f64, is_call: bool, years: f64, volatility: f64) -> Greeks {
    let (first, _) = arguments(under, strike, years, volatility);
    let root = years.max(YEARS_MIN).sqrt();
    let density = (-first * first / 2.0).exp() / (2.0 * PI).sqrt();
    Greeks {
        price: value(under, strike, is_call, years, volatility),
        delta: normal(first) - if is_call { 0.0 } else { 1.0 },
        gamma: density / (under * volatility * root),
        vega: under * density * root / 100.0,
        theta: -under * density * volatility / (2.0 * root) / 365.0,
    }
}

/// The volatility at which an option is worth `price`; `None` if none between 0.1 % and 1000 % fits.
pub(super) fn implied_volatility(price: f64, under: f64, strike: f64, is_call: bool, years: f64) -> Option<f64> {
    let (mut low, mut high) = (0.001, 10.0);
    if !(value(under, strike, is_call, years, low)..=value(under, strike, is_call, years, high)).contains(&price) {
        return None;
    }
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if value(under, strike, is_call, years, middle) < price {
            low = middle;
        } else {
            high = middle;
        }
    }
    Some(f64::midpoint(low, high))
}

fn arguments(under: f64, strike: f64, years: f64, volatility: f64) -> (f64, f64) {
    let deviation = volatility * years.max(YEARS_MIN).sqrt();
    let first = (under / strike).ln() / deviation + deviation / 2.0;
    (first, first - deviation)
}

/// Cumulative normal distribution (Abramowitz and Stegun 26.2.17, error below 1e-7).
fn normal(x: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.231_641_9 * x.abs());
    let polynomial =
        t * (0.319_381_530 + t * (-0.356_563_782 + t * (1.781_477_937 + t * (-1.821_255_978 + t * 1.330_274_429))));
    let tail = (-x * x / 2.0).exp() / (2.0 * PI).sqrt() * polynomial;
    if x >= 0.0 { 1.0 - tail } else { tail }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_at_the_money_has_its_textbook_value() {
        let greeks = greeks(100.0, 100.0, true, 1.0, 0.2);
        assert!((greeks.price - 7.9656).abs() < 1e-3, "{greeks:?}");
        assert!((greeks.delta - 0.5398).abs() < 1e-3, "{greeks:?}");
    }

    #[test]
    fn the_implied_volatility_is_the_one_the_price_was_made_with() {
        let price = value(270.0, 250.0, false, 0.1, 0.33);
        let found = implied_volatility(price, 270.0, 250.0, false, 0.1).expect("a volatility");
        assert!((found - 0.33).abs() < 1e-6, "{found}");
        assert_eq!(implied_volatility(1000.0, 270.0, 250.0, false, 0.1), None);
    }
}
