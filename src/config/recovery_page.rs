//! `docs/recovery.md` names times: they are those of the default configuration.

use super::Timing;

const PAGE: &str = include_str!("../../docs/recovery.md");

/// A number of milliseconds as the page writes it.
fn seconds(ms: u64) -> String {
    if ms.is_multiple_of(1_000) {
        format!("{} s", ms / 1_000)
    } else {
        format!("{}.{:02} s", ms / 1_000, ms % 1_000 / 10)
    }
}

#[test]
fn the_times_of_the_page_are_those_of_the_defaults() {
    let timing = Timing::default();
    let probes = timing.probe_timeout_ms * u64::from(timing.probe_misses);
    let silence = timing.probe_after_ms + probes;
    let attempt = timing.dial_ms + timing.greeting_ms + timing.login_ms + timing.sync_ms;
    let back = attempt + timing.reconnect_max_ms;
    let person = attempt + timing.person_retry_ms;
    let rows = [
        ("the socket ends", "at once".to_owned(), seconds(timing.reconnect_min_ms)),
        ("half-open socket, mute gateway, SIGSTOP of the gateway", seconds(silence), seconds(back)),
        ("no TCP connection", seconds(timing.dial_ms), seconds(back)),
        ("stalled handshake", seconds(timing.greeting_ms), seconds(back)),
        (
            "login that does not end, 10,000 order frames before the next id among them",
            seconds(timing.login_ms),
            seconds(back),
        ),
        ("first download that does not end", seconds(timing.sync_ms), seconds(back)),
        ("no finished login although connections are taken", seconds(timing.person_after_ms), seconds(person)),
        ("SIGSTOP of the bridge, the gateway well", "at once".to_owned(), "at once".to_owned()),
        ("the host sleeps, or the bridge was stopped, and the other end has gone", seconds(probes), seconds(back)),
    ];
    for (what, noticed, back) in rows {
        let row = format!("| {what} | {noticed} | {back} |");
        assert!(PAGE.contains(&row), "docs/recovery.md lacks\n{row}");
    }
    let stable = format!("was ready for less than {}", seconds(timing.stable_ms));
    assert!(PAGE.contains(&stable), "docs/recovery.md lacks {stable:?}");
}
