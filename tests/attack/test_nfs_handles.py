"""File handles that a hostile client makes up, or remembers, lead to its own export only."""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from attack import nfs4
from attack.canary import SECRET, Canary, plant
from attack.conftest import Wall
from attack.nfs3 import Mount, Nfs3
from attack.nfs4 import GETFH, LOOKUPP, Nfs4, putfh
from storage.kit import Backend, rule

WALL = "NFS: a handle opens files of its own export"
pytestmark = pytest.mark.storage

AT_FDCWD, MAX_HANDLE_BYTES = -100, 128
FIRST_INODE, TOP_SUBVOLUME = 256, 5
BTRFS, BTRFS_WITH_PARENT, BTRFS_WITH_PARENT_ROOT = 0x4D, 0x4E, 0x4F


class Scene:
    """A share that is let in, with a file in it, and one that was and is not any more."""

    def __init__(self, backend: Backend, canary: Canary) -> None:
        own, other = backend.share(), backend.share()
        self.canary = canary
        self.path = backend.driver.share_path(own["id"])
        self.other_path = backend.driver.share_path(other["id"])
        for share, path in ((own, self.path), (other, self.other_path)):
            backend.allow(share, rule("127.0.0.1"))
            plant(path)
        (self.path / "secret").write_bytes(b"own")
        self.port, mount_port = backend.nfs_port(f"share-{own['id']}")
        self.nfs, mount = Nfs3(self.port), Mount(mount_port)
        self.root, self.other_root = (
            mount.mnt(f"/share-{share['id']}".encode()).handle for share in (own, other)
        )
        self.file = self.nfs.lookup(self.root, b"secret").handle
        self.other_file = self.nfs.lookup(self.other_root, b"secret").handle
        assert SECRET in self.nfs.read(self.other_file).data
        backend.allow(other)
        canary.watch(self.other_path)

    def attempt(self, wall: Wall, what: str, handle: bytes) -> None:
        """Whatever can be done with a handle, over v3 and v4."""
        nfs, bare = self.nfs, handle
        handle = as_version_3(handle)
        nfs.rpc.replies.clear()
        nfs.read(handle), nfs.readdir(handle), nfs.readdir(handle, plus=True)
        below = nfs.lookup(handle, b"secret").handle
        nfs.read(below), nfs.write(below, b"changed"), nfs.write(handle, b"changed")
        nfs.setattr(handle, mode=0o777), nfs.create(handle, b"new"), nfs.remove(handle, b"secret")
        nfs.link(self.file, handle, b"new"), nfs.rename(handle, b"secret", self.root, b"taken")
        nfs.link(handle, self.root, b"linked")
        nfs.read(nfs.lookup(nfs.lookup(handle, b"..").handle, b"secret").handle)
        with Nfs4(self.port) as four:
            four.run(putfh(bare), nfs4.read())
            four.run(putfh(bare), nfs4.readdir())
            four.run(putfh(bare), four.open(b"secret"), GETFH, nfs4.read())
            four.run(putfh(bare), LOOKUPP, nfs4.readdir())
            four.run(putfh(bare), LOOKUPP, nfs4.lookup(b"secret"), nfs4.read())
            replies = nfs.rpc.replies + four.rpc.replies
        through = any(SECRET in reply for reply in replies) or self.canary.is_touched()
        wall.attempt(what, through or self._has_taken("taken") or self._has_taken("linked"))

    def _has_taken(self, name: str) -> bool:
        """Whether a file of others was renamed or linked into the share."""
        path = self.path / name
        content = path.read_bytes() if path.is_file() else b""
        path.unlink(missing_ok=True)
        return content not in (b"", b"own", b"changed")

    def is_up(self) -> bool:
        return self.nfs.read(self.file).ok


@pytest.fixture
def scene(backend: Backend) -> Iterator[Scene]:
    with Canary() as canary:
        yield Scene(backend, canary)


def test_handles_of_a_share_that_is_denied_by_now(scene: Scene, wall: Wall) -> None:
    own, other = scene.file, scene.other_file
    for title, theirs in (("a file", other), ("the root", scene.other_root)):
        scene.attempt(wall, title, theirs)
        scene.attempt(wall, f"{title}, with the own export's id", own[:4] + theirs[4:])
        scene.attempt(wall, f"{title}, from the kind of file system on", own[:6] + theirs[6:])
        scene.attempt(wall, f"{title}, from the inode on", own[:15] + theirs[15:])
    for export in range(8):
        changed = other[:2] + struct.pack(">H", export) + other[4:]
        scene.attempt(wall, f"a file, by way of export {export}", changed)
    assert scene.is_up()
    wall.assert_held()


