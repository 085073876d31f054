//! Numbers that depend on the seed and on a position, and on nothing drawn before.

/// A source of reproducible numbers. The same key and position give the same number for ever, so a
/// price of last year and a price of this second need no common history.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seed(u64);

impl Seed {
    /// The source for one purpose (`stream`) of one instrument.
    pub(super) fn of(seed: u64, instrument: i32, stream: u64) -> Self {
        Self(mix(mix(seed ^ 0x5DEE_CE66_D1CE_4E5B) ^ u64::from(instrument.cast_unsigned()) ^ (stream << 40)))
    }

    /// 64 random bits for a position.
    pub(super) fn bits(self, level: u32, index: i64) -> u64 {
        mix(self.0 ^ mix(index.cast_unsigned().wrapping_add(u64::from(level) << 56)))
    }

    /// A number in `-1.0..1.0` for a position.
    pub(super) fn signed_unit(self, level: u32, index: i64) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "53 bits fit a double exactly")]
        let unit = (self.bits(level, index) >> 11) as f64 / (1_u64 << 53) as f64;
        unit * 2.0 - 1.0
    }

    /// A whole number in `0..below` for a position; 0 if `below` is 0.
    pub(super) fn below(self, level: u32, index: i64, below: u64) -> i64 {
        let drawn = (u128::from(self.bits(level, index)) * u128::from(below)) >> 64;
        i64::try_from(drawn).unwrap_or(0)
    }
}

/// The finaliser of `SplitMix64`: every input bit reaches every output bit.
fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}
