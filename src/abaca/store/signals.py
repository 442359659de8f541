"""Waking whoever waits for work, in milliseconds and without polling.

A queue that this process serves is woken by a function call.  Others are told by NOTIFY on
PostgreSQL (it is sent by the commit itself), and on SQLite by a datagram to every process that
has put a socket beside the database.  A lost signal costs time, never work: waiters look by
themselves now and then.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import psycopg
import sqlalchemy as sa
import structlog

from abaca.model.operations import Operation

if TYPE_CHECKING:
    from .engine import Store, Tx

CHANNEL = "abaca_queue"
RECONNECT_SECONDS = 0.5
log = structlog.get_logger(__name__)
_NOTIFY = sa.text(f"SELECT pg_notify('{CHANNEL}', :queue)")


class Served(Protocol):
    """A queue that this process serves."""

    def announced(self) -> None:
        """One more operation is in it, put there by this process."""

    def reserve(self) -> int | None:
        """A free thread for an operation that is being written: the epoch to run it under."""

    def take(self, op: Operation) -> Callable[[], None]:
        """The reservation becomes this operation's; what starts it."""

    def release(self, op_id: int | None) -> None:
        """The reservation is not used, or (of this operation) perhaps not."""


class Signals:
    """Who serves which queue in this process, and how to tell the others."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._served: dict[str, Served] = {}
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._wake_r, self._wake_w = os.pipe()

    def announce(self, tx: Tx, queue: str) -> None:
        """There will be work in this queue once the transaction is committed."""
        served = self._served.get(queue)
        if served is not None:
            tx.after_commit(served.announced)
        elif self._store.dialect == "postgresql":
            tx.conn.execute(_NOTIFY, {"queue": queue})
        else:
            tx.after_commit(lambda: self._send(queue))

    def serve(self, queue: str, served: Served) -> None:
        """From now on this process works on the queue."""
        self._served[queue] = served

    def served(self, queue: str) -> Served | None:
        return self._served.get(queue)

    def leave(self, queue: str) -> None:
        self._served.pop(queue, None)

    def listen(self, heard: Callable[[str], None]) -> None:
        """Call `heard(queue)` for announcements of other processes, in a thread of its own."""
        target = (
            self._listen_postgresql if self._store.dialect == "postgresql" else self._listen_unix
        )
        self._thread = threading.Thread(target=target, args=(heard,), name="signals", daemon=True)
        self._thread.start()

    def close(self) -> None:
        if self._stop.is_set():
            return
        self._stop.set()
        os.write(self._wake_w, b"x")
        if self._thread is not None:
            self._thread.join(timeout=5)
        if self._thread is None or not self._thread.is_alive():
            os.close(self._wake_w)
            os.close(self._wake_r)

    # --- PostgreSQL -------------------------------------------------------------------------------
    def _listen_postgresql(self, heard: Callable[[str], None]) -> None:
        while not self._stop.is_set():
            try:
                with psycopg.connect(
                    _dsn(self._store.url), autocommit=True, connect_timeout=5, keepalives_idle=5
                ) as conn:
                    conn.execute(f"LISTEN {CHANNEL}")
                    heard("")  # something may have been said while nobody listened
                    self._receive_notifies(conn, heard)
            except psycopg.Error as error:
                log.warning("signals.lost", error=str(error))
                self._store.forget_connections()  # the server has most likely ended those too
                self._stop.wait(RECONNECT_SECONDS)

    def _receive_notifies(
        self, conn: psycopg.Connection[tuple[object, ...]], heard: Callable[[str], None]
    ) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(conn.fileno(), selectors.EVENT_READ)
            selector.register(self._wake_r, selectors.EVENT_READ)
            while not self._stop.is_set():
                selector.select()
                if self._stop.is_set():
                    return
                for notify in conn.notifies(timeout=0):
                    heard(notify.payload)

    # --- SQLite -----------------------------------------------------------------------------------
    @property
    def _folder(self) -> Path | None:
        database = self._store.url.database
        return Path(f"{database}.wake") if database and database != ":memory:" else None

    def _send(self, queue: str) -> None:
        """Never fails: the work is in the database already, and will be found."""
        with (
            contextlib.suppress(OSError),
            _near(self._folder) as (folder, names),
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender,
        ):
            sender.setblocking(False)
            for name in names:
                _tell(sender, folder / name, queue)

    def _listen_unix(self, heard: Callable[[str], None]) -> None:
        if self._folder is None:
            return
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            with _near(self._folder) as (folder, _):
                self._receive_datagrams(folder / f"{os.getpid()}-{id(self):x}", heard)
        except OSError as error:
            log.warning("signals.lost", error=str(error))  # others' work is found by looking

    def _receive_datagrams(self, path: Path, heard: Callable[[str], None]) -> None:
        path.unlink(missing_ok=True)
        with (
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver,
            selectors.DefaultSelector() as selector,
        ):
            receiver.bind(str(path))
            selector.register(receiver, selectors.EVENT_READ)
            selector.register(self._wake_r, selectors.EVENT_READ)
            heard("")
            while True:
                selector.select()
                if self._stop.is_set():
                    break
                with contextlib.suppress(BlockingIOError):
                    heard(receiver.recv(1024, socket.MSG_DONTWAIT).decode())
        path.unlink(missing_ok=True)


@contextlib.contextmanager
def _near(folder: Path | None) -> Iterator[tuple[Path, list[str]]]:
    """A short name for a folder, and what is in it: the path of a socket has at most 107 bytes."""
    if folder is None:
        raise FileNotFoundError("a database in memory has no folder")
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield Path(f"/proc/self/fd/{number}"), os.listdir(number)  # noqa: PTH208 (of a descriptor)
    finally:
        os.close(number)


def _tell(sender: socket.socket, path: Path, queue: str) -> None:
    try:
        sender.sendto(queue.encode(), str(path))
    except ConnectionRefusedError:
        path.unlink(missing_ok=True)  # left by a process that was killed
    except (BlockingIOError, FileNotFoundError):
        pass  # it has enough to read, or has just gone


def _dsn(url: sa.URL) -> str:
    return url.set(drivername="postgresql").render_as_string(hide_password=False)
