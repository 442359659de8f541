"""The first schema"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "availability_zones",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("created_at", sa.String(length=26), nullable=True),
        sa.Column("updated_at", sa.String(length=26), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_availability_zones")),
        sa.UniqueConstraint("name", name=op.f("uq_availability_zones_name")),
    )
    op.create_table(
        "backend_info",
        sa.Column("host", sa.String(length=255), nullable=False),
        sa.Column("info_hash", sa.String(length=64), nullable=False),
        sa.Column("updated_at", sa.String(length=26), nullable=True),
        sa.PrimaryKeyConstraint("host", name=op.f("pk_backend_info")),
    )
    op.create_table(
        "drift_findings",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("host", sa.String(length=255), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("resource_type", sa.String(length=16), nullable=False),
        sa.Column("resource_id", sa.String(length=64), nullable=True),
        sa.Column("backend_id", sa.String(length=255), nullable=False),
        sa.Column("lock_key", sa.String(length=64), nullable=False),
        sa.Column("expected", sa.Text(), nullable=False),
        sa.Column("found", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("first_seen", sa.String(length=26), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("not_before", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_drift_findings")),
    )
    op.create_index(op.f("ix_drift_findings_host"), "drift_findings", ["host"], unique=False)
    op.create_table(
        "drift_looks",
        sa.Column("host", sa.String(length=255), nullable=False),
        sa.Column("looked_at", sa.String(length=26), nullable=True),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("host", name=op.f("pk_drift_looks")),
    )
    op.create_table(
        "driver_private_data",
        sa.Column("host", sa.String(length=255), nullable=False),
        sa.Column("entity_id", sa.String(length=36), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("host", "entity_id", "key", name=op.f("pk_driver_private_data")),
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("project_id", sa.String(length=255), nullable=False),
        sa.Column("user_id", sa.String(length=255), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("headers", sa.Text(), nullable=True),
        sa.Column("body", sa.Text(), nullable=True),
        sa.Column("expires_at", sa.String(length=26), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "user_id", "key", name=op.f("pk_idempotency_keys")),
    )
    op.create_index(
        op.f("ix_idempotency_keys_expires_at"), "idempotency_keys", ["expires_at"], unique=False
    )
    op.create_table(
        "identity_domains",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identity_domains")),
        sa.UniqueConstraint("name", name=op.f("uq_identity_domains_name")),
    )
    op.create_table(
        "identity_generation",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("value", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identity_generation")),
    )
    op.create_table(
        "identity_keys",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("secret", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identity_keys")),
    )
    op.create_table(
        "identity_revocations",
        sa.Column("jti", sa.String(length=64), nullable=False),
        sa.Column("expires_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("jti", name=op.f("pk_identity_revocations")),
    )
    op.create_table(
        "identity_roles",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identity_roles")),
        sa.UniqueConstraint("name", name=op.f("uq_identity_roles_name")),
    )
    op.create_table(
        "leases",
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("owner", sa.String(length=255), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_leases")),
    )
    op.create_table(
        "messages",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("request_id", sa.String(length=64), nullable=True),
        sa.Column("resource_type", sa.String(length=32), nullable=True),
        sa.Column("resource_id", sa.String(length=64), nullable=True),
        sa.Column("action_id", sa.String(length=8), nullable=False),
        sa.Column("detail_id", sa.String(length=8), nullable=False),
        sa.Column("message_level", sa.String(length=16), nullable=False),
        sa.Column("user_message", sa.Text(), nullable=False),
        sa.Column("created_at", sa.String(length=26), nullable=True),
        sa.Column("expires_at", sa.String(length=26), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_messages")),
    )
    op.create_index(op.f("ix_messages_expires_at"), "messages", ["expires_at"], unique=False)
    op.create_index(
        "ix_messages_project_created", "messages", ["project_id", "created_at"], unique=False
    )
    op.create_table(
        "operations",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("host", sa.String(length=255), nullable=False),
        sa.Column("lock_key", sa.String(length=64), nullable=False),
        sa.Column("resource_type", sa.String(length=32), nullable=False),
        sa.Column("resource_id", sa.String(length=64), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.String(length=64), nullable=False),
        sa.Column("request_id", sa.String(length=64), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("not_before", sa.Float(), nullable=False),
        sa.Column("deadline", sa.Float(), nullable=True),
        sa.Column("cancel_requested", sa.Boolean(), nullable=False),
        sa.Column("progress", sa.Integer(), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("steps", sa.Text(), server_default="", nullable=False),
        sa.Column("turn", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("created_at", sa.String(length=26), nullable=True),
        sa.Column("started_at", sa.String(length=26), nullable=True),
        sa.Column("finished_at", sa.String(length=26), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_operations")),
    )
    op.create_index(
        "ix_operations_live_key",
        "operations",
        ["lock_key", "id"],
        unique=False,
        postgresql_where=sa.text("state IN ('queued', 'running')"),
        sqlite_where=sa.text("state IN ('queued', 'running')"),
    )
    op.create_index(
        "ix_operations_queue",
        "operations",
        ["host", "turn", "id"],
        unique=False,
        postgresql_where=sa.text("state = 'queued'"),
        sqlite_where=sa.text("state = 'queued'"),
    )
    op.create_index(
        "ix_operations_turns",
        "operations",
        ["host", "project_id", "turn"],
        unique=False,
        postgresql_where=sa.text("state = 'queued'"),
        sqlite_where=sa.text("state = 'queued'"),
    )
    op.create_index("ix_operations_resource", "operations", ["resource_id"], unique=False)
    op.create_index(
        "ix_operations_unknown",
        "operations",
        ["host"],
        unique=False,
        postgresql_where=sa.text("state = 'unknown'"),
        sqlite_where=sa.text("state = 'unknown'"),
    )
    op.create_index(
        "uq_operations_running_key",
        "operations",
        ["lock_key"],
        unique=True,
        postgresql_where=sa.text("state = 'running'"),
        sqlite_where=sa.text("state = 'running'"),
    )
    op.create_table(
        "pools",
        sa.Column("host", sa.String(length=255), nullable=False),
        sa.Column("backend_host", sa.String(length=255), nullable=False),
        sa.Column("stats", sa.Text(), nullable=False),
        sa.Column("allocated_gb", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.String(length=26), nullable=True),
        sa.PrimaryKeyConstraint("host", name=op.f("pk_pools")),
    )
    op.create_index(op.f("ix_pools_backend_host"), "pools", ["backend_host"], unique=False)
    op.create_table(
        "quota_class_limits",
        sa.Column("class_name", sa.String(length=255), nullable=False),
        sa.Column("resource", sa.String(length=64), nullable=False),
        sa.Column("hard_limit", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("class_name", "resource", name=op.f("pk_quota_class_limits")),
    )
    op.create_table(
        "quota_limits",
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.String(length=64), nullable=False),
        sa.Column("share_type_id", sa.String(length=36), nullable=False),
        sa.Column("resource", sa.String(length=64), nullable=False),
        sa.Column("hard_limit", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "project_id", "user_id", "share_type_id", "resource", name=op.f("pk_quota_limits")
        ),
    )
    op.create_table(
        "quota_usages",
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.String(length=64), nullable=False),
        sa.Column("share_type_id", sa.String(length=36), nullable=False),
        sa.Column("resource", sa.String(length=64), nullable=False),
        sa.Column("in_use", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "project_id", "user_id", "share_type_id", "resource", name=op.f("pk_quota_usages")
        ),
    )
    op.create_table(
        "share_types",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("description", sa.String(length=255), nullable=True),
        sa.Column("is_public", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.String(length=26), nullable=True),
        sa.Column("updated_at", sa.String(length=26), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_share_types")),
        sa.UniqueConstraint("name", name=op.f("uq_share_types_name")),
    )
    op.create_table(
        "identity_projects",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("domain_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["domain_id"], ["identity_domains.id"], name=op.f("fk_identity_projects_domain_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identity_projects")),
    )
    op.create_index(
        "uq_identity_projects_name", "identity_projects", ["domain_id", "name"], unique=True
    )
    op.create_table(
        "identity_users",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("domain_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("email", sa.String(length=255), nullable=True),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("default_project_id", sa.String(length=64), nullable=True),
        sa.Column("valid_after", sa.Float(), nullable=False),
        sa.Column("password_hash", sa.String(length=255), nullable=True),
        sa.ForeignKeyConstraint(
            ["domain_id"], ["identity_domains.id"], name=op.f("fk_identity_users_domain_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identity_users")),
    )
    op.create_index("uq_identity_users_name", "identity_users", ["domain_id", "name"], unique=True)
    op.create_table(
        "services",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("binary", sa.String(length=64), nullable=False),
        sa.Column("host", sa.String(length=255), nullable=False),
        sa.Column("topic", sa.String(length=64), nullable=False),
        sa.Column("availability_zone_id", sa.String(length=36), nullable=False),
        sa.Column("disabled", sa.Boolean(), nullable=False),
        sa.Column("disabled_reason", sa.String(length=255), nullable=True),
        sa.Column("ensuring", sa.Boolean(), nullable=False),
        sa.Column("reported_at", sa.Float(), nullable=False),
        sa.Column("stopped", sa.Boolean(), nullable=False),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("created_at", sa.String(length=26), nullable=True),
        sa.Column("updated_at", sa.String(length=26), nullable=True),
        sa.ForeignKeyConstraint(
            ["availability_zone_id"],
            ["availability_zones.id"],
            name=op.f("fk_services_availability_zone_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_services")),
    )
    op.create_index("uq_services_host_binary", "services", ["host", "binary"], unique=True)
    op.create_table(
        "share_type_extra_specs",
        sa.Column("share_type_id", sa.String(length=36), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("value", sa.String(length=255), nullable=False),
        sa.ForeignKeyConstraint(
            ["share_type_id"],
            ["share_types.id"],
            name=op.f("fk_share_type_extra_specs_share_type_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("share_type_id", "key", name=op.f("pk_share_type_extra_specs")),
    )
    op.create_table(
        "share_type_projects",
        sa.Column("share_type_id", sa.String(length=36), nullable=False),
        sa.Column("project_id", sa.String(length=255), nullable=False),
        sa.ForeignKeyConstraint(
            ["share_type_id"],
            ["share_types.id"],
            name=op.f("fk_share_type_projects_share_type_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("share_type_id", "project_id", name=op.f("pk_share_type_projects")),
    )
    op.create_table(
        "shares",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=True),
        sa.Column("description", sa.String(length=255), nullable=True),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("share_proto", sa.String(length=16), nullable=False),
        sa.Column("is_public", sa.Boolean(), nullable=False),
        sa.Column("share_type_id", sa.String(length=36), nullable=True),
        sa.Column("snapshot_id", sa.String(length=36), nullable=True),
        sa.Column("instance_id", sa.String(length=36), nullable=True),
        sa.Column("snapshot_support", sa.Boolean(), nullable=False),
        sa.Column("create_share_from_snapshot_support", sa.Boolean(), nullable=False),
        sa.Column("revert_to_snapshot_support", sa.Boolean(), nullable=False),
        sa.Column("mount_snapshot_support", sa.Boolean(), nullable=False),
        sa.Column("replication_type", sa.String(length=16), nullable=True),
        sa.Column("task_state", sa.String(length=64), nullable=True),
        sa.Column("share_group_id", sa.String(length=36), nullable=True),
        sa.Column("source_share_group_snapshot_member_id", sa.String(length=36), nullable=True),
        sa.Column("source_backup_id", sa.String(length=36), nullable=True),
        sa.Column("is_soft_deleted", sa.Boolean(), nullable=False),
        sa.Column("scheduled_to_be_deleted_at", sa.String(length=26), nullable=True),
        sa.Column("created_at", sa.String(length=26), nullable=True),
        sa.Column("updated_at", sa.String(length=26), nullable=True),
        sa.ForeignKeyConstraint(
            ["share_type_id"], ["share_types.id"], name=op.f("fk_shares_share_type_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shares")),
    )
    op.create_index("ix_shares_created", "shares", ["created_at", "id"], unique=False)
    op.create_index(
        "ix_shares_kept_of_project",
        "shares",
        ["project_id"],
        unique=False,
        postgresql_where=sa.text("NOT is_soft_deleted"),
        sqlite_where=sa.text("NOT is_soft_deleted"),
    )
    op.create_index(
        "ix_shares_project_created", "shares", ["project_id", "created_at", "id"], unique=False
    )
    op.create_index(
        "ix_shares_public",
        "shares",
        ["id"],
        unique=False,
        postgresql_where=sa.text("is_public"),
        sqlite_where=sa.text("is_public"),
    )
    op.create_index(op.f("ix_shares_share_type_id"), "shares", ["share_type_id"], unique=False)
    op.create_index(op.f("ix_shares_snapshot_id"), "shares", ["snapshot_id"], unique=False)
    op.create_table(
        "access_rules",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("share_id", sa.String(length=36), nullable=False),
        sa.Column("access_type", sa.String(length=16), nullable=False),
        sa.Column("access_to", sa.String(length=255), nullable=False),
        sa.Column("access_level", sa.String(length=8), nullable=False),
        sa.Column("access_key", sa.String(length=255), nullable=True),
        sa.Column("created_at", sa.String(length=26), nullable=True),
        sa.Column("updated_at", sa.String(length=26), nullable=True),
        sa.ForeignKeyConstraint(
            ["share_id"], ["shares.id"], name=op.f("fk_access_rules_share_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_rules")),
    )
    op.create_index(op.f("ix_access_rules_share_id"), "access_rules", ["share_id"], unique=False)
    op.create_index(
        "uq_access_rules_target",
        "access_rules",
        ["share_id", "access_type", "access_to"],
        unique=True,
    )
    op.create_table(
        "identity_assignments",
        sa.Column("user_id", sa.String(length=64), nullable=False),
        sa.Column("scope", sa.String(length=8), nullable=False),
        sa.Column("target_id", sa.String(length=64), nullable=False),
        sa.Column("role_id", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["role_id"],
            ["identity_roles.id"],
            name=op.f("fk_identity_assignments_role_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["identity_users.id"],
            name=op.f("fk_identity_assignments_user_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "user_id", "scope", "target_id", "role_id", name=op.f("pk_identity_assignments")
        ),
    )
    op.create_index(
        "ix_identity_assignments_target", "identity_assignments", ["target_id"], unique=False
    )
    op.create_table(
        "identity_credentials",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.String(length=64), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("unrestricted", sa.Boolean(), nullable=False),
        sa.Column("expires_at", sa.Float(), nullable=True),
        sa.Column("role_ids", sa.Text(), nullable=False),
        sa.Column("secret_hash", sa.String(length=255), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"],
            ["identity_projects.id"],
            name=op.f("fk_identity_credentials_project_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["identity_users.id"],
            name=op.f("fk_identity_credentials_user_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identity_credentials")),
    )
    op.create_index(
        "uq_identity_credentials_name", "identity_credentials", ["user_id", "name"], unique=True
    )
    op.create_table(
        "share_instances",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("share_id", sa.String(length=36), nullable=False),
        sa.Column("host", sa.String(length=255), nullable=True),
        sa.Column("status", sa.String(length=64), nullable=False),
        sa.Column("operation_id", sa.BigInteger(), nullable=True),
        sa.Column("access_rules_status", sa.String(length=16), nullable=False),
        sa.Column("availability_zone_id", sa.String(length=36), nullable=True),
        sa.Column("share_type_id", sa.String(length=36), nullable=True),
        sa.Column("share_network_id", sa.String(length=36), nullable=True),
        sa.Column("share_server_id", sa.String(length=36), nullable=True),
        sa.Column("replica_state", sa.String(length=16), nullable=True),
        sa.Column("cast_rules_to_readonly", sa.Boolean(), nullable=False),
        sa.Column("progress", sa.String(length=8), nullable=True),
        sa.Column("mount_point_name", sa.String(length=255), nullable=True),
        sa.Column("encryption_key_ref", sa.String(length=36), nullable=True),
        sa.Column("scheduled_at", sa.String(length=26), nullable=True),
        sa.Column("launched_at", sa.String(length=26), nullable=True),
        sa.Column("terminated_at", sa.String(length=26), nullable=True),
        sa.Column("created_at", sa.String(length=26), nullable=True),
        sa.Column("updated_at", sa.String(length=26), nullable=True),
        sa.ForeignKeyConstraint(
            ["availability_zone_id"],
            ["availability_zones.id"],
            name=op.f("fk_share_instances_availability_zone_id"),
        ),
        sa.ForeignKeyConstraint(
            ["share_id"],
            ["shares.id"],
            name=op.f("fk_share_instances_share_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_share_instances")),
        sa.UniqueConstraint("mount_point_name", name=op.f("uq_share_instances_mount_point_name")),
    )
    op.create_index(
        "ix_share_instances_deferred",
        "share_instances",
        ["share_id"],
        unique=False,
        postgresql_where=sa.text("status IN ('deferred_deleting', 'error_deferred_deleting')"),
        sqlite_where=sa.text("status IN ('deferred_deleting', 'error_deferred_deleting')"),
    )
    op.create_index(op.f("ix_share_instances_host"), "share_instances", ["host"], unique=False)
    op.create_index(
        op.f("ix_share_instances_operation_id"), "share_instances", ["operation_id"], unique=False
    )
    op.create_index(
        op.f("ix_share_instances_share_id"), "share_instances", ["share_id"], unique=False
    )
    op.create_index(op.f("ix_share_instances_status"), "share_instances", ["status"], unique=False)
    op.create_table(
        "share_metadata",
        sa.Column("share_id", sa.String(length=36), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("value", sa.String(length=1023), nullable=False),
        sa.ForeignKeyConstraint(
            ["share_id"], ["shares.id"], name=op.f("fk_share_metadata_share_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("share_id", "key", name=op.f("pk_share_metadata")),
    )
    op.create_table(
        "snapshots",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("share_id", sa.String(length=36), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=True),
        sa.Column("description", sa.String(length=255), nullable=True),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("share_size", sa.Integer(), nullable=False),
        sa.Column("share_proto", sa.String(length=16), nullable=False),
        sa.Column("share_type_id", sa.String(length=36), nullable=True),
        sa.Column("instance_id", sa.String(length=36), nullable=True),
        sa.Column("share_group_snapshot_id", sa.String(length=36), nullable=True),
        sa.Column("created_at", sa.String(length=26), nullable=True),
        sa.Column("updated_at", sa.String(length=26), nullable=True),
        sa.ForeignKeyConstraint(["share_id"], ["shares.id"], name=op.f("fk_snapshots_share_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_snapshots")),
    )
    op.create_index(
        "ix_snapshots_project_created", "snapshots", ["project_id", "created_at"], unique=False
    )
    op.create_index(op.f("ix_snapshots_share_id"), "snapshots", ["share_id"], unique=False)
    op.create_table(
        "access_rule_metadata",
        sa.Column("access_id", sa.String(length=36), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("value", sa.String(length=1023), nullable=False),
        sa.ForeignKeyConstraint(
            ["access_id"],
            ["access_rules.id"],
            name=op.f("fk_access_rule_metadata_access_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("access_id", "key", name=op.f("pk_access_rule_metadata")),
    )
    op.create_table(
        "access_rule_states",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("access_id", sa.String(length=36), nullable=False),
        sa.Column("share_instance_id", sa.String(length=36), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("operation_id", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["access_id"],
            ["access_rules.id"],
            name=op.f("fk_access_rule_states_access_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["share_instance_id"],
            ["share_instances.id"],
            name=op.f("fk_access_rule_states_share_instance_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_rule_states")),
    )
    op.create_index(
        op.f("ix_access_rule_states_access_id"), "access_rule_states", ["access_id"], unique=False
    )
    op.create_index(
        op.f("ix_access_rule_states_operation_id"),
        "access_rule_states",
        ["operation_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_access_rule_states_share_instance_id"),
        "access_rule_states",
        ["share_instance_id"],
        unique=False,
    )
    op.create_table(
        "export_locations",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("share_instance_id", sa.String(length=36), nullable=False),
        sa.Column("path", sa.String(length=2000), nullable=False),
        sa.Column("is_admin_only", sa.Boolean(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.String(length=26), nullable=True),
        sa.Column("updated_at", sa.String(length=26), nullable=True),
        sa.ForeignKeyConstraint(
            ["share_instance_id"],
            ["share_instances.id"],
            name=op.f("fk_export_locations_share_instance_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_export_locations")),
    )
    op.create_index(op.f("ix_export_locations_path"), "export_locations", ["path"], unique=False)
    op.create_index(
        op.f("ix_export_locations_share_instance_id"),
        "export_locations",
        ["share_instance_id"],
        unique=False,
    )
    op.create_table(
        "snapshot_access_rules",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("snapshot_id", sa.String(length=36), nullable=False),
        sa.Column("access_type", sa.String(length=16), nullable=False),
        sa.Column("access_to", sa.String(length=255), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("operation_id", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.String(length=26), nullable=True),
        sa.Column("updated_at", sa.String(length=26), nullable=True),
        sa.ForeignKeyConstraint(
            ["snapshot_id"],
            ["snapshots.id"],
            name=op.f("fk_snapshot_access_rules_snapshot_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_snapshot_access_rules")),
    )
    op.create_index(
        op.f("ix_snapshot_access_rules_operation_id"),
        "snapshot_access_rules",
        ["operation_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_snapshot_access_rules_snapshot_id"),
        "snapshot_access_rules",
        ["snapshot_id"],
        unique=False,
    )
    op.create_index(
        "uq_snapshot_access_rules_target",
        "snapshot_access_rules",
        ["snapshot_id", "access_type", "access_to"],
        unique=True,
    )
    op.create_table(
        "snapshot_instances",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("snapshot_id", sa.String(length=36), nullable=False),
        sa.Column("share_instance_id", sa.String(length=36), nullable=False),
        sa.Column("status", sa.String(length=64), nullable=False),
        sa.Column("operation_id", sa.BigInteger(), nullable=True),
        sa.Column("progress", sa.String(length=8), nullable=True),
        sa.Column("provider_location", sa.String(length=2000), nullable=True),
        sa.Column("created_at", sa.String(length=26), nullable=True),
        sa.Column("updated_at", sa.String(length=26), nullable=True),
        sa.ForeignKeyConstraint(
            ["share_instance_id"],
            ["share_instances.id"],
            name=op.f("fk_snapshot_instances_share_instance_id"),
        ),
        sa.ForeignKeyConstraint(
            ["snapshot_id"],
            ["snapshots.id"],
            name=op.f("fk_snapshot_instances_snapshot_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_snapshot_instances")),
    )
    op.create_index(
        op.f("ix_snapshot_instances_operation_id"),
        "snapshot_instances",
        ["operation_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_snapshot_instances_share_instance_id"),
        "snapshot_instances",
        ["share_instance_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_snapshot_instances_snapshot_id"),
        "snapshot_instances",
        ["snapshot_id"],
        unique=False,
    )
    op.create_table(
        "snapshot_metadata",
        sa.Column("snapshot_id", sa.String(length=36), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("value", sa.String(length=1023), nullable=False),
        sa.ForeignKeyConstraint(
            ["snapshot_id"],
            ["snapshots.id"],
            name=op.f("fk_snapshot_metadata_snapshot_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("snapshot_id", "key", name=op.f("pk_snapshot_metadata")),
    )
    op.create_table(
        "export_location_metadata",
        sa.Column("export_location_id", sa.String(length=36), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("value", sa.String(length=1023), nullable=False),
        sa.ForeignKeyConstraint(
            ["export_location_id"],
            ["export_locations.id"],
            name=op.f("fk_export_location_metadata_export_location_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "export_location_id", "key", name=op.f("pk_export_location_metadata")
        ),
    )
    op.create_table(
        "snapshot_export_locations",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("snapshot_instance_id", sa.String(length=36), nullable=False),
        sa.Column("path", sa.String(length=2000), nullable=False),
        sa.Column("is_admin_only", sa.Boolean(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.String(length=26), nullable=True),
        sa.Column("updated_at", sa.String(length=26), nullable=True),
        sa.ForeignKeyConstraint(
            ["snapshot_instance_id"],
            ["snapshot_instances.id"],
            name=op.f("fk_snapshot_export_locations_snapshot_instance_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_snapshot_export_locations")),
    )
    op.create_index(
        op.f("ix_snapshot_export_locations_snapshot_instance_id"),
        "snapshot_export_locations",
        ["snapshot_instance_id"],
        unique=False,
    )


def downgrade() -> None:
    op.drop_index(
        op.f("ix_snapshot_export_locations_snapshot_instance_id"),
        table_name="snapshot_export_locations",
    )
    op.drop_table("snapshot_export_locations")
    op.drop_table("export_location_metadata")
    op.drop_table("snapshot_metadata")
    op.drop_index(op.f("ix_snapshot_instances_snapshot_id"), table_name="snapshot_instances")
    op.drop_index(op.f("ix_snapshot_instances_share_instance_id"), table_name="snapshot_instances")
    op.drop_index(op.f("ix_snapshot_instances_operation_id"), table_name="snapshot_instances")
    op.drop_table("snapshot_instances")
    op.drop_index("uq_snapshot_access_rules_target", table_name="snapshot_access_rules")
    op.drop_index(op.f("ix_snapshot_access_rules_snapshot_id"), table_name="snapshot_access_rules")
    op.drop_index(op.f("ix_snapshot_access_rules_operation_id"), table_name="snapshot_access_rules")
    op.drop_table("snapshot_access_rules")
    op.drop_index(op.f("ix_export_locations_share_instance_id"), table_name="export_locations")
    op.drop_index(op.f("ix_export_locations_path"), table_name="export_locations")
    op.drop_table("export_locations")
    op.drop_index(op.f("ix_access_rule_states_share_instance_id"), table_name="access_rule_states")
    op.drop_index(op.f("ix_access_rule_states_operation_id"), table_name="access_rule_states")
    op.drop_index(op.f("ix_access_rule_states_access_id"), table_name="access_rule_states")
    op.drop_table("access_rule_states")
    op.drop_table("access_rule_metadata")
    op.drop_index(op.f("ix_snapshots_share_id"), table_name="snapshots")
    op.drop_index("ix_snapshots_project_created", table_name="snapshots")
    op.drop_table("snapshots")
    op.drop_table("share_metadata")
    op.drop_index(op.f("ix_share_instances_status"), table_name="share_instances")
    op.drop_index(op.f("ix_share_instances_share_id"), table_name="share_instances")
    op.drop_index(op.f("ix_share_instances_operation_id"), table_name="share_instances")
    op.drop_index(op.f("ix_share_instances_host"), table_name="share_instances")
    op.drop_index(
        "ix_share_instances_deferred",
        table_name="share_instances",
        postgresql_where=sa.text("status IN ('deferred_deleting', 'error_deferred_deleting')"),
        sqlite_where=sa.text("status IN ('deferred_deleting', 'error_deferred_deleting')"),
    )
    op.drop_table("share_instances")
    op.drop_index("uq_identity_credentials_name", table_name="identity_credentials")
    op.drop_table("identity_credentials")
    op.drop_index("ix_identity_assignments_target", table_name="identity_assignments")
    op.drop_table("identity_assignments")
    op.drop_index("uq_access_rules_target", table_name="access_rules")
    op.drop_index(op.f("ix_access_rules_share_id"), table_name="access_rules")
    op.drop_table("access_rules")
    op.drop_index(op.f("ix_shares_snapshot_id"), table_name="shares")
    op.drop_index(op.f("ix_shares_share_type_id"), table_name="shares")
    op.drop_index(
        "ix_shares_public",
        table_name="shares",
        postgresql_where=sa.text("is_public"),
        sqlite_where=sa.text("is_public"),
    )
    op.drop_index("ix_shares_project_created", table_name="shares")
    op.drop_index(
        "ix_shares_kept_of_project",
        table_name="shares",
        postgresql_where=sa.text("NOT is_soft_deleted"),
        sqlite_where=sa.text("NOT is_soft_deleted"),
    )
    op.drop_index("ix_shares_created", table_name="shares")
    op.drop_table("shares")
    op.drop_table("share_type_projects")
    op.drop_table("share_type_extra_specs")
    op.drop_index("uq_services_host_binary", table_name="services")
    op.drop_table("services")
    op.drop_index("uq_identity_users_name", table_name="identity_users")
    op.drop_table("identity_users")
    op.drop_index("uq_identity_projects_name", table_name="identity_projects")
    op.drop_table("identity_projects")
    op.drop_table("share_types")
    op.drop_table("quota_usages")
    op.drop_table("quota_limits")
    op.drop_table("quota_class_limits")
    op.drop_index(op.f("ix_pools_backend_host"), table_name="pools")
    op.drop_table("pools")
    op.drop_index(
        "uq_operations_running_key",
        table_name="operations",
        postgresql_where=sa.text("state = 'running'"),
        sqlite_where=sa.text("state = 'running'"),
    )
    op.drop_index(
        "ix_operations_unknown",
        table_name="operations",
        postgresql_where=sa.text("state = 'unknown'"),
        sqlite_where=sa.text("state = 'unknown'"),
    )
    op.drop_index("ix_operations_resource", table_name="operations")
    for name in ("ix_operations_turns", "ix_operations_queue"):
        op.drop_index(
            name,
            table_name="operations",
            postgresql_where=sa.text("state = 'queued'"),
            sqlite_where=sa.text("state = 'queued'"),
        )
    op.drop_index(
        "ix_operations_live_key",
        table_name="operations",
        postgresql_where=sa.text("state IN ('queued', 'running')"),
        sqlite_where=sa.text("state IN ('queued', 'running')"),
    )
    op.drop_table("operations")
    op.drop_index("ix_messages_project_created", table_name="messages")
    op.drop_index(op.f("ix_messages_expires_at"), table_name="messages")
    op.drop_table("messages")
    op.drop_table("leases")
    op.drop_table("identity_roles")
    op.drop_table("identity_revocations")
    op.drop_table("identity_keys")
    op.drop_table("identity_generation")
    op.drop_table("identity_domains")
    op.drop_index(op.f("ix_idempotency_keys_expires_at"), table_name="idempotency_keys")
    op.drop_table("idempotency_keys")
    op.drop_table("driver_private_data")
    op.drop_table("drift_looks")
    op.drop_index(op.f("ix_drift_findings_host"), table_name="drift_findings")
    op.drop_table("drift_findings")
    op.drop_table("backend_info")
    op.drop_table("availability_zones")
