"""A backend that stands still while ten thousand creates are asked for, and then goes on.

One project asks for all of them; another one asks for a single share after that, and must not wait
for ten thousand.  A process of its own reads meanwhile, as users do.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any

from abaca.drivers.fake.backend import FakeBackend

from .service import Client, Service

MANY, SINGLE = "e" * 32, "f" * 32  # projects
CLIENTS = 8
PAUSE = 0.01  # seconds between two reads
PATIENCE = 900.0  # seconds
SHARE = {"share": {"name": "queued", "size": 1, "share_proto": "NFS"}}


class Result:
    """Milliseconds of reads while the backlog grows and while it goes away, and what became of
    it."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.growing: list[float] = []
        self.draining: list[float] = []
        self.memory = 0.0  # MB PSS, the most that was seen
        self.asked = self.drained = self.single = 0.0  # seconds
        self.before_single = 0  # shares of the others that were available before the single one
        self.wrong: list[str] = []


def run(service: Service, count: int) -> Result:
    """The service's backend must be the fake one, its quotas large enough."""
    result = Result(count)
    array = FakeBackend(service.state / "fake" / "fake")
    array.set_fault("create_share", "block", None)
    seen = Client(service.port, SINGLE)
    first = Client(service.port, MANY).json("POST", "/shares", SHARE)["share"]["id"]
    paths = (f"/shares/{first}", "/shares/detail?limit=20", "/shares?status=error&limit=20")
    with reading(service.port, paths) as times:
        begun = time.monotonic()
        _ask(service, count - 1)
        result.asked = time.monotonic() - begun
        result.memory = service.memory()
        result.growing = times()
        single = seen.json("POST", "/shares", SHARE)["share"]["id"]
        array.clear_faults()
        begun = time.monotonic()
        _drain(service, single, count, result, begun)
        result.draining = times()
    result.wrong = _check(service, count)
    return result


def _ask(service: Service, count: int) -> None:
    def ask(number: int) -> None:
        client = Client(service.port, MANY)
        for _ in range(count // CLIENTS + (number < count % CLIENTS)):
            client.json("POST", "/shares", SHARE)

    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(ask, range(CLIENTS)))


def _drain(service: Service, single: str, count: int, result: Result, begun: float) -> None:
    """Until everything is available."""
    seen, many = Client(service.port, SINGLE), Client(service.port, MANY)
    while time.monotonic() < begun + PATIENCE:
        if not result.single and _status(seen, single) == "available":
            result.single = time.monotonic() - begun
            result.before_single = _available(many)
        result.memory = max(result.memory, service.memory())
        if result.single and not many.json("GET", "/shares?status=creating&limit=1")["shares"]:
            result.drained = time.monotonic() - begun
            return
        time.sleep(0.02 if not result.single else 0.5)
    raise RuntimeError(f"{_available(many)} of {count} are available after {PATIENCE} s")


def _status(client: Client, share: str) -> str:
    return str(client.json("GET", f"/shares/{share}")["share"]["status"])


def _available(client: Client) -> int:
    path = "/shares?status=available&limit=1&with_count=True"
    return int(client.json("GET", path)["count"])


def _check(service: Service, count: int) -> list[str]:
    """What is not as it must be: all there, and the quota exact."""
    wrong = []
    for project, wanted in ((MANY, count), (SINGLE, 1)):
        client = Client(service.port, project)
        if (found := _available(client)) != wanted:
            wrong.append(f"{found} of {wanted} shares are available")
        quota = client.json("GET", f"/quota-sets/{project}/detail")["quota_set"]
        for resource in ("shares", "gigabytes"):
            if (used := quota[resource]["in_use"]) != wanted:
                wrong.append(f"{resource} in use are {used}, not {wanted}")
    return wrong


# --- reading beside it ----------------------------------------------------------------------------
@contextmanager
def reading(port: int, paths: tuple[str, ...]) -> Iterator[Any]:
    """A process that reads one path after the other; what is yielded gives the milliseconds of all
    reads since it was called last."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_read, args=(there, port, paths))
    process.start()

    def times() -> list[float]:
        here.send("so far")
        found: list[float] = here.recv()
        return found

    try:
        times()
        yield times
    finally:
        here.send(None)
        process.join(30)


def _read(asked: Connection, port: int, paths: tuple[str, ...]) -> None:
    client, taken, number = Client(port, MANY), [], 0
    while True:
        begun = time.perf_counter()
        client.json("GET", paths[number % len(paths)])
        taken.append((time.perf_counter() - begun) * 1000)
        number += 1
        if asked.poll(PAUSE):
            if asked.recv() is None:
                return
            asked.send(taken)
            taken = []
