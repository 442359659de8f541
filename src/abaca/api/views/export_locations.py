"""What clients see of an export location."""

from __future__ import annotations

from typing import Any

from abaca.api.views.fields import TEXT_PAIRS, TIME, UUID, Field, Representation, ViewContext


def _metadata(location: Any, ctx: ViewContext) -> dict[str, str]:
    """preferred is a field of its own."""
    return {key: value for key, value in location.metadata.items() if key != "preferred"}


_FIRST = [
    Field("id", UUID, min="2.9"),
    Field("path", min="2.9"),
    Field("share_instance_id", UUID, min="2.9", admin=True),
    Field("is_admin_only", "boolean", min="2.9", admin=True),
]
_TIMES = [Field("created_at", TIME, min="2.9"), Field("updated_at", TIME, nullable=True, min="2.9")]
_LAST = [
    Field("preferred", "boolean", min="2.14"),
    Field("metadata", TEXT_PAIRS, min="2.87", get=_metadata),
]

EXPORT_LOCATION_SUMMARY = Representation("export_location_summary", [*_FIRST, *_LAST])
EXPORT_LOCATION = Representation("export_location", [*_FIRST, *_TIMES, *_LAST])
