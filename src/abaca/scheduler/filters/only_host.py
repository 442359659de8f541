"""OnlyHostFilter: an administrator named the pool."""

from __future__ import annotations

from collections.abc import Sequence

from ..explain import NO_HOST
from ..pools import Pool
from ..request import PlacementRequest
from .base import Check, Filter


def prepare(request: PlacementRequest, pools: Sequence[Pool]) -> Check | None:
    host = request.only_host
    if not host or not request.is_admin:
        return None
    reason = f"the hint only_host asks for {host}"
    return lambda pool: None if pool.host == host else reason


ONLY_HOST = Filter(
    "OnlyHostFilter",
    NO_HOST,
    (
        "is not the one that the scheduler hint names",
        "are not the one that the scheduler hint names",
    ),
    prepare,
)
