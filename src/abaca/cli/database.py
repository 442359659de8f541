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
    """Raises ClickException if it is not there, StrangeDatabase if it is not of this release,
    Unavailable if it is away."""
    from abaca.store import migrate
    from abaca.store.engine import Store

    file = file_of(config)
    if file is not None and not file.exists():
        raise click.ClickException(
            f"There is no database {file}: abaca has not run on this state directory yet; "
            "abaca db upgrade makes it."
        )
    store = Store(config.database_url)
    try:
        migrate.check(store)
        yield store
    finally:
        store.close()


def file_of(config: Config) -> Path | None:
    """The file of an SQLite database."""
    sqlite, _, path = config.database_url.partition("sqlite:///")
    return Path(path) if not sqlite and path else None


def make_room(config: Config) -> None:
    """The directory and the file of an SQLite database.  It holds hashes of passwords and the keys
    of access rules, so nobody else may read it; what SQLite puts beside it gets the same mode."""
    file = file_of(config)
    if file is not None and not file.exists():
        make_directory(file.parent)
        file.touch(mode=0o600)


def make_directory(path: Path) -> None:
    """Raises ClickException with what to do instead."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise click.ClickException(
            f"The state directory {path} cannot be used: {error.strerror}. "
            "Choose another with ABACA_STATE_DIR."
        ) from None
