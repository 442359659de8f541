"""Several API processes on one port: `osapi_share_workers` of `abaca api`.

The parent starts copies of its own command and keeps them; each listens on the port by itself
(SO_REUSEPORT), and the kernel shares connections out.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time

import structlog

from .lifecycle import Ending, Flag, ignore_signals, tell_systemd

MARK = "ABACA_API_WORKER"
PAUSE_SECONDS = 1.0  # before one that has died is replaced
STOP_SECONDS = 5.0
LOOK_SECONDS = 0.2
_PR_SET_PDEATHSIG = 1


def is_worker() -> bool:
    """Whether this process is one of several."""
    return MARK in os.environ


def follow_parent() -> None:
    """End when the parent does, however that ends."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def keep(count: int, ended: Flag) -> int:
    """Run so many workers until SIGINT or SIGTERM."""
    log = structlog.get_logger("abaca.api")
    workers: list[subprocess.Popen[bytes]] = []
    try:
        while len(workers) < count:
            workers.append(_start())
        log.info("api.workers", processes=[worker.pid for worker in workers])
        tell_systemd("READY=1")
        while not ended.wait(LOOK_SECONDS):
            for at, worker in enumerate(workers):
                if worker.poll() is not None:
                    log.error("api.worker_died", process=worker.pid, code=worker.returncode)
                    time.sleep(PAUSE_SECONDS)
                    workers[at] = _start()
    except Ending:
        pass
    finally:
        ignore_signals()
        tell_systemd("STOPPING=1")
        _stop(workers)
    return 0


def _start() -> subprocess.Popen[bytes]:
    environment = {**os.environ, MARK: "1"}
    environment.pop("NOTIFY_SOCKET", None)
    command = [sys.executable, "-m", "abaca", *sys.argv[1:]]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, env=environment)


def _stop(workers: list[subprocess.Popen[bytes]]) -> None:
    for worker in workers:
        worker.terminate()
    for worker in workers:
        with contextlib.suppress(subprocess.TimeoutExpired):
            worker.wait(STOP_SECONDS)
        worker.kill()
        worker.wait()
