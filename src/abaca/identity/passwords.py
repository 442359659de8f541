"""Keeping and checking secrets.

Passwords, and secrets that a user chose, are hashed with argon2id.  Secrets that abaca made are
random enough for one SHA-256, so that programs with application credentials log in quickly.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading

import argon2

from .settings import IdentitySettings

LONGEST = 4096  # characters of a password
_QUICK = "sha256$"


class Passwords:
    """Hashes and checks; safe to share between threads."""

    def __init__(self, settings: IdentitySettings) -> None:
        self._hasher = argon2.PasswordHasher(
            time_cost=settings.hash_passes,
            memory_cost=settings.hash_memory_kib,
            parallelism=1,
        )
        self._turn = threading.BoundedSemaphore(settings.parallel_logins)
        self._decoy = self._hasher.hash(secrets.token_urlsafe())

    def hash(self, secret: str) -> str:
        with self._turn:
            return self._hasher.hash(secret)

    def generate(self) -> tuple[str, str]:
        """A new random secret and its hash."""
        secret = secrets.token_urlsafe(48)
        return secret, _QUICK + _quick(secret)

    def verify(self, kept: str | None, given: str) -> bool:
        """Whether it is the right one; with nothing kept it takes as long as a wrong one."""
        if kept is not None and kept.startswith(_QUICK):
            return hmac.compare_digest(kept.removeprefix(_QUICK), _quick(given))
        with self._turn:
            try:
                self._hasher.verify(kept or self._decoy, given)
            except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
                return False
        return kept is not None


def _quick(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
