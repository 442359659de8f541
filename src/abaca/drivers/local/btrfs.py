"""btrfs by ioctl: subvolumes, snapshots, quotas.

Structures and numbers are those of linux/btrfs.h and linux/btrfs_tree.h.  An ioctl takes 0.01-10 ms
where the `btrfs` command takes 1-10 ms more.  Sizes are bytes.  All functions raise
OSError with the ioctl's errno.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import struct
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from abaca.drivers.handles import Handle, open_handle

SUBVOLUME_INODE = 256  # the root directory of every subvolume

_WRITE, _READ = 1, 2


def _number(direction: int, number: int, size: int) -> int:
    return direction << 30 | size << 16 | 0x94 << 8 | number


_SUBVOL_CREATE_V2 = _number(_WRITE, 24, 4096)
_SNAP_CREATE_V2 = _number(_WRITE, 23, 4096)
_SNAP_DESTROY = _number(_WRITE, 15, 4096)
_TREE_SEARCH = _number(_READ | _WRITE, 17, 4096)
_INO_LOOKUP = _number(_READ | _WRITE, 18, 4096)
_SUBVOL_GETFLAGS = _number(_READ, 25, 8)
_SUBVOL_SETFLAGS = _number(_WRITE, 26, 8)
_SNAP_DESTROY_V2 = _number(_WRITE, 63, 4096)
_FS_INFO = _number(_READ, 31, 1024)
_QUOTA_RESCAN = _number(_WRITE, 44, 64)
_QUOTA_CTL = _number(_READ | _WRITE, 40, 16)
_QGROUP_CREATE = _number(_WRITE, 42, 16)
_QGROUP_LIMIT = _number(_READ, 43, 48)
_GET_SUBVOL_INFO = _number(_READ, 60, 504)
_CLONE = _number(_WRITE, 9, 4)
_GET_FILE_FLAGS, _SET_FILE_FLAGS = 0x80086601, 0x40086602  # FS_IOC_GETFLAGS, _SETFLAGS
_NO_COW = 0x00800000  # FS_NOCOW_FL

_READ_ONLY = 1 << 1
_BY_ID = 1 << 4
_QUOTA_FULL, _QUOTA_SIMPLE = 1, 4
_LIMIT_REFERENCED = 1 << 0
_ROOT_TREE, _ROOT_REF = 1, 156
_QUOTA_TREE, _ITEM_INFO, _ITEM_LIMIT = 8, 242, 244
_HANDLE_TYPE = 0x4D  # FILEID_BTRFS_WITHOUT_PARENT: inode 64, subvolume 64, generation 32
_ALL_LEVELS = 8  # more than a tree can have
_LAST, _LAST32 = (1 << 64) - 1, (1 << 32) - 1


@dataclass(frozen=True)
class Usage:
    """What a subvolume's quota group says; bytes."""

    used: int
    limit: int | None


@dataclass(frozen=True)
class Capacity:
    """A file system's size; bytes."""

    total: int
    free: int


