"""The planner of the database soon knows about tables that have grown."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from abaca.store import migrate, statistics
from abaca.store.engine import Store
from abaca.store.schema import messages

ROW = {
    "project_id": "p", "action_id": "001", "detail_id": "001", "message_level": "ERROR",
    "resource_type": "SHARE", "user_message": "no room",
}  # fmt: skip


@pytest.fixture
def new_store(database_url: str) -> Iterator[Store]:
    made = Store(database_url)
    migrate.upgrade(made)
    yield made
    made.close()


def test_a_table_that_has_grown_is_looked_at_once(new_store: Store) -> None:
    assert statistics.gather(new_store) == []
    with new_store.transaction() as tx:
        if new_store.dialect == "postgresql":  # else the server might be faster
            tx.run(sa.text("ALTER TABLE messages SET (autovacuum_enabled = off)"))
        times = {"created_at": tx.now, "expires_at": tx.now}
        rows = [{**ROW, **times, "id": f"{n}"} for n in range(statistics.MANY)]
        tx.run(messages.insert(), rows)
    if new_store.dialect == "sqlite":
        assert statistics.gather(new_store) == []
        return
    deadline = time.monotonic() + 30
    while not (found := statistics.gather(new_store)):  # its counters come a moment later
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert found == ["messages"]
    with new_store.read() as tx:
        known = sa.text("SELECT reltuples FROM pg_class WHERE relname = 'messages'")
        assert tx.scalar(known) == statistics.MANY
    assert statistics.gather(new_store) == []
