"""A newcomer with nothing but the README reaches live quotes in a script of their own and a chart in the browser."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from processes import CHECKOUT, IBNATS, NATS_CLI, NATS_SERVER, NODE, browser

# A network with nothing in it but this machine's own address: the printed ports are free there.
ALONE = ["unshare", "--user", "--map-root-user", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]

# What is left of five minutes to live quotes, and of six to a chart, is for reading.
QUOTES_WITHIN_S = 60
CHART_WITHIN_S = 120


def can_be_alone():
    return shutil.which("unshare") and shutil.which("ip") and subprocess.run([*ALONE, "true"], capture_output=True).returncode == 0


def checkout_after_make_demo(folder):
    (folder / "target/release").mkdir(parents=True)
    (folder / "target/release/ibnats").symlink_to(Path(IBNATS).resolve())
    tools = folder / ".tools"
    (tools / "bin").mkdir(parents=True)
    (tools / "bin/nats-server").symlink_to(NATS_SERVER)
    (tools / "bin/nats").symlink_to(NATS_CLI)
    (tools / "venv").symlink_to(CHECKOUT / ".tools/venv")


def test_the_five_minutes_of_the_readme_work_as_printed(tmp_path):
    if not can_be_alone():
        pytest.skip("no network of its own can be had here (unshare): the printed ports may be in use")
    checkout_after_make_demo(tmp_path)
    # The server keeps its streams below TMPDIR, and is not told so on purpose.
    ours = ("NATS_URL", "IBNATS_CONFIG", "XDG_CONFIG_HOME")
    env = {name: value for name, value in os.environ.items() if name not in ours}
    env |= {"TMPDIR": str(tmp_path), "NODE": NODE, "HOME": str(tmp_path)}
    walk = [*ALONE, sys.executable, str(Path(__file__).with_name("newcomer.py")), str(tmp_path)]
    walked = subprocess.run([*walk, *filter(None, [browser()])], capture_output=True, text=True, timeout=240, env=env)
    assert walked.returncode == 0, walked.stderr
    found = json.loads(walked.stdout)
    assert found["commands"] >= 7
    assert found["quotes_s"] < QUOTES_WITHIN_S
    assert "<title>ibnats" in found["console"]
    if browser() is None:
        pytest.skip("no Chromium here (scripts/tools/chromium, or set CHROMIUM): quotes came, the chart is not looked at")
    assert found["chart"] is not None and "then live" in found["chart"]
    assert found["chart_s"] < CHART_WITHIN_S
