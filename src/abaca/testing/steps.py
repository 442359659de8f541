"""Killing a process at a chosen step of a driver's call: a real SIGKILL, on real storage.

A step is anything done to the world: a command, a file opened to be written, a rename, an ioctl, a
mount, a message to a daemon, words to another machine.  Python tells of each just before it is done
(audit events, PEP 578); what Python does not see by itself, the drivers tell in the same way
(`abaca.bus`, `abaca.ssh`, `abaca.mount`).  So steps are found, not listed, and a new one is covered
the day it is written.

To the world, after a step and before the next one are the same.  The last point is the answer:
everything is done, and nobody hears of it.

A call is played in a fork of this process, with the driver as it stands here.  A fork must not use
its parent's connections: the call has to hang up first.
"""

from __future__ import annotations

import multiprocessing
import os
import re
import signal
import sys
import tempfile
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from itertools import zip_longest
from pathlib import Path
from typing import Any

from abaca.testing.crash import Cutter

ANSWER = "the answer"
_CHANGING = ("abaca.", "fcntl.ioctl", "open", "os.", "subprocess.")
_LOOKING = frozenset({"os.listdir", "os.scandir", "os.walk", "os.getxattr", "os.listxattr"})
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_ALL = ("",)  # threads, whatever their names
_PASSING = re.compile(r"\b(?:[0-9a-f]{8}\Z|\d+\b)")  # made-up ends of names, and ids


class Trial(ABC):
    """A backend on which calls are cut off and made again."""

    @abstractmethod
    def look(self) -> Any:
        """Everything that calls can leave behind, seen without the driver; compared with ==."""

    @abstractmethod
    def restart(self) -> None:
        """abaca ends and comes back; nothing of it runs in the background after that."""

    @abstractmethod
    def hang_up(self) -> None:
        """Forget the connections of the driver; in a fork."""

    @abstractmethod
    def settle(self) -> None:
        """Wait for what a call has left to the background."""

    @abstractmethod
    def check_cut_off(self, old: Any, new: Any, seen: Any) -> None:
        """What must hold of the world when a call between these two was cut off."""

    def cycle(
        self, there: Callable[[], object], back: Callable[[], object], cut_back: bool = True
    ) -> None:
        """Cut off each of two calls, which undo each other, at each of its points; made again by
        a new process it must end as if nothing had been.

        cut_back: False if `back` is only a preparation.
        """
        before = self._restarted()
        onward, after = self._points(there), self._restarted()
        homeward = self._points(back) if cut_back else []
        if not cut_back:
            back()
        assert self._restarted() == before
        for this, that in zip_longest(onward, homeward):
            self._taken_up(there, this, before, after)
            self._taken_up(back, that, after, before)

    def undone(self, call: Callable[[], object], undo: Callable[[], object]) -> None:
        """Cut off a call at each of its points and give it up: nothing of it may stay."""
        before = self._restarted()
        found = self._points(call)
        self._afresh(undo, before, "the end")
        for point in found:
            killed(self._whole(call), point)
            self._afresh(undo, before, point)

    def _points(self, call: Callable[[], object]) -> list[str]:
        return points(self._whole(call), self.look)

    def _taken_up(self, call: Callable[[], object], point: str | None, old: Any, new: Any) -> None:
        if point is not None:
            killed(self._whole(call), point)
            self.check_cut_off(old, new, self.look())
        self._afresh(call, new, point)

    def _afresh(self, call: Callable[[], object], wanted: Any, point: str | None) -> None:
        self.restart()
        call()
        self.settle()
        assert self.look() == wanted, f"killed at {point}"

    def _whole(self, call: Callable[[], object]) -> Callable[[], None]:
        def whole() -> None:
            self.hang_up()
            call()
            self.settle()

        return whole

    def _restarted(self) -> Any:
        self.restart()
        return self.look()


class _Thread(threading.local):
    telling = False


_thread = _Thread()
_forks = multiprocessing.get_context("fork")


def points(call: Callable[[], object], look: Callable[[], object]) -> list[str]:
    """Where a process that makes this call can be killed; the call is made, to its end.

    look: how the world is.  Of points between which it stays the same one is enough.
    """
    with tempfile.NamedTemporaryFile() as record:
        code = _played(call, _Recorder(Path(record.name), look))
        assert code == 0, "the call failed in the process that recorded it; see above"
        return Path(record.name).read_text().splitlines()


def killed(call: Callable[[], object], point: str) -> None:
    """Make this call in a process that dies at the point.  AssertionError if it did not."""
    code = _played(call, Cutter(point, None, threads=_ALL))
    assert code == -signal.SIGKILL, f"not killed at {point}, but ended with {code}"


class _Recorder(Cutter):
    def __init__(self, record: Path, look: Callable[[], object]) -> None:
        super().__init__(None, record, threads=_ALL)
        self._look = look
        self._seen: object = None

    def _pass(self, point: str) -> None:
        seen = self._look()
        if seen != self._seen:
            super()._pass(point)
            self._seen = seen


def _played(call: Callable[[], object], cutter: Cutter) -> int | None:
    process = _forks.Process(target=_play, args=(call, cutter))
    process.start()
    process.join()
    return process.exitcode


def _play(call: Callable[[], object], cutter: Cutter) -> None:
    sys.addaudithook(lambda event, args: _tell(cutter, event, args))
    call()
    _pass(cutter, ANSWER)


def _tell(cutter: Cutter, event: str, args: tuple[Any, ...]) -> None:
    if _thread.telling or event in _LOOKING or not event.startswith(_CHANGING):
        return
    if event == "open" and not (isinstance(args[0], str) and args[2] & _WRITING):
        return
    _pass(cutter, f"{event} {_described(event, args)}")


def _pass(cutter: Cutter, point: str) -> None:
    _thread.telling = True  # the record is a file that is written, too
    try:
        cutter(point)
    finally:
        _thread.telling = False


def _described(event: str, args: tuple[Any, ...]) -> str:
    """What says most; without made-up words, so that it is the same every time."""
    if event == "fcntl.ioctl":
        return hex(args[1])  # the request
    told = args[1] if event == "subprocess.Popen" else args
    return " ".join(_PASSING.sub("*", str(word)) for word in told)[-100:]
