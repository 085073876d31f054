"""The console in a real browser: no complaint, nothing from elsewhere, both themes, a phone, the kill switch, a token."""

import json
import os
import re
import subprocess

import pytest

from processes import CHECKOUT, IBNATS, NATS_CLI, NATS_SERVER, NODE, Process, browser, free_port, start_nats_server, start_simulator
from test_demo import SERVER, wait_for

CONSOLE = re.compile(r"^console: (http://\S+)$", re.MULTILINE)
LIMIT_S = 120
# Points of the small charts, one a second, in pictures for the documentation.
PICTURE_POINTS = 60
TOKEN = "a-token-for-one-console"
ORDERS = [
    {"key": "entry-1", "contract": "STK:AAPL", "side": "buy", "quantity": 100, "order_type": "market"},
    {"key": "entry-2", "contract": "STK:MSFT", "side": "buy", "quantity": 40, "order_type": "market"},
    {"key": "hedge-1", "contract": "CASH:EUR.USD", "side": "sell", "quantity": 25000, "order_type": "market"},
    {"key": "target-1", "contract": "STK:AAPL", "side": "sell", "quantity": 100, "order_type": "limit", "limit_price": 230},
    {"key": "too-many", "contract": "STK:AAPL", "side": "buy", "quantity": 5000, "order_type": "market"},
]


def walk(script, *arguments, limit_s=LIMIT_S):
    """What a script of tests/interop/node found."""
    command = [NODE, str(CHECKOUT / "tests/interop/node" / script), *arguments]
    walked = subprocess.run(command, capture_output=True, text=True, timeout=limit_s)
    assert walked.returncode == 0, walked.stderr
    return json.loads(walked.stdout)


@pytest.fixture
def chromium():
    return browser() or pytest.skip("no Chromium here (scripts/tools/chromium, or set CHROMIUM): the console is not looked at")


def test_the_console_shows_everything_without_a_complaint_and_halts(chromium, tmp_path):
    demo = Process(IBNATS, "demo", env={"NATS_SERVER": NATS_SERVER, "TMPDIR": str(tmp_path), "NATS_URL": None})
    try:
        url = wait_for(demo, lambda text: CONSOLE.search(text)).group(1)
        server = wait_for(demo, lambda text: SERVER.search(text)).group(1)
        for order in ORDERS:
            subprocess.run([NATS_CLI, "-s", server, "req", "ib.req.order.place.strategy", json.dumps(order)], check=True, timeout=30)
        # The pictures of the documentation are made anew on request only: they differ with every run.
        pictures = os.environ.get("IBNATS_PICTURES")
        points = [str(PICTURE_POINTS)] if pictures else []
        found = walk("console.mjs", url, pictures or str(tmp_path), chromium, *points, limit_s=LIMIT_S + (PICTURE_POINTS * 3 if pictures else 0))
    finally:
        demo.stop()
    assert found["complaints"] == [] and found["foreign"] == []
    assert found["rows"] == 4
    assert found["overflowWide"] <= 0 and found["overflowPhone"] <= 0
    # A price that is cut off at the edge can be read as another price.
    assert found["cutWide"] <= 0 and found["cutPhone"] <= 0
    assert re.search(r"Net liquidation[\d,.]+USD", found["headline"]), found["headline"]
    assert all(found["zones"]) and len(set(found["zones"])) == 1
    assert found["lockedAtFirst"] and found["lockedForOtherWord"]
    assert "halted" in found["banner"] and "by console" in found["banner"]
    assert found["toggled"] == "dark"
    assert found["unnamed"] == 0 and found["uncaptioned"] == 0


def test_a_console_with_a_token_asks_again_after_the_bridge_was_started_anew(chromium, tmp_path):
    token = tmp_path / "token"
    token.write_text(TOKEN)
    server, gateway, port = start_nats_server(tmp_path / "nats"), start_simulator(3), free_port()
    env = {
        "IBNATS_GATEWAY__PORT": str(gateway.port),
        "IBNATS_NATS__URL": f"nats://127.0.0.1:{server.port}",
        "IBNATS_STATE__DIR": str(tmp_path / "state"),
        "IBNATS_HTTP__LISTEN": f"127.0.0.1:{port}",
        "IBNATS_HTTP__TOKEN_FILE": str(token),
    }

    def bridge():
        return Process(IBNATS, "run", port=port, env=env).wait_until_listening()

    running = bridge()
    command = [NODE, str(CHECKOUT / "tests/interop/node/token.mjs"), f"http://127.0.0.1:{port}", chromium, TOKEN]
    page = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert page.stdout.readline() == "ready\n"
        running.stop()
        page.stdin.write("away\n")
        page.stdin.flush()
        assert page.stdout.readline() == "away\n"
        running = bridge()
        assert page.stdout.readline() == "asked again\n"
        assert page.stdout.readline() == "ready\n"
        assert page.wait(LIMIT_S) == 0
    finally:
        page.kill()
        page.wait()
        for process in (running, gateway, server):
            process.stop()
