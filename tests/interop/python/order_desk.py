"""The product with a NATS client for orders and an official client, both behind one wire tap."""

import asyncio
import json

import nats
from ibapi.protobuf.PlaceOrderRequest_pb2 import PlaceOrderRequest

import schemas
from bridge import Rig
from conftest import seed
from official import Client

LIMIT_S = 15


class Desk:
    """Orders are asked for with `ask`; the official client is `official`."""

    def __init__(self, folder):
        self.rig = Rig(folder, seed())
        self.loop = asyncio.new_event_loop()
        self.nats = self.loop.run_until_complete(nats.connect(self.rig.url))
        self.official = Client(self.rig.tap.port, 77).log_in()

    def close(self):
        self.official.close()
        self.loop.run_until_complete(self.nats.close())
        self.loop.close()
        self.rig.stop()

    def ask(self, verb, payload):
        reply = self.loop.run_until_complete(self._ask(verb, payload))
        assert reply["ok"], f"order.{verb} {payload}: {reply}"
        return reply["data"]

    def refused(self, verb, payload):
        reply = self.loop.run_until_complete(self._ask(verb, payload))
        assert not reply["ok"], f"order.{verb} {payload}: {reply}"
        return reply["error"]

    async def _ask(self, verb, payload):
        give_up = self.loop.time() + LIMIT_S
        while True:
            try:
                message = await self.nats.request(f"ib.req.order.{verb}", json.dumps(payload).encode(), timeout=LIMIT_S)
                reply = schemas.reply(f"order.{verb}", payload, message.data)
                if reply["ok"] or reply["error"]["code"] != "not_ready" or self.loop.time() > give_up:
                    return reply
            except nats.errors.NoRespondersError:
                assert self.loop.time() < give_up, "nobody serves order requests"
            await asyncio.sleep(0.05)

    def sent(self, key):
        """The order message with this key, decoded by the official client's own classes."""
        message = PlaceOrderRequest()
        message.ParseFromString(self.rig.tap.order(key))
        return message
