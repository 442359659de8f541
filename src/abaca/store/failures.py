"""Failed log-ins, counted in a table of a fixed size that all API processes share.

A counter is a numbered slot.  There are SLOTS of them, so nothing has to be evicted, and nobody can
push a counter out of the table.  Whose counter is in which slot only the caller knows.
"""

from __future__ import annotations

from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy import Column, Float, Integer, Table

from .engine import Tx
from .fixed import Fixed
from .schema import metadata

SLOTS = 65_536

failures = Table(
    "identity_failures",
    metadata,
    Column("slot", Integer, primary_key=True, autoincrement=False),
    Column("since", Float, nullable=False),  # epoch seconds of the first failure of the window
    Column("count", Integer, nullable=False),
)
_f = failures.c


class Counted(NamedTuple):
    since: float
    times: int


_READ = Fixed(sa.select(_f.since, _f.count).where(_f.slot == sa.bindparam("slot")))
_ADD = Fixed(
    sa.text(
        "INSERT INTO identity_failures (slot, since, count) VALUES (:slot, :now, 1)"
        " ON CONFLICT (slot) DO UPDATE SET"
        " count = CASE WHEN identity_failures.since <= :before THEN 1"
        " ELSE identity_failures.count + 1 END,"
        " since = CASE WHEN identity_failures.since <= :before THEN excluded.since"
        " ELSE identity_failures.since END RETURNING since, count"
    )
)
_FORGET = Fixed(sa.delete(failures).where(_f.slot == sa.bindparam("slot")))


def read(tx: Tx, slot: int) -> Counted | None:
    row = tx.one(_READ, {"slot": slot})
    return None if row is None else Counted(*row)


def add(tx: Tx, slot: int, *, now: float, before: float) -> Counted:
    """Count a failure.  before: a window that began then or earlier has ended."""
    row = tx.one(_ADD, {"slot": slot, "now": now, "before": before})
    assert row is not None
    return Counted(*row)


def forget(tx: Tx, slot: int) -> None:
    tx.run(_FORGET, {"slot": slot})
