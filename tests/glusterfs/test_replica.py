"""Three machines with a copy of everything on each: one of them may die at any moment."""

from __future__ import annotations

import subprocess
import threading
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from abaca.drivers.contract.records import AccessRule, export_location_record
from abaca.drivers.glusterfs.driver import GlusterfsShareDriver
from glusterfs import lab as labs
from glusterfs.kit import CONTEXT, Backend, new_share, rule
from glusterfs.lab import Machine, wait

pytestmark = [pytest.mark.storage, pytest.mark.xdist_group("glusterfs")]
MIB = 1 << 20
BRICK = "^/usr/sbin/glusterfsd"
RULE = rule("192.0.2.7", "ro")
IN_FORCE = {"access_type": "ip", "access_to": "192.0.2.7", "access_level": "ro"}
_ID = str(uuid.uuid4())
SHARE = new_share(id=_ID, export_locations=[export_location_record(path=f"host:/share-{_ID}")])
Call = Callable[[GlusterfsShareDriver], object]


@pytest.fixture
def cluster() -> Iterator[Backend]:
    """Replica 3; answers are given up after 1 s instead of 42."""
    reason = labs.why_not()
    if reason:
        pytest.skip(reason)
    with labs.running(machines=3) as lab:
        lab.volume("vol")
        lab.machines[0].gluster("volume", "set", "vol", "network.ping-timeout", "1")
        backend = Backend(lab, local=True)
        backend.start()
        yield backend


CALLS: list[tuple[str, Call, dict[str, Any]]] = [
    ("create", lambda d: d.create_share(CONTEXT, SHARE), {"size": 1, "rules": []}),
    ("let in", lambda d: allow(d, RULE), {"size": 1, "rules": [IN_FORCE]}),
    ("extend", lambda d: d.extend_share(SHARE, 3), {"size": 3, "rules": [IN_FORCE]}),
    ("shrink", lambda d: d.shrink_share(SHARE, 2), {"size": 2, "rules": [IN_FORCE]}),
    ("ensure", lambda d: d.ensure_shares(CONTEXT, [SHARE]), {"size": 1, "rules": [IN_FORCE]}),
    ("shut out", lambda d: allow(d), {"size": 1, "rules": []}),
    ("unmanage", lambda d: d.unmanage(SHARE), {}),
    ("manage", lambda d: d.manage_existing(SHARE, {}), {"size": 1, "rules": []}),
    ("delete", lambda d: d.delete_share(CONTEXT, SHARE), {}),
]


def allow(driver: GlusterfsShareDriver, *rules: AccessRule) -> None:
    driver.update_access(CONTEXT, SHARE, rules, [], [], [])


def test_a_machine_dies_during_each_call(cluster: Backend) -> None:
    """Its glusterd and its bricks are killed when the call gives its first command, or a moment
    later: another moment for each call."""
    cluster.share()  # see `backend`
    machine, before = cluster.lab.machines[2], world(cluster)
    held: dict[str, Any] = {}

    def look(driver: GlusterfsShareDriver) -> None:
        held.clear()
        held.update({item["id"]: item for item in driver.get_inventory(CONTEXT)})

    for number, (name, call, wanted) in enumerate(CALLS):
        dying = Dying(machine, number * 0.03)
        cluster.at_command = dying.now
        cluster.again(call, cluster.driver)
        assert dying.began, name
        dying.wait()
        dying.back()
        cluster.again(look, cluster.driver)
        found = held.get(SHARE["id"], {})
        assert {key: found[key] for key in wanted} == wanted, name
    assert cluster.trash_is_empty()
    assert world(cluster) == before


class Dying:
    """A machine that loses its glusterd and brick so many seconds after the first `now`."""

    def __init__(self, machine: Machine, seconds: float) -> None:
        self._machine = machine
        bricks = machine.pids(BRICK)
        self._command = machine.run("cat", f"/proc/{bricks[0]}/cmdline").split("\0")[:-1]
        doomed = " ".join([*bricks, *machine.pids("^glusterd")])
        words = machine.command("sh", "-c", f"read go && kill -9 {doomed}")
        self._killer = subprocess.Popen(words, stdin=subprocess.PIPE)
        self._timer = threading.Timer(seconds, self._killer.communicate, (b"go\n",))
        self.began = False

    def now(self) -> None:
        if not self.began:
            self.began = True
            self._timer.start()

    def wait(self) -> None:
        self._timer.join()
        assert self._killer.returncode == 0

    def back(self) -> None:
        """glusterd 10 does not always start the brick of a volume that was changed meanwhile."""
        self._machine.start_glusterd()
        peers = ("gluster", "pool", "list")
        wait(lambda: "Disconnected" not in self._machine.run(*peers), "its peers")
        if not self._machine.pids(BRICK):
            self._machine.run(*self._command, check=False)  # glusterd may have been faster
        wait(lambda: bool(self._machine.pids(BRICK)), "the brick")


def world(backend: Backend) -> dict[str, Any]:
    """What a call could leave behind, as clients see it and as machines that lived have it on file.

    The one that died has the limits of its last moment: GlusterFS 10.3 asks the others for theirs
    (its log: "Quota configuration versions differ") and does not write them down.
    """
    exports = backend.machine.directory / "ganesha" / "export.d"
    return {
        "directories": sorted(entry.name for entry in backend.root.iterdir()),
        "limits": [
            (m.directory / "lib/vols/vol/quota.conf").stat().st_size
            for m in backend.lab.machines[:2]
        ],
        "exports": sorted(file.name for file in exports.iterdir()),
        "served": backend.machine.show_exports().count("struct"),
    }


def test_a_machine_dies_while_clients_write_and_shares_are_made(cluster: Backend) -> None:
    others = [new_share() for _ in range(4)]
    share = new_share()
    cluster.again(cluster.driver.create_share, CONTEXT, share)
    there = {item["id"] for item in cluster.driver.get_inventory(CONTEXT)}
    cluster.allow(share, rule(cluster.lab.address))
    half, dead = threading.Event(), threading.Event()

    def crash() -> None:
        half.wait(60)
        cluster.lab.machines[2].crash()
        dead.set()

    killer = threading.Thread(target=crash)
    killer.start()
    with cluster.mount(share) as client:
        for number in range(16):
            client.write(f"/{number}", bytes([number]) * MIB)
            if number == 7:
                half.set()  # from here on the machine dies, some time during the next writes
        for other in others[:2]:
            cluster.again(cluster.driver.create_share, CONTEXT, other)
        assert dead.wait(60)
        killer.join()
        for number in range(16):
            assert client.read(f"/{number}") == bytes([number]) * MIB
    # every call once more, with the machine surely away
    for other in others[2:]:
        cluster.again(cluster.driver.create_share, CONTEXT, other)
    cluster.again(cluster.driver.extend_share, others[0], 2)
    cluster.again(cluster.driver.shrink_share, others[0], 1)
    cluster.again(cluster.allow, others[0], rule(cluster.lab.address))
    with cluster.mount(others[0]) as client:
        client.write("/x", b"x")
    assert set(cluster.driver.ensure_shares(CONTEXT, others)) == {o["id"] for o in others}
    assert cluster.driver.get_share_stats(refresh=True)["free_capacity_gb"] > 0
    held = {item["id"]: item for item in cluster.driver.get_inventory(CONTEXT)}
    assert {o["id"] for o in (share, *others)} <= set(held)
    for other in others:
        cluster.again(cluster.delete, other)
    assert cluster.trash_is_empty()
    kept = {item["id"] for item in cluster.driver.get_inventory(CONTEXT)}
    assert kept == there
