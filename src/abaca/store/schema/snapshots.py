"""Snapshots, their instances, and who may mount them."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, String, Table

from .base import flag, metadata, operation, parent, time, uuid

snapshots = Table(
    "snapshots",
    metadata,
    uuid("id", primary_key=True),
    uuid("share_id", ForeignKey("shares.id"), nullable=False, index=True),
    Column("project_id", String(64), nullable=False),
    Column("user_id", String(64), nullable=False),
    Column("name", String(255)),
    Column("description", String(255)),
    Column("size", Integer, nullable=False),  # GiB charged
    Column("share_size", Integer, nullable=False),  # GiB of the share when it was taken
    Column("share_proto", String(16), nullable=False),
    uuid("share_type_id"),  # of the share when charged: where the quota goes back to
    uuid("instance_id"),
    uuid("share_group_snapshot_id"),
    time("created_at"),
    time("updated_at"),
)
Index("ix_snapshots_project_created", snapshots.c.project_id, snapshots.c.created_at)

snapshot_instances = Table(
    "snapshot_instances",
    metadata,
    uuid("id", primary_key=True),
    parent("snapshot_id", "snapshots.id"),
    uuid("share_instance_id", ForeignKey("share_instances.id"), nullable=False, index=True),
    Column("status", String(64), nullable=False),
    operation(),
    Column("progress", String(8)),
    Column("provider_location", String(2000)),
    time("created_at"),
    time("updated_at"),
)

snapshot_metadata = Table(
    "snapshot_metadata",
    metadata,
    parent("snapshot_id", "snapshots.id", primary=True),
    Column("key", String(255), primary_key=True),
    Column("value", String(1023), nullable=False),
)

snapshot_export_locations = Table(
    "snapshot_export_locations",
    metadata,
    uuid("id", primary_key=True),
    parent("snapshot_instance_id", "snapshot_instances.id"),
    Column("path", String(2000), nullable=False),
    flag("is_admin_only"),
    Column("position", Integer, nullable=False, default=0),
    time("created_at"),
    time("updated_at"),
)

snapshot_access_rules = Table(
    "snapshot_access_rules",
    metadata,
    uuid("id", primary_key=True),
    parent("snapshot_id", "snapshots.id"),
    Column("access_type", String(16), nullable=False),
    Column("access_to", String(255), nullable=False),
    Column("state", String(16), nullable=False),
    operation(),
    time("created_at"),
    time("updated_at"),
)
Index(
    "uq_snapshot_access_rules_target",
    snapshot_access_rules.c.snapshot_id,
    snapshot_access_rules.c.access_type,
    snapshot_access_rules.c.access_to,
    unique=True,
)
