"""The operation log: claim, finish, retry.  The SQL of the `operations` table.

An operation is written in the transaction of its caller, so a request is acknowledged if and only
if its work is on record.  Operations with one lock key run one at a time, in the order in which
they were written: callers change the row they work on (compare-and-swap) before they enqueue, so
the order of ids follows the order of commits.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from abaca.model.errors import LeaseLost
from abaca.model.operations import CANCELLED, FAILED, LIVE, QUEUED, RUNNING, Operation
from abaca.store.engine import Tx
from abaca.store.fixed import Fixed
from abaca.store.schema import leases, operations

from .steps import APPENDED, Steps, interrupted
from .turns import IS_LIVE, IS_QUEUED, IS_RUNNING, IS_UNKNOWN, turn

UNPLACED = ""  # the queue of operations that no backend has been chosen for
OFTEN = 4  # runs; an operation that was interrupted so often is tried again more slowly
LONGEST_PAUSE = 30  # seconds

_o = operations.c
COLUMNS = (
    _o.id, _o.kind, _o.state, _o.host, _o.lock_key, _o.resource_type, _o.resource_id,
    _o.project_id, _o.user_id, _o.request_id, _o.payload, _o.attempt, _o.epoch, _o.deadline,
    _o.cancel_requested, _o.progress, _o.message, _o.created_at, _o.started_at, _o.finished_at,
)  # fmt: skip
_decode = msgspec.json.decode


def record(row: Sequence[Any]) -> Operation:
    """From a row of COLUMNS."""
    values = list(row)
    values[10] = _decode(values[10])
    return Operation(*values)


# Holding the lease's row while we mark operations keeps a successor, who must lock that row
# FOR UPDATE, from looking for orphans until ours are visible to it.  KEY SHARE: heartbeats, which
# change the row's time only, do not wait for our commit.  (SQLite has one writer and ignores it.)
_HELD = (
    sa.select(leases.c.epoch)
    .where(leases.c.name == sa.bindparam("lease"), leases.c.epoch == sa.bindparam("lease_epoch"))
    .with_for_update(read=True, key_share=True)
)
_HOLD = Fixed(_HELD)
held = _HELD.cte("held")

_GET = sa.select(*COLUMNS).where(_o.id == sa.bindparam("id"))


def get(tx: Tx, op_id: int) -> Operation | None:
    row = tx.one(_GET, {"id": op_id})
    return record(row) if row else None


def of_resource(tx: Tx, resource_id: str) -> list[Operation]:
    """Everything ever done to a resource, oldest first."""
    stmt = sa.select(*COLUMNS).where(_o.resource_id == resource_id).order_by(_o.id)
    return [record(row) for row in tx.all(stmt)]


def live(tx: Tx) -> list[Operation]:
    stmt = sa.select(*COLUMNS).where(_o.state.in_(LIVE)).order_by(_o.id)
    return [record(row) for row in tx.all(stmt)]


_ANY_LIVE = Fixed(sa.select(_o.id).where(_o.lock_key == sa.bindparam("key"), IS_LIVE).limit(1))


def any_live(tx: Tx, lock_key: str) -> bool:
    """Whether an operation of this key is queued or running."""
    return tx.scalar(_ANY_LIVE, {"key": lock_key}) is not None


def cancel(tx: Tx, op_id: int) -> bool:
    """Ask for an end: a queued operation is settled as failed instead of run, a running one
    before its next call of a driver if it writes anything until then; else it is done.  False
    when it is no longer live."""
    stmt = (
        sa.update(operations)
        .where(_o.id == op_id, _o.state.in_(LIVE))
        .values(cancel_requested=True, not_before=0.0)
        .returning(_o.host)
    )
    queue = tx.scalar(stmt)
    if queue is None:
        return False
    tx.store.signals.announce(tx, queue)
    return True


# Operations on a backend as a whole are not ended for the sake of one of its shares.
_OF_BACKENDS = ("BACKEND", "SERVICE")


def disown(tx: Tx, op_id: int) -> bool:
    """End an operation without its handler: whoever calls has settled the rows.

    One that runs is fenced off: its next transaction fails.  But its thread may be in the middle
    of a driver's call, so it keeps its lock key (negative epoch) until the thread is out: what is
    enqueued next for the resource waits, and finds what that call has made.
    """
    queued = _o.state == QUEUED
    stmt = (
        sa.update(operations)
        .where(
            _o.id == op_id,
            _o.state.in_(LIVE),
            _o.epoch >= 0,
            _o.resource_type.not_in(_OF_BACKENDS),
        )
        .values(
            state=sa.case((queued, CANCELLED), else_=RUNNING),
            epoch=sa.case((queued, _o.epoch), else_=-_o.epoch),
            finished_at=sa.case((queued, tx.now), else_=None),
            cancel_requested=True,
        )
    )
    return tx.run(stmt) == 1


# --- for the worker -------------------------------------------------------------------------------
_older, _same = operations.alias("older"), operations.alias("same")
_RUNNABLE = (
    sa.select(_o.id)
    .where(
        _o.host == sa.bindparam("queue"),
        IS_QUEUED,
        _o.not_before <= sa.bindparam("clock"),
        ~sa.exists().where(
            _older.c.lock_key == _o.lock_key,
            _older.c.id < _o.id,
            sa.text("older.state IN ('queued', 'running')"),
        ),
        # ids follow commits only where callers lock a row first
        ~sa.exists().where(_same.c.lock_key == _o.lock_key, sa.text("same.state = 'running'")),
    )
    .order_by(_o.turn, _o.id)
    .limit(sa.bindparam("most"))
    # once: a planner that expects few queued operations would look for them again for each
    .cte("runnable")
    .prefix_with("MATERIALIZED")
)
_CLAIM = Fixed(
    sa.update(operations)
    .where(
        _o.id.in_(sa.select(_RUNNABLE.c.id)),
        IS_QUEUED,
        sa.exists(sa.select(held.c.epoch)),
    )
    .values(
        state=RUNNING,
        epoch=sa.bindparam("new_epoch"),
        attempt=_o.attempt + 1,
        started_at=sa.func.coalesce(_o.started_at, sa.bindparam("now")),
    )
    .returning(*COLUMNS)
)


def hold(tx: Tx, queue: str, epoch: int) -> None:
    """Be sure for this transaction that the queue's lease is ours, or raise LeaseLost."""
    if tx.one(_HOLD, {"lease": lease_name(queue), "lease_epoch": epoch}) is None:
        raise LeaseLost(f"The lease of queue {queue!r} has gone to another worker.")


