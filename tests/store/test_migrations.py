"""The migrations make the schema that the code has, on both databases."""

from __future__ import annotations

import psycopg
import pytest
import sqlalchemy as sa

from abaca.store import failures, identity, migrate
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


def test_bookings_are_counted_anew_from_the_shares(empty: Store) -> None:
    """A pool that was missing in one report had lost its bookings for ever."""
    migrate.upgrade(empty, "0002")
    now = "2026-01-01T00:00:00.000000"
    share = (
        "INSERT INTO shares (id, project_id, user_id, size, share_proto, is_public,"
        " snapshot_support, create_share_from_snapshot_support, revert_to_snapshot_support,"
        " mount_snapshot_support, is_soft_deleted, created_at) VALUES"
        " (:id, 'p', 'u', :size, 'NFS', :no, :no, :no, :no, :no, :no, :now)"
    )
    instance = (
        "INSERT INTO share_instances (id, share_id, host, status, access_rules_status,"
        " cast_rules_to_readonly, created_at)"
        " VALUES (:id, :id, :host, 'available', 'active', :no, :now)"
    )
    with empty.transaction() as tx:
        tx.run(
            sa.text(
                "INSERT INTO pools (host, backend_host, stats, allocated_gb, updated_at)"
                " VALUES ('h@b#p', 'h@b', '{}', 0, :now)"
            ),
            {"now": now},
        )
        for identity, size, host in (
            ("one", 300, "h@b#p"),
            ("two", 400, "h@b#p"),
            ("new", 5, None),
        ):
            values = {"id": identity, "size": size, "host": host, "no": False, "now": now}
            tx.run(sa.text(share), values)
            tx.run(sa.text(instance), values)
    migrate.upgrade(empty)
    with empty.read() as tx:
        found = [
            (row[0], row[1]) for row in tx.all(sa.text("SELECT host, gigabytes FROM bookings"))
        ]
    assert found == [("h@b#p", 700)]
    migrate.upgrade(empty)
    assert migrate.differences(empty) == []
    empty.close()


def test_rows_of_an_older_release_survive_an_upgrade(empty: Store) -> None:
    migrate.upgrade(empty, "0003")
    with empty.transaction() as tx:
        domain = {"id": "d", "name": "Default", "description": "", "enabled": True}
        tx.run(identity.domains.insert(), domain)
    assert migrate.upgrade(empty)
    with empty.transaction() as tx:
        assert tx.scalar(sa.select(identity.domains.c.name)) == "Default"
        assert failures.add(tx, 7, now=5.0, before=0.0) == (5.0, 1)
        assert failures.add(tx, 7, now=6.0, before=0.0) == (5.0, 2)
    assert migrate.differences(empty) == []
    empty.close()
