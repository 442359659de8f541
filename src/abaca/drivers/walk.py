"""Walks through directory trees that clients change meanwhile, and that may be hostile.

Every step is relative to an open directory and refuses symbolic links, so the length of a path does
not matter and no link leads out of the tree.  A walk keeps the descriptors of the deepest levels
only; for a level above it keeps its identity and its reading position (some 200 bytes), reopens it
as `..`, and checks that it is the same directory.  A directory is read in pieces of 32 KiB; the
position is the file system's own, so that reading goes on behind what was deleted.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

KEPT = 16  # levels that stay open
DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# what a call fails with when a client deleted, moved or replaced a directory just before it
CHANGED = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ESTALE})
_AGAIN = 100  # how often a directory that clients fill while it is deleted is read again
_PIECE = 32 * 1024
_ENTRY = struct.Struct("=QqHB")  # inode, position behind it, length, type; then the name
_TYPES = {1: stat.S_IFIFO, 2: stat.S_IFCHR, 4: stat.S_IFDIR, 6: stat.S_IFBLK, 8: stat.S_IFREG}
_TYPES |= {10: stat.S_IFLNK, 12: stat.S_IFSOCK}
_LIBC = ctypes.CDLL(None, use_errno=True)

Step = Callable[[], None]


def no_step() -> None:
    """For walks that report nothing."""


class Moved(OSError):
    """A directory was moved away while the walk was below it."""


class Entry(NamedTuple):
    """One name in a directory."""

    name: bytes
    type: int  # S_IFDIR and so on; 0 if the file system does not tell
    behind: int  # the position to go on reading from


@dataclass(slots=True)
class _Level:
    name: bytes
    identity: tuple[int, int]  # device, inode
    descriptor: int  # -1: closed
    position: int = 0
    entries: list[Entry] = field(default_factory=list)  # read already, the next one last

    def close(self) -> None:
        if self.descriptor >= 0:
            os.close(self.descriptor)
        self.descriptor = -1
        self.entries.clear()


class Climb:
    """A position in a tree.  `down` and `up` move it by one level, `next` reads entries.

    Stays on the device of the root: `down` raises OSError(EXDEV) at a mount or a subvolume.
    """

    def __init__(self, root: int) -> None:
        """`root`: an open directory; it stays open."""
        descriptor = os.open(".", DIRECTORY, dir_fd=root)
        self._levels = [_Level(b"", _identity(descriptor), descriptor)]

    def __enter__(self) -> Climb:
        return self

    def __exit__(self, *_: object) -> None:
        for level in self._levels[-KEPT - 1 :]:
            level.close()

    @property
    def descriptor(self) -> int:
        """The current directory, open."""
        return self._levels[-1].descriptor

    @property
    def depth(self) -> int:
        """Levels below the root."""
        return len(self._levels) - 1

    def next(self) -> Entry | None:
        """The next entry of the current directory; None at its end."""
        level = self._levels[-1]
        if not level.entries:
            level.entries = _read(level.descriptor, level.position)[::-1]
        if not level.entries:
            return None
        entry = level.entries.pop()
        level.position = entry.behind
        return entry

    def down(self, name: bytes) -> None:
        """Into a directory below.  OSError if it is none, or on another device."""
        descriptor = os.open(name, DIRECTORY, dir_fd=self.descriptor)
        identity = _identity(descriptor)
        if identity[0] != self._levels[0].identity[0]:
            os.close(descriptor)
            raise OSError(errno.EXDEV, "a mount or a subvolume", os.fsdecode(name))
        self._levels.append(_Level(name, identity, descriptor))
        if len(self._levels) > KEPT:
            self._levels[-KEPT - 1].close()

    def up(self) -> bytes:
        """To the directory above; returns the name in it of the one just left.  Raises Moved."""
        left, above = self._levels[-1], self._levels[-2]
        if above.descriptor < 0:
            descriptor = os.open("..", DIRECTORY, dir_fd=left.descriptor)
            if _identity(descriptor) != above.identity:
                os.close(descriptor)
                raise Moved(errno.ESTALE, "a directory was moved during a walk through it")
            above.descriptor = descriptor
        self._levels.pop().close()
        return left.name


def remove(directory: int, name: bytes, step: Step = no_step) -> None:
    """Delete whatever has this name in an open directory, a whole tree if need be.

    Absent is success.  EBUSY if clients go on filling the tree; may be repeated.
    """
    if _removed(directory, name):
        return
    for _ in range(_AGAIN):
        try:
            with Climb(directory) as climb:
                climb.down(name)
                _clear(climb, step)
        except OSError as problem:
            if problem.errno not in CHANGED:
                raise
        if _removed(directory, name):
            return
    raise OSError(errno.EBUSY, "clients go on changing what is to be deleted", os.fsdecode(name))


def _clear(climb: Climb, step: Step) -> None:
    """Delete everything below the current directory."""
    read_again, top = 0, climb.depth
    while True:
        entry = climb.next()
        if entry is not None:
            step()
            if not _removed(climb.descriptor, entry.name, entry.type):
                climb.down(entry.name)
        elif climb.depth == top:
            return
        else:
            name = climb.up()
            if _removed(climb.descriptor, name, stat.S_IFDIR):
                continue
            read_again += 1
            if read_again > _AGAIN:
                raise OSError(errno.EBUSY, "clients go on filling a directory", os.fsdecode(name))
            climb.down(name)


def _removed(directory: int, name: bytes, kind: int = 0) -> bool:
    """Delete a name; False if it is a directory with something in it."""
    calls = (os.rmdir, os.unlink) if kind == stat.S_IFDIR else (os.unlink, os.rmdir)
    for call in calls:
        try:
            call(name, dir_fd=directory)
        except FileNotFoundError:
            return True
        except (IsADirectoryError, NotADirectoryError):  # the other call's
            continue
        except OSError as problem:
            if problem.errno != errno.ENOTEMPTY:
                raise
            return False
        return True
    return False


def size(root: int, step: Step = no_step) -> int:
    """Bytes allocated to all files below an open directory; each hard-linked file counts once.

    Directories on other devices are left out, as is what is deleted meanwhile.
    """
    total, linked = 0, set[int]()
    with Climb(root) as climb:
        while True:
            entry = climb.next()
            if entry is None:
                if climb.depth == 0:
                    return total
                climb.up()
                continue
            step()
            found = status(climb.descriptor, entry.name)
            if found is None:
                continue
            if stat.S_ISDIR(found.st_mode):
                _down_if_there(climb, entry.name)
            elif found.st_ino not in linked:
                total += found.st_blocks * 512
                if found.st_nlink > 1:
                    linked.add(found.st_ino)


def status(directory: int, name: bytes) -> os.stat_result | None:
    """lstat of an entry; None if there is none."""
    try:
        return os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _down_if_there(climb: Climb, name: bytes) -> None:
    try:
        climb.down(name)
    except OSError as problem:
        if problem.errno not in (*CHANGED, errno.EXDEV):
            raise


def _identity(descriptor: int) -> tuple[int, int]:
    found = os.fstat(descriptor)
    return found.st_dev, found.st_ino


def _read(descriptor: int, position: int) -> list[Entry]:
    """Some entries behind a position; none at the end."""
    buffer = ctypes.create_string_buffer(_PIECE)
    while True:
        os.lseek(descriptor, position, os.SEEK_SET)
        length = _LIBC.getdents64(descriptor, buffer, _PIECE)
        if length < 0:
            number = ctypes.get_errno()
            if number == errno.ENOENT:  # the directory itself was deleted
                return []
            raise OSError(number, os.strerror(number))
        if length == 0:
            return []
        data, offset, found = buffer.raw[:length], 0, []
        while offset < length:
            _, position, size_, kind = _ENTRY.unpack_from(data, offset)
            start = offset + _ENTRY.size
            name = data[start : data.index(b"\0", start)]
            if name not in (b".", b".."):
                found.append(Entry(name, _TYPES.get(kind, 0), position))
            offset += size_
        if found:
            return found
