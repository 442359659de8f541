"""Making a backend export again what the database says: after a restart of anything, or on demand.

Shares are taken into `ensuring` in chunks, owned by this operation, so that nothing else changes
them meanwhile; one that is being changed already is left to a later chunk.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import structlog

from abaca.drivers.contract import records as shapes
from abaca.drivers.contract import results
from abaca.model.errors import DriverError
from abaca.model.shares import Share
from abaca.model.status import SHARE_STATUSES, SHARE_TRANSITIONAL
from abaca.operations.job import Job, Retry
from abaca.store import access as access_store
from abaca.store import backends
from abaca.store import shares as store
from abaca.store.engine import Tx

from . import messages, records
from .access import known_to_driver, note_applied_again, set_status
from .backend import Backend
from .kinds import kinds

log = structlog.get_logger(__name__)
CHUNK = 200
GONE = (
    "update: the storage backend says that it no longer has the share, or that it is broken. "
    "Ask your administrator to look."
)
_STATUSES = frozenset(SHARE_STATUSES) - SHARE_TRANSITIONAL  # those a driver may set


def fingerprint(info: Mapping[str, Any]) -> str:
    """SHA-1 of the sorted items (manager specification, section 2)."""
    return hashlib.sha1(str(sorted(info.items())).encode(), usedforsecurity=False).hexdigest()


def _failed(job: Job[Backend], tx: Tx, error: Exception) -> None:
    backends.release_ensuring(tx, job.op.id)
    backends.set_ensuring(tx, job.backend.host, False)


@kinds.operation("ensure_driver_resources", failed=_failed, retry=Retry(attempts=1000))
def ensure_driver_resources(job: Job[Backend]) -> None:
    """Nothing to do when the backend tells the same about itself as after the last ensure."""
    backend = job.backend
    known: str | None
    try:
        info = backend.call(job, "get_backend_info", backend.context(job))
        known = fingerprint(info or {})
    except NotImplementedError:
        known = None
    with job.transaction() as tx:
        before = backends.info_hash(tx, backend.host)
        backends.release_ensuring(tx, job.op.id)  # of a run that was interrupted
        skip = not job.op.payload.get("skip_backend_info_check")
        if skip and known is not None and (known == before or not (info or before)):
            backends.set_ensuring(tx, backend.host, False)
            return
        backends.set_ensuring(tx, backend.host, True)
    clean = _ensure_all(job)
    with job.finish() as tx:
        backends.set_ensuring(tx, backend.host, False)
        if known is not None and clean:
            backends.set_info_hash(tx, backend.host, known)


def _ensure_all(job: Job[Backend]) -> bool:
    """Chunk after chunk; whether every share is as it should be."""
    clean, after = True, ""
    while True:
        with job.transaction() as tx:
            found = backends.idle_shares(tx, job.backend.host, after, CHUNK)
            taken = backends.take_for_ensuring(tx, found, job.op.id)
        if not found:
            return clean
        after = found[-1][0]
        clean = _ensure_chunk(job, taken) and clean


def _ensure_chunk(job: Job[Backend], share_ids: Sequence[str]) -> bool:
    with job.read() as tx:
        found = [store.get(tx, share_id, locations=True) for share_id in share_ids]
    shares = {share.instance_id: share for share in found if share}
    updates, clean = _ask_driver(job, shares) if shares else ({}, True)
    again: list[Share] = []
    with job.transaction() as tx:
        for instance_id, share in shares.items():
            update = updates.get(instance_id, results.Ensured())
            if _settle(job, tx, share, update):
                again.append(share)
    for share in again:
        clean = _reapply(job, share) and clean
    return clean


def _ask_driver(
    job: Job[Backend], shares: Mapping[str, Share]
) -> tuple[dict[str, results.Ensured], bool]:
    """In bulk where the driver can, else one by one; (updates, whether all of it worked)."""
    backend = job.backend
    given = [records.share(share) for share in shares.values()]
    try:
        answer = backend.call(job, "ensure_shares", backend.context(job), given)
        return results.ensure_result(answer), True
    except NotImplementedError:
        pass
    updates: dict[str, results.Ensured] = {}

    def ensure(record: shapes.Share) -> None:
        context = backend.context(job)
        answer = backend.call(job, "ensure_share", context, record, share_server=None)
        if answer:
            updates[record["id"]] = results.Ensured(tuple(results.export_locations(answer)))

    try:
        done = [_bearing(record["share_id"], partial(ensure, record)) for record in given]
    except NotImplementedError:
        return {}, True
    return updates, all(done)


def _bearing(share_id: str, action: Callable[[], None]) -> bool:
    """Do it; False if it failed: one bad share must not stop the others."""
    try:
        action()
    except DriverError as error:
        log.error("ensure.failed", share=share_id, error=str(error))
        return False
    return True


def _settle(job: Job[Backend], tx: Tx, share: Share, update: results.Ensured) -> bool:
    """Write what the driver said; whether the rules are to be applied again."""
    if not backends.still_ours(tx, share.instance_id, job.op.id):
        return False  # an administrator has deleted or reset it meanwhile
    if update.export_locations is not None:
        store.replace_locations(tx, share.instance_id, records.rows(update.export_locations))
    store.set_metadata(tx, share.id, update.metadata)
    status = update.status if update.status in _STATUSES else "available"
    again = update.reapply_access_rules or share.access_rules_status != "active"
    if status != "available" or not again:
        store.settle(tx, share.instance_id, job.op.id, status)
        if status == "error":
            _tell_gone(job, tx, share)
        return False
    return True


def _tell_gone(job: Job[Backend], tx: Tx, share: Share) -> None:
    messages.tell(
        tx,
        job.op,
        messages.UPDATE,
        messages.UNKNOWN,
        resource=("SHARE", share.id),
        project_id=share.project_id,
        text=GONE,
    )


def _reapply(job: Job[Backend], share: Share) -> bool:
    """All rules once more; whether it worked.  The share is available in any case, and says of
    its rules whether they are in force."""
    done = _bearing(share.id, lambda: recover_rules(job, share))
    with job.transaction() as tx:
        if store.settle(tx, share.instance_id, job.op.id, "available"):
            set_status(tx, share.instance_id)
            if not done:
                store.update_instance(tx, share.instance_id, access_rules_status="error")
    return done


def recover_rules(job: Job[Backend], share: Share) -> None:
    """The recovery form of update_access, with three empty lists."""
    with job.read() as tx:
        rules = known_to_driver(job, share, access_store.on_instance(tx, share.instance_id))
    wanted = [r for r in rules if r.state not in ("queued_to_deny", "denying", "error")]
    updates = job.backend.update_access(
        job,
        job.backend.context(job),
        records.share(share),
        [records.rule(rule, share.id) for rule in wanted],
        add_rules=[],
        delete_rules=[],
        update_rules=[],
    )
    note_applied_again(job, share, wanted, updates)
