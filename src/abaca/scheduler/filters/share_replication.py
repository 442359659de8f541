"""ShareReplicationFilter: replicas live in one replication domain, each in a pool of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..pools import Pool, pool_at
from ..request import PlacementRequest
from ..text import shown
from .base import Check, Filter


def prepare(request: PlacementRequest, pools: Sequence[Pool]) -> Check | None:
    if not request.spec("replication_type"):
        return None
    active = pool_at(pools, request.active_replica_host)
    domain: Any = domain_of(active) if active else None
    copying = request.active_replica_host is not None

    def check(pool: Pool) -> str | None:
        own = domain_of(pool)
        if not own:
            return "Its backend has no replication_domain."
        if copying and own != domain:
            return f"Its replication_domain is {shown(own)}; the active replica's is {domain!r}."
        if pool.host in request.replica_hosts:
            return "It has a replica of this share already."
        return None

    return check


def domain_of(pool: Pool) -> str | None:
    value = pool.capabilities.get("replication_domain")
    return str(value) if value else None


SHARE_REPLICATION = Filter(
    "ShareReplicationFilter",
    "014",
    ("can hold no replica of it", "can hold no replica of it"),
    prepare,
)
