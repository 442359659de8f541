"""PoolWeigher: pools that a share server of the request uses already."""

from __future__ import annotations

from collections.abc import Sequence

from ..pools import Pool
from ..request import PlacementRequest
from .base import Weigh


def prepare(request: PlacementRequest, _: Sequence[Pool]) -> Weigh | None:
    used = request.server_hosts
    if not used:
        return None
    return lambda pool: 1.0 if pool.host in used else 0.0
