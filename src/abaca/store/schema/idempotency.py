"""Answers that are kept for a request that is repeated."""

from __future__ import annotations

from sqlalchemy import Column, Integer, String, Table, Text

from .base import metadata

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
