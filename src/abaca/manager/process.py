"""The manager of a process: its backends, the worker that runs their operations, periodic tasks.

A backend that cannot be set up waits by itself; the others work.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import structlog

from abaca.drivers.contract.errors import transient
from abaca.model import clock
from abaca.model.context import system_context
from abaca.model.errors import Unavailable
from abaca.model.operations import lock_key
from abaca.operations import log as oplog
from abaca.operations.enqueue import enqueue
from abaca.operations.lease import Lease
from abaca.operations.worker import Queue, Worker
from abaca.scheduler.pools import flatten_stats
from abaca.store import services, statistics
from abaca.store import shares as share_store
from abaca.store.engine import Store, Tx

from . import drift, kinds, last_resort, records
from .backend import Backend
from .breaker import CLOSED, OPEN
from .periodic import Periodic, Task

log = structlog.get_logger(__name__)
FREED_SECONDS = 0.5  # after something was deleted its room is reported, at most so often


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds, unless the name says otherwise (names as in manila.conf)."""

    host: str
    zone: str = "nova"
    threads_per_backend: int = 8
    placement_threads: int = 2
    lease_seconds: float = 1.5
    heartbeat_seconds: float = 0.3
    report_interval: float = 10.0
    reconcile_interval: float = 5.0
    drift_interval: float = 60.0
    drift_repair: bool = True
    cleanup_interval: float = 1800.0
    recycle_interval: float = 3600.0
    usage_interval: float = 300.0
    gather_usage: bool = False
    enable_new_services: bool = True


