"""Forgetting operations that have ended long ago."""

from __future__ import annotations

import sqlalchemy as sa

from abaca.store.engine import Tx
from abaca.store.schema import operations

_o = operations.c
# Ids grow with time, so old ones are found by their ids: no index has to be kept for this.
_NEXT = (
    sa.select(_o.id, _o.created_at)
    .where(_o.id > sa.bindparam("after"))
    .order_by(_o.id)
    .limit(sa.bindparam("most"))
    .subquery()
)
_WINDOW = sa.select(sa.func.max(_NEXT.c.id), sa.func.min(_NEXT.c.created_at))
_ENDED = _o.finished_at < sa.bindparam("before")  # NULL while it is queued or running
_DELETE = sa.delete(operations).where(
    _o.id > sa.bindparam("after"), _o.id <= sa.bindparam("upto"), _ENDED
)
_COUNT = sa.select(sa.func.count()).select_from(operations).where(_ENDED)


def batch(tx: Tx, before: str, after: int, most: int) -> tuple[int, int | None]:
    """Look at the next `most` operations after an id and delete those that ended before a time.

    How many were deleted, and the id to go on after; None when those that follow are younger.
    """
    upto, oldest = tx.all(_WINDOW, {"after": after, "most": most})[0]
    if upto is None or oldest >= before:
        return 0, None
    return tx.run(_DELETE, {"after": after, "upto": upto, "before": before}), upto


def count(tx: Tx, before: str) -> int:
    """How many there are to delete; looks at all."""
    return int(tx.scalar(_COUNT, {"before": before}))
