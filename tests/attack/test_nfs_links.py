"""A symbolic link in a share leads nowhere, not even while it takes the place of a file."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from abaca.drivers.confine import mounts
from attack import nfs3, nfs4
from attack.canary import SECRET, Canary, plant
from attack.conftest import Wall
from attack.nfs3 import Mount, Nfs3
from attack.nfs4 import GETFH, SAVEFH, Nfs4, putfh
from attack.test_nfs_names import seen_path
from storage.kit import Backend, rule, running, why_not

WALL = "NFS: links lead nowhere"
pytestmark = pytest.mark.storage

ROUNDS = 100  # of each procedure
AT_FDCWD, RENAME_EXCHANGE = -100, 2


class Target:
    """A share, and another one of the same server that links may lead to: its own root hides all
    that is outside."""

    def __init__(self, backend: Backend, canary: Canary) -> None:
        share, other = backend.share(), backend.share()
        backend.allow(share, rule("127.0.0.1"))
        self.name = f"share-{share['id']}"
        self.port, mount_port = backend.nfs_port(self.name)
        self.nfs = Nfs3(self.port, seconds=1)  # Ganesha drops some calls in a race
        self.root = Mount(mount_port).mnt(f"/{self.name}".encode()).handle
        self.path = backend.driver.share_path(share["id"])
        self.canary = canary
        other_path = backend.driver.share_path(other["id"])
        plant(other_path)
        canary.watch(other_path)
        self.outside = seen_path(backend, f"share-{other['id']}")

    def attempt(self, wall: Wall, what: str, replies: list[bytes]) -> None:
        """Judge what was done since the last attempt."""
        told = any(SECRET in reply for reply in replies)
        replies.clear()
        wall.attempt(what, told or self.canary.is_touched())


@pytest.fixture(scope="module")
def backend() -> Iterator[Backend]:
    """Its mounts follow links: the guard has to hold without the other wall (test_confinement)."""
    reason = why_not("NFS")
    if reason:
        pytest.skip(reason)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mounts, "NO_LINKS", 0)
        with running(local_nfs_lease=60) as backend:
            yield backend


@pytest.fixture
def target(backend: Backend) -> Iterator[Target]:
    with Canary() as canary:
        yield Target(backend, canary)


@pytest.mark.parametrize("kind", [nfs3.SOCKET, nfs3.FIFO])
def test_a_link_in_the_place_of_a_special_file(target: Target, wall: Wall, kind: int) -> None:
    """Ganesha changes sockets by their name, which may be another file's by then."""
    nfs, root = target.nfs, target.root
    special = nfs.mknod(root, b"special", kind).handle
    assert nfs.rename(root, b"special", root, b"moved").ok
    assert nfs.symlink(root, b"special", bytes(target.outside / "secret")).ok
    for what, given in {
        "mode": {"mode": 0o777},
        "size": {"size": 0},
        "time": {"now": True},
    }.items():
        nfs.setattr(special, **given)
        target.attempt(wall, f"{what} of a file of kind {kind}", nfs.rpc.replies)
    wall.assert_held()


_LIBC = ctypes.CDLL(None)
Procedure = Callable[[Target, Nfs4], object]
IN_A_RACE: dict[str, Procedure] = {
    "CREATE": lambda t, _: t.nfs.create(t.root, b"file", 0, size=0, mode=0o777),
    "LOOKUP and READ": lambda t, _: t.nfs.read(t.nfs.lookup(t.root, b"file").handle),
    "LOOKUP and WRITE": lambda t, _: t.nfs.write(t.nfs.lookup(t.root, b"file").handle, b"changed"),
    "OPEN and READ": lambda t, nfs: nfs.run(
        putfh(t.root), nfs.open(b"file", nfs4.BOTH_ACCESS), GETFH, nfs4.read()
    ),
    "OPEN to create": lambda t, nfs: nfs.run(
        putfh(t.root), nfs.open(b"file", nfs4.BOTH_ACCESS, create=True), nfs4.setattr_mode(0o777)
    ),
    "LINK": lambda t, _: t.nfs.link(t.nfs.lookup(t.root, b"file").handle, t.root, b"linked"),
    "RENAME": lambda t, _: t.nfs.rename(t.root, b"file", t.root, b"linked"),
    "MKDIR below": lambda t, _: t.nfs.mkdir(t.nfs.lookup(t.root, b"directory").handle, b"new"),
    "REMOVE below": lambda t, _: t.nfs.remove(t.nfs.lookup(t.root, b"directory").handle, b"secret"),
    "RMDIR below": lambda t, _: t.nfs.rmdir(t.nfs.lookup(t.root, b"directory").handle, b"empty"),
    "CREATE below": lambda t, _: t.nfs.create(t.nfs.lookup(t.root, b"directory").handle, b"new"),
    "OPEN below": lambda t, nfs: nfs.run(
        putfh(t.root), nfs4.lookup(b"directory"), nfs.open(b"secret"), GETFH, nfs4.read()
    ),
    "RENAME into": lambda t, nfs: nfs.run(
        putfh(t.root), SAVEFH, nfs4.lookup(b"directory"), nfs4.rename(b"linked", b"new")
    ),
}


@pytest.mark.parametrize("procedure", IN_A_RACE)
def test_while_it_takes_the_place_of_a_file_or_a_directory(
    target: Target, wall: Wall, procedure: str
) -> None:
    run = IN_A_RACE[procedure]
    with swapping(target), Nfs4(target.port) as nfs4_client:
        for _ in range(ROUNDS):
            run(target, nfs4_client)
            replies = target.nfs.rpc.replies + nfs4_client.rpc.replies
            target.nfs.rpc.replies.clear()
            nfs4_client.rpc.replies.clear()
            target.attempt(wall, procedure, replies)
    assert target.nfs.lookup(target.root, b".").ok, "the server does not serve any more"
    wall.assert_held()


@contextmanager
def swapping(target: Target) -> Iterator[None]:
    """Links out of the share take the places of `file` and `directory`, and go, as fast as can be:
    below the server, which then cannot even keep its cache in step, as a client could not."""
    links = {"file": target.outside / "secret", "directory": target.outside}
    done = threading.Event()

    def swap() -> None:
        while not done.is_set():
            for name in links:
                exchange(target.path / name, target.path / f"link-{name}")

    (target.path / "file").touch()
    (target.path / "directory").mkdir()
    for name, there in links.items():
        (target.path / f"link-{name}").symlink_to(there)
    thread = threading.Thread(target=swap)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def exchange(one: Path, other: Path) -> None:
    """At one moment.  One may be missing: the attacker removes and renames it, too."""
    _LIBC.renameat2(AT_FDCWD, bytes(one), AT_FDCWD, bytes(other), RENAME_EXCHANGE)
