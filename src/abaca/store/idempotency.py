"""Answers to requests that carry an idempotency key.

A key is claimed in the transaction that has the effect, so there is a row if and only if there is
an effect, and nothing is left behind by a process that dies in between.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
import sqlalchemy as sa

from abaca.model.context import Context
from abaca.model.idempotency import Answer

from .engine import Tx
from .fixed import Fixed
from .messages import TIME
from .schema import idempotency_keys

LOCK_SECONDS = 5  # how long a second request waits for the first
_k = idempotency_keys.c
_OF = (
    _k.project_id == sa.bindparam("project"),
    _k.user_id == sa.bindparam("user"),
    _k.key == sa.bindparam("idempotency_key"),
)
_LOCK_TIMEOUT = sa.text(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'")
_LOCK_NOT_AVAILABLE = "55P03"  # SQLSTATE
# An expired row that nobody has purged yet is as good as none.
_CLAIM = Fixed(
    sa.text(
        "INSERT INTO idempotency_keys (project_id, user_id, key, fingerprint, expires_at)"
        " VALUES (:project, :user, :idempotency_key, :fingerprint, :expires)"
        " ON CONFLICT (project_id, user_id, key) DO UPDATE"
        " SET fingerprint = excluded.fingerprint, expires_at = excluded.expires_at"
        " WHERE idempotency_keys.expires_at < :now RETURNING fingerprint"
    )
)
_KEEP = Fixed(
    sa.update(idempotency_keys)
    .where(*_OF)
    .values(
        status=sa.bindparam("new_status"),
        headers=sa.bindparam("new_headers"),
        body=sa.bindparam("new_body"),
        expires_at=sa.bindparam("new_expires"),
    )
)
_GET = sa.select(_k.fingerprint, _k.status, _k.headers, _k.body).where(*_OF)


class Taken(Exception):
    """Somebody's transaction has this key and does not end."""


def _of(ctx: Context, key: str) -> dict[str, str]:
    return {"project": ctx.project_id, "user": ctx.user_id, "idempotency_key": key}


# Both go through the primary key; a project that is at its limit is rare.
_COUNT = Fixed(
    sa.select(sa.func.count()).select_from(
        sa.select(sa.literal_column("1"))
        .where(_k.project_id == sa.bindparam("project"))
        .limit(sa.bindparam("most", type_=sa.Integer))
        .subquery()
    )
)
_EXPIRE = Fixed(
    sa.delete(idempotency_keys).where(
        _k.project_id == sa.bindparam("project"), _k.expires_at < sa.bindparam("now")
    )
)


def is_full(tx: Tx, ctx: Context, most: int) -> bool:
    """Whether the project has so many keys; those that have expired are deleted first."""
    which = {"project": ctx.project_id, "most": most}
    if tx.scalar(_COUNT, which) < most:
        return False
    tx.run(_EXPIRE, {"project": ctx.project_id, "now": tx.now})
    return int(tx.scalar(_COUNT, which)) >= most


def claim(tx: Tx, ctx: Context, key: str, fingerprint: str, seconds: int) -> bool:
    """Whether this is the first request with the key; it is the caller's until the commit.

    Waits for a transaction that has claimed it just now.  Raises Taken when that takes too long.
    """
    expires = datetime.strptime(tx.now, TIME) + timedelta(seconds=seconds)
    values = {"fingerprint": fingerprint, "expires": expires.strftime(TIME), "now": tx.now}
    if tx.store.dialect == "postgresql":  # SQLite has one writer, which we are by now
        tx.run(_LOCK_TIMEOUT)
    try:
        return tx.one(_CLAIM, {**_of(ctx, key), **values}) is not None
    except sa.exc.OperationalError as error:
        if getattr(error.orig, "sqlstate", None) == _LOCK_NOT_AVAILABLE:
            raise Taken(key) from error
        raise


def keep(tx: Tx, ctx: Context, key: str, answer: Answer, seconds: int) -> None:
    """The answer to the request that has claimed the key, for so long."""
    expires = datetime.strptime(tx.now, TIME) + timedelta(seconds=seconds)
    values = {
        "new_expires": expires.strftime(TIME),
        "new_status": answer.status,
        "new_headers": msgspec.json.encode(answer.headers).decode(),
        "new_body": None if answer.body is None else answer.body.decode(),
    }
    tx.run(_KEEP, {**_of(ctx, key), **values})


def get(tx: Tx, ctx: Context, key: str) -> tuple[str, Answer]:
    """Fingerprint of the first request with the key, and its answer."""
    row = tx.one(_GET, _of(ctx, key))
    if row is None or row.status is None:
        raise LookupError(f"nothing is kept for the key {key!r} that could not be claimed")
    body = None if row.body is None else row.body.encode()
    return row.fingerprint, Answer(row.status, msgspec.json.decode(row.headers), body)
