"""Shares and where they are exported.

A share is what a user sees; an instance is its body on one backend.  `Share` is the share joined
with the one instance that speaks for it (its only one, unless it is replicated or migrating).
"""

from __future__ import annotations

import msgspec


class ExportLocation(msgspec.Struct, frozen=True):
    id: str
    share_instance_id: str
    path: str
    is_admin_only: bool
    created_at: str
    updated_at: str | None
    metadata: dict[str, str] = msgspec.field(default_factory=dict)

    @property
    def preferred(self) -> bool:
        return self.metadata.get("preferred", "").lower() in ("true", "1", "yes", "on", "t", "y")


class Share(msgspec.Struct, frozen=True):
    id: str
    project_id: str
    user_id: str
    name: str | None
    description: str | None
    size: int  # GiB
    share_proto: str
    is_public: bool
    share_type_id: str | None
    share_type_name: str | None
    snapshot_id: str | None
    snapshot_support: bool
    create_share_from_snapshot_support: bool
    revert_to_snapshot_support: bool
    mount_snapshot_support: bool
    replication_type: str | None
    task_state: str | None
    share_group_id: str | None
    source_share_group_snapshot_member_id: str | None
    source_backup_id: str | None
    is_soft_deleted: bool
    scheduled_to_be_deleted_at: str | None
    created_at: str
    updated_at: str | None
    # of the instance that speaks for it
    instance_id: str
    host: str | None  # host@backend#pool
    status: str
    operation_id: int | None
    access_rules_status: str
    availability_zone_id: str | None
    availability_zone: str | None
    share_network_id: str | None
    share_server_id: str | None
    replica_state: str | None
    cast_rules_to_readonly: bool
    progress: str | None
    mount_point_name: str | None
    encryption_key_ref: str | None
    scheduled_at: str | None
    launched_at: str | None
    terminated_at: str | None
    metadata: dict[str, str] = msgspec.field(default_factory=dict)
    export_locations: tuple[ExportLocation, ...] = ()

    @property
    def backend(self) -> str:
        """host@backend, '' while it is not placed."""
        return (self.host or "").partition("#")[0]

    @property
    def has_replicas(self) -> bool:
        return False  # until replicas exist

    @property
    def type_label(self) -> str | None:
        """The name of the type, or its id when it has none."""
        return self.share_type_name or self.share_type_id

    @property
    def known_size(self) -> int | None:
        """GiB; None while it is being managed and nobody knows yet."""
        return self.size or (None if self.status == "manage_starting" else self.size)

    @property
    def charged(self) -> bool:
        """Whether quota is counted for it: a managed share is charged when its size is known."""
        return self.size > 0


class ShareInstance(msgspec.Struct, frozen=True):
    id: str
    share_id: str
    host: str | None
    status: str
    operation_id: int | None
    access_rules_status: str
    availability_zone_id: str | None
    availability_zone: str | None
    share_type_id: str | None
    share_network_id: str | None
    share_server_id: str | None
    replica_state: str | None
    cast_rules_to_readonly: bool
    progress: str | None
    mount_point_name: str | None
    encryption_key_ref: str | None
    scheduled_at: str | None
    launched_at: str | None
    terminated_at: str | None
    created_at: str
    updated_at: str | None
    export_locations: tuple[ExportLocation, ...] = ()
