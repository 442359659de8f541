"""Programmable faults.  They are rows of the array's file, so any process can set them.

| kind | argument | what happens |
|---|---|---|
| latency | seconds, when=before\\|after | the call sleeps |
| block | when=before\\|after | the call waits until the fault is cleared |
| error | name, message?, values? | nothing is done, the error is raised |
| lost | name=StorageComm... | it is done, then the error is raised |
| late | seconds, name=StorageComm... | the error is raised; it is done that much later |
| forget | | success is reported, nothing is done |
| wrong | value | it is done, `value` is returned |
| kill | when=before\\|after | the calling process is killed with SIGKILL |
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from abaca.drivers.contract import errors

KINDS: Final = ("latency", "block", "error", "lost", "late", "forget", "wrong", "kill")
ALWAYS: Final = None


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: for a method (or `*`), perhaps for one resource only."""

    seq: int
    method: str
    resource: str | None
    kind: str
    argument: Mapping[str, Any]
    remaining: int | None  # None: always

    def error(self) -> BaseException:
        """The error this fault raises."""
        name = self.argument.get("name", "StorageCommunicationException")
        message = self.argument.get("message")
        values = self.argument.get("values") or {}
        if name in errors.ERRORS:
            kind = errors.ERRORS[name]
            if issubclass(kind, errors.ProcessExecutionError):
                return kind(description=message, **values)
            return kind(message, **(values or {"reason": f"fault {self.kind} of {self.method}"}))
        builtin = BUILTIN.get(name)
        if builtin is None:
            raise ValueError(f"fault {self.kind} of {self.method} names unknown error {name!r}")
        return builtin(message or "fault")


BUILTIN: Final[Mapping[str, type[BaseException]]] = {
    kind.__name__: kind
    for kind in (
        NotImplementedError,
        TimeoutError,
        ConnectionError,
        ConnectionResetError,
        OSError,
        RuntimeError,
        ValueError,
        KeyError,
        TypeError,
    )
}


def add(
    tx: sqlite3.Connection,
    method: str,
    kind: str,
    times: int | None,
    resource: str | None,
    argument: Mapping[str, Any],
) -> int:
    """Set a fault; returns its number."""
    if kind not in KINDS:
        raise ValueError(f"unknown kind of fault {kind!r}; known are {', '.join(KINDS)}")
    fault = Fault(0, method, resource, kind, argument, times)
    if kind in ("error", "lost", "late"):
        fault.error()
    done = tx.execute(
        "INSERT INTO faults (method, resource, kind, argument, remaining) VALUES (?, ?, ?, ?, ?)",
        (method, resource, kind, json.dumps(dict(argument)), times),
    )
    assert done.lastrowid is not None
    return done.lastrowid


def matching(tx: sqlite3.Connection, method: str, resource: str | None) -> list[Fault]:
    """The faults of this call, in the order they were set; each loses one of its times."""
    rows = tx.execute(
        "SELECT * FROM faults WHERE method IN (?, '*') AND (resource IS NULL OR resource = ?)"
        " AND (remaining IS NULL OR remaining > 0) ORDER BY seq",
        (method, resource),
    ).fetchall()
    for row in rows:
        if row["remaining"] is not None:
            tx.execute("UPDATE faults SET remaining = remaining - 1 WHERE seq = ?", (row["seq"],))
    return [_fault(row) for row in rows]


def all_faults(tx: sqlite3.Connection) -> list[Fault]:
    """Every fault that is set and not used up."""
    rows = tx.execute("SELECT * FROM faults WHERE remaining IS NULL OR remaining > 0 ORDER BY seq")
    return [_fault(row) for row in rows]


def _fault(row: sqlite3.Row) -> Fault:
    return Fault(**{**dict(row), "argument": json.loads(row["argument"])})


def disturb(faults: list[Fault], when: str, still_set: Callable[[int], bool]) -> None:
    """What happens around the effect of a call: waiting, dying."""
    for fault in faults:
        if fault.argument.get("when", "before") != when:
            continue
        if fault.kind == "latency":
            time.sleep(fault.argument["seconds"])
        elif fault.kind == "block":
            while still_set(fault.seq):
                time.sleep(0.005)
        elif fault.kind == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
