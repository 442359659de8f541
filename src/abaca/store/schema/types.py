"""Share types."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, String, Table

from .base import metadata, parent, time, uuid

share_types = Table(
    "share_types",
    metadata,
    uuid("id", primary_key=True),
    Column("name", String(255), nullable=False, unique=True),
    Column("description", String(255)),
    Column("is_public", Boolean, nullable=False, default=True),
    time("created_at"),
    time("updated_at"),
)

share_type_extra_specs = Table(
    "share_type_extra_specs",
    metadata,
    parent("share_type_id", "share_types.id", primary=True),
    Column("key", String(255), primary_key=True),
    Column("value", String(255), nullable=False),
)

share_type_projects = Table(
    "share_type_projects",
    metadata,
    parent("share_type_id", "share_types.id", primary=True),
    Column("project_id", String(255), primary_key=True),
)
