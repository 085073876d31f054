"""The console in a real browser: no complaint, nothing from elsewhere, both themes, a phone, the kill switch."""

import json
import os
import re
import shutil
import subprocess

import pytest

from processes import CHECKOUT, IBNATS, NATS_CLI, NATS_SERVER, NODE, Process
from test_demo import SERVER, wait_for

CONSOLE = re.compile(r"^console: (http://\S+)$", re.MULTILINE)
LIMIT_S = 90


def browser():
    """CHROMIUM, else the one on PATH."""
    named = [os.environ.get("CHROMIUM"), "chromium", "chromium-browser", "google-chrome"]
    return next((path for name in named if name and (path := shutil.which(name))), None)


def test_the_console_shows_everything_without_a_complaint_and_halts(tmp_path):
    if browser() is None:
        pytest.skip("no Chromium here (apt-get install chromium, or set CHROMIUM): the console is not looked at")
    demo = Process(IBNATS, "demo", env={"NATS_SERVER": NATS_SERVER, "TMPDIR": str(tmp_path), "NATS_URL": None})
    try:
        url = wait_for(demo, lambda text: CONSOLE.search(text)).group(1)
        server = wait_for(demo, lambda text: SERVER.search(text)).group(1)
        order = {"key": "seen-1", "contract": "STK:AAPL", "side": "buy", "quantity": 10, "order_type": "market"}
        subprocess.run([NATS_CLI, "-s", server, "req", "ib.req.order.place", json.dumps(order)], check=True, timeout=30)
        # The pictures of the documentation are made anew on request only: they differ with every run.
        pictures = os.environ.get("IBNATS_PICTURES", str(tmp_path))
        walk = [NODE, str(CHECKOUT / "tests/interop/node/console.mjs"), url, pictures, browser()]
        walked = subprocess.run(walk, capture_output=True, text=True, timeout=LIMIT_S)
        assert walked.returncode == 0, walked.stderr
        found = json.loads(walked.stdout)
    finally:
        demo.stop()
    assert found["complaints"] == [] and found["foreign"] == []
    assert found["rows"] == 4
    assert found["overflowWide"] <= 0 and found["overflowPhone"] <= 0
    assert found["lockedAtFirst"] and found["lockedForOtherWord"]
    assert "halted" in found["banner"] and "by console" in found["banner"]
    assert found["toggled"] == "dark"
    assert found["unnamed"] == 0 and found["uncaptioned"] == 0
