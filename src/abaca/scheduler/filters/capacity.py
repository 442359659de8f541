"""CapacityFilter: room for the size, with the reservation and the over-subscription of the pool."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..pools import Pool
from ..request import PlacementRequest
from ..text import gib
from .base import Check, Filter


def reserved_percent(pool: Pool, operation: str) -> float:
    """Percent of the total that must stay free under this operation."""
    if operation == "create_from_snapshot":
        return pool.reserved_snapshot
    if operation == "extend":
        return pool.reserved_extend
    return pool.reserved


def prepare(request: PlacementRequest, pools: Sequence[Pool]) -> Check | None:
    need, operation, may_be_thin = request.needed, request.operation, request.may_be_thin()

    def check(pool: Pool) -> str | None:
        total, free = pool.total, pool.free
        if free is None or total is None:
            return "it reports no capacity"
        if isinstance(total, float) and total <= 0:
            return f"it reports a total capacity of {gib(total)}"
        percent = reserved_percent(pool, operation)
        if not isinstance(total, float):
            return _without_total(pool, need, percent)
        if not isinstance(free, float):
            return None  # it cannot say what is free: believed to have room
        if pool.thin and may_be_thin:
            return _thin(pool, need, total, free, percent)
        usable = math.floor(free - total * percent / 100)
        if usable < need:
            return _too_little(need, usable, free, percent)
        return None

    return check


def _thin(pool: Pool, need: int, total: float, free: float, percent: float) -> str | None:
    """What was placed since the report is promised, but fills nothing yet."""
    ratio, free = pool.max_over_subscription_ratio, free + pool.booked
    if ratio < 1:
        return f"its max_over_subscription_ratio is {ratio:g}, which is below 1"
    if pool.provisioned + need > total * ratio:
        return (
            f"{gib(need)} are asked, {gib(pool.provisioned)} are promised already and"
            f" {gib(total * ratio)} may be ({gib(total)} x {ratio:g})"
        )
    usable = math.floor(free - total * percent / 100)
    if usable * ratio < need:
        return f"{_too_little(need, usable, free, percent)}, which counts {ratio:g} times"
    return None


def _without_total(pool: Pool, need: int, percent: float) -> str | None:
    if percent:
        return f"its total capacity is {pool.total}, so {percent:g}% cannot be reserved"
    if isinstance(pool.free, float) and pool.free < need:
        return _too_little(need, pool.free, pool.free, percent)
    return None


def _too_little(need: int, usable: float, free: float, percent: float) -> str:
    text = f"{gib(need)} are asked, {gib(usable)} are usable"
    return f"{text} ({gib(free)} free, {percent:g}% of the total reserved)"


CAPACITY = Filter(
    "CapacityFilter",
    "009",
    ("has too little free space", "have too little free space"),
    prepare,
)
