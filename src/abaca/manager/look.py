"""When the same answer was lost twice: the call has perhaps been done, so ask something else.

Handlers repeat a call whose answer was lost, which is enough where only the network was bad.  Where
a backend does a thing and fails to say so each time, what it holds tells.
"""

from __future__ import annotations

from collections.abc import Mapping

from abaca.drivers.contract import results
from abaca.drivers.contract.errors import transient
from abaca.drivers.contract.inventory import Held, inventory_result
from abaca.model.shares import Share
from abaca.operations.job import Job

from . import records
from .backend import Backend


def held(job: Job[Backend], error: Exception) -> Mapping[tuple[str, str], Held] | None:
    """What the backend holds, by kind and id, after an answer that was lost twice.  None for any
    other error, and of drivers that do not tell."""
    if not _lost_again(job, error):
        return None
    backend = job.backend
    try:
        answer = backend.call(job, "get_inventory", backend.context(job))
    except NotImplementedError:
        return None
    return {(each.kind, each.id): each for each in inventory_result(answer)}


def exported(job: Job[Backend], share: Share, error: Exception) -> results.Ensured | None:
    """Where a share is after the answer of its creation was lost twice, or None as above; also if
    the backend does not have it."""
    if not _lost_again(job, error):
        return None
    backend = job.backend
    try:
        answer = backend.call(job, "ensure_shares", backend.context(job), [records.share(share)])
    except NotImplementedError:
        return None
    told = results.ensure_result(answer).get(share.instance_id)
    return None if told is None or told.status == "error" else told


def _lost_again(job: Job[Backend], error: Exception) -> bool:
    return transient(error) and job.op.attempt > 1
