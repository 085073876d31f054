"""`ibnats demo`: what it prints works, and it leaves nothing behind."""

import json
import re
import shlex
import signal
import socket
import time

import schemas
from processes import IBNATS, NATS_CLI, NATS_SERVER, Process, free_port

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
SERVER = re.compile(r"^\s*export NATS_URL=(\S+)$", re.MULTILINE)
COMMAND = re.compile(r"^\s*(nats (?:sub|req|micro) .*)$", re.MULTILINE)
LIMIT_S = 30


def start(folder, *arguments):
    env = {"NATS_SERVER": NATS_SERVER, "TMPDIR": str(folder), "NATS_URL": None}
    return Process(IBNATS, "demo", *arguments, env=env)


def printed(demo):
    return ESCAPES.sub("", demo.output())


def wait_for(demo, found):
    give_up = time.monotonic() + LIMIT_S
    while not (result := found(printed(demo))):
        assert demo.child.poll() is None and time.monotonic() < give_up, printed(demo)
        time.sleep(0.05)
    return result


def run_all(url, commands):
    """Runs the commands as printed; those that listen are started first and must hear something."""
    split = [shlex.split(command, comments=True)[1:] for command in commands]
    listeners = [
        Process(NATS_CLI, *words, "--count", "1", env={"NATS_URL": url}) for words in split if words[0] == "sub"
    ]
    others = []
    try:
        for words in split:
            if words[0] != "sub":
                done = Process(NATS_CLI, *words, env={"NATS_URL": url})
                others.append(done)
                assert done.child.wait(LIMIT_S) == 0, f"{words}\n{done.output()}"
                if words[0] == "req":
                    check_replies(words[1].removeprefix("ib.req."), json.loads(words[2] or "{}"), done.output())
        for listener in listeners:
            assert listener.child.wait(LIMIT_S) == 0, f"{listener.command}\n{listener.output()}"
            assert schemas.printed_events(listener.output()), f"{listener.command}\n{listener.output()}"
    finally:
        for process in listeners + others:
            process.stop()


def check_replies(request, sent, output):
    replies = [schemas.reply(request, sent, line) for line in output.splitlines() if line.startswith("{")]
    assert replies and all(reply["ok"] for reply in replies), f"{request}\n{output}"


def test_it_shows_quotes_and_ends_by_itself_with_success(tmp_path):
    demo = start(tmp_path, "--seconds", "8")
    try:
        assert demo.child.wait(timeout=LIMIT_S) == 0, printed(demo)
        text = printed(demo)
        for instrument in ("AAPL", "ES", "EUR"):
            assert instrument in text, text
        assert list(tmp_path.iterdir()) == [], "temporary files are left"
    finally:
        demo.stop()


def test_every_command_it_prints_works_and_ctrl_c_leaves_nothing(tmp_path):
    demo = start(tmp_path, "--seconds", "120")
    try:
        wait_for(demo, lambda text: "micro info" in text)
        (url,) = SERVER.findall(printed(demo))
        run_all(url, COMMAND.findall(printed(demo)))
        ports = {int(port) for port in re.findall(r"127\.0\.0\.1:(\d+)", printed(demo))}
        began = time.monotonic()
        demo.child.send_signal(signal.SIGINT)
        assert demo.child.wait(timeout=10) == 0, printed(demo)
        assert time.monotonic() - began < 5
        for port in ports:
            with socket.socket() as probe:
                assert probe.connect_ex(("127.0.0.1", port)) != 0, f"{port} is still open"
        assert list(tmp_path.iterdir()) == [], "temporary files are left"
    finally:
        demo.stop()


def test_ctrl_c_ends_it_while_it_waits_for_a_nats_server_that_is_not_there():
    demo = Process(IBNATS, "demo", env={"NATS_URL": f"nats://127.0.0.1:{free_port()}"})
    try:
        wait_for(demo, lambda text: "NATS is not reachable" in text)
        began = time.monotonic()
        demo.child.send_signal(signal.SIGINT)
        assert demo.child.wait(timeout=10) == 0, printed(demo)
        assert time.monotonic() - began < 5
    finally:
        demo.stop()
