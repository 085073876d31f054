"""The official client asks for history, and it agrees with what streams."""

import time

from official import AAPL, UNKNOWN

LAST = 4


def ask_for_bars(client, wanted, duration="1 D", size="1 min", keep=False):
    request = client.request_id()
    client.api.reqHistoricalData(request, wanted, "", duration, size, "TRADES", 0, 2, keep, [])
    return request


def test_minute_bars_are_in_order_and_whole(client):
    request = ask_for_bars(client, AAPL)
    client.expect("historicalDataEnd", reqId=request)
    bars = [event.bar for event in client.seen("historicalData", reqId=request)]
    assert len(bars) > 100
    times = [int(bar.date) for bar in bars]
    assert times == sorted(set(times))
    for bar in bars:
        assert bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high
        assert bar.volume >= 0


def test_the_last_close_is_near_the_last_trade(client):
    stream = client.request_id()
    client.api.reqMktData(stream, AAPL, "", False, False, [])
    trade = client.expect("tickPrice", reqId=stream, tickType=LAST)
    request = ask_for_bars(client, AAPL, "1800 S", "30 secs")
    client.expect("historicalDataEnd", reqId=request)
    close = client.seen("historicalData", reqId=request)[-1].bar.close
    assert abs(close - trade.price) / trade.price < 0.005


def test_bars_kept_up_to_date_go_on(client):
    request = ask_for_bars(client, AAPL, "1800 S", "5 secs", keep=True)
    client.expect("historicalDataEnd", reqId=request)
    last = client.seen("historicalData", reqId=request)[-1].bar
    update = client.expect("historicalDataUpdate", reqId=request).bar
    assert int(update.date) >= int(last.date)
    client.api.cancelHistoricalData(request)


def test_the_first_date_of_a_stock_is_years_ago(client):
    request = client.request_id()
    client.api.reqHeadTimeStamp(request, AAPL, "TRADES", 0, 2)
    head = client.expect("headTimestamp", reqId=request).headTimestamp
    assert int(head) < client.round_trip().time - 365 * 86_400


def test_past_trades_are_returned_in_order(client):
    request = client.request_id()
    end = client.round_trip().time - 3_600
    until = time.strftime("%Y%m%d-%H:%M:%S", time.gmtime(end))
    client.api.reqHistoricalTicks(request, AAPL, "", until, 50, "TRADES", 0, False, [])
    ticks = client.expect("historicalTicksLast", reqId=request, done=True).ticks
    assert 0 < len(ticks)
    assert [tick.time for tick in ticks] == sorted(tick.time for tick in ticks)
    assert all(tick.time <= end for tick in ticks)


def test_history_of_an_unknown_contract_is_answered_with_200(client):
    request = ask_for_bars(client, UNKNOWN)
    client.expect_error(200, reqId=request)
