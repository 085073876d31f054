"""Two strategies in two languages share one subscription through the bridge."""

import asyncio
import json

import nats
import nats.errors

import schemas
from processes import CHECKOUT, NODE
from tap import CANCEL_MARKET_DATA, REQUEST_MARKET_DATA

LIMIT_S = 15
CONTRACT = "STK:AAPL"


async def connect(rig):
    return await nats.connect(rig.url, name="python-strategy")


def upstream(rig):
    """Market data requests and cancels that reached the gateway."""
    return rig.tap.count(REQUEST_MARKET_DATA), rig.tap.count(CANCEL_MARKET_DATA)


async def ask(client, verb, payload):
    """A request that waits for a bridge that is still starting."""
    give_up = asyncio.get_running_loop().time() + LIMIT_S
    while True:
        try:
            message = await client.request(f"ib.req.md.{verb}", json.dumps(payload).encode(), timeout=LIMIT_S)
            reply = schemas.reply(f"md.{verb}", payload, message.data)
            if reply["ok"]:
                return reply["data"]
            if reply["error"]["code"] != "not_ready":
                raise AssertionError(f"md.{verb}: {reply['error']}")
        except nats.errors.NoRespondersError:
            pass
        assert asyncio.get_running_loop().time() < give_up, f"md.{verb} was never answered"
        await asyncio.sleep(0.05)


async def quotes(client, subject, count):
    """The next `count` quotes, with no number of the sequence missing."""
    subscription = await client.subscribe(subject)
    received = [schemas.event(subject, (await subscription.next_msg(timeout=LIMIT_S)).data) for _ in range(count)]
    await subscription.unsubscribe()
    numbers = [quote["seq"] for quote in received]
    assert numbers == list(range(numbers[0], numbers[0] + count))
    return received


class NodeStrategy:
    """The strategy of `node/strategy.mjs`."""

    @classmethod
    async def start(cls, url, quotes_wanted):
        self = cls()
        self.child = await asyncio.create_subprocess_exec(
            NODE,
            str(CHECKOUT / "tests/interop/node/strategy.mjs"),
            url,
            CONTRACT,
            str(quotes_wanted),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        return self

    async def tells(self, event):
        line = await asyncio.wait_for(self.child.stdout.readline(), LIMIT_S)
        told = json.loads(line or "{}")
        assert told.get("event") == event, told
        return told

    async def leave(self):
        self.child.stdin.write(b"leave\n")
        left = await self.tells("left")
        assert await asyncio.wait_for(self.child.wait(), LIMIT_S) == 0
        return left

    async def kill_if_running(self):
        if self.child.returncode is None:
            self.child.kill()
            await self.child.wait()


def test_python_and_node_share_one_upstream_request_and_the_last_to_leave_ends_it(rig):
    async def scenario():
        client = await connect(rig)
        lease = await ask(client, "subscribe", {"contract": CONTRACT, "streams": ["quote"], "ttl_s": 60})
        stream = lease["streams"][0]
        assert (stream["stream"], stream["holders"]) == ("quote", 1)
        node = await NodeStrategy.start(rig.url, 5)
        try:
            leased = await node.tells("leased")
            assert (leased["holders"], leased["subject"]) == (2, stream["subject"])
            mine = await quotes(client, stream["subject"], 5)
            theirs = (await node.tells("quotes"))["last"]
            schemas.event(stream["subject"], json.dumps(theirs))
            assert theirs["con_id"] == mine[0]["con_id"] == 265598
            assert all(quote["data_kind"] == "live" for quote in mine)
            assert upstream(rig) == (1, 0)

            # Node stays: the line stays, and so do the quotes.
            left = await ask(client, "unsubscribe", {"lease": lease["lease"]})
            assert left["cancelled"] == 0
            await quotes(client, stream["subject"], 3)
            assert upstream(rig) == (1, 0)

            assert (await node.leave())["cancelled"] == 1
        finally:
            await node.kill_if_running()
        await asyncio.to_thread(rig.tap.wait_for, CANCEL_MARKET_DATA, 1)
        listed = await ask(client, "list", {})
        assert (listed["leases"], listed["upstream"], listed["lines"]["used"]) == ([], [], 0)
        assert upstream(rig) == (1, 1)
        await client.drain()

    asyncio.run(scenario())


def test_a_strategy_that_dies_loses_its_lease_and_the_line_is_freed(rig):
    async def scenario():
        client = await connect(rig)
        lease = await ask(client, "subscribe", {"contract": CONTRACT, "streams": ["quote"], "ttl_s": 2})
        await quotes(client, lease["streams"][0]["subject"], 3)
        assert upstream(rig) == (1, 0)
        await client.close()
        await asyncio.to_thread(rig.tap.wait_for, CANCEL_MARKET_DATA, 1)
        assert upstream(rig) == (1, 1)

    asyncio.run(scenario())


def test_an_unknown_contract_and_a_misspelt_field_are_refused_by_name(rig):
    async def scenario():
        client = await connect(rig)
        # Until both links are there: contracts are looked up on one of them.
        await ask(client, "subscribe", {"contract": CONTRACT, "ttl_s": 5})
        for payload, code in [
            ({"contract": "STK:NOSUCHTHING"}, "unknown_contract"),
            ({"contract": CONTRACT, "stream": ["quote"]}, "invalid_request"),
        ]:
            message = await client.request("ib.req.md.subscribe", json.dumps(payload).encode(), timeout=LIMIT_S)
            reply = schemas.reply("md.subscribe", payload, message.data)
            assert (reply["ok"], reply["error"]["code"]) == (False, code), reply
        await client.drain()

    asyncio.run(scenario())
