"""Whoever asks is told of the shares that have a rule for him, and gets the roots of those."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from attack import nfs4
from attack.conftest import Wall
from attack.nfs3 import Mount, is_in_share
from attack.nfs4 import GETFH, PUTROOTFH, Nfs4, putfh
from storage.kit import CONTEXT, Backend, rule, running, why_not

WALL = "NFS: nobody is told what exists for others"
pytestmark = pytest.mark.storage

OWNER, NEIGHBOUR, STRANGER = "127.0.0.1", "127.0.0.3", "127.0.0.9"
NOWHERE = b"/share-00000000-0000-0000-0000-000000000000"


class Scene:
    """A share each of OWNER and NEIGHBOUR, one of nobody, and a snapshot of the neighbour's."""

    def __init__(self, backend: Backend) -> None:
        own, other, denied = backend.share(), backend.share(), backend.share()
        backend.allow(own, rule(OWNER))
        backend.allow(other, rule(NEIGHBOUR), rule("10.11.12.0/24"))
        backend.allow(denied)
        snapshot = backend.snapshot(other)
        update = backend.driver.snapshot_update_access
        update(CONTEXT, snapshot, [rule(NEIGHBOUR, "ro")], [], [])
        (backend.driver.share_path(own["id"]) / "inner").mkdir()
        (backend.driver.share_path(own["id"]) / "link").symlink_to("/")
        (backend.driver.share_path(own["id"]) / "link-up").symlink_to("..")
        self.own = f"share-{own['id']}"
        self.others = [f"share-{share['id']}" for share in (other, denied)]
        self.others.append(f"snapshot-{snapshot['id']}")
        self.port, self.mount_port = backend.nfs_port(self.own)
        self.paths = [str(backend.driver.share_path(share["id"])) for share in (own, other, denied)]
        Mount(self.mount_port, source=NEIGHBOUR).mnt(f"/{self.others[0]}".encode())

    def names_of_others(self, seen_by: str) -> list[bytes]:
        """What this client may not be told."""
        hidden = {OWNER: self.others, NEIGHBOUR: [self.own, self.others[1]]}
        words = hidden.get(seen_by, [self.own, *self.others])
        return [word.encode() for word in words] + (
            [] if seen_by == NEIGHBOUR else [NEIGHBOUR.encode(), b"10.11.12.0"]
        )


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    """Without the firewall, which would not even let the stranger connect (test_connections)."""
    reason = why_not("NFS")
    if reason:
        pytest.skip(reason)
    with running(local_firewall=False) as backend:
        yield Scene(backend)


@pytest.mark.parametrize("client", [OWNER, NEIGHBOUR, STRANGER])
def test_what_mount_tells(scene: Scene, wall: Wall, client: str) -> None:
    """As `showmount -e` and `showmount -a` ask, in each version of MOUNT."""
    mount = Mount(scene.mount_port, source=client)
    told = mount.exports()
    if client == OWNER:
        assert list(told) == [f"/{scene.own}".encode()], "it tells whom a share is open to"
    mount.mounted()
    for version in (1, 2, 3):
        old = Mount(scene.mount_port, version=version, source=client)
        for procedure in range(8):
            old.call(procedure)
        mount.rpc.replies.extend(old.rpc.replies)
    for word in scene.names_of_others(client):
        wall.attempt(f"{word!r} to {client}", any(word in reply for reply in mount.rpc.replies))
    wall.assert_held()


@pytest.mark.parametrize("minor", [0, 1, 2])
@pytest.mark.parametrize("client", [OWNER, NEIGHBOUR, STRANGER])
def test_what_the_pseudo_root_tells(scene: Scene, wall: Wall, client: str, minor: int) -> None:
    with Nfs4(scene.port, minor, source=client) as nfs:
        listing = nfs.run(PUTROOTFH, nfs4.readdir())
        assert listing.ok
        for word in scene.names_of_others(client):
            wall.attempt(f"READDIR tells {word!r}", word in listing.data)
        absent = nfs.run(PUTROOTFH, nfs4.lookup(NOWHERE[1:]), GETFH)
        for name in scene.names_of_others(client):
            for what, ask in {
                "LOOKUP": nfs.run(PUTROOTFH, nfs4.lookup(name), GETFH),
                "SECINFO": nfs.run(PUTROOTFH, nfs4.secinfo(name)),
                "OPEN": nfs.run(PUTROOTFH, nfs.open(name), GETFH),
            }.items():
                wall.attempt(f"{what} of {name!r}", ask.ok)
                if what == "LOOKUP":
                    wall.attempt(f"{what} of {name!r} differs", ask.status != absent.status)
    wall.assert_held()


def test_the_pseudo_root_cannot_be_changed(scene: Scene, wall: Wall) -> None:
    with Nfs4(scene.port) as nfs:
        root = nfs.run(PUTROOTFH, GETFH).handle
        own = scene.own.encode()
        for what, answer in {
            "CREATE": nfs.run(putfh(root), nfs4.create(b"new")),
            "link": nfs.run(putfh(root), nfs4.create(b"new", nfs4.LINK_TYPE, b"/etc")),
            "OPEN": nfs.run(putfh(root), nfs.open(b"new", nfs4.BOTH_ACCESS, create=True)),
            "REMOVE": nfs.run(putfh(root), nfs4.remove(own)),
            "RENAME": nfs.run(putfh(root), nfs4.SAVEFH, nfs4.rename(own, b"new")),
            "SETATTR": nfs.run(putfh(root), nfs4.setattr_mode(0o777)),
        }.items():
            wall.attempt(what, answer.ok)
    wall.assert_held()


@pytest.mark.parametrize("client", [OWNER, STRANGER])
def test_mount_gives_roots_of_own_exports(scene: Scene, wall: Wall, client: str) -> None:
    own = b"/" + scene.own.encode()
    mount = Mount(scene.mount_port, source=client)
    root = mount.mnt(own).handle
    assert bool(root) == (client == OWNER)
    absent = mount.mnt(NOWHERE).status
    for path in hostile_paths(scene, own):
        answer = mount.mnt(path)
        is_own = bool(root) and is_in_share(answer.handle, root)
        wall.attempt(f"MNT {path[:80]!r}", answer.ok and not is_own)
    for name in scene.names_of_others(client):
        wall.attempt(f"MNT of {name!r} differs", mount.mnt(b"/" + name).status != absent)
    assert mount.mnt(own).ok == bool(root), "the server does not serve any more"
    wall.assert_held()


def hostile_paths(scene: Scene, own: bytes) -> list[bytes]:
    others = [b"/" + name.encode() for name in scene.others]
    below = [b"/..", b"/../", b"/../..", b"/../../../../../../etc", b"/link", b"/link/etc"]
    below += [b"/link-up", b"/link-up/..", b"/inner/../..", b"/inner/../../etc", b"//", b"/."]
    below += [b"/.." + other for other in others] + [b"/../.." + other for other in others]
    plain = [
        b"",
        b"/",
        b"//",
        b".",
        b"..",
        b"/.",
        b"/..",
        b"/etc",
        b"/etc/shadow",
        b"etc",
        b"/proc",
    ]
    plain += [b"/proc/self/root", b"/" + b"../" * 300, b"/" + b"n" * 1000, b"n" * 1024, b"\xff"]
    return [
        *plain,
        *others,
        *(path.encode() for path in scene.paths),
        *(own + path for path in below),
        *(own[:length] for length in range(1, len(own), 7)),
        own + b"x",
        own + b"\0/../../etc",
        b"/etc\0" + own,
        own.upper(),
        b"/" + own,
        own[1:],
        b"\0",
    ]
