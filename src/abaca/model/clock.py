"""What time it is.

Everything that is decided by time below the API asks here and never the machine itself, so that a
simulation (abaca.testing.simulation) can let time pass as it likes.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime


class Clock:
    """That of this machine."""

    def now(self) -> float:
        return time.time()

    def uptime(self) -> float:
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


_machine = Clock()
_clock = _machine


def now() -> float:
    """Seconds since 1970."""
    return _clock.now()


def uptime() -> float:
    """Seconds since this machine was started, those included in which it was suspended."""
    return _clock.uptime()


def sleep(seconds: float) -> None:
    _clock.sleep(seconds)


def text() -> str:
    """The time as every table keeps it: UTC, sorts as text, shown by the API as it is."""
    return datetime.fromtimestamp(now(), UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")


def install(clock: Clock | None) -> None:
    """Ask this one from now on; None: that of the machine."""
    global _clock
    _clock = clock or _machine
