"""Bodies that never end, come slowly, or are too long: none of them takes a thread."""

from __future__ import annotations

import contextlib
import select
import socket
from collections.abc import Iterator

import pytest

from attack.conftest import Wall
from attack.raw_http import (
    connect,
    head,
    is_slow,
    many,
    others_are_served,
    read_all,
    statuses,
)
from support.processes import Site, site

WALL = "HTTP: a body does not hold a thread"
PATHS = ("/v2/shares", "/identity/v3/auth/tokens")
OPTIONS = "[abaca]\napi_request_timeout = 1.5\napi_idle_timeout = 5\n"


@pytest.fixture(scope="module")
def served() -> Iterator[Site]:
    """`abaca serve` with the embedded identity."""
    with site(OPTIONS, auth="embedded") as made:
        made.serve()
        yield made


HALVES = {
    "no byte of a fixed length": (("Content-Length: 100",), b""),
    "half of a fixed length": (("Content-Length: 100",), b"{" * 50),
    "all but a byte": (("Content-Length: 100",), b"{" * 99),
    "half a chunk": (("Transfer-Encoding: chunked",), b"40\r\n{{{{"),
    "a chunk and no more": (("Transfer-Encoding: chunked",), b"4\r\n{{{{\r\n"),
    "half a chunk size": (("Transfer-Encoding: chunked",), b"4"),
    "no end of the last chunk": (("Transfer-Encoding: chunked",), b"4\r\n{{{{\r\n0\r\n"),
    "an Expect that is not followed": (
        ("Content-Length: 100", "Expect: 100-continue"),
        b"",
    ),
}


@pytest.mark.parametrize("what", HALVES)
def test_half_a_body(served: Site, wall: Wall, what: str) -> None:
    lines, part = HALVES[what]
    with many(served, 32, "127.0.0.1") as connections:
        for number, each in enumerate(connections):
            each.sendall(head("POST", PATHS[number % 2], *lines) + part)
        answered, seconds = others_are_served(served)
        wall.attempt(f"32 times {what}", got_through=not answered)
        wall.attempt(f"{what}: health check {seconds:.3f} s", got_through=is_slow(seconds))
        for each in connections:
            found = statuses(read_all(each))
            wall.attempt(f"{what}: {found}", got_through=found[-1:] != [408])
    wall.assert_held()


def test_a_body_that_comes_byte_by_byte(served: Site, wall: Wall) -> None:
    with many(served, 16, "127.0.0.1") as connections:
        for each in connections:
            each.sendall(head("POST", PATHS[0], "Content-Length: 100000"))
        wall.attempt(f"{TRICKLE} bytes of each", got_through=not _trickle(connections))
        for each in connections:
            found = statuses(read_all(each))
            wall.attempt(f"byte by byte: {found}", got_through=found not in ([408], []))
    wall.assert_held()


TRICKLE = 1000  # bytes, far more than come within the limit of time of a request


def _trickle(connections: list[socket.socket]) -> bool:
    """A byte every 50 ms; whether the server has ended all of them before TRICKLE bytes."""
    for _ in range(TRICKLE):
        ended, _, _ = select.select(connections, [], [], 0.05)
        if len(ended) == len(connections):
            return True
        for each in connections:
            if each not in ended:
                each.send(b"{")
    return False


TOO_LONG = {
    "declared": ("Content-Length: 1000000000", b""),
    "declared, and sent": ("Content-Length: 2000000", b"{" * 2000000),
    "chunked": ("Transfer-Encoding: chunked", b"1e8480\r\n" + b"{" * 2000000 + b"\r\n0\r\n\r\n"),
}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("what", TOO_LONG)
def test_a_body_that_is_too_long(served: Site, wall: Wall, path: str, what: str) -> None:
    line, body = TOO_LONG[what]
    with connect(served) as sock:
        sock.sendall(head("POST", path, line))
        if body:
            with contextlib.suppress(ConnectionError):  # the server has had enough
                sock.sendall(body)
        found = read_all(sock)
    wall.attempt(f"{what}: {statuses(found)}", got_through=statuses(found) not in ([413], []))
    if not body:
        wall.attempt("the API's fault", got_through=b'{"overLimit":{"code":413' not in found)
    wall.assert_held()


def test_whole_bodies_are_served_on_one_connection(served: Site, wall: Wall) -> None:
    with connect(served) as sock:
        for lines, body in (
            (("Content-Length: 2",), b"{}"),
            (("Transfer-Encoding: chunked",), b"1\r\n{\r\n1\r\n}\r\n0\r\n\r\n"),
            (("Content-Length: 2", "Expect: 100-continue"), b"{}"),
        ):
            sock.sendall(head("POST", PATHS[0], *lines))
            if len(lines) == 2:
                assert sock.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
            sock.sendall(body)
            answer = b""
            while b'"code":401' not in answer:
                answer += sock.recv(65536)
            wall.attempt(f"{lines}", got_through=statuses(answer) != [401])
    wall.assert_held()
