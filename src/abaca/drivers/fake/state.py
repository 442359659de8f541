"""Where the simulated array lives: one SQLite file, which outlives every process that uses it.

WAL without fsync: a killed process loses nothing that was committed (a machine that loses power
may).  Writers of one process queue on a lock rather than on SQLite's busy handler, which sleeps
for milliseconds.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar, Final, Self
from weakref import WeakValueDictionary

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS shares (
    id TEXT PRIMARY KEY, name TEXT, path TEXT NOT NULL UNIQUE, backend TEXT NOT NULL,
    pool TEXT NOT NULL, size INTEGER NOT NULL, used REAL NOT NULL DEFAULT 0, proto TEXT,
    status TEXT NOT NULL DEFAULT 'available', started REAL, ready REAL,
    managed INTEGER NOT NULL DEFAULT 1, source TEXT, server TEXT, replica_of TEXT,
    created REAL NOT NULL, reverted_by TEXT);
CREATE TABLE IF NOT EXISTS snapshots (
    id TEXT PRIMARY KEY, name TEXT, path TEXT NOT NULL UNIQUE, share_id TEXT NOT NULL,
    size INTEGER NOT NULL, used REAL NOT NULL DEFAULT 0, managed INTEGER NOT NULL DEFAULT 1,
    created REAL NOT NULL);
CREATE TABLE IF NOT EXISTS objects (
    kind TEXT, id TEXT, parent TEXT, started REAL, ready REAL, data TEXT, PRIMARY KEY (kind, id));
CREATE TABLE IF NOT EXISTS files (
    owner TEXT, name TEXT, data BLOB, PRIMARY KEY (owner, name)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS rules (
    owner TEXT, access_id TEXT, access_type TEXT, access_to TEXT, access_level TEXT,
    PRIMARY KEY (owner, access_id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS rule_states (
    seq INTEGER PRIMARY KEY, at REAL, owner TEXT, rules TEXT);
CREATE TABLE IF NOT EXISTS calls (
    seq INTEGER PRIMARY KEY, method TEXT, resource TEXT, started REAL, finished REAL,
    outcome TEXT, pid INTEGER, operation_id TEXT, epoch INTEGER);
CREATE TABLE IF NOT EXISTS faults (
    seq INTEGER PRIMARY KEY, method TEXT, resource TEXT, kind TEXT, argument TEXT,
    remaining INTEGER);
CREATE TABLE IF NOT EXISTS pending (
    seq INTEGER PRIMARY KEY, due REAL, method TEXT, resource TEXT, arguments TEXT);
CREATE TABLE IF NOT EXISTS pools (
    backend TEXT, name TEXT, allocated INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (backend, name));
CREATE TRIGGER IF NOT EXISTS share_in AFTER INSERT ON shares BEGIN
    INSERT INTO pools VALUES (NEW.backend, NEW.pool, NEW.size)
    ON CONFLICT DO UPDATE SET allocated = allocated + NEW.size; END;
CREATE TRIGGER IF NOT EXISTS share_out AFTER DELETE ON shares BEGIN
    UPDATE pools SET allocated = allocated - OLD.size
    WHERE backend = OLD.backend AND name = OLD.pool; END;
CREATE TRIGGER IF NOT EXISTS share_sized AFTER UPDATE OF size ON shares BEGIN
    UPDATE pools SET allocated = allocated + NEW.size - OLD.size
    WHERE backend = NEW.backend AND name = NEW.pool; END;
"""


class State:
    """One array.  `State.at(directory)` gives every user in this process the same object;
    the file is closed when the last of them is gone.  A subclass keeps another kind of array."""

    schema: ClassVar[str] = SCHEMA
    _all: ClassVar[WeakValueDictionary[tuple[type, Path], State]] = WeakValueDictionary()
    _registry = threading.Lock()

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._pid = 0

    @classmethod
    def at(cls, directory: str | os.PathLike[str]) -> Self:
        path = Path(directory).resolve()
        with cls._registry:
            state = cls._all.get((cls, path))
            if not isinstance(state, cls):
                state = cls._all[cls, path] = cls(path)
            return state

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """A write transaction; nested ones join the outer."""
        with self._lock:
            connection = self._open()
            if connection.in_transaction:
                yield connection
                return
            connection.execute("BEGIN IMMEDIATE")
            with connection:  # commits, or rolls back
                yield connection

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            if self._connection is not None and self._pid == os.getpid():
                self._connection.close()
            self._connection = None

    def _open(self) -> sqlite3.Connection:
        if self._connection is None or self._pid != os.getpid():  # a connection survives no fork
            self.directory.mkdir(parents=True, exist_ok=True)
            with (self.directory / "lock").open("a") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                self._connection = self._connect()
            self._pid = os.getpid()
        return self._connection

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.directory / "backend.db",
            timeout=30,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=256,
        )
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = OFF")
        connection.executescript(self.schema)
        return connection
