"""Who may reach a share."""

from __future__ import annotations

import msgspec


class AccessRule(msgspec.Struct, frozen=True):
    id: str
    share_id: str
    access_type: str  # ip user cert cephx
    access_to: str
    access_level: str  # rw ro
    access_key: str | None
    state: str  # worst over the instances
    created_at: str
    updated_at: str | None
    metadata: dict[str, str] = msgspec.field(default_factory=dict)


class InstanceRule(msgspec.Struct, frozen=True):
    """A rule as one share instance knows it."""

    id: str
    access_id: str
    share_instance_id: str
    state: str
    operation_id: int | None
    access_type: str
    access_to: str
    access_level: str
    access_key: str | None


class SnapshotAccessRule(msgspec.Struct, frozen=True):
    id: str
    snapshot_id: str
    access_type: str
    access_to: str
    state: str
    operation_id: int | None
    created_at: str
    updated_at: str | None

    @property
    def access_level(self) -> str:
        return "ro"
