//! Any text is a scenario or a recording, or is refused with one line that says where and why.
#![no_main]

use ibnats::sim::{Scenario, recording::Recording};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match Scenario::parse(text) {
        // Rules of a file may also be added to a simulator that runs.
        Ok(scenario) if !scenario.rules.is_empty() => {
            assert!(Scenario::parse_rules(text).is_ok_and(|rules| rules.len() == scenario.rules.len()));
        }
        Ok(_) => {}
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    if let Err(error) = Recording::parse(text) {
        assert!(!error.to_string().is_empty());
    }
});
