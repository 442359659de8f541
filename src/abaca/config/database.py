"""[database], and what its connection URL becomes."""

from __future__ import annotations

import re
from pathlib import Path

from .errors import ConfigError
from .options import Mark, ignored, secret

DATABASE = (
    secret(
        "connection",
        None,
        "postgresql://user:password@host/name or sqlite:///path (default: in the state directory)",
        mark=Mark.MAPPED,
        old=(("DEFAULT", "sql_connection"), ("DATABASE", "sql_connection"), ("sql", "connection")),
    ),
    secret("slave_connection", None, "one database serves reads and writes", mark=Mark.IGNORED),
    *ignored(
        "backend sqlite_synchronous mysql_sql_mode mysql_wsrep_sync_wait connection_recycle_time"
        " idle_timeout min_pool_size max_pool_size max_retries retry_interval max_overflow"
        " connection_debug connection_trace connection_parameters pool_timeout use_db_reconnect"
        " db_retry_interval db_inc_retry_interval db_max_retry_interval db_max_retries"
        " asyncio_connection asyncio_slave_connection synchronous_reader sqlite_fk use_tpool",
        "abaca manages its connections itself",
    ),
)

_SCHEME = re.compile(r"^([A-Za-z][A-Za-z0-9]*)(\+[A-Za-z0-9_]+)?:")
_TARGET = {
    "postgresql": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",
    "sqlite": "sqlite",
}


def database_url(connection: str | None, state_path: Path) -> str:
    """The SQLAlchemy URL for a `[database] connection` value; None gives SQLite in `state_path`."""
    if not connection:
        return f"sqlite:///{state_path / 'abaca.sqlite'}"
    found = _SCHEME.match(connection)
    if found is None:
        raise ConfigError(
            "The database connection is not a URL such as postgresql://user@host/name."
        )
    scheme = found[1].lower()
    if scheme not in _TARGET:
        raise ConfigError(
            f"The connection names {scheme}: abaca keeps its data in PostgreSQL or SQLite. "
            "Give it a database of its own (connection = postgresql://user:password@host/abaca, in "
            "a second --config-file if this file is shared); the old database is not touched."
        )
    return f"{_TARGET[scheme]}:{connection[found.end() :]}"
