"""One run of an operation, and what its error means: again later, or the end."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import structlog

from abaca.model import clock
from abaca.model.errors import AbacaError, BackendAway, DriverError, LeaseLost, Unavailable
from abaca.model.operations import FAILED, FAILED_STEP, UNKNOWN, Operation
from abaca.store.engine import Tx

from . import log as oplog
from .job import Cancelled, Job, Kind, Kinds

log = structlog.get_logger(__name__)
UNKNOWN_PAUSE = 30.0  # seconds
LONGEST_WAIT = 60.0  # seconds between looks of an operation whose backend is away
INTERRUPTIONS = 20  # more runs than retries explain: the operation ends its process each time


class GaveUp(AbacaError):
    """The operation was not run any more."""


class Runner:
    """Knows the kinds of operations, and which errors pass."""

    def __init__(
        self,
        kinds: Kinds,
        is_transient: Callable[[Exception], bool],
        last_resort: Callable[[Tx, Operation], None],
    ) -> None:
        """last_resort: settle whatever rows an operation owns, when its kind could not."""
        self._kinds, self._is_transient, self._last_resort = kinds, is_transient, last_resort

    def attempt(self, job: Job[Any]) -> bool:
        """Run it; True if it went back into the queue."""
        if job.op.kind not in self._kinds:
            _set_aside(job)
            return True
        kind = self._kinds[job.op.kind]
        try:
            _refuse(job.op, kind)
            kind.run(job)
            if not (job.postponed or job.finished):
                with job.finish():
                    pass
        except BackendAway as error:
            _wait(job, error)
            return True
        except (LeaseLost, Unavailable):
            raise
        # The one place that decides what an error means.  BaseException: who calls sys.exit.
        except BaseException as error:  # noqa: BLE001
            known = error if isinstance(error, Exception) else DriverError(repr(error))
            return self._decide(job, kind, known)
        return job.postponed

    def _decide(self, job: Job[Any], kind: Kind, error: Exception) -> bool:
        """Again later, or the end: a transient error is retried until attempts or time run out."""
        op = job.op
        bound = log.bind(operation=op.id, kind=op.kind, resource=op.resource_id, run=op.attempt)
        due = clock.now() + kind.retry.delay(op.attempt)
        in_time = op.deadline is None or due < op.deadline
        if self._is_transient(error) and op.attempt < kind.retry.attempts and in_time:
            bound.warning("operation.retry", error=str(error), due=due)
            job.steps.add("retry", str(error), outcome=FAILED_STEP)
            with job.store.transaction() as tx:
                oplog.retry(tx, op, due, str(error)[:1000], job.steps.text(tx))
            return True
        bound.error("operation.failed", error=str(error), exc_info=_where(error))
        self._fail(job, kind, error)
        return False

    def _fail(self, job: Job[Any], kind: Kind, error: Exception) -> None:
        """The end, and the kind settles its rows.  If it cannot even do that, they are settled
        without it: an operation that fails in failing must not live for ever."""
        text = f"{type(error).__name__}: {error}"[:1000]
        state = UNKNOWN if self._is_transient(error) else FAILED
        try:
            with job.finish(state, text) as tx:
                kind.failed(job, tx, error)
        except (LeaseLost, Unavailable):
            raise
        except Exception as second:
            log.error("operation.settlement_failed", operation=job.op.id, exc_info=second)
            with job.finish(state, text) as tx:
                self._last_resort(tx, job.op)


def _wait(job: Job[Any], away: BackendAway) -> None:
    """The backend was not called, so this was no attempt.  The longer an operation has waited
    the less often it looks; when the backend is back all are told (oplog.hurry)."""
    op = job.op
    asked = datetime.fromisoformat(op.created_at).replace(tzinfo=UTC)
    pause = max(away.seconds, min(LONGEST_WAIT, (clock.now() - asked.timestamp()) / 4))
    with job.store.transaction() as tx:
        oplog.postpone(tx, op, clock.now() + pause, away.message, attempts=op.attempt - 1)


def _where(error: Exception) -> Exception | None:
    """What the log shows the lines of: drivers and bugs.  A refusal of ours says all in words."""
    ours = isinstance(error, AbacaError) and not isinstance(error, DriverError)
    return None if ours else error


def _set_aside(job: Job[Any]) -> None:
    """A newer abaca asked for something this one does not know; it may run there later."""
    op = job.op
    log.error("operation.unknown_kind", operation=op.id, kind=op.kind)
    with job.store.transaction() as tx:
        oplog.postpone(tx, op, clock.now() + UNKNOWN_PAUSE, f"Unknown kind {op.kind}.")


def _refuse(op: Operation, kind: Kind) -> None:
    """Raise if it is not to be run any more, though it was claimed."""
    if op.cancel_requested:
        raise Cancelled("The operation was cancelled.")
    if op.deadline is not None and clock.now() > op.deadline:
        raise GaveUp("Its time was up before it could be done.")
    if op.attempt > kind.retry.attempts + INTERRUPTIONS:
        raise GaveUp(f"It was interrupted in {op.attempt - 1} runs; perhaps it ends the process.")


def no_rows(tx: Tx, op: Operation) -> None:
    """No rows to settle."""
