"""The whole API with a real store: what the document says, for requests about things that exist.

Schemathesis makes the bodies and queries; the ids in paths are those of the full world, or wrong.
Nothing is kept: every request finds the world as it was.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from abaca.api.versions import minor
from abaca.store import migrate
from abaca.store.engine import Store, Tx
from api import schema_walk
from api.full_world import TOKENS, FullWorld
from support.postgres import Postgres

VERSIONS = ("2.0", "2.45", "2.65", "2.99")


class Forgetful(Store):
    """A database that forgets what is written once `forgets` is set; all statements run."""

    forgets = False

    @contextlib.contextmanager
    def transaction(self, *, durable: bool = True) -> Iterator[Tx]:
        if not self.forgets:
            with super().transaction(durable=durable) as tx:
                yield tx
            return
        with self.engine.connect() as conn:
            if self.dialect == "sqlite":
                conn.exec_driver_sql("BEGIN IMMEDIATE")
            try:
                yield Tx(self, conn)
            finally:
                conn.rollback()


def world_on(url: str) -> FullWorld:
    store = Forgetful(url)
    migrate.upgrade(store)
    world = FullWorld(store)
    store.forgets = True
    return world


@pytest.fixture(scope="module")
def sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FullWorld]:
    folder: Path = tmp_path_factory.mktemp("schemathesis")
    world = world_on(f"sqlite:///{folder}/db.sqlite")
    yield world
    world.store.close()


@pytest.fixture(scope="module")
def postgresql(postgres: Postgres) -> Iterator[FullWorld]:
    world = world_on(postgres.database())
    yield world
    world.store.close()


def walk(world: FullWorld, who: str, version: str, examples: int) -> list[str]:
    return schema_walk.walk(
        world.app,
        str(TOKENS[who]),
        version=minor(version),
        examples=examples,
        ids=world.variables(minor(version)),
    )


@pytest.mark.parametrize("who", ["admin", "member"])
@pytest.mark.parametrize("version", VERSIONS)
def test_answers_are_as_documented(sqlite: FullWorld, version: str, who: str) -> None:
    assert walk(sqlite, who, version, examples=4) == []


def test_answers_are_as_documented_on_postgresql(postgresql: FullWorld) -> None:
    assert walk(postgresql, "admin", "2.99", examples=4) == []
