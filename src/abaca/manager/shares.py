"""Operations on shares: what creating, deleting and resizing one does to the world.

Each handler may run again after a crash; it looks at its row first, and drivers are idempotent.
"""

from __future__ import annotations

from typing import Any

import structlog

from abaca.drivers.contract import results
from abaca.drivers.contract.errors import (
    NOT_FOUND,
    detail_data,
    is_a,
    passing_over,
    transient,
)
from abaca.drivers.contract.extra_specs import owned_extra_specs
from abaca.model.errors import DriverError
from abaca.model.shares import Share
from abaca.model.type_specs import refusal
from abaca.operations import log as oplog
from abaca.operations.job import Job
from abaca.store import access as access_store
from abaca.store import quotas, services
from abaca.store import shares as store
from abaca.store import snapshots as snapshot_store
from abaca.store import types as type_store
from abaca.store.engine import Tx

from . import look, messages, placement, records
from .backend import Backend, forced
from .kinds import kinds

log = structlog.get_logger(__name__)
POLL_SECONDS = 2.0  # between looks at what a backend does in the background


class SpecRefused(DriverError):
    """Backend {backend} cannot have shares of type {type}: {reason}."""


def load(job: Job[Backend], *, locations: bool = True) -> Share | None:
    """The operation's share while the operation owns it; None when there is nothing to do."""
    with job.read() as tx:
        share = store.get(tx, job.op.resource_id, locations=locations)
    return share if share and share.operation_id == job.op.id else None


# --- create ---------------------------------------------------------------------------------------
def _create_failed(job: Job[Backend], tx: Tx, error: Exception) -> None:
    data = detail_data(error)
    made = data.get("export_locations") or data.get("export_location")
    if made:
        store.replace_locations(
            tx, job.op.payload["instance_id"], records.rows(results.export_locations(made))
        )
    store.settle(tx, job.op.payload["instance_id"], job.op.id, "error")
    if is_a(error, "NoValidHost"):
        detail = getattr(error, "message_detail_id", "002")
        messages.tell(tx, job.op, messages.ALLOCATE, detail, text=_for_user(error))
    else:
        messages.tell_failure(tx, job.op, messages.CREATE, error)


def _for_user(error: Exception) -> str | None:
    sentence = getattr(error, "for_user", None)
    return sentence() if sentence else None


@kinds.operation("create_share_instance", failed=_create_failed)
def create_share_instance(job: Job[Backend]) -> None:
    share = load(job, locations=False)
    if share is None:
        return
    if job.op.host == oplog.UNPLACED:
        placement.place_share(job, share)
    elif share.status == "creating_from_snapshot":
        _poll_created(job, share)
    else:
        _create_on_backend(job, share)


def _create_on_backend(job: Job[Backend], share: Share) -> None:
    check_specs(job, share)
    make, found = (_clone, _cloned) if share.snapshot_id else (_create, look.whereabouts)
    answer = look.surely(job, lambda: make(job, share), lambda held: found(job, share))
    created = results.create_result(answer, from_snapshot=bool(share.snapshot_id))
    record = records.share(share)
    more = job.backend.call(job, "get_optional_share_creation_data", record, share_server=None)
    metadata = (more or {}).get("metadata") or {}
    if created.status == "available":
        _created(job, share, created.export_locations, metadata)
        return
    with job.transaction() as tx:
        store.update_instance(tx, share.instance_id, status=created.status, progress="0%")
        store.set_metadata(tx, share.id, metadata)
        job.again(tx, POLL_SECONDS, "The backend is copying the snapshot's data.")


def check_specs(job: Job[Backend], share: Share) -> None:
    """Whether the backend honours the extra specs with its prefix, however it was chosen."""
    with job.read() as tx:
        share_type = type_store.named(tx, share.share_type_id) if share.share_type_id else None
    owned = owned_extra_specs(job.backend.driver)
    reason = refusal(owned, share_type.extra_specs) if share_type else None
    if share_type and reason:
        raise SpecRefused(backend=job.backend.name, type=share_type.name, reason=reason)


def _create(job: Job[Backend], share: Share) -> Any:
    context, record = job.backend.context(job), records.share(share)
    return job.backend.call(job, "create_share", context, record, share_server=None)


