"""A GlusterFS share behind the operator's own Ganesha: names do not lead to another share.

That server has no guard of abaca's, and does not check the names of NFSv3 requests.  So abaca's
exports there are for NFSv4 alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from attack import nfs4
from attack.canary import SECRET, build_arena, hostile, plant
from attack.conftest import Wall
from attack.nfs3 import Mount, Nfs3
from attack.nfs4 import GETFH, PUTROOTFH, SAVEFH, Nfs4, putfh
from glusterfs.kit import CONTEXT, Backend, rule
from glusterfs.lab import Lab

WALL = "GlusterFS: a name is one component"
pytestmark = pytest.mark.storage

PORT, MOUNT_PORT = 2049, 20048


class Scene:
    """Two directories of one volume: the attacker's share, and one that is open to nobody."""

    def __init__(self, lab: Lab) -> None:
        self.where = {"server": lab.machines[0].address, "source": lab.address}
        self.lab, self.backend = lab, Backend(lab, glusterfs_ganesha_nfsv3=False)
        self.backend.start()
        self.own, self.other = self.backend.share(), self.backend.share()
        self.backend.allow(self.own, rule(lab.address))
        self.name = f"/{self.own['name']}".encode()
        self.path = self.backend.root / self.own["name"]
        self.other_path = self.backend.root / self.other["name"]
        build_arena(self.path, self.other_path)
        plant(self.other_path)

    def hostile(self) -> dict[str, bytes]:
        """With the ways that lead to the other share if a server walks them."""
        there = b"../" + self.other["name"].encode()
        besides = {f"other share's {name}": there + b"/" + name for name in OUTSIDE}
        return {**hostile(self.other_path), **besides, "other share": there}

    def is_touched(self) -> bool:
        entries = sorted(path.name for path in self.other_path.iterdir())
        content = (self.other_path / "secret").read_bytes() if "secret" in entries else b""
        return (entries, content) != (["directory", "empty", "secret"], SECRET)

    def handles(self) -> tuple[bytes, bytes]:
        """Of the share's root and of its file, from an NFSv4 client."""
        with Nfs4(PORT, **self.where) as nfs:
            root = nfs.run(PUTROOTFH, nfs4.lookup(self.name[1:]), GETFH).handle
            file = nfs.run(putfh(root), nfs4.lookup(b"file"), GETFH).handle
        assert root and file
        return root, file


OUTSIDE = (b"secret", b"directory", b"empty", b"new")


@pytest.fixture(scope="module")
def scene(lab: Lab) -> Iterator[Scene]:
    scene = Scene(lab)
    yield scene
    for share in (scene.own, scene.other):
        scene.backend.delete(share)


def test_version_3_is_not_served(scene: Scene, wall: Wall) -> None:
    """Neither its MOUNT, nor a handle that came from NFSv4."""
    root, file = scene.handles()
    mounted = Mount(MOUNT_PORT, **scene.where).mnt(scene.name)
    wall.attempt("MNT", mounted.ok)
    nfs = Nfs3(PORT, **scene.where)
    for handle in (root, root + b"\0" * (-len(root) % 4)):
        for title, name in {**scene.hostile(), "file": b"file", "a new one": b"new"}.items():
            wall.attempt(f"LOOKUP of {title}", nfs.lookup(handle, name).ok)
            wall.attempt(f"CREATE of {title}", nfs.create(handle, name).ok)
            wall.attempt(f"REMOVE of {title}", nfs.remove(handle, name).ok)
            wall.attempt(f"RENAME of {title}", nfs.rename(handle, name, handle, b"taken").ok)
            wall.attempt(f"{title}: another share is touched", scene.is_touched())
    wall.attempt("READ", nfs.read(file).ok)
    assert Nfs4(PORT, **scene.where).run(putfh(file), nfs4.read()).ok, "it serves NFSv4"
    wall.assert_held()


@pytest.mark.parametrize("minor", [0, 1, 2])
def test_version_4_checks_names(scene: Scene, wall: Wall, minor: int) -> None:
    root, file = scene.handles()
    with Nfs4(PORT, minor, **scene.where) as nfs:
        here = putfh(root)
        attempts: dict[str, Callable[[bytes], nfs4.Answer]] = {
            "LOOKUP": lambda name: nfs.run(here, nfs4.lookup(name), GETFH),
            "LOOKUP and READ": lambda name: nfs.run(here, nfs4.lookup(name), nfs4.read()),
            "SECINFO": lambda name: nfs.run(here, nfs4.secinfo(name)),
            "OPEN": lambda name: nfs.run(here, nfs.open(name), GETFH, nfs4.read()),
            "OPEN and create": lambda name: nfs.run(
                here, nfs.open(name, nfs4.BOTH_ACCESS, create=True), GETFH
            ),
            "CREATE": lambda name: nfs.run(here, nfs4.create(name), GETFH),
            "LINK": lambda name: nfs.run(putfh(file), SAVEFH, here, nfs4.link(name)),
            "RENAME to": lambda name: nfs.run(here, SAVEFH, here, nfs4.rename(b"file", name)),
            "RENAME from": lambda name: nfs.run(here, SAVEFH, here, nfs4.rename(name, b"taken")),
            "REMOVE": lambda name: nfs.run(here, nfs4.remove(name)),
        }
        for procedure, attempt in attempts.items():
            for title, name in scene.hostile().items():
                nfs.rpc.replies.clear()
                answer = attempt(name)
                told = any(SECRET in reply for reply in nfs.rpc.replies)
                named = answer.ok and b"/" in name.partition(b"\0")[0]
                wall.attempt(f"{procedure} {title}", told or named or scene.is_touched())
            made = nfs.run(here, nfs.open(b"file", nfs4.BOTH_ACCESS, create=True), GETFH)
            assert made.ok, (procedure, made)
            file = made.handle
    wall.assert_held()


def test_an_older_export_for_version_3_is_closed_to_it_at_the_next_start(
    scene: Scene, wall: Wall
) -> None:
    older = Backend(scene.lab, glusterfs_ganesha_nfsv3=True)
    older.start()
    older.driver.ensure_shares(CONTEXT, [scene.own])
    nfs = Nfs3(PORT, **scene.where)
    root = Mount(MOUNT_PORT, **scene.where).mnt(scene.name).handle
    way_out = b"../" + scene.other["name"].encode() + b"/secret"
    secret = nfs.lookup(root, way_out).handle
    assert SECRET in nfs.read(secret).data, "so it is this option that closes the way"
    scene.backend.restart()
    scene.backend.driver.ensure_shares(CONTEXT, [scene.own])
    wall.attempt("MNT", Mount(MOUNT_PORT, **scene.where).mnt(scene.name).ok)
    wall.attempt("LOOKUP on a mounted share", nfs.lookup(root, way_out).ok)
    wall.attempt("READ of a file that is held", nfs.read(secret).ok)
    wall.assert_held()
