"""The official client places, modifies and cancels orders and sees them filled."""

from decimal import Decimal

from ibapi.execution import ExecutionFilter
from ibapi.order_cancel import OrderCancel
from official import AAPL, MSFT, UNKNOWN, order

BID = 1


def bid(client, wanted):
    request = client.request_id()
    client.api.reqMktData(request, wanted, "", True, False, [])
    return client.expect("tickPrice", reqId=request, tickType=BID).price


def place(client, wanted, new):
    order_id = client.order_id()
    client.api.placeOrder(order_id, wanted, new)
    return order_id


def working_limit(client, distance=0.9, **more):
    """A buy order far below the market."""
    price = round(bid(client, AAPL) * distance, 2)
    order_id = place(client, AAPL, order("BUY", 10, "LMT", lmtPrice=price, **more))
    client.expect("orderStatus", orderId=order_id, where=lambda status: status.status in ("PreSubmitted", "Submitted"))
    return order_id, price


def test_a_market_order_fills_and_its_commission_follows(client):
    order_id = place(client, AAPL, order("BUY", 100, orderRef="interop-1"))
    done = client.expect("orderStatus", orderId=order_id, status="Filled")
    assert (done.filled, done.remaining) == (Decimal(100), Decimal(0))
    opened = client.expect("openOrder", orderId=order_id)
    assert opened.order.orderRef == "interop-1"
    fills = [event.execution for event in client.seen("execDetails") if event.execution.orderId == order_id]
    assert {fill.clientId for fill in fills} == {client.client_id}
    assert sum(fill.shares for fill in fills) == 100
    for fill in fills:
        report = client.expect(
            "commissionAndFeesReport", where=lambda event: event.commissionAndFeesReport.execId == fill.execId
        ).commissionAndFeesReport
        assert report.currency == "USD"
    reports = [event.commissionAndFeesReport for event in client.seen("commissionAndFeesReport")]
    assert sum(report.commissionAndFees for report in reports if report.execId in {fill.execId for fill in fills}) > 0


def test_a_far_limit_order_works_is_modified_and_cancelled(client):
    order_id, price = working_limit(client)
    since = client.mark()
    client.api.placeOrder(order_id, AAPL, order("BUY", 20, "LMT", lmtPrice=price - 1))
    client.expect(
        "openOrder",
        since=since,
        orderId=order_id,
        where=lambda event: event.order.lmtPrice == price - 1 and event.order.totalQuantity == 20,
    )
    client.api.cancelOrder(order_id, OrderCancel())
    client.expect("orderStatus", since=since, orderId=order_id, status="Cancelled")
    client.expect_error(202, reqId=order_id)


def test_a_limit_order_moved_across_the_market_fills_no_worse_than_its_limit(client):
    order_id, price = working_limit(client)
    limit = round(price / 0.9 * 1.05, 2)
    client.api.placeOrder(order_id, AAPL, order("BUY", 10, "LMT", lmtPrice=limit))
    done = client.expect("orderStatus", orderId=order_id, status="Filled")
    assert 0 < done.avgFillPrice <= limit


def test_a_stop_order_waits_as_presubmitted(client):
    trigger = round(bid(client, AAPL) * 0.8, 2)
    order_id = place(client, AAPL, order("SELL", 1, "STP", auxPrice=trigger))
    client.expect("orderStatus", orderId=order_id, status="PreSubmitted")
    client.api.cancelOrder(order_id, OrderCancel())
    client.expect("orderStatus", orderId=order_id, status="Cancelled")


def test_open_orders_are_listed_to_the_client_that_owns_them(client, connect):
    order_id, _ = working_limit(client)
    other = connect().log_in()
    other.api.reqOpenOrders()
    other.expect("openOrderEnd")
    assert not other.seen("openOrder", orderId=order_id)
    since = client.mark()
    client.api.reqOpenOrders()
    client.expect("openOrderEnd", since=since)
    assert client.seen("openOrder", since=since, orderId=order_id)
    client.api.cancelOrder(order_id, OrderCancel())
    client.expect("orderStatus", orderId=order_id, status="Cancelled")


def test_a_global_cancel_ends_every_open_order(client):
    orders = [working_limit(client)[0], working_limit(client, 0.85)[0]]
    client.api.reqGlobalCancel(OrderCancel())
    for order_id in orders:
        client.expect("orderStatus", orderId=order_id, status="Cancelled")


def test_executions_are_told_again_on_request(client):
    order_id = place(client, MSFT, order("BUY", 5))
    client.expect("orderStatus", orderId=order_id, status="Filled")
    request = client.request_id()
    client.api.reqExecutions(request, ExecutionFilter())
    client.expect("execDetailsEnd", reqId=request)
    again = [event.execution for event in client.seen("execDetails", reqId=request)]
    # Order ids are counted per client id, so other clients' fills may carry the same one.
    mine = [fill for fill in again if (fill.clientId, fill.orderId) == (client.client_id, order_id)]
    assert sum(fill.shares for fill in mine) == 5


def test_an_order_for_an_unknown_contract_is_rejected_with_200(client):
    order_id = place(client, UNKNOWN, order("BUY", 1))
    client.expect_error(200, reqId=order_id)
    assert not client.seen("orderStatus", orderId=order_id, status="Filled")


def test_an_order_id_used_before_is_refused(client):
    order_id = place(client, AAPL, order("BUY", 1))
    client.expect("orderStatus", orderId=order_id, status="Filled")
    since = client.mark()
    client.api.placeOrder(order_id, AAPL, order("BUY", 1))
    client.expect("error", since=since, reqId=order_id, where=lambda error: error.errorCode in (103, 104, 105))
