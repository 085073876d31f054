"""Starts the programs under test on ports the system chooses, and stops exactly those."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[3]
IBNATS = os.environ.get("IBNATS_BIN", str(CHECKOUT / "target/debug/ibnats"))
NATS_SERVER = os.environ.get("NATS_SERVER", str(CHECKOUT / ".tools/bin/nats-server"))
NATS_CLI = os.environ.get("NATS_CLI", str(CHECKOUT / ".tools/bin/nats"))
NODE = os.environ.get("NODE", str(CHECKOUT / ".tools/bin/node"))
START_LIMIT_S = 20


def browser():
    """CHROMIUM, else the one that scripts/tools/chromium found, else one on PATH; None if there is none."""
    named = [os.environ.get("CHROMIUM"), str(CHECKOUT / ".tools/bin/chromium"), "chromium", "chromium-browser", "google-chrome"]
    return next((path for name in named if name and (path := shutil.which(name))), None)


def free_port():
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Process:
    """A child process with its output in a file. `env` is added to ours; a value of None takes a variable away."""

    def __init__(self, *command, port=None, env=None):
        self.command = command
        self.port = port
        self.log = tempfile.NamedTemporaryFile(prefix="ibnats-interop-", suffix=".log")
        self.child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=subprocess.STDOUT,
            env={name: value for name, value in {**os.environ, **(env or {})}.items() if value is not None},
        )

    def output(self):
        return Path(self.log.name).read_text(errors="replace")

    def wait_until_listening(self):
        give_up = time.monotonic() + START_LIMIT_S
        while time.monotonic() < give_up:
            if self.child.poll() is not None:
                break
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return self
            time.sleep(0.02)
        raise AssertionError(f"{self.command} does not listen on {self.port}:\n{self.output()}")

    def code_within(self, limit_s):
        """The exit code, or None while it runs on after so many seconds."""
        try:
            return self.child.wait(limit_s)
        except subprocess.TimeoutExpired:
            return None

    def kill(self):
        """Ends it without a chance to say goodbye; the output stays readable."""
        self.child.kill()
        self.child.wait()

    def stop(self):
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
            try:
                self.child.wait(timeout=5)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
        self.log.close()


def start_simulator(seed, *arguments):
    port = free_port()
    return Process(IBNATS, "sim", "--port", str(port), "--seed", str(seed), *arguments, port=port).wait_until_listening()


def start_nats_server(folder, *arguments, env=None, port=None):
    port = port or free_port()
    command = [NATS_SERVER, "-a", "127.0.0.1", "-p", str(port)]
    return Process(*command, *(arguments or ("-js", "-sd", str(folder))), port=port, env=env).wait_until_listening()
