"""A confined server that runs: directories bound in and out, and whether it is confined."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from abaca.drivers.confine import capabilities, mounts
from abaca.drivers.confine.server import Bind

T = TypeVar("T")


def inner_pid(pid: int) -> int | None:
    """The pid that a confined process has in its own PID namespace; None if it is not confined."""
    try:
        status = capabilities.status(pid)
    except OSError:
        return None
    pids = status["NSpid"].split()
    return int(pids[-1]) if len(pids) > 1 and status["NoNewPrivs"] == "1" else None


def show(pid: int, bind: Bind) -> None:
    """Bind a file or directory of the machine into the server's root, at a path that is there.

    Repeating it is harmless.  Raises OSError: FileNotFoundError if the source or the target does
    not exist.  The server never sees the target without its source.
    """
    target = bind.target or bind.source
    sys.audit("abaca.mount", str(target), str(bind.source))
    tree = mounts.copy_mount(str(bind.source))
    try:
        source = os.fstat(tree)
        mounts.set_attributes(tree, bind.attributes())
        _inside(pid, lambda: _attach(tree, source, str(target)))
    finally:
        os.close(tree)


def hide(pid: int, target: str) -> None:
    """Take a directory that was bound in out of the server's sight; absent is success."""
    sys.audit("abaca.unmount", target)
    _inside(pid, lambda: mounts.detach(target))


def beside(directory: Path, work: Callable[[], T], instead: Mapping[str, Path]) -> T:
    """Run `work`, and the programs it starts, on files that a confined server writes.

    No symbolic link in `directory` is followed: a server that was taken over may leave some for
    root to follow.  `instead`: files of the machine, and which are seen in their place.
    """

    def body() -> T:
        mounts.unshare(mounts.CLONE_NEWNS)
        mounts.mount("none", "/", None, mounts.MS_REC | mounts.MS_PRIVATE)
        shown = {str(directory): (directory, mounts.NO_LINKS)}
        shown |= {target: (source, 0) for target, source in instead.items()}
        for target, (source, attributes) in shown.items():
            tree = mounts.copy_mount(str(source))
            mounts.set_attributes(tree, attributes)
            mounts.attach(tree, target)
            os.close(tree)
        return work()

    with ThreadPoolExecutor(1, thread_name_prefix="beside") as thread:  # which ends with its mounts
        return thread.submit(body).result()


def _attach(tree: int, source: os.stat_result, target: str) -> None:
    if _same(source, os.stat(target)):  # noqa: PTH116
        return
    mounts.attach(tree, target)
    if not _same(source, os.stat(target)):  # noqa: PTH116
        raise OSError(0, f"{target} does not show its source")


def _same(one: os.stat_result, other: os.stat_result) -> bool:
    return (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)


def _inside(pid: int, work: Callable[[], None]) -> None:
    """Run `work` in the mount namespace of a process.  OSError if the process is gone.

    In a thread that ends there.  None of Python's files are to be seen from in there: `work` must
    not import anything.
    """

    def body() -> None:
        descriptor = os.open(f"/proc/{pid}/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
        try:
            mounts.enter_namespace(descriptor)
        finally:
            os.close(descriptor)
        work()

    with ThreadPoolExecutor(1, thread_name_prefix="mount-namespace") as thread:
        thread.submit(body).result()