def test_handles_of_the_pool(scene: Scene, wall: Wall) -> None:
    """The kernel would open them: they are of the same file system."""
    for subvolume in (*range(1, 12), *range(FIRST_INODE, FIRST_INODE + 24)):
        if subvolume != subvolume_of(scene.root):
            made = forged(scene.root, BTRFS, FIRST_INODE, subvolume)
            scene.attempt(wall, f"the top of subvolume {subvolume}", made)
    assert scene.is_up()
    wall.assert_held()


def test_the_own_root_by_another_kind_of_handle(scene: Scene, wall: Wall) -> None:
    """Ganesha knows the top of an export by its handle.  The kernel has others for it, from which
    the way up would not end there."""
    own = subvolume_of(scene.root)
    parents = {
        BTRFS_WITH_PARENT: struct.pack("<QI", FIRST_INODE, 0),
        BTRFS_WITH_PARENT_ROOT: struct.pack("<QIQ", FIRST_INODE, 0, TOP_SUBVOLUME),
    }
    for kind, parent in parents.items():
        made = forged(scene.root, kind, FIRST_INODE, own, parent)
        padded = as_version_3(made)
        assert scene.nfs.lookup(padded, b"secret").ok, "the kernel knows this kind"
        up = scene.nfs.lookup(padded, b"..")
        wall.attempt(f"LOOKUP of .. from kind {kind}", up.handle not in (b"", padded, scene.root))
        with Nfs4(scene.port) as four:
            up4 = four.run(putfh(made), LOOKUPP, GETFH)
            wall.attempt(f"LOOKUPP from kind {kind}", up4.handle[:14] == made[:14] != b"")
    assert scene.is_up()
    wall.assert_held()


def test_handles_of_the_hosts_file_system(scene: Scene, wall: Wall) -> None:
    outside = scene.canary.directory
    for path in (outside / "secret", outside, outside.parent, Path("/"), Path("/etc/shadow")):
        try:
            data, number = kernel_handle(path)
        except OSError:
            continue  # a file system without handles
        for system in systems(path):
            inside = bytes([0x44]) + system + bytes([number]) + data
            made = scene.root[:4] + bytes([len(inside)]) + inside
            scene.attempt(wall, f"{path} of file system {system.hex()}", made)
    wall.attempt("a file of this share", False)
    assert scene.is_up()
    wall.assert_held()


def test_damaged_handles(scene: Scene, wall: Wall) -> None:
    for length in (0, 1, 4, 5, 14, 15, 34, len(scene.file) - 1):
        scene.attempt(wall, f"{length} bytes", scene.file[:length])
    for length in (64, 65, 128, 129, 1024):
        scene.attempt(wall, f"{length} bytes", scene.file.ljust(length, b"\xff"))
    for at in range(len(scene.file)):
        changed = bytes([scene.file[at] ^ 0xFF])
        scene.attempt(wall, f"byte {at}", scene.file[:at] + changed + scene.file[at + 1 :])
    assert scene.is_up()
    wall.assert_held()


def as_version_3(handle: bytes) -> bytes:
    """Ganesha pads its handles there."""
    return handle + b"\0" * (-len(handle) % 4) if len(handle) > 30 else handle


def subvolume_of(handle: bytes) -> int:
    [number] = struct.unpack_from("<Q", handle, 23)
    return int(number)


def forged(root: bytes, kind: int, inode: int, subvolume: int, more: bytes = b"") -> bytes:
    """A handle in the form of a root's, of another file.  Generation 0 is any."""
    inside = root[5:14] + bytes([kind]) + struct.pack("<QQI", inode, subvolume, 0) + more
    return root[:4] + bytes([len(inside)]) + inside


def systems(path: Path) -> list[bytes]:
    """The ids by which Ganesha may know a file system, in its own byte order."""
    device = path.stat().st_dev
    numbers = (os.major(device), os.minor(device))
    known = os.statvfs(path).f_fsid
    return [struct.pack("<Q", known), struct.pack(">Q", known), struct.pack("<II", *numbers)]


def kernel_handle(path: Path) -> tuple[bytes, int]:
    """Bytes and type of the kernel's handle for a file.  OSError if it has none."""
    libc = ctypes.CDLL(None, use_errno=True)
    buffer = ctypes.create_string_buffer(struct.pack("Ii", MAX_HANDLE_BYTES, 0), 8 + 128)
    mount = ctypes.c_int()
    if libc.name_to_handle_at(AT_FDCWD, bytes(path), buffer, ctypes.byref(mount), 0) != 0:
        raise OSError(ctypes.get_errno(), str(path))
    length, number = struct.unpack_from("Ii", buffer.raw)
    return buffer.raw[8 : 8 + length], number
