"""Limits, and what is used of them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, String, Table

from .base import metadata

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
