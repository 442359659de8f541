"""Availability zones: those in which an enabled service runs."""

from __future__ import annotations

from abaca.api.registry import route
from abaca.api.request import Answer, Request
from abaca.api.views.availability_zones import AVAILABILITY_ZONE
from abaca.service import availability_zones as service

_LIST = {"availability_zones": [AVAILABILITY_ZONE]}
_RULE = "availability_zone:index"


@route(
    "GET",
    "/os-availability-zone",
    id="availability_zones.legacy.index",
    max="2.6",
    policy=_RULE,
    returns=_LIST,
)
@route(
    "GET",
    "/availability-zones",
    id="availability_zones.index",
    min="2.7",
    policy=_RULE,
    returns=_LIST,
)
def index(req: Request) -> Answer:
    """List the availability zones."""
    zones = service.find(req.env, req.context)
    return req.many("availability_zones", AVAILABILITY_ZONE, zones)
