"""A client that speaks HTTP/1.1 by hand, from any address of this machine."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import statistics
import time
from collections.abc import Iterator

from support.processes import Site

PATIENCE = 20.0  # seconds; the machine may be crowded
STATUS = re.compile(rb"HTTP/1\.1 (\d\d\d) ")


def connect(site: Site, source: str = "127.0.0.1", *, receive: int = 0) -> socket.socket:
    """A connection from this address; `receive`: bytes that the kernel keeps for us."""
    made = socket.socket()
    if receive:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
    made.settimeout(PATIENCE)
    made.bind((source, 0))
    made.connect(("127.0.0.1", site.port))
    return made


@contextlib.contextmanager
def many(site: Site, count: int, *sources: str, receive: int = 0) -> Iterator[list[socket.socket]]:
    """So many connections, from these addresses in turn; closed at the end."""
    made: list[socket.socket] = []
    try:
        for number in range(count):
            source = sources[number % len(sources)]
            made.append(connect(site, source, receive=receive))
        yield made
    finally:
        for each in made:
            each.close()


def head(method: str, path: str, *lines: str) -> bytes:
    return "\r\n".join((f"{method} {path} HTTP/1.1", "Host: localhost", *lines, "", "")).encode()


def read_all(sock: socket.socket) -> bytes:
    """Until the server closes, or resets."""
    found = b""
    with contextlib.suppress(ConnectionError):
        while data := sock.recv(65536):
            found += data
    return found


def statuses(answers: bytes) -> list[int]:
    return [int(code) for code in STATUS.findall(answers)]


def ask(site: Site, path: str, source: str = "127.0.0.1") -> tuple[int, float]:
    """Status of a GET on a connection of its own, and the seconds that took; 0: no answer."""
    started = time.monotonic()
    try:
        with connect(site, source) as sock:
            sock.sendall(head("GET", path, "Connection: close"))
            found = statuses(read_all(sock))
    except OSError:
        found = []
    return (found[0] if found else 0), time.monotonic() - started


def others_are_served(site: Site, source: str = "127.0.0.9") -> tuple[bool, float]:
    """Whether another client gets answers, and the median seconds of its health checks."""
    places = {"/healthcheck": 200, "/v2/": 200, "/v2/shares": 401, "/identity/v3": 200}
    served = all(ask(site, path, source)[0] == status for path, status in places.items())
    checks = [ask(site, "/healthcheck", source) for _ in range(11)]
    served = served and all(status == 200 for status, _ in checks)
    return served, statistics.median(seconds for _, seconds in checks)


def is_slow(seconds: float) -> bool:
    """Whether a health check took over 100 ms, on a machine that is as busy as it is."""
    return seconds > 0.1 * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
