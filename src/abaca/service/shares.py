"""Use cases of shares: look, change, delete.

Creating is in shares_create, lists in shares_list, sizes in shares_resize, what administrators do
to a status and the recycle bin in shares_state.
"""

from __future__ import annotations

from typing import Any

from abaca.model.context import Context
from abaca.model.errors import BadRequest, Forbidden, NotFound, RequestError
from abaca.model.operations import Operation
from abaca.model.shares import Share
from abaca.model.status import BUSY_TASK_STATES, CHANGES, DEFERRED_DELETION
from abaca.operations import log as oplog
from abaca.scheduler.text import listed
from abaca.store import services as service_store
from abaca.store import shares as store
from abaca.store import snapshots as snapshot_store
from abaca.store.engine import Tx

from .env import Env, enqueue, release


# --- look -----------------------------------------------------------------------------------------
def load(
    tx: Tx, ctx: Context, share_id: str, *, locations: bool = False, lock: bool = False
) -> Share:
    """A share that the caller may know of; anybody else's private share does not exist.

    lock: nobody else changes or deletes the share until the transaction ends.
    """
    if lock:
        store.lock(tx, share_id)
    share = store.get(tx, share_id, locations=locations)
    if share is None or not visible(ctx, share):
        raise NotFound(noun="Share", id=share_id)
    return share


def visible(ctx: Context, share: Share) -> bool:
    return ctx.is_admin or share.project_id == ctx.project_id or share.is_public


def get(env: Env, ctx: Context, share_id: str, *, locations: bool = False) -> Share:
    with env.store.read() as tx:
        return load(tx, ctx, share_id, locations=locations)


def deferred(share: Share) -> bool:
    """In deferred deletion: nothing there any more for whoever may not see that."""
    return share.status in DEFERRED_DELETION


# --- change ---------------------------------------------------------------------------------------
def update(env: Env, ctx: Context, share_id: str, **values: Any) -> Share:
    """name, description, is_public: those that are given."""
    with env.store.transaction() as tx:
        share = load(tx, ctx, share_id)
        refuse_soft_deleted(share)
        if values:
            store.update(tx, share.id, **values)
        return load(tx, ctx, share_id, locations=True)


# --- delete ---------------------------------------------------------------------------------------
def delete(env: Env, ctx: Context, share_id: str, *, force: bool = False) -> None:
    with env.store.transaction() as tx:
        share = load(tx, ctx, share_id)
        start_delete(env, tx, ctx, share, force=force)


def start_delete(env: Env, tx: Tx, ctx: Context, share: Share, *, force: bool = False) -> None:
    """Delete in the caller's transaction.  A share that was never placed has nothing on any
    backend and is deleted by its operation without a driver."""
    change = CHANGES["force_delete_share_instance" if force else "delete_share_instance"]
    if force:
        share = abandon(tx, share)
    check_deletable(tx, share, change.before, error=BadRequest if force else Forbidden)
    if not store.begin(tx, share.instance_id, change.during, change.before, terminated_at=tx.now):
        raise Forbidden(
            f"Share {share.id} is busy; it can be deleted when it is "
            f"{listed(change.before or (), 'or')}."
        )
    refuse_snapshots(tx, share, BadRequest if force else Forbidden)  # from now on none can come
    op_id = enqueue(
        tx,
        ctx,
        "delete_share_instance",
        host=share.host,
        lock_key=share.instance_id,
        resource=("SHARE", share.id),
        project_id=share.project_id,
        payload={"instance_id": share.instance_id, "force": force},
    )
    store.own(tx, share.instance_id, op_id)


def check_deletable(
    tx: Tx,
    share: Share,
    before: tuple[str, ...] | None,
    *,
    verb: str = "deleted",
    error: type[RequestError] = Forbidden,
    busy: type[RequestError] = BadRequest,
) -> None:
    """Busy (`busy`), in a wrong status (403), or with snapshots (`error`)."""
    refuse_busy(share, busy)
    if before is not None and share.status not in before:
        raise Forbidden(
            f"Share {share.id} is {share.status}; it can be {verb} when it is "
            f"{listed(before, 'or')}."
        )
    refuse_snapshots(tx, share, error)


def refuse_snapshots(tx: Tx, share: Share, error: type[RequestError]) -> None:
    count = snapshot_store.count_of_share(tx, share.id)
    if count:
        raise error(
            f"Share {share.id} has {count} snapshot{'s' if count > 1 else ''}; delete them first."
        )


def abandon(tx: Tx, share: Share) -> Share:
    """End the operation that owns the share without its handler, and give back what it had
    taken.  The share as it is then; it stays so, and the caller sets the status.

    Rows are locked in the order of whoever finishes an operation: operation, instance, quotas,
    pool."""
    while True:
        op = oplog.get(tx, share.operation_id) if share.operation_id is not None else None
        ended = op is not None and oplog.disown(tx, op.id)
        store.lock_instance(tx, share.instance_id)
        now = store.get(tx, share.id)
        if now is None:
            raise NotFound(noun="Share", id=share.id)
        if ended or now.operation_id == share.operation_id:
            break
        share = now  # that operation has ended by itself, and perhaps another one has begun
    if op is not None and ended:
        _give_back(tx, now, op)
    return now


def _give_back(tx: Tx, share: Share, op: Operation) -> None:
    if op.kind == "revert_to_snapshot":
        snapshot_store.settle(tx, op.payload["snapshot_instance_id"], op.id, "available")
    if op.kind in ("extend_share", "revert_to_snapshot"):
        taken = max(0, op.payload["new_size"] - op.payload["old_size"])
        release(  # quota before pool, as everywhere: two orders could deadlock
            tx,
            {"gigabytes": taken},
            project_id=share.project_id,
            user_id=share.user_id,
            share_type_id=share.share_type_id,
        )
        service_store.book(tx, share.host, -taken)


def refuse_busy(share: Share, error: type[RequestError] = BadRequest) -> None:
    if share.task_state in BUSY_TASK_STATES:
        raise error(
            f"Share {share.id} is busy with a migration ({share.task_state}); wait for its end."
        )


def refuse_soft_deleted(share: Share) -> None:
    if share.is_soft_deleted:
        raise Forbidden(f"Share {share.id} is in the recycle bin; restore it first.")
