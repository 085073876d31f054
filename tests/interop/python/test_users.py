"""The bridge, a trader and a viewer under the permissions of the sample NATS configuration."""

import asyncio
import json
import re

import nats
import nats.errors
import pytest

import schemas
from bridge import GuardedRig
from conftest import seed

LIMIT_S = 15


@pytest.fixture
def guarded(tmp_path):
    rig = GuardedRig(tmp_path, seed())
    yield rig
    rig.stop()


class User:
    """A connected user with its own inbox, and what the server refused it."""

    @classmethod
    async def connect(cls, rig, name):
        self = cls()
        self.name = name
        self.refusals = asyncio.Queue()

        async def refused(error):
            await self.refusals.put(str(error).lower())

        self.client = await nats.connect(
            rig.url, user=name, password=f"secret-{name}", inbox_prefix=f"_INBOX.{name}", error_cb=refused
        )
        return self

    async def ask(self, noun_and_verb, payload):
        """A request under the user's own name; waits for a bridge that is still starting."""
        give_up = asyncio.get_running_loop().time() + LIMIT_S
        while True:
            try:
                subject = f"ib.req.{noun_and_verb}.{self.name}"
                message = await self.client.request(subject, json.dumps(payload).encode(), timeout=LIMIT_S)
                reply = schemas.reply(noun_and_verb, payload, message.data)
                if reply["ok"] or reply["error"]["code"] != "not_ready":
                    return reply
            except nats.errors.NoRespondersError:
                pass
            assert asyncio.get_running_loop().time() < give_up, f"{noun_and_verb} was never answered"
            await asyncio.sleep(0.05)

    async def is_refused(self, subject):
        await self.client.publish(subject, b"{}")
        told = await asyncio.wait_for(self.refusals.get(), LIMIT_S)
        assert subject.lower() in told, told


ORDER = {"key": "users-1", "contract": "STK:AAPL", "side": "buy", "quantity": 10, "order_type": "market"}


def test_a_trader_trades_and_sees_its_events_while_a_viewer_only_looks(guarded):
    async def scenario():
        viewer = await User.connect(guarded, "viewer")
        lease = await viewer.ask("md.subscribe", {"contract": "STK:AAPL"})
        assert lease["ok"] and lease["data"]["client"] == "viewer", lease
        quotes = await viewer.client.subscribe("ib.quote.>")
        quote = await quotes.next_msg(timeout=LIMIT_S)
        assert schemas.event(quote.subject, quote.data)["bid"] > 0
        await viewer.is_refused("ib.req.order.place.viewer")
        await viewer.is_refused("ib.req.order.place.trader")

        trader = await User.connect(guarded, "trader")
        fills = await trader.client.subscribe("ib.fill.>")
        placed = await trader.ask("order.place", {**ORDER, "wait_for": "final"})
        assert placed["ok"] and placed["data"]["state"] == "filled", placed
        fill = await fills.next_msg(timeout=LIMIT_S)
        assert re.fullmatch(r"ib\.fill\.DU\d+\.users-1", fill.subject)
        assert schemas.event(fill.subject, fill.data)["key"] == "users-1"
        await trader.is_refused("ib.req.risk.halt.trader")
        await trader.is_refused("ib.order.DU1234567.users-1")
        for user in (viewer, trader):
            await user.client.close()

    asyncio.run(scenario())
    assert "permissions violation" not in guarded.bridge.output().lower()
