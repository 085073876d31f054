"""What an open console costs the bridge: CPU of its process with 100 moving quotes, without a console, with one and with four.
Ends with 1 if a console open takes the bridge above the limit; a debug build is no measure.

IBNATS_BIN=target/release/ibnats .tools/venv/bin/python benches/console.py [<seconds a round>]

The simulated gateway moves 100 options and their underlying; the console is read as a browser reads it (server-sent events).
"""

import asyncio
import json
import os
import re
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

import nats

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests/interop/python"))
from processes import IBNATS, Process, free_port, start_nats_server, start_simulator  # noqa: E402

QUOTES = 100
# Percent of one core that the bridge may take with consoles open.
LIMIT = 10.0
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def cpu_s(pid):
    """User and system time of the process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def get(url):
    return urllib.request.urlopen(url, timeout=10)


def metric(url, name):
    text = get(f"{url}/metrics").read().decode()
    return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(name))


class Console(threading.Thread):
    """Reads events until the bridge ends, and counts bytes."""

    def __init__(self, url):
        super().__init__(daemon=True)
        self.bytes = 0
        self.stream = get(f"{url}/events")
        self.start()

    def run(self):
        while chunk := self.stream.read1(65536):
            self.bytes += len(chunk)


async def lease(server):
    """Leases the options nearest to the price, as many as there are lines but one."""
    client = await nats.connect(server)

    async def ask(verb, **payload):
        reply = json.loads((await client.request(f"ib.req.{verb}", json.dumps(payload).encode(), timeout=60)).data)
        assert reply["ok"], reply
        return reply["data"]

    only = await ask("contract.chain", contract="STK:AAPL", exchange="SMART", parameters_only=True)
    expiry = only["parameters"][0]["expiries"][1]
    page = await ask("contract.chain", contract="STK:AAPL", expiries=[expiry], around=270.0, strike_count=QUOTES)
    options = [row["instrument"] for row in page["rows"] if row.get("instrument")][: QUOTES]
    for option in options:
        await ask("md.subscribe", contract=option, streams=["quote"], ttl_s=3600)
    await client.close()
    return len(options)


def round_of(pid, url, seconds):
    """CPU in percent of one core, and quotes a second."""
    began, cpu, quotes = time.monotonic(), cpu_s(pid), metric(url, 'ibnats_events_published_total{kind="quote"')
    time.sleep(seconds)
    passed = time.monotonic() - began
    return 100 * (cpu_s(pid) - cpu) / passed, (metric(url, 'ibnats_events_published_total{kind="quote"') - quotes) / passed


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 20
    with tempfile.TemporaryDirectory() as folder:
        server = start_nats_server(Path(folder) / "nats")
        gateway = start_simulator(7)
        port = free_port()
        env = {
            "IBNATS_GATEWAY__PORT": str(gateway.port),
            "IBNATS_NATS__URL": f"nats://127.0.0.1:{server.port}",
            "IBNATS_STATE__DIR": f"{folder}/state",
            "IBNATS_HTTP__LISTEN": f"127.0.0.1:{port}",
        }
        bridge = Process(IBNATS, "run", port=port, env=env).wait_until_listening()
        url = f"http://127.0.0.1:{port}"
        try:
            for _ in range(400):
                if re.search("ready=true", bridge.output()):
                    break
                time.sleep(0.05)
            held = asyncio.run(lease(env["IBNATS_NATS__URL"]))
            time.sleep(3)
            consoles, worst = [], 0.0
            print(f"{held} quotes leased, rounds of {seconds:.0f} s, {IBNATS}")
            for count in (0, 1, 4):
                consoles += [Console(url) for _ in range(count - len(consoles))]
                time.sleep(1)
                sent = sum(console.bytes for console in consoles)
                cpu, rate = round_of(bridge.child.pid, url, seconds)
                worst = max(worst, cpu)
                sent = (sum(console.bytes for console in consoles) - sent) / seconds / max(count, 1)
                print(f"{count} consoles: {cpu:.1f} % of one core, {rate:.0f} quotes a second, {sent / 1000:.0f} kB a second to each")
        finally:
            for process in (bridge, gateway, server):
                process.stop()
    assert held == QUOTES, f"{held} quotes are not {QUOTES}: the measure says nothing"
    print(f"at most {worst:.1f} %, the limit is {LIMIT:.0f} %")
    return worst <= LIMIT


sys.exit(not main())
