"""Daemons that outlive abaca: find them again by pid file, end them by pid.

A pid file alone proves nothing (the number may belong to another process by now), so a daemon is
recognised by its user and a word of its command line: the path of its configuration.  Both count:
abaca enters the namespaces of a daemon as root, and every user can write such a command line.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path


def read_pid(pid_file: Path) -> int | None:
    """The number in a pid file, or None if there is none."""
    try:
        return int(pid_file.read_text().strip() or "0") or None
    except (OSError, ValueError):
        return None


def is_running(pid: int, word: str) -> bool:
    """Whether the process lives (a zombie does not), belongs to the user of this process, and has
    `word` in its command line."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    return f"\nUid:\t{os.getuid()}\t" in status and any(word.encode() in each for each in words)


def is_ending(pid: int) -> bool:
    """Whether the process has dropped its memory, but not yet its sockets and mounts."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes()
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        threads = sum(1 for _ in Path(f"/proc/{pid}/task").iterdir())
    except OSError:
        return False
    # the first thread of many is a zombie before the last one has closed the sockets
    return not words and (state not in "ZX" or threads > 1)


def wait_for_end(pid_file: Path, seconds: float) -> None:
    """Wait until a daemon that was killed has let go of its ports."""
    pid = read_pid(pid_file)
    if pid is not None:
        wait_until(lambda: not is_ending(pid), seconds)


def find_running(pid_file: Path, word: str) -> int | None:
    """The pid of the daemon that this pid file and this command line word describe."""
    pid = read_pid(pid_file)
    return pid if pid is not None and is_running(pid, word) else None


def wait_until(condition: Callable[[], bool], seconds: float, pause: float = 0.005) -> bool:
    """Poll a condition until it holds; False at the deadline."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(pause)
    return True


def terminate(pid: int, word: str, seconds: float, at_once: bool = False) -> None:
    """SIGTERM, then SIGKILL if it still runs after `seconds`, or at once.  Gone is success."""
    for number in (signal.SIGKILL,) if at_once else (signal.SIGTERM, signal.SIGKILL):
        if not is_running(pid, word):
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        if wait_until(lambda: not is_running(pid, word), seconds):
            return