def claim(tx: Tx, queue: str, epoch: int, clock: float, most: int) -> list[Operation]:
    """Take up to `most` operations of a queue; none if its lease is not held under this epoch."""
    rows = tx.all(
        _CLAIM,
        {
            "lease": lease_name(queue),
            "lease_epoch": epoch,
            "queue": queue,
            "new_epoch": epoch,
            "clock": clock,
            "most": most,
            "now": tx.now,
        },
    )
    return sorted((record(row) for row in rows), key=lambda op: op.id)


_WAITING = Fixed(
    sa.select(
        sa.func.count(),
        sa.func.min(sa.case((_o.not_before > sa.bindparam("clock"), _o.not_before))),
    ).where(_o.host == sa.bindparam("queue"), IS_QUEUED)
)


def waiting(tx: Tx, queue: str, clock: float) -> tuple[int, float | None]:
    """How many operations are queued, and when the next of those that are not due yet will be
    (epoch seconds).  The others wait for their lock key or for a free thread."""
    count, due = tx.all(_WAITING, {"queue": queue, "clock": clock})[0]
    return count, due


# The epochs of two queues may be equal, so the host is part of the fence.
_FENCE = sa.update(operations).where(
    _o.id == sa.bindparam("op_id"),
    IS_RUNNING,
    _o.epoch == sa.bindparam("op_epoch"),
    _o.host == sa.bindparam("op_host"),
)
_TOUCH = Fixed(_FENCE.values(steps=APPENDED).returning(_o.cancel_requested))
_SETTLE = Fixed(
    _FENCE.values(
        state=sa.bindparam("new_state"),
        message=sa.bindparam("new_message"),
        finished_at=sa.bindparam("now"),
        progress=sa.func.coalesce(sa.bindparam("new_progress"), _o.progress),
        steps=APPENDED,
    )
)
_PROGRESS = Fixed(_FENCE.values(progress=sa.bindparam("new_progress")))
_AGAIN = _FENCE.values(
    state=QUEUED,
    not_before=sa.bindparam("due"),
    message=sa.bindparam("new_message"),
    steps=APPENDED,
)
_RETRY = Fixed(_AGAIN)
_POSTPONE = Fixed(_AGAIN.values(attempt=sa.bindparam("attempts")))
_NOW_DUE = sa.update(operations).where(
    _o.host == sa.bindparam("queue"), IS_QUEUED, _o.not_before > 0.0
)
_ROUTE = Fixed(
    _FENCE.values(
        state=QUEUED,
        host=sa.bindparam("new_host"),
        epoch=0,
        turn=turn("new_host", "of_project"),
        steps=APPENDED,
    )
)


def _fenced(tx: Tx, stmt: Fixed, op: Operation, values: dict[str, Any] | None = None) -> None:
    if tx.run(stmt, {**_fence_values(op), **(values or {})}) != 1:
        raise _no_longer_ours(op)


def _fence_values(op: Operation) -> dict[str, Any]:
    return {"op_id": op.id, "op_epoch": op.epoch, "op_host": op.host}


def _no_longer_ours(op: Operation) -> LeaseLost:
    return LeaseLost(f"Operation {op.id} ({op.kind}) is no longer ours.")


def fence(tx: Tx, op: Operation, steps: str = "") -> bool:
    """Hold the operation for this transaction, or raise LeaseLost; whether it was cancelled.

    steps, here and below: what is to be noted, from Steps.text.
    """
    cancelled: bool | None = tx.scalar(_TOUCH, {**_fence_values(op), "new_steps": steps})
    if cancelled is None:
        raise _no_longer_ours(op)
    return cancelled


