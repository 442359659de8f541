"""Snapshots: the snapshot joined with the instance that speaks for it."""

from __future__ import annotations

import msgspec


class Snapshot(msgspec.Struct, frozen=True):
    id: str
    share_id: str
    project_id: str
    user_id: str
    name: str | None
    description: str | None
    size: int  # GiB
    share_size: int  # GiB of the share when it was taken
    share_proto: str
    share_type_id: str | None
    share_group_snapshot_id: str | None
    created_at: str
    updated_at: str | None
    instance_id: str
    share_instance_id: str
    status: str
    operation_id: int | None
    progress: str | None
    provider_location: str | None
    metadata: dict[str, str] = msgspec.field(default_factory=dict)

    @property
    def charged(self) -> bool:
        """Whether quota is counted for it: a managed snapshot is charged when its size is known."""
        return self.size > 0

    @property
    def known_size(self) -> int | None:
        """GiB as clients see it: null while it is being managed, 1 when that failed."""
        if self.charged:
            return self.size
        return None if self.status == "manage_starting" else 1

    @property
    def deltas(self) -> dict[str, int]:
        """What it takes of the quotas."""
        return {"snapshots": 1, "snapshot_gigabytes": self.size} if self.charged else {}


class SnapshotInstance(msgspec.Struct, frozen=True):
    """The body of a snapshot on one backend."""

    id: str
    snapshot_id: str
    share_id: str
    share_instance_id: str
    status: str
    progress: str | None
    provider_location: str | None
    created_at: str
    updated_at: str | None


class SnapshotExportLocation(msgspec.Struct, frozen=True):
    id: str
    snapshot_instance_id: str
    path: str
    is_admin_only: bool
    created_at: str
    updated_at: str | None
