"""Every status and every legal change of one, as data.

`CHANGES` has one row for each operation: from which states it may start, the transitional status
while it is live, and where it ends.  Services and handlers read it; tests walk it.
"""

from __future__ import annotations

import msgspec

AVAILABLE, ERROR, CREATING, DELETING = "available", "error", "creating", "deleting"

# statuses in which exactly one live operation owns the resource
SHARE_TRANSITIONAL = frozenset(
    {
        "creating", "creating_from_snapshot", "deleting", "manage_starting", "unmanage_starting",
        "manage_error_unmanage_starting", "extending", "shrinking", "migrating", "migrating_to",
        "restoring", "reverting", "reverting_to_snapshot", "server_migrating",
        "server_migrating_to", "backup_creating", "backup_restoring", "ensuring",
        "deferred_deleting", "replication_change",
    }
)  # fmt: skip
SNAPSHOT_TRANSITIONAL = frozenset(
    {
        "creating", "deleting", "manage_starting", "unmanage_starting", "restoring",
        "deferred_deleting", "migrating", "migrating_to", "server_migrating",
    }
)  # fmt: skip
RULE_TRANSITIONAL = frozenset(
    {"queued_to_apply", "applying", "queued_to_update", "updating", "queued_to_deny", "denying"}
)
# gone for users, though not yet on the backend (deferred deletion)
DEFERRED_DELETION = frozenset({"deferred_deleting", "error_deferred_deleting"})
# in these, access rules of a share cannot change (manager specification, section 1)
BLOCKS_RULES = SHARE_TRANSITIONAL - {"creating_from_snapshot", "replication_change"}

SHARE_STATUSES = (
    "creating", "creating_from_snapshot", "deleting", "deferred_deleting", "deleted", "error",
    "error_deleting", "error_deferred_deleting", "available", "inactive", "manage_starting",
    "manage_error", "unmanage_starting", "manage_error_unmanage_starting", "unmanage_error",
    "unmanaged", "extending", "extending_error", "shrinking", "shrinking_error",
    "shrinking_possible_data_loss_error", "migrating", "migrating_to", "replication_change",
    "restoring", "reverting", "reverting_to_snapshot", "reverting_error", "awaiting_transfer",
    "backup_creating", "backup_restoring", "backup_restoring_error", "ensuring",
    "server_migrating", "server_migrating_to",
)  # fmt: skip
SHARE_RESETTABLE = (
    "available", "creating", "deleting", "error", "error_deleting", "migrating", "migrating_to",
    "server_migrating",
)  # fmt: skip
SNAPSHOT_RESETTABLE = (
    "available", "error", "error_deleting", "deleting", "creating", "manage_starting",
    "unmanage_starting", "unmanage_error", "manage_error", "migrating", "migrating_to",
    "restoring",
)  # fmt: skip
SNAPSHOT_STATUSES = (
    *SNAPSHOT_RESETTABLE, "deferred_deleting", "error_deferred_deleting", "server_migrating",
)  # fmt: skip

# worst first: what is shown for a share with several instances
RULE_STATE_ORDER = (
    "error", "denying", "queued_to_deny", "queued_to_update", "queued_to_apply", "updating",
    "applying", "active",
)  # fmt: skip

TASK_STATES = (
    "migration_starting", "migration_in_progress", "migration_completing", "migration_success",
    "migration_error", "migration_cancelled", "migration_driver_in_progress",
    "migration_driver_phase1_done", "data_copying_starting", "data_copying_in_progress",
    "data_copying_completing", "data_copying_completed", "data_copying_cancelled",
    "data_copying_error",
)  # fmt: skip
BUSY_TASK_STATES = frozenset(
    {
        "migration_starting", "migration_in_progress", "migration_completing",
        "migration_driver_starting", "migration_driver_in_progress",
        "migration_driver_phase1_done", "data_copying_starting", "data_copying_in_progress",
        "data_copying_completing", "data_copying_completed",
    }
)  # fmt: skip


class Change(msgspec.Struct, frozen=True):
    """One operation on one kind of resource.  before=None: from any status; after=None: the row
    is deleted."""

    before: tuple[str, ...] | None
    during: str
    after: str | None
    failed: str


CHANGES: dict[str, Change] = {
    # shares (of the instance)
    "create_share_instance": Change((), "creating", "available", "error"),
    "delete_share_instance": Change(
        ("available", "error", "inactive"), "deleting", None, "error_deleting"
    ),
    "force_delete_share_instance": Change(None, "deleting", None, "error_deleting"),
    "extend_share": Change(("available",), "extending", "available", "extending_error"),
    "shrink_share": Change(
        ("available", "shrinking_possible_data_loss_error"),
        "shrinking",
        "available",
        "shrinking_error",
    ),
    "manage_share": Change((), "manage_starting", "available", "manage_error"),
    "unmanage_share": Change(None, "unmanage_starting", None, "unmanage_error"),
    "revert_to_snapshot": Change(("available",), "reverting", "available", "reverting_error"),
    "ensure_share": Change(("available", "ensuring"), "ensuring", "available", "error"),
    # snapshots (of the instance)
    "create_snapshot": Change((), "creating", "available", "error"),
    "delete_snapshot": Change(("available", "error"), "deleting", None, "error_deleting"),
    "force_delete_snapshot": Change(None, "deleting", None, "error_deleting"),
    "manage_snapshot": Change((), "manage_starting", "available", "manage_error"),
    "unmanage_snapshot": Change(None, "unmanage_starting", None, "unmanage_error"),
    "restore_snapshot": Change(("available",), "restoring", "available", "available"),
}
