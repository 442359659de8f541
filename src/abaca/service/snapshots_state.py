"""Use cases of snapshots for administrators: status by hand, manage, unmanage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from abaca.model.context import Context
from abaca.model.errors import BadRequest, Conflict, Forbidden
from abaca.model.snapshots import Snapshot
from abaca.model.status import CHANGES, SHARE_TRANSITIONAL, SNAPSHOT_STATUSES, SNAPSHOT_TRANSITIONAL
from abaca.operations import log as oplog
from abaca.store import shares as share_store
from abaca.store import snapshots as store
from abaca.store.engine import Tx

from .env import Env
from .shares import load as load_share
from .shares import refuse_soft_deleted
from .snapshots import insert, load, load_instance, share_of, start, take

SETTLED = tuple(status for status in SNAPSHOT_STATUSES if status not in SNAPSHOT_TRANSITIONAL)


# --- by hand --------------------------------------------------------------------------------------
def reset_status(env: Env, ctx: Context, snapshot_id: str, status: str) -> None:
    """Set the status.  What was going on is called off; if it cannot be stopped any more, its
    end no longer counts."""
    with env.store.transaction() as tx:
        _set_status(tx, load(tx, ctx, snapshot_id), status)


def reset_instance_status(env: Env, ctx: Context, instance_id: str, status: str) -> None:
    with env.store.transaction() as tx:
        instance = load_instance(tx, instance_id)
        _set_status(tx, load(tx, ctx, instance.snapshot_id), status)


def _set_status(tx: Tx, snapshot: Snapshot, status: str) -> None:
    if status not in SNAPSHOT_STATUSES:
        raise BadRequest(f"status {status!a} cannot be set.")
    store.update_instance(tx, snapshot.instance_id, status=status, operation_id=None)
    op = oplog.get(tx, snapshot.operation_id) if snapshot.operation_id else None
    if op is not None and op.resource_id == snapshot.id:  # a revert is the share's
        oplog.cancel(tx, op.id)


# --- manage and unmanage --------------------------------------------------------------------------
def manage(
    env: Env,
    ctx: Context,
    share_id: str,
    provider_location: str,
    *,
    name: str | None = None,
    description: str | None = None,
    driver_options: Mapping[str, Any] | None = None,
    metadata: Mapping[str, str] | None = None,
    instance_id: str | None = None,
) -> Snapshot:
    """Take over what is on the backend already.  Quota is counted when its size is known.

    instance_id: the id that it has there already, of a row that was lost.
    """
    with env.store.transaction() as tx:
        share = load_share(tx, ctx, share_id)
        refuse_soft_deleted(share)
        if share.has_replicas:
            raise Conflict(f"Share {share.id} has replicas: its snapshots cannot be managed.")
        held = share_store.hold(tx, share.instance_id, not_in=SHARE_TRANSITIONAL)
        if not held or not share.host:
            raise Conflict(f"Share {share.id} is {share.status}; wait until it is available.")
        refuse_soft_deleted(load_share(tx, ctx, share_id))
        known = store.at_location(tx, share.id, provider_location)
        if known:
            raise Conflict(f"Snapshot {known} of share {share.id} is at that location already.")
        if instance_id and store.instance(tx, instance_id) is not None:
            raise Conflict(f"Snapshot instance {instance_id} has a row already.")
        values = {
            "name": name,
            "description": description,
            "size": 0,  # nobody knows yet
            "status": CHANGES["manage_snapshot"].during,
            "provider_location": provider_location,
            "instance_id": instance_id,
        }
        snapshot = insert(tx, ctx, share, values, metadata or {})
        options = {"driver_options": dict(driver_options or {})}
        start(tx, ctx, snapshot, share, "manage_snapshot", options)
        return load(tx, ctx, snapshot.id)


def unmanage(env: Env, ctx: Context, snapshot_id: str, *, on_servers: bool = True) -> None:
    """Forget the snapshot, leave its data.  on_servers: also of shares on share servers (2.49)."""
    with env.store.transaction() as tx:
        snapshot = load(tx, ctx, snapshot_id)
        share = share_of(tx, snapshot)
        if share.share_server_id and not on_servers:
            raise Forbidden(
                f"Share {share.id} is on a share server; its snapshots can be unmanaged from "
                "version 2.49 on."
            )
        if share.has_replicas:
            raise Conflict(f"Share {share.id} has replicas: its snapshots cannot be unmanaged.")
        during = CHANGES["unmanage_snapshot"].during
        take(tx, snapshot, during, SETTLED, verb="unmanaged", error=Forbidden)
        start(tx, ctx, snapshot, share, "unmanage_snapshot")
