"""Quotas, quota classes and limits as clients see them."""

from __future__ import annotations

from typing import Any

from abaca.api.views.fields import Field, Representation, ViewContext
from abaca.service.quotas import QuotaSet

SINCE = {  # the version in which each quota came
    "shares": "2.0",
    "gigabytes": "2.0",
    "snapshots": "2.0",
    "snapshot_gigabytes": "2.0",
    "share_networks": "2.0",
    "share_groups": "2.40",
    "share_group_snapshots": "2.40",
    "share_replicas": "2.53",
    "replica_gigabytes": "2.53",
    "per_share_gigabytes": "2.62",
    "backups": "2.80",
    "backup_gigabytes": "2.80",
    "encryption_keys": "2.90",
}
_ABSOLUTE = (  # quota, name of the limit, name of the use, version
    ("shares", "maxTotalShares", "totalSharesUsed", "2.0"),
    ("snapshots", "maxTotalShareSnapshots", "totalShareSnapshotsUsed", "2.0"),
    ("gigabytes", "maxTotalShareGigabytes", "totalShareGigabytesUsed", "2.0"),
    ("snapshot_gigabytes", "maxTotalSnapshotGigabytes", "totalSnapshotGigabytesUsed", "2.0"),
    ("share_networks", "maxTotalShareNetworks", "totalShareNetworksUsed", "2.0"),
    ("share_replicas", "maxTotalShareReplicas", "totalShareReplicasUsed", "2.53"),
    ("replica_gigabytes", "maxTotalReplicaGigabytes", "totalReplicaGigabytesUsed", "2.53"),
    ("share_groups", "maxTotalShareGroups", "totalShareGroupsUsed", "2.58"),
    (
        "share_group_snapshots",
        "maxTotalShareGroupSnapshots",
        "totalShareGroupSnapshotsUsed",
        "2.58",
    ),
    ("backups", "maxTotalShareBackups", "totalShareBackupsUsed", "2.80"),
    ("backup_gigabytes", "maxTotalBackupGigabytes", "totalBackupGigabytesUsed", "2.80"),
)


def _limit(resource: str) -> Any:
    return lambda quotas, ctx: quotas.limits[resource]


def _in_use(resource: str) -> Any:
    return lambda quotas, ctx: quotas.in_use[resource]


def _fields() -> list[Field]:
    limits = [
        Field(resource, "integer", min=since, get=_limit(resource))
        for resource, since in SINCE.items()
    ]
    return [Field("id"), *limits]


QUOTA_SET = Representation("quota_set", _fields())
QUOTA_CLASS_SET = Representation("quota_class_set", _fields())
QUOTA_USAGE = Representation(
    "quota_usage",  # of a pair (quota set, resource)
    [
        Field("limit", "integer", min="2.25", get=lambda pair, ctx: pair[0].limits[pair[1]]),
        Field("in_use", "integer", min="2.25", get=lambda pair, ctx: pair[0].in_use[pair[1]]),
        Field("reserved", "integer", min="2.25", get=lambda pair, ctx: 0),  # counted at once
    ],
)
LIMITS_ABSOLUTE = Representation(
    "limits_absolute",
    [
        field
        for resource, most, used, since in _ABSOLUTE
        for field in (
            Field(most, "integer", min=since, get=_limit(resource)),
            Field(used, "integer", min=since, get=_in_use(resource)),
        )
    ],
)


def usages(ctx: ViewContext, quotas: QuotaSet, shown: dict[str, Any]) -> dict[str, Any]:
    """The same keys with limit, in_use and reserved instead of the limit."""
    view = QUOTA_USAGE.view(ctx)
    return {key: view.one((quotas, key)) if key in SINCE else value for key, value in shown.items()}
