"""What is limited, and by how much unless somebody says otherwise (GiB where it is a size)."""

from __future__ import annotations

DEFAULT_LIMITS: dict[str, int] = {
    "shares": 50,
    "gigabytes": 1000,
    "snapshots": 50,
    "snapshot_gigabytes": 1000,
    "share_networks": 10,
    "share_groups": 50,
    "share_group_snapshots": 50,
    "share_replicas": 100,
    "replica_gigabytes": 1000,
    "per_share_gigabytes": -1,
    "backups": 10,
    "backup_gigabytes": 1000,
    "encryption_keys": 100,
}
UNLIMITED = -1
# what can also be limited for one share type of a project
PER_TYPE = frozenset(
    {
        "shares", "gigabytes", "snapshots", "snapshot_gigabytes",
        "share_replicas", "replica_gigabytes",
    }
)  # fmt: skip