@contextlib.contextmanager
def opened(path: Path) -> Iterator[int]:
    """A directory's descriptor; a symbolic link as last component is refused."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def create_subvolume(path: Path) -> None:
    """Make an empty subvolume.  FileExistsError if the name is taken."""
    with opened(path.parent) as parent:
        _control(parent, _SUBVOL_CREATE_V2, _volume_arguments(0, 0, path.name))


def snapshot(source: Path, path: Path, read_only: bool) -> None:
    """Make `path` a snapshot of the subvolume `source`."""
    with opened(source) as origin, opened(path.parent) as parent:
        flags = _READ_ONLY if read_only else 0
        _control(parent, _SNAP_CREATE_V2, _volume_arguments(origin, flags, path.name))


def delete_subvolume(path: Path) -> None:
    """Take a subvolume away at once; its space comes back in the background (seconds).

    FileNotFoundError if there is none.
    """
    with opened(path.parent) as parent:
        name = os.fsencode(path.name)
        arguments = bytearray(struct.pack("<q4088s", 0, name))
        _control(parent, _SNAP_DESTROY, arguments)


def move(source: Path, target: Path) -> None:
    """Rename a subvolume within its file system; its read-only state stays."""
    read_only = is_read_only(source)
    if read_only:  # the kernel refuses to change the parent of a read-only one
        set_read_only(source, False)
    source.rename(target)
    if read_only:
        set_read_only(target, True)


def is_read_only(path: Path) -> bool:
    """Whether a subvolume is read-only."""
    with opened(path) as descriptor:
        flags = bytearray(8)
        _control(descriptor, _SUBVOL_GETFLAGS, flags)
        return bool(struct.unpack("<Q", flags)[0] & _READ_ONLY)


def is_subvolume(path: Path) -> bool:
    """Whether the path is the root of a btrfs subvolume; a symbolic link is not."""
    try:
        with opened(path) as descriptor:
            if os.fstat(descriptor).st_ino != SUBVOLUME_INODE:
                return False
            subvolume_id(descriptor)
            return True
    except OSError:
        return False


def subvolume_id(descriptor: int) -> int:
    """The id of the subvolume that an open file or directory is in."""
    arguments = bytearray(4096)
    struct.pack_into("<QQ", arguments, 0, 0, SUBVOLUME_INODE)
    _control(descriptor, _INO_LOOKUP, arguments)
    return int(struct.unpack_from("<Q", arguments)[0])


def identity(path: Path) -> tuple[bytes, bytes]:
    """The uuid of a subvolume and that of the one it is a snapshot of (16 zero bytes if none)."""
    arguments = bytearray(504)
    with opened(path) as descriptor:
        _control(descriptor, _GET_SUBVOL_INFO, arguments)
    # treeid 8, name 256, parent_id 8, dirid 8, generation 8, flags 8, then the uuids
    return bytes(arguments[296:312]), bytes(arguments[312:328])


def set_read_only(path: Path, read_only: bool) -> None:
    """Make a subvolume read-only or writable."""
    with opened(path) as descriptor:
        _set_read_only(descriptor, read_only)


def nested(path: Path) -> list[int]:
    """Ids of the subvolumes below a subvolume, at any depth, each before those inside it.

    Asks the file system's root tree; no directory is read.
    """
    found: list[int] = []
    with opened(path) as descriptor:
        waiting = [subvolume_id(descriptor)]
        while waiting:
            children = _children(descriptor, waiting.pop())
            found += children
            waiting += children
    return found


def delete_nested(path: Path) -> None:
    """Delete all subvolumes below a subvolume."""
    identities = nested(path)
    with opened(path) as descriptor:
        for identity in identities:  # nothing inside a read-only one can be deleted
            subvolume = open_handle(descriptor, _handle(identity), os.O_RDONLY | os.O_DIRECTORY)
            try:
                _set_read_only(subvolume, False)
            finally:
                os.close(subvolume)
        for identity in reversed(identities):
            arguments = struct.pack("<qQQ32sQ4032s", 0, 0, _BY_ID, b"", identity, b"")
            _control(descriptor, _SNAP_DESTROY_V2, bytearray(arguments))


def enable_quota(root: Path, simple: bool) -> None:
    """Turn quotas on, simple ones if wanted and known to the kernel.

    A file system that has quotas already keeps its mode.
    """
    with opened(root) as descriptor:
        if simple:
            with contextlib.suppress(OSError):
                arguments = bytearray(struct.pack("<QQ", _QUOTA_SIMPLE, 0))
                _control(descriptor, _QUOTA_CTL, arguments)
                return
        _control(descriptor, _QUOTA_CTL, bytearray(struct.pack("<QQ", _QUOTA_FULL, 0)))


def quota_is_simple(root: Path) -> bool:
    """The mode that is in force."""
    try:
        return (_settings(root) / "qgroups" / "mode").read_text().strip() == "squota"
    except FileNotFoundError:  # a kernel before 6.7 has one mode only
        return False


def keep_quota_exact(root: Path) -> None:
    """For full quotas: account for deleted snapshots instead of giving up, and recount if needed.

    By default the kernel stops all accounting when a large snapshot is deleted, and limits hold
    nobody back until a rescan.
    """
    groups = _settings(root) / "qgroups"
    with contextlib.suppress(FileNotFoundError):  # a kernel before 6.1
        (groups / "drop_subtree_threshold").write_text(str(_ALL_LEVELS))
    if (groups / "inconsistent").read_text().strip() == "1":
        with opened(root) as descriptor, contextlib.suppress(BlockingIOError):
            try:
                _control(descriptor, _QUOTA_RESCAN, bytearray(64))
            except OSError as problem:
                if problem.errno != errno.EINPROGRESS:
                    raise


def set_limit(path: Path, limit: int | None) -> None:
    """Limit the bytes that a subvolume may refer to; None lifts the limit.  In force at once."""
    # asked by way of the parent: in a subvolume that is over its limit this call fails itself
    with opened(path) as descriptor, opened(path.parent) as parent:
        group = subvolume_id(descriptor)
        # zero flags keep the old limit; (u64)-1 clears it
        wanted = _LAST if limit is None else limit
        arguments = struct.pack("<QQQQQQ", group, _LIMIT_REFERENCED, wanted, 0, 0, 0)
        try:
            _control(parent, _QGROUP_LIMIT, bytearray(arguments))
        except FileNotFoundError:  # made before quotas were turned on
            _control(parent, _QGROUP_CREATE, bytearray(struct.pack("<QQ", 1, group)))
            _control(parent, _QGROUP_LIMIT, bytearray(arguments))


def usage(path: Path) -> Usage:
    """Bytes used and the limit, as of the last commit (`commit` makes it exact)."""
    with opened(path) as descriptor:
        group = subvolume_id(descriptor)
        info = _search(descriptor, _ITEM_INFO, group)
        limits = _search(descriptor, _ITEM_LIMIT, group)
    used = struct.unpack_from("<QQ", info)[1] if info else 0
    limit: int | None = None
    if limits:
        flags, referenced = struct.unpack_from("<QQ", limits)
        limit = referenced if flags & _LIMIT_REFERENCED and referenced != _LAST else None
    return Usage(used, limit)


def commit(path: Path) -> None:
    """Write everything out, so that usage figures are exact.  May take a second."""
    with opened(path) as descriptor:
        os.fsync(descriptor)
        _control_plain(descriptor, 0x94 << 8 | 8)  # BTRFS_IOC_SYNC


def capacity(root: Path) -> Capacity:
    """Size and free space of the file system."""
    figures = os.statvfs(root)
    return Capacity(figures.f_blocks * figures.f_frsize, figures.f_bavail * figures.f_frsize)


def clone_file(source: int, target: int) -> None:
    """Make the open, empty file `target` share all data of `source` (no bytes are copied)."""
    wanted, found = (_file_flags(descriptor) & _NO_COW for descriptor in (source, target))
    if wanted != found:  # data without checksums cannot be shared with a file that has them
        flags = (_file_flags(target) & ~_NO_COW) | wanted
        _control(target, _SET_FILE_FLAGS, bytearray(struct.pack("<Q", flags)))
    fcntl.ioctl(target, _CLONE, source)


def _file_flags(descriptor: int) -> int:
    flags = bytearray(8)
    _control(descriptor, _GET_FILE_FLAGS, flags)
    return int(struct.unpack("<Q", flags)[0])


def _volume_arguments(descriptor: int, flags: int, name: str) -> bytearray:
    encoded = os.fsencode(name)
    if not 0 < len(encoded) < 256 or "/" in name or name in (".", ".."):
        raise OSError(errno.EINVAL, f"{name!r} cannot name a subvolume")
    return bytearray(struct.pack("<qQQ32s4040s", descriptor, 0, flags, b"", encoded))


def _set_read_only(descriptor: int, read_only: bool) -> None:
    flags = bytearray(8)
    _control(descriptor, _SUBVOL_GETFLAGS, flags)
    value = struct.unpack("<Q", flags)[0] & ~_READ_ONLY
    if read_only:
        value |= _READ_ONLY
    _control(descriptor, _SUBVOL_SETFLAGS, bytearray(struct.pack("<Q", value)))


def _handle(identity: int) -> Handle:
    """Of the root directory of a subvolume."""
    return Handle(_HANDLE_TYPE, struct.pack("<QQI", SUBVOLUME_INODE, identity, 0))


def _settings(root: Path) -> Path:
    """The file system's directory in /sys."""
    arguments = bytearray(1024)
    with opened(root) as descriptor:
        _control(descriptor, _FS_INFO, arguments)
    return Path("/sys/fs/btrfs") / str(uuid.UUID(bytes=bytes(arguments[16:32])))


