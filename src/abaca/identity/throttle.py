"""Slowing down those who guess passwords.

Failures are counted in the database, so that several API processes give no more guesses than one.
A verdict is given only while a counter is below its limit: guesses that are checked at the same
moment get no more verdicts than guesses one after the other.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable, Mapping
from typing import ClassVar

import msgspec

from abaca.model.errors import RequestError
from abaca.store import failures
from abaca.store.engine import Store

Key = tuple[str, ...]
WINDOW = 60.0  # seconds
_encode = msgspec.msgpack.Encoder().encode


class TooManyFailures(RequestError):
    """Too many failed logins; try again in {seconds} s."""

    code: ClassVar[int] = 429


class Throttle:
    """Counts failures of keys; refuses a key for the rest of its window once there are too many.

    secret: decides which keys share a counter, so that nobody can look for such keys.
    """

    def __init__(
        self,
        store: Store,
        secret: bytes,
        *,
        window: float = WINDOW,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._secret = secret
        self._window = window
        self._clock = clock

    def _slot(self, key: Key) -> int:
        found = hmac.digest(self._secret, b"throttle" + _encode(key), hashlib.sha256)
        return int.from_bytes(found[:4], "big") % failures.SLOTS

    def check(self, limits: Mapping[Key, int]) -> None:
        """Raise TooManyFailures if a key has reached its limit."""
        with self._store.read() as tx:
            found = {key: failures.read(tx, self._slot(key)) for key in limits}
        for key, counted in found.items():
            if counted is not None:
                self._refuse_if(counted.times >= limits[key], counted.since)

    def failed(self, limits: Mapping[Key, int]) -> None:
        """Count a failure of each key.

        Raises TooManyFailures if a key had reached its limit before: then the caller must not tell
        that the guess was wrong.
        """
        now = self._clock()
        with self._store.transaction(durable=False) as tx:
            found = {
                key: failures.add(tx, self._slot(key), now=now, before=now - self._window)
                for key in sorted(limits, key=self._slot)  # one order: no deadlock
            }
        for key, (since, count) in found.items():
            self._refuse_if(count > limits[key], since)

    def succeeded(self, key: Key, limits: Mapping[Key, int]) -> None:
        """Forget the failures of a key whose guess was right.

        Raises TooManyFailures if a limit was reached meanwhile.
        """
        self.check(limits)
        slot = self._slot(key)
        with self._store.read() as tx:
            counted = failures.read(tx, slot)
        if counted is not None:
            with self._store.transaction(durable=False) as tx:
                failures.forget(tx, slot)

    def _refuse_if(self, reached: bool, since: float) -> None:
        left = since + self._window - self._clock()
        if reached and left > 0:
            raise TooManyFailures(seconds=int(left) + 1)
