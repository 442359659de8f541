"""Bringing a database to the present shape, and saying which it has."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from abaca.model.errors import AbacaError

from .engine import Store

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0004"
_FOLDER = Path(__file__).parent / "migrations"
# Two processes that start at once must not both create the tables.
_LOCK = sa.text("SELECT pg_advisory_xact_lock(4120231)")
# Between two statements of a migration a loaded machine may take its time.
_PATIENCE = sa.text("SET LOCAL idle_in_transaction_session_timeout = 0")


class StrangeDatabase(AbacaError):
    """Its tables are not those of this release."""


def version(store: Store) -> str | None:
    """The revision the database is at; None when it is empty."""
    with store.read() as tx:
        if not sa.inspect(tx.conn).has_table("alembic_version"):
            return None
        found: str | None = tx.scalar(sa.text("SELECT version_num FROM alembic_version"))
        return found


def check(store: Store) -> None:
    """Raises StrangeDatabase unless the tables are those of this release."""
    found = version(store)
    if found == HEAD:
        return
    if found is not None and not _is_known(found):
        raise StrangeDatabase(
            f"The database is of a newer release (version {found}; this one knows {HEAD} and "
            "older): run that release, or restore the backup made before it was installed."
        )
    raise StrangeDatabase("The database is not up to date; run: abaca db upgrade")


def _is_known(revision: str) -> bool:
    from alembic.script import ScriptDirectory  # slow to import, seldom needed

    return revision in {each.revision for each in ScriptDirectory(str(_FOLDER)).walk_revisions()}


def upgrade(store: Store, to: str = HEAD) -> bool:
    """Create or upgrade the tables; False when there was nothing to do.  Raises StrangeDatabase
    for one of a newer release."""
    found = version(store)
    if found == to:
        return False
    if found is not None and not _is_known(found):
        check(store)
    from alembic import command

    with store.transaction() as tx:
        if store.dialect == "postgresql":
            tx.conn.execute(_PATIENCE)
            tx.conn.execute(_LOCK)
        command.upgrade(_config(tx.conn), to)
    return True


def draft(store: Store, message: str, revision: str) -> None:
    """For developers: write the migration from the database's shape to that of the code."""
    from alembic import command

    with store.engine.connect() as conn:
        command.revision(_config(conn), message, autogenerate=True, rev_id=revision)


def differences(store: Store) -> list[object]:
    """What the database lacks or has too much, compared with the code; empty is right."""
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    from . import failures, identity  # noqa: F401 (their tables belong to the metadata)
    from .schema import metadata

    with store.engine.connect() as conn:
        return list(compare_metadata(MigrationContext.configure(conn), metadata))


def _config(connection: sa.Connection) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    config.attributes["connection"] = connection
    return config


__all__ = ["HEAD", "StrangeDatabase", "check", "differences", "draft", "upgrade", "version"]
