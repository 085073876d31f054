"""History as pandas data frames; needs the extra `ibnats[frames]`.

Sizes become floats here: a frame is for computing. Who needs the gateway's digits reads the pages themselves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from typing_extensions import Unpack

from .types import BarsRequest, Hole, TicksRequest

if TYPE_CHECKING:
    import pandas as pd

    from .nouns import Nouns

SIZES = ("volume", "wap", "size", "bid_size", "ask_size")


async def bars(bridge: Nouns, **request: Unpack[BarsRequest]) -> pd.DataFrame:
    """Bars by their start (UTC): `open`, `high`, `low`, `close`, `volume`, `wap`, `count`.

    What is missing of the range is in `frame.attrs["holes"]`.
    """
    rows: list[Mapping[str, Any]] = []
    holes: list[Hole] = []
    async for page in bridge.hist.bars(**request):
        rows.extend(page["rows"])
        holes.extend(page.get("manifest", {}).get("holes", []))
    return _frame(rows, "start_us", ("open", "high", "low", "close", "volume", "wap", "count"), holes)


async def ticks(bridge: Nouns, **request: Unpack[TicksRequest]) -> pd.DataFrame:
    """Past trades, quotes or mid points by their time (UTC, whole seconds, so several may share one)."""
    rows: list[Mapping[str, Any]] = []
    holes: list[Hole] = []
    async for page in bridge.hist.ticks(**request):
        rows.extend(page["rows"])
        holes.extend(page.get("manifest", {}).get("holes", []))
    return _frame(rows, "event_us", (), holes)


def _frame(rows: Sequence[Mapping[str, Any]], time: str, columns: Sequence[str], holes: list[Hole]) -> pd.DataFrame:
    import pandas as pd

    frame = pd.DataFrame(list(rows), columns=[time, *columns] if columns or not rows else None)
    frame[time] = pd.to_datetime(frame[time], unit="us", utc=True)
    for column in frame.columns.intersection(list(SIZES)):
        frame[column] = pd.to_numeric(frame[column])
    frame = frame.set_index(time).rename_axis("time")
    frame.attrs["holes"] = holes
    return frame
