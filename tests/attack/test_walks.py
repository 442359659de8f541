"""Walks by root through trees that a client built to harm: deep, wide, changed during the walk."""

from __future__ import annotations

import errno
import os
import select
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from abaca.drivers import aside, walk, walk_jobs
from abaca.drivers.contract import errors
from abaca.drivers.glusterfs.trash import Trash
from abaca.drivers.local import btrfs, revert
from attack import trees
from attack.conftest import Wall
from storage import kit
from storage.kit import CONTEXT, Backend, new_share

WALL = "walks by root through clients' trees"
pytestmark = pytest.mark.storage

DEEP = 4000  # more than Python's recursion allows, and a path longer than PATH_MAX
FEW = 50  # descriptors of a walk through two trees
JOBS = "attack.aside_jobs"


@pytest.fixture(scope="module")
def backend() -> Iterator[Backend]:
    if reason := kit.why_not("NFS"):
        pytest.skip(reason)
    with kit.running() as backend:
        yield backend


@pytest.fixture
def place(backend: Backend) -> Path:
    """The directory of a new share."""
    return backend.driver.share_path(backend.share()["id"])


class Open:
    """A step that counts the descriptors in use."""

    def __init__(self) -> None:
        self.before = self.most = self.count()
        self.steps = 0

    def __call__(self) -> None:
        self.steps += 1
        if self.steps % 50 == 0:
            self.most = max(self.most, self.count())

    def count(self) -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    @property
    def too_many(self) -> bool:
        return self.most - self.before > FEW


def opened(path: Path) -> int:
    return os.open(path, walk.DIRECTORY)


def removed(place: Path, name: str, step: walk.Step = walk.no_step) -> None:
    directory = opened(place)
    try:
        walk.remove(directory, name.encode(), step)
    finally:
        os.close(directory)


def test_a_deep_tree_is_measured_and_removed_with_few_descriptors(place: Path, wall: Wall) -> None:
    trees.deep(place, DEEP)
    step, directory = Open(), opened(place)
    found = walk.size(directory, step)
    os.close(directory)
    assert found == DEEP // 100 * 4096
    wall.attempt(f"measure: {step.most - step.before} descriptors", step.too_many)
    step = Open()
    removed(place, "d", step)
    assert list(place.iterdir()) == []
    wall.attempt(f"remove: {step.most - step.before} descriptors", step.too_many)
    wall.assert_held()


def test_a_deep_tree_is_reverted_both_ways(backend: Backend, wall: Wall) -> None:
    share = backend.share()
    place = backend.driver.share_path(share["id"])
    empty = backend.snapshot(share)
    trees.deep(place, DEEP)
    full = backend.snapshot(share)
    for snapshot, depth in ((empty, 0), (full, DEEP), (empty, 0)):
        step = Open()
        revert.make_equal(backend.driver.snapshot_path(snapshot["id"]), place, step)
        assert trees.levels(place) == depth
        wall.attempt(f"{step.most - step.before} descriptors", step.too_many)
    backend.driver.revert_to_snapshot(CONTEXT, full, [], [])
    assert trees.levels(place) == DEEP
    wall.assert_held()


def test_a_share_with_a_deep_tree_can_be_shrunk_managed_and_deleted(backend: Backend) -> None:
    share = backend.share(size=2)
    trees.deep(backend.driver.share_path(share["id"]), DEEP)
    backend.driver.shrink_share(share, 1)
    backend.driver.unmanage(share)
    kept = backend.driver.pool.unmanaged / f"share-{share['id']}"
    again = new_share(export_locations=[{"path": str(kept)}])
    assert backend.driver.manage_existing(again, {})["size"] == 1
    backend.delete(again)
    assert not backend.driver.share_path(again["id"]).exists()


def test_the_trash_goes_on_after_a_deep_tree(tmp_path: Path) -> None:
    trash = Trash(tmp_path)
    for _ in range(2):
        (tmp_path / "share").mkdir()
        trees.deep(tmp_path / "share", 1500)
        trash.discard(tmp_path / "share")
        assert trash.wait(120)
        assert list(tmp_path.iterdir()) == []


