"""Slowing down those who guess passwords."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import ClassVar

from abaca.model.errors import RequestError

MOST_KEYS = 10_000  # remembered at a time; the longest silent is forgotten first


class TooManyFailures(RequestError):
    """Too many failed logins; try again in {seconds} s."""

    code: ClassVar[int] = 429


class Throttle:
    """Counts failures of a key; refuses it for the rest of the window once there are too many."""

    def __init__(self, window: float = 60.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._window = window
        self._clock = clock
        self._lock = threading.Lock()
        self._failures: OrderedDict[Hashable, tuple[float, int]] = OrderedDict()  # since, how many

    def check(self, key: Hashable, most: int) -> None:
        """Raise TooManyFailures if this key has failed `most` times in its window."""
        with self._lock:
            since, count = self._failures.get(key, (0.0, 0))
            left = since + self._window - self._clock()
        if count >= most and left > 0:
            raise TooManyFailures(seconds=int(left) + 1)

    def failed(self, key: Hashable) -> None:
        with self._lock:
            now = self._clock()
            since, count = self._failures.pop(key, (now, 0))
            if since + self._window <= now:
                since, count = now, 0
            self._failures[key] = (since, count + 1)
            if len(self._failures) > MOST_KEYS:
                self._failures.popitem(last=False)

    def succeeded(self, key: Hashable) -> None:
        with self._lock:
            self._failures.pop(key, None)
