"""What the console makes of events and figures: parts of it run without a browser."""

import json
import shutil

import pytest

from processes import CHECKOUT
from test_console import walk


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    folder = tmp_path_factory.mktemp("console")
    shutil.copytree(CHECKOUT / "src/ops/console", folder, dirs_exist_ok=True)
    # A browser is told by the page that they are modules.
    (folder / "package.json").write_text(json.dumps({"type": "module"}))
    return walk("console_parts.mjs", str(folder))


def test_what_needs_somebody_stands_out(found):
    weights = found["weights"]
    urgent = ("needs_person", "mismatch", "duplicate_order", "gateway_command_failed", "dead_man", "kill", "watchdog_hard")
    assert {weights[event] for event in urgent} == {"is-bad"}
    assert weights["watchdog_data_link"] == "is-warn"
    assert weights["started"] == weights["reloaded"] == "is-good"
    assert weights["maintenance"] == "" and found["heartbeat"] is None


def test_figures_of_different_currencies_are_not_added(found):
    sums = {row["currency"]: row["value"] for row in found["sums"]}
    assert sums == {"USD": 120, "EUR": 7, "(DU4)": 5}


def test_an_order_has_the_time_of_its_last_change(found):
    assert found["times"] == [3, 9, 1, None]


def test_prices_keep_their_digits_where_no_step_is_known(found):
    assert found["prices"] == ["1.06315", "198.30", "198.30", "1.06315"]
