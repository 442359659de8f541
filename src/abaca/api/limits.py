"""Limits: what the project of the caller may use, and what it uses."""

from __future__ import annotations

from abaca.api.registry import route
from abaca.api.request import Body as Answer
from abaca.api.request import Request
from abaca.api.views.fields import Field, Representation
from abaca.api.views.quotas import LIMITS_ABSOLUTE
from abaca.service import quotas as service

LIMIT_RATE = Representation(
    "limit_rate",  # abaca limits no rates: the list is always empty
    [
        Field("uri"),
        Field("regex"),
        Field("limit", "array({verb,value,remaining,unit,next-available})"),
    ],
)


@route(
    "GET",
    "/limits",
    id="limits.index",
    returns={"limits": {"rate": [LIMIT_RATE], "absolute": LIMITS_ABSOLUTE}},
)
def index(req: Request) -> Answer:
    """Show the limits of the caller's project."""
    whose = service.Whose(project_id=req.context.project_id)
    quotas = service.show(req.env, req.context, whose)
    return {"limits": {"rate": [], "absolute": req.view(LIMITS_ABSOLUTE).one(quotas)}}
