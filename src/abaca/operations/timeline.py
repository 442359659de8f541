"""Reading the log as history: what was done to a resource, and what was done lately."""

from __future__ import annotations

from datetime import datetime

import msgspec
import sqlalchemy as sa

from abaca.model.operations import LIVE, QUEUED, Operation, Step
from abaca.store.engine import Row, Tx
from abaca.store.schema import operations

from .log import COLUMNS, record
from .steps import decode

_o = operations.c
_STEPS = (*COLUMNS, _o.steps)
_OF_RESOURCE = (
    sa.select(*_STEPS)
    .where(
        _o.resource_id == sa.bindparam("resource_id"),
        _o.resource_type == sa.bindparam("resource_type"),
        _o.id > sa.bindparam("after"),
    )
    .order_by(_o.id)
    .limit(sa.bindparam("most"))
    .offset(sa.bindparam("skip"))
)
_RECENT = sa.select(*_STEPS).order_by(_o.id.desc()).limit(sa.bindparam("most"))


def of_resource(
    tx: Tx, resource: tuple[str, str], *, after: int = 0, limit: int, offset: int = 0
) -> list[Operation]:
    """What was done to a resource (type, id), oldest first, with all steps."""
    values = {"resource_type": resource[0], "resource_id": resource[1], "after": after}
    rows = tx.all(_OF_RESOURCE, {**values, "most": limit, "skip": offset})
    return [_whole(row) for row in rows]


def recent(tx: Tx, limit: int) -> list[Operation]:
    """The youngest operations, oldest first, with all steps."""
    return [_whole(row) for row in reversed(tx.all(_RECENT, {"most": limit}))]


def _whole(row: Row) -> Operation:
    """With its life as steps: from the queue to its end."""
    op = record(row[:-1])
    noted = decode(row[-1])
    begun = noted[0].at if noted else op.finished_at
    first = Step(op.created_at, QUEUED, _between(op.created_at, begun), "ok", "")
    last: tuple[Step, ...] = ()
    if op.state not in LIVE and op.finished_at:
        outcome = "ok" if op.state == "done" else "failed"
        last = (Step(op.finished_at, op.state, None, outcome, op.message or ""),)
    return msgspec.structs.replace(op, steps=(first, *noted, *last))


def _between(first: str, second: str | None) -> float | None:
    """Seconds; None while it goes on."""
    if second is None:
        return None
    span = datetime.fromisoformat(second) - datetime.fromisoformat(first)
    return max(0.0, round(span.total_seconds(), 3))
