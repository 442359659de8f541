"""Connections that are idle, slow, or never read: others are served meanwhile."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sqlite3
import ssl
import struct
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from attack.conftest import Wall
from attack.raw_http import (
    PATIENCE,
    ask,
    connect,
    head,
    is_slow,
    many,
    others_are_served,
    read_all,
    statuses,
)
from cli.test_tls import make_certificate
from support.processes import Site, site

WALL = "HTTP: connections do not keep others out"
PER_ADDRESS, ALL = 128, 600
OPTIONS = f"""
[abaca]
api_request_timeout = 3
api_idle_timeout = 60
api_connections = {ALL}
api_connections_per_address = {PER_ADDRESS}
"""
ATTACKERS = tuple(f"127.0.1.{number}" for number in range(1, 21))


@pytest.fixture(scope="module")
def served() -> Iterator[Site]:
    with site(OPTIONS, auth="embedded") as made:
        made.serve()
        yield made


def descriptors(site: Site) -> int:
    return len(list(Path(f"/proc/{site.running[0].pid}/fd").iterdir()))


def cpu_seconds(site: Site) -> float:
    fields = Path(f"/proc/{site.running[0].pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def check_others(served: Site, wall: Wall, what: str, source: str = "127.0.0.9") -> None:
    answered, seconds = others_are_served(served, source)
    wall.attempt(f"{what}: {source}", got_through=not answered)
    wall.attempt(f"{what}: health check {seconds:.3f} s", got_through=is_slow(seconds))


def test_idle_connections_of_one_address(served: Site, wall: Wall) -> None:
    before = descriptors(served)
    with many(served, 1100, "127.0.0.5"):
        kept = descriptors(served) - before
        wall.attempt(f"{kept} are kept", got_through=kept > PER_ADDRESS + 10)
        check_others(served, wall, "1100 idle")
        check_others(served, wall, "1100 idle", "127.0.0.5")  # the same address, too
    wall.assert_held()


def test_idle_connections_of_many_addresses(served: Site, wall: Wall) -> None:
    before = descriptors(served)
    with many(served, 1500, *ATTACKERS):
        kept = descriptors(served) - before
        wall.attempt(f"{kept} are kept", got_through=kept > ALL + 10)
        check_others(served, wall, "1500 idle from 20 addresses")
    wall.assert_held()


def test_half_a_request_on_every_connection(served: Site, wall: Wall) -> None:
    """Not one of them is idle, so it is the oldest of these that goes."""
    with many(served, 1500, *ATTACKERS) as connections:
        for each in connections:
            with contextlib.suppress(ConnectionError):
                each.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nX: ")
        check_others(served, wall, "1500 half heads from 20 addresses")
    wall.assert_held()


def test_headers_byte_by_byte(served: Site, wall: Wall) -> None:
    with many(served, 100, "127.0.0.5") as connections:
        deadline = time.monotonic() + PATIENCE
        alive, text = list(connections), iter(b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 1000)
        checked = False
        while alive and time.monotonic() < deadline:
            byte = bytes([next(text)])
            for each in list(alive):
                try:
                    each.send(byte)
                except ConnectionError:
                    alive.remove(each)
            if not checked:
                check_others(served, wall, "100 slow heads")
                checked = True
            time.sleep(0.05)  # the attack is slow
        wall.attempt(f"{len(alive)} of 100 outlived the deadline", got_through=bool(alive))
    wall.assert_held()


def test_answers_that_nobody_reads(served: Site, wall: Wall) -> None:
    asked = head("GET", "/v2/openapi?version=2.65")
    before = descriptors(served)
    with many(served, 64, "127.0.0.5", receive=4096) as connections:
        for each in connections:
            each.sendall(asked * 16)
        check_others(served, wall, "64 times 16 answers of half a megabyte")
    check_others(served, wall, "and when they have gone")
    deadline = time.monotonic() + PATIENCE
    while descriptors(served) > before + 5 and time.monotonic() < deadline:
        time.sleep(0.05)
    wall.attempt("their connections stay", got_through=descriptors(served) > before + 5)
    wall.assert_held()


def test_clients_that_reset_at_once(served: Site, wall: Wall) -> None:
    """Nothing stays behind: no thread, no descriptor, no busy loop."""
    before = descriptors(served)
    for number in range(600):
        with connect(served, "127.0.0.5") as sock:
            sock.sendall(head("GET", "/v2/") if number % 2 else b"POST / HTTP/1.1\r\nHo")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    check_others(served, wall, "600 resets")
    left = descriptors(served) - before
    wall.attempt(f"{left} descriptors are left", got_through=left > 10)
    spent = cpu_seconds(served)
    time.sleep(1.0)  # the time in which a busy loop would show
    spent = cpu_seconds(served) - spent
    wall.attempt(f"{spent} CPU-seconds in an idle second", got_through=spent > 0.5)
    wall.assert_held()


def test_the_health_check_while_every_thread_is_busy(wall: Wall) -> None:
    """Complete requests that wait for the database, which somebody else writes to."""
    body = json.dumps({"share": {"name": "x", "size": 1, "share_proto": "NFS"}})
    lines = ("Content-Type: application/json", f"Content-Length: {len(body)}")
    create = head("POST", "/v2/shares", *lines) + body.encode()
    with site() as busy:
        busy.serve()
        with many(busy, 40, *ATTACKERS) as connections:
            with sqlite3.connect(busy.state / "abaca.sqlite", isolation_level=None) as database:
                database.execute("BEGIN IMMEDIATE")
                for each in connections:
                    each.sendall(create)
                seconds = []
                for _ in range(5):
                    status, taken = ask(busy, "/healthcheck", "127.0.0.9")
                    seconds.append(taken)
                    wall.attempt(f"health check: {status}", got_through=status != 200)
                database.execute("ROLLBACK")
            wall.attempt(f"health check {min(seconds):.3f} s", got_through=is_slow(min(seconds)))
            for each in connections:
                found = each.recv(65536)
                wall.attempt(f"create: {statuses(found)}", got_through=statuses(found) != [200])
    wall.assert_held()


def test_many_requests_at_once_on_one_connection(served: Site, wall: Wall) -> None:
    with connect(served, "127.0.0.5") as sock:
        sock.sendall(head("GET", "/healthcheck") * 5000)
        found = statuses(read_all(sock))
    wall.attempt(f"{len(found)} of 5000 are answered", got_through=len(found) > 17)
    wall.attempt(f"the last: {found[-1]}", got_through=found[-1] != 400)
    wall.assert_held()


def test_a_handshake_that_never_ends(wall: Wall, tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path)
    tls = f"osapi_share_use_ssl = True\n[ssl]\ncert_file = {certificate}\nkey_file = {key}\n"
    context = ssl.create_default_context(cafile=str(certificate))

    def status(_: int = 0) -> int:
        with (
            connect(secure) as sock,
            context.wrap_socket(sock, server_hostname="127.0.0.1") as wrapped,
        ):
            wrapped.sendall(head("GET", "/v2/", "Connection: close"))
            return statuses(read_all(wrapped))[0]

    with site(tls + OPTIONS, auth="embedded") as secure:
        secure.serve()
        for what in (b"", b"\x16\x03\x01\x02\x00\x01\x00", b"GET / HTTP/1.1\r\n\r\n"):
            with many(secure, 300, *ATTACKERS) as connections:
                for each in connections:
                    each.sendall(what)
                wall.attempt(f"300 times {what!r}", got_through=status() != 200)
                ended = read_all(connections[-1])  # by the deadline
                wall.attempt(f"{what!r}: {ended!r}", got_through=b"HTTP" in ended)
        with ThreadPoolExecutor(16) as pool:
            found = set(pool.map(status, range(200)))
        wall.attempt("200 of 16 at a time", got_through=found != {200})
    wall.assert_held()
