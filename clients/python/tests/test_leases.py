"""How a lease is kept, with a bridge that is only played and a clock that does not run."""

import asyncio
from collections.abc import Callable
from typing import Any, cast

import pytest

from ibnats import errors, streams
from ibnats.errors import InvalidRequest, NotReady, RejectedByGateway, local
from ibnats.nouns import Md


class PlayedDesk:
    """Answers requests from a script, and tells what was asked."""

    def __init__(self, *answers: object) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []
        self.is_through = asyncio.Event()

    async def ask(self, verb: str, request: dict[str, Any]) -> Any:
        self.asked.append(f"{verb} {request.get('lease', '')}".strip())
        if not self.answers:
            self.is_through.set()
            await asyncio.Event().wait()
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def pages(self, verb: str, request: dict[str, Any]) -> Any:
        raise AssertionError(f"{verb} has no pages: {request}")


def leased(name: str) -> dict[str, object]:
    return {"lease": name, "ttl_s": 30, "streams": [{"stream": "quote", "subject": "ib.quote.X"}]}


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Every pause, none of which is waited for."""
    told: list[float] = []

    async def no_sleep(seconds: float) -> None:
        told.append(seconds)

    monkeypatch.setattr(streams.asyncio, "sleep", no_sleep)
    return told


def play(scenario: Callable[[], Any]) -> None:
    asyncio.run(asyncio.wait_for(scenario(), 10))


def held(desk: PlayedDesk) -> streams.HeldLease:
    return streams.HeldLease(Md(cast("Any", desk)), {"contract": "STK:AAPL", "streams": ["quote"]})


def test_it_is_renewed_three_times_in_its_life(pauses: list[float]) -> None:
    async def scenario() -> None:
        desk = PlayedDesk(leased("L1"), leased("L1"), leased("L1"))
        await held(desk).take()
        await desk.is_through.wait()
        assert desk.asked == ["md.subscribe", "md.renew L1", "md.renew L1", "md.renew L1"]
        assert pauses == [10, 10, 10]

    play(scenario)


def test_a_restarted_bridge_is_asked_for_a_new_one(pauses: list[float]) -> None:
    async def scenario() -> None:
        gone = local(NotReady, "md.renew", "no bridge answers")
        unknown = local(InvalidRequest, "md.renew", "no lease of yours")
        desk = PlayedDesk(leased("L1"), gone, gone, unknown, gone, unknown, leased("L2"))
        lease = held(desk)
        await lease.take()
        await desk.is_through.wait()
        assert desk.asked[-3:] == ["md.renew L1", "md.subscribe", "md.renew L2"]
        assert pauses == [10, 1, 1, 1, 10]
        assert lease.lease == leased("L2")

    play(scenario)


@pytest.mark.usefixtures("pauses")
def test_a_lease_that_cannot_be_kept_tells_why_and_leaves() -> None:
    async def scenario() -> None:
        desk = PlayedDesk(leased("L1"), local(RejectedByGateway, "md.renew", "no more"))
        left = asyncio.Event()

        async def leave() -> None:
            left.set()

        lease = held(desk)
        await lease.take()
        lease.on_lost(leave)
        await left.wait()
        with pytest.raises(RejectedByGateway, match="no more"):
            lease.raise_if_lost()

    play(scenario)


def test_every_code_of_the_contract_has_its_own_exception() -> None:
    from typing import get_args

    from ibnats.types import ErrorCode

    assert {kind.code for kind in errors.BridgeError.__subclasses__()} == set(get_args(ErrorCode))


def test_an_exception_tells_what_to_do_and_an_unknown_code_is_a_plain_one() -> None:
    error = errors.raised_for(
        "hist.bars",
        {"code": "pacing_limited", "message": "too fast", "retry_after_ms": 8200, "ib_code": 162, "class": "pacing"},
    )
    assert isinstance(error, errors.PacingLimited)
    assert (error.retry_after_ms, error.ib_code, error.ib_class) == (8200, 162, "pacing")
    assert str(error) == "hist.bars: too fast"
    newer = errors.raised_for("hist.bars", cast("Any", {"code": "of_tomorrow", "message": "?"}))
    assert type(newer) is errors.BridgeError
