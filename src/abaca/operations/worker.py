"""Runs operations: claims them under a lease, in threads.

One `Queue` serves one backend host ('host@backend'), or UNPLACED for operations that no backend
has been chosen for.  Its dispatcher thread sleeps until somebody announces work.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Any

import structlog

from abaca.model import clock
from abaca.model.errors import LeaseLost, Unavailable
from abaca.model.operations import Operation
from abaca.store.engine import Store, Tx

from . import log as oplog
from .attempt import Runner, no_rows
from .job import Job, Kinds
from .lease import Keeper, Lease, new_owner, try_take

log = structlog.get_logger(__name__)
LOOK_SECONDS = 5.0  # how long a lost wake-up can cost
RETAKE_PART = 0.4  # of the lease time: how often a standby looks whether the holder is dead
DATABASE_PAUSE = 0.3  # seconds between looks whether the database is back
RESERVED_SECONDS = 30.0  # how long a transaction that starts an operation may take
FAULT_PAUSE = 1.0  # seconds after a round that ended as no round should


class Queue:
    """One queue: its lease, its dispatcher, its threads."""

    def __init__(self, worker: Worker, name: str, backend: Any, threads: int) -> None:
        self.name = name
        self.backend = backend
        self.threads = threads
        self.lease = Lease(oplog.lease_name(name), worker.ttl)
        self.on_taken: Callable[[], None] | None = None
        self._worker = worker
        self._store = worker.store
        self._wake = threading.Event()
        self._pool = worker.executor(threads, f"op {name or 'placement'}")
        self._thread = threading.Thread(target=self._serve, name=f"queue {name}", daemon=True)
        self._serving = False  # announcements of this process come here
        self._greeted: int | None = None  # the epoch for which on_taken has been done
        # --- under the lock
        self._lock = threading.Lock()
        self._unreserved = threading.Condition(self._lock)
        self._in_flight: set[int] = set()
        self._early: set[int] = set()  # those of them that were claimed anew
        self._reserved = 0  # threads kept for operations that are being written
        self._ends = 0  # jobs that have ended
        self._more = False  # something is queued that an ended job may have made room for
        self._waiting = 0  # operations that are queued, as far as announcements tell
        self._sure = False  # whether they tell: nobody else puts work in unheard
        self._lost = False  # operations may be marked as running that no thread runs
        self._searching = False  # for those

    # --- life -------------------------------------------------------------------------------------
    def start(self) -> None:
        self._thread.start()

    def stop(self, deadline: float) -> None:
        """Claim nothing new, let what runs finish until then (time.monotonic())."""
        self._store.signals.leave(self.name)
        self.wake()
        if self._thread.is_alive():
            self._thread.join(timeout=max(0.1, deadline - time.monotonic()))
        self._pool.shutdown(wait=False)
        for thread in list(getattr(self._pool, "_threads", ())):
            thread.join(timeout=max(0.0, deadline - time.monotonic()))

    def wake(self) -> None:
        """Look; somebody else may have put work in."""
        self._sure = False
        self._wake.set()

    def announced(self) -> None:
        """One operation of this process is in the queue."""
        with self._lock:
            self._waiting += 1
        self._wake.set()

    @property
    def busy(self) -> int:
        return len(self._in_flight)

    @property
    def free(self) -> int:
        return self.threads - len(self._in_flight) - self._reserved

    # --- dispatching ------------------------------------------------------------------------------
    def _serve(self) -> None:
        while not self._worker.stopping:
            pause = self.round()
            if pause and not self._wake.wait(pause):
                self.undisturbed(pause)

    @property
    def woken(self) -> bool:
        """Whether somebody wants the next round at once."""
        return self._wake.is_set()

    def undisturbed(self, pause: float) -> None:
        """Nobody woke us in this time."""
        if pause >= LOOK_SECONDS:
            self._lost = True  # there is time to look

    def round(self) -> float:
        """Take what there is, whatever happens meanwhile: with the thread the whole queue would
        end.  Seconds until the next round, unless somebody wakes us before."""
        self._wake.clear()
        try:
            return self._round()
        except LeaseLost:
            self.lease.lost()
            pause = 0.05
        except Unavailable:
            pause = DATABASE_PAUSE
        except Exception as error:
            log.error("queue.round_failed", queue=self.name, exc_info=error)
            pause = FAULT_PAUSE
        self._sure, self._lost = False, True  # who knows what has been committed
        clock.sleep(pause)
        return 0.0

    def _round(self) -> float:
        """Take what there is; seconds to sleep."""
        epoch = self.lease.epoch if self.lease.held else self._take_lease()
        if epoch is None:
            self._serving = False
            self._store.signals.leave(self.name)  # so that who holds it hears of our requests
            return min(self.lease.ttl * RETAKE_PART, max(0.01, self.lease.free_in))
        self._greet(epoch)
        if self._lost:
            self._search(epoch)
        with self._lock:
            ends, room = self._ends, self.free
        if room <= 0:
            self._expect(True, ends)
            return LOOK_SECONDS
        return self._claim(epoch, room, ends)

    def _claim(self, epoch: int, room: int, ends: int) -> float:
        now = clock.now()
        with self._store.transaction(durable=False) as tx:
            claimed = oplog.claim(tx, self.name, epoch, now, room)
            count, due = self._left(tx, len(claimed), room, now)
        for op in claimed:
            self._submit(op)
        self._expect(count > 0, ends)
        return LOOK_SECONDS if due is None else min(LOOK_SECONDS, max(0.001, due - now))

    def _left(self, tx: Tx, claimed: int, room: int, now: float) -> tuple[int, float | None]:
        """How many are still queued, and when the next is due.  Most of the time the
        announcements of this process account for all of them, or there is no room for more
        anyway, and the database is not asked: it would have to count them."""
        with self._lock:
            self._waiting -= claimed
            if self._sure and (self._waiting == 0 or claimed == room):
                return max(0, self._waiting), None
            # What is announced from now on is added to what is found.  It may be found as well:
            # then one too many is counted, and we look once more; one too few would be forgotten.
            self._sure, self._waiting = True, 0
        count, due = oplog.waiting(tx, self.name, now)
        with self._lock:
            self._waiting += count
        return count, due

    def _expect(self, more: bool, ends: int) -> None:
        """Whether jobs that end shall wake us.  If one has ended since `ends`, that was now."""
        with self._lock:
            self._more = more
            missed = more and ends != self._ends
        if missed:
            self._wake.set()

    # --- the lease --------------------------------------------------------------------------------
    def _take_lease(self) -> int | None:
        """Its epoch, or None while somebody else holds it."""
        asked_at = clock.uptime()
        with self._nothing_reserved() as running, self._store.transaction() as tx:
            epoch = try_take(tx, self.lease, self._worker.owner)
            if epoch is None:
                return None
            again = oplog.requeue_orphans(tx, self.name, clock.now(), running)
        self.lease.renewed(epoch, asked_at)
        self._sure = False
        log.info("queue.taken", queue=self.name, epoch=epoch, resumed=again)
        return epoch

    def _greet(self, epoch: int) -> None:
        """What a new holder does first; again until it has worked."""
        if not self._serving:
            self._store.signals.serve(self.name, self)
            self._serving = True
        if self._greeted != epoch:
            if self.on_taken is not None:
                self.on_taken()
            self._greeted = epoch

    def _search(self, epoch: int) -> None:
        """Find operations that are marked as running here and that no thread runs."""
        self._lost = False
        with self._nothing_reserved() as running, self._store.transaction() as tx:
            oplog.hold(tx, self.name, epoch)
            again = oplog.requeue_orphans(tx, self.name, clock.now(), running)
        if again:
            log.warning("queue.found_lost_operations", queue=self.name, count=again)
            self._sure = False

    @contextlib.contextmanager
    def _nothing_reserved(self) -> Iterator[set[int]]:
        """Meanwhile nothing starts here unclaimed, so that what is marked as running either is
        among these or has no thread.  Before a transaction: a reservation may wait for its end."""
        with self._lock:
            self._searching = True
        try:
            with self._lock:
                if not self._unreserved.wait_for(lambda: not self._reserved, RESERVED_SECONDS):
                    raise Unavailable("Transactions that start operations do not come to an end.")
                running = set(self._in_flight)
            yield running
        finally:
            self._searching = False

    # --- jobs in and out --------------------------------------------------------------------------
    def reserve(self) -> int | None:
        """A free thread for an operation that is being written: the epoch it is to run under.
        Not while others wait, or may wait: those come first."""
        with self._lock:
            waiting = self._waiting or self._more or not self._sure
            if waiting or self._searching or self.free <= 0 or not self.lease.held:
                return None
            epoch = self.lease.epoch
            self._reserved += epoch is not None
        return epoch

    def take(self, op: Operation) -> Callable[[], None]:
        """The reservation becomes this operation's; what starts it."""
        with self._lock:
            self._reserved -= 1
            self._in_flight.add(op.id)
            self._unreserved.notify_all()
        return lambda: self.run(op)

    def release(self, op_id: int | None) -> None:
        """The reservation is not used, or (of this operation) perhaps not: that is found out."""
        if op_id is not None:
            self.ended(op_id, lost=True)
            return
        with self._lock:
            self._reserved -= 1
            self._unreserved.notify_all()

    def run(self, op: Operation) -> None:
        """Run an operation that has a thread."""
        try:
            self._pool.submit(self._run, op)
        except RuntimeError:  # we are being stopped; a successor finds it
            self.ended(op.id, lost=True)

    def _submit(self, op: Operation) -> None:
        with self._lock:
            if op.id in self._in_flight:
                # It is due again before its thread has let go; or a power cut made the database
                # forget an earlier claim of ours, or the lease was away for a while: the thread
                # goes on, or is fenced off.  When it ends we look.
                log.warning("operation.claimed_again", operation=op.id, kind=op.kind)
                self._early.add(op.id)
                return
            self._in_flight.add(op.id)
        self.run(op)

    def ended(self, op_id: int, lost: bool) -> None:
        """A thread is free.  lost: its operation may still be marked as running."""
        with self._lock:
            self._in_flight.discard(op_id)
            lost = lost or op_id in self._early
            self._early.discard(op_id)
            self._ends += 1
            self._lost = self._lost or lost
            wake = self._more or lost
        if wake:
            self._wake.set()

    def _again(self) -> None:
        """An operation went back into the queue: look how many are there, and when to go on."""
        self._sure = False
        self._wake.set()

    # --- running ----------------------------------------------------------------------------------
    def _run(self, op: Operation) -> None:
        job: Job[Any] = Job(op, self._store, self.backend, lambda: self.lease.check(op.epoch))
        bound = log.bind(operation=op.id, kind=op.kind, resource=op.resource_id, run=op.attempt)
        lost = True
        try:
            if not self._worker.stopping:
                again = self._worker.runner.attempt(job)
                lost = False
                if again:
                    self._again()
        except LeaseLost as error:
            bound.warning("operation.fenced", error=str(error))
        except Unavailable as error:
            bound.warning("operation.database_lost", error=str(error))
        except BaseException as error:  # noqa: BLE001 (it is found and run again)
            bound.error("operation.unsettled", exc_info=error)
        finally:
            self.ended(op.id, lost)


