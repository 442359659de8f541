"""Taking over what is on a backend already, and giving it up again: shares and snapshots."""

from __future__ import annotations

import contextlib
import math
from typing import Any

from abaca.drivers.contract import results
from abaca.drivers.contract.errors import NOT_FOUND, InvalidShare, passing_over
from abaca.model import type_specs
from abaca.model.shares import Share
from abaca.model.types import ShareType
from abaca.operations.job import Job
from abaca.service.types import check_size
from abaca.store import quotas, services
from abaca.store import shares as store
from abaca.store import snapshots as snapshot_store
from abaca.store import types as type_store
from abaca.store.engine import Tx

from . import look, messages, records, shares, snapshots
from .backend import Backend
from .evidence import Inventory, share_of
from .kinds import kinds

MANAGED_AT = "__managed_at"  # metadata: when abaca was told of it


def _call(job: Job[Backend], method: str, *args: Any) -> Any:
    """The form of the method for the mode of the driver."""
    if job.backend.driver.driver_handles_share_servers:
        return job.backend.call(job, f"{method}_with_server", *args, share_server=None)
    return job.backend.call(job, method, *args)


def _remove_rules_too(job: Job[Backend]) -> bool:
    configuration = job.backend.driver.configuration
    return bool(configuration and configuration.safe_get("unmanage_remove_access_rules"))


# --- shares ---------------------------------------------------------------------------------------
def _manage_failed(job: Job[Backend], tx: Tx, error: Exception) -> None:
    store.settle(tx, job.op.payload["instance_id"], job.op.id, "manage_error")
    messages.tell_failure(tx, job.op, messages.UPDATE, error)


@kinds.operation("manage_share", failed=_manage_failed)
def manage_share(job: Job[Backend]) -> None:
    """Its size is known at the end; only then quota and capacity are counted."""
    share = shares.load(job)
    if share is None:
        return
    with job.transaction() as tx:
        store.set_metadata(tx, share.id, {MANAGED_AT: share.created_at})
        share_type = type_store.get(tx, share.share_type_id) if share.share_type_id else None
    _check_mode(job, share_type)
    shares.check_specs(job, share)
    options = job.op.payload.get("driver_options") or {}
    answer = look.surely(
        job,
        lambda: _call(job, "manage_existing", records.share(share), options),
        lambda held: _found_there(job, share, held),
    )
    managed = results.manage_result(answer)
    if share_type is not None:
        check_size(share_type, managed.size)
    _shut_out_strangers(job, share)
    with job.finish() as tx:
        _managed(job, tx, share, managed)


def _found_there(job: Job[Backend], share: Share, held: Inventory) -> dict[str, Any]:
    """What the driver would have said of a share that it has taken over."""
    there = share_of(job.op, held)
    if there is None or there.size is None:
        raise NotImplementedError
    return {"size": math.ceil(there.size), "export_locations": look.whereabouts(job, share)}


def _shut_out_strangers(job: Job[Backend], share: Share) -> None:
    """Clients that somebody let in without abaca would be in no list and could not be denied:
    from now on the rules in force are those of the database, which has none yet."""
    record = records.share(share)
    context = job.backend.context(job)
    none: dict[str, list[Any]] = {"add_rules": [], "delete_rules": [], "update_rules": []}
    with contextlib.suppress(NotImplementedError):  # a driver that cannot do it in bulk
        job.backend.update_access(job, context, record, [], **none)


def _check_mode(job: Job[Backend], share_type: ShareType | None) -> None:
    if share_type is None:
        return
    asked = type_specs.truth(share_type.extra_specs.get("driver_handles_share_servers", ""))
    if asked != job.backend.driver.driver_handles_share_servers:
        raise InvalidShare(
            reason=f"share type {share_type.name} and backend {job.backend.name} differ in "
            "driver_handles_share_servers"
        )


