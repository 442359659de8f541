"""Access rules, and their states on each instance."""

from __future__ import annotations

from sqlalchemy import Column, Index, String, Table

from .base import metadata, operation, parent, time, uuid

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
