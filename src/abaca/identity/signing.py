"""Tokens: what they say, signed so that nobody else can say it.

A token is `abt1.` and base64url of a msgpack array and its HMAC-SHA256.  It says who, where and
until when; roles are looked up when it is used, so a withdrawn role is gone at once.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import hmac
import os
import secrets
from pathlib import Path

import msgspec
from sqlalchemy.exc import IntegrityError

from abaca.model.errors import AbacaError, Unauthorized
from abaca.store import identity as rows
from abaca.store.engine import Store

PREFIX = "abt1."
LONGEST = 2048  # characters of a token
_MAC = 32


class BadKeyFile(AbacaError):
    """The token key file {path} cannot be used: {reason}."""


class Claims(msgspec.Struct, frozen=True, array_like=True):
    """What a token says."""

    jti: str
    user_id: str
    methods: tuple[str, ...]
    scope: str  # "", project, domain, system
    target_id: str  # of the project or domain; "all" for the system
    issued: float  # epoch seconds
    expires: float
    credential_id: str = ""  # application credential it was got with
    parent: str = ""  # jti of the token it was got with
    epoch: float = -1.0  # User.valid_after when the password was read; -1: of an older release


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Claims).decode


class Signer:
    """Makes and opens tokens.  The first key signs, all keys verify."""

    def __init__(self, keys: list[bytes]) -> None:
        self._keys = keys

    def sign(self, claims: Claims) -> str:
        payload = _encode(claims)
        raw = payload + _mac(self._keys[0], payload)
        return PREFIX + base64.urlsafe_b64encode(raw).decode().rstrip("=")

    def open(self, token: str) -> Claims:
        """What the token says, whether or not it still holds.  Raises Unauthorized."""
        try:
            text = token.removeprefix(PREFIX)
            if text == token or len(text) > LONGEST:
                raise ValueError("not one of ours")
            raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
            payload, mac = raw[:-_MAC], raw[-_MAC:]
            if not any(hmac.compare_digest(_mac(key, payload), mac) for key in self._keys):
                raise ValueError("not one of ours")
            return _decode(payload)
        except (ValueError, binascii.Error, msgspec.MsgspecError):
            raise Unauthorized("The token is not valid; log in again.") from None


def _mac(key: bytes, payload: bytes) -> bytes:
    return hmac.digest(key, PREFIX.encode() + payload, hashlib.sha256)


def new_jti() -> str:
    return secrets.token_urlsafe(16)


def load_keys(store: Store, key_file: Path | None) -> list[bytes]:
    """The token keys, from the file or else the database; the first caller makes one."""
    return _file_keys(key_file) if key_file is not None else _stored_keys(store)


def _stored_keys(store: Store) -> list[bytes]:
    with store.read() as tx:
        if keys := rows.key_secrets(tx):
            return keys
    with contextlib.suppress(IntegrityError), store.transaction() as tx:
        if not rows.key_secrets(tx):
            rows.add_key(tx, secrets.token_bytes(32))
    with store.read() as tx:
        return rows.key_secrets(tx)  # ours, or that of a process that was first


def _file_keys(path: Path) -> list[bytes]:
    """One key a line, hex, newest first."""
    try:
        if not path.exists():
            _create(path)
        if path.stat().st_mode & 0o077:
            raise BadKeyFile(path=path, reason="others may read it; chmod 600 it")
        keys = [bytes.fromhex(line) for line in path.read_text().split()]
    except OSError as error:
        raise BadKeyFile(path=path, reason=error.strerror or repr(error)) from error
    except ValueError:  # which quotes a part of the file
        keys = []
    if not keys or min(map(len, keys)) < _MAC:
        raise BadKeyFile(path=path, reason="it needs lines of 64 hex digits")
    return keys


def _create(path: Path) -> None:
    """Whole or not at all, also when several processes start at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(secrets.token_hex(32) + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        pass  # another process was first; its key counts
    finally:
        draft.unlink()
