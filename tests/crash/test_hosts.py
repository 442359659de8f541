"""Several managers of one backend, and a database that goes away: real processes, PostgreSQL."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from abaca.drivers.fake.backend import FakeBackend
from abaca.model.errors import Unavailable
from abaca.model.quotas import DEFAULT_LIMITS
from abaca.operations import log as oplog
from abaca.service import shares
from abaca.service.bootstrap import DEFAULT_TYPE, ensure_default_type
from abaca.service.env import Env, Settings
from abaca.store import migrate
from abaca.store import schema as t
from abaca.store.engine import Store
from abaca.testing import crash
from abaca.testing.invariants import violations
from crash.test_idempotency import post
from crash.world import CTX, World
from store.test_operations import wait_for
from support import postgres as support_postgres
from support.hosts import hosts as three_hosts
from support.processes import site

LEASE = oplog.lease_name(crash.HOST)


def new_world(url: str, folder: Path) -> World:
    store = Store(url)
    migrate.upgrade(store)
    ensure_default_type(store)
    unlimited = {**DEFAULT_LIMITS, "shares": -1, "gigabytes": -1}
    env = Env(store, Settings(default_share_type=DEFAULT_TYPE, quota_defaults=unlimited))
    return World(env, url, folder, FakeBackend(folder))


@pytest.fixture
def world(postgres: support_postgres.Postgres, tmp_path: Path) -> Iterator[World]:
    made = new_world(postgres.database(), tmp_path / "array")
    yield made
    made.env.store.close()


@pytest.fixture
def start(world: World) -> Iterator[Callable[[], BaseProcess]]:
    """Start a manager; it is killed in the end."""
    started: list[BaseProcess] = []

    def run() -> BaseProcess:
        started.append(crash.start_manager(world.url, world.folder))
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.join()


def holder(store: Store) -> int:
    """The process that holds the lease of the backend; 0: none."""
    with store.read() as tx:
        owner = tx.scalar(sa.select(t.leases.c.owner).where(t.leases.c.name == LEASE))
    return int(owner.split("/")[2]) if owner else 0


def idle(world: World) -> bool:
    with world.env.store.read() as tx:
        return not oplog.live(tx)


def available(world: World, share_id: str) -> bool:
    return shares.get(world.env, CTX, share_id).status == "available"


def since(world: World, moment: float) -> list[dict[str, Any]]:
    return [call for call in world.array.calls() if call["started"] > moment]


def test_a_killed_manager_is_followed_within_two_seconds(
    world: World, start: Callable[[], BaseProcess], record_property: Callable[..., None]
) -> None:
    processes = {p.pid: p for p in (start(), start())}
    took: list[float] = []
    for _ in range(3):
        wait_for(lambda: holder(world.env.store) in processes and idle(world), 30)
        active = holder(world.env.store)
        world.array.set_fault("create_share", "latency", seconds=0.2, times=3)
        made = [world.share(1) for _ in range(6)]
        wait_for(lambda: bool(world.array.calls("create_share")), 20)
        os.kill(active, signal.SIGKILL)
        killed = time.time()
        processes.pop(active).join()
        wait_for(lambda: any(call["pid"] != active for call in since(world, killed)), 20)  # noqa: B023
        took.append(min(c["started"] for c in since(world, killed) if c["pid"] != active) - killed)
        wait_for(lambda: idle(world), 30)
        assert all(available(world, share_id) for share_id in made)
        successor = start()
        processes[successor.pid] = successor
        world.array.clear_calls()
    assert len(world.array.shares()) == 18
    assert violations(world.env.store, world.array) == []
    record_property("takeovers", (len(took), round(max(took), 2)))
    assert sorted(took)[1] < 2.0, took


def test_a_manager_that_slept_past_its_lease_leaves_the_backend_alone(
    world: World, start: Callable[[], BaseProcess]
) -> None:
    sleeper = start()
    assert sleeper.pid
    world.share_id = world.share(1)
    wait_for(lambda: idle(world), 30)
    world.allow("10.0.0.1")
    wait_for(lambda: idle(world), 30)
    instance = next(iter(world.array.shares()))
    world.array.set_fault("update_access", "latency", seconds=0.5, times=1)
    shares.delete(world.env, CTX, world.share_id)
    wait_for(lambda: len(world.array.calls("update_access", instance)) == 2, 20)
    os.kill(sleeper.pid, signal.SIGSTOP)
    other = start()
    wait_for(lambda: holder(world.env.store) == other.pid and idle(world), 30)
    assert world.array.shares() == {}
    woken = time.time()
    os.kill(sleeper.pid, signal.SIGCONT)
    time.sleep(2.0)
    assert [call for call in since(world, woken) if call["pid"] == sleeper.pid] == []
    deletes = world.array.calls("delete_share", instance)
    assert [call["pid"] for call in deletes] == [other.pid]
    epochs = [call["epoch"] for call in world.array.calls("update_access", instance)]
    assert epochs[1] < epochs[2], "the successor has a higher epoch"
    assert violations(world.env.store, world.array) == []
    # it is a standby now, and follows when it is its turn
    other.kill()
    other.join()
    world.share_id = world.share(1)
    wait_for(lambda: idle(world), 30)
    assert available(world, world.share_id)


@pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")
def test_a_host_that_is_cut_off_stops_driving_before_another_begins(tmp_path: Path) -> None:
    with three_hosts(3) as net, contextlib.ExitStack() as stack:
        world = new_world(net.url, tmp_path / "array")
        stack.callback(world.env.store.close)
        managers: dict[int, str] = {}
        for name in net.names:
            process = crash.start_manager(net.url_from(name), world.folder, netns=name)
            stack.callback(process.join)
            stack.callback(process.kill)
            managers[process.pid or 0] = name
        wait_for(lambda: holder(world.env.store) in managers and idle(world), 60)
        first = holder(world.env.store)
        world.array.set_fault("create_share", "latency", None, seconds=0.05)
        made = [world.share(1) for _ in range(20)]
        wait_for(lambda: len(world.array.calls("create_share")) > 3, 30)
        net.cut(managers[first])
        made += [world.share(1) for _ in range(60)]
        wait_for(lambda: holder(world.env.store) not in (0, first), 60)
        second = holder(world.env.store)
        wait_for(lambda: idle(world), 60)
        assert all(available(world, share_id) for share_id in made)
        calls = [call for call in world.array.calls() if call["epoch"]]
        last = max(call["started"] for call in calls if call["pid"] == first)
        assert last < min(call["started"] for call in calls if call["pid"] == second)
        assert {call["pid"] for call in calls} == {first, second}, "one at a time"
        # back on the net it changes nothing, and stands by
        net.join(managers[first])
        os.kill(second, signal.SIGKILL)
        wait_for(lambda: holder(world.env.store) not in (0, second), 60)
        world.share_id = world.share(1)
        wait_for(lambda: idle(world), 60)
        assert available(world, world.share_id)
        assert len(world.array.shares()) == len(made) + 1, "none is doubled"
        assert violations(world.env.store, world.array) == []


@pytest.mark.slow
def test_requests_while_the_database_stops_are_refused_kindly_and_none_is_lost_or_doubled() -> None:
    with support_postgres.server() as server, site(url=server.database()) as abaca:
        abaca.serve()
        wanted = [f"share {number}" for number in range(24)]
        codes: list[tuple[int, str | None]] = []

        def insist(name: str) -> str:
            """Ask with the same key until it is acknowledged, as long as it takes."""
            while True:
                body = {"share": {"name": name, "size": 1, "share_proto": "NFS"}}
                code, text, headers = post(abaca.port, name, body)
                codes.append((code, headers.get("retry-after")))
                if code == 200:
                    return str(json.loads(text)["share"]["id"])
                assert code == 503, text
                time.sleep(0.1)

        with ThreadPoolExecutor(4) as clients:
            first = [clients.submit(insist, name) for name in wanted[:8]]
            ids = [each.result() for each in first]
            server.stop("immediate")
            later = [clients.submit(insist, name) for name in wanted[8:]]
            wait_for(lambda: any(code == 503 for code, _ in codes), 30)
            server.start()
            ids += [each.result() for each in later]
        assert {retry_after for code, retry_after in codes if code == 503} == {"2"}
        for share_id in ids:
            abaca.await_share(share_id, seconds=60)
        listed = abaca.call("GET", "/shares")["shares"]
        assert sorted(share["name"] for share in listed) == sorted(wanted), "none lost, none twice"


@pytest.mark.slow
def test_the_database_stops_under_load_and_everything_goes_on(tmp_path: Path) -> None:
    with support_postgres.server() as server:
        world = new_world(server.database(), tmp_path / "array")
        manager = crash.start_manager(world.url, world.folder)
        acknowledged: list[str] = []
        refused: list[Exception] = []
        over = threading.Event()

        def ask() -> None:
            while not over.is_set():
                try:
                    acknowledged.append(world.share(1))
                except Unavailable as error:
                    refused.append(error)
                time.sleep(0.05)

        try:
            with ThreadPoolExecutor(3) as clients:
                asking = [clients.submit(ask) for _ in range(3)]
                for _ in range(2):
                    time.sleep(2)
                    server.stop("immediate")
                    time.sleep(1)
                    server.start()
                time.sleep(1)
                before = len(acknowledged)
                wait_for(lambda: len(acknowledged) > before + 3, 20)
                over.set()
                assert [each.result() for each in asking] == [None] * 3
            assert refused
            wait_for(lambda: idle(world), 60)
            # also those whose answer was lost: nobody knows them, but they must be whole
            assert all(available(world, share_id) for share_id in acknowledged)
            assert violations(world.env.store, world.array) == []
            assert len(world.array.shares()) >= len(acknowledged)
            assert manager.is_alive()
        finally:
            over.set()
            manager.kill()
            manager.join()
            world.env.store.close()
