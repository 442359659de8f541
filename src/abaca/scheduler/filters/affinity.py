"""AffinityFilter and AntiAffinityFilter: hints same_host and different_host."""

from __future__ import annotations

from collections.abc import Sequence

from ..explain import NO_HOST
from ..pools import Pool
from ..request import PlacementRequest
from .base import Check, Filter


def prepare_same(request: PlacementRequest, _: Sequence[Pool]) -> Check | None:
    """Within the pools that all the shares have in common."""
    if not request.same_host:
        return None
    places = {share: frozenset(hosts) for share, hosts in request.same_host.items()}

    def check(pool: Pool) -> str | None:
        for share, hosts in places.items():
            if pool.host not in hosts:
                return f"Share {share} is not in it (hint same_host)."
        return None

    return check


def prepare_different(request: PlacementRequest, _: Sequence[Pool]) -> Check | None:
    """Outside of the pools of any of the shares."""
    taken = {host: share for share, hosts in request.different_host.items() for host in hosts}
    if not taken:
        return None

    def check(pool: Pool) -> str | None:
        share = taken.get(pool.host)
        return None if share is None else f"Share {share} is in it (hint different_host)."

    return check


AFFINITY = Filter(
    "AffinityFilter",
    NO_HOST,
    ("is not where the hint same_host asks for", "are not where the hint same_host asks for"),
    prepare_same,
)
ANTI_AFFINITY = Filter(
    "AntiAffinityFilter",
    NO_HOST,
    ("is excluded by the hint different_host", "are excluded by the hint different_host"),
    prepare_different,
)
