"""Where shares live: zones, services, pools, and what drivers keep."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Float, ForeignKey, Index, String, Table, Text

from .base import BigId, flag, metadata, time, uuid

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
    time("updated_at"),
)

# Apart from what is reported: a pool that is missing in a report keeps its bookings.
bookings = Table(
    "bookings",
    metadata,
    Column("host", String(255), primary_key=True),  # host@backend#pool
    Column("gigabytes", BigInteger, nullable=False),  # sum of its instances, same transaction
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
