"""When an operation fails, and settling its rows fails as well: they must not stay as they are."""

from __future__ import annotations

import sqlalchemy as sa

from abaca.model.operations import Operation
from abaca.store import schema as t
from abaca.store.engine import Tx

# every table whose rows an operation can own -> its column that says how the row is
OWNED = (
    (t.share_instances, "status"),
    (t.snapshot_instances, "status"),
    (t.access_rule_states, "state"),
    (t.snapshot_access_rules, "state"),
)


def settle(tx: Tx, op: Operation) -> None:
    """Whatever the operation owns is in error, and somebody else may take it."""
    for table, column in OWNED:
        stmt = sa.update(table).where(table.c.operation_id == op.id)
        tx.run(stmt.values({column: "error", "operation_id": None}))
