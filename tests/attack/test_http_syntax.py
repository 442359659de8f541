"""Requests that a proxy and abaca could read differently, and hosts that are none."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from attack.conftest import Wall
from attack.raw_http import connect, head, others_are_served, read_all, statuses
from support.http_requests import REFUSED
from support.processes import Site, site

WALL = "HTTP: an ambiguous request is refused"
SMUGGLED = b"GET /healthcheck HTTP/1.1\r\nHost: a\r\n\r\n"
HOSTS = (
    "evil.example/path",
    "evil.example#",
    "evil.example?x=",
    "user@evil.example",
    'evil.example"><script>',
    "evil.example\\",
    "evil.example:80:80",
    "evil.example:port",
    "evil.example, localhost",
    "evil.example;localhost",
    "[evil.example]",
    "évil.example",
    "%65vil.example",
    "evil.example{}",
    "evil.example'",
)
PATHS = (
    "/",
    "/v2",
    "/v2/",
    "/v2/shares/detail?limit=1",
    "/v2/limits",
    "/identity",
    "/identity/v3",
    "/identity/v3/auth/catalog",
    "/identity/v3/auth/tokens",
    "/nothing",
)


@pytest.fixture(scope="module")
def served() -> Iterator[Site]:
    with site("[abaca]\napi_request_timeout = 2\n", auth="embedded") as made:
        made.serve()
        yield made


@pytest.mark.parametrize("name", REFUSED)
def test_an_ambiguous_request_ends_its_connection(served: Site, wall: Wall, name: str) -> None:
    raw, code = REFUSED[name]
    with connect(served) as sock:
        sock.sendall(raw + SMUGGLED)
        found = read_all(sock)
    wall.attempt(f"{name}: {found[:200]!r}", got_through=statuses(found) != [code])
    if code == 400:
        is_fault = b'{"badRequest":{"code":400,' in found and b"x-openstack-request-id" in found
        wall.attempt(f"{name}: the API's fault", got_through=not is_fault)
    wall.assert_held()


def test_a_hostile_host_is_in_no_answer(served: Site, wall: Wall) -> None:
    for path in PATHS:
        for method in ("GET", "HEAD", "POST"):
            for host in HOSTS:
                raw = f"{method} {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode("latin-1")
                with connect(served) as sock:
                    sock.sendall(raw + SMUGGLED)
                    found = read_all(sock)
                through = statuses(found) != [400] or b"evil" in found or b"vil.exa" in found
                wall.attempt(f"{method} {path} {host}: {found[:200]!r}", got_through=through)
    wall.assert_held()


def test_headers_that_a_proxy_would_have_stopped(served: Site, wall: Wall) -> None:
    """An underscore does not stand for a hyphen."""
    for line in ("X_Auth_Token: a", "X_Forwarded_Host: evil.example", "Content_Length: 5"):
        with connect(served) as sock:
            sock.sendall(head("GET", "/v2/", line, "Connection: close") + SMUGGLED)
            found = read_all(sock)
        wall.attempt(line, got_through=statuses(found) != [200] or b"evil" in found)
    wall.assert_held()


def test_http_2_is_refused(served: Site, wall: Wall) -> None:
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"
    with connect(served) as sock:
        sock.sendall(preface)
        found = read_all(sock)
    wall.attempt(f"preface: {found[:100]!r}", got_through=statuses(found) != [505])
    upgrade = ("Upgrade: h2c", "Connection: Upgrade, HTTP2-Settings", "HTTP2-Settings: AAMAAABk")
    with connect(served) as sock:
        sock.sendall(head("GET", "/v2/", *upgrade) + SMUGGLED)
        found = read_all(sock)
    wall.attempt(f"upgrade: {found[:100]!r}", got_through=statuses(found) != [200])
    wall.attempt("others", got_through=not others_are_served(served)[0])
    wall.assert_held()


def test_answers_without_a_body(served: Site, wall: Wall) -> None:
    """HEAD: nothing after the head that could be read as the next answer."""
    with connect(served) as sock:
        sock.sendall(head("HEAD", "/v2/") + head("HEAD", "/nothing", "Connection: close"))
        found = read_all(sock)
    wall.attempt(f"{statuses(found)}", got_through=statuses(found) != [200, 404])
    heads = found.split(b"\r\n\r\n")
    wall.attempt(f"{heads}", got_through=len(heads) != 3 or heads[2] != b"")
    wall.assert_held()
