"""Why a request was not served. One class for each code of the contract, so that `except` can tell them apart."""

from __future__ import annotations

from typing import ClassVar, cast

from .types import ApiError, Holder


class BridgeError(Exception):
    """A refused request. `code` is a stable word; the message is for people."""

    code: ClassVar[str] = ""

    def __init__(self, verb: str, error: ApiError) -> None:
        super().__init__(f"{verb}: {error['message']}")
        self.verb = verb
        self.message = error["message"]
        # Milliseconds until the same request may succeed; None if the bridge does not know.
        self.retry_after_ms = error.get("retry_after_ms")
        # IB's own code and its category, if one caused this.
        self.ib_code = error.get("ib_code")
        self.ib_class = error.get("class")
        # Contracts that fit an ambiguous description, and who holds the lines that ran out.
        self.candidates: list[str] = error.get("candidates") or []
        self.holders: list[Holder] = error.get("holders") or []


class InvalidRequest(BridgeError):
    """The request is wrong, or its contract, lease or order is not known. Nothing was done."""

    code = "invalid_request"


class NotReady(BridgeError):
    """Bridge, gateway or IB are not ready. Also raised when no bridge answers at all: then nothing was delivered."""

    code = "not_ready"


class UnknownContract(BridgeError):
    """No contract fits."""

    code = "unknown_contract"


class AmbiguousContract(BridgeError):
    """Several contracts fit: `candidates`."""

    code = "ambiguous_contract"


class NoData(BridgeError):
    """IB has no data for what was asked."""

    code = "no_data"


class NoPermission(BridgeError):
    """The login lacks a subscription or permission."""

    code = "no_permission"


class PacingLimited(BridgeError):
    """A limit would be broken: ask again after `retry_after_ms`."""

    code = "pacing_limited"


class Busy(BridgeError):
    """A queue of the bridge is full: ask again later."""

    code = "busy"


class Timeout(BridgeError):
    """No answer in time. Anything but an order may simply be asked again."""

    code = "timeout"


class RejectedByGateway(BridgeError):
    """The gateway or IB refused it."""

    code = "rejected_by_gateway"


class RejectedByRisk(BridgeError):
    """A risk rule of the bridge refused it; nothing was sent."""

    code = "rejected_by_risk"


class OutcomeUnknown(BridgeError):
    """The order may or may not exist. Ask again with the same key; never with another one."""

    code = "outcome_unknown"


class Unsupported(BridgeError):
    """The bridge does not offer it."""

    code = "unsupported"


class TooLarge(BridgeError):
    """Request or answer are larger than allowed."""

    code = "too_large"


PASSING = (NotReady, Busy, Timeout, PacingLimited, OutcomeUnknown)
"""What may be otherwise when the same request is made again."""


def raised_for(verb: str, error: ApiError) -> BridgeError:
    """The exception for the error part of a reply; a code of a newer bridge is a plain `BridgeError`."""
    by_code = {kind.code: kind for kind in BridgeError.__subclasses__()}
    return by_code.get(error["code"], BridgeError)(verb, error)


def local(kind: type[BridgeError], verb: str, message: str) -> BridgeError:
    """An error that this side noticed."""
    return kind(verb, cast("ApiError", {"code": kind.code, "message": message}))
