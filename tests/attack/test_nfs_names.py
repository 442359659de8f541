"""A name is one component, in every NFS procedure that takes one."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import pytest

from attack import nfs3, nfs4
from attack.canary import SECRET, Canary, build_arena, hostile, plant
from attack.conftest import Wall
from attack.nfs3 import Mount, Nfs3
from attack.nfs4 import GETFH, SAVEFH, Nfs4, putfh
from storage.kit import CONTEXT, Backend, new_share, rule, running, why_not

WALL = "NFS: a name is one component"
pytestmark = pytest.mark.storage

WRITER, READER, OTHER = "127.0.0.1", "127.0.0.2", "127.0.0.3"


@dataclass(frozen=True)
class Place:
    """A share, or a snapshot, and where a client's attempts begin."""

    name: str  # of the export
    path: Path
    arena: str  # a directory in it
    port: int
    mount_port: int
    source: str = WRITER
    is_writable: bool = True

    @property
    def directory(self) -> Path:
        return self.path / self.arena


class Scene:
    """A backend with shares of the attacker's, and one that he has no rule for, of the same server:
    so the server's own root does not hide it."""

    def __init__(self, backend: Backend, canary: Canary) -> None:
        self.backend, self.canary = backend, canary
        self._numbers = itertools.count(1)
        own, other = backend.share(), backend.share()
        self.seen_other = seen_path(backend, f"share-{other['id']}")
        self._rules = [rule(WRITER), rule(READER, "ro")]
        backend.allow(own, *self._rules)
        backend.allow(other, rule(OTHER))
        self.own, self.other = own, backend.driver.share_path(other["id"])
        plant(self.other)
        canary.watch(self.other)

    def share(self) -> Place:
        """The attacker's share, with an arena of its own for each caller."""
        return self._place(f"share-{self.own['id']}", self._path(self.own["id"]))

    def read_only(self) -> Place:
        """The same share through a rule for reading."""
        return replace(self.share(), source=READER, is_writable=False)

    def clone(self) -> Place:
        """A share from a snapshot."""
        snapshot = self.backend.snapshot(self.own)
        clone = new_share(snapshot_id=snapshot["id"])
        self.backend.driver.create_share_from_snapshot(CONTEXT, clone, snapshot)
        self.backend.allow(clone, rule(WRITER))
        return self._place(f"share-{clone['id']}", self._path(clone["id"]))

    def snapshot(self) -> Place:
        """A mountable snapshot; it holds the arena."""
        place = self.share()
        snapshot = self.backend.snapshot(self.own)
        update = self.backend.driver.snapshot_update_access
        update(CONTEXT, snapshot, [rule(WRITER, "ro")], [], [])
        path = self.backend.driver.snapshot_path(snapshot["id"])
        name = f"snapshot-{snapshot['id']}"
        ports = self.backend.nfs_port(name)
        return Place(name, path, place.arena, *ports, is_writable=False)

    def reverted(self) -> Place:
        """The share after a revert that brought the arena back."""
        place = self.share()
        snapshot = self.backend.snapshot(self.own)
        for path in place.directory.iterdir():
            if path.is_symlink():
                path.unlink()
        self.backend.driver.revert_to_snapshot(CONTEXT, snapshot, self._rules, [])
        return place

    def _path(self, identity: str) -> Path:
        return self.backend.driver.share_path(identity)

    def _place(self, name: str, path: Path) -> Place:
        arena = f"arena-{next(self._numbers)}"
        (path / arena).mkdir()
        build_arena(path / arena, self.seen_other)
        return Place(name, path, arena, *self.backend.nfs_port(name))


def seen_path(backend: Backend, name: str) -> Path:
    """Where the server sees the directory of an export: other exports of it are beside it."""
    place = backend.driver.exporter("NFS").shards.find(name)
    return Path(place.export.path)


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    reason = why_not("NFS")
    if reason:
        pytest.skip(reason)
    with Canary() as canary, running(local_nfs_lease=60) as backend:  # v4 clients here keep none
        yield Scene(backend, canary)


# --- the matrix -----------------------------------------------------------------------------------
class Answer(Protocol):
    @property
    def ok(self) -> bool: ...
    @property
    def handle(self) -> bytes: ...


Attempt = Callable[[bytes], Answer]  # a name; the answer


class Attacker3:
    """NFSv3: every procedure that takes a name."""

    def __init__(self, place: Place) -> None:
        mount = Mount(place.mount_port, source=place.source)
        self._nfs = Nfs3(place.port, source=place.source)
        self._root = mount.mnt(f"/{place.name}".encode()).handle
        self.replies = self._nfs.rpc.replies

    def is_own(self, handle: bytes) -> bool:
        return nfs3.is_in_share(handle, self._root)

    def attempts(self, place: Place) -> Mapping[str, Attempt]:
        nfs = self._nfs
        at = nfs.lookup(self._root, place.arena.encode()).handle
        file = nfs.lookup(at, b"file").handle
        assert at and file
        return {
            "LOOKUP": lambda name: nfs.lookup(at, name),
            "LOOKUP in the root": lambda name: nfs.lookup(self._root, name),
            "LINK": lambda name: nfs.link(file, at, name),
            "RENAME to": lambda name: nfs.rename(at, b"file", at, name),
            "RENAME from": lambda name: nfs.rename(at, name, at, b"renamed"),
            "CREATE unchecked": lambda name: nfs.create(at, name, 0, size=0),
            "CREATE guarded": lambda name: nfs.create(at, name, 1),
            "CREATE exclusive": lambda name: nfs.create(at, name, 2),
            "MKDIR": lambda name: nfs.mkdir(at, name),
            "SYMLINK": lambda name: nfs.symlink(at, name, b"/"),
            "MKNOD of a FIFO": lambda name: nfs.mknod(at, name, nfs3.FIFO),
            "MKNOD of a socket": lambda name: nfs.mknod(at, name, nfs3.SOCKET),
            "REMOVE": lambda name: nfs.remove(at, name),
            "RMDIR": lambda name: nfs.rmdir(at, name),
        }

    def use(self, handle: bytes) -> None:
        """Whatever the handle is of: read it, change it."""
        self._nfs.read(handle)
        self._nfs.readdir(handle)
        self._nfs.setattr(handle, mode=0o777)
        self._nfs.write(handle, b"changed")