def _children(descriptor: int, parent: int) -> list[int]:
    """Ids of the subvolumes whose entries are directly in a subvolume."""
    found: list[int] = []
    while True:
        arguments = bytearray(4096)
        after = found[-1] + 1 if found else 0
        key = (_ROOT_TREE, parent, parent, after, _LAST, 0, _LAST, _ROOT_REF, _ROOT_REF, _LAST32, 0)
        struct.pack_into("<7Q4I", arguments, 0, *key)
        _control(descriptor, _TREE_SEARCH, arguments)
        count, place = struct.unpack_from("<I", arguments, 64)[0], 104
        for _ in range(count):
            _, _, child, _, length = struct.unpack_from("<QQQII", arguments, place)
            found.append(child)
            place += 32 + length
        if not count:
            return found


def _search(descriptor: int, kind: int, group: int) -> bytes | None:
    """The item (0, kind, group) of the quota tree."""
    arguments = bytearray(4096)
    struct.pack_into(
        "<7Q4I", arguments, 0, _QUOTA_TREE, 0, 0, group, group, 0, _LAST, kind, kind, 1, 0
    )
    try:
        _control(descriptor, _TREE_SEARCH, arguments)
    except FileNotFoundError:  # quotas are off
        return None
    if struct.unpack_from("<I", arguments, 64)[0] == 0:
        return None
    length = struct.unpack_from("<I", arguments, 104 + 28)[0]
    return bytes(arguments[136 : 136 + length])


def _control(descriptor: int, request: int, arguments: bytearray) -> None:
    fcntl.ioctl(descriptor, request, arguments)


def _control_plain(descriptor: int, request: int) -> None:
    fcntl.ioctl(descriptor, request)