def test_nested_subvolumes_are_found_without_a_walk(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    share = backend.share()
    place = backend.driver.share_path(share["id"])
    (place / "a" / "b").mkdir(parents=True)
    btrfs.create_subvolume(place / "a" / "b" / "one")
    (place / "a" / "b" / "one" / "x").mkdir()
    btrfs.create_subvolume(place / "a" / "b" / "one" / "x" / "two")
    btrfs.create_subvolume(place / "three")
    btrfs.set_read_only(place / "a" / "b" / "one", True)
    assert len(btrfs.nested(place)) == 3
    for name in ("walk", "scandir", "listdir"):
        monkeypatch.setattr(os, name, None)
    backend.delete(share)
    monkeypatch.undo()
    assert not place.exists()
    assert list(backend.driver.pool.trash.iterdir()) == []


def test_a_share_with_subvolumes_inside_is_not_managed(backend: Backend) -> None:
    """Their data would be in nobody's size."""
    source = backend.driver.pool.root / f"old-{uuid.uuid4()}"
    btrfs.create_subvolume(source)
    btrfs.create_subvolume(source / "inside")
    share = new_share(export_locations=[{"path": str(source)}])
    with pytest.raises(errors.ManageInvalidShare, match="other subvolumes inside"):
        backend.driver.manage_existing(share, {})
    assert source.exists()


@pytest.mark.parametrize("nonempty", [False, True])
def test_a_wide_tree_is_read_once(
    place: Path, wall: Wall, monkeypatch: pytest.MonkeyPatch, nonempty: bool
) -> None:
    entries, reads = 3000, [0]
    real = walk._read

    def read(descriptor: int, position: int) -> list[walk.Entry]:
        reads[0] += 1
        found = real(descriptor, position)
        assert len(found) < 2000
        return found

    (place / "wide").mkdir()
    trees.wide(place / "wide", entries, nonempty)
    monkeypatch.setattr(walk, "_read", read)
    removed(place, "wide")
    own = 2 * entries if nonempty else 0  # each directory with something in it: until its end
    wall.attempt(f"{reads[0]} reads", reads[0] > own + entries // 100)
    wall.assert_held()


class Swap:
    """Replaces a directory by a link to another one, right before a walk enters it."""

    def __init__(self, directory: Path, outside: Path, patch: pytest.MonkeyPatch) -> None:
        self.directory, self.outside, self.real = directory, outside, walk.Climb.down
        self.swaps = 0
        patch.setattr(walk.Climb, "down", lambda climb, name: self.down(climb, name))

    def down(self, climb: walk.Climb, name: bytes) -> None:
        inside = Path(f"/proc/self/fd/{climb.descriptor}").resolve()
        if inside / os.fsdecode(name) == self.directory and not self.swaps:
            self.swaps = 1
            self.directory.rename(self.directory.with_name("moved"))
            self.directory.symlink_to(self.outside)
        self.real(climb, name)


@pytest.mark.parametrize("work", ["remove", "revert", "measure"])
def test_a_directory_that_becomes_a_link_leads_nowhere(
    backend: Backend, tmp_path: Path, wall: Wall, monkeypatch: pytest.MonkeyPatch, work: str
) -> None:
    share = backend.share()
    place = backend.driver.share_path(share["id"])
    outside = place / "outside"  # on the same device, or the walk would end there anyway
    for root in (place / "top" / "a", outside):
        (root / "b").mkdir(parents=True)
        (root / "b" / "file").write_bytes(b"x" * 8192)
    snapshot = backend.driver.snapshot_path(backend.snapshot(share)["id"])
    (outside / "b" / "file").write_bytes(b"precious" * 4096)
    (place / "top" / "a" / "b" / "file").write_bytes(b"y" * 8192)
    swap = Swap(place / "top" / "a", outside, monkeypatch)
    if work == "remove":
        removed(place, "top")
        assert not (place / "top").exists()
    elif work == "measure":
        directory = opened(place / "top")
        wall.attempt("measured through a link", walk.size(directory) > 8192)
        os.close(directory)
    else:
        revert.make_equal(snapshot / "top", place / "top")
        assert (place / "top" / "a" / "b" / "file").read_bytes() == b"x" * 8192
    assert swap.swaps
    changed = (outside / "b" / "file").read_bytes() != b"precious" * 4096
    wall.attempt(work, changed or len(list(outside.rglob("*"))) != 2)
    wall.assert_held()


def test_a_directory_that_is_moved_during_a_walk_takes_nothing_else_with_it(
    place: Path, wall: Wall
) -> None:
    """`..` of what the walk is in then leads to a directory that is none of its business."""
    trees.deep(place, 100, every=1)
    (place / "kept").mkdir()
    (place / "kept" / "file").write_text("kept")
    inner = Path(*["d"] * 60)
    moves = [0]

    def step() -> None:
        if not moves[0] and not (place / inner / Path(*["d"] * 39) / "f").exists():
            moves[0] = 1  # the walk is at the bottom
            (place / inner).rename(place / "kept" / "moved")

    removed(place, "d", step)
    assert moves[0]
    assert not (place / "d").exists()
    wall.attempt("a file beside the tree", not (place / "kept" / "file").exists())
    wall.assert_held()


def test_a_walk_stays_on_its_subvolume(backend: Backend, place: Path, wall: Wall) -> None:
    btrfs.create_subvolume(place / "inner")
    (place / "inner" / "file").write_bytes(b"x" * 8192)
    directory = opened(place)
    wall.attempt("measured", walk.size(directory) != 0)
    os.close(directory)
    with pytest.raises(OSError) as caught:
        removed(place, "inner")
    assert caught.value.errno == errno.EXDEV
    wall.attempt("deleted", not (place / "inner" / "file").exists())
    wall.assert_held()


def test_work_takes_at_most_half_a_core() -> None:
    """The process sleeps as long as it worked; its clock is the processor's."""
    worked, slept = 0.0, 0.0

    def sleep(seconds: float) -> None:
        nonlocal slept
        slept += seconds

    told: list[int] = []
    pace = aside.Pace(told.append, lambda: worked, sleep)
    for _ in range(100_000):
        worked += 0.0001
        pace()
    assert slept == pytest.approx(worked, rel=0.01)
    assert told == sorted(told) and len(told) == pytest.approx(2 * worked, abs=2)


@pytest.fixture
def _jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent.parent))


