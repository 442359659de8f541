"""The migrations make the schema that the code has, on both databases."""

from __future__ import annotations

import pytest

from abaca.store import migrate
from abaca.store.engine import Store


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
