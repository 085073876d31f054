"""Buys AAPL once when its price rises through its moving average. May be killed and started again at any time."""

import asyncio
import json
import os
from contextlib import suppress
from datetime import date
from decimal import Decimal

import nats

NAME, STEPS = "python-strategy", 200
# One key a day: whoever asks for this order again today learns what became of the first one, and buys nothing more.
ORDER = {"key": f"{NAME}-{date.today()}", "contract": "STK:AAPL", "side": "buy", "quantity": 10, "order_type": "market"}
NOT_NOW = {"not_ready", "busy", "timeout", "pacing_limited", "outcome_unknown"}


async def ask(nc, verb, body):
    while True:
        with suppress(nats.errors.Error, asyncio.TimeoutError):  # The bridge or NATS is being restarted.
            reply = json.loads((await nc.request(f"ib.req.{verb}.{NAME}", json.dumps(body).encode(), timeout=5)).data)
            if reply["ok"]:
                return reply["data"]
            if reply["error"]["code"] not in NOT_NOW:
                print(verb, "refused:", reply["error"]["message"], flush=True)
                raise ValueError(verb)
        await asyncio.sleep(1)


async def keep_lease(nc):
    while True:
        lease = await ask(nc, "md.subscribe", {"contract": "STK:AAPL", "streams": ["quote"], "ttl_s": 15})
        print("leased", lease["instrument"]["symbol"], flush=True)
        with suppress(ValueError):  # The bridge was restarted and does not know the lease.
            while await asyncio.sleep(5, result=True):
                await ask(nc, "md.renew", {"lease": lease["lease"]})


async def main():
    nc = await nats.connect(os.environ.get("NATS_URL", "nats://127.0.0.1:4222"), name=NAME, max_reconnect_attempts=-1)
    leasing = asyncio.create_task(keep_lease(nc))
    average, seen, was_above = 0.0, 0, True
    async for message in (await nc.subscribe("ib.quote.STK.AAPL.SMART.USD")).messages:
        quote = json.loads(message.data)
        if not quote["stale"] and {"bid", "ask"} <= quote.keys():
            price, seen = (quote["bid"] + quote["ask"]) / 2, seen + 1
            average += (price - average) / min(seen, STEPS)
            if price > average and not was_above and seen > STEPS:
                break
            was_above = price > average
    print("order", (await ask(nc, "order.place", ORDER))["state"], flush=True)
    async for message in (await nc.jetstream().subscribe(f"ib.fill.*.{ORDER['key']}", ordered_consumer=True)).messages:
        fill = json.loads(message.data)
        print("fill of", fill["quantity"], "at", fill["price"], flush=True)
        if Decimal(fill["cumulative_quantity"]) >= ORDER["quantity"]:
            leasing.cancel()
            return await nc.close()


asyncio.run(main())
