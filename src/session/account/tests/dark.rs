//! Account streams asked for while the gateway has no link to IB.

use crate::{schema::connection::LinkName, session::rig::Rig, tws::Request};

/// The requests for values and profit among what was sent, sorted.
fn asked_for(rig: &mut Rig) -> Vec<&'static str> {
    let mut names: Vec<&'static str> = rig.sent(LinkName::Trading).iter().map(Request::name).collect();
    names.retain(|name| name.contains("PnL") || name.contains("Account"));
    names.sort_unstable();
    names
}

#[test]
fn values_and_profit_asked_for_without_ib_are_asked_for_again_after_1102() {
    let mut rig = Rig::ready();
    rig.is_alive = true;
    for link in [LinkName::Trading, LinkName::Data] {
        rig.cut(link);
    }
    asked_for(&mut rig);
    rig.begin_reconnect(LinkName::Trading);
    // A gateway that has no link to IB says so right after the login.
    rig.notice(LinkName::Trading, -1, 2_110, "Connectivity between TWS and server is broken.");
    rig.answer_download();
    asked_for(&mut rig);
    let all = [
        "AccountDataRequest",
        "AccountDataRequest",
        "AccountSummaryRequest",
        "CancelAccountSummary",
        "CancelPnL",
        "PnLRequest",
    ];
    for expected in [&all[..], &[]] {
        rig.notice(LinkName::Trading, -1, 1_102, "Connectivity between IB and TWS has been restored- data maintained.");
        assert_eq!(asked_for(&mut rig), expected, "once");
    }
}
