"""Statements that are compiled once: the same as SQLAlchemy gives, on both databases."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from abaca.model.errors import Unavailable
from abaca.store import schema as t
from abaca.store.engine import Store
from abaca.store.fixed import Fixed
from abaca.store.many import one_of

_s = t.services.c
SELECT = sa.select(_s.id, _s.host, _s.disabled, _s.reported_at, _s.updated_at).order_by(_s.id)
INSERT = Fixed(sa.insert(t.services))
ONE = {
    "binary": "manila-share",
    "host": "a@b",
    "topic": "t",
    "created_at": "2026",
    "reported_at": 1.5,
}


@pytest.fixture
def zone(store: Store) -> str:
    with store.transaction() as tx:
        tx.run(Fixed(sa.insert(t.availability_zones)), {"id": "z", "name": "z", "created_at": "1"})
    return "z"


def test_rows_are_as_sqlalchemy_gives_them(store: Store, zone: str) -> None:
    with store.transaction() as tx:
        rows = [{**ONE, "host": host, "availability_zone_id": zone} for host in ("a", "b")]
        assert tx.run(INSERT, rows[0]) == 1
        tx.run(INSERT, rows[1:])
    with store.read() as tx:
        usual, fixed = tx.all(SELECT), tx.all(Fixed(SELECT))
        assert [tuple(row) for row in usual] == [tuple(row) for row in fixed]
        assert [type(value) for row in usual for value in row] == [
            type(value) for row in fixed for value in row
        ]
        assert (fixed[0].host, fixed[0].disabled) == ("a", False)  # a default of the column


def test_literals_lists_and_defaults_are_parameters(store: Store, zone: str) -> None:
    stmt = Fixed(
        sa.update(t.services)
        .where(_s.host == "100%", one_of(_s.binary, "which"), _s.disabled.is_(False))
        .values(disabled=True, disabled_reason=sa.bindparam("why"))
        .returning(_s.disabled, _s.disabled_reason)
    )
    with store.transaction() as tx:
        tx.run(INSERT, {**ONE, "host": "100%", "availability_zone_id": zone})
        assert tuple(tx.one(stmt, {"why": "50 %s", "which": ["a", "manila-share"]}) or ()) == (
            True,
            "50 %s",
        )
        assert tx.one(stmt, {"why": "again", "which": []}) is None
        assert tx.scalar(stmt, {"why": "again", "which": []}) is None


def test_a_list_that_would_change_its_text_is_refused(store: Store) -> None:
    with store.read() as tx, pytest.raises(TypeError, match="one_of"):
        tx.all(Fixed(SELECT.where(_s.host.in_(["a", "b"]))))


def test_several_rows_where_one_is_expected_are_an_error(store: Store, zone: str) -> None:
    with store.transaction() as tx:
        tx.run(INSERT, [{**ONE, "host": h, "availability_zone_id": zone} for h in ("a", "b")])
        with pytest.raises(sa.exc.MultipleResultsFound):
            tx.one(Fixed(SELECT))


def test_what_raises_is_undone(store: Store, zone: str) -> None:
    row = {**ONE, "availability_zone_id": zone}
    with pytest.raises(IntegrityError), store.transaction() as tx:
        tx.run(INSERT, row)
        tx.run(INSERT, row)
    with store.read() as tx:
        assert tx.all(Fixed(SELECT)) == []


def test_a_connection_that_was_cut_is_not_used_again(store: Store) -> None:
    if store.dialect == "sqlite":
        pytest.skip("SQLite has no connections to cut")
    look = Fixed(sa.select(sa.literal(1)))
    with pytest.raises(Unavailable), store.transaction() as tx:
        me = tx.scalar(sa.text("SELECT pg_backend_pid()"))
        with store.read() as other:
            other.scalar(sa.text("SELECT pg_terminate_backend(:pid)"), {"pid": me})
        tx.scalar(look)
    with store.transaction() as tx:
        assert tx.scalar(look) == 1
