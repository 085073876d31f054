"""The check that the other tests read payloads with does refuse what does not fit."""

import json

import pytest

import schemas


def test_an_event_without_a_required_field_is_refused():
    with pytest.raises(AssertionError, match="'seq' is a required property"):
        schemas.event("ib.quote.STK.AAPL.SMART.USD", json.dumps({"con_id": 265598}))


def test_a_subject_that_is_not_published_is_refused():
    with pytest.raises(AssertionError, match=r"quote\.AAPL has the schemas \[\]"):
        schemas.event("ib.quote.AAPL", "{}")


def test_a_granted_request_with_an_unknown_field_is_refused():
    with pytest.raises(AssertionError, match="request.md.list"):
        schemas.reply("md.list", {"colour": "red"}, '{"ok": true}')
