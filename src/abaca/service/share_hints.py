"""Scheduler hints of a new share: near to other shares, away from them, or on one pool.

What was asked for is also kept as metadata, of the new share and of those it names: a later
migration of either must know.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from abaca.model.context import Context
from abaca.model.errors import BadRequest, NotFound
from abaca.store import shares as store
from abaca.store import shares_find
from abaca.store.engine import Tx

METADATA = {
    "same_host": "__affinity_same_host",
    "different_host": "__affinity_different_host",
}
MAX_TEXT = 1023  # what a metadata value holds: 27 ids
MAX_HOST = 255


def check(tx: Tx, ctx: Context, given: Mapping[str, Any]) -> dict[str, str]:
    """The hints that count: comma separated share ids, and for administrators only_host."""
    found: dict[str, str] = {}
    for hint in METADATA:
        ids = _ids(hint, given.get(hint))
        if ids:
            _known(tx, ctx, ids)
            found[hint] = ",".join(ids)
    only = given.get("only_host")
    if only is not None and not (isinstance(only, str) and len(only) <= MAX_HOST):
        raise BadRequest("scheduler_hints only_host must be text: host@backend#pool.")
    if only and ctx.is_admin:
        found["only_host"] = only
    return found


def _ids(hint: str, value: Any) -> list[str]:
    if value is None:
        return []
    if not isinstance(value, str) or len(value) > MAX_TEXT:
        raise BadRequest(f"scheduler_hints {hint} must be ids of shares, separated by commas.")
    found = []
    for text in value.split(","):
        try:
            found.append(str(uuid.UUID(text.strip())))
        except ValueError:
            raise BadRequest(
                f"scheduler_hints {hint}: {text.strip()[:50]!a} is not the id of a share."
            ) from None
    return found


def _known(tx: Tx, ctx: Context, ids: list[str]) -> None:
    seen = {
        share.id
        for share in shares_find.named(tx, ids)
        if ctx.is_admin or share.project_id == ctx.project_id or share.is_public
    }
    for share_id in ids:
        if share_id not in seen:
            raise NotFound(noun="Share", id=share_id)


def metadata(hints: Mapping[str, str]) -> dict[str, str]:
    """What the new share remembers."""
    return {METADATA[hint]: ids for hint, ids in hints.items() if hint in METADATA}


def tell_others(tx: Tx, ctx: Context, hints: Mapping[str, str], share_id: str) -> None:
    """The caller's shares that were named remember the new one, as far as there is room."""
    for hint, key in METADATA.items():
        for other in sorted(filter(None, hints.get(hint, "").split(","))):
            store.lock(tx, other)
            share = store.get(tx, other)
            if share is None or not (ctx.is_admin or share.project_id == ctx.project_id):
                continue
            known = [text for text in share.metadata.get(key, "").split(",") if text]
            text = ",".join([*known, share_id])
            if len(text) <= MAX_TEXT:
                store.set_metadata(tx, share.id, {key: text})
