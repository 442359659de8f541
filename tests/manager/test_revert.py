"""Reverting end to end: at once and in the background, and what may go wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from abaca.manager import shares as handlers
from abaca.model.shares import Share
from abaca.model.snapshots import Snapshot
from abaca.service import shares_resize
from abaca.store.engine import Store
from support.running import USER, Running, running


@pytest.fixture(params=[0.0, 0.3], ids=["at once", "in the background"])
def seconds(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> float:
    monkeypatch.setattr(handlers, "POLL_SECONDS", 0.05)
    found: float = request.param
    return found


@pytest.fixture
def world(store: Store, tmp_path: Path, seconds: float) -> Iterator[Running]:
    with running(store, tmp_path / "array", fake_revert_seconds=seconds) as world:
        yield world
        world.settle()


def pair(world: Running, size: int = 1) -> tuple[Share, Snapshot]:
    """A share that was written to after its snapshot was taken."""
    share = world.share(size)
    world.array.write_file(share.instance_id, "f", b"old")
    snapshot = world.snapshot(share)
    world.array.write_file(share.instance_id, "f", b"new")
    return share, snapshot


def revert(world: Running, share: Share, snapshot: Snapshot) -> Share:
    shares_resize.revert(world.env, USER, share.id, snapshot.id)
    world.settle()
    return world.look(share.id)


def test_revert(world: Running) -> None:
    share, snapshot = pair(world, 2)
    found = revert(world, share, snapshot)
    assert (found.status, found.size) == ("available", 2)
    assert world.look_at(snapshot.id).status == "available"
    assert world.array.read_file(share.instance_id, "f") == b"old"
    assert len(world.array.calls("revert_to_snapshot")) == 1
    assert world.violations() == []


def test_both_are_busy_meanwhile(world: Running) -> None:
    share, snapshot = pair(world)
    fault = world.array.set_fault("revert_to_snapshot", "block")
    shares_resize.revert(world.env, USER, share.id, snapshot.id)
    assert world.look(share.id).status == "reverting"
    assert world.look_at(snapshot.id).status == "restoring"
    world.array.clear_faults(fault)
    world.settle()
    assert world.look(share.id).status == "available"


def test_revert_of_an_extended_share_gives_the_difference_back(world: Running) -> None:
    share, snapshot = pair(world)
    shares_resize.extend(world.env, USER, share.id, 5)
    world.settle()
    assert world.used("gigabytes") == [5]
    assert revert(world, share, snapshot).size == 1
    assert world.used("gigabytes") == [1]
    assert world.violations() == []


def test_revert_of_a_shrunken_share_takes_the_difference(world: Running) -> None:
    share, snapshot = pair(world, 5)
    shares_resize.shrink(world.env, USER, share.id, 1)
    world.settle()
    assert world.used("gigabytes") == [1]
    assert revert(world, share, snapshot).size == 5
    assert world.used("gigabytes") == [5]
    assert world.violations() == []


def test_revert_that_fails(world: Running) -> None:
    share, snapshot = pair(world, 5)
    shares_resize.shrink(world.env, USER, share.id, 1)
    world.settle()
    world.array.set_fault("revert_to_snapshot", "error", name="ShareBackendException")
    assert revert(world, share, snapshot).status == "reverting_error"
    assert world.look_at(snapshot.id).status == "available"
    assert world.used("gigabytes") == [1]
    assert world.told(share.id) == [("006", "001")]
    assert world.violations() == []


def test_contact_is_lost(world: Running) -> None:
    share, snapshot = pair(world)
    world.array.set_fault("revert_to_snapshot", "lost")
    assert revert(world, share, snapshot).status == "available"
    assert world.violations() == []


def test_contact_is_lost_to_a_driver_that_cannot_repeat(world: Running) -> None:
    world.manager.backends[0].driver.idempotent = False  # type: ignore[misc]
    share, snapshot = pair(world)
    world.array.set_fault("revert_to_snapshot", "lost")
    assert revert(world, share, snapshot).status == "reverting_error"
    assert len(world.array.calls("revert_to_snapshot")) == 1
    assert world.look_at(snapshot.id).status == "available"


def test_the_backend_fails_in_the_background(world: Running, seconds: float) -> None:
    if not seconds:
        pytest.skip("there is no background")
    share, snapshot = pair(world)
    world.array.set_fault(
        "get_share_status", "wrong", value={"status": "reverting_error", "path": ""}
    )
    assert revert(world, share, snapshot).status == "reverting_error"
    assert world.look_at(snapshot.id).status == "available"
    assert world.told(share.id) == [("005", "035")]


@pytest.mark.parametrize("size", [7, 7.5])
def test_the_driver_tells_the_size(world: Running, seconds: float, size: float) -> None:
    if seconds:
        pytest.skip("told only when it is done at once")
    share, snapshot = pair(world)
    world.answers("revert_to_snapshot", size)
    assert revert(world, share, snapshot).size == -int(-size // 1)
    assert world.used("gigabytes") == [-int(-size // 1)]
