"""A bridge with a simulated gateway: `ibnats demo`, once for all tests."""

import os
import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[3]
IBNATS = os.environ.get("IBNATS_BIN", str(CHECKOUT / "target/debug/ibnats"))
NATS_SERVER = os.environ.get("NATS_SERVER", str(CHECKOUT / ".tools/bin/nats-server"))
LIMIT_S = 30
URL = re.compile(r"export NATS_URL=(\S+)")


@pytest.fixture(scope="session")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    env = {**os.environ, "NATS_SERVER": NATS_SERVER, "TMPDIR": str(tmp_path_factory.mktemp("demo"))}
    env.pop("NATS_URL", None)
    with tempfile.NamedTemporaryFile(prefix="ibnats-client-", suffix=".log") as log:
        demo = subprocess.Popen([IBNATS, "demo"], stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env)
        try:
            yield _printed_url(demo, Path(log.name))
        finally:
            demo.send_signal(signal.SIGINT)
            demo.wait(timeout=10)


def _printed_url(demo: "subprocess.Popen[bytes]", log: Path) -> str:
    give_up = time.monotonic() + LIMIT_S
    while not (found := URL.search(re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", log.read_text(errors="replace")))):
        assert demo.poll() is None, log.read_text(errors="replace")
        assert time.monotonic() < give_up, log.read_text(errors="replace")
        time.sleep(0.05)
    return found[1]