class Manager:
    """start(), ready(), stop()."""

    def __init__(
        self,
        store: Store,
        backends: Sequence[Backend],
        options: Options,
        *,
        expire_shares: Callable[[], object] = lambda: None,
        clean_up: Callable[[], object] = lambda: None,
        **of_worker: Any,
    ) -> None:
        """of_worker: for Worker, where it is not what Options say (for tests)."""
        self.store = store
        self.backends = backends
        self.options = options
        self._expire_shares = expire_shares
        self._clean_up = clean_up
        self._stop = threading.Event()
        self._reported = threading.Event()
        self._periodic: list[Periodic] = []
        self._threads: list[threading.Thread] = []
        self.worker = Worker(
            store,
            kinds.load(),
            lease_seconds=options.lease_seconds,
            heartbeat_seconds=options.heartbeat_seconds,
            is_transient=transient,
            last_resort=last_resort.settle,
            **of_worker,
        )

    def start(self) -> None:
        """Returns at once; backends come up in the background."""
        _, periodic = self.serve_placement()
        self.worker.start()
        for each in periodic:
            each.start()
        for backend in self.backends:
            thread = threading.Thread(
                target=self._bring_up, args=(backend,), name=f"set up {backend.name}", daemon=True
            )
            thread.start()
            self._threads.append(thread)

    def ready(self, timeout: float) -> bool:
        """Whether every backend is set up and has reported within this time."""
        deadline = time.monotonic() + timeout
        for backend in self.backends:
            if not backend.initialized.wait(max(0.0, deadline - time.monotonic())):
                return False
        return self._reported.wait(max(0.0, deadline - time.monotonic()))

    def stop(self, drain_seconds: float = 10.0) -> None:
        """What runs finishes (for a while), leases are given back; exports go on serving."""
        self._stop.set()
        for thread in self._threads:  # what is being set up is not started any more
            thread.join(timeout=drain_seconds)
        for periodic in self._periodic:
            periodic.stop()
        self._say_stopped()  # before a standby can take over and say otherwise
        self.worker.stop(drain_seconds)
        for backend in self.backends:
            backend.calls.stop()

    def _say_stopped(self) -> None:
        queues = self.worker.queues
        held = [host for host, queue in list(queues.items()) if queue.lease.held]
        mine = [host or self.options.host for host in held]  # that of placement: the scheduler
        with contextlib.suppress(Unavailable), self.store.transaction(durable=False) as tx:
            services.mark_stopped(tx, mine)

    # --- bringing a backend up --------------------------------------------------------------------
    def _bring_up(self, backend: Backend) -> None:
        if not backend.set_up(self._stop) or self._stop.is_set():
            return
        queue, periodic = self.serve(backend)
        for each in periodic:
            each.start()
        queue.start()
        log.info("backend.up", backend=backend.name, host=backend.host)

    def serve(self, backend: Backend) -> tuple[Queue, list[Periodic]]:
        """The queue of a backend and its periodic tasks; nothing of it is started.

        The heartbeat and the report have threads of their own: however long the driver takes for
        another task, the service stays up and its pools are known.
        """
        queue = self.worker.serve(backend.host, backend, self.options.threads_per_backend)
        name, every = backend.name, self.options.report_interval
        heartbeat = Task("heartbeat", every, lambda: self._heartbeat(backend))
        report = Task("report", every, lambda: self._report(backend))
        reports = self._periodic_tasks(f"{name} report", queue.lease, [report])
        periodic = [
            self._periodic_tasks(f"{name} heartbeat", queue.lease, [heartbeat]),
            reports,
            self._periodic_tasks(name, queue.lease, self._backend_tasks(backend)),
        ]

        def taken() -> None:
            self._ensure(backend)
            for each in periodic:
                each.now()

        queue.on_taken = taken
        backend.breaker.changed = lambda: self._breaker_changed(backend, reports)
        backend.calls.changed = backend.breaker.changed
        backend.freed = lambda: reports.at("report", clock.uptime() + FREED_SECONDS)
        return queue, periodic

    def serve_placement(self) -> tuple[Queue, list[Periodic]]:
        """As serve, for what no backend has been chosen for, and for the cluster as a whole."""
        queue = self.worker.serve(oplog.UNPLACED, None, self.options.placement_threads)
        heartbeat = Task("heartbeat", self.options.report_interval, self._scheduler_heartbeat)
        return queue, [
            self._periodic_tasks("scheduler heartbeat", queue.lease, [heartbeat]),
            self._periodic_tasks("scheduler", queue.lease, self._cluster_tasks()),
        ]

    def _breaker_changed(self, backend: Backend, reports: Periodic) -> None:
        """Say so where schedulers and administrators look; have it probed, or go on."""
        state = backend.breaker.state
        log.warning("backend.breaker", backend=backend.name, state=state.name, error=state.error)
        reports.at("report", state.until)
        with contextlib.suppress(Unavailable):  # then the next report says it
            self._tell_problem(backend)
            if state.name != OPEN:
                with self.store.transaction(durable=False) as tx:
                    oplog.hurry(tx, backend.host)
        self.worker.queues[backend.host].wake()
        if state.name == CLOSED:  # it may have been restarted
            with contextlib.suppress(Unavailable):
                self._ensure(backend)

    def _tell_problem(self, backend: Backend, more: Callable[[Tx], None] = lambda tx: None) -> None:
        """Write why the backend is left alone, and `more` with it.  Somebody may have found out
        and written something newer before our transaction: then it is written again."""
        told: object = ...
        while told != (problem := backend.trouble):
            with self.store.transaction(durable=False) as tx:
                more(tx)
                services.set_problem(tx, backend.host, problem)
            told = problem

    def _periodic_tasks(self, name: str, lease: Lease, tasks: list[Task]) -> Periodic:
        periodic = Periodic(name, lease, tasks)
        self._periodic.append(periodic)
        return periodic

    def _ensure(self, backend: Backend) -> None:
        """Once for each time this process takes the backend over."""
        with self.store.transaction() as tx:
            self._is_alive(tx, backend)
            key = lock_key(f"ensure:{backend.host}")  # as in service/services.py
            if not oplog.any_live(tx, key):
                enqueue(
                    tx,
                    "ensure_driver_resources",
                    host=backend.host,
                    lock_key=key,
                    resource_type="BACKEND",
                    resource_id=backend.name,
                    ctx=system_context(),
                )

    # --- periodic tasks ---------------------------------------------------------------------------
    def _backend_tasks(self, backend: Backend) -> list[Task]:
        options = self.options
        tasks = []
        if hasattr(backend.driver, "reconcile"):
            seconds = options.reconcile_interval
            tasks.append(Task("reconcile", seconds, lambda: backend.ask("reconcile")))
        tasks.append(Task("drift", options.drift_interval, lambda: self._compare(backend)))
        if options.gather_usage:
            tasks.append(Task("usage", options.usage_interval, lambda: self._usage(backend)))
        return tasks

    def _cluster_tasks(self) -> list[Task]:
        options = self.options
        return [
            Task("statistics", options.report_interval, lambda: statistics.gather(self.store)),
            Task("clean up", options.cleanup_interval, self._clean_up),
            Task("recycle bin", options.recycle_interval, self._expire_shares),
        ]

    def _is_alive(self, tx: Tx, backend: Backend) -> None:
        services.report_service(
            tx,
            host=backend.host,
            binary="manila-share",
            topic="manila-share",
            zone=backend.zone,
            enabled=self.options.enable_new_services,
        )

    def _heartbeat(self, backend: Backend) -> None:
        self._tell_problem(backend, lambda tx: self._is_alive(tx, backend))

    def _report(self, backend: Backend) -> None:
        """What the pools have, as the driver says; it may take its time."""
        with self.store.read() as tx:
            allocated = services.allocated(tx, backend.host)
        try:
            pools = flatten_stats(backend.host, backend.stats(), allocated)
        except Unavailable:
            self._tell_problem(backend)
            raise

        self._tell_problem(backend, lambda tx: services.report_pools(tx, backend.host, pools))
        self._reported.set()

    def _compare(self, backend: Backend) -> None:
        drift.look(backend, self.store, repair=self.options.drift_repair)

    def _scheduler_heartbeat(self) -> None:
        with self.store.transaction(durable=False) as tx:
            services.report_service(
                tx,
                host=self.options.host,
                binary="manila-scheduler",
                topic="manila-scheduler",
                zone=self.options.zone,
            )

    def _usage(self, backend: Backend) -> None:
        """Used sizes are told, not kept: share.consumed.size in the log."""
        with self.store.read() as tx:
            ids = [instance.share_id for instance in share_store.on_backend(tx, backend.host)]
            found = [share_store.get(tx, share_id) for share_id in ids]
        shares = [records.share(share) for share in found if share and share.status == "available"]
        for used in backend.ask("update_share_usage_size", system_context(), shares) or []:
            log.info("share.consumed.size", **used)
