"""Give a directory tree the content of another one, in place.

Clients have the share mounted and files open meanwhile, and some of them mean harm: a directory
that becomes a symbolic link while we look must not lead root out of the share.  So nothing here
follows a path: every step is relative to an open directory and refuses links.

A file that kept its inode number and change time is as it was; it is passed over.  Changed files
keep their inode, so that clients' handles stay valid; their data is shared (reflink), not copied.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from abaca.drivers.local import btrfs

# On the share's directory: the operation that reverted it last.  Clients see no trusted attribute.
MARK = "trusted.abaca.reverted-by"
DEEPEST = 2000
REPORT_EVERY = 5000
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class TooDeep(OSError):
    """The tree has more than 2000 levels."""


@dataclass
class _Level:
    """A pair of open directories and the names in them still to be done."""

    source: int
    target: int
    path: tuple[str, ...]
    names: list[str]

    def close(self) -> None:
        os.close(self.source)
        os.close(self.target)


@dataclass
class _Walk:
    """What has to be remembered over the whole tree."""

    progress: Callable[[], None]
    device: int  # of the source: nested subvolumes are not entered
    root: int  # open target root, for hard links
    linked: dict[int, tuple[str, ...]] = field(default_factory=dict)  # source inode -> made path
    seen: int = 0

    def step(self) -> None:
        self.seen += 1
        if self.seen % REPORT_EVERY == 0:
            self.progress()


def make_equal(source: Path, target: Path, progress: Callable[[], None] = lambda: None) -> None:
    """Make `target` equal `source`: names, content, owners, modes, times, extended attributes.

    May be repeated after a crash.  Raises OSError.
    """
    with btrfs.opened(source) as from_root, btrfs.opened(target) as to_root:
        walk = _Walk(progress, os.fstat(from_root).st_dev, to_root)
        levels = [_enter(os.dup(from_root), os.dup(to_root), ())]
        try:
            while levels:
                _advance(walk, levels)
        finally:
            for level in levels:
                level.close()


def mark(target: Path, operation_id: str | None) -> None:
    """Note that it is done, and for whom: this is how a lost answer is found out."""
    if operation_id is not None:
        os.setxattr(target, MARK, operation_id.encode(), follow_symlinks=False)


def marked(target: Path) -> str | None:
    """The operation that reverted it last, as far as is known."""
    try:
        return os.getxattr(target, MARK, follow_symlinks=False).decode()
    except OSError as problem:
        if problem.errno != errno.ENODATA:
            raise
        return None


def _advance(walk: _Walk, levels: list[_Level]) -> None:
    """One name of the deepest directory; or the directory itself, when all its names are done."""
    level = levels[-1]
    if not level.names:
        _copy_attributes(level.source, level.target)
        levels.pop().close()
        return
    below = _entry(walk, level, level.names.pop())
    if below is not None:
        levels.append(below)
        if len(levels) > DEEPEST:
            raise TooDeep(errno.ELOOP, "the share has too many levels of directories")


def _enter(source: int, target: int, path: tuple[str, ...]) -> _Level:
    """Delete what the source does not have, and list the rest."""
    wanted = os.listdir(source)
    for name in set(os.listdir(target)).difference(wanted):
        _remove(target, name)
    return _Level(source, target, path, wanted)


def _entry(walk: _Walk, level: _Level, name: str) -> _Level | None:
    """Make one name equal; a directory is returned, to be gone through next."""
    walk.step()
    path = (*level.path, name)
    wanted = os.stat(name, dir_fd=level.source, follow_symlinks=False)
    found = _status(level.target, name)
    if found is not None and stat.S_IFMT(found.st_mode) != stat.S_IFMT(wanted.st_mode):
        _remove(level.target, name)
        found = None
    if stat.S_ISDIR(wanted.st_mode):
        if found is None:
            os.mkdir(name, 0o700, dir_fd=level.target)
        return _open_below(level, path) if wanted.st_dev == walk.device else None
    if found is not None and _untouched(wanted, found):
        walk.linked.setdefault(wanted.st_ino, path)
    elif wanted.st_nlink > 1 and wanted.st_ino in walk.linked:
        _hard_link(walk, level.target, name, wanted, found)
    else:
        if stat.S_ISREG(wanted.st_mode):
            _regular(level.source, level.target, name, wanted, found)
        else:
            _special(level.source, level.target, name, wanted)
        walk.linked[wanted.st_ino] = path
    if wanted.st_nlink == 1:
        walk.linked.pop(wanted.st_ino, None)
    return None


def _open_below(level: _Level, path: tuple[str, ...]) -> _Level:
    source = os.open(path[-1], _DIRECTORY, dir_fd=level.source)
    try:
        target = os.open(path[-1], _DIRECTORY, dir_fd=level.target)
    except OSError:
        os.close(source)
        raise
    return _enter(source, target, path)


def _regular(
    source: int, target: int, name: str, wanted: os.stat_result, found: os.stat_result | None
) -> None:
    """Content by reflink into the existing inode, so that open files see it."""
    if found is not None and found.st_nlink > 1 and found.st_ino != wanted.st_ino:
        _remove(target, name)  # other names of this inode must not change with it
    reading = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=source)
    try:
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        writing = os.open(name, flags, 0o600, dir_fd=target)
        try:
            if not stat.S_ISREG(os.fstat(writing).st_mode):
                raise OSError(errno.EBUSY, "a client replaces files during the revert", name)
            os.ftruncate(writing, 0)
            if wanted.st_size:
                btrfs.clone_file(reading, writing)
            _copy_attributes(reading, writing)
        finally:
            os.close(writing)
    finally:
        os.close(reading)


def _special(source: int, target: int, name: str, wanted: os.stat_result) -> None:
    """Symbolic links, devices, pipes, sockets."""
    _remove(target, name)
    if stat.S_ISLNK(wanted.st_mode):
        os.symlink(os.readlink(name, dir_fd=source), name, dir_fd=target)
    else:
        os.mknod(name, wanted.st_mode, wanted.st_rdev, dir_fd=target)
    os.chown(name, wanted.st_uid, wanted.st_gid, dir_fd=target, follow_symlinks=False)
    times = (wanted.st_atime_ns, wanted.st_mtime_ns)
    os.utime(name, ns=times, dir_fd=target, follow_symlinks=False)


def _hard_link(
    walk: _Walk, target: int, name: str, wanted: os.stat_result, found: os.stat_result | None
) -> None:
    """A further name of a file that was made already."""
    directory = os.dup(walk.root)
    first = walk.linked[wanted.st_ino]
    try:
        for part in first[:-1]:
            below = os.open(part, _DIRECTORY, dir_fd=directory)
            os.close(directory)
            directory = below
        made = os.stat(first[-1], dir_fd=directory, follow_symlinks=False)
        if found is not None and found.st_ino == made.st_ino:
            return
        _remove(target, name)
        os.link(first[-1], name, src_dir_fd=directory, dst_dir_fd=target, follow_symlinks=False)
    finally:
        os.close(directory)


def _copy_attributes(source: int, target: int) -> None:
    """Owner, mode, extended attributes (ACLs among them), times; both are open."""
    wanted = os.fstat(source)
    os.fchown(target, wanted.st_uid, wanted.st_gid)
    os.fchmod(target, stat.S_IMODE(wanted.st_mode))
    names = set(os.listxattr(source))
    for name in os.listxattr(target):
        if name not in names and not name.startswith("btrfs."):
            os.removexattr(target, name)
    for name in names:
        if not name.startswith("btrfs."):
            os.setxattr(target, name, os.getxattr(source, name))
    os.utime(target, ns=(wanted.st_atime_ns, wanted.st_mtime_ns))


def _untouched(wanted: os.stat_result, found: os.stat_result) -> bool:
    """The same inode with the same change time: nobody can set that back."""
    return (wanted.st_ino, wanted.st_ctime_ns, wanted.st_size, wanted.st_nlink) == (
        found.st_ino,
        found.st_ctime_ns,
        found.st_size,
        found.st_nlink,
    )


def _status(directory: int, name: str) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _remove(directory: int, name: str) -> None:
    """Delete whatever has this name, a whole tree if need be; absent is success."""
    if _unlinked(directory, name):
        return
    opened = [os.open(name, _DIRECTORY, dir_fd=directory)]
    names = [name]
    try:
        while opened:
            top = opened[-1]
            below = next((e for e in _names(top) if not _unlinked(top, e)), None)
            if below is not None:
                opened.append(os.open(below, _DIRECTORY, dir_fd=opened[-1]))
                names.append(below)
                continue
            os.close(opened.pop())
            os.rmdir(names.pop(), dir_fd=opened[-1] if opened else directory)
    finally:
        for descriptor in opened:
            os.close(descriptor)


def _unlinked(directory: int, name: str) -> bool:
    """Delete a name that is no directory; False if it is one."""
    try:
        os.unlink(name, dir_fd=directory)
    except FileNotFoundError:
        return True
    except IsADirectoryError:
        return False
    return True


def _names(directory: int) -> list[str]:
    return os.listdir(directory)
