"""Periodic tasks: heartbeats, reports, used sizes, clean-up.  Each under the lease of its queue, so
once per backend (or once per cluster), however many managers there are."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from abaca.model import clock
from abaca.model.errors import LeaseLost, Unavailable
from abaca.operations.lease import Lease

log = structlog.get_logger(__name__)
LOOK_SECONDS = 1.0  # how soon a new holder of the lease begins


@dataclass
class Task:
    """Run `action` every `seconds`, and at once when the lease is taken."""

    name: str
    seconds: float
    action: Callable[[], object]
    due: float = 0.0  # clock.uptime()


class Periodic:
    """The tasks of one queue, one after the other in one thread."""

    def __init__(self, name: str, lease: Lease, tasks: Sequence[Task]) -> None:
        self._name = name
        self._lease = lease
        self._tasks = tasks
        self._wake = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name=f"periodic {name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)

    def now(self) -> None:
        """Do all of it at once: the lease has just been taken, or somebody asks."""
        for task in self._tasks:
            task.due = 0.0
        self._wake.set()

    def at(self, name: str, when: float) -> None:
        """Do the task of that name at this time (monotonic) at the latest."""
        for task in self._tasks:
            if task.name == name and when < task.due:
                task.due = when
                self._wake.set()

    def _run(self) -> None:
        while not self._stopping:
            self._wake.clear()
            self.round()
            soonest = min((task.due for task in self._tasks), default=0.0)
            pause = soonest - clock.uptime() if self._lease.held else LOOK_SECONDS
            self._wake.wait(min(60.0, max(0.05, pause)))

    @property
    def due(self) -> bool:
        """Whether a round would do something."""
        return self._lease.held and any(task.due <= clock.uptime() for task in self._tasks)

    def round(self) -> None:
        """Everything that is due now."""
        if self._lease.held:
            for task in self._tasks:
                self._perform(task)

    def _perform(self, task: Task) -> None:
        if self._stopping or not self._lease.held or task.due > clock.uptime():
            return
        task.due = clock.uptime() + task.seconds
        try:
            task.action()
        except (LeaseLost, Unavailable) as error:
            log.warning("periodic.postponed", task=task.name, of=self._name, error=str(error))
        except Exception as error:
            log.error("periodic.failed", task=task.name, of=self._name, exc_info=error)
