//! Any subject is read back as it was written or is none of ours; any text makes a legal token, which tells it unless it was cut.
#![no_main]

use ibnats::nats::subject::{Topic, text_of, token};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (&str, &str)| {
    let (prefix, text) = input;
    let made = token(text);
    assert!(made.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-=".contains(&byte)));
    // A text that is too long is cut, and does not pass for another one.
    match text_of(&made) {
        Some(back) => assert_eq!(back, text),
        None => assert!(made.contains("=X")),
    }
    if let Some(topic) = Topic::parse(prefix, text) {
        assert_eq!(topic.subject(prefix), text);
    }
    if let Some(topic) = Topic::parse("ib", &format!("ib.{text}")) {
        assert_eq!(topic.key(), text);
    }
});
