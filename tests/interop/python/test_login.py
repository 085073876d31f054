"""The official client logs in, is told what a login is told, and is refused where a gateway refuses."""

import time

from official import LIMIT_S


def test_a_login_brings_version_accounts_and_order_id(client):
    assert 213 <= client.api.serverVersion() <= 226
    accounts = client.expect("managedAccounts").accountsList
    assert accounts.split(",")[0].startswith("DU"), "a simulated account is a paper account"
    assert client.expect("nextValidId").orderId >= 1


def test_a_login_brings_the_state_of_the_farms(client):
    farm = client.expect_error(2104, reqId=-1)
    assert "farm" in farm.errorString
    client.expect_error(2106, reqId=-1)


def test_the_gateway_tells_its_time(client):
    assert abs(client.round_trip().time - time.time()) < 5


def test_a_client_id_in_use_is_refused_with_326_and_the_first_session_stays(connect):
    first = connect(7).log_in()
    second = connect(7)
    second.expect_error(326)
    second.expect("connectionClosed")
    assert not second.seen("nextValidId")
    first.round_trip()


def test_a_client_id_is_free_again_after_its_session(connect):
    connect(8).log_in().close()
    # The gateway learns of the closed socket a moment later; until then the id is in use.
    give_up = time.monotonic() + LIMIT_S
    while time.monotonic() < give_up:
        again = connect(8)
        answer = again.expect_any("nextValidId", "connectionClosed")
        if answer.name == "nextValidId":
            again.round_trip()
            return
    raise AssertionError("the client id stays in use")
