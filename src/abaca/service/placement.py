"""Choosing a backend for a new share, in the transaction that books the capacity.

Done with the request; its operation does it again when no backend could be found then, and says
why, or waits for one to come up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from abaca.model.errors import Collision
from abaca.model.services import Pool as PoolRow
from abaca.model.services import is_up
from abaca.model.shares import Share
from abaca.model.types import ShareType
from abaca.scheduler.errors import NoValidHost
from abaca.scheduler.placement import Placer
from abaca.scheduler.pools import Pool, pool_from_stats
from abaca.scheduler.request import PlacementRequest
from abaca.store import services
from abaca.store import shares as store
from abaca.store import snapshots as snapshot_store
from abaca.store.engine import Tx

MOST_TRIES = 100  # of one placement; each failed one means that another placement succeeded


class Scheduling:
    """What placements share: filters, weighers, and how long a silent service counts as up.
    Set once at start-up from the configuration."""

    placer = Placer()
    service_down_time = 60.0  # seconds
    clones_move = False  # use_scheduler_creating_share_from_snapshot: not only to the same pool


class Place(msgspec.Struct, frozen=True):
    """A pool and the zone that it is in."""

    host: str  # host@backend#pool
    zone_id: str
    zone: str


class NobodyUp(NoValidHost):
    """As NoValidHost, and no backend is up: one may be starting."""


def place(
    tx: Tx, share: Share, share_type: ShareType | None, hints: Mapping[str, str], *, is_admin: bool
) -> Place:
    """Book the best pool.  Raises NoValidHost, NobodyUp."""
    request = _request(tx, share, share_type, hints, is_admin)
    rows = {row.host: row for row in services.pools_all(tx)}
    for _ in range(MOST_TRIES):
        row = rows[_choose(request, rows.values())]
        if services.book_if(tx, row.host, share.size, row.allocated_gb):
            return Place(row.host, row.zone_id, row.zone)
        # Another transaction has booked there: judge the pool again as it is now.
        if (now := services.pool(tx, row.host)) is None:
            del rows[row.host]
        else:
            rows[row.host] = now
    raise Collision(f"Bookings on {row.host} changed {MOST_TRIES} times while one was made.")


def _choose(request: PlacementRequest, rows: Iterable[PoolRow]) -> str:
    """The host of the best pool.  Raises NoValidHost, NobodyUp."""
    pools = [pool(row) for row in rows]
    try:
        return Scheduling.placer.place(request, _allowed(request, pools)).host
    except NoValidHost as none:
        if any(each.up for each in pools):
            raise
        raise NobodyUp(none.explanation) from none


def _allowed(request: PlacementRequest, pools: Sequence[Pool]) -> Sequence[Pool]:
    """A clone stays in the pool of its snapshot unless the scheduler may choose."""
    if request.source_host is None or Scheduling.clones_move:
        return pools
    return [each for each in pools if each.host == request.source_host] or pools


def pool(row: PoolRow, unbooked: int = 0) -> Pool:
    """What the scheduler sees of a pool; unbooked: GiB that are booked and do not count."""
    return pool_from_stats(
        row.host,
        row.stats,
        availability_zone=row.zone,
        allocated_gb=row.allocated_gb - unbooked,
        up=is_up(row, Scheduling.service_down_time),
        disabled=row.disabled,
    )


def _request(
    tx: Tx, share: Share, share_type: ShareType | None, hints: Mapping[str, str], is_admin: bool
) -> PlacementRequest:
    source = _source_host(tx, share)
    return PlacementRequest(
        size=share.size,
        extra_specs=share_type.extra_specs if share_type else None,
        operation="create_from_snapshot" if source else "create",
        request_id=share.id,
        protocol=share.share_proto,
        is_admin=is_admin,
        share=properties(share, share_type),
        availability_zone=share.availability_zone,
        source_host=source,
        only_host=hints.get("only_host"),
        same_host=_hosts_of(tx, hints.get("same_host")),
        different_host=_hosts_of(tx, hints.get("different_host")),
    )


def properties(share: Share, share_type: ShareType | None) -> dict[str, object]:
    """What filter functions may look at."""
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
