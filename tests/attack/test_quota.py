"""A share never holds more than its size, whatever is done with it in whatever order."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from abaca.drivers import walk
from abaca.drivers.contract import errors
from abaca.drivers.local import btrfs, manage, pool, shares, snapshots
from abaca.drivers.local.quota import INHERITED
from attack.conftest import Wall
from storage import kit
from storage.kit import CONTEXT, Backend, new_share

WALL = "a share holds no more than its size"
pytestmark = pytest.mark.storage

MIB = 1 << 20
UNIT = 24 * MIB  # stands for a GiB, which would take long to fill
SLACK = 3 * MIB  # directories and what clients had in flight
HERE = kit.rule("127.0.0.1")


@pytest.fixture(scope="module", params=["full", "simple"])
def backend(request: pytest.FixtureRequest) -> Iterator[Backend]:
    if reason := kit.why_not("NFS"):
        pytest.skip(reason)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pool, "SMALLEST_GIB", 1)
        for module in (shares, snapshots, manage):
            patch.setattr(module, "GIB", UNIT)
        with kit.running(local_quota_mode=request.param) as backend:
            assert backend.driver.pool.quota.simple == (request.param == "simple")
            yield backend


def path_of(backend: Backend, share: Any) -> Path:
    return backend.driver.share_path(share["id"])


def readable(path: Path) -> int:
    btrfs.commit(path)
    with btrfs.opened(path) as descriptor:
        return walk.size(descriptor)


def fill(directory: Path, at_most: int = 1 << 40) -> None:
    """Write until the quota says no."""
    try:
        with (directory / secrets.token_hex(4)).open("wb", buffering=0) as file:
            while at_most > 0:
                at_most -= file.write(os.urandom(min(at_most, MIB)))
            os.fsync(file.fileno())
    except OSError as problem:
        if problem.errno not in (errno.EDQUOT, errno.ENOSPC):
            raise


def test_fill_snapshot_clone_and_again(backend: Backend, wall: Wall) -> None:
    share = backend.share(size=1)
    for generation in range(3):
        fill(path_of(backend, share))
        held = readable(path_of(backend, share))
        assert held > UNIT // 2  # it can be filled
        wall.attempt(f"generation {generation}: {held / MIB:.0f} MiB", held > UNIT + SLACK)
        clone = new_share(size=1)
        backend.driver.create_share_from_snapshot(CONTEXT, clone, backend.snapshot(share))
        share = clone
    wall.assert_held()


def test_a_clone_that_was_enlarged(backend: Backend, wall: Wall) -> None:
    share = backend.share(size=1)
    fill(path_of(backend, share))
    clone = new_share(size=2)
    backend.driver.create_share_from_snapshot(CONTEXT, clone, backend.snapshot(share))
    fill(path_of(backend, clone))
    held = readable(path_of(backend, clone))
    wall.attempt("a larger clone", held > 2 * UNIT + SLACK)
    assert held > 2 * UNIT - SLACK
    backend.driver.extend_share(clone, 3)
    fill(path_of(backend, clone))
    held = readable(path_of(backend, clone))
    wall.attempt("extended", held > 3 * UNIT + SLACK)
    assert held > 3 * UNIT - SLACK
    with pytest.raises(errors.ShareShrinkingPossibleDataLoss):
        backend.driver.shrink_share(clone.replace(size=3), 2)
    fill(path_of(backend, clone))
    wall.attempt("refused to shrink", readable(path_of(backend, clone)) > 3 * UNIT + SLACK)
    wall.assert_held()


def test_writing_during_a_revert(backend: Backend, wall: Wall) -> None:
    share = backend.share(size=1)
    backend.allow(share, HERE)
    path = path_of(backend, share)
    fill(path, UNIT // 2)
    snapshot = backend.snapshot(share)
    for file in path.iterdir():
        file.unlink()
    fill(path, UNIT // 4)
    with writing(backend, share):
        for _ in range(3):
            backend.driver.revert_to_snapshot(CONTEXT, snapshot, [HERE], [])
            held = readable(path)
            wall.attempt(f"{held / MIB:.0f} MiB", held > UNIT + SLACK)
    assert backend.driver.pool.quota.size(path) == UNIT
    with backend.mount(share) as client:
        client.unlink(f"/{next(path.glob('w*')).name}") if list(path.glob("w*")) else None
    wall.assert_held()


def test_a_client_cannot_write_while_its_share_is_reverted(
    backend: Backend, wall: Wall, monkeypatch: pytest.MonkeyPatch
) -> None:
    share = backend.share(size=1)
    backend.allow(share, HERE)
    snapshot = backend.snapshot(share)
    real = snapshots.revert.run
    with backend.mount(share) as client:
        client.write("/before", b"1")
        opened = client.open("/before", os.O_WRONLY)

        def run(*arguments: Any) -> None:
            tries = {
                "create": lambda: client.write("/new", b"2"),
                "write to an open file": lambda: opened.write(b"3"),
                "mkdir": lambda: client.mkdir("/dir"),
            }
            for what, call in tries.items():
                wall.attempt(what, kit.errno_of(call) != errno.EROFS)
            real(*arguments)

        monkeypatch.setattr(snapshots.revert, "run", run)
        backend.driver.revert_to_snapshot(CONTEXT, snapshot, [HERE], [])
        opened.close()
        client.write("/after", b"it is writable again")
    wall.assert_held()


def test_a_failed_revert_leaves_size_and_rules_as_they_were(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    share = backend.share(size=2)
    backend.allow(share, HERE)
    snapshot = backend.snapshot(share)

    def fail(*arguments: Any) -> None:
        raise OSError(errno.EIO, "the disk is broken")

    monkeypatch.setattr(snapshots.revert, "run", fail)
    with pytest.raises(OSError, match="broken"):
        backend.driver.revert_to_snapshot(CONTEXT, snapshot, [HERE], [])
    assert backend.driver.pool.quota.size(path_of(backend, share)) == 2 * UNIT
    with backend.mount(share) as client:
        client.write("/x", b"writable")


def test_an_emptied_share_can_be_filled_again_though_a_snapshot_holds_its_data(
    backend: Backend,
) -> None:
    """With full quotas, the default."""
    if backend.driver.pool.quota.simple:
        pytest.skip("simple quotas charge a share for what its snapshots hold")
    share = backend.share(size=1)
    path = path_of(backend, share)
    fill(path)
    backend.snapshot(share)
    for file in path.iterdir():
        file.unlink()
    btrfs.commit(path)
    assert backend.driver.pool.quota.used(path) < SLACK
    fill(path, UNIT // 2)
    assert readable(path) == UNIT // 2


@contextlib.contextmanager
def writing(backend: Backend, share: Any) -> Iterator[None]:
    """A client that writes new files as fast as it can, all the time."""
    stop = threading.Event()
    done: list[BaseException] = []

    def work() -> None:
        try:
            with backend.mount(share) as client:
                number = 0
                while not stop.is_set():
                    number += 1
                    with contextlib.suppress(OSError):
                        client.write(f"/w{number}", os.urandom(256 * 1024))
        except BaseException as problem:
            done.append(problem)
            raise

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
    assert not done


class Operations(RuleBasedStateMachine):
    """Everything that a tenant can ask for and a client can do, in any order."""

    backend: Backend
    wall: Wall

    def __init__(self) -> None:
        super().__init__()
        first = self.backend.share(size=1)
        self.backend.allow(first, HERE)
        self.shares = [first]
        self.taken: list[Any] = []

    def chosen(self, number: int) -> Any:
        return self.shares[number % len(self.shares)]

    def resized(self, share: Any, size: int) -> None:
        self.shares[self.shares.index(share)] = share.replace(size=size)

    @rule(number=st.integers(0, 3))
    def fill(self, number: int) -> None:
        fill(path_of(self.backend, self.chosen(number)))

    @rule(number=st.integers(0, 3), part=st.integers(1, 4))
    def write(self, number: int, part: int) -> None:
        fill(path_of(self.backend, self.chosen(number)), UNIT // 4 * part)

    @rule(number=st.integers(0, 3), keep=st.integers(0, 1))
    def delete(self, number: int, keep: int) -> None:
        for file in sorted(path_of(self.backend, self.chosen(number)).iterdir())[keep:]:
            file.unlink()

    @rule(number=st.integers(0, 3))
    def snapshot(self, number: int) -> None:
        share = self.chosen(number)
        self.taken.append((share["id"], self.backend.snapshot(share)))

    @precondition(lambda self: self.taken and len(self.shares) < 4)
    @rule(number=st.integers(0, 9), more=st.integers(0, 1))
    def clone(self, number: int, more: int) -> None:
        _, snapshot = self.taken[number % len(self.taken)]
        share = new_share(size=snapshot["size"] + more)
        self.backend.driver.create_share_from_snapshot(CONTEXT, share, snapshot)
        self.backend.allow(share, HERE)
        self.shares.append(share)

    @precondition(lambda self: self.taken)
    @rule(number=st.integers(0, 9), client=st.booleans())
    def revert(self, number: int, client: bool) -> None:
        owner, snapshot = self.taken[number % len(self.taken)]
        [share] = [share for share in self.shares if share["id"] == owner]
        with writing(self.backend, share) if client else contextlib.nullcontext():
            now = snapshot.replace(share=share)
            self.backend.driver.revert_to_snapshot(CONTEXT, now, [HERE], [])
        self.resized(share, snapshot["size"])

    @rule(number=st.integers(0, 3))
    def extend(self, number: int) -> None:
        share = self.chosen(number)
        if share["size"] < 3:
            self.backend.driver.extend_share(share, share["size"] + 1)
            self.resized(share, share["size"] + 1)

    @rule(number=st.integers(0, 3))
    def shrink(self, number: int) -> None:
        share = self.chosen(number)
        if share["size"] > 1:
            with contextlib.suppress(errors.ShareShrinkingPossibleDataLoss):
                self.backend.driver.shrink_share(share, share["size"] - 1)
                self.resized(share, share["size"] - 1)

    @invariant()
    def no_share_holds_more_than_its_size(self) -> None:
        for share in self.shares:
            path = path_of(self.backend, share)
            held, size = readable(path), share["size"] * UNIT
            self.wall.attempt(f"{held / MIB:.1f} MiB", held > size + SLACK)
            assert held <= size + SLACK
            assert self.backend.driver.pool.quota.size(path) == share["size"] * UNIT

    def teardown(self) -> None:
        for share in self.shares:
            self.backend.delete(share)
        for _, snapshot in self.taken:
            self.backend.driver.delete_snapshot(CONTEXT, snapshot)


def test_any_sequence(backend: Backend, wall: Wall) -> None:
    given = {"backend": backend, "wall": wall}
    case = type("Given", (Operations,), given).TestCase
    case.settings = settings(
        max_examples=10,
        stateful_step_count=12,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    case().runTest()
    wall.assert_held()


def test_a_clone_of_an_earlier_version_gets_its_limit_at_the_start(
    backend: Backend, wall: Wall
) -> None:
    """It lacks the attribute that says what it began with."""
    share = backend.share(size=1)
    fill(path_of(backend, share))
    clone = new_share(size=1)
    backend.driver.create_share_from_snapshot(CONTEXT, clone, backend.snapshot(share))
    with contextlib.suppress(OSError):
        os.removexattr(path_of(backend, clone), INHERITED)
    btrfs.set_limit(path_of(backend, clone), UNIT)
    backend.driver.ensure_shares(CONTEXT, [clone])
    fill(path_of(backend, clone))
    wall.attempt("fill it", readable(path_of(backend, clone)) > UNIT + SLACK)
    wall.assert_held()


SHARER = """
import ctypes, errno, fcntl, os, struct, sys
from abaca.drivers.confine import seccomp
ctypes.CDLL(None).prctl(38, 1, 0, 0, 0)  # no new privileges
source, target = (os.open(path, os.O_RDWR | os.O_CREAT, 0o600) for path in sys.argv[1:])
length = os.fstat(source).st_size
tries = {
    "copy_file_range": lambda: os.copy_file_range(source, target, length, 0, 0),
    "FICLONE": lambda: fcntl.ioctl(target, 0x40049409, source),
    "FICLONERANGE": lambda: fcntl.ioctl(
        target, 0x4020940D, struct.pack("<qQQQ", source, 0, length, 0)
    ),
}
if sys.stdin.read() == "refuse":
    seccomp.refuse()
for what, call in tries.items():
    try:
        call()
        print(what)
    except OSError as problem:
        if problem.errno not in (errno.ENOSYS, errno.EOPNOTSUPP):
            raise
"""


def test_a_confined_server_cannot_share_data_between_shares(backend: Backend, wall: Wall) -> None:
    """btrfs counts shared data when it commits, and does not ask the limit before.  Without this
    Samba's server-side copy shares it."""
    shares_ = [path_of(backend, backend.share(size=1)) for _ in range(2)]
    for path in shares_:
        fill(path, UNIT - MIB)
        next(path.iterdir()).rename(path / "data")

    def through(filtered: str) -> list[str]:
        command = [sys.executable, "-c", SHARER, shares_[0] / "data", shares_[1] / "more"]
        done = subprocess.run(command, input=filtered, capture_output=True, text=True, check=True)
        return done.stdout.split()

    wall.attempt("with the filter", through("refuse") != [])
    wall.attempt("what is there then", readable(shares_[1]) > UNIT + SLACK)
    assert len(through("")) == 3  # the attack is a real one
    wall.assert_held()
