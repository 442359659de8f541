"""The migrations make the schema that the code has, on both databases."""

from __future__ import annotations

import psycopg
import pytest
import sqlalchemy as sa

from abaca.store import migrate
from abaca.store.engine import Store
from support.postgres import Postgres


@pytest.fixture
def empty(database_url: str) -> Store:
    return Store(database_url)


def test_a_new_database_gets_the_schema_of_the_code(empty: Store) -> None:
    assert migrate.version(empty) is None
    assert migrate.upgrade(empty)
    assert migrate.version(empty) == migrate.HEAD
    assert migrate.differences(empty) == []
    empty.close()


def test_upgrading_twice_changes_nothing(empty: Store) -> None:
    migrate.upgrade(empty)
    assert not migrate.upgrade(empty)
    empty.close()


def test_a_slow_machine_may_take_its_time_between_two_steps(postgres: Postgres) -> None:
    """A transaction of a request that does nothing for seconds is ended; not that of an upgrade."""
    empty = Store(postgres.database())
    found = []

    def look(conn: sa.Connection, cursor: psycopg.Cursor, statement: str, *rest: object) -> None:
        if statement.lstrip().startswith("CREATE TABLE"):
            cursor.execute("SHOW idle_in_transaction_session_timeout")
            found.append(cursor.fetchone())

    sa.event.listen(empty.engine, "after_cursor_execute", look)
    migrate.upgrade(empty)
    with empty.transaction() as tx:
        found.append(tx.one(sa.text("SHOW idle_in_transaction_session_timeout")))
    empty.close()
    assert set(found[:-1]) == {("0",)}
    assert found[-1] == ("5s",)


def test_a_database_of_the_first_release_is_upgraded(empty: Store) -> None:
    migrate.upgrade(empty, "0001")
    assert migrate.version(empty) == "0001"
    assert migrate.upgrade(empty)
    assert migrate.version(empty) == migrate.HEAD
    assert migrate.differences(empty) == []
    empty.close()
