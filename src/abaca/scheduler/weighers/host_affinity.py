"""HostAffinityWeigher: a clone is best near its snapshot."""

from __future__ import annotations

from collections.abc import Sequence

from ..pools import Pool, pool_at
from ..request import PlacementRequest
from .base import Weigh

SAME_POOL, SAME_BACKEND, SAME_ZONE, ELSEWHERE = 100.0, 75.0, 50.0, 25.0


def prepare(request: PlacementRequest, pools: Sequence[Pool]) -> Weigh | None:
    host = request.source_host
    if request.operation != "create_from_snapshot" or not host:
        return None
    backend = host.partition("#")[0]
    source = pool_at(pools, host)
    zone = source.availability_zone if source else None

    def weigh(pool: Pool) -> float:
        if pool.host == host:
            return SAME_POOL
        if pool.backend == backend:
            return SAME_BACKEND
        return SAME_ZONE if zone and pool.availability_zone == zone else ELSEWHERE

    return weigh
