"""Pools of services that are silent or disabled take nothing: always first, never configured."""

from __future__ import annotations

from collections.abc import Sequence

from ..explain import NOT_READY
from ..pools import Pool
from ..request import PlacementRequest
from .base import Check, Filter


def prepare(_: PlacementRequest, __: Sequence[Pool]) -> Check:
    return _check


def _check(pool: Pool) -> str | None:
    if not pool.up:
        return "its service or its backend does not answer"
    if pool.disabled:
        return "its service is disabled"
    return None


IN_SERVICE = Filter("InService", NOT_READY, ("is out of service", "are out of service"), prepare)
