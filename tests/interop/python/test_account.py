"""The official client reads positions, account values and profit, and they follow its fills."""

from decimal import Decimal

from official import AAPL, contract, order

IBM = contract("STK", "IBM")


def account(client):
    return client.expect("managedAccounts").accountsList.split(",")[0]


def buy(client, wanted, quantity):
    order_id = client.order_id()
    client.api.placeOrder(order_id, wanted, order("BUY", quantity))
    return client.expect("orderStatus", orderId=order_id, status="Filled")


def test_a_position_follows_its_fill(client):
    filled = buy(client, IBM, 30)
    client.api.reqPositions()
    client.expect("positionEnd")
    held = client.expect("position", where=lambda event: event.contract.symbol == "IBM")
    assert (held.account, held.position) == (account(client), Decimal(30))
    assert abs(held.avgCost - filled.avgFillPrice) < 1
    buy(client, IBM, 5)
    client.expect("position", where=lambda event: event.contract.symbol == "IBM" and event.position == Decimal(35))
    client.api.cancelPositions()


def test_account_values_and_portfolio_are_downloaded(client):
    buy(client, AAPL, 10)
    client.api.reqAccountUpdates(True, account(client))
    client.expect("accountDownloadEnd")
    worth = client.expect("updateAccountValue", key="NetLiquidation")
    assert (worth.accountName, worth.currency) == (account(client), "USD")
    assert 200_000 < float(worth.val) < 300_000
    held = client.expect("updatePortfolio", where=lambda event: event.contract.symbol == "AAPL")
    assert held.position >= 10 and held.marketPrice > 0
    client.api.reqAccountUpdates(False, account(client))


def test_the_summary_brings_the_tags_asked_for(client):
    request = client.request_id()
    client.api.reqAccountSummary(request, "All", "NetLiquidation,TotalCashValue,BuyingPower")
    client.expect("accountSummaryEnd", reqId=request)
    tags = {event.tag: float(event.value) for event in client.seen("accountSummary", reqId=request)}
    assert set(tags) == {"NetLiquidation", "TotalCashValue", "BuyingPower"}
    assert tags["NetLiquidation"] > 0
    client.api.cancelAccountSummary(request)


def test_profit_and_loss_streams(client):
    buy(client, AAPL, 10)
    request = client.request_id()
    client.api.reqPnL(request, account(client), "")
    client.expect("pnl", reqId=request)
    client.api.cancelPnL(request)
