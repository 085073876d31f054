//! The one place where the bridge reads the clock.

use crate::session::Now;

/// Both clocks at this moment.
#[expect(clippy::disallowed_methods, reason = "drivers take the time here and pass it on as an argument")]
pub fn now() -> Now {
    Now { at: std::time::Instant::now(), us: chrono::Utc::now().timestamp_micros() }
}
