"""Killing a manager at a chosen instruction: a real SIGKILL of a real process.

Every commit and every driver call of an operation passes a seam (abaca.store.seam).  A run with
`record` writes them down, a run with `crash_at` dies at one of them.  So points are found, not
listed, and a new operation is covered the day it is written.

| point | where the process dies |
|---|---|
| before commit, after commit | just before, just after the database commits |
| before X, after X | just before, just after the driver's method X |
| answer of X | the backend has done X and its answer is lost; at the next point after that error |

With `ask` the manager comes up first, and points are counted from when it is asked; without,
taking the backend over and making it sure of its exports are points too.
"""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import multiprocessing
import os
import signal
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, NoReturn

import pyroute2
import structlog

from abaca.drivers.contract.configuration import DictConfiguration
from abaca.drivers.contract.errors import StorageCommunicationException
from abaca.drivers.fake.driver import FakeShareDriver
from abaca.manager import shares
from abaca.manager.backend import Backend
from abaca.manager.private_storage import StorePrivateStorage
from abaca.manager.process import Manager, Options
from abaca.operations import log as oplog
from abaca.store import seam
from abaca.store.engine import Store

HOST = "host@fake"
POOL = "host@fake#fake"
OPERATION_THREADS = ("op ", "queue ")  # heartbeats and reports come when they like
ANSWER = "answer of "
PLAIN: list[structlog.typing.Processor] = [
    structlog.processors.format_exc_info,
    structlog.processors.KeyValueRenderer(),
]
CLONE_NEWUTS = 0x04000000
GAVE_UP = 3  # exit status: operations were still live after the time


class Cutter:
    """Writes down the points that operations pass, or kills the process at one of them.

    A point is named by who passes it, what it is, and the how manieth of these:
    "op host@fake: before commit 2".  Threads that run beside each other do not change the names.
    """

    def __init__(
        self,
        crash_at: str | None,
        record: Path | None,
        armed: bool = True,
        threads: tuple[str, ...] = OPERATION_THREADS,
    ) -> None:
        """threads: how the names of those begin whose points count."""
        self.armed = armed
        self._threads = threads
        self._crash_at = crash_at
        self._record = record
        self._passed: Counter[str] = Counter()
        self._lost = False  # the answer of a backend: the next point is the last
        self._lock = threading.Lock()

    def __call__(self, point: str) -> None:
        thread = threading.current_thread().name
        if not self.armed or not thread.startswith(self._threads):
            return
        what = f"{thread.rpartition('_')[0] or thread}: {point}"
        with self._lock:
            self._passed[what] += 1
            self._pass(f"{what} {self._passed[what]}")

    def _pass(self, point: str) -> None:
        if self._record is not None:
            with self._record.open("a") as file:
                file.write(f"{point}\n")
        if self._lost or (point == self._crash_at and ANSWER not in point):
            os.kill(os.getpid(), signal.SIGKILL)
        if point == self._crash_at:
            self._lost = True
            raise StorageCommunicationException(reason=f"the {point} was lost")


def make_manager(
    store: Store, folder: Path, *, call_seconds: float | None = 600.0, **driver_options: Any
) -> Manager:
    """A manager of one fake backend whose array lives in `folder`."""
    values = {
        "driver_handles_share_servers": False,
        "share_backend_name": "fake",
        "fake_state_path": str(folder),
        "fake_pools": ["fake"],
        **driver_options,
    }
    driver = FakeShareDriver(
        configuration=DictConfiguration(values, config_group="fake"),
        private_storage=StorePrivateStorage(store, HOST),
    )
    backend = Backend("fake", HOST, driver, "nova", call_seconds)
    options = Options(host="host", threads_per_backend=2, placement_threads=1)
    return Manager(store, [backend], options)


def settle(store: Store, seconds: float) -> bool:
    """Wait until no operation is live; False if some still are after this time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with store.read() as tx:
            if not oplog.live(tx):
                return True
        time.sleep(0.005)
    return False


Make = Callable[[Store, Path], Manager]
"""Makes the manager in its process; a function of a module, so that it can be sent there."""


def _run(
    make: Make,
    url: str,
    folder: Path,
    crash_at: str | None,
    record: Path | None,
    seconds: float,
    asking: Connection | None,
) -> None:
    """In a process of its own: work until the log is empty, or die."""
    structlog.configure(processors=PLAIN)
    cutter = Cutter(crash_at, record, armed=asking is None)
    seam.install(cutter)
    store = Store(url)
    shares.POLL_SECONDS = 0.02
    manager = make(store, folder)
    manager.start()
    if not (manager.ready(seconds) and settle(store, seconds)):
        _give_up(store)
    if asking is not None:
        cutter.armed = True
        asking.send("ready")
        asking.recv()
    if not settle(store, seconds):
        _give_up(store)
    while any(queue.busy for queue in manager.worker.queues.values()):
        time.sleep(0.001)  # the last commit is settled; its thread may not have passed the point
    os._exit(0)


def _give_up(store: Store) -> NoReturn:
    """Say what is left to do, and what each thread does instead."""
    with store.read() as tx:
        print("still live:", *oplog.live(tx), sep="\n", file=sys.stderr)
    faulthandler.dump_traceback()
    os._exit(GAVE_UP)


processes = multiprocessing.get_context("forkserver")
"""Where processes that are to be killed come from; there is one such server in a process, and it
has imported what takes long."""
processes.set_forkserver_preload(
    ["abaca.testing.crash", "abaca.cli.assembly", "abaca.drivers.vast.driver"]
)


def run_manager(
    url: str,
    folder: Path,
    *,
    crash_at: str | None = None,
    record: Path | None = None,
    seconds: float = 20.0,
    ask: Callable[[], object] | None = None,
    make: Make = make_manager,
) -> int:
    """Run a manager until the log is empty; its exit status (-9: killed at the point asked for).

    record: the file that gets a line for each point it passes.
    """
    here, there = processes.Pipe() if ask else (None, None)
    args = (make, url, folder, crash_at, record, seconds, there)
    process = processes.Process(target=_run, args=args)
    process.start()
    if ask and here and there:
        there.close()
        with contextlib.suppress(EOFError, ConnectionError):  # it may die at any moment
            here.recv()
            ask()
            here.send("asked")
    process.join(seconds + 20)
    if process.is_alive():
        process.kill()
        process.join()
        return GAVE_UP
    return process.exitcode if process.exitcode is not None else GAVE_UP


def _serve(url: str, folder: Path, host: str | None) -> None:
    if host is not None:
        _move_to(host)
    make_manager(Store(url), folder).start()
    threading.Event().wait()


def _move_to(host: str) -> None:
    """Be on another machine: in the network namespace of that name, and with that host name, so
    that managers on other hosts do not know whether our process lives."""
    pyroute2.netns.setns(host)
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWUTS) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    socket.sethostname(host)


def start_manager(url: str, folder: Path, host: str | None = None) -> BaseProcess:
    """A manager that works until somebody kills its process; on a host of its own, whose network
    namespace has that name."""
    process = processes.Process(target=_serve, args=(url, folder, host))
    process.start()
    return process
