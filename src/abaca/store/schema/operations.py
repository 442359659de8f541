"""The operation log, and the leases under which it is worked off."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, String, Table, Text, text

from .base import BigId, metadata, time

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
