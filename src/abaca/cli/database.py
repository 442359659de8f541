"""The configured database, for commands that read or change it beside a running abaca."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from abaca.config import Config
    from abaca.store.engine import Store


@contextlib.contextmanager
def opened(config: Config) -> Iterator[Store]:
    """Raises ClickException if it is not there or not of this release, Unavailable if it is
    away."""
    from abaca.store import migrate
    from abaca.store.engine import Store

    if config.database_url.startswith("sqlite:///"):
        _must_exist(config.database_url.removeprefix("sqlite:///"))
    store = Store(config.database_url)
    try:
        if migrate.version(store) != migrate.HEAD:
            raise click.ClickException("The database is not up to date; run: abaca db upgrade")
        yield store
    finally:
        store.close()


def _must_exist(path: str) -> None:
    if path and not Path(path).exists():
        raise click.ClickException(
            f"There is no database {path}: abaca has not run on this state directory yet; "
            "abaca db upgrade makes it."
        )