def _clone(job: Job[Backend], share: Share) -> Any:
    snapshot, parent = _source(job, share)
    return job.backend.call(
        job,
        "create_share_from_snapshot",
        job.backend.context(job),
        records.share(share),
        snapshot,
        share_server=None,
        parent_share=parent,
    )


def _cloned(job: Job[Backend], share: Share) -> Any:
    """Of a clone that is there: it may still be copied."""
    try:
        return job.backend.call(job, "get_share_status", records.share(share), share_server=None)
    except NotImplementedError:
        return look.whereabouts(job, share)


def _source(job: Job[Backend], share: Share) -> tuple[Any, Any]:
    with job.read() as tx:
        snapshot = snapshot_store.get(tx, share.snapshot_id or "")
        parent = store.get(tx, snapshot.share_id) if snapshot else None
    if snapshot is None or parent is None:
        raise LookupError(f"Snapshot {share.snapshot_id} is gone.")
    parent_record = records.share(parent)
    return records.snapshot(snapshot, parent_record), parent_record


def _created(
    job: Job[Backend], share: Share, locations: Any, metadata: dict[str, str] | None = None
) -> None:
    with job.finish() as tx:
        store.replace_locations(tx, share.instance_id, records.rows(locations))
        store.set_metadata(tx, share.id, metadata or {})
        store.settle(
            tx,
            share.instance_id,
            job.op.id,
            "available",
            launched_at=tx.now,
            progress="100%",
            **({"replica_state": "active"} if share.replication_type else {}),
        )


def _poll_created(job: Job[Backend], share: Share) -> None:
    answer = job.backend.call(job, "get_share_status", records.share(share), share_server=None)
    polled = results.status_result(answer)
    if polled.status == "available":
        _created(job, share, polled.export_locations or ())
    elif polled.status == "error":
        with job.finish("failed", "The backend could not create the share.") as tx:
            store.settle(tx, share.instance_id, job.op.id, "error", progress=None)
            messages.tell(tx, job.op, messages.UPDATE, "017")
    else:
        with job.transaction() as tx:
            store.update_instance(tx, share.instance_id, progress=polled.progress or share.progress)
            job.again(tx, POLL_SECONDS, "The backend is copying the snapshot's data.")


# --- delete ---------------------------------------------------------------------------------------
def _delete_failed(job: Job[Backend], tx: Tx, error: Exception) -> None:
    """Doors may be closed already, or not: rules say that they are in error.  With `force` the
    row goes when all attempts have failed."""
    share = store.get(tx, job.op.resource_id)
    instance_id = job.op.payload["instance_id"]
    if share is None or not store.settle(tx, instance_id, job.op.id, "error_deleting"):
        return
    messages.tell_failure(tx, job.op, messages.DELETE, error)
    if job.op.payload.get("force"):
        remove(tx, share)
        return
    rules = [rule.id for rule in access_store.on_instance(tx, instance_id)]
    if rules:
        access_store.settle(tx, rules, "error")
        store.update_instance(tx, instance_id, access_rules_status="error")


@kinds.operation("delete_share_instance", failed=_delete_failed)
def delete_share_instance(job: Job[Backend]) -> None:
    """Close every door, delete the data, and only then forget the share."""
    share = load(job)
    if share is None:
        return
    if job.op.host != oplog.UNPLACED:
        with forced(job):
            _close_doors(job, share)
            _delete_on_backend(job, share)
    with job.finish() as tx:
        remove(tx, share)


def _close_doors(job: Job[Backend], share: Share) -> None:
    """With `force` as far as it goes: the data is to be deleted in any case."""
    try:
        remove_rules(job, share)
    except (DriverError, NotImplementedError) as error:
        if transient(error) or not job.op.payload.get("force"):
            raise
        log.warning("share.rules_not_removed", share=share.id, error=str(error))


def remove_rules(job: Job[Backend], share: Share) -> None:
    with job.read() as tx:
        rules = access_store.on_instance(tx, share.instance_id)
    if not rules:
        return
    denied = [records.rule(rule, share.id) for rule in rules]
    with passing_over(*NOT_FOUND):
        job.backend.update_access(
            job,
            job.backend.context(job),
            records.share(share),
            [],
            add_rules=[],
            delete_rules=denied,
            update_rules=[],
        )


