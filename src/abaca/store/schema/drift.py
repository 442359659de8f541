"""Where backends differ from the rows, and when that was looked for."""

from __future__ import annotations

from sqlalchemy import Column, Float, Integer, String, Table, Text

from .base import metadata, time, uuid

drift_findings = Table(  # where a backend differs from the database, as of the last look
    "drift_findings",
    metadata,
    uuid("id", primary_key=True),
    Column("host", String(255), nullable=False, index=True),  # host@backend
    Column("kind", String(16), nullable=False),
    Column("resource_type", String(16), nullable=False),
    Column("resource_id", String(64)),
    Column("backend_id", String(255), nullable=False),
    Column("lock_key", String(64), nullable=False),
    Column("expected", Text, nullable=False),
    Column("found", Text, nullable=False),
    Column("detail", Text, nullable=False),  # JSON
    time("first_seen"),
    Column("attempts", Integer, nullable=False, default=0),
    Column("problem", Text),
    Column("not_before", Float, nullable=False, default=0.0),  # epoch seconds
)
drift_looks = Table(
    "drift_looks",
    metadata,
    Column("host", String(255), primary_key=True),  # host@backend
    time("looked_at"),
    Column("problem", Text),
)
