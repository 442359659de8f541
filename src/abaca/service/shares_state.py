"""Use cases of shares: the recycle bin, and what administrators set by hand."""

from __future__ import annotations

import contextlib
from datetime import datetime, timedelta

from abaca.model.context import Context, system_context
from abaca.model.errors import BadRequest, Forbidden, RequestError
from abaca.model.shares import Share
from abaca.model.status import CHANGES, SHARE_RESETTABLE
from abaca.scheduler.text import listed
from abaca.store import shares as store
from abaca.store.engine import Tx

from .env import Env
from .shares import abandon, check_deletable, load, refuse_soft_deleted, start_delete

_GOING = ("deleting", "error_deleting")  # too late to restore


# --- the recycle bin ------------------------------------------------------------------------------
def soft_delete(env: Env, ctx: Context, share_id: str) -> None:
    """Into the recycle bin; deleted for good when its time is over."""
    before = CHANGES["delete_share_instance"].before or ()
    with env.store.transaction() as tx:
        share = load(tx, ctx, share_id)
        if share.is_soft_deleted:
            raise Forbidden(f"Share {share.id} is in the recycle bin already.")
        check_deletable(tx, share, before, verb="put into the recycle bin", busy=Forbidden)
        if not store.begin(tx, share.instance_id, share.status, before):
            raise Forbidden(
                f"Share {share.id} is busy; try again when it is {listed(before, 'or')}."
            )
        due = after(tx.now, env.settings.soft_deleted_share_retention_time)
        store.update(tx, share.id, is_soft_deleted=True, scheduled_to_be_deleted_at=due)


def restore(env: Env, ctx: Context, share_id: str) -> bool:
    """Out of the recycle bin; False when it is not there."""
    with env.store.transaction() as tx:
        share = load(tx, ctx, share_id)
        if share.status in _GOING:
            raise Forbidden(f"Share {share.id} is {share.status}; it cannot be restored any more.")
        if not share.is_soft_deleted:
            return False
        if not store.hold(tx, share.instance_id, not_in=_GOING):
            raise Forbidden(f"Share {share.id} is being deleted; it cannot be restored any more.")
        store.update(tx, share.id, is_soft_deleted=False, scheduled_to_be_deleted_at=None)
        return True


def delete_expired(env: Env) -> int:
    """Delete what has been in the recycle bin for its time; how many.  One that cannot be deleted
    (it has got a snapshot, say) stays there and is looked at next time."""
    with env.store.read() as tx:
        due = store.expired(tx)
    count = 0
    for share_id in due:
        with contextlib.suppress(RequestError), env.store.transaction() as tx:
            share = store.get(tx, share_id)
            if share is None or not share.is_soft_deleted:
                continue
            if share.status == "error_deleting":  # the last attempt failed: try again
                set_status(tx, share, "error")
                share = store.get(tx, share_id) or share
            start_delete(env, tx, system_context(), share)
            count += 1
    return count


def after(now: str, seconds: int) -> str:
    """The time this many seconds later, as tables keep it."""
    later = datetime.fromisoformat(now) + timedelta(seconds=seconds)
    return later.strftime("%Y-%m-%dT%H:%M:%S.%f")


# --- by hand --------------------------------------------------------------------------------------
def reset_status(env: Env, ctx: Context, share_id: str, status: str) -> None:
    """Set the status; whatever was going on is called off."""
    with env.store.transaction() as tx:
        share = load(tx, ctx, share_id)
        refuse_soft_deleted(share)
        set_status(tx, share, status)


def set_status(tx: Tx, share: Share, status: str) -> None:
    if status not in SHARE_RESETTABLE:
        raise BadRequest(
            f"status {status!r} cannot be set; it must be one of {', '.join(SHARE_RESETTABLE)}."
        )
    share = abandon(tx, share)
    store.update_instance(tx, share.instance_id, status=status, operation_id=None)


def reset_task_state(env: Env, ctx: Context, share_id: str, task_state: str | None) -> None:
    with env.store.transaction() as tx:
        share = load(tx, ctx, share_id)
        refuse_soft_deleted(share)
        store.update(tx, share.id, task_state=task_state)
