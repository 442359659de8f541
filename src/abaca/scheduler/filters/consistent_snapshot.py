"""ConsistentSnapshotFilter: share groups whose snapshots are taken at one moment."""

from __future__ import annotations

from collections.abc import Sequence

from ..explain import NO_HOST
from ..pools import Pool
from ..request import PlacementRequest
from ..text import shown
from .base import Check, Filter


def prepare(request: PlacementRequest, pools: Sequence[Pool]) -> Check | None:
    wanted = request.group_specs.get("consistent_snapshot_support")
    if wanted is None:
        return None

    def check(pool: Pool) -> str | None:
        own = pool.capabilities.get("sg_consistent_snapshot_support")
        if own == wanted:
            return None
        return f"its sg_consistent_snapshot_support is {shown(own)}, asked is {shown(wanted)}"

    return check


CONSISTENT_SNAPSHOT = Filter(
    "ConsistentSnapshotFilter",
    NO_HOST,
    ("cannot take snapshots of the whole group", "cannot take snapshots of the whole group"),
    prepare,
)
