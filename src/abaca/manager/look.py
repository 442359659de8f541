"""When the answer to a call was lost: the call has perhaps been done, so ask something else.

Handlers repeat a call whose answer was lost, which is enough where only the network was bad.  Where
a backend does a thing and fails to say so each time, what it holds tells (manager/evidence.py).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from abaca.drivers.contract import results
from abaca.drivers.contract.errors import StorageCommunicationException, not_found, transient
from abaca.drivers.contract.inventory import inventory_result
from abaca.model.errors import DriverError
from abaca.model.shares import Share
from abaca.operations.job import Job

from . import records
from .backend import Backend
from .evidence import SHOWN, Inventory, inventory

LATE = "late"  # in the payload: how often the operation was found to be done after its end


def late(job: Job[Backend]) -> bool:
    """Whether this is the rest of an operation that ended, and was found to be done after that."""
    return LATE in job.op.payload


def surely(
    job: Job[Backend],
    call: Callable[[], Any],
    unanswered: Callable[[Inventory], Any] = lambda held: None,
) -> Any:
    """The answer to the call that the operation is about.

    If the answer is lost twice and what the backend holds shows that the thing was done, that is
    an answer too: what `unanswered` makes of it.  It raises NotImplementedError where only the
    call can tell.  What was found to be done late is not called for again, lest it be done twice.
    """
    problem: DriverError = StorageCommunicationException(
        reason="it was seen that this was done, and now it is not"
    )
    if not late(job):
        try:
            return call()
        except DriverError as error:
            if not transient(error) or job.op.attempt <= 1:
                raise
            problem = error
    held = _shown(job)
    if held is None:
        raise problem
    try:
        return unanswered(held)
    except NotImplementedError:
        if late(job):
            return call()
        raise problem from None


def _shown(job: Job[Backend]) -> Inventory | None:
    """What the backend holds, if that shows that it was done."""
    backend = job.backend
    try:
        answer = backend.call(job, "get_inventory", backend.context(job))
    except NotImplementedError:  # a driver that does not tell
        return None
    held = inventory(inventory_result(answer))
    with job.read() as tx:
        if not SHOWN[job.op.kind](tx, job.op, held):
            return None
    job.steps.add("found", "what the backend holds shows that it was done")
    return held


def ensured(job: Job[Backend], share: Share) -> results.Ensured | None:
    """Have a share exported as it shall be, and say where; None if the backend does not have it.
    NotImplementedError if the driver cannot."""
    backend, record = job.backend, records.share(share)
    try:
        answer = backend.call(job, "ensure_shares", backend.context(job), [record])
        update = results.ensure_result(answer).get(share.instance_id, results.Ensured())
        return None if update.status == "error" else update
    except NotImplementedError:
        pass
    try:
        answer = backend.call(job, "ensure_share", backend.context(job), record, share_server=None)
    except DriverError as error:
        if not not_found(error):
            raise
        return None
    return results.Ensured(tuple(results.export_locations(answer)) if answer else None)


def whereabouts(job: Job[Backend], share: Share) -> tuple[results.Location, ...]:
    """Where a share that the backend holds is exported; NotImplementedError if it does not say."""
    told = ensured(job, share)
    if told is None or not told.export_locations:
        raise NotImplementedError
    return told.export_locations
