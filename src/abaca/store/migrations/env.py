"""Run by alembic; the connection is given by abaca.store.migrate."""

from __future__ import annotations

from alembic import context

from abaca.store import failures, identity  # noqa: F401 (their tables belong to the metadata)
from abaca.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
