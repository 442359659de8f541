"""Rows that say themselves when they are not needed any more: `expires_at`."""

from __future__ import annotations

from functools import cache

import sqlalchemy as sa

from .engine import Tx
from .schema import idempotency_keys, messages

TABLES = {"messages": messages, "idempotency_keys": idempotency_keys}


@cache
def _delete(table: sa.Table) -> sa.Delete:
    key = sa.tuple_(*table.primary_key)
    old = sa.select(*table.primary_key).where(table.c.expires_at < sa.bindparam("now"))
    return sa.delete(table).where(key.in_(old.limit(sa.bindparam("most"))))


def batch(tx: Tx, table: sa.Table, most: int) -> int:
    """Delete up to so many expired rows; how many there were."""
    return tx.run(_delete(table), {"now": tx.now, "most": most})


def count(tx: Tx, table: sa.Table) -> int:
    stmt = sa.select(sa.func.count()).select_from(table).where(table.c.expires_at < tx.now)
    return int(tx.scalar(stmt))
