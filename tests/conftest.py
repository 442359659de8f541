"""Fixtures every test may use: a store on each database."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import structlog

from abaca.store import failures, identity, migrate  # noqa: F401 (their tables are emptied as well)
from abaca.store.engine import Store
from abaca.store.schema import metadata
from support import postgres as support_postgres

DATABASES = ("sqlite", "postgresql")


@pytest.fixture(autouse=True)
def logs_of_one_test(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A test that sets up logs does not change those of the next one."""
    configure = structlog.configure

    def lasting_no_longer(**settings: Any) -> None:
        configure(**{**settings, "cache_logger_on_first_use": False})

    monkeypatch.setattr(structlog, "configure", lasting_no_longer)
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def postgres() -> Iterator[support_postgres.Postgres]:
    """One PostgreSQL server for the session (one for each xdist worker)."""
    with support_postgres.server() as running:
        yield running


@pytest.fixture(params=DATABASES)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database without tables, on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/abaca.sqlite"
    running: support_postgres.Postgres = request.getfixturevalue("postgres")
    return running.database()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite database with all tables, to be copied."""
    path = tmp_path_factory.mktemp("template") / "abaca.sqlite"
    made = Store(f"sqlite:///{path}")
    migrate.upgrade(made)
    with made.engine.connect() as conn:
        conn.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    made.close()
    return path


@pytest.fixture(scope="session")
def postgres_url(postgres: support_postgres.Postgres) -> str:
    """A PostgreSQL database with all tables, which `store` empties after each test."""
    url = postgres.database()
    made = Store(url)
    migrate.upgrade(made)
    made.close()
    return url


@pytest.fixture(params=DATABASES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """A store with all tables, empty, on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        path = tmp_path / "abaca.sqlite"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        url = f"sqlite:///{path}"
    else:
        url = request.getfixturevalue("postgres_url")
    made = Store(url)
    yield made
    made.close()
    if request.param == "postgresql":
        _empty(url)


def _empty(url: str) -> None:
    """Delete every row; whatever a failed test left connected is cut off first."""
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as conn:
        conn.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        statements = "; ".join(
            f'DELETE FROM "{table.name}"' for table in reversed(metadata.sorted_tables)
        )
        conn.execute(statements)  # type: ignore[arg-type]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Storage tests and attacks share what their module set up: one xdist worker a module."""
    for item in items:
        if {"storage", "attack"} & set(item.path.parts):
            item.add_marker(pytest.mark.xdist_group(item.path.stem))
