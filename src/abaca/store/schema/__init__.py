"""Every table but identity's (store/identity.py), a file for each noun.

Status columns of resources come with `operation_id`: the one live operation that owns the row
while its status is transitional, else NULL.
"""

from __future__ import annotations

from .access import access_rule_metadata, access_rule_states, access_rules
from .base import BigId, flag, metadata, operation, parent, time, uuid
from .drift import drift_findings, drift_looks
from .idempotency import idempotency_keys
from .messages import messages
from .operations import LIVE, leases, operations
from .quotas import quota_class_limits, quota_limits, quota_usages
from .services import (
    availability_zones,
    backend_info,
    bookings,
    driver_private_data,
    pools,
    services,
)
from .shares import (
    IN_DEFERRED_DELETION,
    KEPT,
    export_location_metadata,
    export_locations,
    share_instances,
    share_metadata,
    shares,
)
from .snapshots import (
    snapshot_access_rules,
    snapshot_export_locations,
    snapshot_instances,
    snapshot_metadata,
    snapshots,
)
from .types import share_type_extra_specs, share_type_projects, share_types

__all__ = [
    "IN_DEFERRED_DELETION",
    "KEPT",
    "LIVE",
    "BigId",
    "access_rule_metadata",
    "access_rule_states",
    "access_rules",
    "availability_zones",
    "backend_info",
    "bookings",
    "drift_findings",
    "drift_looks",
    "driver_private_data",
    "export_location_metadata",
    "export_locations",
    "flag",
    "idempotency_keys",
    "leases",
    "messages",
    "metadata",
    "operation",
    "operations",
    "parent",
    "pools",
    "quota_class_limits",
    "quota_limits",
    "quota_usages",
    "services",
    "share_instances",
    "share_metadata",
    "share_type_extra_specs",
    "share_type_projects",
    "share_types",
    "shares",
    "snapshot_access_rules",
    "snapshot_export_locations",
    "snapshot_instances",
    "snapshot_metadata",
    "snapshots",
    "time",
    "uuid",
]
