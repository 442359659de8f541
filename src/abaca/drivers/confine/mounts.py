"""Mounts and mount namespaces by system call.

The launcher of confined servers imports this module and little else, so it uses ctypes only.
"""

from __future__ import annotations

import ctypes
import errno
import os
import sys

MS_NOSUID = 2
MS_NODEV = 4
MS_NOEXEC = 8
MS_NOATIME = 1024
MS_REC = 16384
MS_PRIVATE = 1 << 18
MNT_DETACH = 2
CLONE_FS = 0x200
CLONE_NEWNS = 0x20000
CLONE_NEWIPC = 0x8000000
CLONE_NEWPID = 0x20000000

# attributes of one mount, for `set_attributes`
READ_ONLY = 0x1
NO_SUID = 0x2
NO_DEVICES = 0x4
NO_EXEC = 0x8
NO_LINKS = 0x200000  # symbolic links in it are not followed

# the numbers of system calls since Linux 5.0 are the same on all machines
_PIVOT_ROOT = {"x86_64": 155}.get(os.uname().machine, 41)
_OPEN_TREE, _MOVE_MOUNT, _MOUNT_SETATTR = 428, 429, 442
_OPEN_TREE_CLONE, _OPEN_TREE_CLOEXEC = 1, os.O_CLOEXEC
_FROM_DESCRIPTOR = 0x4  # MOVE_MOUNT_F_EMPTY_PATH
_AT_FDCWD, _AT_EMPTY_PATH = -100, 0x1000

_libc = ctypes.CDLL(None, use_errno=True)


class _Attributes(ctypes.Structure):
    """struct mount_attr."""

    _fields_ = (
        ("set", ctypes.c_uint64),
        ("clear", ctypes.c_uint64),
        ("propagation", ctypes.c_uint64),
        ("user_namespace", ctypes.c_uint64),
    )


def check(result: int, what: str) -> int:
    """The result of a system call.  OSError with its errno if it failed."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def mount(source: str, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    """mount(2).  Raises OSError with the system call's errno."""
    sys.audit("abaca.mount", target, source)
    check(
        _libc.mount(
            os.fsencode(source),
            os.fsencode(target),
            kind.encode() if kind else None,
            ctypes.c_ulong(flags),
            data.encode() if data else None,
        ),
        f"mount {source} on {target}",
    )


def unmount(target: str, flags: int = 0) -> None:
    """umount2(2).  Raises OSError with the system call's errno."""
    sys.audit("abaca.unmount", target)
    check(_libc.umount2(os.fsencode(target), flags), f"unmount {target}")


def copy_mount(path: str) -> int:
    """A descriptor of a new mount of the file or directory, sub-mounts left out, attached nowhere.

    It keeps its file system busy until it is closed, or attached and unmounted.
    """
    flags = _OPEN_TREE_CLONE | _OPEN_TREE_CLOEXEC
    result = _libc.syscall(_OPEN_TREE, _AT_FDCWD, os.fsencode(path), flags)
    return check(result, f"open_tree {path}")


def set_attributes(descriptor: int, attributes: int) -> None:
    """Add attributes to the mount of a descriptor; no mount is propagated to or from it."""
    wanted = _Attributes(attributes, 0, MS_PRIVATE, 0)
    size = ctypes.c_size_t(ctypes.sizeof(wanted))
    result = _libc.syscall(
        _MOUNT_SETATTR, descriptor, b"", _AT_EMPTY_PATH, ctypes.byref(wanted), size
    )
    check(result, "mount_setattr")


def attach(descriptor: int, target: str) -> None:
    """Attach what `copy_mount` returned, in the mount namespace of the calling thread."""
    result = _libc.syscall(
        _MOVE_MOUNT, descriptor, b"", _AT_FDCWD, os.fsencode(target), _FROM_DESCRIPTOR
    )
    check(result, f"move_mount to {target}")


def detach(target: str) -> None:
    """Unmount as soon as nobody uses it any more; what is not mounted is no error."""
    if _libc.umount2(os.fsencode(target), MNT_DETACH) < 0:
        number = ctypes.get_errno()
        if number not in (errno.EINVAL, errno.ENOENT):
            raise OSError(number, f"unmount {target}: {os.strerror(number)}")


def are_supported() -> bool:
    """Whether this kernel has the calls above: Linux 5.12 or later."""
    result = _libc.syscall(_MOUNT_SETATTR, -1, b"", 0, None, ctypes.c_size_t(0))
    return not (result < 0 and ctypes.get_errno() == errno.ENOSYS)


def change_root(directory: str) -> None:
    """Make a mount point the root of the calling process, and detach everything else."""
    os.chdir(directory)
    check(_libc.syscall(_PIVOT_ROOT, b".", b"."), f"pivot_root to {directory}")
    check(_libc.umount2(b".", MNT_DETACH), "detach the old root")
    os.chdir("/")


def unshare(flags: int) -> None:
    """New namespaces for the calling thread, and for what it starts."""
    check(_libc.unshare(flags), "unshare")


def enter_namespace(descriptor: int) -> None:
    """Take the calling thread, and no other one, into a mount namespace; its root changes too."""
    unshare(CLONE_FS)
    check(_libc.setns(descriptor, CLONE_NEWNS), "setns")


def mount_points(process: int | str = "thread-self") -> dict[str, str]:
    """Mount points that a process or the calling thread sees: path -> source device."""
    found: dict[str, str] = {}
    with open(f"/proc/{process}/mountinfo", encoding="utf-8", errors="surrogateescape") as file:  # noqa: PTH123 (no pathlib here)
        for line in file:
            fields = line.split()
            separator = fields.index("-")
            found[_unescape(fields[4])] = _unescape(fields[separator + 2])
    return found


def _unescape(field: str) -> str:
    """mountinfo writes blank, tab, newline and backslash as octal."""
    return field.encode().decode("unicode_escape") if "\\" in field else field
