"""kill -9 of the process that drives the cluster, at every step of every call."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pytest

from abaca.drivers.contract.records import export_location_record
from abaca.testing import steps
from glusterfs.kit import CONTEXT, Backend, new_share, rule

pytestmark = [pytest.mark.storage, pytest.mark.xdist_group("glusterfs")]

LIMIT = "trusted.glusterfs.quota.limit-set.1"
OLD, NEW = rule("192.0.2.7"), rule("198.51.100.0/24", "ro")
_ID = str(uuid.uuid4())
SHARE = new_share(id=_ID, export_locations=[export_location_record(path=f"host:/share-{_ID}")])
Call = Callable[[Backend], object]


def create(backend: Backend) -> None:
    backend.driver.create_share(CONTEXT, SHARE)


def delete(backend: Backend) -> None:
    backend.driver.delete_share(CONTEXT, SHARE)


def damage(backend: Backend) -> None:
    """What ensure_shares repairs: its quota is another one, its export and file are gone."""
    backend.driver.extend_share(SHARE, 3)
    backend.driver.exporter.withdraw(None, SHARE["name"])


@dataclass(frozen=True)
class Cycle:
    """Two calls that undo each other."""

    there: Call
    back: Call
    created: bool = True  # there must be a share before
    driver_goes_back: bool = True


CYCLES = {
    "create, delete": Cycle(create, delete, created=False),
    "let in, shut out": Cycle(lambda b: b.allow(SHARE, OLD, NEW), lambda b: b.allow(SHARE, OLD)),
    "extend, shrink": Cycle(
        lambda b: b.driver.extend_share(SHARE, 2), lambda b: b.driver.shrink_share(SHARE, 1)
    ),
    "unmanage, manage": Cycle(
        lambda b: b.driver.unmanage(SHARE), lambda b: b.driver.manage_existing(SHARE, {})
    ),
    "ensure": Cycle(
        lambda b: b.driver.ensure_shares(CONTEXT, [SHARE]), damage, driver_goes_back=False
    ),
}


def everything(backend: Backend) -> dict[str, Any]:
    """All that a share can leave behind, looked at without the driver."""
    machine = backend.machine
    bricks = machine.directory / "bricks" / backend.volume
    exports = machine.directory / "ganesha" / "export.d"
    manager = backend.driver.exporter.server.exports  # type: ignore[attr-defined]
    return {
        "directories": {
            entry.name: (oct(entry.stat().st_mode), limit(bricks / entry.name))
            for entry in backend.root.iterdir()
            if entry.name != ".abaca.lock"
        },
        "limits": (machine.directory / "lib/vols" / backend.volume / "quota.conf").stat().st_size,
        "files": {file.name: file.read_text() for file in exports.iterdir()},
        "served": {
            number: (path, manager.clients(number))
            for number, path in manager.pseudo_paths().items()
        },
    }


def limit(directory: Path) -> bytes | None:
    try:
        return os.getxattr(directory, LIMIT)
    except OSError:
        return None


def rules(seen: dict[str, Any]) -> tuple[list[str], list[Any]]:
    """Those that would be in force if Ganesha came up again, and those that are."""
    text = seen["files"].get(f"{SHARE['name']}.conf", "")
    named = [each["access_to"] for each in (OLD, NEW) if each["access_to"] in text]
    return named, [c for path, c in seen["served"].values() if path == f"/{SHARE['name']}"]


@pytest.fixture
def base(local_backend: Backend) -> Iterator[Backend]:
    assert local_backend.trash_is_empty()
    yield local_backend
    local_backend.delete(SHARE)
    assert local_backend.trash_is_empty()


def restarted(backend: Backend) -> Backend:
    """As a new process makes it; quiet, because a fork has none of its parent's threads."""
    backend.restart()
    assert backend.trash_is_empty()
    return backend


def play(backend: Backend, call: Call) -> Callable[[], object]:
    """The call, to be made in a fork."""

    def whole() -> None:
        backend.driver.system_bus.close()
        call(backend)
        assert backend.trash_is_empty()

    return whole


@pytest.mark.parametrize("name", CYCLES)
def test_killed_at_any_step_a_call_is_taken_up_again(base: Backend, name: str) -> None:
    cycle = CYCLES[name]
    if cycle.created:
        create(base)
        base.allow(SHARE, OLD)
    if not cycle.driver_goes_back:
        cycle.back(base)
    before = everything(restarted(base))
    there, after = points(base, cycle.there)
    back, again = points(base, cycle.back) if cycle.driver_goes_back else ([], before)
    assert again == before
    if not cycle.driver_goes_back:
        cycle.back(base)
    for onward, homeward in zip_longest(there, back):
        taken_up(base, cycle.there, onward, before, after)
        taken_up(base, cycle.back, homeward, after, before)


def points(backend: Backend, call: Call) -> tuple[list[str], dict[str, Any]]:
    """Where it can be killed, and how the world is after it."""
    found = steps.points(play(backend, call), lambda: everything(backend))
    return found, everything(restarted(backend))


def taken_up(
    backend: Backend, call: Call, point: str | None, old: dict[str, Any], new: dict[str, Any]
) -> None:
    """The call is killed at this point, and comes to its end in a new process."""
    if point is not None:
        steps.killed(play(backend, call), point)
        for before, after, seen in zip(*map(rules, (old, new, everything(backend))), strict=True):
            assert seen in (before, after), f"killed at {point}"
        restarted(backend)
    call(backend)
    assert backend.trash_is_empty()
    assert everything(backend) == new, f"killed at {point}"


def test_killed_at_any_step_of_a_creation_the_share_can_be_deleted(base: Backend) -> None:
    before = everything(restarted(base))
    found, _ = points(base, create)
    delete(base)
    for point in found:
        steps.killed(play(base, create), point)
        delete(restarted(base))
        assert base.trash_is_empty()
        assert everything(base) == before, f"killed at {point}"
