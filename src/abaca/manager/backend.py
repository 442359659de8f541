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
from abaca.model.errors import BackendAway, DriverError, Unavailable
from abaca.operations.job import Job
from abaca.store.seam import passing

from .breaker import Breaker

log = structlog.get_logger(__name__)
FIRST_PAUSE, LONGEST_PAUSE = 2.0, 600.0  # seconds between attempts to set a driver up
FORCE_PATIENCE = 30.0  # seconds that a forced deletion waits for a backend that is away


@contextlib.contextmanager
def _only_errors() -> Iterator[None]:
    """Drivers may call sys.exit, and timeouts of foreign libraries are no Exceptions: to us they
    are errors like any other."""
    try:
        yield
    except Exception:
        raise
    except BaseException as error:
        raise DriverError(f"{type(error).__name__}: {error}") from error


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

    def __init__(self, name: str, host: str, driver: ShareDriver, zone: str) -> None:
        self.name = name
        self.host = host  # host@backend
        self.driver = driver
        self.zone = zone
        self.initialized = threading.Event()
        self.problem: str | None = "not set up yet"
        self.breaker = Breaker()

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
        passing(f"before {method}")
        with self.breaker.calling(method), job.steps.timed(method), _only_errors():
            result = action()
            passing(f"answer of {method}")
        passing(f"after {method}")
        return result

    def ask(self, method: str, *args: Any, **keywords: Any) -> Any:
        """Call a method that changes nothing, outside of any operation; None if there is none.
        Raises BackendAway while the backend does not answer anybody."""
        self.breaker.check()
        return self._ask(method, *args, **keywords)

    def _ask(self, method: str, *args: Any, **keywords: Any) -> Any:
        found = getattr(self.driver, method, None)
        passing(f"before {method}")
        with _only_errors():
            answer = found(*args, **keywords) if found else None
        passing(f"after {method}")
        return answer

    def stats(self) -> Any:
        """What the driver says of its pools: also the sign of life of a backend that is away.
        Raises Unavailable if it does not answer."""
        try:
            with self.breaker.probing():
                return self._ask("get_share_stats", refresh=True)
        except Exception as error:
            if transient(error):
                raise Unavailable(f"The storage backend does not answer: {error}") from error
            raise

    def context(self, job: Job[Backend]) -> DriverContext:
        return DriverContext(job.context, job.progress, str(job.op.id), job.op.epoch)

    def set_up(self, stop: threading.Event) -> bool:
        """Set the driver up, however long it takes; False if told to stop before it was."""
        pause = FIRST_PAUSE
        context = DriverContext(system_context())
        while not stop.is_set():
            try:
                with _only_errors():
                    self.driver.do_setup(context)
                    self.driver.check_for_setup_error()
            except Exception as error:  # noqa: BLE001 (a broken backend must not end the others)
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
