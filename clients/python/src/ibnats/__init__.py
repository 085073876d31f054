"""Interactive Brokers on NATS, from asyncio: a thin, typed client of the bridge `ibnats`."""

from . import errors, frames, types
from .bridge import Bridge, connect
from .errors import BridgeError

__all__ = ["Bridge", "BridgeError", "connect", "errors", "frames", "types"]
