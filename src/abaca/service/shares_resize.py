"""Use cases of shares: extend, shrink, revert to the newest snapshot."""

from __future__ import annotations

from typing import Any

from abaca.model.context import Context
from abaca.model.errors import BadRequest, Conflict, Forbidden, NotFound, OverQuota
from abaca.model.quotas import UNLIMITED
from abaca.model.shares import Share
from abaca.model.snapshots import Snapshot
from abaca.model.status import CHANGES
from abaca.scheduler.text import listed
from abaca.store import quotas as quota_store
from abaca.store import services as service_store
from abaca.store import shares as store
from abaca.store import snapshots as snapshot_store
from abaca.store.engine import Tx

from . import types
from .env import Env, charge, enqueue
from .shares import load, refuse_busy, refuse_soft_deleted


def extend(
    env: Env,
    ctx: Context,
    share_id: str,
    new_size: int,
    *,
    beyond: bool = False,
    force: bool = False,
) -> None:
    """beyond: the caller may exceed provisioning:max_share_size up to max_share_extend_size.
    force: whether the pool has room for it is not asked."""
    with env.store.transaction() as tx:
        share = _begin(tx, load(tx, ctx, share_id), "extend_share")
        if new_size <= share.size:
            raise BadRequest(
                f"new_size {new_size} must be larger than the present {share.size} GiB."
            )
        if share.share_type_id:
            share_type = types.load(tx, ctx.elevated(), share.share_type_id)
            types.check_size(share_type, new_size, extending=beyond)
        check_share_limit(
            env,
            tx,
            new_size,
            project_id=share.project_id,
            user_id=share.user_id,
            share_type_id=share.share_type_id,
        )
        _take(env, tx, share, new_size - share.size)
        _enqueue(tx, ctx, share, "extend_share", new_size, {"force": True} if force else {})


def shrink(env: Env, ctx: Context, share_id: str, new_size: int) -> None:
    """What is given back is counted when the backend has let go of it."""
    with env.store.transaction() as tx:
        share = _begin(tx, load(tx, ctx, share_id), "shrink_share")
        if not 0 < new_size < share.size:
            raise BadRequest(
                f"new_size {new_size} must be smaller than the present {share.size} GiB and not 0."
            )
        if share.share_type_id:
            types.check_size(types.load(tx, ctx.elevated(), share.share_type_id), new_size)
        _enqueue(tx, ctx, share, "shrink_share", new_size)


def check_share_limit(
    env: Env, tx: Tx, size: int, *, project_id: str, user_id: str, share_type_id: str | None
) -> None:
    """The limit of one share (413): of the project, of the user, and of the type in the project."""
    limits = quota_store.limits_of(tx, project_id, env.settings.quota_defaults)
    for scope in quota_store.scopes(project_id, user_id, share_type_id):
        most = limits.get(scope, {}).get("per_share_gigabytes", UNLIMITED)
        if most != UNLIMITED and size > most:
            whose = (
                "of this type" if scope[2] else "of this user" if scope[1] else "in this project"
            )
            raise OverQuota(f"A share {whose} may have at most {most} GiB; {size} requested.")


def _begin(tx: Tx, share: Share, kind: str) -> Share:
    """The share as it stays until the operation changes it: sizes are compared after this."""
    refuse_soft_deleted(share)
    refuse_busy(share)
    change = CHANGES[kind]
    if not store.begin(tx, share.instance_id, change.during, change.before):
        verb = kind.partition("_")[0]
        raise BadRequest(
            f"Share {share.id} is {share.status}; to {verb} it, it must be "
            f"{listed(change.before or (), 'or')}."
        )
    begun = store.get(tx, share.id)
    if begun is None:
        raise NotFound(noun="Share", id=share.id)
    refuse_soft_deleted(begun)
    return begun


def _take(env: Env, tx: Tx, share: Share, gigabytes: int) -> None:
    """Quota (or 403) and room in the pool, before the backend is asked."""
    charge(
        env,
        tx,
        {"gigabytes": gigabytes},
        project_id=share.project_id,
        user_id=share.user_id,
        share_type_id=share.share_type_id,
        error=Forbidden,
    )
    service_store.book(tx, share.host, gigabytes)


def _enqueue(
    tx: Tx, ctx: Context, share: Share, kind: str, new_size: int, more: dict[str, Any] | None = None
) -> int:
    payload = {
        "instance_id": share.instance_id,
        "old_size": share.size,
        "new_size": new_size,
        **(more or {}),
    }
    op_id = enqueue(
        tx,
        ctx,
        kind,
        host=share.host,
        lock_key=share.instance_id,
        resource=("SHARE", share.id),
        project_id=share.project_id,
        payload=payload,
    )
    store.own(tx, share.instance_id, op_id)
    return op_id


# --- revert ---------------------------------------------------------------------------------------
def revert(env: Env, ctx: Context, share_id: str, snapshot_id: str) -> None:
    """Back to what the newest snapshot holds; both belong to one operation meanwhile."""
    with env.store.transaction() as tx:
        share = load(tx, ctx, share_id)
        refuse_soft_deleted(share)
        if not share.revert_to_snapshot_support:
            raise BadRequest(
                f"Share {share.id} is of a type without revert_to_snapshot_support: it cannot be "
                "reverted."
            )
        snapshot = _newest(tx, share, snapshot_id)
        _check_revertible(share, snapshot)
        change, other = CHANGES["revert_to_snapshot"], CHANGES["restore_snapshot"]
        if not store.begin(tx, share.instance_id, change.during, change.before):
            raise Conflict(f"Share {share.id} is busy; try again when it is available.")
        if not snapshot_store.begin(tx, snapshot.instance_id, other.during, other.before):
            raise Conflict(f"Snapshot {snapshot.id} is busy; try again when it is available.")
        share = load(tx, ctx, share_id)  # its size and snapshots cannot change any more
        _newest(tx, share, snapshot_id)
        _take(env, tx, share, max(0, snapshot.size - share.size))
        more = {"snapshot_id": snapshot.id, "snapshot_instance_id": snapshot.instance_id}
        op_id = _enqueue(tx, ctx, share, "revert_to_snapshot", snapshot.size, more)
        snapshot_store.own(tx, snapshot.instance_id, op_id)


def _newest(tx: Tx, share: Share, snapshot_id: str) -> Snapshot:
    of_share = snapshot_store.of_share(tx, share.id)
    snapshot = next((found for found in of_share if found.id == snapshot_id), None)
    if snapshot is None:
        raise BadRequest(f"Share {share.id} has no snapshot {snapshot_id}.")
    if snapshot.id != of_share[-1].id:
        raise Conflict(
            f"Snapshot {snapshot.id} is not the newest of share {share.id}; revert to "
            f"{of_share[-1].id}, or delete the newer snapshots first."
        )
    return snapshot


def _check_revertible(share: Share, snapshot: Snapshot) -> None:
    refuse_busy(share, Conflict)
    for noun, found in (("Share", share), ("Snapshot", snapshot)):
        if found.status != "available":
            raise Conflict(f"{noun} {found.id} is {found.status}; it must be available to revert.")
    if share.access_rules_status != "active":
        raise Conflict(
            f"Access rules of share {share.id} are {share.access_rules_status}; they must be "
            "active to revert."
        )
