"""Lists of shares in the database: the plans that keep them fast."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from abaca.store import shares_find
from abaca.store.engine import Store
from support.shares import PROJECT, World


def plan(store: Store, **asked: Any) -> str:
    """How the database would run the statements of a page of twenty with its count."""
    seen: list[tuple[str, Any]] = []

    @sa.event.listens_for(store.engine, "before_cursor_execute")
    def note(conn: Any, cursor: Any, text: str, values: Any, context: Any, many: bool) -> None:
        seen.append((text, values))

    world = World(store)
    world.share()
    seen.clear()
    client = world.client(PROJECT, "member,reader")
    client.get("/shares/detail", limit=20, with_count=1, **asked)
    sa.event.remove(store.engine, "before_cursor_execute", note)
    words = "EXPLAIN QUERY PLAN " if store.dialect == "sqlite" else "EXPLAIN "
    found = []
    with store.engine.connect() as conn:
        if store.dialect == "postgresql":  # tables of a test are too small for an index to pay
            conn.exec_driver_sql("SET enable_seqscan = off")
            conn.exec_driver_sql("SET enable_bitmapscan = off")
            conn.exec_driver_sql("SET enable_sort = off")
        for text, values in seen:
            if text.startswith("SELECT"):
                rows = conn.exec_driver_sql(words + text, values).all()
                found += [str(row[-1]) for row in rows]
    return "\n".join(found)


def test_a_page_needs_no_sort_and_no_scan(store: Store) -> None:
    found = plan(store)
    assert "ix_shares_project_created" in found
    assert "ix_share_instances_deferred" in found or "ix_share_instances_status" in found
    assert "SCAN shares" not in found
    assert "TEMP B-TREE" not in found
    assert "Sort" not in found


def test_metadata_comes_by_key(store: Store) -> None:
    assert "SCAN share_metadata" not in plan(store)


@pytest.mark.parametrize("name", sorted(shares_find.CLAUSES))
def test_every_clause_is_sql(store: Store, name: str) -> None:
    with store.read() as tx:
        wanted = shares_find.Wanted(clauses=(name,), values=dict.fromkeys(_parameters(name), "x"))
        assert shares_find.count(tx, wanted) == 0


def _parameters(name: str) -> list[str]:
    return list(shares_find.CLAUSES[name].compile().params)
