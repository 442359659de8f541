"""`abaca db`: the shape of the database, and how much is kept in it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .common import config_options, load_config, table
from .database import file_of, make_room, opened

if TYPE_CHECKING:
    from abaca.config import Config
    from abaca.store.engine import Store


@click.group()
@config_options
def db() -> None:
    """Create, upgrade, copy or tidy up the database.

    `abaca serve`, `api` and `manager` create and upgrade it themselves when they start; do it
    beforehand when several of them will start at once, or to see that it works.
    """


@db.command()
@config_options
def upgrade() -> None:
    """Create the tables, or bring them to this release.  Doing it again is harmless."""
    from abaca.store import migrate

    config = load_config()
    make_room(config)
    with _opened(config) as store:
        before = migrate.version(store)
        if migrate.upgrade(store):
            click.echo(f"{_shown(store)}: from {before or 'empty'} to {migrate.HEAD}")
        else:
            click.echo(f"{_shown(store)}: is at {before}, nothing to do")


@db.command()
@config_options
def version() -> int:
    """Say which version the database has, and which this release needs.

    Exits with 1 when they differ.
    """
    from abaca.store import migrate

    config = load_config()
    file = file_of(config)
    with _opened(config) as store:
        found = migrate.version(store) if file is None or file.exists() else None
        click.echo(f"database  {_shown(store)}")
        click.echo(f"version   {found or 'empty'}")
        click.echo(f"needed    {migrate.HEAD}")
    return int(found != migrate.HEAD)


@db.command()
@click.argument("file", type=click.Path(path_type=Path))
@config_options
def backup(file: Path) -> None:
    """Copy an SQLite database to FILE, consistently, while abaca runs.

    For PostgreSQL use pg_dump.
    """
    import sqlite3

    original = file_of(load_config())
    if original is None:
        raise click.ClickException("The database is PostgreSQL: use pg_dump.")
    if not original.exists():
        raise click.ClickException(f"There is no database {original}.")
    if file.exists():
        raise click.ClickException(f"{file} exists already; choose another name.")
    with contextlib.closing(sqlite3.connect(original)) as source:
        file.touch(mode=0o600)
        with contextlib.closing(sqlite3.connect(file)) as target:
            source.backup(target)
    click.echo(f"{original} copied to {file}")


@db.command()
@click.option("--dry-run", is_flag=True, help="Only say how much that would be.")
@config_options
def purge(dry_run: bool) -> None:
    """Delete what has been kept long enough.

    Operations that ended ([abaca] operation_retention_time), user messages (message_ttl), and the
    answers to requests with an Idempotency-Key ([abaca] idempotency_retention_time).  Nothing has
    to be stopped for it: it works in small steps, and a running manager does the same every
    cleanup_interval.
    """
    from abaca.service import purge as use_case

    from .assembly import make_env

    config = load_config()
    with opened(config) as store:
        env = make_env(config, store)
        found = use_case.count(env) if dry_run else use_case.run(env)
    rows = [(name.replace("_", " "), number) for name, number in found.items()]
    table(("what", "would be deleted" if dry_run else "deleted"), rows)


@contextlib.contextmanager
def _opened(config: Config) -> Iterator[Store]:
    """The configured database, without touching its tables."""
    from abaca.store.engine import Store

    store = Store(config.database_url)
    try:
        yield store
    finally:
        store.close()


def _shown(store: Store) -> str:
    return store.url.render_as_string(hide_password=True)