class Attacker4:
    """NFSv4: every operation that takes a name."""

    def __init__(self, place: Place, minor: int) -> None:
        self._nfs = Nfs4(place.port, minor, source=place.source)
        self._root = self._nfs.run(nfs4.PUTROOTFH, nfs4.lookup(place.name.encode()), GETFH).handle
        self.replies = self._nfs.rpc.replies

    def is_own(self, handle: bytes) -> bool:
        return nfs3.is_in_share(handle, self._root)

    def attempts(self, place: Place) -> Mapping[str, Attempt]:
        nfs = self._nfs
        at = nfs.run(putfh(self._root), nfs4.lookup(place.arena.encode()), GETFH).handle
        file = nfs.run(putfh(at), nfs4.lookup(b"file"), GETFH).handle
        assert at and file
        here = putfh(at)
        return {
            "LOOKUP": lambda name: nfs.run(here, nfs4.lookup(name), GETFH),
            "LOOKUP in the root": lambda name: nfs.run(putfh(self._root), nfs4.lookup(name), GETFH),
            "LOOKUP in the pseudo root": lambda name: nfs.run(
                nfs4.PUTROOTFH, nfs4.lookup(name), GETFH
            ),
            "SECINFO": lambda name: nfs.run(here, nfs4.secinfo(name)),
            "LINK": lambda name: nfs.run(putfh(file), SAVEFH, here, nfs4.link(name)),
            "RENAME to": lambda name: nfs.run(here, SAVEFH, here, nfs4.rename(b"file", name)),
            "RENAME from": lambda name: nfs.run(here, SAVEFH, here, nfs4.rename(name, b"renamed")),
            "OPEN": lambda name: nfs.run(here, nfs.open(name), GETFH),
            "OPEN to write": lambda name: nfs.run(here, nfs.open(name, nfs4.BOTH_ACCESS), GETFH),
            "OPEN and create": lambda name: nfs.run(
                here, nfs.open(name, nfs4.BOTH_ACCESS, create=True), GETFH
            ),
            "CREATE of a directory": lambda name: nfs.run(here, nfs4.create(name), GETFH),
            "CREATE of a link": lambda name: nfs.run(
                here, nfs4.create(name, nfs4.LINK_TYPE, b"/"), GETFH
            ),
            "CREATE of a socket": lambda name: nfs.run(here, nfs4.create(name, nfs4.SOCKET), GETFH),
            "REMOVE": lambda name: nfs.run(here, nfs4.remove(name)),
        }

    def use(self, handle: bytes) -> None:
        """Whatever the handle is of: read it, list it, change it."""
        self._nfs.run(putfh(handle), nfs4.read())
        self._nfs.run(putfh(handle), nfs4.readdir())
        self._nfs.run(putfh(handle), nfs4.setattr_mode(0o777))


KINDS: Mapping[str, Callable[[Scene], Place]] = {
    "a share": Scene.share,
    "a share, reading only": Scene.read_only,
    "a clone": Scene.clone,
    "a mountable snapshot": Scene.snapshot,
    "a share after a revert": Scene.reverted,
}


@pytest.mark.parametrize("kind", KINDS)
def test_version_3(scene: Scene, wall: Wall, kind: str) -> None:
    place = KINDS[kind](scene)
    try_everything(scene, wall, f"v3 on {kind}", place, Attacker3(place))


@pytest.mark.parametrize(
    ("kind", "minor"), [*((kind, 1) for kind in KINDS), ("a share", 0), ("a share", 2)]
)
def test_version_4(scene: Scene, wall: Wall, kind: str, minor: int) -> None:
    place = KINDS[kind](scene)
    try_everything(scene, wall, f"v4.{minor} on {kind}", place, Attacker4(place, minor))


def try_everything(
    scene: Scene, wall: Wall, what: str, place: Place, attacker: Attacker3 | Attacker4
) -> None:
    """Every procedure with every name, from the place's arena."""
    watched = [scene.other] if place.is_writable else [scene.other, place.path]
    scene.canary.watch(*watched)
    for procedure, attempt in attacker.attempts(place).items():
        for title, name in hostile(scene.canary.directory, scene.seen_other).items():
            attacker.replies.clear()
            answer = attempt(name)
            if answer.handle:
                attacker.use(answer.handle)
            wall.attempt(
                f"{what}: {procedure} {title}",
                scene.canary.is_touched()
                or any(SECRET in reply for reply in attacker.replies)
                or (answer.ok and names_another_place(name))
                or (answer.handle != b"" and not attacker.is_own(answer.handle)),
            )
        if place.is_writable:
            build_arena(place.directory, scene.seen_other)
    for procedure in {"LOOKUP", "OPEN"} & set(attacker.attempts(place)):
        assert attacker.attempts(place)[procedure](b"file").ok, "the server does not serve any more"
    wall.assert_held()


def names_another_place(name: bytes) -> bool:
    """The server sees a name up to its first NUL."""
    return b"/" in name.partition(b"\0")[0]
