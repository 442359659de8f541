"""What users are told."""

from __future__ import annotations

from sqlalchemy import Column, Index, String, Table, Text

from .base import metadata, time, uuid

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
