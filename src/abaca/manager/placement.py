"""Choosing a backend: the first step of a creation, in the transaction that books the capacity."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import structlog

from abaca.model import clock
from abaca.model.services import Pool as PoolRow
from abaca.model.shares import Share
from abaca.model.types import ShareType
from abaca.operations.job import Job
from abaca.scheduler.placement import Placer
from abaca.scheduler.pools import Pool, pool_from_stats
from abaca.scheduler.request import PlacementRequest
from abaca.store import services
from abaca.store import shares as store
from abaca.store import snapshots as snapshot_store
from abaca.store import types as type_store
from abaca.store.engine import Tx

from .backend import Backend

WAIT_FOR_REPORT = 60.0  # seconds a request waits for any backend to come up
FIRST_PAUSE, LONGEST_PAUSE = 0.02, 1.0  # seconds between looks

log = structlog.get_logger(__name__)


class Scheduling:
    """What placements share: filters, weighers, and how long a silent service counts as up.
    Set once at start-up from the configuration."""

    placer = Placer()
    service_down_time = 60.0  # seconds
    clones_move = False  # use_scheduler_creating_share_from_snapshot: not only to the same pool


def place_share(job: Job[Backend], share: Share) -> None:
    """Book the best pool and hand the operation to its backend; raises NoValidHost."""
    # rows are locked in the order of everybody: operation, pools, instance
    with job.route() as route_to, job.transaction() as tx:
        request = _request(tx, job, share)
        rows = services.pools_all(tx, lock=True)
        zones = {row.host: row.zone_id for row in rows}
        pools = [_pool(row) for row in rows]
        if not any(pool.up for pool in pools) and (age := _age(job)) < WAIT_FOR_REPORT:
            pause = min(LONGEST_PAUSE, FIRST_PAUSE + age / 10)
            job.again(tx, pause, "No backend has reported yet.")
            return
        chosen = Scheduling.placer.place(request, _allowed(request, pools))
        services.book(tx, chosen.host, share.size)
        store.update_instance(
            tx,
            share.instance_id,
            host=chosen.host,
            scheduled_at=tx.now,
            availability_zone_id=zones[chosen.host],
        )
        route_to(tx, chosen.host)
    log.info("share.placed", share=share.id, host=chosen.host)


def _age(job: Job[Backend]) -> float:
    """Seconds since it was asked for: backends may still be starting."""
    asked = datetime.fromisoformat(job.op.created_at).replace(tzinfo=UTC)
    return clock.now() - asked.timestamp()


def check_extend(job: Job[Backend], share: Share) -> None:
    """Whether the share's pool has room for what is asked; raises NoValidHost.

    That is booked already, so it is taken off what is allocated.
    """
    old, new = job.op.payload["old_size"], job.op.payload["new_size"]
    with job.read() as tx:
        share_type = type_store.named(tx, share.share_type_id) if share.share_type_id else None
        rows = services.pools_all(tx)
    request = PlacementRequest(
        size=new,
        current_size=old,
        extra_specs=share_type.extra_specs if share_type else {},
        operation="extend",
        request_id=share.id,
        protocol=share.share_proto,
        share=_properties(share, share_type),
        availability_zone=share.availability_zone,
    )
    host = share.host or ""
    pools = [_pool(row, unbooked=new - old) for row in rows if row.host == host]
    Scheduling.placer.check_extend(request, pools, host)


def _allowed(request: PlacementRequest, pools: Sequence[Pool]) -> Sequence[Pool]:
    """A clone stays in the pool of its snapshot unless the scheduler may choose."""
    if request.source_host is None or Scheduling.clones_move:
        return pools
    return [pool for pool in pools if pool.host == request.source_host] or pools


def _pool(row: PoolRow, unbooked: int = 0) -> Pool:
    return pool_from_stats(
        row.host,
        row.stats,
        availability_zone=row.zone,
        allocated_gb=row.allocated_gb - unbooked,
        up=clock.now() - row.reported_at < Scheduling.service_down_time,
        disabled=row.disabled,
    )


def _request(tx: Tx, job: Job[Backend], share: Share) -> PlacementRequest:
    share_type = type_store.named(tx, share.share_type_id) if share.share_type_id else None
    hints = job.op.payload.get("hints") or {}
    source = _source_host(tx, share)
    return PlacementRequest(
        size=share.size,
        extra_specs=share_type.extra_specs if share_type else None,
        operation="create_from_snapshot" if source else "create",
        request_id=share.id,
        protocol=share.share_proto,
        is_admin=bool(job.op.payload.get("is_admin")),
        share=_properties(share, share_type),
        availability_zone=share.availability_zone,
        source_host=source,
        only_host=hints.get("only_host"),
        same_host=_hosts_of(tx, hints.get("same_host")),
        different_host=_hosts_of(tx, hints.get("different_host")),
    )


def _properties(share: Share, share_type: ShareType | None) -> dict[str, object]:
    return {
        "project_id": share.project_id,
        "user_id": share.user_id,
        "is_public": share.is_public,
        "metadata": dict(share.metadata),
        "share_type": share_type.name if share_type else None,
    }


def _source_host(tx: Tx, share: Share) -> str | None:
    snapshot = snapshot_store.get(tx, share.snapshot_id) if share.snapshot_id else None
    source = store.instance(tx, snapshot.share_instance_id) if snapshot else None
    return source.host if source else None


def _hosts_of(tx: Tx, ids: str | None) -> dict[str, tuple[str, ...]]:
    """A hint of comma separated share ids -> the hosts of their instances."""
    found: dict[str, tuple[str, ...]] = {}
    for share_id in filter(None, (part.strip() for part in (ids or "").split(","))):
        hosts = [instance.host for instance in store.instances(tx, share_id)]
        found[share_id] = tuple(host for host in hosts if host)
    return found