def settle(tx: Tx, op: Operation, state: str, message: str | None = None, steps: str = "") -> None:
    """Its end: done, failed or cancelled."""
    values = {
        "new_state": state,
        "new_message": message,
        "now": tx.now,
        "new_progress": 100 if state == "done" else None,
        "new_steps": steps,
    }
    _fenced(tx, _SETTLE, op, values)


def progress(tx: Tx, op: Operation, percent: int) -> None:
    _fenced(tx, _PROGRESS, op, {"new_progress": percent})


def retry(tx: Tx, op: Operation, due: float, message: str, steps: str = "") -> None:
    """Back to the queue, not before `due` (epoch seconds)."""
    _fenced(tx, _RETRY, op, {"due": due, "new_message": message, "new_steps": steps})


def postpone(
    tx: Tx, op: Operation, due: float, message: str, steps: str = "", *, attempts: int = 0
) -> None:
    """As retry, but nothing went wrong: this is how many runs count as made."""
    values = {"due": due, "new_message": message, "new_steps": steps, "attempts": attempts}
    _fenced(tx, _POSTPONE, op, values)


def hurry(tx: Tx, queue: str) -> int:
    """What waits in a queue for a later time is due now: its backend is back."""
    return tx.run(_NOW_DUE.values(not_before=0.0), {"queue": queue})


def route(tx: Tx, op: Operation, host: str, steps: str = "") -> None:
    """Hand a placed operation to the queue of its backend."""
    values = {"new_host": host, "of_project": op.project_id, "new_steps": steps}
    _fenced(tx, _ROUTE, op, values)
    tx.store.signals.announce(tx, host)


_UNKNOWN = sa.select(*COLUMNS).where(_o.host == sa.bindparam("queue"), IS_UNKNOWN).order_by(_o.id)


def unknown(tx: Tx, queue: str) -> list[Operation]:
    """Those that were given up without knowing whether they are done."""
    return [record(row) for row in tx.all(_UNKNOWN, {"queue": queue})]


def forget_unknown(tx: Tx, op: Operation) -> None:
    """Whether it was done does not matter any more."""
    tx.run(sa.update(operations).where(_o.id == op.id, IS_UNKNOWN).values(state=FAILED))


def revive(tx: Tx, op: Operation, why: str, payload: dict[str, Any]) -> None:
    """It was done after all: it goes on to its proper end, with this in its payload too."""
    steps = Steps()
    steps.add("found", why)
    values = {
        "state": QUEUED,
        "attempt": 0,
        "not_before": 0.0,
        "finished_at": None,
        "message": why,
        "payload": msgspec.json.encode({**op.payload, **payload}).decode(),
        "steps": APPENDED,
    }
    stmt = sa.update(operations).where(_o.id == op.id, IS_UNKNOWN).values(values)
    if tx.run(stmt, {"new_steps": steps.text(tx)}) != 1:
        raise _no_longer_ours(op)
    tx.store.signals.announce(tx, op.host)


def note(tx: Tx, op: Operation, payload: dict[str, Any]) -> None:
    """Keep this with an operation that ends in this transaction."""
    text = msgspec.json.encode({**op.payload, **payload}).decode()
    tx.run(sa.update(operations).where(_o.id == op.id).values(payload=text))


_DISOWNED = _o.epoch < 0
_CLOCK = sa.bindparam("clock", type_=sa.Float())
_PAUSE = sa.case((_o.attempt < LONGEST_PAUSE, _o.attempt), else_=LONGEST_PAUSE)
_REQUEUE = (
    sa.update(operations)
    .where(_o.host == sa.bindparam("queue"), IS_RUNNING)
    .values(
        state=sa.case((_DISOWNED, CANCELLED), else_=QUEUED),
        finished_at=sa.case((_DISOWNED, sa.bindparam("now", type_=sa.Text())), else_=None),
        not_before=sa.case((_o.attempt < OFTEN, 0.0), else_=_CLOCK + _PAUSE),
        steps=_o.steps + sa.bindparam("step", type_=sa.Text()),
    )
)
_REQUEUE_ALL = Fixed(_REQUEUE)


def requeue_orphans(tx: Tx, queue: str, clock: float, running: Collection[int]) -> int:
    """Run again what none of the holder's threads (`running`) runs: what an earlier holder left,
    what was claimed and the answer lost, whose thread could not say how it ended.  Only for who
    holds the queue's lease in this transaction.

    Those that were disowned (negative epoch) are over.  What was interrupted often, and perhaps
    kills its process each time, lets others go first.
    """
    values = {"queue": queue, "clock": clock, "now": tx.now, "step": interrupted(clock)}
    if not running:
        return tx.run(_REQUEUE_ALL, values)
    return tx.run(_REQUEUE.where(_o.id.not_in(list(running))), values)


def lease_name(queue: str) -> str:
    return f"queue:{queue}"
