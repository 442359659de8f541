"""From our rows to the records drivers are given."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from abaca.drivers.contract import records
from abaca.drivers.contract.results import Location
from abaca.model.access import InstanceRule, SnapshotAccessRule
from abaca.model.shares import Share
from abaca.model.snapshots import Snapshot

_NOT_OURS = {"id", "name", "description", "instance_id", "export_locations", "share_type_name"}


def share(row: Share, **more: Any) -> records.Share:
    """A share instance: named by the id of the instance, known to users by share_id."""
    values = {
        name: getattr(row, name)
        for name in records.Share.__annotations__
        if name not in _NOT_OURS and hasattr(row, name)
    }
    return records.share_record(
        **values,
        id=row.instance_id,
        share_id=row.id,
        display_name=row.name,
        display_description=row.description,
        share_type_name=row.share_type_name,
        export_locations=[
            records.export_location_record(**msgspec.structs.asdict(location))
            for location in row.export_locations
        ],
        **more,
    )


def snapshot(row: Snapshot, of: records.Share, **more: Any) -> records.Snapshot:
    values = {
        "id": row.instance_id,
        "snapshot_id": row.id,
        "share_instance_id": row.share_instance_id,
        "share": of,
        "status": row.status,
        "progress": row.progress,
        "provider_location": row.provider_location,
        "size": row.size,
        "display_name": row.name,
        "project_id": row.project_id,
        "user_id": row.user_id,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "share_size": row.share_size,
        "share_proto": row.share_proto,
        **more,
    }
    return records.snapshot_record(**values)


def rule(row: InstanceRule, share_id: str) -> records.AccessRule:
    return records.access_record(
        id=row.id,
        access_id=row.access_id,
        share_id=share_id,
        share_instance_id=row.share_instance_id,
        access_type=row.access_type,
        access_to=row.access_to,
        access_level=row.access_level,
        access_key=row.access_key,
        state=row.state,
    )


def snapshot_rule(row: SnapshotAccessRule, share_id: str) -> records.AccessRule:
    return records.access_record(
        id=row.id,
        access_id=row.id,
        share_id=share_id,
        access_type=row.access_type,
        access_to=row.access_to,
        access_level="ro",
        state=row.state,
    )


def rows(locations: Iterable[Location]) -> list[Mapping[str, Any]]:
    """Export locations as store.shares.replace_locations takes them."""
    return [location.to_return() for location in locations]
