"""kill -9 of the process that drives the cluster, at every step of every call."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
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


class Trial(steps.Trial):
    def __init__(self, backend: Backend) -> None:
        self.backend = backend

    def look(self) -> dict[str, Any]:
        machine, volume = self.backend.machine, self.backend.volume
        bricks = machine.directory / "bricks" / volume
        exports = machine.directory / "ganesha" / "export.d"
        manager = self.backend.driver.exporter.server.exports  # type: ignore[attr-defined]
        return {
            "directories": {
                entry.name: (oct(entry.stat().st_mode), limit(bricks / entry.name))
                for entry in self.backend.root.iterdir()
            },
            "limits": (machine.directory / "lib/vols" / volume / "quota.conf").stat().st_size,
            "files": {file.name: file.read_text() for file in exports.iterdir()},
            "served": {
                number: (path, manager.in_force(number))
                for number, path in manager.pseudo_paths().items()
            },
        }

    def restart(self) -> None:
        self.backend.restart()
        self.settle()

    def settle(self) -> None:
        assert self.backend.trash_is_empty()

    def hang_up(self) -> None:
        self.backend.driver.system_bus.close()

    def check_cut_off(self, old: Any, new: Any, seen: Any) -> None:
        """Whoever may not come in after the call, nor could before, does not in between."""
        for before, after, between in zip(*map(rules, (old, new, seen)), strict=True):
            assert between in (before, after)


def limit(directory: Path) -> bytes | None:
    """The quota, as its brick keeps it."""
    try:
        return os.getxattr(directory, LIMIT)
    except OSError:
        return None


def rules(seen: dict[str, Any]) -> tuple[list[str], list[Any]]:
    """Those that would be in force if Ganesha came up again, and those that are."""
    text = seen["files"].get(f"{SHARE['name']}.conf", "")
    named = [each["access_to"] for each in (OLD, NEW) if each["access_to"] in text]
    return named, [c for path, c in seen["served"].values() if path == f"/{SHARE['name']}"]


def create(backend: Backend) -> None:
    backend.driver.create_share(CONTEXT, SHARE)


def delete(backend: Backend) -> None:
    backend.driver.delete_share(CONTEXT, SHARE)


def ensure(backend: Backend) -> None:
    """Its answer counts as well: rules that went with an export are asked for."""
    [update] = backend.driver.ensure_shares(CONTEXT, [SHARE]).values()
    assert update["reapply_access_rules"]


def damage(backend: Backend) -> None:
    """What ensure_shares repairs: its quota is another one, its export and file are gone."""
    backend.driver.extend_share(SHARE, 3)
    backend.driver.exporter.withdraw(None, SHARE["name"])


@dataclass(frozen=True)
class Cycle:
    """Two calls that undo each other."""

    there: Call
    back: Call
    ruled: bool | None = True  # whether the share has a rule before; None: there is no share
    cut_back: bool = True


CYCLES = {
    "create, delete": Cycle(create, delete, ruled=None),
    "let in, shut out": Cycle(lambda b: b.allow(SHARE, OLD, NEW), lambda b: b.allow(SHARE, OLD)),
    "extend, shrink": Cycle(
        lambda b: b.driver.extend_share(SHARE, 2), lambda b: b.driver.shrink_share(SHARE, 1)
    ),
    "unmanage, manage": Cycle(
        lambda b: b.driver.unmanage(SHARE),
        lambda b: b.driver.manage_existing(SHARE, {}),
        ruled=False,
    ),
    "ensure": Cycle(ensure, damage, cut_back=False),
}


@pytest.fixture
def trial(local_backend: Backend) -> Iterator[Trial]:
    trial = Trial(local_backend)
    trial.settle()
    yield trial
    delete(local_backend)
    trial.settle()


@pytest.mark.parametrize("name", CYCLES)
def test_killed_at_any_step_a_call_is_taken_up_again(trial: Trial, name: str) -> None:
    cycle, backend = CYCLES[name], trial.backend
    if cycle.ruled is not None:
        create(backend)
        backend.allow(SHARE, *([OLD] if cycle.ruled else []))
    if not cycle.cut_back:
        cycle.back(backend)
    trial.cycle(lambda: cycle.there(backend), lambda: cycle.back(backend), cycle.cut_back)


def test_killed_at_any_step_of_a_creation_the_share_can_be_deleted(trial: Trial) -> None:
    trial.undone(lambda: create(trial.backend), lambda: delete(trial.backend))
