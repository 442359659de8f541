"""CapacityWeigher: whole GiB left, beside what is reserved; for thin pools, left to promise."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..pools import Pool
from ..request import PlacementRequest
from .base import Mark, Weigh


def prepare(request: PlacementRequest, _: Sequence[Pool]) -> Weigh:
    may_be_thin = request.may_be_thin()
    cloned = request.operation == "create_from_snapshot"

    def weigh(pool: Pool) -> Mark:
        free, total = pool.free, pool.total
        if free == "infinite":
            return math.inf
        if not isinstance(free, float) or not isinstance(total, float):
            return None
        kept = total * (pool.reserved_snapshot if cloned else pool.reserved) / 100
        if pool.thin and may_be_thin:
            return _whole(total * pool.max_over_subscription_ratio - pool.provisioned - kept)
        return _whole(free - kept)

    return weigh


def _whole(gigabytes: float) -> float:
    return float(math.floor(gigabytes)) if math.isfinite(gigabytes) else gigabytes
