"""The database: one code path for SQLite and PostgreSQL.

    store = Store("sqlite:////var/lib/abaca/abaca.sqlite")
    with store.transaction() as tx:
        tx.run(shares.insert(), {...})
        tx.after_commit(wake)

A write transaction commits when the block ends and rolls back when it raises.  On SQLite it is
BEGIN IMMEDIATE, and the process lets one writer in at a time, so that writers queue in order
instead of sleeping in SQLite's busy handler.  Never call a driver inside a transaction.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event, exc
from sqlalchemy.pool import ConnectionPoolEntry

from abaca.model import clock
from abaca.model.errors import Collision, Unavailable

from .clock import SQLITE_CLOCK
from .fixed import Fixed
from .seam import passing
from .signals import Signals

Row = sa.Row[*tuple[Any, ...]]
Statement = sa.Executable | Fixed
Params = Mapping[str, Any] | Sequence[Mapping[str, Any]]
# Short statements by index, of data that is in memory: no compiling, no helpers, no scans of whole
# tables where a thousand rows are wanted.
_POSTGRES = (
    "-c timezone=UTC -c jit=off -c random_page_cost=1.1 -c max_parallel_workers_per_gather=0"
    # a host that is cut off or asleep in the middle of a transaction must not keep its locks
    " -c idle_in_transaction_session_timeout=5s"
    " -c tcp_keepalives_idle=5 -c tcp_keepalives_interval=2 -c tcp_keepalives_count=3"
)
BUSY_SECONDS = 20.0  # another process' writer on SQLite
STATEMENTS = 512  # that SQLite keeps compiled, for each connection
_SYNCHRONOUS = {
    True: Fixed(sa.text("PRAGMA synchronous=FULL")),
    False: Fixed(sa.text("PRAGMA synchronous=NORMAL")),
}
_BEGIN, _BEGIN_WRITING = Fixed(sa.text("BEGIN")), Fixed(sa.text("BEGIN IMMEDIATE"))
POOL_SECONDS = 10.0  # how long a request waits for one of the connections


class Tx:
    """One open transaction."""

    __slots__ = ("_after", "_undo", "conn", "memo", "now", "store")

    def __init__(self, store: Store, conn: sa.Connection) -> None:
        self.store = store
        self.conn = conn
        self.now = clock.text()
        self.memo: dict[object, Any] = {}  # what was read in this transaction and cannot change
        self._after: list[Callable[[], None]] = []
        self._undo = contextlib.ExitStack()

    def _execute(self, stmt: Statement, params: Params | None) -> Any:
        if isinstance(stmt, Fixed):
            return stmt.run(self.conn, params)
        return self.conn.execute(stmt, params)

    def all(self, stmt: Statement, params: Params | None = None) -> Sequence[Row]:
        """Every row of a query."""
        rows: Sequence[Row] = self._execute(stmt, params).all()
        return rows

    def one(self, stmt: Statement, params: Params | None = None) -> Row | None:
        """The row of a query that finds at most one."""
        row: Row | None = self._execute(stmt, params).one_or_none()
        return row

    def scalar(self, stmt: Statement, params: Params | None = None) -> Any:
        """The first column of the first row, or None."""
        return self._execute(stmt, params).scalar()

    def run(self, stmt: Statement, params: Params | None = None) -> int:
        """Change rows; how many were changed."""
        count: int = self._execute(stmt, params).rowcount
        return count

    def after_commit(self, action: Callable[[], None]) -> None:
        """Do this once the transaction is in the database; never if it rolls back."""
        self._after.append(action)

    def otherwise(self, action: Callable[[], None]) -> None:
        """Do this unless the transaction is known to be in the database."""
        self._undo.callback(action)

    @contextlib.contextmanager
    def part(self) -> Iterator[None]:
        """A savepoint: if the block raises, what it wrote is undone, and what was before stays."""
        outer, before = self._undo, len(self._after)
        mine = self._undo = contextlib.ExitStack()
        try:
            with mine:
                with self.conn.begin_nested():
                    yield
                outer.push(mine.pop_all())
                before = len(self._after)
        finally:
            self._undo = outer
            del self._after[before:]


class Store:
    """A database and its connections; safe to share between threads.

    Raises Unavailable when the database cannot be reached or goes away in the middle.
    """

    def __init__(self, url: str, *, pool_size: int = 20) -> None:
        self.url = sa.make_url(url)
        self.dialect = self.url.get_backend_name()
        self.signals = Signals(self)
        self._writer: contextlib.AbstractContextManager[Any] = contextlib.nullcontext()
        if self.dialect == "sqlite":
            self._writer = _OneWriter()
            self.engine = sa.create_engine(
                self.url,
                pool_size=pool_size,
                max_overflow=-1,
                poolclass=sa.QueuePool,
                connect_args={
                    "timeout": BUSY_SECONDS,
                    "check_same_thread": False,
                    "cached_statements": STATEMENTS,
                },
            )
            event.listen(self.engine, "connect", _prepare_sqlite)
            self.relaxed = self.readers = self.engine
        else:
            self.engine = _on_postgresql(self.url, pool_size)
            # Its commits do not wait for the disk.
            self.relaxed = _on_postgresql(self.url, 4, "-c synchronous_commit=off")
            # The same connections, without transactions.
            self.readers = self.engine.execution_options(isolation_level="AUTOCOMMIT")

    @contextlib.contextmanager
    def transaction(self, *, durable: bool = True) -> Iterator[Tx]:
        """A write transaction.

        durable=False: a power cut may forget it (a process crash never does); for claims and
        heartbeats, which lose nothing by being done again.
        """
        after: list[Callable[[], None]] = []
        engine = self.engine if durable else self.relaxed
        with self._writer, _reporting_loss(engine), engine.connect() as conn:
            conn.begin()
            if self.dialect == "sqlite":
                _synchronous(conn, durable)
                _BEGIN_WRITING.run(conn, None)
            tx = Tx(self, conn)
            with tx._undo:
                yield tx
                passing("before commit")
                conn.commit()
                passing("after commit")
                tx._undo.pop_all()
            after = tx._after
        for action in after:
            action()

    @contextlib.contextmanager
    def read(self) -> Iterator[Tx]:
        """A read; takes no lock that a writer waits for.  On PostgreSQL each statement sees what
        is committed when it starts (so a transaction around them would only cost two round
        trips); on SQLite all see the same."""
        with _reporting_loss(self.readers), self.readers.connect() as conn:
            if self.dialect == "sqlite":
                conn.begin()
                _BEGIN.run(conn, None)
            yield Tx(self, conn)
            conn.commit()

    def ping(self) -> None:
        """Raise Unavailable unless the database answers."""
        with self.read() as tx:
            tx.scalar(sa.text("SELECT 1"))

    def close(self) -> None:
        self.signals.close()
        self.forget_connections()

    def forget_connections(self) -> None:
        """Those that are idle are closed; new ones are made when they are needed."""
        self.engine.dispose()
        self.relaxed.dispose()


class _OneWriter:
    """One thread at a time, in order, and none waits for ever."""

    def __init__(self) -> None:
        self._lock = threading.RLock()

    def __enter__(self) -> None:
        if not self._lock.acquire(timeout=BUSY_SECONDS):
            raise Unavailable("The database is too busy; try again in a few seconds.")

    def __exit__(self, *error: object) -> None:
        self._lock.release()


def _on_postgresql(url: sa.URL, pool_size: int, more: str = "") -> sa.Engine:
    return sa.create_engine(
        url,
        pool_size=pool_size,
        max_overflow=10,
        pool_timeout=POOL_SECONDS,
        pool_use_lifo=True,  # few connections that know our statements, not many that learn them
        connect_args={
            "connect_timeout": 5,
            "keepalives_idle": 5,
            "keepalives_interval": 2,
            "keepalives_count": 3,
            "tcp_user_timeout": 10_000,  # milliseconds until what was sent is confirmed
            "prepare_threshold": 3,
            "options": f"{_POSTGRES} {more}",
        },
    )


def _synchronous(conn: sa.Connection, durable: bool) -> None:
    """Whether a commit on SQLite waits for the disk; said only where it changes."""
    if conn.info.get("durable") is not durable:
        _SYNCHRONOUS[durable].run(conn, None)
        conn.info["durable"] = durable


def _prepare_sqlite(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # transactions are ours to begin
    connection.create_function(SQLITE_CLOCK, 0, clock.now)
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "foreign_keys=ON", "cache_size=-16000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


# "database is locked", a full disk, a connection cut, a server shutting down, one that is not the
# primary yet
_LOST = (exc.OperationalError, exc.InterfaceError, exc.InternalError)
_COLLISIONS = ("40P01", "40001")  # SQLSTATE: deadlock detected, serialization failure
# Two that began work under one lock key at the same moment: neither saw the other's.
_ONE_RUNS = "uq_operations_running_key"


def _broken(error: exc.DBAPIError) -> str | None:
    """The constraint that was violated; on SQLite, with its one writer, nobody needs to know."""
    return getattr(getattr(error.orig, "diag", None), "constraint_name", None)


@contextlib.contextmanager
def _reporting_loss(engine: sa.Engine) -> Iterator[None]:
    try:
        yield
    except exc.DBAPIError as error:
        if error.connection_invalidated:
            engine.dispose()
        if getattr(error.orig, "sqlstate", None) in _COLLISIONS or _broken(error) == _ONE_RUNS:
            raise Collision(f"Transactions collided: {error.orig}") from error
        if error.connection_invalidated or isinstance(error, _LOST):
            raise Unavailable(f"The database does not answer: {error.orig}") from error
        raise
    except exc.PendingRollbackError as error:  # somebody went on after the connection was lost
        raise Unavailable("The database went away.") from error
    except exc.TimeoutError as error:
        raise Unavailable("The database is too busy; try again in a few seconds.") from error
