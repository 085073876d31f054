//! Frames recorded from real gateways and clients.

use bytes::{Bytes, BytesMut};
use ibnats::tws::frame::{Envelope, open};
use ibnats::tws::{Request, Response, unknown_fields};

#[test]
fn recorded_frames_hold_no_surprise_and_keep_their_values() {
    let mut count = 0;
    for line in include_str!("tws/recorded.tsv").lines().skip(1) {
        let [_, direction, _, name, frame] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("not five columns: {line}");
        };
        let frame = hex::decode(frame.trim_start_matches("hex:")).expect("hex");
        let Envelope::Protobuf { id, body } = open(Bytes::from(frame.clone())) else {
            panic!("{name} is not protobuf");
        };
        let mut again = BytesMut::new();
        let fields = match direction {
            "out" => {
                let request = Request::decode(id, body.clone()).expect(name);
                assert!(request.is_exact(body.len()), "{name}");
                request.put(&mut again);
                request.fields()
            }
            "in" => {
                let response = Response::decode(id, body.clone()).expect(name);
                assert!(response.is_exact(body.len()), "{name}");
                response.put(&mut again);
                response.fields()
            }
            other => panic!("direction {other}"),
        };
        assert_eq!(unknown_fields(&body, fields), Vec::<Vec<u32>>::new(), "{name}");
        assert_eq!(again[4..], frame, "{name}");
        count += 1;
    }
    assert_eq!(count, 26);
}

#[test]
fn a_recorded_account_value_reads_as_its_text_says() {
    let frame = "08d93612094455393030303030311a0e4e65744c69717569646174696f6e220833333932352e30342a03455552";
    let body = Bytes::from(hex::decode(frame).expect("hex"));
    let Ok(Response::AccountSummary(summary)) = Response::decode(63, body) else { panic!("an account summary") };
    assert_eq!(summary.tag.as_deref(), Some("NetLiquidation"));
    assert_eq!(summary.value.as_deref(), Some("33925.04"));
    assert_eq!(summary.currency.as_deref(), Some("EUR"));
}
