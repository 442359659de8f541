"""Repairing drift: make the backend what the database says, or the database say what is lost.

One operation for each share, under its lock key: nothing else changes the share meanwhile, and it
stays available.  What is busy or has changed is left to the next look.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import structlog

from abaca.drivers.contract import records as shapes
from abaca.drivers.contract.errors import NOT_FOUND, passing_over
from abaca.drivers.contract.inventory import inventory_result
from abaca.model import clock
from abaca.model import drift as model
from abaca.model.drift import Finding
from abaca.model.errors import AbacaError
from abaca.model.shares import Share
from abaca.operations.job import Job
from abaca.store import drift as store
from abaca.store import shares as share_store
from abaca.store import snapshots as snapshot_store
from abaca.store.engine import Tx

from . import look, messages, records, snapshot_access, snapshots
from .access import set_status
from .backend import Backend
from .ensure import recover_rules
from .kinds import kinds

log = structlog.get_logger(__name__)
FIRST_PAUSE, LONGEST_PAUSE = 30.0, 3600.0  # seconds until an unasked repair is tried again
LEFT = "It was busy, or no longer as it was found."
GONE_SHARE = (
    "The data of this share is no longer on the storage backend; it was removed there without "
    "abaca. Delete the share and create a new one, from a snapshot if there is one. If your "
    "administrator brings the data back, he can set the status to available."
)
GONE_SNAPSHOT = (
    "The data of this snapshot is no longer on the storage backend; it was removed there without "
    "abaca. Delete the snapshot, and take a new one."
)


class StillThere(AbacaError):
    """The inventory lacks {what} {id}, but the backend says that it is there; nothing was done."""


def _failed(job: Job[Backend], tx: Tx, error: Exception) -> None:
    problem = f"{type(error).__name__}: {error}"[:1000]
    _postpone(tx, store.find(tx, ids=job.op.payload["findings"]), problem)


def _postpone(tx: Tx, findings: Iterable[Finding], problem: str) -> None:
    for finding in findings:
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2**finding.attempts)
        store.failed(tx, finding, problem, clock.now() + pause)


@kinds.operation("repair_drift", failed=_failed)
def repair_drift(job: Job[Backend]) -> None:
    with job.read() as tx:
        found = store.find(tx, ids=job.op.payload["findings"])
    done = [finding for finding in found if REPAIRS[finding.kind](job, finding)]
    with job.finish(message=_summary(done)) as tx:
        store.remove(tx, [finding.id for finding in done])
        _postpone(tx, (finding for finding in found if finding not in done), LEFT)
    for finding in done:
        log.warning("drift.repaired", kind=finding.kind, backend_id=finding.backend_id)


def _summary(done: list[Finding]) -> str:
    said = (f"{f.action} {f.resource_id or f.backend_id}: {f.found} -> {f.expected}" for f in done)
    return "; ".join(said)[:1000] or "Nothing to repair any more."


# --- shares ---------------------------------------------------------------------------------------
def _share(job: Job[Backend], finding: Finding) -> Share | None:
    """The share, if it is available still and nothing else is going on with it."""
    with job.read() as tx:
        share = share_store.get(tx, finding.resource_id or "", locations=True)
    idle = share is not None and share.status == "available" and share.operation_id is None
    return share if idle and share and share.instance_id == finding.backend_id else None


def _ensure(job: Job[Backend], share: Share) -> bool:
    """Have it exported as it shall be; False if the backend says that it is gone."""
    update = look.ensured(job, share)
    if update is not None and update.export_locations is not None:
        with job.transaction() as tx:
            rows = records.rows(update.export_locations)
            share_store.replace_locations(tx, share.instance_id, rows)
    return update is not None


def _mark_share(job: Job[Backend], finding: Finding) -> bool:
    """Two witnesses: the inventory, and what ensures shares.  Whoever looks for it next is told
    the truth; what would still be exported of it is not our business."""
    share = _share(job, finding)
    if share is None:
        return False
    if _ensure(job, share):
        raise StillThere(what="share", id=share.id)
    with job.transaction() as tx:
        if share_store.begin(tx, share.instance_id, "error", ["available"]):
            messages.tell(tx, job.op, messages.UPDATE, messages.UNKNOWN, text=GONE_SHARE)
    return True


def _export(job: Job[Backend], finding: Finding) -> bool:
    share = _share(job, finding)
    return share is not None and _ensure(job, share) and _reapply(job, finding)


def _resize(job: Job[Backend], finding: Finding) -> bool:
    """A share that has too much, or no limit (0), is shrunk: that looks after its data."""
    share = _share(job, finding)
    if share is None:
        return False
    found = float(finding.detail.get("size") or 0)
    method = "extend_share" if 0 < found < share.size else "shrink_share"
    job.backend.call(job, method, records.share(share), share.size, share_server=None)
    return True


def _reapply(job: Job[Backend], finding: Finding) -> bool:
    share = _share(job, finding)
    if share is None:
        return False
    recover_rules(job, share)
    with job.transaction() as tx:
        share_store.lock_instance(tx, share.instance_id)
        set_status(tx, share.instance_id)
    return True


# --- snapshots ------------------------------------------------------------------------------------
def _mark_snapshot(job: Job[Backend], finding: Finding) -> bool:
    """Snapshots have nothing that ensures them: the inventory is asked again."""
    backend = job.backend
    held = inventory_result(backend.call(job, "get_inventory", backend.context(job)))
    if any(each.kind == "snapshot" and each.id == finding.backend_id for each in held):
        raise StillThere(what="snapshot", id=finding.resource_id)
    with job.transaction() as tx:
        snapshot = snapshot_store.get(tx, finding.resource_id or "")
        if snapshot is None or not snapshot_store.begin(
            tx, finding.backend_id, "error", ["available"]
        ):
            return False
        messages.tell(tx, job.op, messages.UPDATE, messages.UNKNOWN, text=GONE_SNAPSHOT)
    return True


def _reapply_snapshot(job: Job[Backend], finding: Finding) -> bool:
    with job.read() as tx:
        snapshot = snapshot_store.get(tx, finding.resource_id or "")
        share = share_store.get(tx, snapshot.share_id) if snapshot else None
        rules = snapshot_store.rules(tx, snapshot.id) if snapshot else []
    if snapshot is None or share is None or snapshot.status != "available":
        return False
    active = [records.snapshot_rule(rule, share.id) for rule in rules if rule.state == "active"]
    updates = snapshots.update_access(job, snapshot, share, wanted=active, add=[], delete=[])
    with job.transaction() as tx:
        snapshot_access.refuse(job, tx, snapshot, rules, updates)
    return True


# --- strangers ------------------------------------------------------------------------------------
def _withdraw(job: Job[Backend], finding: Finding) -> bool:
    """Nobody may reach what no row speaks of."""
    record = stranger(finding)
    none: Mapping[str, list[Any]] = {"add_rules": [], "delete_rules": [], "update_rules": []}
    with passing_over(*NOT_FOUND):
        job.backend.update_access(job, job.backend.context(job), record, [], **none)
    return True


def stranger(finding: Finding) -> shapes.Share:
    """A record of something that has no row."""
    return shapes.share_record(
        id=finding.backend_id,
        share_id=finding.backend_id,
        share_proto=finding.detail.get("proto") or "NFS",
        host=finding.host,
        size=0,
    )


def _by_type(
    share: Callable[[Job[Backend], Finding], bool],
    snapshot: Callable[[Job[Backend], Finding], bool],
) -> Callable[[Job[Backend], Finding], bool]:
    return lambda job, f: (snapshot if f.resource_type == "SNAPSHOT" else share)(job, f)


# kind -> what makes it right; False: it could not be judged now
REPAIRS: dict[str, Callable[[Job[Backend], Finding], bool]] = {
    model.MISSING: _by_type(_mark_share, _mark_snapshot),
    model.UNEXPORTED: _export,
    model.SIZE: _resize,
    model.RULES: _by_type(_reapply, _reapply_snapshot),
    model.UNREADABLE: _by_type(_export, _reapply_snapshot),
    model.STALE_EXPORT: _withdraw,
}
