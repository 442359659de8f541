"""IgnoreAttemptedHostsFilter and RetryFilter: pools that were tried before, in vain."""

from __future__ import annotations

from collections.abc import Sequence

from ..pools import Pool
from ..request import PlacementRequest
from .base import Check, Filter


def prepare(request: PlacementRequest, _: Sequence[Pool]) -> Check | None:
    attempted = request.attempted_hosts
    if not attempted:
        return None
    reason = f"It was tried before, as were {len(attempted)} in all."
    return lambda pool: reason if pool.host in attempted else None


_PHRASE = ("was tried in vain", "were tried in vain")
IGNORE_ATTEMPTED_HOSTS = Filter("IgnoreAttemptedHostsFilter", "011", _PHRASE, prepare)
RETRY = Filter("RetryFilter", "013", _PHRASE, prepare)
