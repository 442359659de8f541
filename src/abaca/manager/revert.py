"""Reverting a share to its newest snapshot.

The operation owns both: the share is `reverting`, the snapshot `restoring`.  Where the snapshot is
larger than the share, quota and capacity for the difference were taken when it was asked for.
"""

from __future__ import annotations

from typing import Any

from abaca.drivers.contract import results
from abaca.drivers.contract.errors import ShareBackendException
from abaca.model.shares import Share
from abaca.model.snapshots import Snapshot
from abaca.operations.job import Job
from abaca.store import access as access_store
from abaca.store import quotas, services
from abaca.store import shares as store
from abaca.store import snapshots as snapshot_store
from abaca.store.engine import Tx

from . import look, messages, records, shares, snapshots
from .backend import Backend
from .kinds import kinds

IN_BACKGROUND = "reverting_to_snapshot"
WAITS = "The backend is copying the snapshot's data."


def _failed(job: Job[Backend], tx: Tx, error: Exception) -> None:
    payload = job.op.payload
    snapshot_store.settle(tx, payload["snapshot_instance_id"], job.op.id, "available")
    share = store.get(tx, job.op.resource_id)
    if not store.settle(tx, payload["instance_id"], job.op.id, "reverting_error", progress=None):
        return
    if share is not None:
        _count(job, tx, share, payload["old_size"])
    if share is not None and share.status == IN_BACKGROUND:
        messages.tell(tx, job.op, messages.UPDATE, "035")
    else:
        messages.tell_failure(tx, job.op, messages.REVERT, error)


@kinds.operation("revert_to_snapshot", failed=_failed)
def revert_to_snapshot(job: Job[Backend]) -> None:
    share = shares.load(job)
    if share is None:
        return
    with job.read() as tx:
        snapshot = snapshot_store.get(tx, job.op.payload["snapshot_id"])
    if snapshot is None:
        raise LookupError(f"Snapshot {job.op.payload['snapshot_id']} is gone.")
    if share.status == IN_BACKGROUND:
        _poll(job, share, snapshot)
    else:
        _revert(job, share, snapshot)


def _revert(job: Job[Backend], share: Share, snapshot: Snapshot) -> None:
    if job.op.attempt > 1 and not getattr(job.backend.driver, "idempotent", False):
        raise ShareBackendException(
            msg="an earlier attempt to revert was interrupted, and this driver cannot repeat it"
        )
    with job.read() as tx:
        rules = access_store.on_instance(tx, share.instance_id)
        snapshot_rules = snapshot_store.rules(tx, snapshot.id)

    def call() -> Any:
        return job.backend.call(
            job,
            "revert_to_snapshot",
            job.backend.context(job),
            snapshots.record(snapshot, share),
            [records.rule(rule, share.id) for rule in rules if rule.state == "active"],
            [records.snapshot_rule(rule, share.id) for rule in snapshot_rules],
            share_server=None,
        )

    answer = look.surely(job, call, lambda held: _begun(job, share))
    reverted = results.revert_result(answer)
    if reverted.done:
        _done(job, share, reverted.size or snapshot.size)
        return
    with job.transaction() as tx:
        store.update_instance(tx, share.instance_id, status=IN_BACKGROUND, progress="0%")
        job.again(tx, shares.POLL_SECONDS, WAITS)


def _begun(job: Job[Backend], share: Share) -> dict[str, Any] | None:
    """What the driver would have said of a revert that it has begun, or done."""
    try:
        answer = job.backend.call(job, "get_share_status", records.share(share), share_server=None)
    except NotImplementedError:
        return None
    done = results.status_result(answer).status == "available"
    return None if done else {"status": IN_BACKGROUND}


def _poll(job: Job[Backend], share: Share, snapshot: Snapshot) -> None:
    answer = job.backend.call(job, "get_share_status", records.share(share), share_server=None)
    polled = results.status_result(answer)
    if polled.status == "available":
        _done(job, share, snapshot.size, polled.export_locations)
    elif polled.status in ("error", "reverting_error"):
        raise ShareBackendException(msg=f"it says that the share is {polled.status}")
    else:
        with job.transaction() as tx:
            progress = polled.progress or share.progress
            store.update_instance(tx, share.instance_id, progress=progress)
            job.again(tx, shares.POLL_SECONDS, WAITS)


def _done(
    job: Job[Backend],
    share: Share,
    size: int,
    locations: tuple[results.Location, ...] | None = None,
) -> None:
    with job.finish() as tx:
        snapshot_instance = job.op.payload["snapshot_instance_id"]
        snapshot_store.settle(tx, snapshot_instance, job.op.id, "available")
        if not store.settle(tx, share.instance_id, job.op.id, "available", progress="100%"):
            return
        if locations is not None:
            store.replace_locations(tx, share.instance_id, records.rows(locations))
        store.update(tx, share.id, size=size)
        _count(job, tx, share, size)


def _count(job: Job[Backend], tx: Tx, share: Share, size: int) -> None:
    """Count the share as one of this size: what was taken in advance is too much or too little."""
    payload = job.op.payload
    delta = size - payload["old_size"] - shares.taken(job)
    quotas.charge(
        tx,
        {"gigabytes": delta},
        project_id=share.project_id,
        user_id=share.user_id,
        share_type_id=share.share_type_id,
        enforce=False,
    )
    services.book(tx, share.host, delta)
