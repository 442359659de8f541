"""CreateFromSnapshotFilter: a clone stays with the backend of its snapshot, or in its domain."""

from __future__ import annotations

from collections.abc import Sequence

from ..pools import Pool, pool_at
from ..request import PlacementRequest
from ..text import shown
from .base import Check, Filter
from .share_replication import domain_of


def prepare(request: PlacementRequest, pools: Sequence[Pool]) -> Check | None:
    host = request.source_host
    if request.operation != "create_from_snapshot" or not host:
        return None
    backend = host.partition("#")[0]
    source = pool_at(pools, host)
    domain = domain_of(source) if source else None

    def check(pool: Pool) -> str | None:
        if pool.backend == backend or (domain and domain_of(pool) == domain):
            return None
        shared = f" or in replication_domain {shown(domain)}" if domain else ""
        return f"The snapshot lies on {shown(backend)}; its clones must be there{shared}."

    return check


CREATE_FROM_SNAPSHOT = Filter(
    "CreateFromSnapshotFilter",
    "016",
    ("cannot use this snapshot", "cannot use this snapshot"),
    prepare,
)
