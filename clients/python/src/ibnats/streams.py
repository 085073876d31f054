"""Events: leased market data, and orders and fills out of their stream."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any, Literal

from nats.errors import Error as NatsError
from nats.js.api import DeliverPolicy
from typing_extensions import TypedDict, Unpack

from .errors import PASSING, BridgeError, InvalidRequest
from .types import BarSize, ContractSpec, MarketDataPolicy, WhenFull

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.aio.msg import Msg

    from .nouns import Md
    from .types import (
        BarEvent,
        DepthEvent,
        FillEvent,
        GreeksEvent,
        Lease,
        OrderEvent,
        QuoteEvent,
        Subscribe,
        TickByTickEvent,
        TickEvent,
    )

TTL_S = 30
RETRY_S = 1.0
ORDERS_STREAM = "IB_ORDERS"
FETCH_S = 5.0
Since = Literal["now", "all"]
TickByTickKind = Literal["last", "all_last", "bid_ask", "mid_point"]


class HeldLease:
    """A lease that is renewed until it is given back, and taken anew when a restarted bridge does not know it."""

    def __init__(self, md: Md, wanted: Subscribe) -> None:
        self._md = md
        self._wanted: Subscribe = {"ttl_s": TTL_S, **wanted}
        self._renewing: asyncio.Task[None] | None = None
        self._leaving: asyncio.Future[None] | None = None
        self.lease: Lease | None = None

    async def take(self) -> Lease:
        """Takes it and keeps it from now on."""
        self.lease = await self._md.subscribe(**self._wanted)
        self._renewing = asyncio.create_task(self._keep(self.lease["lease"]))
        return self.lease

    def on_lost(self, leave: Callable[[], Awaitable[None]]) -> Callable[[], None]:
        """Leaves when the lease is lost for good; the function it gives undoes this."""

        def lost(keeping: asyncio.Task[None]) -> None:
            if not keeping.cancelled():
                self._leaving = asyncio.ensure_future(_quietly(leave()))

        renewing = self._renewing
        if renewing is None:
            return lambda: None
        renewing.add_done_callback(lost)

        def undo() -> None:
            renewing.remove_done_callback(lost)

        return undo

    def raise_if_lost(self) -> None:
        """Raises why the lease could not be kept."""
        if self._renewing is not None and self._renewing.done():
            self._renewing.result()

    async def give_back(self) -> None:
        if self._renewing is not None:
            self._renewing.cancel()
            self._renewing = None
        if self.lease is not None:
            lease, self.lease = self.lease, None
            with contextlib.suppress(BridgeError):  # A bridge that is gone ends it by itself.
                await self._md.unsubscribe(lease=lease["lease"])

    async def _keep(self, name: str) -> None:
        interval = self._wanted.get("ttl_s", TTL_S) / 3
        pause = interval
        while True:
            await asyncio.sleep(pause)
            try:
                self.lease = await self._renewed(name)
            except PASSING:
                pause = RETRY_S
            else:
                pause, name = interval, self.lease["lease"]

    async def _renewed(self, name: str) -> Lease:
        try:
            return await self._md.renew(lease=name)
        except InvalidRequest:  # The bridge was restarted, or was out of reach for longer than the lease lasts.
            return await self._md.subscribe(**self._wanted)


class LeaseOptions(TypedDict, total=False):
    """What a lease may say beside contract and stream; see `types.Subscribe`."""

    generic_ticks: list[int]
    market_data: MarketDataPolicy
    news_providers: list[str]
    smart_depth: bool
    depth_rows: int
    ttl_s: int
    when_full: WhenFull
    timeout_ms: int


class Streams:
    """Market data under a lease of its own each, which lasts while it is read; orders and fills as they are stored."""

    def __init__(self, nc: Client, prefix: str, md: Md) -> None:
        self.prefix = prefix
        self._nc = nc
        self._leased = md
        self._held: set[HeldLease] = set()

    def quotes(self, contract: ContractSpec, **options: Unpack[LeaseOptions]) -> AsyncIterator[QuoteEvent]:
        """The level-1 picture now, and after every change."""
        return self._events("quote", contract, options)

    def ticks(self, contract: ContractSpec, **options: Unpack[LeaseOptions]) -> AsyncIterator[TickEvent]:
        """Every tick of the gateway."""
        return self._events("tick", contract, options)

    def tick_by_tick(
        self, contract: ContractSpec, kind: TickByTickKind = "last", **options: Unpack[LeaseOptions]
    ) -> AsyncIterator[TickByTickEvent]:
        """Every trade, quote or mid point."""
        return self._events(f"tbt.{kind}", contract, options)

    def bars(
        self, contract: ContractSpec, size: BarSize = "5s", **options: Unpack[LeaseOptions]
    ) -> AsyncIterator[BarEvent]:
        """Live bars; one is final when it says `complete`."""
        return self._events(f"bar.{size}", contract, options)

    def depth(self, contract: ContractSpec, **options: Unpack[LeaseOptions]) -> AsyncIterator[DepthEvent]:
        """Changes of the order book."""
        return self._events("depth", contract, options)

    def greeks(self, contract: ContractSpec, **options: Unpack[LeaseOptions]) -> AsyncIterator[GreeksEvent]:
        """Option computations, after every change."""
        return self._events("greeks", contract, options)

    def orders(
        self, key: str = "*", *, account: str = "*", since: Since | None = None, consumer: str | None = None
    ) -> AsyncIterator[OrderEvent]:
        """States of orders: all there ever were of one `key`, or those from now on of all. See `fills`."""
        return self._stored("order", account, key, since, consumer)

    def fills(
        self, key: str = "*", *, account: str = "*", since: Since | None = None, consumer: str | None = None
    ) -> AsyncIterator[FillEvent]:
        """Fills: all there ever were of one `key`, or those from now on of all; `since` says otherwise.

        They are read from JetStream, so what is published while NATS is out of reach comes afterwards. A fill comes
        again with its commission or corrected: count `cumulative_quantity`, or by `exec_id` up to its last dot.
        `consumer` names a durable pull consumer for those whose permissions do not let them make one; it delivers each
        event once, over restarts of this program too.
        """
        return self._stored("fill", account, key, since, consumer)

    async def leave_all(self) -> None:
        """Gives back every lease that is still held."""
        for held in tuple(self._held):
            self._held.discard(held)
            await held.give_back()

    async def _events(self, stream: str, contract: ContractSpec, options: LeaseOptions) -> AsyncIterator[Any]:
        held = HeldLease(self._leased, {**options, "contract": contract, "streams": [stream]})
        lease = await held.take()
        self._held.add(held)
        subscription = await self._nc.subscribe(lease["streams"][0]["subject"])
        stop = held.on_lost(subscription.unsubscribe)
        try:
            if stream == "quote" and "quote" in lease:
                yield lease["quote"]
            async for message in subscription.messages:
                yield json.loads(message.data)
            held.raise_if_lost()
        finally:
            stop()
            self._held.discard(held)
            if not self._nc.is_closed:
                await _quietly(subscription.unsubscribe())
                await held.give_back()

    async def _stored(
        self, family: str, account: str, key: str, since: Since | None, consumer: str | None
    ) -> AsyncIterator[Any]:
        subject = f"{self.prefix}.{family}.{account}.{key}"
        messages = self._of_consumer(consumer, subject) if consumer else self._ordered(subject, since or _usual(key))
        async for message in messages:
            yield json.loads(message.data)

    async def _ordered(self, subject: str, since: Since) -> AsyncIterator[Msg]:
        policy = DeliverPolicy.ALL if since == "all" else DeliverPolicy.NEW
        stored = await self._nc.jetstream().subscribe(
            subject, stream=ORDERS_STREAM, ordered_consumer=True, deliver_policy=policy
        )
        try:
            async for message in stored.messages:
                yield message
        finally:
            if not self._nc.is_closed:
                await _quietly(stored.unsubscribe())

    async def _of_consumer(self, consumer: str, subject: str) -> AsyncIterator[Msg]:
        """An event counts as read when the reader asks for the next one."""
        stored = await self._nc.jetstream().pull_subscribe_bind(consumer, ORDERS_STREAM)
        wanted = subject.split(".")
        while True:
            with contextlib.suppress(asyncio.TimeoutError):
                for message in await stored.fetch(1, timeout=FETCH_S):
                    if all(want in ("*", have) for want, have in zip(wanted, message.subject.split("."), strict=True)):
                        yield message
                    await message.ack()


def _usual(key: str) -> Since:
    return "now" if key == "*" else "all"


async def _quietly(leaving: Awaitable[None]) -> None:
    with contextlib.suppress(NatsError):
        await leaving
