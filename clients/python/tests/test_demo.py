"""The package against the bridge itself."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from decimal import Decimal

import pytest

from ibnats import Bridge, connect, errors, frames

LIMIT_S = 30


def run(url: str, scenario: Callable[[Bridge], Awaitable[None]]) -> None:
    async def connected() -> None:
        async with await connect(url, client="tests") as bridge:
            await scenario(bridge)

    asyncio.run(asyncio.wait_for(connected(), LIMIT_S))


async def my_leases(bridge: Bridge) -> int:
    return len((await bridge.md.list(client="tests"))["leases"])


def test_quotes_begin_with_the_present_picture_and_the_lease_ends_with_the_reading(url: str) -> None:
    async def scenario(bridge: Bridge) -> None:
        seen = []
        async for quote in bridge.quotes("STK:AAPL"):
            seen.append(quote)
            assert await my_leases(bridge) == 1
            if len(seen) == 5:
                break
        assert all(quote["con_id"] == 265598 and not quote["stale"] for quote in seen)
        numbers = [quote["seq"] for quote in seen[1:]]
        assert numbers == list(range(numbers[0], numbers[0] + 4))
        while await my_leases(bridge):  # The generator that was left is closed by the event loop, soon.
            await asyncio.sleep(0.01)

    run(url, scenario)


def test_every_stream_delivers(url: str) -> None:
    async def scenario(bridge: Bridge) -> None:
        streams = [
            bridge.ticks("STK:AAPL"),
            bridge.tick_by_tick("STK:MSFT", "bid_ask"),
            bridge.bars("FUT:ES:202612@CME", "5s"),
            bridge.depth("STK:AAPL"),
        ]
        async with asyncio.timeout(20):
            events = await asyncio.gather(*(anext(stream) for stream in streams))
        assert [event["seq"] > 0 for event in events] == [True] * 4
        assert "close" in events[2]

    run(url, scenario)


def test_history_is_a_frame_by_time_whose_holes_are_told(url: str) -> None:
    async def scenario(bridge: Bridge) -> None:
        bars = await frames.bars(bridge, contract="STK:AAPL", bar_size="1h", duration="5d")
        assert len(bars) > 20
        assert bars.index.is_monotonic_increasing
        assert str(bars.index.tz) == "UTC"
        assert (bars["low"] <= bars["high"]).all()
        assert bars["volume"].dtype.kind in "if"
        assert isinstance(bars.attrs["holes"], list)
        start = int(bars.index[-1].timestamp() * 1e6)
        ticks = await frames.ticks(bridge, contract="STK:AAPL", kind="last", start=start, end=start + 60_000_000)
        assert {"price", "size"} <= set(ticks.columns)

    run(url, scenario)


def test_pages_come_in_order_and_the_last_has_the_manifest(url: str) -> None:
    async def scenario(bridge: Bridge) -> None:
        pages = [page async for page in bridge.hist.bars(contract="STK:AAPL", bar_size="1m", duration="1d")]
        assert [page["page"] for page in pages] == list(range(len(pages)))
        assert [page["last"] for page in pages] == [False] * (len(pages) - 1) + [True]
        assert pages[-1]["manifest"]["rows"] == sum(len(page["rows"]) for page in pages) > 300

    run(url, scenario)


def test_refusals_are_exceptions(url: str) -> None:
    async def scenario(bridge: Bridge) -> None:
        with pytest.raises(errors.UnknownContract):
            await bridge.md.subscribe(contract="STK:NOSUCHTHING")
        with pytest.raises(errors.UnknownContract):
            await anext(bridge.quotes("STK:NOSUCHTHING"))
        with pytest.raises(errors.AmbiguousContract) as ambiguous:
            await bridge.md.subscribe(contract={"sec_type": "FUT", "symbol": "ES", "exchange": "CME"})
        assert len(ambiguous.value.candidates) > 1
        with pytest.raises(errors.InvalidRequest):
            async for _ in bridge.hist.bars(contract="STK:AAPL", bar_size="1h", duration="soon"):
                pass
        nobody = Bridge(bridge.nc, prefix="nobody")
        with pytest.raises(errors.NotReady, match="no bridge answers"):
            await nobody.bridge.info()
        with pytest.raises(errors.NotReady, match="no bridge answers"):
            await anext(nobody.hist.bars(contract="STK:AAPL", bar_size="1h", duration="1d"))

    run(url, scenario)


def test_an_order_is_placed_once_however_often_it_is_asked_for(url: str) -> None:
    key = f"client-{time.time_ns()}"

    async def scenario(bridge: Bridge) -> None:
        terms = {"key": key, "contract": "STK:AAPL", "side": "buy", "quantity": Decimal("10"), "order_type": "market"}
        first, second = await asyncio.gather(bridge.place(**terms), bridge.place(**terms))
        assert sorted([first["repeated"], second["repeated"]]) == [False, True]
        assert first["order"]["quantity"] == "10"
        async for fill in bridge.fills(key):
            if Decimal(fill["cumulative_quantity"]) == 10:
                break
        async for order in bridge.orders(key):
            assert order["key"] == key
            if order["state"] == "filled":
                break
        with pytest.raises(errors.InvalidRequest):
            await bridge.place(**{**terms, "quantity": 11})

    run(url, scenario)


def test_a_durable_consumer_delivers_each_fill_once(url: str) -> None:
    key = f"durable-{time.time_ns()}"

    async def scenario(bridge: Bridge) -> None:
        await bridge.nc.jetstream().pull_subscribe("ib.fill.>", durable=key, stream="IB_ORDERS")
        await bridge.place(key=key, contract="STK:MSFT", side="buy", quantity=1, order_type="market")
        fills = bridge.fills(key, consumer=key)
        told = [await anext(fills), await anext(fills)]
        assert [fill["exec_id"] for fill in told] == [told[0]["exec_id"]] * 2
        assert ["commission" in fill for fill in told] == [False, True]

    run(url, scenario)
