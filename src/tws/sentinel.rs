//! Turns the values with which IB says "absent" into `None`.
//!
//! IB's habits end here: nothing above `tws` compares a value with one of these numbers.

/// `double` that IB sends for "not set", in P&L, commission and order fields.
pub const UNSET_DOUBLE: f64 = f64::MAX;
/// `int32` that IB sends for "not set".
pub const UNSET_INT: i32 = i32::MAX;
/// `int64` that IB sends for "not set".
pub const UNSET_LONG: i64 = i64::MAX;

/// Decimal texts that mean "not set", beside empty text.
const UNSET_DECIMALS: [&str; 4] =
    ["2147483647", "9223372036854775807", "-9223372036854775808", "1.7976931348623157E308"];

/// A price, amount or ratio, unless it is unset or not a number at all.
pub fn unset_double(value: f64) -> Option<f64> {
    // NaN and infinity have no place in a payload either. The largest finite double is the sentinel.
    (value.is_finite() && value.abs() < UNSET_DOUBLE).then_some(value)
}

/// An `int32`, unless it is unset.
pub fn unset_int(value: i32) -> Option<i32> {
    (value != UNSET_INT).then_some(value)
}

/// An `int64`, unless it is unset.
pub fn unset_long(value: i64) -> Option<i64> {
    (value != UNSET_LONG).then_some(value)
}

/// A decimal text, digit for digit, unless it is empty or unset.
pub fn unset_decimal(text: &str) -> Option<&str> {
    (!text.is_empty() && !UNSET_DECIMALS.contains(&text)).then_some(text)
}

/// A text field, unless it is empty.
pub fn some_text(field: Option<String>) -> Option<String> {
    field.filter(|text| !text.is_empty())
}

/// A mark that is only worth telling when it is set.
pub fn some_flag(field: Option<bool>) -> Option<bool> {
    field.filter(|set| *set)
}

/// Epoch seconds of a tick or bar as microseconds; zero and less is no time.
pub fn seconds_us(field: Option<i64>) -> Option<i64> {
    field.filter(|seconds| *seconds > 0)?.checked_mul(1_000_000)
}

/// True if a decimal text stands for no quantity: absent, unset, or nothing but zeroes.
pub fn is_zero_size(size: &str) -> bool {
    unset_decimal(size).is_none_or(|text| {
        let mantissa = text.split(['e', 'E']).next().unwrap_or(text);
        !mantissa.bytes().any(|byte| byte.is_ascii_digit() && byte != b'0')
    })
}

/// The price of a quote side, or `None` when the gateway has no quote. `size` is the decimal text
/// that came with the price.
///
/// IB says "no quote" as price -1 or 0 together with size 0. A negative price alone is legal
/// (spreads, some futures), and so is 0 with a size.
pub fn quoted_price(price: f64, size: &str) -> Option<f64> {
    #[expect(clippy::float_cmp, reason = "both are exact markers, not results of arithmetic")]
    let marker = price == -1.0 || price == 0.0;
    unset_double(price).filter(|_| !(marker && is_zero_size(size)))
}

/// An option computation's implied volatility as a ratio (0.25 = 25 %); negative means not computed.
pub fn computed_volatility(value: f64) -> Option<f64> {
    unset_double(value).filter(|&volatility| volatility >= 0.0)
}

/// An option computation's delta, gamma, vega or theta; -2 means not computed.
pub fn computed_greek(value: f64) -> Option<f64> {
    #[expect(clippy::float_cmp, reason = "an exact marker, not a result of arithmetic")]
    unset_double(value).filter(|&greek| greek != -2.0)
}

/// An option computation's option price, underlying price or present value of dividends; -1 means not
/// computed.
pub fn computed_price(value: f64) -> Option<f64> {
    #[expect(clippy::float_cmp, reason = "an exact marker, not a result of arithmetic")]
    unset_double(value).filter(|&price| price != -1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_is_absent_only_as_marker_price_without_size() {
        for (price, size, expected) in [
            (-1.0, "0", None),
            (0.0, "0", None),
            (-0.0, "0", None),
            (-1.0, "0.000", None),
            (-1.0, "", None),
            (-1.0, "0E-8", None),
            (-1.0, "2147483647", None),
            (-1.0, "3", Some(-1.0)),
            (0.0, "0.5", Some(0.0)),
            (-1.25, "0", Some(-1.25)),
            (101.5, "0", Some(101.5)),
            (-37.63, "100", Some(-37.63)),
            (f64::MAX, "100", None),
            (f64::NAN, "100", None),
            (f64::INFINITY, "100", None),
        ] {
            assert_eq!(quoted_price(price, size), expected, "{price} {size:?}");
        }
    }

    #[test]
    fn the_largest_number_of_a_type_is_unset() {
        assert_eq!(unset_double("1.7976931348623157E308".parse().expect("a number")), None);
        assert_eq!(unset_double(-f64::MAX), None);
        assert_eq!(unset_double(1e300), Some(1e300));
        assert_eq!(unset_double(-2.0), Some(-2.0));
        assert_eq!((unset_int(2_147_483_647), unset_int(-1), unset_int(0)), (None, Some(-1), Some(0)));
        assert_eq!((unset_long(9_223_372_036_854_775_807), unset_long(0)), (None, Some(0)));
    }

    #[test]
    fn a_decimal_keeps_its_digits() {
        for (text, expected) in [
            ("100", Some("100")),
            ("0", Some("0")),
            ("0.00010000", Some("0.00010000")),
            ("", None),
            ("2147483647", None),
            ("9223372036854775807", None),
            ("-9223372036854775808", None),
            ("1.7976931348623157E308", None),
        ] {
            assert_eq!(unset_decimal(text), expected, "{text:?}");
        }
    }

    #[test]
    fn option_computations_have_a_marker_for_each_kind_of_value() {
        for (value, volatility, greek, price) in [
            (-1.0, None, Some(-1.0), None),
            (-2.0, None, None, Some(-2.0)),
            (0.0, Some(0.0), Some(0.0), Some(0.0)),
            (0.25, Some(0.25), Some(0.25), Some(0.25)),
            (f64::MAX, None, None, None),
        ] {
            let found = (computed_volatility(value), computed_greek(value), computed_price(value));
            assert_eq!(found, (volatility, greek, price), "{value}");
        }
    }
}
