"""Keeping and checking secrets.

Passwords, and secrets that a user chose, are hashed with argon2id.  Secrets that abaca made are
random enough for one SHA-256, so that programs with application credentials log in quickly.

A hash takes tens of milliseconds of a core, and a request that waits for one holds a thread of the
API.  So few are made at a time, few requests may wait, and the rest is refused at once.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import secrets
import threading
from collections import Counter
from collections.abc import Iterator

import argon2

from abaca.model.errors import BadRequest, RequestError

from .settings import IdentitySettings

LONGEST = 4096  # characters of a password
_QUICK = "sha256$"


class TooManyLogins(RequestError):
    """Too many passwords are being checked at this moment; try again in a second."""

    code = 503
    retry_after = 1


class Line:
    """Who may wait for a hash: so many in all, and so many of one client."""

    def __init__(self, most: int, most_of_one: int) -> None:
        self._most = most
        self._most_of_one = most_of_one
        self._lock = threading.Lock()
        self._waiting: Counter[str] = Counter()  # by client; only those that wait

    @contextlib.contextmanager
    def place(self, client: str) -> Iterator[None]:
        """A place in the line.  Raises TooManyLogins."""
        with self._lock:
            if self._waiting.total() >= self._most or self._waiting[client] >= self._most_of_one:
                raise TooManyLogins
            self._waiting[client] += 1
        try:
            yield
        finally:
            with self._lock:
                self._waiting[client] -= 1
                self._waiting += Counter()  # without those at 0


class Passwords:
    """Hashes and checks; safe to share between threads.  Raises TooManyLogins.

    `client` is whom a hash is for: an address, or "" for this machine.
    """

    def __init__(self, settings: IdentitySettings) -> None:
        self._hasher = argon2.PasswordHasher(
            time_cost=settings.hash_passes,
            memory_cost=settings.hash_memory_kib,
            parallelism=1,
        )
        self._shortest = settings.shortest_password
        self._turn = threading.BoundedSemaphore(settings.hashes_at_once)
        self._line = Line(settings.logins_at_once, settings.logins_of_one_client)
        self._decoy = self._hasher.hash(secrets.token_urlsafe())

    def hash(self, secret: str, client: str = "") -> str:
        """Of a new secret.  Raises BadRequest for one that is too short or too long."""
        if not self._shortest <= len(secret) <= LONGEST:
            raise BadRequest(f"A password needs {self._shortest} to {LONGEST} characters.")
        with self._line.place(client), self._turn:
            return self._hasher.hash(secret)

    def generate(self) -> tuple[str, str]:
        """A new random secret and its hash."""
        secret = secrets.token_urlsafe(48)
        return secret, _QUICK + _quick(secret)

    def verify(self, kept: str | None, given: str, client: str = "") -> bool:
        """Whether it is the right one.  Every wrong one takes as long, whatever is kept, also if
        nothing is: the time does not tell whether there is such a user or credential."""
        slow: str | None = kept
        if kept is not None and kept.startswith(_QUICK):
            if hmac.compare_digest(kept.removeprefix(_QUICK), _quick(given)):
                return True
            slow = None
        with self._line.place(client), self._turn:
            try:
                self._hasher.verify(slow or self._decoy, given)
            except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
                return False
        return slow is not None


def _quick(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
