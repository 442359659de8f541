"""Snapshots as clients see them."""

from __future__ import annotations

from abaca.api.views.fields import LINKS, TEXT_PAIRS, TIME, UUID, Field, Links, Representation

_LINKS = Field("links", LINKS, get=Links("snapshots"))

SNAPSHOT_SUMMARY = Representation(
    "snapshot_summary",
    [Field("id", UUID), Field("name", nullable=True), _LINKS],
)
SNAPSHOT = Representation(
    "snapshot",
    [
        Field("id", UUID),
        Field("share_id", UUID),
        Field("share_size", "integer", nullable=True),
        Field("created_at", TIME),
        Field("status"),
        Field("name", nullable=True),
        Field("description", nullable=True),
        Field("size", "integer", nullable=True, get="known_size"),
        Field("share_proto"),
        _LINKS,
        Field("provider_location", nullable=True, min="2.12", admin=True),
        Field("user_id", min="2.17"),
        Field("project_id", min="2.17"),
        Field("metadata", TEXT_PAIRS, min="2.73"),
    ],
)

# --- instances ------------------------------------------------------------------------------------
SNAPSHOT_INSTANCE_SUMMARY = Representation(
    "snapshot_instance_summary",
    [
        Field("id", UUID, min="2.19"),
        Field("snapshot_id", UUID, nullable=True, min="2.19"),
        Field("status", min="2.19"),
    ],
)
SNAPSHOT_INSTANCE = Representation(
    "snapshot_instance",
    [
        Field("id", UUID, min="2.19"),
        Field("snapshot_id", UUID, nullable=True, min="2.19"),
        Field("created_at", TIME, min="2.19"),
        Field("updated_at", TIME, nullable=True, min="2.19"),
        Field("status", min="2.19"),
        Field("share_id", UUID, min="2.19"),
        Field("share_instance_id", UUID, min="2.19"),
        Field("progress", nullable=True, min="2.19"),
        Field("provider_location", nullable=True, min="2.19"),
    ],
)

# --- mountable snapshots --------------------------------------------------------------------------
SNAPSHOT_ACCESS_RULE = Representation(
    "snapshot_access_rule",
    [
        Field("id", UUID, min="2.32"),
        Field("access_type", min="2.32"),
        Field("access_to", min="2.32"),
        Field("state", nullable=True, min="2.32"),
    ],
)
_LOCATION = [
    Field("id", UUID, min="2.32"),
    Field("path", min="2.32"),
    Field("links", LINKS, min="2.32", get=Links("share_snapshot_export_locations")),
    Field("share_snapshot_instance_id", UUID, min="2.32", admin=True, get="snapshot_instance_id"),
    Field("is_admin_only", "boolean", min="2.32", admin=True),
]
SNAPSHOT_EXPORT_LOCATION_SUMMARY = Representation("snapshot_export_location_summary", _LOCATION)
SNAPSHOT_EXPORT_LOCATION = Representation(
    "snapshot_export_location",
    [
        *_LOCATION,
        Field("created_at", TIME, min="2.32"),
        Field("updated_at", TIME, nullable=True, min="2.32"),
    ],
)
