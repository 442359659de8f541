"""The server on a socket, with a small application."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from abaca.drivers.ganesha.processes import wait_until
from abaca.web.clients import TrustedProxies, client_address
from abaca.web.gateway import Gateway
from abaca.web.limits import Limits
from abaca.web.server import Server

GET = b"GET / HTTP/1.1\r\nHost: a\r\n"


class App:
    """Answers with the client's address; waits while `gate` is closed."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.inside = threading.Semaphore(0)
        self.headers = [("Content-Type", "text/plain")]

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        self.inside.release()
        if environ["PATH_INFO"] != "/healthcheck":
            assert self.gate.wait(30)
        if environ["PATH_INFO"] == "/raise":
            raise LookupError("of the application")
        start("204 No Content" if environ["PATH_INFO"] == "/204" else "200 OK", self.headers)
        return [b"hello ", client_address(environ).encode()]


class Site:
    def __init__(self, app: App, server: Server, address: Any, family: int) -> None:
        self.app, self.server, self.address, self.family = app, server, address, family

    def connect(self) -> socket.socket:
        made = socket.socket(self.family)
        made.settimeout(30)
        made.connect(self.address)
        return made

    def ask(self, raw: bytes) -> bytes:
        """All that comes until the server closes."""
        with self.connect() as sock:
            sock.sendall(raw)
            return rest(sock)


def rest(sock: socket.socket) -> bytes:
    found = b""
    while data := sock.recv(65536):
        found += data
    return found


@contextmanager
def serving(
    address: str = "127.0.0.1", proxies: Iterable[str] = (), **limits: Any
) -> Iterator[Site]:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.socket(family)
    listener.bind((address, 0))
    where = listener.getsockname()
    app, trusted = App(), TrustedProxies(proxies)
    gateway = Gateway(app, address=where[:2], scheme="http", proxies=trusted)
    server = Server(
        gateway,
        [listener],
        Limits(**limits),
        threads=2,
        proxies=trusted,
        urgent=frozenset(("/healthcheck",)),
    )
    server.start()
    try:
        yield Site(app, server, where, family)
    finally:
        app.gate.set()
        server.stop()


CLOSE = GET + b"Connection: close\r\n"


def test_the_client_of_a_trusted_proxy() -> None:
    told = CLOSE + b"X-Forwarded-For: 192.0.2.1, 192.0.2.7\r\n\r\n"
    with serving() as site:
        assert site.ask(told).endswith(b"\r\n\r\nhello 127.0.0.1")
    with serving(proxies=["127.0.0.0/8"]) as site:
        assert site.ask(told).endswith(b"\r\n\r\nhello 192.0.2.7")


def test_ipv6() -> None:
    with serving("::1") as site:
        assert site.ask(CLOSE + b"\r\n").endswith(b"hello ::1")


def test_an_exception_is_a_fault_with_a_request_id(caplog: pytest.LogCaptureFixture) -> None:
    with serving() as site:
        found = site.ask(CLOSE.replace(b"/ ", b"/raise ", 1) + b"\r\n")
    assert found.startswith(b"HTTP/1.1 500 ")
    assert b'{"computeFault":{"code":500,' in found
    (record,) = caplog.records
    assert record.exc_info is not None
    request_id = record.getMessage().split()[2]
    assert f"x-openstack-request-id: {request_id}".encode() in found


@pytest.mark.parametrize("header", [("X", "a\r\nSet-Cookie: b"), ("X", "a\nb"), ("X y", "a")])
def test_an_answer_cannot_be_split(header: tuple[str, str]) -> None:
    with serving() as site:
        site.app.headers.append(header)
        found = site.ask(CLOSE + b"\r\n")
    assert found.startswith(b"HTTP/1.1 500 ")
    assert b"Set-Cookie" not in found


def test_no_body_where_none_may_be() -> None:
    with serving() as site:
        found = site.ask(GET.replace(b"/ ", b"/204 ", 1) + b"\r\n" + b"HEAD" + CLOSE[3:] + b"\r\n")
    first, second, after = found.split(b"\r\n\r\n")
    assert first.startswith(b"HTTP/1.1 204 ") and b"Content-Length" not in first
    assert second.startswith(b"HTTP/1.1 200 ") and b"Content-Length: 15" in second
    assert after == b""


def test_pipelined_requests_are_answered_in_order() -> None:
    with serving() as site:
        found = site.ask((GET + b"\r\n") * 3 + CLOSE + b"\r\n")
    assert found.count(b"HTTP/1.1 200 OK") == 4


def test_more_requests_than_threads_wait_and_the_health_check_does_not() -> None:
    with serving() as site:
        site.app.gate.clear()
        clients = [site.connect() for _ in range(6)]
        for each in clients:
            each.sendall(CLOSE + b"\r\n")
        for _ in range(2):
            assert site.app.inside.acquire(timeout=30)
        health = CLOSE.replace(b"/ ", b"/healthcheck ", 1) + b"\r\n"
        assert site.ask(health).startswith(b"HTTP/1.1 200 ")
        site.app.gate.set()
        for each in clients:
            assert rest(each).endswith(b"hello 127.0.0.1")
            each.close()


def test_too_many_waiting_requests_are_told_to_come_again() -> None:
    with serving(waiting=3) as site:
        site.app.gate.clear()
        clients = [site.connect() for _ in range(3)]
        for number, each in enumerate(clients):
            each.sendall(CLOSE + b"\r\n")
            if number < 2:
                assert site.app.inside.acquire(timeout=30)
        assert wait_until(lambda: len(site.server._normal.waiting) == 1, 30)
        assert site.ask(GET + b"\r\n").startswith(b"HTTP/1.1 503 ")
        site.app.gate.set()
        for each in clients:
            assert rest(each).startswith(b"HTTP/1.1 200 ")
            each.close()


def test_stopping_answers_what_runs_and_closes_the_rest() -> None:
    with serving() as site:
        site.app.gate.clear()
        running, idle, half = (site.connect() for _ in range(3))
        running.sendall(GET + b"\r\n")
        half.sendall(GET)
        assert site.app.inside.acquire(timeout=30)
        # one that is not accepted yet when the listener closes is reset by the kernel
        assert wait_until(lambda: len(site.server.peers) == 3, 30)
        stopping = threading.Thread(target=site.server.stop)
        stopping.start()
        assert rest(idle) == rest(half) == b""
        site.app.gate.set()
        assert b"Connection: close" in rest(running)
        stopping.join(30)
        assert not stopping.is_alive()
        with pytest.raises(ConnectionError):
            site.connect()


def test_a_trusted_proxy_has_no_limit_of_its_own() -> None:
    with serving(connections_per_address=2) as site:
        kept = [site.connect() for _ in range(4)]
        assert rest(kept[0]) == rest(kept[1]) == b""  # the oldest went
        for each in kept:
            each.close()
    with serving(connections_per_address=2, proxies=["127.0.0.1"]) as site:
        kept = [site.connect() for _ in range(4)]
        for each in kept:
            each.sendall(CLOSE + b"\r\n")
            assert rest(each).startswith(b"HTTP/1.1 200 ")
            each.close()


def test_a_busy_connection_is_never_given_up() -> None:
    with serving(connections_per_address=2) as site:
        site.app.gate.clear()
        busy = [site.connect() for _ in range(2)]
        for each in busy:
            each.sendall(CLOSE + b"\r\n")
            assert site.app.inside.acquire(timeout=30)
        assert site.ask(b"") == b""  # it is the new one that is refused
        site.app.gate.set()
        for each in busy:
            assert rest(each).startswith(b"HTTP/1.1 200 ")
            each.close()
