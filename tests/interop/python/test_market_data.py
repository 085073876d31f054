"""The official client streams level 1, tick-by-tick, depth and five-second bars."""

import pytest

from official import AAPL, EURUSD, MSFT, UNKNOWN

BID, ASK, LAST, VOLUME = 1, 2, 4, 8


def stream(client, wanted, generic=""):
    request = client.request_id()
    client.api.reqMktData(request, wanted, generic, False, False, [])
    return request


def test_a_stock_streams_prices_and_sizes(client):
    request = stream(client, AAPL)
    bid = client.expect("tickPrice", reqId=request, tickType=BID)
    ask = client.expect("tickPrice", reqId=request, tickType=ASK)
    client.expect("tickPrice", reqId=request, tickType=LAST)
    client.expect("tickSize", reqId=request, tickType=VOLUME)
    assert 0 < bid.price < ask.price
    client.expect("tickPrice", reqId=request, count=20)
    assert client.expect("marketDataType", reqId=request).marketDataType == 1


def test_a_currency_pair_streams_without_trades(client):
    request = stream(client, EURUSD)
    bid = client.expect("tickPrice", reqId=request, tickType=BID)
    assert 0.5 < bid.price < 2.0
    client.expect("tickPrice", reqId=request, tickType=ASK, count=3)
    assert not client.seen("tickPrice", reqId=request, tickType=LAST)


def test_two_instruments_stream_side_by_side_and_a_cancelled_one_falls_silent(client):
    apple, microsoft = stream(client, AAPL), stream(client, MSFT)
    client.expect("tickPrice", reqId=apple)
    client.expect("tickPrice", reqId=microsoft)
    client.api.cancelMktData(apple)
    client.round_trip()
    since = client.mark()
    client.expect("tickPrice", reqId=microsoft, since=since, count=10)
    assert not client.seen("tickPrice", reqId=apple, since=since)


def test_a_snapshot_ends(client):
    request = client.request_id()
    client.api.reqMktData(request, AAPL, "", True, False, [])
    client.expect("tickPrice", reqId=request, tickType=BID)
    client.expect("tickSnapshotEnd", reqId=request)


def test_market_data_of_an_unknown_contract_is_answered_with_200(client):
    request = stream(client, UNKNOWN)
    client.expect_error(200, reqId=request)


@pytest.mark.parametrize(
    ("kind", "callback"),
    [
        ("Last", "tickByTickAllLast"),
        ("AllLast", "tickByTickAllLast"),
        ("BidAsk", "tickByTickBidAsk"),
        ("MidPoint", "tickByTickMidPoint"),
    ],
)
def test_each_kind_of_tick_by_tick_streams(client, kind, callback):
    request = client.request_id()
    client.api.reqTickByTickData(request, AAPL, kind, 0, False)
    client.expect(callback, reqId=request, count=3)
    client.api.cancelTickByTickData(request)


def test_the_order_book_has_two_sides(client):
    request = client.request_id()
    client.api.reqMktDepth(request, EURUSD, 5, False, [])
    ask = client.expect("updateMktDepth", reqId=request, side=0, position=0)
    bid = client.expect("updateMktDepth", reqId=request, side=1, position=0)
    assert bid.price < ask.price
    client.api.cancelMktDepth(request, False)


def test_five_second_bars_arrive(client):
    request = client.request_id()
    client.api.reqRealTimeBars(request, AAPL, 5, "TRADES", False, [])
    bar = client.expect("realtimeBar", reqId=request)
    assert bar.time % 5 == 0
    assert bar.low <= min(bar.open_, bar.close) <= max(bar.open_, bar.close) <= bar.high
