"""Every order type and flag through NATS: the gateway is sent what the official client sends, and reports it so.

The rows of `tests/orders/requests.jsonl` state each order twice, as a request and in the official client's own names.
"""

import json
from decimal import Decimal

import pytest
from google.protobuf.json_format import MessageToDict
from ibapi import order_condition
from ibapi.contract import ComboLeg, Contract
from ibapi.order import Order, OrderComboLeg
from ibapi.order_cancel import OrderCancel
from ibapi.softdollartier import SoftDollarTier
from ibapi.tag_value import TagValue

from official import contract
from order_desk import Desk
from processes import CHECKOUT

ROWS = [json.loads(line) for line in (CHECKOUT / "tests/orders/requests.jsonl").read_text().splitlines()]
# What only the sender can know.
OWN_FIELDS = ("orderId", "clientId", "orderRef")
TAGS = ("algoParams", "smartComboRoutingParams", "orderMiscOptions")


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    desk = Desk(tmp_path_factory.mktemp("orders"))
    # What hedges and other children hang on: an order that rests.
    terms = {"contract": "STK:AAPL", "side": "buy", "quantity": "10", "order_type": "limit", "limit_price": 1.5}
    desk.parent = desk.ask("place", {"key": "parent", "tif": "gtc", **terms})["order"]["order_id"]
    official = Order()
    official.action, official.totalQuantity, official.orderType, official.lmtPrice = "BUY", Decimal(10), "LMT", 1.5
    desk.official_parent = desk.official.order_id()
    desk.official.api.placeOrder(desk.official_parent, contract("STK", "AAPL"), official)
    desk.official.expect("openOrder", orderId=desk.official_parent)
    yield desk
    print(desk.rig.bridge.output())
    desk.close()


def request_of(row, key):
    request = json.loads(json.dumps(row["request"]).replace('"#-', f'"{key}-'))
    request = {"key": key, "contract": "STK:AAPL", **request}
    if row.get("parent"):
        request["parent_key"] = "parent"
    return request


def official_order(row):
    order = Order()
    for name, value in row["official"].items():
        assert hasattr(order, name), name
        if name == "totalQuantity":
            value = Decimal(value)
        elif name in TAGS:
            value = [TagValue(tag, text) for tag, text in value.items()]
        elif name == "conditions":
            value = [official_condition(fields) for fields in value]
        elif name == "orderComboLegs":
            value = [official_leg_price(price) for price in value]
        elif name == "softDollarTier":
            value = SoftDollarTier(value["name"], value["val"], value["displayName"])
        setattr(order, name, value)
    return order


def official_leg_price(price):
    leg = OrderComboLeg()
    leg.price = price
    return leg


def official_condition(fields):
    condition = order_condition.Create(fields["type"])
    for name, value in fields.items():
        if name != "type":
            assert hasattr(condition, name), name
            setattr(condition, name, value)
    return condition


def official_contract(row):
    made = Contract()
    fields = row.get("contract") or {"secType": "STK", "symbol": "AAPL", "exchange": "SMART", "currency": "USD"}
    for name, value in fields.items():
        if name == "comboLegs":
            value = [official_leg(leg) for leg in value]
        setattr(made, name, value)
    return made


def official_leg(fields):
    leg = ComboLeg()
    for name, value in fields.items():
        assert hasattr(leg, name), name
        setattr(leg, name, value)
    return leg


def fields_of(message):
    return MessageToDict(message, preserving_proto_field_name=True)


@pytest.mark.parametrize("number", range(len(ROWS)), ids=[row["name"] for row in ROWS])
def test_an_order_is_sent_as_the_official_client_sends_it_and_reported_as_asked(desk, number):
    row = ROWS[number]
    key, twin = f"ours-{number}", f"theirs-{number}"
    request = request_of(row, key)
    answer = desk.ask("place", request)
    assert answer["state"] in ("sent", "working", "partially_filled", "filled", "cancelled"), answer
    # Before anything of it changes: what the gateway reports it to be.
    details = desk.ask("get", {"key": key})

    order = official_order(row)
    order.account, order.orderRef = answer["order"]["account"], twin
    if row.get("parent"):
        order.parentId = desk.official_parent
    order_id = desk.official.order_id()
    if "slOrderType" in row["official"]:
        order.slOrderId, order.ptOrderId = desk.official.order_id(), desk.official.order_id()
    desk.official.api.placeOrder(order_id, official_contract(row), order)

    ours, theirs = desk.sent(key), desk.sent(twin)
    for message in (ours.order, theirs.order):
        for field in OWN_FIELDS:
            message.ClearField(field)
    if row.get("parent"):
        assert (ours.order.parentId, theirs.order.parentId) == (desk.parent, desk.official_parent)
        ours.order.parentId = theirs.order.parentId
    assert fields_of(ours.order) == fields_of(theirs.order)
    assert fields_of(ours.contract).get("comboLegs") == fields_of(theirs.contract).get("comboLegs")
    attached = [fields_of(message.attachedOrders) for message in (ours, theirs)]
    assert attached[0].keys() == attached[1].keys()
    assert [attached[0].get(name) for name in ("slOrderType", "ptOrderType")] == [
        attached[1].get(name) for name in ("slOrderType", "ptOrderType")
    ]

    # What is over is not reported as open any more.
    is_over = details["order"]["state"] in ("filled", "cancelled")
    assert is_over != ("terms" in details), details
    if not is_over:
        assert as_asked(details["terms"], row, request) == as_asked(request, row, request)
    desk.ask("cancel", {"key": key})
    desk.official.api.cancelOrder(order_id, OrderCancel())


def as_asked(terms, row, request):
    """An order in the words of a request, without what the gateway decides and what the request left to it."""
    terms = {name: value for name, value in terms.items() if name not in ("account", "wait_for", "timeout_ms", "contract")}
    terms.setdefault("tif", "day")
    terms.setdefault("transmit", True)
    terms.setdefault("outside_regular_hours", False)
    # The gateway tells the orders it attached as orders of their own, and puts the children of one order in a group.
    terms.pop("attached", None)
    if row.get("parent"):
        terms.pop("oca_group", None)
        terms.pop("oca_type", None)
    if request.get("quantity") is None:
        terms.pop("quantity", None)
    else:
        terms["quantity"] = Decimal(terms["quantity"])
    # A trailing limit moves with its stop.
    if "trailing" in request["order_type"]:
        terms.pop("stop_price", None)
        terms.pop("limit_price", None)
    for condition in terms.get("conditions", {}).get("list", []):
        condition.setdefault("join", "and")
    return terms
