"""The header Idempotency-Key: any POST may carry one (others are idempotent by themselves)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from abaca.api.payload import read_body
from abaca.api.request import Request
from abaca.model.errors import BadRequest
from abaca.model.idempotency import Answer
from abaca.service import idempotency as service

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"  # "true" with an answer that was given before
MAX_KEY = 255  # characters
_ID = "x-compute-request-id"


def key_of(environ: Mapping[str, Any]) -> str | None:
    """The key of a request that has one, checked."""
    key: str | None = environ.get("HTTP_IDEMPOTENCY_KEY")
    if key is None or environ["REQUEST_METHOD"] != "POST":
        return None
    if not (0 < len(key) <= MAX_KEY and key.isascii() and key.isprintable()):
        raise BadRequest(
            f"{HEADER} must be 1 to {MAX_KEY} printable ASCII characters; a new UUID is best."
        )
    return key


def once(request: Request, key: str, limit: int, answer: Callable[[], Answer]) -> Answer:
    """The answer to this request, or what it was answered when it came first.

    limit: of the body, bytes.
    """
    outer, request_id = request.env, request.context.request_id

    def first(env: Any) -> Answer:
        request.env = env
        found = answer()
        ids = {_ID: request_id, "x-openstack-request-id": request_id}
        return msgspec.structs.replace(found, headers={**ids, **found.headers})

    try:
        mark = fingerprint(request, read_body(request.environ, limit))
        found = service.once(outer, request.context, key, mark, first)
    finally:
        request.env = outer
    if found.headers[_ID] == request_id:
        return found
    return msgspec.structs.replace(found, headers={**found.headers, REPLAYED: "true"})


def fingerprint(request: Request, body: bytes) -> str:
    """Equal for equal requests: path, query, version and body, byte for byte."""
    environ = request.environ
    head = "\n".join(
        (
            environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", ""),
            environ.get("QUERY_STRING", ""),
            f"{request.version} {request.experimental}",
        )
    )
    return hashlib.sha256(head.encode("utf-8", "surrogateescape") + b"\n\n" + body).hexdigest()
