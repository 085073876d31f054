"""A connection to the bridge: requests and their answers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import nats
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.errors import NoRespondersError
from typing_extensions import Self, Unpack

from .errors import PASSING, BridgeError, NotReady, OutcomeUnknown, Timeout, local, raised_for
from .nouns import Nouns
from .streams import Streams
from .types import OrderAnswer, PlaceOrder

if TYPE_CHECKING:
    from types import TracebackType

ANSWER_S = 30.0
PAGE_S = 120.0
NO_RESPONDERS = "503"


class Bridge(Nouns, Streams):
    """What `connect` gives: `bridge.md.subscribe(...)`, `bridge.quotes(...)`, `bridge.place(...)` and so on.

    `client` is the name under which the bridge knows this program, and the last token of its requests: NATS
    permissions, risk limits and the audit stream hang on it. `prefix` is the bridge's subject prefix.
    """

    def __init__(self, nc: Client, client: str | None = None, prefix: str = "ib", answer_s: float = ANSWER_S) -> None:
        Nouns.__init__(self, self)
        Streams.__init__(self, nc, prefix, self.md)
        self.nc = nc
        self.client = client
        self._answer_s = answer_s

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Gives every lease back and disconnects."""
        await self.leave_all()
        await self.nc.close()

    async def ask(self, verb: str, request: Mapping[str, Any]) -> Any:
        """The answer to `noun.verb`.

        Raises a `BridgeError` if the bridge refuses; `NotReady` if no bridge heard it; `Timeout`, or for orders
        `OutcomeUnknown`, if nothing is known.
        """
        try:
            message = await self.nc.request(self._subject(verb), encode(request), timeout=self._wait_s(request))
        except NoRespondersError:
            raise local(NotReady, verb, "no bridge answers: it is not running, or NATS permissions hide it") from None
        except (NatsError, asyncio.TimeoutError) as error:
            kind = OutcomeUnknown if verb.startswith("order.") else Timeout
            raise local(kind, verb, f"no answer: {str(error) or 'timeout'}") from error
        return _answer(verb, message.data)

    async def pages(self, verb: str, request: Mapping[str, Any]) -> AsyncIterator[Any]:
        """The pages of the answer to `noun.verb`, as they come. The last one has `last` and the manifest."""
        inbox = self.nc.new_inbox()
        replies = await self.nc.subscribe(inbox)
        try:
            await self.nc.publish(self._subject(verb), encode(request), reply=inbox)
            is_last, number = False, 0
            while not is_last:
                try:
                    message = await replies.next_msg(timeout=PAGE_S)
                except (NatsError, asyncio.TimeoutError) as error:
                    raise local(Timeout, verb, f"page {number} did not come") from error
                if (message.headers or {}).get("Status") == NO_RESPONDERS:
                    raise local(NotReady, verb, "no bridge answers: it is not running, or NATS permissions hide it")
                page = _answer(verb, message.data)
                if page["page"] != number:
                    raise local(Timeout, verb, f"page {number} was lost: {page['page']} came")
                is_last, number = page["last"], number + 1
                yield page
        finally:
            if not self.nc.is_closed:
                await replies.unsubscribe()

    async def place(self, *, patience_s: float = 60.0, **order: Unpack[PlaceOrder]) -> OrderAnswer:
        """Places an order once and tells what became of it, through restarts of the bridge and of NATS.

        The request is repeated, with its key, while nothing is known or the bridge is not ready. When `patience_s` have
        passed the last error is raised; the same call may then be made again, even by another process: the key makes
        it the same order. A limit keeps what is asked for late from being bought at any price.
        """
        give_up = asyncio.get_running_loop().time() + patience_s
        while True:
            try:
                return await self.order.place(**order)
            except PASSING as error:
                pause = max(0.25, (error.retry_after_ms or 0) / 1000)
                if asyncio.get_running_loop().time() + pause > give_up:
                    raise
                await asyncio.sleep(pause)

    def _subject(self, verb: str) -> str:
        return ".".join(filter(None, (self.prefix, "req", verb, self.client)))

    def _wait_s(self, request: Mapping[str, Any]) -> float:
        """Longer than the bridge takes at most, so that it is the bridge that tells what is known."""
        own = request.get("timeout_ms")
        return self._answer_s if own is None else own / 1000 + 2


async def connect(
    url: str = "nats://127.0.0.1:4222", client: str | None = None, prefix: str = "ib", **options: Any
) -> Bridge:
    """Connects to NATS. `options` go to `nats.connect`: `user`, `password`, `user_credentials`, `tls` ...

    Reconnects for ever. With a `client` the inbox is `_INBOX.<client>`, which permissions can tell apart.
    """
    defaults: dict[str, Any] = {"name": client or "ibnats", "max_reconnect_attempts": -1}
    if client:
        defaults["inbox_prefix"] = f"_INBOX.{client}"
    nc = await nats.connect(url, **{**defaults, **options})
    return Bridge(nc, client, prefix)


def encode(request: Mapping[str, Any]) -> bytes:
    """A request as JSON; decimals keep their digits."""
    return json.dumps(request, default=_as_text).encode()


def _as_text(value: object) -> str:
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"{value!r} has no place in a request")


def _answer(verb: str, data: bytes) -> Any:
    reply = json.loads(data)
    if not reply["ok"]:
        raise raised_for(verb, reply["error"])
    return reply["data"]


__all__ = ["Bridge", "BridgeError", "connect"]
