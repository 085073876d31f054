"""Walks through README's five minutes as printed. Run in a network of its own, since the printed ports are fixed.

python newcomer.py <folder that looks like a checkout after `make demo`> [<browser>]
"""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[3]
# Long enough for a browser on a busy machine; nothing waits for it to pass.
LIMIT_S = 60
# Quotes a newcomer's script prints: bid and ask.
QUOTE = re.compile(r"^\d+\.\d+ \d+\.\d+")


def blocks():
    """What is printed for the two terminals, and the script."""
    section = (CHECKOUT / "README.md").read_text().split("\n## Five minutes with the simulated gateway\n")[1].split("\n## ")[0]
    shells = re.findall(r"^```\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    (script,) = re.findall(r"^```python\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    return shells[0], shells[1].splitlines(), script


class Terminal:
    """A shell with its output in a file."""

    def __init__(self, folder, name, text):
        self.log = folder / f"{name}.log"
        command = ["bash", "-c", text]
        with self.log.open("w") as log:
            self.child = subprocess.Popen(
                command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )

    def output(self):
        return self.log.read_text(errors="replace")

    def wait_for(self, found):
        give_up = time.monotonic() + LIMIT_S
        while not found(self.output()):
            assert time.monotonic() < give_up and self.child.poll() is None, self.output()
            time.sleep(0.02)

    def end(self, how=signal.SIGKILL):
        try:
            os.killpg(self.child.pid, how)
        except ProcessLookupError:
            pass
        self.child.wait(LIMIT_S)


def second_terminal(folder, lines):
    """Each line in order; exports hold for those after it. A subscription ends with Ctrl-C once it has heard something."""
    exports, done = "", 0
    for line in lines:
        words = shlex.split(line, comments=True)
        if words[0] == "export":
            exports += line + "\n"
            continue
        shell = Terminal(folder, f"second-{done}", exports + "exec " + line)
        if words[1] == "sub":
            shell.wait_for(lambda text: '"recv_us"' in text)
            shell.end(signal.SIGINT)
        else:
            assert shell.child.wait(LIMIT_S) == 0, f"{line}\n{shell.output()}"
            if words[1] == "req":
                replies = [json.loads(text) for text in shell.output().splitlines() if text.startswith("{")]
                assert replies and all(reply["ok"] for reply in replies), f"{line}\n{shell.output()}"
        done += 1
    return done


def walk(folder, browser):
    first, second, script = blocks()
    began = time.monotonic()
    bridge = Terminal(folder, "first", first)
    try:
        # The gateway's side and NATS's, in whichever order.
        bridge.wait_for(lambda text: "ready=true" in text and "serving requests" in text)
        commands = second_terminal(folder, second)
        (folder / "quotes.py").write_text(script)
        quotes = Terminal(folder, "script", ".tools/venv/bin/python -u quotes.py")
        quotes.wait_for(lambda text: sum(bool(QUOTE.match(line)) for line in text.splitlines()) >= 3)
        quotes_s = time.monotonic() - began
        quotes.end()
        url = re.search(r"http://127\.0\.0\.1:\d+", first).group()
        with urllib.request.urlopen(url, timeout=LIMIT_S) as page:
            console = page.read().decode()
        chart, chart_s = None, None
        if browser:
            look = [os.environ["NODE"], str(CHECKOUT / "tests/interop/node/chart.mjs"), url, browser]
            looked = subprocess.run(look, capture_output=True, text=True, timeout=LIMIT_S)
            assert looked.returncode == 0, looked.stderr
            chart, chart_s = looked.stdout.strip(), time.monotonic() - began
        return {"commands": commands, "quotes_s": quotes_s, "console": console, "chart": chart, "chart_s": chart_s}
    finally:
        bridge.end()


if __name__ == "__main__":
    # A run in the background ignores Ctrl-C, and so would every terminal it opens.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    print(json.dumps(walk(Path(sys.argv[1]), *(sys.argv[2:] or [None]))))