def _managed(job: Job[Backend], tx: Tx, share: Share, managed: results.Managed) -> None:
    values = {
        "launched_at": tx.now,
        "progress": "100%",
        "availability_zone_id": share.availability_zone_id
        or services.ensure_zone(tx, job.backend.zone),
        **({"replica_state": "active"} if share.replication_type else {}),
    }
    if not store.settle(tx, share.instance_id, job.op.id, "available", **values):
        return
    store.update(tx, share.id, size=managed.size)
    if managed.export_locations is not None:
        store.replace_locations(tx, share.instance_id, records.rows(managed.export_locations))
    quotas.charge(
        tx,
        {"shares": 1, "gigabytes": managed.size},
        project_id=share.project_id,
        user_id=share.user_id,
        share_type_id=share.share_type_id,
        enforce=False,
    )
    services.book(tx, share.host, managed.size)


def _unmanage_failed(job: Job[Backend], tx: Tx, error: Exception) -> None:
    store.settle(tx, job.op.payload["instance_id"], job.op.id, "unmanage_error")
    messages.tell_failure(tx, job.op, messages.UPDATE, error)


@kinds.operation("unmanage_share", failed=_unmanage_failed)
def unmanage_share(job: Job[Backend]) -> None:
    """Forget the share and leave its data; its clients stay unless the backend says otherwise."""
    share = shares.load(job)
    if share is None:
        return
    if _remove_rules_too(job):
        shares.remove_rules(job, share)
    with passing_over(*NOT_FOUND):
        look.surely(job, lambda: _call(job, "unmanage", records.share(share)))
    with job.finish() as tx:
        if store.settle(tx, share.instance_id, job.op.id, share.status):
            shares.remove(tx, share)


# --- snapshots ------------------------------------------------------------------------------------
def _manage_snapshot_failed(job: Job[Backend], tx: Tx, error: Exception) -> None:
    if snapshots.settle(job, tx, "manage_error"):
        messages.tell_failure(tx, job.op, messages.UPDATE, error)


@kinds.operation("manage_snapshot", failed=_manage_snapshot_failed)
def manage_snapshot(job: Job[Backend]) -> None:
    """Its size, unless the driver knows better, is that of its share; quota is counted then."""
    found = snapshots.load(job)
    if found is None:
        return
    snapshot, share = found
    with job.transaction() as tx:
        snapshot_store.set_metadata(tx, snapshot.id, {MANAGED_AT: snapshot.created_at})
    options = job.op.payload.get("driver_options") or {}
    answer = look.surely(
        job,
        lambda: _call(job, "manage_existing_snapshot", snapshots.record(snapshot, share), options),
        lambda held: snapshots.found_there(job, share, held),
    )
    made = results.snapshot_result(answer)
    with job.finish() as tx:
        if snapshots.available(job, tx, snapshot, share, made):
            snapshot_store.update(tx, snapshot.id, size=made.size or share.size)
            counted = snapshot_store.get(tx, snapshot.id)
            if counted is not None:
                snapshots.charge(tx, counted, 1)


def _unmanage_snapshot_failed(job: Job[Backend], tx: Tx, error: Exception) -> None:
    if snapshots.settle(job, tx, "unmanage_error"):
        messages.tell_failure(tx, job.op, messages.UPDATE, error)


@kinds.operation("unmanage_snapshot", failed=_unmanage_snapshot_failed)
def unmanage_snapshot(job: Job[Backend]) -> None:
    """Forget the snapshot and leave its data."""
    found = snapshots.load(job)
    if found is None:
        return
    snapshot, share = found
    if share.mount_snapshot_support and _remove_rules_too(job):
        snapshots.remove_rules(job, snapshot, share)
    with passing_over(*NOT_FOUND):
        look.surely(job, lambda: _call(job, "unmanage_snapshot", snapshots.record(snapshot, share)))
    with job.finish() as tx:
        snapshots.remove(job, tx)