class Worker:
    """All queues of this process."""

    def __init__(
        self,
        store: Store,
        kinds: Kinds,
        *,
        lease_seconds: float = 1.5,
        heartbeat_seconds: float = 0.3,
        is_transient: Callable[[Exception], bool] = lambda error: False,
        last_resort: Callable[[Tx, Operation], None] = no_rows,
        owner: str | None = None,
        executor: Callable[[int, str], Executor] = ThreadPoolExecutor,
    ) -> None:
        """last_resort: settle whatever rows an operation owns, when its kind could not.
        owner: the name under which leases are taken (None: that of this process).
        executor: what runs the operations of a queue (threads, their name)."""
        self.store = store
        self.runner = Runner(kinds, is_transient, last_resort)
        self.ttl = lease_seconds
        self.owner = owner or new_owner()
        self.executor = executor
        self.stopping = False
        self.queues: dict[str, Queue] = {}
        self.keeper = Keeper(store, self.owner, lease_seconds, heartbeat_seconds)

    def serve(self, name: str, backend: Any, threads: int) -> Queue:
        """Add a queue; start() starts it."""
        queue = Queue(self, name, backend, threads)
        self.queues = {**self.queues, name: queue}  # other threads may be reading the old one
        self.keeper.keep(queue.lease)
        return queue

    def start(self) -> None:
        self.store.signals.listen(self._heard)
        self.keeper.start()
        for queue in self.queues.values():
            queue.start()

    def stop(self, drain_seconds: float = 10.0) -> None:
        """End cleanly: what runs finishes, leases are given back.  Not that of a queue in which
        something still runs: who takes it over would run it a second time meanwhile."""
        self.stopping = True
        deadline = time.monotonic() + drain_seconds
        queues = self.queues.values()
        for queue in queues:
            queue.stop(deadline)
        self.keeper.stop()
        busy = [queue.lease.name for queue in queues if queue.busy]
        with contextlib.suppress(Unavailable):
            self.keeper.release(but=busy)

    def _heard(self, queue: str) -> None:
        """Another process announced work ('' = perhaps for any queue)."""
        known = list(self.queues.values())  # backends that come up add theirs meanwhile
        woken: Iterable[Queue] = known if not queue else filter(None, [self.queues.get(queue)])
        for each in woken:
            each.wake()
