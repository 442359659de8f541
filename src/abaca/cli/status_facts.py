"""What `abaca status` shows, read from the database alone: it works while nothing runs."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import sqlalchemy as sa

from abaca.model.operations import ENDED_BADLY, FAILED, LIVE, UNKNOWN
from abaca.operations.log import UNPLACED, lease_name
from abaca.service import services as use_cases
from abaca.service.env import Settings
from abaca.store import services as service_store
from abaca.store.clock import db_clock
from abaca.store.engine import Row, Store, Tx
from abaca.store.schema import leases, operations, share_instances

_o, _l, _i = operations.c, leases.c, share_instances.c
MOST = 20  # operations listed of each sort
GREEN, YELLOW, RED = "green", "yellow", "red"


class ServiceLine(msgspec.Struct, frozen=True):
    name: str  # manila-share manila-scheduler
    host: str
    zone: str
    state: str  # up down stopped
    enabled: bool
    seconds_ago: float
    problem: str | None  # why the backend is left alone


class PoolLine(msgspec.Struct, frozen=True):
    name: str  # host@backend#pool
    total_gb: float | None
    free_gb: float | None
    allocated_gb: float
    shares: int


class OperationLine(msgspec.Struct, frozen=True):
    id: int
    kind: str
    state: str
    resource: str
    host: str
    attempt: int
    progress: int | None
    age_seconds: float
    message: str | None


class LeaseLine(msgspec.Struct, frozen=True):
    queue: str
    owner: str | None  # host, process
    seconds_left: float
    epoch: int


class Facts(msgspec.Struct, frozen=True):
    database: str
    version: str
    services: list[ServiceLine]
    pools: list[PoolLine]
    shares: dict[str, int]  # by status
    operations: dict[str, int]  # queued, running, and failed lately
    live: list[OperationLine]
    failed: list[OperationLine]
    leases: list[LeaseLine]


def gather(store: Store, settings: Settings, version: str, hours: float) -> Facts:
    """One consistent picture; `hours`: how far failures look back."""
    with store.read() as tx:
        since = (datetime.now(UTC) - timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%S.%f")
        return Facts(
            database=store.url.render_as_string(hide_password=True),
            version=version,
            services=_services(tx, settings),
            pools=_pools(tx),
            shares=_counts(tx, sa.select(_i.status, sa.func.count()).group_by(_i.status)),
            operations=_totals(tx, since),
            live=_operations(tx, _o.state.in_(LIVE), oldest_first=True),
            failed=_operations(tx, sa.and_(_o.state.in_(ENDED_BADLY), _o.finished_at >= since)),
            leases=_leases(tx),
        )


def _services(tx: Tx, settings: Settings) -> list[ServiceLine]:
    found = [use_cases.seen(service, settings) for service in service_store.services_all(tx)]
    return [
        ServiceLine(
            name=each.service.binary,
            host=each.service.host,
            zone=each.service.zone,
            state=each.state,
            enabled=not each.service.disabled,
            seconds_ago=round(max(0.0, time.time() - each.service.reported_at), 1),
            problem=each.service.problem,
        )
        for each in found
    ]


def _pools(tx: Tx) -> list[PoolLine]:
    stmt = sa.select(_i.host, sa.func.count()).where(_i.host.is_not(None)).group_by(_i.host)
    shares = _counts(tx, stmt)
    return [
        PoolLine(
            name=pool.host,
            total_gb=_number(pool.stats.get("total_capacity_gb")),
            free_gb=_number(pool.stats.get("free_capacity_gb")),
            allocated_gb=float(pool.allocated_gb),
            shares=shares.get(pool.host, 0),
        )
        for pool in service_store.pools_all(tx)
    ]


def _number(value: Any) -> float | None:
    """Drivers may say 'unknown' or 'infinite'."""
    return round(float(value), 2) if isinstance(value, (int, float)) else None


def _counts(tx: Tx, stmt: sa.Select[Any]) -> dict[str, int]:
    return {str(row[0]): int(row[1]) for row in tx.all(stmt)}


def _totals(tx: Tx, since: str) -> dict[str, int]:
    wanted = sa.or_(_o.state.in_(LIVE), sa.and_(_o.state.in_(ENDED_BADLY), _o.finished_at >= since))
    stmt = sa.select(_o.state, sa.func.count()).where(wanted).group_by(_o.state)
    counts = Counter(_counts(tx, stmt))
    return {**{state: counts[state] for state in LIVE}, FAILED: counts[FAILED] + counts[UNKNOWN]}


def _operations(
    tx: Tx, where: sa.ColumnElement[bool], *, oldest_first: bool = False
) -> list[OperationLine]:
    stmt = (
        sa.select(
            _o.id, _o.kind, _o.state, _o.resource_type, _o.resource_id, _o.host, _o.attempt,
            _o.progress, _o.created_at, _o.message,
        )
        .where(where)
        .order_by(_o.id if oldest_first else _o.id.desc())
        .limit(MOST)
    )  # fmt: skip
    return [_line(row) for row in tx.all(stmt)]


def _line(row: Row) -> OperationLine:
    made = datetime.fromisoformat(row[8]).replace(tzinfo=UTC)
    age = (datetime.now(UTC) - made).total_seconds()
    return OperationLine(
        id=row[0],
        kind=row[1],
        state=row[2],
        resource=f"{row[3].lower()} {row[4]}",
        host=row[5] or "(to be placed)",
        attempt=row[6],
        progress=row[7],
        age_seconds=round(max(0.0, age), 1),
        message=row[9],
    )


def _leases(tx: Tx) -> list[LeaseLine]:
    stmt = sa.select(_l.name, _l.owner, _l.expires_at - db_clock(), _l.epoch).order_by(_l.name)
    return [_lease(row) for row in tx.all(stmt)]


def _lease(row: Row) -> LeaseLine:
    parts: Sequence[str] = str(row[1]).split("/")
    prefix = lease_name(UNPLACED)
    queue = str(row[0]).removeprefix(prefix) or "(placement)"
    owner = f"{parts[0]}, process {parts[2]}" if len(parts) > 2 else None
    return LeaseLine(queue, owner, round(max(0.0, float(row[2])), 1), int(row[3]))
