"""Pools: the places that shares can be put in, as the scheduler sees them."""

from __future__ import annotations

from abaca.api.kinds import DictText, Text
from abaca.api.registry import route
from abaca.api.request import Body as Answer
from abaca.api.request import Request
from abaca.api.schema import Field
from abaca.api.views.pools import POOL, POOL_SUMMARY
from abaca.service import pools as service
from abaca.service.pools import Place

_PARTS = ("pool", "host", "backend", "name")  # each matched by a regular expression
_QUERY = (
    *(Field(part, Text()) for part in _PARTS),
    Field("capabilities", DictText()),
    Field("share_type", Text(), since="2.23"),
)


def _find(req: Request) -> list[Place]:
    asked = req.query
    return service.find(
        req.env,
        req.context,
        {part: asked[part] for part in _PARTS if part in asked},
        capabilities=asked.get("capabilities"),
        share_type=asked.get("share_type"),
    )


@route(
    "GET",
    "/scheduler-stats/pools",
    id="scheduler_stats.pools_index",
    policy="scheduler_stats:pools:index",
    query=_QUERY,
    returns={"pools": [POOL_SUMMARY]},
)
def index(req: Request) -> Answer:
    """List the pools."""
    return req.many("pools", POOL_SUMMARY, _find(req))


@route(
    "GET",
    "/scheduler-stats/pools/detail",
    id="scheduler_stats.pools_detail",
    policy="scheduler_stats:pools:detail",
    query=_QUERY,
    returns={"pools": [POOL]},
)
def detail(req: Request) -> Answer:
    """List the pools with their capabilities."""
    return req.many("pools", POOL, _find(req))
