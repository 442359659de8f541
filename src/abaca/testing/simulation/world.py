"""Time, processes and tasks.

A process is a manager, an API, or both.  What its threads would do are tasks (greenlets), which
stop at every point where another thread could be faster: after each commit, before and after each
call of a driver.  A process dies at any such point, and before any commit; a dead one reaches
nothing any more, however its code tries, because every way out passes a point (store/seam.py).
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import Any, TypeVar

import greenlet

from abaca.manager.backend import Backend
from abaca.manager.periodic import Periodic
from abaca.manager.private_storage import StorePrivateStorage
from abaca.manager.process import Manager
from abaca.manager.process import Options as ManagerOptions
from abaca.model import clock
from abaca.model.quotas import DEFAULT_LIMITS
from abaca.operations.worker import Queue
from abaca.service.env import Env, Settings

from .array import Array, SimulatedDriver
from .database import Database
from .plan import Options

HOST = "host@fake"
POOL = f"{HOST}#fake"
THREADS = 2  # of a queue
EPOCH = 1_700_000_000_000_000  # microseconds
LEASE, HEARTBEAT = 3.0, 2.0  # seconds
STALLED = 5.0  # seconds; too late for it
PATIENCE = 300  # rounds until what is live then counts as stuck
T = TypeVar("T")
Reached = tuple[str, str, str]  # table, row, column: what a history came to


class Crashed(BaseException):
    """The process was killed here."""


class SimulatedClock(clock.Clock):
    """Every look takes a microsecond, so no two things happen at the same time."""

    def __init__(self) -> None:
        self._microseconds = EPOCH

    def now(self) -> float:
        self._microseconds += 1
        return self._microseconds / 1e6

    uptime = now

    def sleep(self, seconds: float) -> None:
        self._microseconds += round(seconds * 1e6)


class Task(greenlet.greenlet):
    """What a thread of a process would do."""

    def __init__(self, world: World, action: Callable[..., Any], arguments: Any) -> None:
        super().__init__(self._go, world.hub)
        self.point = "start"  # where it waits
        self._action, self._arguments = action, arguments

    def _go(self) -> None:
        try:
            self._action(*self._arguments)
        except Crashed:
            self.point = "killed"


class _Stepped(Executor):
    """Keeps what is to be done until the world lets it go on."""

    def __init__(self, process: Process) -> None:
        self._process = process

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        self._process.tasks.append(Task(self._process.world, fn, args))
        return Future()


@dataclass
class Dispatcher:
    """When a queue is looked at."""

    queue: Queue
    pause: float = 0.0  # seconds that it wanted to sleep after the last round
    since: float = 0.0

    @property
    def due(self) -> float:
        return self.since + self.pause

    def look(self) -> None:
        """A round, if somebody has woken it or it has slept enough."""
        if not self.queue.woken:
            if clock.uptime() < self.due:
                return
            if self.since:
                self.queue.undisturbed(self.pause)
        self.pause = self.queue.round()
        self.since = clock.uptime()


class Process:
    """One abaca process; a dead one is thrown away."""

    def __init__(self, world: World, name: str, *, manages: bool) -> None:
        self.name = name
        self.world = world
        self.store = world.database.store()
        self.env = Env(self.store, world.settings)
        self.dead = False
        self.dies_in: int | None = None  # points
        self.dies_at_call = False  # of a driver: commits do not count
        self.tasks: list[Task] = []
        self.dispatchers: list[Dispatcher] = []
        self.periodic: dict[Periodic, Task | None] = {}  # and its round that is under way
        self.manager = self._manager() if manages else None

    def _manager(self) -> Manager:
        options = self.world.options
        driver = SimulatedDriver(
            self.world.array,
            StorePrivateStorage(self.store, HOST),
            fake_pools=[f"fake:{options.capacity}"],
            fake_clone_seconds=options.clone_seconds,
            fake_revert_seconds=options.revert_seconds,
        )
        backend = Backend("fake", HOST, driver, "nova")
        backend.set_up(threading.Event())
        manager = Manager(
            self.store,
            [backend],
            ManagerOptions(
                host="host",
                threads_per_backend=THREADS,
                placement_threads=1,
                lease_seconds=LEASE,
            ),
            owner=f"{self.name}/-/0/-/-",  # of another machine: whether it lives is not seen
            executor=lambda threads, name: _Stepped(self),
        )
        for queue, periodic in (manager.serve_placement(), manager.serve(backend)):
            self.dispatchers.append(Dispatcher(queue))
            self.periodic |= dict.fromkeys(periodic)
        return manager

    def look(self) -> None:
        """What its dispatchers and periodic threads do when they get to run."""
        for dispatcher in self.dispatchers:
            dispatcher.look()
        for periodic, begun in self.periodic.items():
            if periodic.due and (begun is None or begun.dead):
                self.periodic[periodic] = task = Task(self.world, periodic.round, ())
                self.tasks.append(task)

    @property
    def holds_lease(self) -> bool:
        return any(dispatcher.queue.lease.held for dispatcher in self.dispatchers)

    def renew(self) -> None:
        if self.manager:
            self.manager.worker.keeper.renew()


class World:
    """Everything, for one history."""

    def __init__(self, database: Database, array: Array, options: Options) -> None:
        self.hub = greenlet.getcurrent()
        self.database, self.array, self.options = database, array, options
        self.settings = Settings(
            default_share_type="default", quota_defaults=options.limits or DEFAULT_LIMITS
        )
        self.clock = SimulatedClock()
        self.lines: list[str] = []
        self.reached: Counter[Reached] = Counter()
        self._running: Process | None = None
        self._started = 0
        self.managers: list[Process | None] = [None] * options.managers
        self._api: Process | None = None

    def say(self, text: str) -> None:
        self.lines.append(text)

    # --- processes --------------------------------------------------------------------------------
    def start(self, number: int) -> Process:
        """The manager in this place, a new one if there is none."""
        found = self.managers[number]
        if found is None:
            self._started += 1
            name = f"manager {'AB'[number]}{self._started}"
            found = self.managers[number] = Process(self, name, manages=True)
            self.say(f"{name} starts")
        return found

    @property
    def api(self) -> Process:
        """The process that answers requests; started if there is none."""
        if self.options.together:
            return self.start(0)
        if self._api is None:
            self._api = Process(self, "API", manages=False)
        return self._api

    @property
    def alive(self) -> list[Process]:
        return [process for process in self.managers if process is not None]

    def inside(self, process: Process, action: Callable[[], T]) -> T:
        """Do something as this process; raises Crashed if it died of that."""
        self._running = process
        try:
            return action()
        finally:
            self._running = None
            if process.dead:
                self._bury(process)
                raise Crashed(process.name)

    def kill(self, process: Process) -> None:
        """Here and now."""
        process.dead = True
        self._bury(process)

    def _bury(self, process: Process) -> None:
        self.say(f"{process.name} is dead")
        self._running = process
        for task in process.tasks:
            if task:  # it has begun, and not ended
                task.throw(Crashed())
        self._running = None
        process.tasks.clear()
        process.store.signals.close()
        self.managers = [None if each is process else each for each in self.managers]
        if self._api is process:
            self._api = None

    def passing(self, point: str) -> None:
        """Called by everything that commits or drives a backend (store/seam.py)."""
        process = self._running
        if process is None:
            return
        self._perhaps_die(process, point)
        task = greenlet.getcurrent()
        if isinstance(task, Task) and point != "before commit":  # others could not write
            task.point = point
            self.hub.switch()

    def _perhaps_die(self, process: Process, point: str) -> None:
        if not process.dead and process.dies_in is not None:
            process.dies_in -= not (process.dies_at_call and point.endswith(" commit"))
            if process.dies_in <= 0:
                self.say(f"{process.name} is killed {point}")
                when, _, what = point.rpartition(" ")
                self.reached["calls", what, when] += 1
                process.dead = True
        if process.dead:
            raise Crashed(point)

    # --- what goes on -----------------------------------------------------------------------------
    def step(self, process: Process, number: int) -> None:
        """One of its tasks goes on until the next point, or to its end."""
        task = process.tasks[number % len(process.tasks)]
        self.inside(process, task.switch)
        self.say(f"{process.name} task {number % len(process.tasks)}: {task.point}")
        if task.dead:
            process.tasks.remove(task)

    def look(self, process: Process) -> None:
        self.inside(process, process.look)

    def wait(self, seconds: float, *, stalled: Process | None = None) -> None:
        """Time passes; processes keep their leases, all but one that is stalled."""
        while seconds > 0:
            self.clock.sleep(min(HEARTBEAT, seconds))
            seconds -= HEARTBEAT
            for process in self.alive:
                if process is not stalled:
                    self.survive(process, process.renew)

    def stall(self, process: Process) -> None:
        """A process stands still for so long that its leases run out.  Calls that are on their
        way to the backend arrive before: what has left cannot be called back."""
        self.reached["calls", "lease", "lost"] += process.holds_lease
        for number, task in enumerate(list(process.tasks)):
            if task.point.startswith("before "):
                self.step(process, number)
        self.wait(STALLED, stalled=process)

    def survive(self, process: Process, action: Callable[[], object]) -> bool:
        """As inside; whether the process is still there."""
        try:
            self.inside(process, action)
        except Crashed:
            return False
        return True

    def settle(self, rounds: int) -> bool:
        """Everybody works and time passes; whether nothing is live any more."""
        for _ in range(rounds):
            for process in self.alive:
                self._work_off(process)
            if not self.live():
                return True
            self.wait(self._until_next())
        return False

    def _work_off(self, process: Process) -> None:
        if not self.survive(process, process.look):
            return
        while process.tasks and not process.dead:
            try:
                self.step(process, 0)
            except Crashed:
                return

    def _until_next(self) -> float:
        dues = [each.due for process in self.alive for each in process.dispatchers]
        return min(5.0, max(0.05, min(dues, default=5.0) - clock.uptime()))

    def live(self) -> int:
        """How many operations are queued or running."""
        stmt = "SELECT count(*) FROM operations WHERE state IN ('queued', 'running')"
        return int(self.database.rows(stmt)[0][0])

    def end(self) -> None:
        for process in [*self.alive, *filter(None, [self._api])]:
            self.kill(process)
