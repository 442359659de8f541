"""Mounts and mount namespaces by system call.

An NFS server lives in a mount namespace of its own, because a restart of Ganesha takes time
quadratic in the mounts it sees (spec/local-storage.md §2), and because its bind mounts then vanish
with it: whatever happens to the server, the machine keeps no stale mount.

`unshare` and `setns` act on one thread.  So the work runs in a short-lived thread that ends there;
a process started by that thread inherits its namespace.
"""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

MS_RDONLY = 1
MS_NOSUID = 2
MS_NODEV = 4
MS_REMOUNT = 32
MS_NOATIME = 1024
MS_BIND = 4096
MS_REC = 16384
MS_SLAVE = 1 << 19
MNT_DETACH = 2
CLONE_FS = 0x200
CLONE_NEWNS = 0x20000

_libc = ctypes.CDLL(None, use_errno=True)
T = TypeVar("T")


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def mount(source: str, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    """mount(2).  Raises OSError with the system call's errno."""
    sys.audit("abaca.mount", target, source)
    _check(
        _libc.mount(
            source.encode(),
            target.encode(),
            kind.encode() if kind else None,
            ctypes.c_ulong(flags),
            data.encode() if data else None,
        ),
        f"mount {source} on {target}",
    )


def unmount(target: str, flags: int = 0) -> None:
    """umount2(2).  Raises OSError with the system call's errno."""
    sys.audit("abaca.unmount", target)
    _check(_libc.umount2(target.encode(), flags), f"unmount {target}")


def bind(source: str, target: str) -> None:
    """Show the directory `source` at `target`, sub-mounts left out."""
    mount(source, target, None, MS_BIND)


def mount_points() -> dict[str, str]:
    """Mount points of the calling thread's namespace: path -> source device."""
    found: dict[str, str] = {}
    text = Path(f"/proc/self/task/{threading.get_native_id()}/mountinfo").read_text()
    for line in text.splitlines():
        fields = line.split()
        separator = fields.index("-")
        found[_unescape(fields[4])] = _unescape(fields[separator + 2])
    return found


def in_new_namespace(work: Callable[[], T]) -> T:
    """Run `work` in a fresh mount namespace and return what it returns.

    Nothing mounted there is seen outside.  Unmounting outside is followed inside, where mounts
    are shared as systemd does, so that a server keeps no foreign disk busy.  The namespace lives
    on in the processes that `work` starts.
    """

    def enter() -> None:
        _check(_libc.unshare(CLONE_NEWNS), "unshare")
        mount("none", "/", None, MS_REC | MS_SLAVE)

    return _in_thread(enter, work)


def in_namespace_of(pid: int, work: Callable[[], T]) -> T:
    """Run `work` in the mount namespace of a process.  OSError if the process is gone."""

    def enter() -> None:
        descriptor = os.open(f"/proc/{pid}/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
        try:
            _check(_libc.unshare(CLONE_FS), "unshare")
            _check(_libc.setns(descriptor, CLONE_NEWNS), "setns")
        finally:
            os.close(descriptor)

    return _in_thread(enter, work)


def _in_thread(enter: Callable[[], None], work: Callable[[], T]) -> T:
    def body() -> T:
        enter()
        return work()

    with ThreadPoolExecutor(1, thread_name_prefix="mount-namespace") as thread:
        return thread.submit(body).result()


def _unescape(field: str) -> str:
    """mountinfo writes blank, tab, newline and backslash as octal."""
    return field.encode().decode("unicode_escape") if "\\" in field else field