def _delete_on_backend(job: Job[Backend], share: Share) -> None:
    context, record = job.backend.context(job), records.share(share, duration_seconds=0.0)
    with passing_over(*NOT_FOUND):
        look.surely(
            job, lambda: job.backend.call(job, "delete_share", context, record, share_server=None)
        )


def remove(tx: Tx, share: Share) -> None:
    """The row goes, and with it what it used up: quota and the pool's capacity.  A share that was
    never managed successfully has used up nothing."""
    if share.charged:
        quotas.charge(
            tx,
            {"shares": -1, "gigabytes": -share.size},
            project_id=share.project_id,
            user_id=share.user_id,
            share_type_id=share.share_type_id,
            enforce=False,
        )
        services.book(tx, share.host, -share.size)
    store.delete(tx, share.id)


# --- extend and shrink ----------------------------------------------------------------------------
def _give_back(tx: Tx, share: Share, gigabytes: int) -> None:
    if gigabytes == 0:
        return
    quotas.charge(
        tx,
        {"gigabytes": -gigabytes},
        project_id=share.project_id,
        user_id=share.user_id,
        share_type_id=share.share_type_id,
        enforce=False,
    )
    services.book(tx, share.host, -gigabytes)


def taken(job: Job[Backend]) -> int:
    """GiB that were taken when it was asked for; given back when that failed, also if it was found
    to be done after that."""
    if look.late(job):
        return 0
    return int(max(0, job.op.payload["new_size"] - job.op.payload["old_size"]))


def _extend_failed(job: Job[Backend], tx: Tx, error: Exception) -> None:
    share = store.get(tx, job.op.resource_id)
    if share is not None:
        _give_back(tx, share, taken(job))
    if is_a(error, "NoValidHost", "StorageFull"):  # the share is as it was
        store.settle(tx, job.op.payload["instance_id"], job.op.id, "available")
        detail = getattr(error, "message_detail_id", messages.detail_of(error))
        messages.tell(tx, job.op, messages.EXTEND, detail, text=_for_user(error))
        return
    store.settle(tx, job.op.payload["instance_id"], job.op.id, "extending_error")
    messages.tell_failure(tx, job.op, messages.EXTEND, error, "015")


def _resize(job: Job[Backend], share: Share, method: str, size: int) -> None:
    record = records.share(share)
    look.surely(job, lambda: job.backend.call(job, method, record, size, share_server=None))


@kinds.operation("extend_share", failed=_extend_failed)
def extend_share(job: Job[Backend]) -> None:
    """Quota and capacity were taken when it was asked for.

    Whether the pool has room is asked in the first run only: an interrupted one may have extended
    the share, and a report since then counts that as used.
    """
    share = load(job)
    if share is None:
        return
    if job.op.attempt <= 1 and not job.op.payload.get("force") and not look.late(job):
        placement.check_extend(job, share)
    size = job.op.payload["new_size"]
    _resize(job, share, "extend_share", size)
    with job.finish() as tx:
        _give_back(tx, share, taken(job) - (size - share.size))
        store.update(tx, share.id, size=size)
        store.settle(tx, share.instance_id, job.op.id, "available")


def _shrink_failed(job: Job[Backend], tx: Tx, error: Exception) -> None:
    refused = is_a(error, "ShareShrinkingPossibleDataLoss")
    cannot = isinstance(error, NotImplementedError)
    status = "available" if refused or cannot else "shrinking_error"
    store.settle(tx, job.op.payload["instance_id"], job.op.id, status)
    messages.tell_failure(tx, job.op, messages.SHRINK, error, "019" if cannot else messages.UNKNOWN)


@kinds.operation("shrink_share", failed=_shrink_failed)
def shrink_share(job: Job[Backend]) -> None:
    """Quota and capacity come back once the backend has let go of them."""
    share = load(job)
    if share is None:
        return
    size = job.op.payload["new_size"]
    _resize(job, share, "shrink_share", size)
    with job.finish() as tx:
        _give_back(tx, share, share.size - size)
        store.update(tx, share.id, size=size)
        store.settle(tx, share.instance_id, job.op.id, "available")
