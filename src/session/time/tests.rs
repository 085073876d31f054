//! What a session makes of zones in greetings.

use bytes::BytesMut;

use crate::{
    schema::connection::{LinkName, NoticeEvent},
    session::{Event, rig::Rig},
    tws::{ServerVersion, handshake::put_greeting},
};

/// What the data link tells after a greeting with this connection time: zone, clock, notices.
fn greeted(connection_time: &str) -> (Option<String>, Option<i64>, Vec<NoticeEvent>) {
    let mut rig = Rig::new();
    rig.wait_ms(0);
    let now = rig.now();
    let mut greeting = BytesMut::new();
    put_greeting(&mut greeting, ServerVersion::MAX, connection_time);
    rig.session.on_opened(now, LinkName::Data, 1);
    rig.session.on_bytes(now, LinkName::Data, &mut greeting);
    rig.pump();
    let status = rig.session.connection().data;
    assert_eq!(status.server_version, Some(ServerVersion::MAX.0), "the login goes on");
    let notice = |event| match event {
        Event::Notice(notice) => Some(*notice),
        _ => None,
    };
    (status.gateway_zone, status.greeted_us, rig.events().into_iter().filter_map(notice).collect())
}

#[test]
fn a_greeting_is_understood_in_every_kind_of_zone() {
    let at = Some(1_800_000_000_000_000);
    for (text, zone) in [
        ("20270115 03:00:00 America/New_York", "America/New_York"),
        ("20270115 03:00:00 US/Eastern", "US/Eastern"),
        ("20270115 03:00:00 EST", "America/New_York"),
        ("20270115 03:00:00 EST5EDT", "EST5EDT"),
        ("20270115 03:00:00 Eastern Standard Time", "America/New_York"),
        ("20270115 09:00:00 MET", "MET"),
        ("20270115 08:00:00 Greenwich Mean Time", "Europe/London"),
        ("20270115 16:00:00 China Standard Time", "Asia/Shanghai"),
        ("20270115 17:00:00 JST", "Asia/Tokyo"),
        ("20270115 08:00:00 UTC", "UTC"),
    ] {
        assert_eq!(greeted(text), (Some(zone.to_owned()), at, Vec::new()), "{text}");
    }
}

#[test]
fn a_greeting_in_an_unknown_zone_is_told_and_does_not_matter() {
    for zone in ["CST", "\u{fffd}\u{fffd}\u{fffd}", "Mitteleuropäische Zeit", "Mars/Olympus"] {
        let (named, us, notices) = greeted(&format!("20270115 08:00:00 {zone}"));
        assert_eq!((named, us), (None, None), "{zone}");
        assert_eq!(notices.len(), 1, "{zone}: {notices:?}");
        assert_eq!(notices[0].class, "unknown_zone");
    }
    for text in ["", "8 o'clock", "20270115"] {
        assert_eq!(greeted(text), (None, None, Vec::new()), "{text:?}");
    }
}
