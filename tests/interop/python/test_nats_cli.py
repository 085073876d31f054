"""A person with the `nats` command line sees quotes, asks, and trades."""

import json
import re
import subprocess
import time

import schemas
from processes import NATS_CLI, Process
from tap import PLACE_ORDER

LIMIT_S = 15


def cli(rig, *arguments):
    command = [NATS_CLI, "--server", rig.url, "--timeout", "10s", *arguments]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=2 * LIMIT_S)
    return done.returncode, done.stdout, done.stderr


def request(rig, subject, payload, *more):
    """One request, or several replies; waits for a bridge that is still starting."""
    give_up = time.monotonic() + LIMIT_S
    while True:
        code, out, errors = cli(rig, "req", subject, json.dumps(payload), "--raw", *more)
        starting = "no responders" in (out + errors).lower() or '"not_ready"' in out
        if not starting or time.monotonic() > give_up:
            assert code == 0, errors
            name = subject.removeprefix("ib.req.")
            return [schemas.reply(name, payload, line) for line in out.splitlines() if line.startswith("{")]
        time.sleep(0.05)


def data(rig, subject, payload, *more):
    reply = request(rig, subject, payload, *more)[0]
    assert reply["ok"], reply
    return reply["data"]


class Listener:
    """`nats sub` in the background."""

    def __init__(self, rig, subject, count):
        self.count = count
        self.process = Process(NATS_CLI, "--server", rig.url, "sub", subject, "--count", str(count))
        self._wait(lambda: "Subscribing" in self.process.output())

    def received(self):
        """Subject and payload of each message, once all have come."""
        self._wait(lambda: len(schemas.printed_events(self.process.output())) >= self.count)
        return schemas.printed_events(self.process.output())

    def _wait(self, condition):
        give_up = time.monotonic() + LIMIT_S
        while not condition():
            assert time.monotonic() < give_up, self.process.output()
            time.sleep(0.02)

    def stop(self):
        self.process.stop()


def test_quotes_are_seen_by_subscribing(rig):
    data(rig, "ib.req.md.subscribe", {"contract": "STK:AAPL"})
    listener = Listener(rig, "ib.quote.>", 3)
    try:
        received = listener.received()
    finally:
        listener.stop()
    assert len(received) == 3
    assert {subject for subject, _ in received} == {"ib.quote.STK.AAPL.SMART.USD"}
    # The picture grows tick by tick: the first quotes may lack a side.
    assert all(quote["bid"] < quote["ask"] for _, quote in received if "bid" in quote and "ask" in quote)
    assert any("bid" in quote for _, quote in received)


def test_contract_details_and_bars_are_answered(rig):
    (apple,) = data(rig, "ib.req.contract.details", {"contract": "STK:AAPL"})["contracts"]
    assert apple["instrument"]["con_id"] == 265598
    wanted = {"contract": "STK:AAPL", "bar_size": "1m", "duration": "2h"}
    pages = request(rig, "ib.req.hist.bars", wanted, "--replies=0", "--reply-timeout=3s")
    assert all(page["ok"] for page in pages), pages
    pages = [page["data"] for page in pages]
    assert [page["page"] for page in pages] == list(range(len(pages)))
    assert pages[-1]["last"] and pages[-1]["manifest"]["pages"] == len(pages)
    assert sum(len(page["rows"]) for page in pages) >= 100


def test_the_micro_service_is_found_and_described(rig):
    data(rig, "ib.req.bridge.health", {})
    code, out, errors = cli(rig, "micro", "ls")
    assert code == 0 and "ibnats" in out, out + errors
    code, out, errors = cli(rig, "micro", "info", "ibnats", "--json")
    assert code == 0, errors
    subjects = set(re.findall(r'"subject":\s*"([^"]+)"', out))
    assert {"ib.req.md.subscribe", "ib.req.order.place", "ib.req.hist.bars"} <= subjects
    code, out, errors = cli(rig, "micro", "stats", "ibnats")
    assert code == 0 and "ibnats" in out, out + errors


def test_an_order_is_placed_once_and_its_events_follow(rig):
    data(rig, "ib.req.account.list", {})
    fills = Listener(rig, "ib.fill.>", 1)
    orders = Listener(rig, "ib.order.>", 1)
    order = {
        "key": "cli-1",
        "contract": "STK:AAPL",
        "side": "buy",
        "quantity": 10,
        "order_type": "market",
        "wait_for": "final",
    }
    try:
        first = data(rig, "ib.req.order.place", order)
        assert (first["state"], first["repeated"]) == ("filled", False)
        again = data(rig, "ib.req.order.place", order)
        assert (again["state"], again["repeated"]) == ("filled", True)
        ((subject, fill), *_) = fills.received()
        assert re.fullmatch(r"ib\.fill\.DU\d+\.cli-1", subject)
        assert fill["price"] > 0
        ((subject, event), *_) = orders.received()
        assert re.fullmatch(r"ib\.order\.DU\d+\.cli-1", subject) and event["key"] == "cli-1"
    finally:
        fills.stop()
        orders.stop()
    assert rig.tap.count(PLACE_ORDER) == 1


def test_an_order_without_a_key_is_refused_and_nothing_is_sent(rig):
    data(rig, "ib.req.account.list", {})
    order = {"contract": "STK:AAPL", "side": "buy", "quantity": 10, "order_type": "market"}
    (reply,) = request(rig, "ib.req.order.place", order)
    assert (reply["ok"], reply["error"]["code"]) == (False, "invalid_request"), reply
    assert "key" in reply["error"]["message"]
    assert rig.tap.count(PLACE_ORDER) == 0
