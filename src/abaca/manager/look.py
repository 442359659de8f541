"""When the same answer was lost twice: the call has perhaps been done, so ask something else.

Handlers repeat a call whose answer was lost, which is enough where only the network was bad.  Where
a backend does a thing and fails to say so each time, its state tells.
"""

from __future__ import annotations

from abaca.drivers.contract import results
from abaca.drivers.contract.errors import not_found, transient
from abaca.model.shares import Share
from abaca.operations.job import Job

from . import records
from .backend import Backend


def at_share(job: Job[Backend], share: Share, error: Exception) -> results.Ensured | None:
    """What the backend says of a share after an answer that was lost twice.

    None for any other error, and if the backend does not say that the share is there.
    """
    if not transient(error) or job.op.attempt < 2:
        return None
    backend = job.backend
    try:
        answer = backend.call(job, "ensure_shares", backend.context(job), [records.share(share)])
    except NotImplementedError:
        return None
    told = results.ensure_result(answer).get(share.instance_id)
    return None if told is None or told.status == "error" else told


def is_gone(job: Job[Backend], share: Share, error: Exception) -> bool:
    """Whether the backend says, after an answer that was lost twice, that it has no such share."""
    if not transient(error) or job.op.attempt < 2:
        return False
    try:
        job.backend.call(job, "get_share_status", records.share(share), share_server=None)
    except Exception as second:
        if not_found(second):
            return True
        if not isinstance(second, NotImplementedError):
            raise
    return False
