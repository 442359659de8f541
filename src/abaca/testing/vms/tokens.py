"""Who is asking: tokens that expire, API tokens, Basic; and for which tenant."""

from __future__ import annotations

import base64
import binascii
import secrets
import time
from collections.abc import Callable, Mapping

from abaca.testing.vms import state
from abaca.testing.vms.call import Call, Reply
from abaca.testing.vms.refusal import Refusal
from abaca.testing.vms.state import Tx

EXPIRED = "Token is invalid or expired"


def login(call: Call) -> Reply:
    """POST /token/"""
    given = call.given()
    if given.keys() != {"username", "password"}:
        raise Refusal(400, "username and password are required")
    if not _known(call.tx, given["username"], given["password"]):
        raise Refusal(401, "No active account found with the given credentials")
    return _pair(call.tx)


def refresh(call: Call) -> Reply:
    """POST /token/refresh/"""
    given = call.given()
    if given.keys() != {"refresh"}:
        raise Refusal(400, "refresh is required")
    if not _valid(call.tx, given["refresh"], "refresh"):
        raise Refusal(401, EXPIRED)
    call.tx.execute("DELETE FROM tokens WHERE token = ?", (given["refresh"],))
    return _pair(call.tx)


def _pair(tx: Tx) -> Reply:
    made = {}
    for use, life in (("access", "token_seconds"), ("refresh", "refresh_seconds")):
        made[use] = secrets.token_hex(16)
        expires = time.time() + state.setting(tx, life)
        tx.execute("INSERT INTO tokens VALUES (?, ?, ?)", (made[use], use, expires))
    return Reply(200, made)


def _valid(tx: Tx, token: object, use: str) -> bool:
    found = tx.execute(
        "SELECT 1 FROM tokens WHERE token = ? AND use = ? AND expires > ?",
        (str(token), use, time.time()),
    ).fetchone()
    return found is not None


def _known(tx: Tx, user: object, password: object) -> bool:
    return (user, password) == (state.setting(tx, "user"), state.setting(tx, "password"))


def expire(tx: Tx, refresh_too: bool = False) -> None:
    """Every access token is void from now on."""
    tx.execute("DELETE FROM tokens WHERE use = 'access' OR ?", (refresh_too,))


def check(tx: Tx, headers: Mapping[str, str]) -> None:
    """Refusal unless the caller has shown who it is."""
    scheme, _, shown = headers.get("authorization", "").partition(" ")
    schemes: dict[str, Callable[[], bool]] = {
        "Bearer": lambda: _valid(tx, shown, "access"),
        "Api-Token": lambda: bool(shown) and shown == state.setting(tx, "api_token"),
        "Basic": lambda: _known(tx, *_basic(shown)),
    }
    if scheme not in schemes or not schemes[scheme]():
        raise Refusal(403, EXPIRED)


def _basic(shown: str) -> tuple[str, str]:
    try:
        user, _, password = base64.b64decode(shown, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return user, password


def tenant(tx: Tx, headers: Mapping[str, str]) -> int:
    """The tenant named in X-Tenant-Name, or the first one."""
    tenants: dict[str, int] = state.setting(tx, "tenants")
    name = headers.get("x-tenant-name")
    if name is None:
        return next(iter(tenants.values()))
    if name not in tenants:
        raise Refusal(400, f"Tenant {name} not found")
    return tenants[name]
