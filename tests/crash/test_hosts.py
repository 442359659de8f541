"""Several managers of one backend, and a database that goes away: real processes, PostgreSQL."""

from __future__ import annotations

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
from support.hosts import Hosts
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


class Managers:
    """A world, and the managers that work for it: on this machine, or each on a host of its own."""

    def __init__(self, world: World, net: Hosts | None) -> None:
        self.world, self.net = world, net
        self.processes: dict[int, BaseProcess] = {}
        self.places: dict[int, str] = {}  # the names of their hosts

    def start(self, count: int) -> None:
        for _ in range(count):
            if self.net is None:
                process = crash.start_manager(self.world.url, self.world.folder)
            else:
                name = next(n for n in self.net.names if n not in self.places.values())
                url = self.net.url_from(name)
                process = crash.start_manager(url, self.world.folder, host=name)
                self.places[process.pid or 0] = name
            self.processes[process.pid or 0] = process
        wait_for(lambda: self.processes.keys() <= self._up(), 60)

    def _up(self) -> set[int]:
        return {call["pid"] for call in self.world.array.calls("do_setup")}

    def active(self) -> int:
        """The process that holds the lease, once nothing is left to do."""
        wait_for(lambda: holder(self.world.env.store) in self.processes and idle(self.world), 60)
        return holder(self.world.env.store)

    def kill(self, pid: int) -> None:
        self.processes[pid].kill()
        self.processes.pop(pid).join()
        self.places.pop(pid, None)


@pytest.fixture(scope="module")
def net() -> Iterator[Hosts]:
    """Three hosts, none of which sees the others' processes."""
    if os.geteuid() != 0:
        pytest.skip("network namespaces need root")
    with three_hosts(3) as made:
        yield made


@pytest.fixture(params=[3], ids=["three hosts"])
def managers(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Managers]:
    """None is started yet."""
    where: Hosts | None = None if request.param == 1 else request.getfixturevalue("net")
    if where is None:
        url: str = request.getfixturevalue("postgres").database()
    else:
        where.new_database()
        url = where.url
    world = new_world(url, tmp_path / "array")
    made = Managers(world, where)
    yield made
    for pid in list(made.processes):
        made.kill(pid)
    world.env.store.close()


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


def driven(world: World, after: float, *, but: int) -> list[float]:
    """When operations of other processes called the backend."""
    return [c["started"] for c in since(world, after) if c["epoch"] and c["pid"] != but]


@pytest.mark.parametrize("managers", [1, 3], ids=["one machine", "three hosts"], indirect=True)
def test_a_killed_manager_is_followed_within_two_seconds(
    managers: Managers, record_property: Callable[..., None]
) -> None:
    """One of three, then one of two, then one of two again; the median counts."""
    world = managers.world
    managers.start(3)
    took = [takeover(managers)]
    took += [takeover(managers)]
    managers.start(1)
    took += [takeover(managers)]
    assert len(world.array.shares()) == 18
    assert violations(world.env.store, world.array) == []
    record_property("takeovers", [round(each, 2) for each in took])
    assert sorted(took)[1] < 2.0, took


def takeover(managers: Managers) -> float:
    """Kill the active one at work: seconds until an operation of another one calls the backend."""
    world, active = managers.world, managers.active()
    world.array.set_fault("create_share", "latency", seconds=0.2, times=3)
    asked = time.time()
    made = [world.share(1) for _ in range(6)]
    wait_for(lambda: bool(driven(world, asked, but=0)), 20)
    killed = time.time()
    managers.kill(active)
    wait_for(lambda: bool(driven(world, killed, but=active)), 20)
    took = min(driven(world, killed, but=active)) - killed
    wait_for(lambda: idle(world), 30)
    assert all(available(world, share_id) for share_id in made)
    return took


def test_a_manager_that_slept_past_its_lease_leaves_the_backend_alone(managers: Managers) -> None:
    world = managers.world
    managers.start(1)
    sleeper = managers.active()
    world.share_id = world.share(1)
    wait_for(lambda: idle(world), 30)
    world.allow("10.0.0.1")
    wait_for(lambda: idle(world), 30)
    instance = next(iter(world.array.shares()))
    world.array.set_fault("update_access", "latency", seconds=0.5, times=1)
    shares.delete(world.env, CTX, world.share_id)
    wait_for(lambda: len(world.array.calls("update_access", instance)) == 2, 20)
    os.kill(sleeper, signal.SIGSTOP)
    managers.start(1)
    [other] = managers.processes.keys() - {sleeper}
    wait_for(lambda: holder(world.env.store) == other and idle(world), 30)
    assert world.array.shares() == {}
    woken = time.time()
    os.kill(sleeper, signal.SIGCONT)
    time.sleep(2.0)
    assert [call for call in since(world, woken) if call["pid"] == sleeper] == []
    deletes = world.array.calls("delete_share", instance)
    assert [call["pid"] for call in deletes] == [other]
    epochs = [call["epoch"] for call in world.array.calls("update_access", instance)]
    assert epochs[1] < epochs[2], "the successor has a higher epoch"
    assert violations(world.env.store, world.array) == []
    # it is a standby now, and follows when it is its turn
    managers.kill(other)
    world.share_id = world.share(1)
    wait_for(lambda: idle(world), 30)
    assert available(world, world.share_id)


def test_a_host_that_is_cut_off_stops_driving_before_its_lease_ends(managers: Managers) -> None:
    world = managers.world
    managers.start(3)
    first = managers.active()
    world.array.set_fault("create_share", "latency", None, seconds=0.05)
    made = [world.share(1) for _ in range(20)]
    wait_for(lambda: len(world.array.calls("create_share")) > 3, 30)
    assert managers.net
    ends: list[float] = []  # of the lease, as the database has it

    def followed() -> bool:
        with world.env.store.read() as tx:
            row = tx.one(sa.select(t.leases).where(t.leases.c.name == LEASE))
        assert row
        now = int(row.owner.split("/")[2]) if row.owner else 0
        if now == first:
            ends.append(row.expires_at)
        return now not in (0, first)

    managers.net.cut(managers.places[first])
    for _ in range(60):
        followed()
        made.append(world.share(1))
    wait_for(followed, 60)
    second = holder(world.env.store)
    wait_for(lambda: idle(world), 60)
    assert all(available(world, share_id) for share_id in made)
    calls = [call for call in world.array.calls() if call["epoch"]]
    assert max(call["started"] for call in calls if call["pid"] == first) < ends[-1]
    assert min(call["started"] for call in calls if call["pid"] == second) > ends[-1]
    assert {call["pid"] for call in calls} == {first, second}, "one at a time"
    # back on the net it changes nothing, and stands by
    managers.net.join(managers.places[first])
    managers.kill(second)
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
