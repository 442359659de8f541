"""Give a directory tree the content of another one, in place.

Clients have the share mounted and files open meanwhile, and some of them are hostile; see
`abaca.drivers.walk` for how it stays inside the share.  The caller ensures that nothing new can be
written (`Snapshots.revert_to_snapshot`); what clients delete meanwhile is deleted.

There are two passes.  The first one deletes what the source does not have and empties what differs,
the second one makes what is missing.  So the tree never holds more than the larger of the two.

A file that kept its inode number and change time is as it was; it is passed over.  Changed files
keep their inode, so that clients' handles stay valid; their data is shared (reflink), not copied.
Nested subvolumes are not part of a snapshot: they are left as they are.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from abaca.drivers import aside, walk
from abaca.drivers.handles import Handle, handle_of, open_handle
from abaca.drivers.local import btrfs

# On the share's directory: the operation that reverted it last.  Clients see no trusted attribute.
MARK = "trusted.abaca.reverted-by"
_KEPT_ATTRIBUTES = ("btrfs.", "trusted.abaca.")  # of the target: how it is kept, what it is
PASSES = 5  # where clients delete directories under the walk
_EMPTY = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_WRITE = _EMPTY | os.O_CREAT
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass
class _Pair:
    """The same place in both trees, and what has to be remembered over the whole tree."""

    source: walk.Climb
    target: walk.Climb
    step: walk.Step
    # source inode of a file with several names -> what was made of it, and names still to come
    linked: dict[int, tuple[Handle, int]] = field(default_factory=dict)

    def down(self, name: bytes) -> None:
        """Into a directory that both have; nested subvolumes and what vanished are passed over."""
        try:
            self.source.down(name)
        except OSError as problem:
            if problem.errno != errno.EXDEV:
                raise
            return
        try:
            self.target.down(name)
        except OSError as problem:
            if problem.errno not in (*walk.CHANGED, errno.EXDEV):
                raise
            self.source.up()

    def up(self) -> None:
        self.source.up()
        self.target.up()


def run(source: Path, target: Path, progress: Callable[[int], None]) -> None:
    """`make_equal` in a process of its own; `progress` is told the entries looked at so far."""
    aside.run(__name__, "make_equal", str(source), str(target), progress=progress)


def make_equal(source: Path, target: Path, step: walk.Step = walk.no_step) -> None:
    """Make `target` equal `source`: names, content, owners, modes, times, extended attributes.

    May be repeated after a crash.  Raises OSError.
    """
    with btrfs.opened(source) as from_root, btrfs.opened(target) as to_root:
        for left in reversed(range(PASSES)):
            try:
                for work in (_strip, _fill):
                    with walk.Climb(from_root) as source_climb, walk.Climb(to_root) as target_climb:
                        work(_Pair(source_climb, target_climb, step))
                return
            except OSError as problem:
                if problem.errno not in walk.CHANGED or not left:
                    raise


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


def _strip(pair: _Pair) -> None:
    """Delete what the source does not have, and the data of what differs."""
    while True:
        entry = pair.target.next()
        if entry is None:
            if pair.target.depth == 0:
                return
            pair.up()
            continue
        pair.step()
        found = walk.status(pair.target.descriptor, entry.name)
        if found is None or _is_nested(found):
            continue
        wanted = walk.status(pair.source.descriptor, entry.name)
        if wanted is None or stat.S_IFMT(found.st_mode) != stat.S_IFMT(wanted.st_mode):
            walk.remove(pair.target.descriptor, entry.name, pair.step)
        elif stat.S_ISDIR(found.st_mode):
            pair.down(entry.name)
        elif stat.S_ISREG(found.st_mode) and not _untouched(wanted, found):
            _empty(pair.target.descriptor, entry.name, wanted, found)


def _empty(directory: int, name: bytes, wanted: os.stat_result, found: os.stat_result) -> None:
    """A file keeps its inode, unless other names of the inode must not change with it."""
    if found.st_nlink > 1 and found.st_ino != wanted.st_ino:
        walk.remove(directory, name)
        return
    with (
        contextlib.suppress(FileNotFoundError),
        _regular(directory, name, _WRITE & ~os.O_CREAT) as file,
    ):
        os.ftruncate(file, 0)


def _fill(pair: _Pair) -> None:
    """Make what is missing or differs."""
    while True:
        entry = pair.source.next()
        if entry is None:
            _copy_attributes(pair.source.descriptor, pair.target.descriptor)
            if pair.source.depth == 0:
                return
            pair.up()
            continue
        pair.step()
        with contextlib.suppress(FileNotFoundError):  # a client deleted the directory
            _make(pair, entry.name)


def _make(pair: _Pair, name: bytes) -> None:
    """Make one name equal; into a directory the pair moves down."""
    source, target = pair.source.descriptor, pair.target.descriptor
    wanted = os.stat(name, dir_fd=source, follow_symlinks=False)
    found = walk.status(target, name)
    if found is not None and stat.S_IFMT(found.st_mode) != stat.S_IFMT(wanted.st_mode):
        walk.remove(target, name, pair.step)
        found = None
    if stat.S_ISDIR(wanted.st_mode):
        if found is None:
            os.mkdir(name, 0o700, dir_fd=target)
        pair.down(name)
        return
    if found is None or not _untouched(wanted, found):
        if _linked(pair, name, wanted, found):
            return
        if stat.S_ISREG(wanted.st_mode):
            _copy_file(source, target, name, wanted, found)
        else:
            _copy_special(source, target, name, wanted)
    if wanted.st_nlink > 1 and wanted.st_ino not in pair.linked:
        pair.linked[wanted.st_ino] = (handle_of(target, name), wanted.st_nlink - 1)


def _linked(pair: _Pair, name: bytes, wanted: os.stat_result, found: os.stat_result | None) -> bool:
    """Make a further name of a file that was made already; False if none was."""
    if wanted.st_nlink == 1 or wanted.st_ino not in pair.linked:
        return False
    handle, left = pair.linked.pop(wanted.st_ino)
    target = pair.target.descriptor
    try:
        made = open_handle(target, handle, os.O_PATH)
    except OSError as problem:
        if problem.errno != errno.ESTALE:  # a client deleted it
            raise
        return False
    try:
        if found is None or found.st_ino != os.fstat(made).st_ino:
            walk.remove(target, name, pair.step)
            os.link(_proc_path(made), name, dst_dir_fd=target)
    except FileNotFoundError:
        return False
    finally:
        os.close(made)
    if left > 1:
        pair.linked[wanted.st_ino] = (handle, left - 1)
    return True


def _copy_file(
    source: int, target: int, name: bytes, wanted: os.stat_result, found: os.stat_result | None
) -> None:
    """Content by reflink into the existing inode, so that open files see it."""
    if found is not None and found.st_nlink > 1 and found.st_ino != wanted.st_ino:
        walk.remove(target, name)
    with _regular(source, name, _READ) as reading, _regular(target, name, _WRITE) as writing:
        os.ftruncate(writing, 0)
        if wanted.st_size:
            btrfs.clone_file(reading, writing)
        _copy_attributes(reading, writing)


def _copy_special(source: int, target: int, name: bytes, wanted: os.stat_result) -> None:
    """Symbolic links, devices, pipes, sockets."""
    walk.remove(target, name)
    if stat.S_ISLNK(wanted.st_mode):
        os.symlink(os.readlink(name, dir_fd=source), name, dir_fd=target)
    else:
        os.mknod(name, wanted.st_mode, wanted.st_rdev, dir_fd=target)
    flags = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
    with _opened(source, name, flags) as model, _opened(target, name, flags) as made:
        if stat.S_IFMT(os.fstat(made).st_mode) == stat.S_IFMT(wanted.st_mode):
            _copy_attributes(model, made)


def _copy_attributes(source: int, target: int) -> None:
    """Owner, extended attributes (ACLs among them), mode, times of two open files of any kind."""
    wanted = os.fstat(source)
    model, made = _proc_path(source), _proc_path(target)
    os.chown(made, wanted.st_uid, wanted.st_gid)  # takes set-id bits and capabilities away: first
    names = {name for name in os.listxattr(model) if not name.startswith(_KEPT_ATTRIBUTES)}
    for name in os.listxattr(made):
        if name not in names and not name.startswith(_KEPT_ATTRIBUTES):
            os.removexattr(made, name)
    for name in names:
        os.setxattr(made, name, os.getxattr(model, name))
    if not stat.S_ISLNK(wanted.st_mode):
        Path(made).chmod(stat.S_IMODE(wanted.st_mode))
    os.utime(made, ns=(wanted.st_atime_ns, wanted.st_mtime_ns))


def _untouched(wanted: os.stat_result, found: os.stat_result) -> bool:
    """The same inode with the same change time: nobody can set that back."""
    return (wanted.st_ino, wanted.st_ctime_ns, wanted.st_size, wanted.st_nlink) == (
        found.st_ino,
        found.st_ctime_ns,
        found.st_size,
        found.st_nlink,
    )


def _is_nested(found: os.stat_result) -> bool:
    return found.st_ino == btrfs.SUBVOLUME_INODE and stat.S_ISDIR(found.st_mode)


@contextlib.contextmanager
def _opened(directory: int, name: bytes, flags: int) -> Iterator[int]:
    descriptor = os.open(name, flags, 0o600, dir_fd=directory)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _regular(directory: int, name: bytes, flags: int) -> Iterator[int]:
    """A regular file, opened; ESTALE if a client put something else there."""
    with _opened(directory, name, flags) as descriptor:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.ESTALE, "a client replaces files during the revert")
        yield descriptor


def _proc_path(descriptor: int) -> str:
    """A path of an open file, also of one that cannot be read; it leads to no other file."""
    return f"/proc/self/fd/{descriptor}"


def _make_equal(source: str, target: str, step: walk.Step) -> None:
    make_equal(Path(source), Path(target), step)


if __name__ == "__main__":
    aside.main({"make_equal": _make_equal})
