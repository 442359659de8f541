"""Errors as clients see them: `{<name>: {code, message, retryAfter?}}`.

`of(exception)` turns what a handler raised into a `Fault`.  Nothing else in the API knows status
codes of errors.
"""

from __future__ import annotations

import logging

import msgspec

from abaca.model.errors import AbacaError, RequestError, Unavailable

LOG = logging.getLogger("abaca.api")

NAMES = {
    400: "badRequest",
    401: "unauthorized",
    403: "forbidden",
    404: "itemNotFound",
    405: "badMethod",
    409: "conflictingRequest",
    413: "overLimit",
    415: "badMediaType",
    501: "notImplemented",
    503: "serviceUnavailable",
}
OTHER_NAME = "computeFault"  # 406, 422, 500 and whatever is not listed
MAX_MESSAGE = 1000  # characters
RETRY_AFTER = {413: "0", 503: "2"}  # seconds

_encode = msgspec.json.Encoder().encode


class NotAcceptable(RequestError):
    """The API version is not served here."""

    code = 406


class Fault(msgspec.Struct, frozen=True):
    """An error answer, ready to send."""

    code: int
    message: str
    retry_after: int | None = None  # seconds; None: as its code says

    @property
    def body(self) -> bytes:
        inner: dict[str, object] = {"code": self.code, "message": self.message}
        if self.code == 413:
            inner["retryAfter"] = RETRY_AFTER[413]
        return _encode({NAMES.get(self.code, OTHER_NAME): inner})

    @property
    def headers(self) -> dict[str, str]:
        retry = RETRY_AFTER.get(self.code) if self.retry_after is None else str(self.retry_after)
        return {"Retry-After": retry} if retry is not None else {}


AWAY = str(Unavailable.__doc__)  # what was away is for the log, not for clients


def of(error: Exception, request_id: str, where: str = "") -> Fault:
    """What the client is told about `error`.  An error that is abaca's own is logged in full.

    `where` is the method and path, for the log.
    """
    if isinstance(error, RequestError):
        return Fault(error.code, _clean(error.message), error.retry_after)
    if isinstance(error, Unavailable):
        LOG.warning("503 for %s %s: %s", request_id, where, error.message)
        return Fault(503, AWAY)
    LOG.error("500 for %s %s: a bug, please report it", request_id, where, exc_info=error)
    known = error.code if isinstance(error, AbacaError) else 500
    return Fault(
        known, f"abaca failed where it should not have; its log says why at request {request_id}."
    )


def _clean(message: str) -> str:
    """Messages quote what clients sent: no text may break the encoder or be without end."""
    whole = message.encode("utf-8", "replace").decode("utf-8")
    return whole if len(whole) <= MAX_MESSAGE else f"{whole[:MAX_MESSAGE]}..."
