"""Long work on files in a process of its own, at a bounded share of a core.

In a thread it would hold the interpreter's lock between its system calls, and others' requests
would wait.  The process has a lower priority and sleeps as much as it works, so that it takes at
most half a core.  The priority is not the idle one: a process that gets no core while it holds a
lock of the file system would stop all others.

It ends with the thread that called it: kill -9 of abaca leaves no work behind.

    aside.run("abaca.drivers.walk_jobs", "remove", path)       # in the caller
    if __name__ == "__main__": aside.main({"remove": remove})  # in that module
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

NICE = 10
SHARE = 0.5  # of a core
SLICE_SECONDS = 0.005  # of work between two pauses, at least
CHECK_EVERY = 20  # entries between two readings of the clock
REPORT_SECONDS = 1.0
_PR_SET_PDEATHSIG = 1

Step = Callable[[], None]
Job = Callable[..., Any]  # (path, ..., step=Step), returns what JSON can hold


class Pace:
    """Called for each entry: sleeps for so long that work takes at most SHARE of the time."""

    def __init__(
        self,
        report: Callable[[int], None],
        worked: Callable[[], float] = time.process_time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`report` is told the number of entries now and then."""
        self.entries = 0
        self._report, self._worked, self._sleep = report, worked, sleep
        self._rested = worked()
        self._reported = self._rested

    def __call__(self) -> None:
        self.entries += 1
        if self.entries % CHECK_EVERY:
            return
        now = self._worked()
        if now - self._rested >= SLICE_SECONDS:
            self._sleep((now - self._rested) * (1 - SHARE) / SHARE)
            self._rested = now
        if now - self._reported >= REPORT_SECONDS * SHARE:
            self._reported = now
            self._report(self.entries)


def run(
    module: str, job: str, *arguments: str, progress: Callable[[int], None] = lambda entries: None
) -> Any:
    """A job's result.  Raises the OSError that it ended with.

    `progress` is told the number of entries so far, about once a second.
    """
    command = [sys.executable, "-P", "-m", module, str(os.getpid()), job, *arguments]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, cwd="/"
    ) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                said = json.loads(line)
                if "entries" in said:
                    progress(said["entries"])
                elif "errno" in said:
                    raise OSError(said["errno"], said["text"])
                else:
                    return said["result"]
        except BaseException:
            process.kill()
            raise
    raise OSError(f"the process of {module} {job} ended early: status {process.returncode}")


def main(jobs: Mapping[str, Job]) -> None:
    """The process itself: one job, as `run` asks for it."""
    caller, name, *arguments = sys.argv[1:]
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(caller):  # it ended before that
        return
    os.nice(NICE)
    try:
        _send(result=jobs[name](*arguments, step=Pace(lambda entries: _send(entries=entries))))
    except OSError as problem:
        _send(errno=problem.errno, text=str(problem.strerror or problem))


def _send(**values: Any) -> None:
    print(json.dumps(values), flush=True)
