//! Any code and text has a meaning; reading it never panics.
#![no_main]

use ibnats::tws::notice::{classify, farm_name, unescape};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (i16, &str)| {
    let (code, text) = input;
    let meaning = classify(i32::from(code), text);
    let _ = (meaning.ends_request(), meaning.category.to_string());
    if let Some(farm) = farm_name(text) {
        assert!(text.contains(farm) && !farm.is_empty());
    }
    assert!(unescape(text).len() <= text.len());
});
