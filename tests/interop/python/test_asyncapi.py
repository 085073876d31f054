"""The AsyncAPI document: sound to its official reader, and complete against the README."""

import json
import re
import subprocess

from processes import CHECKOUT, NODE
from schemas import INSTRUMENT

DOCUMENT = CHECKOUT / "schemas/asyncapi.json"
ROW = re.compile(r"^\| `(?P<name>[^`]+)` \|(?P<cells>.*)\|$", re.MULTILINE)


def table(heading):
    """Rows of the README's table below this heading: first cell without its backticks, last cell."""
    section = (CHECKOUT / "README.md").read_text().split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return {row["name"]: row["cells"].rsplit("|", 1)[-1] for row in ROW.finditer(section)}


def document():
    return json.loads(DOCUMENT.read_text())


def test_the_official_parser_has_no_remark():
    script = CHECKOUT / "tests/interop/node/asyncapi.mjs"
    done = subprocess.run([NODE, script, DOCUMENT], capture_output=True, text=True, timeout=60, check=True)
    assert json.loads(done.stdout) == {"valid": True, "remarks": []}


def test_every_subject_of_the_readme_is_a_channel_the_bridge_sends_on():
    told = document()
    sent = [operation["channel"]["$ref"] for operation in told["operations"].values() if operation["action"] == "send"]
    channels = {channel["address"]: channel for channel in (told["channels"][ref.split("/")[-1]] for ref in sent)}
    rows = {re.sub(r"<(\w+)>", r"{\1}", name.replace("<inst>", INSTRUMENT)): kept for name, kept in table("Subjects").items()}
    assert channels.keys() == rows.keys()
    for subject, kept in rows.items():
        stream = re.search(r"stream `(\w+)`", kept)
        assert channels[subject].get("x-jetstream") == (stream and stream[1]), subject
        assert ("x-kv-bucket" in channels[subject]) == ("last value" in kept), subject


def test_every_request_of_the_readme_is_an_operation_with_a_reply():
    told = document()
    received = {name: each for name, each in told["operations"].items() if each["action"] == "receive"}
    assert received.keys() == {name + client for name in table("Requests") for client in ("", ".client")}
    for name, operation in received.items():
        verb = name.removesuffix(".client")
        address = f"ib.req.{verb}" + (".{client}" if name != verb else "")
        assert told["channels"][operation["channel"]["$ref"].split("/")[-1]]["address"] == address
        assert operation["reply"]["messages"] == [{"$ref": f"#/channels/{verb}.reply/messages/reply.{verb}"}]
