"""The shapes drivers are given, one record class each, and the functions that make them.

The annotations of a class are its keys (see `record.Record`).  Every key is always there (None when
unknown), except the ones listed as `optional`.  Sizes are GiB, times are text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from abaca.drivers.contract.record import Record


class ExportLocation(Record):
    """One path by which a share or a snapshot is reached."""

    id: str | None
    path: str
    is_admin_only: bool
    metadata: Mapping[str, str]
    share_instance_id: str | None
    created_at: str | None
    updated_at: str | None

    defaults = {"is_admin_only": False, "metadata": {}}


class ShareServer(Record):
    """A share server; `backend_details` is what the driver's setup_server returned."""

    id: str
    project_id: str | None
    status: str | None
    host: str | None
    share_network_name: str | None
    share_network_id: str | None
    share_network_subnet_ids: list[str]
    share_network_subnets: list[Mapping[str, Any]]
    backend_details: Mapping[str, str]
    identifier: str | None
    is_auto_deletable: bool
    network_allocations: list[Mapping[str, Any]]
    created_at: str | None
    updated_at: str | None

    defaults = {
        "share_network_subnet_ids": [],
        "share_network_subnets": [],
        "backend_details": {},
        "is_auto_deletable": True,
        "network_allocations": [],
    }


class Share(Record):
    """A share instance.  `id` is the instance's id and names the backend object; `share_id` is
    the id the user knows."""

    id: str
    name: str
    share_id: str
    host: str | None
    status: str | None
    replica_state: str | None
    availability_zone: str | None
    availability_zone_id: str | None
    share_network_id: str | None
    share_server_id: str | None
    share_server: ShareServer | None
    access_rules_status: str | None
    user_id: str | None
    project_id: str | None
    size: int
    display_name: str | None
    display_description: str | None
    snapshot_id: str | None
    share_proto: str
    share_type_id: str | None
    share_type_name: str | None
    is_public: bool
    share_group_id: str | None
    source_share_group_snapshot_member_id: str | None
    mount_point_name: str | None
    qos_type_id: str | None
    encryption_key_ref: str | None
    metadata: Mapping[str, str]
    export_locations: list[ExportLocation]
    deleted: str
    created_at: str | None
    updated_at: str | None
    deleted_at: str | None
    scheduled_at: str | None
    launched_at: str | None
    terminated_at: str | None
    cast_rules_to_readonly: bool
    duration_seconds: float  # delete only
    share_group_members: list[Mapping[str, Any]]  # creation in a group only

    optional = frozenset({"duration_seconds", "share_group_members"})
    defaults = {
        "is_public": False,
        "metadata": {},
        "export_locations": [],
        "deleted": "False",
        "cast_rules_to_readonly": False,
    }
    name_template = "share-%s"


class Snapshot(Record):
    """A snapshot instance.  `share_id` is the id of the share instance it was taken from."""

    id: str
    name: str
    snapshot_id: str
    share_id: str
    share_instance_id: str
    share_name: str | None
    share: Mapping[str, Any]
    status: str | None
    progress: str | None
    provider_location: str | None
    size: int
    display_name: str | None
    project_id: str | None
    user_id: str | None
    deleted: str
    created_at: str | None
    updated_at: str | None
    deleted_at: str | None
    share_size: int  # manage only
    share_proto: str

    optional = frozenset({"share_size"})
    defaults = {"deleted": "False"}
    name_template = "share-snapshot-%s"


class AccessRule(Record):
    """An access rule of one share instance.  Results are keyed by `access_id`."""

    id: str
    access_id: str
    share_id: str | None
    share_instance_id: str | None
    access_type: str
    access_to: str
    access_level: str
    access_key: str | None
    state: str | None
    deleted: str

    defaults = {"access_level": "rw", "deleted": "False"}


class SecurityService(Record):
    """Active Directory, LDAP or Kerberos data of a share network."""

    id: str
    type: str
    name: str | None
    domain: str | None
    dns_ip: str | None
    server: str | None
    user: str | None
    password: str | None
    ou: str | None
    default_ad_site: str | None
    status: str | None

    def __repr__(self) -> str:
        return f"SecurityService(id={self._data.get('id')!r}, type={self._data.get('type')!r})"


class NetworkAllocation(Record):
    """One address of a share server."""

    id: str
    label: str
    ip_address: str
    ip_version: int
    cidr: str | None
    gateway: str | None
    mtu: int | None
    network_type: str | None
    segmentation_id: int | None
    mac_address: str | None
    share_server_id: str | None
    share_network_subnet_id: str | None

    defaults = {"label": "user", "ip_version": 4}


class ShareGroup(Record):
    """A share group with its shares."""

    id: str
    status: str | None
    name: str | None
    description: str | None
    project_id: str | None
    user_id: str | None
    host: str | None
    share_network_id: str | None
    share_server_id: str | None
    share_group_type_id: str | None
    source_share_group_snapshot_id: str | None
    share_types: list[Mapping[str, Any]]
    shares: list[Share]
    availability_zone_id: str | None
    created_at: str | None
    updated_at: str | None
    deleted_at: str | None
    deleted: str

    defaults = {"share_types": [], "shares": [], "deleted": "False"}


class ShareGroupSnapshot(Record):
    """A share group snapshot; its members are shaped like snapshot instances."""

    id: str
    share_group_id: str
    name: str | None
    description: str | None
    project_id: str | None
    user_id: str | None
    status: str | None
    share_group_snapshot_members: list[Mapping[str, Any]]
    created_at: str | None
    updated_at: str | None
    deleted_at: str | None
    deleted: str

    defaults = {"share_group_snapshot_members": [], "deleted": "False"}


class Backup(Record):
    """A backup of a share."""

    id: str
    share_id: str
    size: int
    status: str | None
    host: str | None
    topic: str | None
    progress: str | None
    restore_progress: str | None
    display_name: str | None
    display_description: str | None
    availability_zone_id: str | None
    project_id: str | None
    user_id: str | None
    backup_type: str | None
    backup_options: Mapping[str, str]

    defaults = {"backup_options": {}}


def share_record(**values: Any) -> Share:
    """A share instance; `id` is needed, `share_id` defaults to it."""
    values.setdefault("share_id", values["id"])
    return Share.make(**values)


def snapshot_record(**values: Any) -> Snapshot:
    """A snapshot instance; `share` (a mapping) fills what is not given."""
    values.setdefault("snapshot_id", values["id"])
    share = values.get("share")
    if share is not None:
        values.setdefault("share_instance_id", share["id"])
        values.setdefault("share_name", share["name"])
        values.setdefault("size", share["size"])
        values.setdefault("share_proto", share.get("share_proto"))
        values.setdefault("project_id", share.get("project_id"))
        values.setdefault("user_id", share.get("user_id"))
    values.setdefault("share_id", values.get("share_instance_id"))
    return Snapshot.make(**values)


def access_record(**values: Any) -> AccessRule:
    """An access rule; of `id` and `access_id` the missing one takes the other's value."""
    values.setdefault("access_id", values.get("id"))
    values.setdefault("id", values["access_id"])
    return AccessRule.make(**values)


export_location_record = ExportLocation.make
share_server_record = ShareServer.make
security_service_record = SecurityService.make
network_allocation_record = NetworkAllocation.make
share_group_record = ShareGroup.make
share_group_snapshot_record = ShareGroupSnapshot.make
backup_record = Backup.make
