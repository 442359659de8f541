"""A mount namespace for Samba, until it has a root of its own (abaca.drivers.confine)."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from abaca.drivers.confine import mounts

MS_BIND = 4096
MS_SLAVE = 1 << 19
T = TypeVar("T")


def bind(source: str, target: str) -> None:
    """Show the directory `source` at `target`, sub-mounts left out."""
    mounts.mount(source, target, None, MS_BIND)


def in_new_namespace(work: Callable[[], T]) -> T:
    """Run `work`, and what it starts, in a fresh mount namespace; return what it returns."""

    def body() -> T:
        mounts.unshare(mounts.CLONE_NEWNS)
        mounts.mount("none", "/", None, mounts.MS_REC | MS_SLAVE)
        return work()

    with ThreadPoolExecutor(1, thread_name_prefix="mount-namespace") as thread:
        return thread.submit(body).result()
