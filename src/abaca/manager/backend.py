"""One enabled backend: its driver, and the only place where a driver is called."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

import structlog

from abaca.drivers.contract import compat
from abaca.drivers.contract.context import DriverContext
from abaca.drivers.contract.driver import ShareDriver
from abaca.drivers.contract.errors import transient
from abaca.model.context import system_context
from abaca.model.errors import AbacaError, BackendAway, DriverError, Unavailable
from abaca.operations.job import Job
from abaca.store.seam import passing

from .breaker import Breaker
from .calls import Calls, guarded, still_wanted

log = structlog.get_logger(__name__)
FIRST_PAUSE, LONGEST_PAUSE = 2.0, 600.0  # seconds between attempts to set a driver up
FREES = frozenset({"delete_share", "shrink_share", "delete_snapshot"})  # room in the pool
FORCE_PATIENCE = 30.0  # seconds that a forced deletion waits for a backend that is away


@contextlib.contextmanager
def forced(job: Job[Backend]) -> Iterator[None]:
    """Around a deletion: one that is forced does not wait for ever for a backend that is away."""
    try:
        yield
    except BackendAway as error:
        if job.op.payload.get("force") and error.since > FORCE_PATIENCE:
            raise DriverError(error.message) from error
        raise


class Backend:
    """A backend as operations see it."""

    def __init__(
        self,
        name: str,
        host: str,
        driver: ShareDriver,
        zone: str,
        call_seconds: float | None = None,
    ) -> None:
        """call_seconds: see Calls."""
        self.name = name
        self.host = host  # host@backend
        self.driver = driver
        self.zone = zone
        self.initialized = threading.Event()
        self.problem: str | None = "not set up yet"
        self.breaker = Breaker()
        self.calls = Calls(name, call_seconds)
        self.freed: Callable[[], None] = lambda: None  # called when there may be more room

    @property
    def trouble(self) -> str | None:
        """Why nothing is asked of it, in words; None while it is called."""
        return self.breaker.problem or self.calls.problem

    def call(self, job: Job[Backend], method: str, *args: Any, **keywords: Any) -> Any:
        """Call a driver's method on behalf of an operation.

        Not if this worker may have lost its lease: raises LeaseLost, and the backend is left to
        the successor.  Not while the backend does not answer anybody: raises BackendAway.
        Keywords that an old driver does not know are left out.
        """
        return self._drive(
            job, method, lambda: compat.call(getattr(self.driver, method), *args, **keywords)
        )

    def update_access(self, job: Job[Backend], *args: Any, **keywords: Any) -> Any:
        """As call, for update_access of drivers of any age."""
        return self._drive(
            job,
            "update_access",
            lambda: compat.call_update_access(self.driver, *args, **keywords),
        )

    def _drive(self, job: Job[Backend], method: str, action: Callable[[], Any]) -> Any:
        job.check()
        self.calls.check(job.op.lock_key)
        passing(f"before {method}")
        with self.breaker.calling(method), job.steps.timed(method):
            result = self.calls.make(method, job.op.lock_key, action)
            passing(f"answer of {method}")
        passing(f"after {method}")
        if method in FREES:
            self.freed()
        return result

    def ask(self, method: str, *args: Any, **keywords: Any) -> Any:
        """Call a method that changes nothing, outside of any operation; None if there is none.
        Raises BackendAway while the backend does not answer anybody."""
        self.breaker.check()
        return self._ask(method, *args, **keywords)

    def _ask(self, method: str, *args: Any, **keywords: Any) -> Any:
        found = getattr(self.driver, method, None)
        if found is None:
            return None
        self.calls.check(method)
        passing(f"before {method}")
        answer = self.calls.make(method, method, lambda: found(*args, **keywords))
        passing(f"after {method}")
        return answer

    def stats(self) -> Any:
        """What the driver says of its pools: also the sign of life of a backend that is away.
        Raises Unavailable if it does not answer."""
        try:
            with self.breaker.probing():
                return self._ask("get_share_stats", refresh=True)
        except DriverError as error:
            if transient(error):
                raise Unavailable(f"The storage backend does not answer: {error}") from error
            raise

    def context(self, job: Job[Backend]) -> DriverContext:
        def progress(percent: int) -> None:
            with still_wanted():
                job.progress(percent)

        return DriverContext(job.context, progress, str(job.op.id), job.op.epoch)

    def set_up(self, stop: threading.Event) -> bool:
        """Set the driver up, however long it takes; False if told to stop before it was."""
        pause = FIRST_PAUSE
        context = DriverContext(system_context())
        while not stop.is_set():
            try:
                guarded(lambda: self.driver.do_setup(context))
                guarded(self.driver.check_for_setup_error)
            except (AbacaError, NotImplementedError) as error:
                self.problem = f"{type(error).__name__}: {error}"
                log.error("backend.set_up_failed", backend=self.name, error=self.problem)
                stop.wait(pause)
                pause = min(LONGEST_PAUSE, pause * 2)
            else:
                self.driver.initialized = True
                self.problem = None
                self.initialized.set()
                return True
        return False
