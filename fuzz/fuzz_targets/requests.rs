//! Any payload on any verb, in either encoding, is read or refused; what is read has a time limit.
#![no_main]

use ibnats::{
    config::Timing,
    nats::{encoding::Encoding, endpoints::VERBS},
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, bool, &[u8])| {
    let (number, is_packed, payload) = input;
    let verb = &VERBS[usize::from(number) % VERBS.len()];
    let encoding = if is_packed { Encoding::MessagePack } else { Encoding::Json };
    if let Ok(asked) = (verb.read)(encoding, payload) {
        let day = std::time::Duration::from_secs(86_400);
        assert!(asked.timeout(&Timing::default(), 1_800_000_000_000_000) <= day);
    }
    let _ = Encoding::of_request(None, payload);
});
