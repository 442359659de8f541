"""AvailabilityZoneFilter: the zone that was asked for, within those the share type allows."""

from __future__ import annotations

from collections.abc import Sequence

from ..pools import Pool
from ..request import PlacementRequest
from ..text import listed
from .base import Check, Filter


def prepare(request: PlacementRequest, pools: Sequence[Pool]) -> Check | None:
    wanted, allowed, subnets = (
        request.availability_zone,
        request.zones(),
        request.zones_with_subnets,
    )
    if not wanted and not allowed and not subnets:
        return None
    among = listed(allowed, "or")

    def check(pool: Pool) -> str | None:
        zone = pool.availability_zone
        if wanted and zone != wanted:
            return f"it is in zone {zone}, asked is {wanted}"
        if allowed and zone not in allowed:
            return f"it is in zone {zone}, the share type allows {among}"
        if zone in subnets:
            known = pool.capabilities.get("share_server_multiple_subnet_support")
            if known is not True:
                return f"the network has several subnets in zone {zone}, and it supports only one"
        return None

    return check


AVAILABILITY_ZONE = Filter(
    "AvailabilityZoneFilter",
    "007",
    ("is not in a suitable availability zone", "are not in a suitable availability zone"),
    prepare,
)
