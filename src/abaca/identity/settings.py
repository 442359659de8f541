"""What can be set about the embedded identity."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

DEFAULT_DOMAIN = "default"


class IdentitySettings(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of the embedded identity; every one has a default that is right for one machine."""

    public_url: str = ""  # http(s)://host:port that clients use; "": what the request says
    region: str = "RegionOne"
    token_seconds: float = 3600.0  # how long a token is good for
    key_file: Path | None = None  # token key, mode 0600; None: a key in the database
    login_failures: int = 5  # wrong passwords for one user from one address, per minute
    address_failures: int = 60  # wrong passwords from one address, per minute
    hash_memory_kib: int = 19456  # argon2id; OWASP's minimum is 19456 KiB with two passes
    hash_passes: int = 2
    hashes_at_once: int = max(1, (os.cpu_count() or 1) - 1)  # a core stays for everything else
    logins_at_once: int = 4  # threads that hash or wait for it: half of those of the API
    logins_of_one_client: int = 2
    shortest_password: int = 8  # characters


def cheap_settings(**values: object) -> IdentitySettings:
    """For tests: hashing that costs nothing."""
    return IdentitySettings(**{"hash_memory_kib": 8, "hash_passes": 1, **values})  # type: ignore[arg-type]
