"""Shares, their instances, metadata and export locations."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, String, Table, text

from .base import flag, metadata, operation, parent, time, uuid

shares = Table(
    "shares",
    metadata,
    uuid("id", primary_key=True),
    Column("project_id", String(64), nullable=False),
    Column("user_id", String(64), nullable=False),
    Column("name", String(255)),
    Column("description", String(255)),
    Column("size", Integer, nullable=False),  # GiB
    Column("share_proto", String(16), nullable=False),
    flag("is_public"),
    uuid("share_type_id", ForeignKey("share_types.id"), index=True),
    uuid("snapshot_id", index=True),  # the snapshot it was made from, which may be gone by now
    uuid("instance_id"),  # which of its instances speaks for it
    flag("snapshot_support"),
    flag("create_share_from_snapshot_support"),
    flag("revert_to_snapshot_support"),
    flag("mount_snapshot_support"),
    Column("replication_type", String(16)),
    Column("task_state", String(64)),
    uuid("share_group_id"),
    uuid("source_share_group_snapshot_member_id"),
    uuid("source_backup_id"),
    flag("is_soft_deleted"),
    time("scheduled_to_be_deleted_at"),
    time("created_at"),
    time("updated_at"),
)
Index("ix_shares_project_created", shares.c.project_id, shares.c.created_at, shares.c.id)
Index("ix_shares_created", shares.c.created_at, shares.c.id)
KEPT = "NOT is_soft_deleted"  # not in the recycle bin: what lists show
Index(
    "ix_shares_kept_of_project",  # narrow: counting a project's shares reads nothing else
    shares.c.project_id,
    postgresql_where=text(KEPT),
    sqlite_where=text(KEPT),
)
Index(
    "ix_shares_public",
    shares.c.id,
    postgresql_where=text("is_public"),
    sqlite_where=text("is_public"),
)

share_instances = Table(
    "share_instances",
    metadata,
    uuid("id", primary_key=True),
    parent("share_id", "shares.id"),
    Column("host", String(255), index=True),  # host@backend#pool
    Column("status", String(64), nullable=False, index=True),
    operation(),
    Column("access_rules_status", String(16), nullable=False, default="active"),
    uuid("availability_zone_id", ForeignKey("availability_zones.id")),
    uuid("share_type_id"),
    uuid("share_network_id"),
    uuid("share_server_id"),
    Column("replica_state", String(16)),
    flag("cast_rules_to_readonly"),
    Column("progress", String(8)),
    Column("mount_point_name", String(255), unique=True),
    uuid("encryption_key_ref"),
    time("scheduled_at"),
    time("launched_at"),
    time("terminated_at"),
    time("created_at"),
    time("updated_at"),
)

IN_DEFERRED_DELETION = "status IN ('deferred_deleting', 'error_deferred_deleting')"
Index(
    "ix_share_instances_deferred",
    share_instances.c.share_id,
    postgresql_where=text(IN_DEFERRED_DELETION),
    sqlite_where=text(IN_DEFERRED_DELETION),
)

share_metadata = Table(
    "share_metadata",
    metadata,
    parent("share_id", "shares.id", primary=True),
    Column("key", String(255), primary_key=True),
    Column("value", String(1023), nullable=False),
)

export_locations = Table(
    "export_locations",
    metadata,
    uuid("id", primary_key=True),
    parent("share_instance_id", "share_instances.id"),
    Column("path", String(2000), nullable=False, index=True),
    flag("is_admin_only"),
    Column("position", Integer, nullable=False, default=0),
    time("created_at"),
    time("updated_at"),
)

export_location_metadata = Table(
    "export_location_metadata",
    metadata,
    parent("export_location_id", "export_locations.id", primary=True),
    Column("key", String(255), primary_key=True),
    Column("value", String(1023), nullable=False),
)