@pytest.mark.usefixtures("_jobs")
def test_work_aside_has_a_low_priority_and_a_process_of_its_own() -> None:
    nice, policy, process = aside.run(JOBS, "priority")
    assert (nice, policy) == (aside.NICE, os.SCHED_OTHER)
    assert process != os.getpid()
    assert aside.run(JOBS, "tell", "a path\nwith \udcff anything") == "a path\nwith \udcff anything"


@pytest.mark.usefixtures("_jobs")
def test_failures_of_work_aside() -> None:
    with pytest.raises(OSError, match="quota") as caught:
        aside.run(JOBS, "fail")
    assert caught.value.errno == errno.EDQUOT
    with pytest.raises(OSError, match="ended early: status -9"):
        aside.run(JOBS, "die")

    def cancel(entries: int) -> None:
        raise errors.ShareBackendException(msg="called off")

    with pytest.raises(errors.ShareBackendException, match="called off"):
        aside.run(JOBS, "work", progress=cancel)


@pytest.mark.usefixtures("_jobs")
def test_work_aside_ends_with_a_killed_caller() -> None:
    command = [sys.executable, "-m", JOBS, "caller"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as caller:
        assert caller.stdout is not None
        caller.stdout.readline()
        [child] = Path(f"/proc/{caller.pid}/task/{caller.pid}/children").read_text().split()
        ends = os.pidfd_open(int(child))
        caller.send_signal(signal.SIGKILL)
        caller.wait()

    assert select.select([ends], [], [], 30)[0]
    os.close(ends)


def test_a_path_may_be_removed_that_is_absent(tmp_path: Path) -> None:
    walk_jobs.remove(tmp_path / "nothing")
