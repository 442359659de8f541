"""[quota]: what a project may use when nobody says otherwise; -1 is no limit."""

from __future__ import annotations

from .options import Mark, Option, integer, text

_LIMITS = (
    ("shares", 50),
    ("snapshots", 50),
    ("gigabytes", 1000),
    ("per_share_gigabytes", -1),
    ("snapshot_gigabytes", 1000),
    ("share_networks", 10),
    ("share_replicas", 100),
    ("replica_gigabytes", 1000),
    ("share_groups", 50),
    ("share_group_snapshots", 50),
    ("backups", 10),
    ("backup_gigabytes", 1000),
    ("encryption_keys", 100),
)
_NEVER_IN_DEFAULT = {"encryption_keys"}  # younger than the move to [quota]


def _limit(name: str, default: int) -> Option:
    old = () if name in _NEVER_IN_DEFAULT else (("DEFAULT", f"quota_{name}"),)
    return integer(name, default, f"{name.replace('_', ' ')} per project", min=-1, old=old)


QUOTA = (
    *(_limit(name, default) for name, default in _LIMITS),
    integer(
        "reservation_expire",
        86400,
        "use is counted in the transaction, nothing is reserved",
        min=0,
        mark=Mark.IGNORED,
        old=(("DEFAULT", "reservation_expire"),),
    ),
    integer(
        "until_refresh",
        0,
        "use is counted in the transaction, nothing is reserved",
        min=0,
        mark=Mark.IGNORED,
        old=(("DEFAULT", "until_refresh"),),
    ),
    integer(
        "max_age",
        0,
        "use is counted in the transaction, nothing is reserved",
        min=0,
        mark=Mark.IGNORED,
        old=(("DEFAULT", "max_age"),),
    ),
    text(
        "driver",
        "manila.quota.DbQuotaDriver",
        "quotas are counted in the transaction that uses them",
        mark=Mark.IGNORED,
        old=(("DEFAULT", "quota_driver"),),
    ),
)
