"""Requests that two readers could read differently are refused."""

from __future__ import annotations

import pytest

from abaca.web.parser import Parser, Request
from support.http_requests import CHUNKED, GET, POST, REFUSED, SIZES, SMALL

ALL = {**REFUSED, **SIZES}


def read(raw: bytes, size: int = 65536) -> tuple[list[Request], int | None]:
    """The requests, and the status of the refusal; fed in pieces of this size."""
    parser = Parser(SMALL)
    found: list[Request] = []
    for at in range(0, len(raw), size):
        found += parser.feed(raw[at : at + size])
        if parser.refused is not None:
            return found, parser.refused.code
    return found, None


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("size", [1, 7, 65536])
def test_it_is_refused(name: str, size: int) -> None:
    raw, code = ALL[name]
    requests, refused = read(raw, size)
    if name == "HTTP/2" and size < 65536:
        code = 400
    assert (requests, refused) == ([], code)


@pytest.mark.parametrize("size", [1, 3, 65536])
def test_bodies(size: int) -> None:
    fixed = POST + b"Content-Length: 5\r\n\r\nhello"
    chunked = CHUNKED + b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"
    empty = POST + b"Content-Length: 0\r\n\r\n"
    requests, refused = read(fixed + chunked + empty, size)
    assert refused is None
    assert [request.body for request in requests] == [b"hello", b"hello", b""]
    assert all(request.keep_alive for request in requests)


def test_a_target_of_this_host() -> None:
    ((request,), _) = read(b"GET http://A:8786/v2?x=1 HTTP/1.1\r\nHost: a:8786\r\n\r\n")
    assert (request.path, request.query) == ("/v2", "x=1")


@pytest.mark.parametrize(
    ("raw", "keep_alive"),
    [
        (GET + b"\r\n", True),
        (GET + b"Connection: close\r\n\r\n", False),
        (GET + b"Upgrade: h2c\r\nConnection: upgrade\r\n\r\n", False),
        (b"GET / HTTP/1.0\r\n\r\n", False),
        (b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", True),
    ],
)
def test_whether_the_connection_goes_on(raw: bytes, keep_alive: bool) -> None:
    ((request,), refused) = read(raw)
    assert (request.keep_alive, refused) == (keep_alive, None)


def test_requests_at_once_are_counted() -> None:
    requests, refused = read((GET + b"\r\n") * 4)
    assert (len(requests), refused) == (3, 400)


def test_what_follows_a_refused_request_is_not_read() -> None:
    requests, refused = read(GET + b"\r\n" + POST + b"Content-Length: x\r\n\r\n" + GET + b"\r\n")
    assert (len(requests), refused) == (1, 400)


def test_100_continue_is_wanted_until_the_body_comes() -> None:
    parser = Parser(SMALL)
    parser.feed(POST + b"Content-Length: 1\r\nExpect: 100-continue\r\n\r\n")
    assert parser.wants_continue
    assert [request.body for request in parser.feed(b"a")] == [b"a"]
    assert not parser.wants_continue
    parser.feed(POST + b"Content-Length: 1\r\nExpect: 100-continue\r\n\r\na")
    assert not parser.wants_continue
