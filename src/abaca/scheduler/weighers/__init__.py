"""Weighers by the names that scheduler_default_weighers gives them."""

from __future__ import annotations

from collections.abc import Mapping

from . import capacity, goodness, host_affinity, pool
from .base import Weigher, normalised

WEIGHERS: Mapping[str, Weigher] = {
    "CapacityWeigher": capacity.prepare,
    "GoodnessWeigher": goodness.prepare,
    "HostAffinityWeigher": host_affinity.prepare,
    "PoolWeigher": pool.prepare,
}
# of other vendors' services: accepted, and of no effect
IGNORED = frozenset(("NetAppAIQWeigher",))

__all__ = ["IGNORED", "WEIGHERS", "Weigher", "normalised"]
