"""Every error abaca raises, as one tree.

AbacaError
├── RequestError            the caller's fault: 4xx, its message goes to the client as it is
│   ├── BadRequest 400      ├── Unauthorized 401   ├── Forbidden 403
│   ├── NotFound 404        ├── Conflict 409       ├── OverQuota 413
│   └── Unprocessable 422
├── Unavailable 503         try later (database away, backend not ready)
│   ├── Collision           a deadlock was broken: run the transaction again
│   └── BackendAway         a backend is left alone for a while, because it does not answer
├── LeaseLost               this worker no longer owns what it works on: stop at once, write nothing
└── DriverError             raised by drivers; the names are in abaca.drivers.contract.errors

A class docstring is the message template; keyword arguments fill it.  A message says what was
wrong, with the value, and what to do.
"""

from __future__ import annotations

from typing import Any, ClassVar


class AbacaError(Exception):
    """Something went wrong inside abaca."""

    code: ClassVar[int] = 500

    def __init__(self, message: str | None = None, **values: Any) -> None:
        self.values = values
        if message is None:
            template = (type(self).__doc__ or "").strip().split("\n\n", 1)[0].replace("\n    ", " ")
            message = template.format(**values) if values else template
        self.message = message
        super().__init__(message)


class RequestError(AbacaError):
    """The request cannot be carried out."""

    code = 400
    retry_after: ClassVar[int | None] = None  # seconds, where it will soon be different


class BadRequest(RequestError):
    """The request is not valid."""

    code = 400


class Unauthorized(RequestError):
    """The request needs a valid token."""

    code = 401


class Forbidden(RequestError):
    """This is not allowed for your role."""

    code = 403


class NotFound(RequestError):
    """{noun} {id} could not be found."""

    code = 404


class Conflict(RequestError):
    """The request conflicts with the state of the resource."""

    code = 409


class TooLarge(RequestError):
    """The request body is larger than the limit."""

    code = 413


class OverQuota(RequestError):
    """The quota is used up."""

    code = 413


class Unprocessable(RequestError):
    """The body lacks what the request is about."""

    code = 422


class Unavailable(AbacaError):
    """The service is not available right now; try again in a few seconds."""

    code = 503


class Collision(Unavailable):
    """Another transaction was in the way and this one was rolled back; run it again."""


class BackendAway(Unavailable):
    """The storage backend does not answer; it is left alone for a while."""

    def __init__(self, message: str, *, seconds: float, since: float) -> None:
        """seconds: until it makes sense to look again.  since: how long it has been away."""
        super().__init__(message, seconds=seconds, since=since)
        self.seconds = seconds
        self.since = since


class LeaseLost(AbacaError):
    """This worker no longer owns the operation or the backend; another one does."""


class DriverError(AbacaError):
    """The storage backend failed."""
