"""What clients see of a share and of its instances."""

from __future__ import annotations

from typing import Any

from abaca.api.versions import minor
from abaca.api.views.fields import (
    LINKS,
    TEXT_PAIRS,
    TIME,
    UUID,
    Field,
    Getter,
    Links,
    Representation,
)
from abaca.api.views.fields import ViewContext as Ctx

PATHS = "array(string)"


def _plain_status(record: Any, ctx: Ctx) -> str:
    """Before 2.54 nobody knew of creating_from_snapshot."""
    status: str = record.status
    return "creating" if status == "creating_from_snapshot" else status


def _old_rules_status(record: Any, ctx: Ctx) -> str:
    """Before 2.28 syncing was called out_of_sync."""
    status: str = record.access_rules_status
    return "out_of_sync" if status == "syncing" else status


def paths(record: Any, ctx: Ctx) -> list[str]:
    """Where it is exported; admins see the administrators' paths too."""
    return [e.path for e in record.export_locations if ctx.is_admin or not e.is_admin_only]


def first_path(record: Any, ctx: Ctx) -> str | None:
    found = paths(record, ctx)
    return found[0] if found else None


def _host(record: Any, ctx: Ctx) -> str:
    return record.host or ""


def _no(record: Any, ctx: Ctx) -> bool:
    return False


STATUS: dict[str, Getter] = {"2.0": _plain_status, "2.54": "status"}
RULES_STATUS: dict[str, Getter] = {"2.0": _old_rules_status, "2.28": "access_rules_status"}
LAST_WITH_PATHS = minor("2.8")  # export locations are their own resource since 2.9

SHARE_SUMMARY = Representation(
    "share_summary",
    [
        Field("id", UUID),
        Field("name", nullable=True),
        Field("links", LINKS, get=Links("shares")),
    ],
)

SHARE = Representation(
    "share",
    [
        Field("id", UUID),
        Field("size", "integer", nullable=True, get="known_size"),
        Field("availability_zone", nullable=True),
        Field("created_at", TIME),
        Field("status", get=STATUS),
        Field("name", nullable=True),
        Field("description", nullable=True),
        Field("project_id"),
        Field("snapshot_id", UUID, nullable=True),
        Field("share_network_id", UUID, nullable=True),
        Field("share_proto"),
        Field("export_location", nullable=True, max="2.8", get=first_path),
        Field("metadata", TEXT_PAIRS),
        Field("share_type", nullable=True, get={"2.0": "type_label", "2.6": "share_type_id"}),
        Field("volume_type", nullable=True, get="type_label"),
        Field("links", LINKS, get=Links("shares")),
        Field("is_public", "boolean"),
        Field("export_locations", PATHS, max="2.8", get=paths),
        Field("share_server_id", UUID, nullable=True, admin=True),
        Field("host", nullable=True, admin=True, get=_host),
        Field("snapshot_support", "boolean", min="2.2"),
        Field("task_state", nullable=True, min="2.5"),
        Field("share_type_name", nullable=True, min="2.6"),
        Field("access_rules_status", min="2.10", get=RULES_STATUS),
        Field("replication_type", nullable=True, min="2.11"),
        Field("has_replicas", "boolean", min="2.11"),
        Field("user_id", min="2.16"),
        Field("create_share_from_snapshot_support", "boolean", min="2.24"),
        Field("revert_to_snapshot_support", "boolean", min="2.27"),
        Field("share_group_id", UUID, nullable=True, min="2.31"),
        Field("source_share_group_snapshot_member_id", UUID, nullable=True, min="2.31"),
        Field("mount_snapshot_support", "boolean", min="2.32"),
        Field("progress", nullable=True, min="2.54"),
        Field("is_soft_deleted", "boolean", min="2.69"),
        Field("scheduled_to_be_deleted_at", TIME, nullable=True, min="2.69"),
        Field("source_backup_id", UUID, nullable=True, min="2.80"),
        Field("encryption_key_ref", UUID, nullable=True, min="2.90"),
        Field("snapshot_inherit_share_access_support", "boolean", min="2.99", get=_no),
    ],
)

SHARE_INSTANCE = Representation(
    "share_instance",
    [
        Field("id", UUID, min="2.3"),
        Field("share_id", UUID, min="2.3"),
        Field("availability_zone", nullable=True, min="2.3"),
        Field("created_at", TIME, min="2.3"),
        Field("host", nullable=True, min="2.3", get=_host),
        Field("status", min="2.3", get=STATUS),
        Field("share_network_id", UUID, nullable=True, min="2.3"),
        Field("share_server_id", UUID, nullable=True, min="2.3"),
        Field("export_location", nullable=True, min="2.3", max="2.8", get=first_path),
        Field("export_locations", PATHS, min="2.3", max="2.8", get=paths),
        Field("access_rules_status", min="2.10", get=RULES_STATUS),
        Field("replica_state", nullable=True, min="2.11"),
        Field("share_type_id", UUID, nullable=True, min="2.22"),
        Field("cast_rules_to_readonly", "boolean", min="2.30"),
        Field("progress", nullable=True, min="2.54"),
        Field("updated_at", TIME, nullable=True, min="2.71"),
    ],
)
