"""What an operation handler sees.

    @kinds.operation("extend_share", failed=...)
    def extend_share(job: Job[Backend]) -> None:
        with job.read() as tx:                  # look
            ...
        job.backend.call(job, "extend_share")   # then do; done already is fine
        with job.finish() as tx:                # result and end of the operation, atomically
            ...

A handler may run several times, in several processes, one after the other; never twice at once.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from abaca.model import clock
from abaca.model.context import Context
from abaca.model.errors import AbacaError, LeaseLost, Unavailable
from abaca.model.operations import DONE, FAILED, Operation
from abaca.store.engine import Store, Tx

from . import log
from .steps import Steps

B = TypeVar("B")


class Cancelled(AbacaError):
    """The operation was cancelled."""


class Job(Generic[B]):
    """One run of one operation."""

    def __init__(
        self, op: Operation, store: Store, backend: B, holding: Callable[[], None]
    ) -> None:
        self.op = op
        self.store = store
        self.backend = backend
        self.finished = False  # its end is in the database
        self.postponed = False  # it is back in the queue
        self.cancelled = op.cancel_requested  # as far as is known
        self.steps = Steps()  # what it does, for the timeline
        self.steps.add("run", f"{op.attempt} in {op.host or 'placement'}")
        self._holding = holding

    @property
    def context(self) -> Context:
        """The one who asked, with admin rights (the manager touches rows of any project)."""
        return Context(
            user_id=self.op.user_id,
            project_id=self.op.project_id,
            request_id=self.op.request_id,
            is_admin=True,
            roles=("admin",),
        )

    def check(self) -> None:
        """Raise LeaseLost if a backend must not be touched any more, Cancelled if asked to stop."""
        self._holding()
        if self.cancelled:
            raise Cancelled("The operation was cancelled.")

    @contextlib.contextmanager
    def read(self) -> Iterator[Tx]:
        with self.store.read() as tx:
            yield tx

    @contextlib.contextmanager
    def transaction(self, *, durable: bool = True) -> Iterator[Tx]:
        """A write transaction in which this worker owns the operation, or LeaseLost."""
        with self.store.transaction(durable=durable) as tx:
            self.cancelled = log.fence(tx, self.op, self.steps.text(tx))
            yield tx

    @contextlib.contextmanager
    def finish(self, state: str = DONE, message: str | None = None) -> Iterator[Tx]:
        """The last transaction: what it writes and the end of the operation, atomically."""
        with self.store.transaction() as tx:
            log.settle(tx, self.op, state, message, self.steps.text(tx))
            yield tx
        self.finished = True

    def route(self, tx: Tx, host: str) -> None:
        """Hand the operation to a backend's queue (of host@backend#pool), in this transaction."""
        self.steps.add("placed", host)
        log.route(tx, self.op, host.partition("#")[0], self.steps.text(tx))
        tx.after_commit(lambda: setattr(self, "finished", True))

    def again(self, tx: Tx, seconds: float, message: str) -> None:
        """The backend works on it: look again later, in this transaction.  Not a failure."""
        self.steps.add("wait", message)
        log.postpone(tx, self.op, clock.now() + seconds, message, self.steps.text(tx))
        tx.after_commit(lambda: setattr(self, "postponed", True))

    def progress(self, percent: int) -> None:
        """Say how much is done.  Raises LeaseLost if the backend must be left alone; a database
        that is away is no reason to stop in the middle."""
        self._holding()
        with contextlib.suppress(Unavailable), self.transaction(durable=False) as tx:
            log.progress(tx, self.op, percent)


Handler = Callable[[Job[Any]], None]
Failed = Callable[[Job[Any], Tx, Exception], None]


@dataclass(frozen=True)
class Retry:
    """How often and how patiently a kind is tried again after a transient error."""

    attempts: int = 12
    first_delay: float = 0.2  # seconds; doubles each time
    longest_delay: float = 60.0

    def delay(self, attempt: int) -> float:
        return float(min(self.longest_delay, self.first_delay * 2 ** (attempt - 1)))


def _no_settlement(job: Job[Any], tx: Tx, error: Exception) -> None:
    """For operations that own no row."""


@dataclass(frozen=True)
class Kind:
    name: str
    run: Handler
    failed: Failed = _no_settlement  # settles the rows in the transaction that ends the operation
    retry: Retry = field(default_factory=Retry)


class Kinds:
    """The table of all operations: name -> handler."""

    def __init__(self) -> None:
        self._kinds: dict[str, Kind] = {}

    def operation(
        self, name: str, *, failed: Failed = _no_settlement, retry: Retry | None = None
    ) -> Callable[[Handler], Handler]:
        def register(handler: Handler) -> Handler:
            self._kinds[name] = Kind(name, handler, failed, retry or Retry())
            return handler

        return register

    def __getitem__(self, name: str) -> Kind:
        return self._kinds[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._kinds)

    def __contains__(self, name: object) -> bool:
        return name in self._kinds


__all__ = ["FAILED", "Cancelled", "Job", "Kind", "Kinds", "LeaseLost", "Retry"]
