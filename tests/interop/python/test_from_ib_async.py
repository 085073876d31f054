"""`docs/from-ib_async.md` leaves out no method or event of the package, and names no subject that does not exist."""

import json
import re

import pytest

from processes import CHECKOUT

PAGE = CHECKOUT / "docs/from-ib_async.md"
SCHEMAS = CHECKOUT / "schemas"
ROW = re.compile(r"^\| `(\w+)` \|", re.MULTILINE)
SUBJECT = re.compile(r"`(ib\.[^`]+)`")


def rows(heading):
    """The first cells of the table below this heading."""
    return ROW.findall(PAGE.read_text().split(f"\n## {heading}\n")[1].split("\n## ")[0])


def without_twins(methods):
    """A method and its twin in `...Async` are one."""
    return {method.removesuffix("Async") for method in methods}


@pytest.fixture
def ib():
    package = pytest.importorskip("ib_async", reason="ib_async is not installed (scripts/tools/python-client)")
    return package.IB


def test_every_method_is_there_and_no_other(ib):
    methods = {name for name, value in vars(ib).items() if callable(value) and not name.startswith("_")}
    assert sorted(rows("Methods")) == sorted(without_twins(methods))


def test_every_event_is_there_and_no_other(ib):
    assert sorted(rows("Events")) == sorted(ib.events)


def test_every_subject_exists():
    known = {f"ib.{json.loads(path.read_text())['x-subject']}" for path in SCHEMAS.glob("*.*.json")}
    named = set(SUBJECT.findall(PAGE.read_text()))
    assert len(named) > 50
    assert named - known == {"ib.news.bulletin"}, "these are not published: the first is one of ib.news.<provider>"
