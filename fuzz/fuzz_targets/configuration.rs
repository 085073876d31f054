//! Any text is a configuration or is refused with one line that says why.
#![no_main]

use ibnats::config::load_text;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Err(error) = load_text(text) {
        let _ = error.to_string();
    }
});
