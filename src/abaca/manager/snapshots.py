"""Operations on snapshots: what creating and deleting one does to the world."""

from __future__ import annotations

from typing import Any

import structlog

from abaca.drivers.contract import records as shapes
from abaca.drivers.contract import results
from abaca.drivers.contract.errors import (
    NOT_FOUND,
    ShareBackendException,
    not_found,
    passing_over,
    transient,
)
from abaca.drivers.contract.results import RuleUpdate, access_updates
from abaca.model.errors import DriverError
from abaca.model.shares import Share
from abaca.model.snapshots import Snapshot
from abaca.operations import log as oplog
from abaca.operations.job import Job
from abaca.store import quotas
from abaca.store import shares as share_store
from abaca.store import snapshots as store
from abaca.store.engine import Tx

from . import look, messages, records
from .backend import Backend, forced
from .evidence import Inventory, snapshot_of
from .kinds import kinds

log = structlog.get_logger(__name__)


def load(job: Job[Backend]) -> tuple[Snapshot, Share] | None:
    """The operation's snapshot with its share, while the operation owns it; else None: somebody
    has called it off, and there is nothing to do."""
    with job.read() as tx:
        snapshot = store.get(tx, job.op.resource_id)
        share = share_store.get(tx, snapshot.share_id, locations=True) if snapshot else None
    if snapshot is None or share is None or snapshot.operation_id != job.op.id:
        return None
    return snapshot, share


def record(snapshot: Snapshot, share: Share) -> shapes.Snapshot:
    return records.snapshot(snapshot, records.share(share))


def settle(job: Job[Backend], tx: Tx, status: str, **values: object) -> bool:
    """The end of the operation on its snapshot; False if it no longer owns it."""
    return store.settle(tx, job.op.payload["snapshot_instance_id"], job.op.id, status, **values)


def available(
    job: Job[Backend], tx: Tx, snapshot: Snapshot, share: Share, made: results.Snapshotted
) -> bool:
    """Write what the driver said of a snapshot that is there now."""
    location = made.provider_location or snapshot.provider_location
    if not settle(job, tx, "available", progress="100%", provider_location=location):
        return False
    if share.mount_snapshot_support and made.export_locations is not None:
        store.replace_locations(tx, snapshot.instance_id, records.rows(made.export_locations))
    return True


def charge(tx: Tx, snapshot: Snapshot, sign: int) -> None:
    """Count it (1) or give back what it used up (-1)."""
    quotas.charge(
        tx,
        {resource: sign * delta for resource, delta in snapshot.deltas.items()},
        project_id=snapshot.project_id,
        user_id=snapshot.user_id,
        share_type_id=snapshot.share_type_id,
        enforce=False,
    )


# --- create ---------------------------------------------------------------------------------------
def _create_failed(job: Job[Backend], tx: Tx, error: Exception) -> None:
    if settle(job, tx, "error"):
        messages.tell_failure(tx, job.op, messages.CREATE, error)


@kinds.operation("create_snapshot", failed=_create_failed)
def create_snapshot(job: Job[Backend]) -> None:
    found = load(job)
    if found is None:
        return
    snapshot, share = found
    context, given = job.backend.context(job), record(snapshot, share)
    answer = look.surely(
        job,
        lambda: job.backend.call(job, "create_snapshot", context, given, share_server=None),
        lambda held: found_there(job, share, held),
    )
    made = results.snapshot_result(answer)
    if made.status != "available":
        raise ShareBackendException(msg=f"it says that the new snapshot is {made.status}")
    with job.finish() as tx:
        available(job, tx, snapshot, share, made)


def found_there(job: Job[Backend], share: Share, held: Inventory) -> dict[str, Any]:
    """What the driver would have said of a snapshot that is there."""
    there = snapshot_of(job.op, held)
    if there is None or (share.mount_snapshot_support and there.export_locations is None):
        raise NotImplementedError
    return {"provider_location": there.path, "export_locations": there.export_locations}


# --- delete ---------------------------------------------------------------------------------------
def _delete_failed(job: Job[Backend], tx: Tx, error: Exception) -> None:
    if job.op.payload.get("force"):
        remove(job, tx)
    elif not settle(job, tx, "error_deleting"):
        return
    messages.tell_failure(tx, job.op, messages.DELETE, error)


@kinds.operation("delete_snapshot", failed=_delete_failed)
def delete_snapshot(job: Job[Backend]) -> None:
    """Close every door, delete the data, and only then forget the snapshot.  With `force` the row
    goes even when the backend fails, after all attempts."""
    found = load(job)
    if found is None:
        return
    snapshot, share = found
    if job.op.host != oplog.UNPLACED:
        with forced(job):
            if share.mount_snapshot_support:
                _close_doors(job, snapshot, share)
            _delete_on_backend(job, snapshot, share)
    with job.finish() as tx:
        remove(job, tx)


def _delete_on_backend(job: Job[Backend], snapshot: Snapshot, share: Share) -> None:
    context, given = job.backend.context(job), record(snapshot, share)
    with passing_over(*NOT_FOUND):
        look.surely(
            job, lambda: job.backend.call(job, "delete_snapshot", context, given, share_server=None)
        )


def _close_doors(job: Job[Backend], snapshot: Snapshot, share: Share) -> None:
    """As far as it goes: deleting the snapshot ends its exports in any case."""
    try:
        remove_rules(job, snapshot, share)
    except (DriverError, NotImplementedError) as error:
        if transient(error):
            raise
        log.warning("snapshot.rules_not_removed", snapshot=snapshot.id, error=str(error))


def remove_rules(job: Job[Backend], snapshot: Snapshot, share: Share) -> None:
    """Nobody reaches the snapshot any more."""
    with job.read() as tx:
        rules = store.rules(tx, snapshot.id)
    if not rules:
        return
    denied = [records.snapshot_rule(rule, share.id) for rule in rules]
    update_access(job, snapshot, share, wanted=[], add=[], delete=denied)


def update_access(
    job: Job[Backend],
    snapshot: Snapshot,
    share: Share,
    *,
    wanted: list[shapes.AccessRule],
    add: list[shapes.AccessRule],
    delete: list[shapes.AccessRule],
) -> dict[str, RuleUpdate]:
    """Bring rules into force; by rule id, what the driver said.  A snapshot that is gone lets
    nobody in: that is as good as denied."""
    backend = job.backend
    try:
        answer = backend.call(
            job,
            "snapshot_update_access",
            backend.context(job),
            record(snapshot, share),
            wanted,
            add_rules=add,
            delete_rules=delete,
            share_server=None,
        )
    except DriverError as error:
        if wanted or add or not not_found(error):
            raise
        return {}
    return access_updates(answer, wanted)


def remove(job: Job[Backend], tx: Tx) -> None:
    """The row goes, and with it what it used up; not if a later operation owns it by now."""
    mine = settle(job, tx, "deleting")
    snapshot = store.get(tx, job.op.resource_id)
    if snapshot is None or not (mine or snapshot.operation_id is None):
        return
    charge(tx, snapshot, -1)
    store.delete(tx, snapshot.id)
