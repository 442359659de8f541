"""Putting work on record, in the transaction of whoever asks for it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import sqlalchemy as sa

from abaca.model.context import Context
from abaca.model.operations import QUEUED, RUNNING, Operation
from abaca.store.engine import Tx
from abaca.store.fixed import Fixed
from abaca.store.schema import operations
from abaca.store.signals import Served

from .log import held, lease_name
from .turns import turn

_o = operations.c
_NOBODY = -1  # no lease has this epoch


def _enqueue() -> sa.Executable:
    """It runs at once under the epoch of a lease that is ours, if no other of its key is live."""
    first = operations.alias("first")
    live = sa.exists().where(
        first.c.lock_key == sa.bindparam("lock_key"),
        sa.text("first.state IN ('queued', 'running')"),
    )
    found = sa.select((sa.exists(sa.select(held.c.epoch)) & ~live).label("free")).subquery()

    def if_free(yes: Any, no: Any) -> sa.Case[Any]:
        return sa.case((found.c.free, yes), else_=no)

    now = sa.bindparam("created_at", type_=_o.created_at.type)
    decided: dict[str, sa.ColumnElement[Any]] = {
        "state": if_free(RUNNING, QUEUED),
        "attempt": if_free(1, 0),
        "epoch": if_free(sa.bindparam("lease_epoch", type_=_o.epoch.type), 0),
        "started_at": if_free(now, sa.null()),
        "cancel_requested": sa.false(),
        "not_before": sa.literal(0.0, _o.not_before.type),
        "turn": if_free(0, turn("host", "project_id")),
    }
    given = ("kind", "host", "lock_key", "resource_type", "resource_id", "project_id", "user_id",
             "request_id", "payload", "deadline", "created_at")  # fmt: skip
    columns = {name: sa.bindparam(name, type_=_o[name].type) for name in given} | decided
    rows = sa.select(*columns.values()).select_from(found)
    return sa.insert(operations).from_select(list(columns), rows).returning(_o.id, _o.state)


_ENQUEUE = Fixed(_enqueue())


def enqueue(
    tx: Tx,
    kind: str,
    *,
    host: str,
    lock_key: str,
    resource_type: str,
    resource_id: str,
    ctx: Context,
    project_id: str | None = None,
    payload: dict[str, Any] | None = None,
    deadline: float | None = None,
) -> int:
    """Put work on record; its id.  It starts once the caller's transaction is committed: at once
    if this process serves the queue and nothing waits in it, else when a worker claims it.

    host: 'host@backend' (a pool part is cut off), or UNPLACED.
    """
    queue = host.partition("#")[0]
    values = {
        "kind": kind,
        "host": queue,
        "lock_key": lock_key,
        "resource_type": resource_type,
        "resource_id": resource_id,
        "project_id": ctx.project_id if project_id is None else project_id,
        "user_id": ctx.user_id,
        "request_id": ctx.request_id,
        "payload": msgspec.json.encode(payload or {}).decode(),
        "deadline": deadline,
        "created_at": tx.now,
    }
    served = tx.store.signals.served(queue)
    epoch = served.reserve() if served else None
    if served is None or epoch is None:
        return _insert(tx, values, None)[0]
    with _reserved(tx, served) as take:
        op_id, state = _insert(tx, values, epoch)
        if state == RUNNING:
            take(_running(op_id, epoch, values, payload or {}))
    return op_id


def _insert(tx: Tx, values: dict[str, Any], epoch: int | None) -> tuple[int, str]:
    queue: str = values["host"]
    lease = {"lease": lease_name(queue), "lease_epoch": _NOBODY if epoch is None else epoch}
    op_id, state = tx.all(_ENQUEUE, {**values, **lease})[0]
    if state == QUEUED:
        tx.store.signals.announce(tx, queue)
    return op_id, state


@contextlib.contextmanager
def _reserved(tx: Tx, served: Served) -> Iterator[Callable[[Operation], None]]:
    """Use a reservation, or give it back."""
    taken: list[int] = []

    def take(op: Operation) -> None:
        taken.append(op.id)
        tx.after_commit(served.take(op))
        tx.otherwise(lambda: served.release(op.id))

    try:
        yield take
    finally:
        if not taken:
            served.release(None)


def _running(op_id: int, epoch: int, values: dict[str, Any], payload: dict[str, Any]) -> Operation:
    """The record of what was written, without reading it back."""
    return Operation(
        **{**values, "payload": payload},
        id=op_id,
        state=RUNNING,
        attempt=1,
        epoch=epoch,
        cancel_requested=False,
        progress=None,
        message=None,
        started_at=values["created_at"],
        finished_at=None,
    )
