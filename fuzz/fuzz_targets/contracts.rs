//! Any short text names a contract or is refused, in bounded length.
#![no_main]

use ibnats::schema::contract::ContractQuery;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Err(error) = text.parse::<ContractQuery>() {
        assert!(error.to_string().len() < 2_000);
    }
});
