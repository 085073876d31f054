"""Brackets, groups, modifications, estimates and cancels through NATS, and what the gateway makes of them."""

import pytest

from official import AAPL, order
from order_desk import Desk
from tap import PLACE_ORDER


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    desk = Desk(tmp_path_factory.mktemp("orders"))
    yield desk
    print(desk.rig.bridge.output())
    desk.close()


def limit(key, price=1.5, **more):
    terms = {"contract": "STK:AAPL", "side": "buy", "quantity": "10", "order_type": "limit", "limit_price": price}
    return {"key": key, **terms, **more}


def states(orders):
    return {order["order"]["key"]: order["state"] for order in orders}


def test_a_bracket_works_as_a_family_and_dies_as_one(desk):
    bracket = {"parent": limit("b"), "take_profit": {"limit_price": 900}, "stop_loss": {"stop_price": 1}}
    answer = desk.ask("bracket", bracket)
    assert states(answer["orders"]) == {"b": "working", "b-tp": "working", "b-sl": "working"}
    assert not any("seq" in order["order"] for order in answer["orders"])
    parent, *children = (order["order"] for order in answer["orders"])
    assert all(child["parent_id"] == parent["order_id"] for child in children)
    sent = desk.rig.tap.count(PLACE_ORDER)
    again = desk.ask("bracket", bracket)
    assert all(order["repeated"] for order in again["orders"])
    assert desk.rig.tap.count(PLACE_ORDER) == sent
    assert desk.ask("cancel", {"key": "b"})["state"] == "cancelled"
    for key in ("b-tp", "b-sl"):
        assert desk.ask("cancel", {"key": key})["state"] == "cancelled"


def test_nothing_of_a_family_goes_out_if_one_order_is_impossible(desk):
    sent = desk.rig.tap.count(PLACE_ORDER)
    bracket = {"parent": limit("i"), "take_profit": {"limit_price": 900}, "stop_loss": {"trailing_percent": 200}}
    error = desk.refused("bracket", bracket)
    assert error["code"] == "invalid_request" and error["message"].startswith("i-sl: trailing_percent"), error
    assert desk.rig.tap.count(PLACE_ORDER) == sent


def test_the_orders_of_a_group_cancel_each_other(desk):
    desk.ask("oca", {"group": "g1", "orders": [limit("o1"), limit("o2", 2.5)]})
    assert desk.ask("get", {"key": "o1"})["terms"]["oca_type"] == "cancel_with_block"
    desk.ask("cancel", {"key": "o1"})
    desk.ask("cancel", {"key": "o2"})


def test_a_modification_is_sent_once_and_shown_by_the_gateway(desk):
    desk.ask("place", limit("m"))
    change = {"key": "m", "limit_price": 1.75, "quantity": "20", "modify_id": "m-1", "expected_revision": 1}
    answer = desk.ask("modify", change)
    assert (answer["modification"], answer["order"]["revision"]) == ("accepted", 2)
    details = desk.ask("get", {"key": "m"})
    assert (details["terms"]["limit_price"], details["terms"]["quantity"]) == (1.75, "20")
    sent = desk.rig.tap.count(PLACE_ORDER)
    assert desk.ask("modify", change)["repeated"]
    assert desk.ask("modify", {"key": "m", "limit_price": 1.75})["modification"] == "unchanged"
    assert desk.rig.tap.count(PLACE_ORDER) == sent
    refused = desk.refused("modify", {"key": "m", "limit_price": 1.7512})
    assert (refused["code"], refused["ib_code"]) == ("rejected_by_gateway", 110)
    assert desk.ask("get", {"key": "m"})["order"]["state"] == "working", "the order lives on"
    assert "side" in desk.refused("modify", {"key": "m", "side": "sell"})["message"]
    desk.ask("cancel", {"key": "m"})
    assert desk.ask("modify", {"key": "m", "limit_price": 1})["modification"] == "too_late"


def test_a_check_tells_margin_and_commission_and_places_nothing(desk):
    check = desk.ask("check", limit("c", 200))
    assert check["initial_margin"]["change"] > 0 and check["commission"] > 0
    assert not check["key_in_use"]
    assert "c" not in {order["key"] for order in desk.ask("list", {"filter": "all"})["orders"]}
    error = desk.refused("check", limit("c", 200.123))
    assert (error["code"], error["ib_code"]) == ("rejected_by_gateway", 110)


def test_an_order_that_is_held_back_says_so_until_it_is_let_go(desk):
    held = desk.ask("place", limit("h", transmit=False))
    assert (held["state"], held["order"]["held"]) == ("sent", True)
    freed = desk.ask("modify", {"key": "h", "transmit": True})
    assert (freed["modification"], freed["state"]) == ("accepted", "working")
    assert "held" not in freed["order"]
    desk.ask("cancel", {"key": "h"})


def test_cancel_all_leaves_the_orders_of_others_alone_unless_it_is_global(desk):
    desk.ask("place", limit("a1"))
    desk.ask("place", limit("a2"))
    order_id = desk.official.order_id()
    desk.official.api.placeOrder(order_id, AAPL, order("BUY", 1, "LMT", lmtPrice=1.25))
    desk.official.expect("orderStatus", orderId=order_id, status="Submitted")
    answer = desk.ask("cancel_all", {"scope": "all"})
    assert answer["done"] and states(answer["orders"]) == {"a1": "cancelled", "a2": "cancelled"}
    assert not desk.official.seen("orderStatus", orderId=order_id, status="Cancelled")
    desk.ask("cancel_all", {"scope": "global"})
    desk.official.expect("orderStatus", orderId=order_id, status="Cancelled")


def test_fills_end_a_wait_for_the_first_fill(desk):
    answer = desk.ask("place", limit("f", 900, wait_for="first_fill"))
    assert answer["state"] in ("partially_filled", "filled")
