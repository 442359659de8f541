"""Snapshots, clones, revert under mounted clients, mountable snapshots."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import socket
import stat
import struct
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

from abaca.drivers.contract import errors
from abaca.drivers.contract.context import DriverContext
from abaca.drivers.local import btrfs
from abaca.model.context import system_context
from storage.kit import CONTEXT, GIB, REFUSED, Backend, errno_of, new_share, new_snapshot, rule

pytestmark = pytest.mark.storage


def test_clone_has_the_snapshots_content_and_its_own_size(backend: Backend) -> None:
    share = backend.share()
    backend.allow(share, rule("127.0.0.1"))
    with backend.mount(share) as client:
        client.write("/x", b"at snapshot")
        snapshot = backend.snapshot(share)
        client.write("/x", b"later")
    clone = new_share(size=2)
    locations = backend.driver.create_share_from_snapshot(CONTEXT, clone, snapshot)
    assert locations == backend.driver.create_share_from_snapshot(CONTEXT, clone, snapshot)
    assert errno_of(lambda: backend.mount(clone)) in REFUSED
    backend.allow(clone, rule("127.0.0.1"))
    with backend.mount(clone) as client:
        assert client.read("/x") == b"at snapshot"
        client.write("/x", b"clone's own")
    assert (backend.driver.share_path(share["id"]) / "x").read_bytes() == b"later"
    assert btrfs.usage(backend.driver.share_path(clone["id"])).limit == 2 * GIB
    backend.driver.delete_snapshot(CONTEXT, snapshot)
    backend.driver.delete_snapshot(CONTEXT, snapshot)
    with backend.mount(clone) as client:
        assert client.read("/x") == b"clone's own"


def test_clone_of_a_snapshot_that_is_gone(backend: Backend) -> None:
    share = backend.share()
    clone = new_share()
    with pytest.raises(errors.SnapshotResourceNotFound):
        backend.driver.create_share_from_snapshot(CONTEXT, clone, new_snapshot(share))
    assert not backend.driver.share_path(clone["id"]).exists()


def test_revert_while_mounted_with_open_files(backend: Backend) -> None:
    share = backend.share()
    mine = rule("127.0.0.1")
    backend.allow(share, mine)
    with backend.mount(share) as client:
        client.write("/kept", b"kept")
        client.write("/changed", b"old content, long")
        client.write("/deleted", b"will be back")
        client.mkdir("/dir")
        client.write("/dir/inner", b"inner")
        snapshot = backend.snapshot(share)
        file = client.open("/changed")
        client.write("/changed", b"new")
        client.write("/added", b"added")
        client.unlink("/deleted")
        client.write("/dir/inner", b"other")
        assert file.read() == b"new"
        backend.driver.revert_to_snapshot(CONTEXT, snapshot, [mine], [])
        assert file.read() == b"old content, long"  # the open file goes on
        assert client.listdir() == ["changed", "deleted", "dir", "kept"]
        assert client.read("/deleted") == b"will be back"
        assert client.read("/dir/inner") == b"inner"
        assert errno_of(lambda: client.read("/added")) == errno.ENOENT
        client.write("/after", b"the share stays writable")
        file.close()
    path = backend.driver.share_path(share["id"])
    assert btrfs.usage(path).limit == GIB
    assert backend.driver.snapshot_path(snapshot["id"]).exists()


def test_revert_restores_every_kind_of_entry(backend: Backend) -> None:
    share = backend.share()
    path = backend.driver.share_path(share["id"])
    (path / "file").write_text("1")
    (path / "file").chmod(0o640)
    os.chown(path / "file", 1234, 2345)
    os.setxattr(path / "file", "user.colour", b"red")
    (path / "link").symlink_to("/etc/passwd")
    os.link(path / "file", path / "hard")
    os.mkfifo(path / "pipe")
    (path / "dir" / "deep").mkdir(parents=True)
    (path / "dir" / "deep" / "leaf").write_text("leaf")
    (path / "becomes-dir").write_text("file")
    snapshot = backend.snapshot(share)
    before = _describe(backend.driver.snapshot_path(snapshot["id"]))

    (path / "hard").unlink()
    (path / "hard").write_text("not linked now")
    (path / "file").write_text("2")
    (path / "file").chmod(0o777)
    os.removexattr(path / "file", "user.colour")
    (path / "link").unlink()
    (path / "link").mkdir()
    (path / "link" / "x").write_text("x")
    (path / "dir" / "deep" / "leaf").unlink()
    (path / "dir" / "deep").rmdir()
    (path / "dir" / "deep").symlink_to("/etc")  # a trap: nothing may be made in /etc
    (path / "becomes-dir").unlink()
    (path / "becomes-dir").mkdir()
    (path / "new" / "er").mkdir(parents=True)

    backend.driver.revert_to_snapshot(CONTEXT, snapshot, [], [])
    assert _describe(path) == before
    assert not Path("/etc/leaf").exists()
    backend.driver.revert_to_snapshot(CONTEXT, snapshot, [], [])
    assert _describe(path) == before


def test_a_reverted_tree_is_identical_in_everything(backend: Backend) -> None:
    """After anything was changed; after everything was deleted; and what was untouched."""
    share = backend.share()
    path = backend.driver.share_path(share["id"])
    _make_everything(path / "tree")
    snapshot = backend.snapshot(share)
    before = _describe(backend.driver.snapshot_path(snapshot["id"]))
    kinds = {stat.S_IFMT(described.mode) for described in before.values()}
    assert len(kinds) == 7
    revert = backend.driver.revert_to_snapshot
    for damage in (_damage_everything, shutil.rmtree, lambda tree: None):
        damage(path / "tree")
        revert(CONTEXT, snapshot, [], [])
        assert _describe(path) == before


def _make_everything(tree: Path) -> None:
    """Each kind of entry, with each kind of attribute."""
    tree.mkdir()
    (tree / "plain").write_bytes(b"x" * 100_000)
    with (tree / "holes").open("wb") as file:
        file.seek(1 << 20)
        file.write(b"data")
        file.truncate(3 << 20)
    (tree / "empty").touch()
    (tree / "small").write_bytes(b"inline")
    with (tree / "reserved").open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, 65536)
    (tree / "no-cow").touch()
    subprocess.run(["chattr", "+C", tree / "no-cow"], check=True)
    (tree / "no-cow").write_bytes(b"n" * 50_000)
    (tree / "directory").mkdir()
    (tree / "link").symlink_to("no/where")
    os.mkfifo(tree / "pipe")
    os.mknod(tree / "character", stat.S_IFCHR, os.makedev(1, 3))
    os.mknod(tree / "block", stat.S_IFBLK, os.makedev(7, 250))
    with socket.socket(socket.AF_UNIX) as server:
        here = os.open(tree, os.O_RDONLY)
        server.bind(f"/proc/self/fd/{here}/socket")
        os.close(here)
    (tree / os.fsdecode(b"\xff not utf-8\n")).write_text("name")
    for number, entry in enumerate(sorted(tree.iterdir())):
        os.chown(entry, 1000 + number, 2000 + number, follow_symlinks=False)
        if not entry.is_symlink():
            entry.chmod(0o7751 - number)  # set-user-id, set-group-id, sticky
        os.setxattr(entry, "trusted.test", b"%d" % number, follow_symlinks=False)
        times = (number * 10**9 + 123, 10**18 + number)
        os.utime(entry, ns=times, follow_symlinks=False)
    os.setxattr(tree / "plain", "user.colour", b"red" * 500)
    # version 2, the effective bit, cap_net_raw permitted
    capability = struct.pack("<5I", 0x02000001, 1 << 13, 0, 0, 0)
    os.setxattr(tree / "small", "security.capability", capability)
    for entry, kind in (("plain", "access"), ("directory", "access"), ("directory", "default")):
        os.setxattr(tree / entry, f"system.posix_acl_{kind}", _acl())
    for name in ("plain", "link", "pipe"):  # files with several names, in several directories
        os.link(tree / name, tree / "directory" / f"{name}-too", follow_symlinks=False)
        os.link(tree / name, tree / f"{name}-three", follow_symlinks=False)


def _acl() -> bytes:
    """user::rw-, user:1234:r--, group::r--, mask::rw-, other::---"""
    none = 0xFFFFFFFF
    entries = [(1, 6, none), (2, 4, 1234), (4, 4, none), (16, 6, none), (32, 0, none)]
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


def _damage_everything(tree: Path) -> None:
    for entry in sorted(tree.rglob("*")):
        for name in os.listxattr(entry, follow_symlinks=False):
            os.removexattr(entry, name, follow_symlinks=False)
        os.setxattr(entry, "trusted.other", b"1", follow_symlinks=False)
        os.chown(entry, 1, 1, follow_symlinks=False)
        if not entry.is_symlink():
            entry.chmod(0o700)
        if entry.is_file() and not entry.is_symlink():
            entry.write_bytes(b"damaged")
    (tree / "plain-three").unlink()
    (tree / "plain-three").write_text("a file of its own")
    os.link(tree / "small", tree / "small-too")
    (tree / "link").unlink()
    (tree / "link").symlink_to("elsewhere")
    (tree / "pipe").unlink()
    (tree / "pipe").mkdir()
    (tree / "directory" / "more").mkdir()


def test_revert_works_near_the_limit(backend: Backend) -> None:
    share = backend.share()
    path = backend.driver.share_path(share["id"])
    (path / "a").write_bytes(b"a" * (40 << 20))
    snapshot = backend.snapshot(share)
    (path / "a").write_bytes(b"b" * (40 << 20))
    btrfs.commit(path)
    btrfs.set_limit(path, 48 << 20)
    backend.driver.revert_to_snapshot(CONTEXT, snapshot, [], [])
    assert (path / "a").read_bytes() == b"a" * (40 << 20)


def test_revert_brings_back_the_size_of_the_snapshot(backend: Backend) -> None:
    share = backend.share()
    path = backend.driver.share_path(share["id"])
    before = btrfs.usage(path).limit
    snapshot = backend.snapshot(share)
    backend.driver.extend_share(share, share["size"] + 2)
    snapshot = snapshot.replace(share=share.replace(size=share["size"] + 2))
    backend.driver.revert_to_snapshot(CONTEXT, snapshot, [], [])
    assert btrfs.usage(path).limit == before


def test_the_inventory_tells_which_operation_reverted_a_share_last(backend: Backend) -> None:
    """So that a revert whose answer was lost is known to be done."""
    share = backend.share()
    snapshot = backend.snapshot(share)

    def told() -> set[object]:
        held = backend.driver.get_inventory(CONTEXT)
        return {item["reverted_by"] for item in held if item["id"] == share["id"]}

    def revert(operation: str) -> None:
        context = DriverContext(system_context(), operation_id=operation)
        backend.driver.revert_to_snapshot(context, snapshot, [], [])

    assert told() == {None}
    revert("7")
    assert told() == {"7"}
    snapshot = backend.snapshot(share)  # has the mark in it
    revert("8")
    assert told() == {"8"}


def test_mountable_snapshot_is_read_only_and_only_for_its_rules(backend: Backend) -> None:
    share = backend.share()
    backend.allow(share, rule("127.0.0.1"))
    with backend.mount(share) as client:
        client.write("/x", b"old")
        snapshot = new_snapshot(share)
        made = backend.driver.create_snapshot(CONTEXT, snapshot)
        client.write("/x", b"new")
    name = f"snapshot-{snapshot['id']}"
    [promised] = made["export_locations"]
    assert promised["path"] == f"127.0.0.1:/{name}"
    update = backend.driver.snapshot_update_access
    allowed = rule("127.0.0.1", "ro")
    update(CONTEXT, snapshot, [allowed], [allowed], [])
    assert backend.driver.exporter("NFS").locations(name) == [promised]
    with backend.mount(name) as client:
        assert client.read("/x") == b"old"
        assert errno_of(lambda: client.write("/x", b"1")) == errno.EROFS
        update(CONTEXT, snapshot, [], [], [allowed])
        assert errno_of(lambda: client.read("/x")) in (errno.EACCES, errno.ESTALE)
    update(CONTEXT, snapshot, [], [], [allowed])
    bad = rule("no address", "ro")
    told = update(CONTEXT, snapshot, [bad], [bad], [])
    assert told[bad["access_id"]]["state"] == "error"
    backend.driver.delete_snapshot(CONTEXT, snapshot)
    assert not backend.driver.exporter("NFS").has(name)


class Described(NamedTuple):
    """Everything about an entry that a revert must give back."""

    mode: int
    owner: tuple[int, int]
    device: int
    same_as: str  # the first of its names
    modified: int
    size: int
    extents: list[tuple[int, int]]  # where the data is: (from, to)
    content: object
    attributes: dict[str, bytes]


def _describe(root: Path) -> dict[str, Described]:
    found: dict[str, Described] = {}
    first: dict[int, str] = {}
    for path in sorted(root.rglob("*")):
        status, name = path.lstat(), str(path.relative_to(root))
        regular, directory = stat.S_ISREG(status.st_mode), stat.S_ISDIR(status.st_mode)
        content: object = path.readlink() if path.is_symlink() else None
        found[name] = Described(
            status.st_mode,
            (status.st_uid, status.st_gid),
            status.st_rdev,
            first.setdefault(status.st_ino, name),
            status.st_mtime_ns,
            0 if directory else status.st_size,
            _extents(path) if regular else [],
            path.read_bytes() if regular else content,
            {
                key: os.getxattr(path, key, follow_symlinks=False)
                for key in os.listxattr(path, follow_symlinks=False)
            },
        )
    return found


def _extents(path: Path) -> list[tuple[int, int]]:
    found, end = [], 0
    with path.open("rb") as file, contextlib.suppress(OSError):  # ENXIO: no more data
        while True:
            start = os.lseek(file.fileno(), end, os.SEEK_DATA)
            end = os.lseek(file.fileno(), start, os.SEEK_HOLE)
            found.append((start, end))
    return found
