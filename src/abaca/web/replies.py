"""Answers as bytes."""

from __future__ import annotations

import functools
import re
import time
from collections.abc import Iterable
from email.utils import formatdate
from http import HTTPStatus

import msgspec

from abaca.model.context import new_request_id

from .faults import Fault

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
SMALL = 16384  # bytes of a body that go into one piece with the head
_HOP = frozenset(("connection", "keep-alive", "transfer-encoding", "date", "content-length"))
_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")


class Reply(msgspec.Struct, eq=False):
    """The pieces of one answer, and whether the connection goes on after it."""

    pieces: list[bytes]
    keep_alive: bool


def reply(
    status: str,
    headers: Iterable[tuple[str, str]],
    body: bytes,
    *,
    method: str = "GET",
    keep_alive: bool = False,
    version: str = "1.1",
) -> Reply:
    """`status` is like "200 OK".  ValueError for what would not be one answer."""
    code = int(status[:3])
    length = str(len(body))
    lines = [f"HTTP/1.1 {status}"]
    for name, value in headers:
        kept = _kept(name)
        if kept:
            lines.append(f"{name}: {value}")
        elif method == "HEAD" and name.lower() == "content-length":
            length = value
    if code >= 200 and code not in (204, 304):
        lines.append(f"Content-Length: {length}")
    lines.append(f"Date: {_date(int(time.time()))}")
    if not keep_alive:
        lines.append("Connection: close")
    elif version == "1.0":
        lines.append("Connection: keep-alive")
    text = "\r\n".join(lines)
    if not text.count("\n") == text.count("\r") == len(lines) - 1 or "\0" in text:
        raise ValueError(f"a line of the answer has control characters: {text!a}")
    head = f"{text}\r\n\r\n".encode("latin-1")
    if method == "HEAD" or code in (204, 304):
        body = b""
    pieces = [head + body] if len(body) <= SMALL else [head, body]
    return Reply(pieces, keep_alive)


def refusal(code: int, message: str) -> Reply:
    """The API's fault for a request that is refused before the application sees it."""
    return fault_reply(Fault(code, message), new_request_id())


def fault_reply(fault: Fault, request_id: str, **how: object) -> Reply:
    headers = [
        ("Content-Type", "application/json"),
        ("x-openstack-request-id", request_id),
        ("x-compute-request-id", request_id),
        *fault.headers.items(),
    ]
    status = f"{fault.code} {HTTPStatus(fault.code).phrase}"
    return reply(status, headers, fault.body, **how)  # type: ignore[arg-type]


@functools.lru_cache(maxsize=512)
def _kept(name: str) -> bool:
    """Whether the application may set this header; the others are the server's."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"a header is called {name!a}")
    return name.lower() not in _HOP


@functools.lru_cache(maxsize=2)
def _date(now: int) -> str:
    return formatdate(now, usegmt=True)
