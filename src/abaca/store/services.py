"""Availability zones, services and pools."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from abaca.model.ids import new_id
from abaca.model.services import AvailabilityZone, Pool, Service

from .clock import db_clock
from .engine import Tx
from .fixed import Fixed
from .many import one_of
from .schema import availability_zones, bookings, pools, services

_z, _s, _p, _b = availability_zones.c, services.c, pools.c, bookings.c
_SILENCE = (db_clock() - _s.reported_at).label("silence")


def of_backend(host: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    """That a host is the one of the parameter `backend` (host@backend), or one of its pools.  No
    LIKE: SQLite compiles one with a parameter anew each time."""
    pools_of = sa.bindparam("backend", type_=sa.Text()) + "#"
    return sa.or_(
        host == sa.bindparam("backend"),
        sa.func.substr(host, 1, sa.func.length(pools_of)) == pools_of,
    )


# --- zones ----------------------------------------------------------------------------------------
def zone(tx: Tx, name_or_id: str) -> AvailabilityZone | None:
    """By name or by id."""
    stmt = sa.select(_z.id, _z.name, _z.created_at, _z.updated_at)
    row = tx.one(stmt.where(_z.name == name_or_id)) or tx.one(stmt.where(_z.id == name_or_id))
    return AvailabilityZone(*row) if row else None


def zones_in_use(tx: Tx) -> list[AvailabilityZone]:
    """Those with an enabled service."""
    enabled = sa.exists().where(_s.availability_zone_id == _z.id, ~_s.disabled)
    stmt = sa.select(_z.id, _z.name, _z.created_at, _z.updated_at).where(enabled)
    return [AvailabilityZone(*row) for row in tx.all(stmt.order_by(_z.name))]


_MAKE_ZONE = Fixed(
    sa.text(
        "INSERT INTO availability_zones (id, name, created_at) VALUES (:id, :name, :now)"
        " ON CONFLICT (name) DO NOTHING"
    )
)
_ZONE_ID = Fixed(sa.select(_z.id).where(_z.name == sa.bindparam("which")))


def ensure_zone(tx: Tx, name: str) -> str:
    """The id of a zone, which is made if it is new."""
    tx.run(_MAKE_ZONE, {"id": new_id(), "name": name, "now": tx.now})
    zone_id: str = tx.scalar(_ZONE_ID, {"which": name})
    return zone_id


# --- services -------------------------------------------------------------------------------------
_SERVICES = sa.select(
    _s.id, _s.binary, _s.host, _s.topic, _z.name, _s.disabled, _s.disabled_reason, _s.ensuring,
    _s.reported_at, _s.stopped, _s.created_at, _s.updated_at, _s.problem, _SILENCE,
).select_from(services.join(availability_zones, _z.id == _s.availability_zone_id))  # fmt: skip


def services_all(tx: Tx) -> list[Service]:
    return [Service(*row) for row in tx.all(_SERVICES.order_by(_s.id))]


def service(tx: Tx, host: str, binary: str) -> Service | None:
    row = tx.one(_SERVICES.where(_s.host == host, _s.binary == binary))
    return Service(*row) if row else None


_REPORT = Fixed(
    sa.update(services)
    .where(_s.host == sa.bindparam("which"), _s.binary == sa.bindparam("what"))
    .values(reported_at=db_clock(), updated_at=sa.bindparam("now"), stopped=False)
)


def report_service(
    tx: Tx, *, host: str, binary: str, topic: str, zone: str, enabled: bool = True
) -> None:
    """A sign of life; the first one makes the row."""
    values = {"which": host, "what": binary, "now": tx.now}
    if tx.run(_REPORT, values) == 0:
        tx.run(
            sa.insert(services).values(
                host=host,
                binary=binary,
                topic=topic,
                availability_zone_id=ensure_zone(tx, zone),
                disabled=not enabled,
                reported_at=db_clock(),
                created_at=tx.now,
            )
        )


_SET_PROBLEM = Fixed(
    sa.update(services)
    .where(_s.host == sa.bindparam("which"), _s.binary == "manila-share")
    .values(problem=sa.bindparam("why"))
)


def set_problem(tx: Tx, host: str, problem: str | None) -> None:
    """Why the backend host@backend is left alone; None: it is not."""
    tx.run(_SET_PROBLEM, {"which": host, "why": problem})


def mark_stopped(tx: Tx, hosts: Sequence[str]) -> None:
    """The services of these hosts (host@backend; host: the scheduler) went down on purpose."""
    stmt = sa.update(services).where(_s.host.in_(hosts))
    tx.run(stmt.values(stopped=True, updated_at=tx.now))


def update_service(tx: Tx, service_id: int, **values: Any) -> None:
    tx.run(sa.update(services).where(_s.id == service_id).values(updated_at=tx.now, **values))


# --- pools ----------------------------------------------------------------------------------------
_REPORT_POOL = Fixed(
    sa.text(
        "INSERT INTO pools (host, backend_host, stats, updated_at)"
        " VALUES (:host, :backend, :stats, :now)"
        " ON CONFLICT (host) DO UPDATE SET stats = excluded.stats, updated_at = excluded.updated_at"
    )
)
_POOLS_GONE = Fixed(
    sa.delete(pools).where(
        _p.backend_host == sa.bindparam("backend"), sa.not_(one_of(_p.host, "hosts"))
    )
)


def report_pools(tx: Tx, backend_host: str, stats: Mapping[str, Mapping[str, Any]]) -> None:
    """What a backend said of its pools: {host@backend#pool: stats}.  Its others are not offered."""
    for host, values in sorted(stats.items()):  # locked in one order by everybody
        text = msgspec.json.encode(values).decode()
        row = {"host": host, "backend": backend_host, "stats": text, "now": tx.now}
        tx.run(_REPORT_POOL, row)
    tx.run(_POOLS_GONE, {"backend": backend_host, "hosts": list(stats)})


_GIGABYTES = sa.func.coalesce(_b.gigabytes, 0).label("gigabytes")
_POOLS = (
    sa.select(_p.host, _p.stats, _GIGABYTES, _s.disabled, _s.reported_at, _z.name, _z.id)
    .add_columns(_s.problem, _s.stopped, _SILENCE)
    .select_from(
        pools.join(services, (_s.host == _p.backend_host) & (_s.binary == "manila-share"))
        .join(availability_zones, _z.id == _s.availability_zone_id)
        .outerjoin(bookings, _b.host == _p.host)
    )
    .order_by(_p.host)
)


def pools_all(tx: Tx) -> list[Pool]:
    """The pools that their backends have reported, in order of their names."""
    return [_pool(row) for row in tx.all(_POOLS)]


_ONE_POOL = Fixed(_POOLS.where(_p.host == sa.bindparam("which")))


def pool(tx: Tx, host: str) -> Pool | None:
    """One pool as it is now, with the bookings that were committed meanwhile."""
    rows = tx.all(_ONE_POOL, {"which": host})
    return _pool(rows[0]) if rows else None


def _pool(row: Any) -> Pool:
    return Pool(row[0], msgspec.json.decode(row[1]), *row[2:])


# --- bookings -------------------------------------------------------------------------------------
_BOOKED = Fixed(sa.select(_b.host, _b.gigabytes).where(of_backend(_b.host)))


def allocated(tx: Tx, backend_host: str) -> dict[str, float]:
    """{host@backend#pool: GiB of all instances placed in it}"""
    return {row[0]: float(row[1]) for row in tx.all(_BOOKED, {"backend": backend_host})}


_UPSERT = (
    "INSERT INTO bookings (host, gigabytes) VALUES (:which, :delta)"
    " ON CONFLICT (host) DO UPDATE SET gigabytes = bookings.gigabytes + excluded.gigabytes"
)
_BOOK = Fixed(sa.text(_UPSERT))
_BOOK_IF = Fixed(sa.text(f"{_UPSERT} WHERE bookings.gigabytes = :seen"))


def book(tx: Tx, host: str | None, delta_gb: int) -> None:
    """Add to what is allocated in a pool, in the transaction that changes the instance."""
    if host and delta_gb:
        tx.run(_BOOK, {"which": host, "delta": delta_gb})


def book_if(tx: Tx, host: str, delta_gb: int, seen_gb: int) -> bool:
    """As book, if exactly `seen_gb` are allocated still: compare and swap."""
    values = {"which": host, "delta": delta_gb, "seen": seen_gb}
    return tx.run(_BOOK_IF, values) == 1
