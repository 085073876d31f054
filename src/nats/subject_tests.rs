//! Subjects are reversible, and spelt as the contract says.

use proptest::prelude::*;

use super::*;

fn text() -> impl Strategy<Value = Cow<'static, str>> {
    prop_oneof![
        ".{0,12}",
        "[A-Z]{1,5}",
        Just("_".to_owned()),
        Just("a.b".to_owned()),
        Just("*".to_owned()),
        Just("=41".to_owned())
    ]
    .prop_map(Cow::Owned)
}

fn some_inst() -> impl Strategy<Value = Inst<'static>> {
    (text(), text(), text(), text()).prop_map(|(sec_type, local_symbol, exchange, currency)| Inst {
        sec_type,
        local_symbol,
        exchange,
        currency,
    })
}

fn topic() -> impl Strategy<Value = Topic<'static>> {
    (0..25, some_inst(), text(), text(), text()).prop_map(|(which, inst, a, b, c)| match which {
        0 => Topic::Tick { inst, name: a },
        1 => Topic::Quote { inst },
        2 => Topic::TickByTick { inst, kind: a },
        3 => Topic::Bar { inst, size: a },
        4 => Topic::Depth { inst },
        5 => Topic::Order { account: a, key: b },
        6 => Topic::Fill { account: a, key: b },
        7 => Topic::Position { account: a, inst },
        8 => Topic::AccountValue { account: a, tag: b },
        9 => Topic::Pnl { account: a },
        10 => Topic::ConnectionState,
        11 => Topic::Farm { farm: a },
        12 => Topic::Notice,
        13 => Topic::Gap { inst, stream: a },
        14 => Topic::Bridge { event: a },
        17 => Topic::News { provider: a },
        18 => Topic::Scan { id: a },
        15 => Topic::Audit { client: a },
        16 => Topic::Request { noun: a, verb: b, client: None },
        19 => Topic::Greeks { inst },
        20 => Topic::ModelPosition { account: a, model: b, inst },
        21 => Topic::ModelValue { account: a, model: b, tag: c },
        22 => Topic::ModelPnl { account: a, model: b },
        _ => Topic::Request { noun: a, verb: b, client: Some(c) },
    })
}

proptest! {
    #[test]
    fn what_was_built_is_read_back(topic in topic()) {
        prop_assert_eq!(Topic::parse("ib", &topic.subject("ib")), Some(topic.clone()));
        prop_assert_eq!(Topic::parse("ib.paper", &topic.subject("ib.paper")), Some(topic));
    }

    #[test]
    fn every_token_is_legal_and_distinct(a in ".{0,300}", b in ".{0,300}") {
        let (left, right) = (token(&a), token(&b));
        prop_assert!(!left.is_empty() && left.len() <= TOKEN_BYTES_MAX);
        prop_assert!(left.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-=".contains(&byte)));
        prop_assert_eq!(a == b, left == right);
    }

    #[test]
    fn reading_never_panics(subject in ".{0,80}") {
        let _ = Topic::parse("ib", &format!("ib.{subject}"));
    }
}

#[test]
fn tokens_are_spelt_as_published() {
    for (text, expected) in
        [("AAPL", "AAPL"), ("BRK B", "BRK=20B"), ("EUR.USD", "EUR=2EUSD"), ("é", "=C3=A9"), ("=", "=3D"), ("", "_")]
    {
        assert_eq!(token(text), expected);
        assert_eq!(text_of(expected).as_deref(), Some(text));
    }
    for never_made in ["=4", "=41", "=c3=a9", "=GG", "=C3"] {
        assert_eq!(text_of(never_made), None, "{never_made}");
    }
}

fn euro() -> Instrument {
    Instrument { local_symbol: "EUR.USD".to_owned(), ..Instrument::bare(12_087_792, "CASH", "EUR", "IDEALPRO", "USD") }
}

#[test]
fn a_lease_names_the_subject_to_subscribe_to() {
    for (stream, expected) in [
        ("quote", "ib.quote.CASH.EUR=2EUSD.IDEALPRO.USD"),
        ("tick", "ib.tick.CASH.EUR=2EUSD.IDEALPRO.USD.*"),
        ("depth", "ib.depth.CASH.EUR=2EUSD.IDEALPRO.USD"),
        ("bar.5s", "ib.bar.CASH.EUR=2EUSD.IDEALPRO.USD.5s"),
        ("tbt.bid_ask", "ib.tbt.CASH.EUR=2EUSD.IDEALPRO.USD.bid_ask"),
    ] {
        assert_eq!(stream_subject("ib", &euro(), stream.parse().expect("a stream")), expected);
    }
}
