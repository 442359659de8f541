"""kill -9 of the process that drives the pool and its servers, at every step of every call."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from abaca.drivers.confine import mounts
from abaca.drivers.contract.records import export_location_record
from abaca.drivers.ganesha.control import InForce
from abaca.drivers.ganesha.export import from_text
from abaca.drivers.local import btrfs
from abaca.drivers.local.nfs import NfsExporter
from abaca.testing import steps
from storage.kit import CONTEXT, Backend, new_share, new_snapshot, rule

pytestmark = pytest.mark.storage

OLD, NEW = rule("192.0.2.7"), rule("198.51.100.0/24", "ro")
_ID = str(uuid.uuid4())
SHARE = new_share(id=_ID, export_locations=[export_location_record(path=f"host:/share-{_ID}")])
SNAPSHOT = new_snapshot(SHARE)
CLONE = new_share()
Call = Callable[[Backend], object]


class Trial(steps.Trial):
    def __init__(self, backend: Backend) -> None:
        self.backend = backend

    @property
    def shards(self) -> Any:
        exporter = self.backend.driver.exporter("NFS")
        assert isinstance(exporter, NfsExporter)
        return exporter.shards

    def look(self) -> dict[str, Any]:
        """Of export ids no more than how many there are: each export gets the next one."""
        pool = self.backend.driver.pool
        places = (pool.shares, pool.snapshots, pool.unmanaged, pool.trash)
        [server] = [table.server for table in self.shards.tables()]
        files = sorted((server.directory / "exports").iterdir())
        return {
            "subvolumes": {
                f"{place.name}/{path.name}": subvolume(path)
                for place in places
                for path in place.iterdir()
            },
            "files": sorted((file.suffix, exported(file)) for file in files),
            "served": {
                path: server.exports.in_force(number)
                for number, path in server.exports.pseudo_paths().items()
            },
            "binds": sum(str(server.mount_root) in m for m in mounts.mount_points(server.pid)),
            "places": len(list(server.mount_root.iterdir())),
        }

    def restart(self) -> None:
        self.backend.restart()

    def settle(self) -> None:
        """Nothing goes on in the background here."""

    def hang_up(self) -> None:
        for table in self.shards.tables():
            table.server.bus.close()

    def check_cut_off(self, old: Any, new: Any, seen: Any) -> None:
        """Whoever may not come in after the call, nor could before, does not in between; while a
        share is reverted, clients may only read."""
        for before, after, between in zip(*map(rules, (old, new, seen)), strict=True):
            assert between in (before, after, reading(before))


def subvolume(path: Path) -> tuple[Any, ...]:
    limit = btrfs.usage(path).limit
    return limit, btrfs.is_read_only(path), sorted(entry.name for entry in path.iterdir())


def exported(file: Path) -> tuple[Any, ...]:
    """What an export's file says, without its checksum and its id."""
    if file.suffix not in (".conf", ".base"):
        return (file.name,)
    export = from_text(file.read_text().rpartition("#sum ")[0])
    return export.name, export.source, tuple(map(str, export.clients))


def rules(seen: dict[str, Any]) -> tuple[Any, Any]:
    """Those that would be in force if Ganesha came up again, and those that are."""
    name = f"share-{SHARE['id']}"
    kept = [told[2] for suffix, told in seen["files"] if (suffix, told[0]) == (".conf", name)]
    return sum(kept, ()), seen["served"].get(f"/{name}", [])


def reading(told: Any) -> Any:
    """The same clients, which may only read: as on file, or as the server tells them."""
    if isinstance(told, InForce):
        return InForce([replace(client, writable=False) for client in told.clients], told.unparsed)
    return type(told)(client.replace("writable=True", "writable=False") for client in told)


def create(backend: Backend) -> None:
    backend.driver.create_share(CONTEXT, SHARE)


def delete(backend: Backend) -> None:
    backend.driver.delete_share(CONTEXT, SHARE)


def snapshot(backend: Backend) -> None:
    backend.driver.create_snapshot(CONTEXT, SNAPSHOT)


def file(backend: Backend) -> Path:
    return backend.driver.share_path(SHARE["id"]) / "file"


def ensure(backend: Backend) -> None:
    """Its answer counts as well: rules that went with an export are asked for."""
    [update] = backend.driver.ensure_shares(CONTEXT, [SHARE]).values()
    assert update["reapply_access_rules"]


def damage(backend: Backend) -> None:
    backend.driver.extend_share(SHARE, 3)
    backend.driver.exporter("NFS").withdraw(f"share-{SHARE['id']}")


@dataclass(frozen=True)
class Cycle:
    """Two calls that undo each other, and what there must be before."""

    there: Call
    back: Call
    before: tuple[Call, ...] = field(default=(create, lambda b: b.allow(SHARE, OLD)))
    cut_back: bool = True


CYCLES = {
    "create, delete": Cycle(create, delete, ()),
    "snapshot, delete it": Cycle(snapshot, lambda b: b.driver.delete_snapshot(CONTEXT, SNAPSHOT)),
    "clone, delete it": Cycle(
        lambda b: b.driver.create_share_from_snapshot(CONTEXT, CLONE, SNAPSHOT),
        lambda b: b.driver.delete_share(CONTEXT, CLONE),
        (create, snapshot),
    ),
    "revert": Cycle(
        lambda b: b.driver.revert_to_snapshot(CONTEXT, SNAPSHOT, [OLD], []),
        lambda b: file(b).touch(),
        (create, lambda b: b.allow(SHARE, OLD), snapshot, lambda b: file(b).touch()),
        cut_back=False,
    ),
    "let in, shut out": Cycle(lambda b: b.allow(SHARE, OLD, NEW), lambda b: b.allow(SHARE, OLD)),
    "extend, shrink": Cycle(
        lambda b: b.driver.extend_share(SHARE, 2), lambda b: b.driver.shrink_share(SHARE, 1)
    ),
    "unmanage, manage": Cycle(
        lambda b: b.driver.unmanage(SHARE),
        lambda b: b.driver.manage_existing(SHARE, {}),
        (create,),
    ),
    "ensure": Cycle(ensure, damage, (create, damage), cut_back=False),
}


@pytest.fixture
def trial(backend: Backend) -> Iterator[Trial]:
    backend.share()  # so that there is a server
    yield Trial(backend)
    with contextlib.suppress(FileNotFoundError):
        backend.driver.delete_snapshot(CONTEXT, SNAPSHOT)
    delete(backend)


@pytest.mark.parametrize("name", CYCLES)
def test_killed_at_any_step_a_call_is_taken_up_again(trial: Trial, name: str) -> None:
    cycle, backend = CYCLES[name], trial.backend
    for call in cycle.before:
        call(backend)
    trial.cycle(lambda: cycle.there(backend), lambda: cycle.back(backend), cycle.cut_back)


@pytest.mark.parametrize("name", ["create, delete", "snapshot, delete it", "clone, delete it"])
def test_killed_at_any_step_of_a_creation_it_can_be_deleted(trial: Trial, name: str) -> None:
    cycle, backend = CYCLES[name], trial.backend
    for call in cycle.before:
        call(backend)
    trial.undone(lambda: cycle.there(backend), lambda: cycle.back(backend))
