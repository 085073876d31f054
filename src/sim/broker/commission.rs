//! What the simulated broker charges.

use rust_decimal::Decimal;

/// Commission of one order after a fill, in the contract's currency: the whole order's charge, of which
/// the caller subtracts what was charged before. So a minimum is charged once for an order, not for each fill.
///
/// `quantity` and `value` (price times quantity times multiplier) are those of the order so far, unsigned.
pub(super) fn of_order(sec_type: &str, quantity: Decimal, value: Decimal) -> Decimal {
    let value = value.abs();
    let charge = match sec_type {
        "STK" => (quantity * Decimal::new(5, 3)).max(Decimal::ONE).min(value * Decimal::new(1, 2)),
        "FUT" | "FOP" => quantity * Decimal::new(225, 2),
        "OPT" => (quantity * Decimal::new(65, 2)).max(Decimal::ONE),
        "CASH" => (value * Decimal::new(2, 5)).max(Decimal::TWO),
        "CRYPTO" => value * Decimal::new(18, 4),
        _ => Decimal::ONE,
    };
    charge.round_dp(6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(sec_type: &str, quantity: i64, value: i64, expected: &str) {
        let charge = of_order(sec_type, Decimal::from(quantity), Decimal::from(value));
        assert_eq!(charge, expected.parse().expect("a decimal in the test table"));
    }

    #[test]
    fn each_kind_has_its_rate_and_its_minimum() {
        check("STK", 100, 15_000, "1");
        check("STK", 1_000, 150_000, "5");
        check("STK", 10, 20, "0.2"); // at most one percent
        check("FUT", 3, 600_000, "6.75");
        check("OPT", 1, 250, "1");
        check("OPT", 10, 2_500, "6.5");
        check("CASH", 20_000, 22_000, "2");
        check("CRYPTO", 1, 60_000, "108");
    }
}
