"""Every table but identity's (store/identity.py).

Status columns of resources come with `operation_id`: the one live operation that owns the row
while its status is transitional, else NULL.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite numbers rows by itself only for INTEGER primary keys.
BigId = BigInteger().with_variant(Integer, "sqlite")


def uuid(name: str, *args: object, **options: object) -> Column[str]:
    return Column(name, String(36), *args, **options)  # type: ignore[arg-type]


def time(name: str) -> Column[str]:
    """UTC text YYYY-MM-DDThh:mm:ss.ffffff"""
    return Column(name, String(26))


def operation() -> Column[int]:
    return Column("operation_id", BigInteger, index=True)


def flag(name: str) -> Column[bool]:
    return Column(name, Boolean, nullable=False, default=False)


def parent(name: str, target: str, *, primary: bool = False) -> Column[str]:
    """A reference whose row goes with the row it points at."""
    return Column(
        name,
        String(36),
        ForeignKey(target, ondelete="CASCADE"),
        primary_key=primary,
        nullable=False,
        index=not primary,
    )


# --- the operation log --------------------------------------------------------------------------
operations = Table(
    "operations",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("kind", String(64), nullable=False),
    Column("state", String(16), nullable=False),  # see model.operations
    Column("host", String(255), nullable=False),  # whose queue; '' waits for placement
    Column("lock_key", String(64), nullable=False),  # one running operation each
    Column("resource_type", String(32), nullable=False),
    Column("resource_id", String(64), nullable=False),
    Column("project_id", String(64), nullable=False),
    Column("user_id", String(64), nullable=False),
    Column("request_id", String(64), nullable=False),
    Column("payload", Text, nullable=False),  # JSON
    Column("attempt", Integer, nullable=False, default=0),
    Column("epoch", BigInteger, nullable=False, default=0),  # fencing: lease epoch it runs under
    Column("not_before", Float, nullable=False, default=0.0),  # epoch seconds
    Column("deadline", Float),  # epoch seconds
    Column("cancel_requested", Boolean, nullable=False, default=False),
    Column("progress", Integer),
    Column("message", Text),  # why it failed or waits
    Column("steps", Text, nullable=False, server_default=""),  # see operations/steps.py
    Column("turn", BigInteger, nullable=False, server_default="0"),  # see operations/turns.py
    time("created_at"),
    time("started_at"),
    time("finished_at"),
)
LIVE = "state IN ('queued', 'running')"
Index(
    "ix_operations_queue",  # what is claimed next
    operations.c.host,
    operations.c.turn,
    operations.c.id,
    postgresql_where=text("state = 'queued'"),
    sqlite_where=text("state = 'queued'"),
)
Index(
    "ix_operations_turns",  # the last turn of a project
    operations.c.host,
    operations.c.project_id,
    operations.c.turn,
    postgresql_where=text("state = 'queued'"),
    sqlite_where=text("state = 'queued'"),
)
Index(
    "ix_operations_live_key",
    operations.c.lock_key,
    operations.c.id,
    postgresql_where=text(LIVE),
    sqlite_where=text(LIVE),
)
Index(
    "uq_operations_running_key",
    operations.c.lock_key,
    unique=True,
    postgresql_where=text("state = 'running'"),
    sqlite_where=text("state = 'running'"),
)
Index("ix_operations_resource", operations.c.resource_id)
Index(
    "ix_operations_unknown",
    operations.c.host,
    postgresql_where=text("state = 'unknown'"),
    sqlite_where=text("state = 'unknown'"),
)

leases = Table(
    "leases",
    metadata,
    Column("name", String(255), primary_key=True),
    Column("owner", String(255), nullable=False),  # host/boot id/pid/start time of the process
    Column("epoch", BigInteger, nullable=False),
    Column("expires_at", Float, nullable=False),  # epoch seconds of the database's clock
)

# --- where shares live --------------------------------------------------------------------------
availability_zones = Table(
    "availability_zones",
    metadata,
    uuid("id", primary_key=True),
    Column("name", String(255), nullable=False, unique=True),
    time("created_at"),
    time("updated_at"),
)

services = Table(
    "services",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("binary", String(64), nullable=False),
    Column("host", String(255), nullable=False),
    Column("topic", String(64), nullable=False),
    uuid("availability_zone_id", ForeignKey("availability_zones.id"), nullable=False),
    flag("disabled"),
    Column("disabled_reason", String(255)),
    flag("ensuring"),
    Column("reported_at", Float, nullable=False, default=0.0),  # epoch seconds
    Column("stopped", Boolean, nullable=False, default=False),  # went down on purpose
    Column("problem", Text),  # why its backend is left alone; NULL: it is not
    time("created_at"),
    time("updated_at"),
)
Index("uq_services_host_binary", services.c.host, services.c.binary, unique=True)

pools = Table(
    "pools",
    metadata,
    Column("host", String(255), primary_key=True),  # host@backend#pool
    Column("backend_host", String(255), nullable=False, index=True),
    Column("stats", Text, nullable=False),  # JSON, as the driver reported it
    Column("allocated_gb", BigInteger, nullable=False, default=0),  # sum of instances, same tx
    time("updated_at"),
)

backend_info = Table(
    "backend_info",
    metadata,
    Column("host", String(255), primary_key=True),
    Column("info_hash", String(64), nullable=False),
    time("updated_at"),
)

driver_private_data = Table(
    "driver_private_data",
    metadata,
    Column("host", String(255), primary_key=True),
    Column("entity_id", String(36), primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("value", Text, nullable=False),
)

# --- drift --------------------------------------------------------------------------------------
drift_findings = Table(  # where a backend differs from the database, as of the last look
    "drift_findings",
    metadata,
    uuid("id", primary_key=True),
    Column("host", String(255), nullable=False, index=True),  # host@backend
    Column("kind", String(16), nullable=False),
    Column("resource_type", String(16), nullable=False),
    Column("resource_id", String(64)),
    Column("backend_id", String(255), nullable=False),
    Column("lock_key", String(64), nullable=False),
    Column("expected", Text, nullable=False),
    Column("found", Text, nullable=False),
    Column("detail", Text, nullable=False),  # JSON
    time("first_seen"),
    Column("attempts", Integer, nullable=False, default=0),
    Column("problem", Text),
    Column("not_before", Float, nullable=False, default=0.0),  # epoch seconds
)
drift_looks = Table(
    "drift_looks",
    metadata,
    Column("host", String(255), primary_key=True),  # host@backend
    time("looked_at"),
    Column("problem", Text),
)

# --- types --------------------------------------------------------------------------------------
share_types = Table(
    "share_types",
    metadata,
    uuid("id", primary_key=True),
    Column("name", String(255), nullable=False, unique=True),
    Column("description", String(255)),
    Column("is_public", Boolean, nullable=False, default=True),
    time("created_at"),
    time("updated_at"),
)

share_type_extra_specs = Table(
    "share_type_extra_specs",
    metadata,
    parent("share_type_id", "share_types.id", primary=True),
    Column("key", String(255), primary_key=True),
    Column("value", String(255), nullable=False),
)

share_type_projects = Table(
    "share_type_projects",
    metadata,
    parent("share_type_id", "share_types.id", primary=True),
    Column("project_id", String(255), primary_key=True),
)

# --- shares -------------------------------------------------------------------------------------
shares = Table(
    "shares",
    metadata,
    uuid("id", primary_key=True),
    Column("project_id", String(64), nullable=False),
    Column("user_id", String(64), nullable=False),
    Column("name", String(255)),
    Column("description", String(255)),
    Column("size", Integer, nullable=False),  # GiB
    Column("share_proto", String(16), nullable=False),
    flag("is_public"),
    uuid("share_type_id", ForeignKey("share_types.id"), index=True),
    uuid("snapshot_id", index=True),  # the snapshot it was made from, which may be gone by now
    uuid("instance_id"),  # which of its instances speaks for it
    flag("snapshot_support"),
    flag("create_share_from_snapshot_support"),
    flag("revert_to_snapshot_support"),
    flag("mount_snapshot_support"),
    Column("replication_type", String(16)),
    Column("task_state", String(64)),
    uuid("share_group_id"),
    uuid("source_share_group_snapshot_member_id"),
    uuid("source_backup_id"),
    flag("is_soft_deleted"),
    time("scheduled_to_be_deleted_at"),
    time("created_at"),
    time("updated_at"),
)
Index("ix_shares_project_created", shares.c.project_id, shares.c.created_at, shares.c.id)
Index("ix_shares_created", shares.c.created_at, shares.c.id)
KEPT = "NOT is_soft_deleted"  # not in the recycle bin: what lists show
Index(
    "ix_shares_kept_of_project",  # narrow: counting a project's shares reads nothing else
    shares.c.project_id,
    postgresql_where=text(KEPT),
    sqlite_where=text(KEPT),
)
Index(
    "ix_shares_public",
    shares.c.id,
    postgresql_where=text("is_public"),
    sqlite_where=text("is_public"),
)

share_instances = Table(
    "share_instances",
    metadata,
    uuid("id", primary_key=True),
    parent("share_id", "shares.id"),
    Column("host", String(255), index=True),  # host@backend#pool
    Column("status", String(64), nullable=False, index=True),
    operation(),
    Column("access_rules_status", String(16), nullable=False, default="active"),
    uuid("availability_zone_id", ForeignKey("availability_zones.id")),
    uuid("share_type_id"),
    uuid("share_network_id"),
    uuid("share_server_id"),
    Column("replica_state", String(16)),
    flag("cast_rules_to_readonly"),
    Column("progress", String(8)),
    Column("mount_point_name", String(255), unique=True),
    uuid("encryption_key_ref"),
    time("scheduled_at"),
    time("launched_at"),
    time("terminated_at"),
    time("created_at"),
    time("updated_at"),
)

IN_DEFERRED_DELETION = "status IN ('deferred_deleting', 'error_deferred_deleting')"
Index(
    "ix_share_instances_deferred",
    share_instances.c.share_id,
    postgresql_where=text(IN_DEFERRED_DELETION),
    sqlite_where=text(IN_DEFERRED_DELETION),
)

share_metadata = Table(
    "share_metadata",
    metadata,
    parent("share_id", "shares.id", primary=True),
    Column("key", String(255), primary_key=True),
    Column("value", String(1023), nullable=False),
)

export_locations = Table(
    "export_locations",
    metadata,
    uuid("id", primary_key=True),
    parent("share_instance_id", "share_instances.id"),
    Column("path", String(2000), nullable=False, index=True),
    flag("is_admin_only"),
    Column("position", Integer, nullable=False, default=0),
    time("created_at"),
    time("updated_at"),
)

export_location_metadata = Table(
    "export_location_metadata",
    metadata,
    parent("export_location_id", "export_locations.id", primary=True),
    Column("key", String(255), primary_key=True),
    Column("value", String(1023), nullable=False),
)

# --- access rules -------------------------------------------------------------------------------
access_rules = Table(
    "access_rules",
    metadata,
    uuid("id", primary_key=True),
    parent("share_id", "shares.id"),
    Column("access_type", String(16), nullable=False),
    Column("access_to", String(255), nullable=False),
    Column("access_level", String(8), nullable=False),
    Column("access_key", String(255)),
    time("created_at"),
    time("updated_at"),
)
Index(
    "uq_access_rules_target",
    access_rules.c.share_id,
    access_rules.c.access_type,
    access_rules.c.access_to,
    unique=True,
)

access_rule_states = Table(  # one row for each rule and instance
    "access_rule_states",
    metadata,
    uuid("id", primary_key=True),
    parent("access_id", "access_rules.id"),
    parent("share_instance_id", "share_instances.id"),
    Column("state", String(16), nullable=False),
    operation(),
)

access_rule_metadata = Table(
    "access_rule_metadata",
    metadata,
    parent("access_id", "access_rules.id", primary=True),
    Column("key", String(255), primary_key=True),
    Column("value", String(1023), nullable=False),
)

# --- snapshots ----------------------------------------------------------------------------------
snapshots = Table(
    "snapshots",
    metadata,
    uuid("id", primary_key=True),
    uuid("share_id", ForeignKey("shares.id"), nullable=False, index=True),
    Column("project_id", String(64), nullable=False),
    Column("user_id", String(64), nullable=False),
    Column("name", String(255)),
    Column("description", String(255)),
    Column("size", Integer, nullable=False),  # GiB charged
    Column("share_size", Integer, nullable=False),  # GiB of the share when it was taken
    Column("share_proto", String(16), nullable=False),
    uuid("share_type_id"),  # of the share when charged: where the quota goes back to
    uuid("instance_id"),
    uuid("share_group_snapshot_id"),
    time("created_at"),
    time("updated_at"),
)
Index("ix_snapshots_project_created", snapshots.c.project_id, snapshots.c.created_at)

snapshot_instances = Table(
    "snapshot_instances",
    metadata,
    uuid("id", primary_key=True),
    parent("snapshot_id", "snapshots.id"),
    uuid("share_instance_id", ForeignKey("share_instances.id"), nullable=False, index=True),
    Column("status", String(64), nullable=False),
    operation(),
    Column("progress", String(8)),
    Column("provider_location", String(2000)),
    time("created_at"),
    time("updated_at"),
)

snapshot_metadata = Table(
    "snapshot_metadata",
    metadata,
    parent("snapshot_id", "snapshots.id", primary=True),
    Column("key", String(255), primary_key=True),
    Column("value", String(1023), nullable=False),
)

snapshot_export_locations = Table(
    "snapshot_export_locations",
    metadata,
    uuid("id", primary_key=True),
    parent("snapshot_instance_id", "snapshot_instances.id"),
    Column("path", String(2000), nullable=False),
    flag("is_admin_only"),
    Column("position", Integer, nullable=False, default=0),
    time("created_at"),
    time("updated_at"),
)

snapshot_access_rules = Table(
    "snapshot_access_rules",
    metadata,
    uuid("id", primary_key=True),
    parent("snapshot_id", "snapshots.id"),
    Column("access_type", String(16), nullable=False),
    Column("access_to", String(255), nullable=False),
    Column("state", String(16), nullable=False),
    operation(),
    time("created_at"),
    time("updated_at"),
)
Index(
    "uq_snapshot_access_rules_target",
    snapshot_access_rules.c.snapshot_id,
    snapshot_access_rules.c.access_type,
    snapshot_access_rules.c.access_to,
    unique=True,
)

# --- quotas and messages ------------------------------------------------------------------------
quota_limits = Table(  # '' means: for all users / all types of the project
    "quota_limits",
    metadata,
    Column("project_id", String(64), primary_key=True),
    Column("user_id", String(64), primary_key=True),
    Column("share_type_id", String(36), primary_key=True),
    Column("resource", String(64), primary_key=True),
    Column("hard_limit", BigInteger, nullable=False),  # -1: no limit
)

quota_class_limits = Table(
    "quota_class_limits",
    metadata,
    Column("class_name", String(255), primary_key=True),
    Column("resource", String(64), primary_key=True),
    Column("hard_limit", BigInteger, nullable=False),
)

quota_usages = Table(  # counted in the transaction that changes the rows
    "quota_usages",
    metadata,
    Column("project_id", String(64), primary_key=True),
    Column("user_id", String(64), primary_key=True),  # '' = the whole project
    Column("share_type_id", String(36), primary_key=True),  # '' = all types
    Column("resource", String(64), primary_key=True),
    Column("in_use", BigInteger, nullable=False),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("project_id", String(255), primary_key=True),
    Column("user_id", String(255), primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("fingerprint", String(64), nullable=False),  # SHA-256 of the request
    Column("status", Integer),  # of the answer; NULL only inside the transaction that has the key
    Column("headers", Text),  # JSON
    Column("body", Text),
    Column("expires_at", String(26), nullable=False, index=True),
)

messages = Table(
    "messages",
    metadata,
    uuid("id", primary_key=True),
    Column("project_id", String(64), nullable=False),
    Column("request_id", String(64)),
    Column("resource_type", String(32)),
    Column("resource_id", String(64)),
    Column("action_id", String(8), nullable=False),
    Column("detail_id", String(8), nullable=False),
    Column("message_level", String(16), nullable=False),
    Column("user_message", Text, nullable=False),
    time("created_at"),
    Column("expires_at", String(26), index=True),
)
Index("ix_messages_project_created", messages.c.project_id, messages.c.created_at)
