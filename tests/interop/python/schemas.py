"""Reads payloads the way a careful client does: every event, request and reply has to fit its published JSON Schema."""

import functools
import json
import re

from jsonschema import Draft202012Validator

from processes import CHECKOUT

# Every placeholder of a subject stands for one token, except `<inst>`.
INSTRUMENT = "<sec_type>.<local_symbol>.<exchange>.<currency>"
TOKEN = r"[^.]+"
# What `nats sub` prints; headers, if any, and an empty line stand between.
PRINTED = re.compile(r'Received on "([^"]+)"[^\n]*\n(?:[^{\n]*\n)*?(\{.*\})')


def event(subject, payload):
    """The event in these bytes, which fits the schema of its subject."""
    name = _event_name(subject.removeprefix("ib."))
    value = json.loads(payload)
    _check(name, value)
    return value


def printed_events(text):
    """Subject and event of each message that `nats sub` printed."""
    return [(subject, event(subject, payload)) for subject, payload in PRINTED.findall(text)]


def reply(request, sent, payload):
    """The reply in these bytes. A request that was granted fits its schema too; one that was refused need not."""
    value = json.loads(payload)
    _check(f"reply.{request}", value)
    if value["ok"]:
        _check(f"request.{request}", sent)
    return value


@functools.cache
def _event_name(subject):
    fitting = [name for name, pattern in _event_subjects() if pattern.fullmatch(subject)]
    assert len(fitting) == 1, f"{subject} has the schemas {fitting}"
    return fitting[0]


@functools.cache
def _event_subjects():
    names = [path.name.removesuffix(".json") for path in (CHECKOUT / "schemas").glob("event.*.json")]
    return [(name, _pattern(_schema(name)["x-subject"])) for name in names]


def _pattern(subject):
    parts = [re.escape(part) if part[0] != "<" else TOKEN for part in subject.replace("<inst>", INSTRUMENT).split(".")]
    return re.compile(r"\.".join(parts))


@functools.cache
def _schema(name):
    return json.loads((CHECKOUT / "schemas" / f"{name}.json").read_text())


@functools.cache
def _validator(name):
    Draft202012Validator.check_schema(_schema(name))
    return Draft202012Validator(_schema(name))


def _check(name, value):
    faults = [f"{error.json_path}: {error.message}" for error in _validator(name).iter_errors(value)]
    assert not faults, f"{name}: {faults}\n{value}"
