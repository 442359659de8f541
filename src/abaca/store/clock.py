"""The database's own clock, so that hosts with different clocks agree on leases."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.expression import FunctionElement

SQLITE_CLOCK = "abaca_clock"  # a function of every connection: one machine has one clock


class db_clock(FunctionElement[float]):
    """Seconds since the epoch, now (not at the start of the transaction)."""

    type = sa.Float()
    inherit_cache = True
    name = "db_clock"


@compiles(db_clock, "sqlite")
def _sqlite(element: Any, compiler: Any, **options: Any) -> str:
    return f"{SQLITE_CLOCK}()"


@compiles(db_clock, "postgresql")
def _postgresql(element: Any, compiler: Any, **options: Any) -> str:
    return "extract(epoch FROM clock_timestamp())::float8"
