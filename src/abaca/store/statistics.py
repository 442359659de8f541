"""What PostgreSQL's planner knows about our tables.

It looks at a table that has grown once a minute, and takes it for an empty one before that: in the
first minute of a new database a list of shares in error would read every share, not the few.
"""

from __future__ import annotations

import sqlalchemy as sa

from .engine import Store
from .fixed import Fixed
from .schema import metadata

MANY = 500  # rows
_UNKNOWN = Fixed(
    sa.text(
        "SELECT relname FROM pg_stat_user_tables"
        " WHERE schemaname = current_schema() AND n_live_tup >= :many"
        " AND last_analyze IS NULL AND last_autoanalyze IS NULL"
    )
)


def gather(store: Store) -> list[str]:
    """Look at the tables with MANY rows that were never looked at; which these are.  SQLite plans
    without."""
    if store.dialect != "postgresql":
        return []
    with store.read() as tx:
        unknown = sorted({row[0] for row in tx.all(_UNKNOWN, {"many": MANY})} & {*metadata.tables})
    for table in unknown:
        with store.transaction(durable=False) as tx:
            tx.run(sa.text(f"ANALYZE {table}"))
    return unknown
