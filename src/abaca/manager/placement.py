"""Placement in the manager: of shares that the request could not place, and of their growth."""

from __future__ import annotations

from datetime import UTC, datetime

import structlog

from abaca.model import clock
from abaca.model.shares import Share
from abaca.operations.job import Job
from abaca.scheduler.request import PlacementRequest
from abaca.service import placement
from abaca.service.placement import NobodyUp, Scheduling
from abaca.store import services
from abaca.store import shares as store
from abaca.store import types as type_store

from .backend import Backend

WAIT_FOR_REPORT = 60.0  # seconds a request waits for any backend to come up
FIRST_PAUSE, LONGEST_PAUSE = 0.02, 1.0  # seconds between looks

log = structlog.get_logger(__name__)


def place_share(job: Job[Backend], share: Share) -> None:
    """Book the best pool and hand the operation to its backend; raises NoValidHost."""
    hints, is_admin = job.op.payload.get("hints") or {}, bool(job.op.payload.get("is_admin"))
    # rows are locked in the order of everybody: operation, pools, instance
    with job.transaction() as tx:
        share_type = type_store.named(tx, share.share_type_id) if share.share_type_id else None
        try:
            place = placement.place(tx, share, share_type, hints, is_admin=is_admin)
        except NobodyUp:
            if (age := _age(job)) >= WAIT_FOR_REPORT:
                raise
            pause = min(LONGEST_PAUSE, FIRST_PAUSE + age / 10)
            job.again(tx, pause, "No backend has reported yet.")
            return
        store.update_instance(
            tx,
            share.instance_id,
            host=place.host,
            scheduled_at=tx.now,
            availability_zone_id=place.zone_id,
        )
        job.route(tx, place.host)
    log.info("share.placed", share=share.id, host=place.host)


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
        share=placement.properties(share, share_type),
        availability_zone=share.availability_zone,
    )
    host = share.host or ""
    pools = [placement.pool(row, unbooked=new - old) for row in rows if row.host == host]
    Scheduling.placer.check_extend(request, pools, host)
