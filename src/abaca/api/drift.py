"""Drift, an extension of abaca's own: where backends differ from the database, and what is done.

A finding goes when it is repaired, adopted or no longer there at the next look.  Repairs and
adoptions are operations, on record with the one who asked for them.
"""

from __future__ import annotations

from abaca.api.kinds import Bool, ListOf, Text, Uuid
from abaca.api.registry import route
from abaca.api.request import Body as Answer
from abaca.api.request import Request, Response
from abaca.api.schema import Body, Field, paged
from abaca.api.views.drift import ADOPTION, FINDING, LOOK, STEP
from abaca.service import drift as service
from abaca.service.drift import Adoption

_DRY = Field("dry_run", Bool(), default=True)
_REPAIR = Body(
    "repair",
    Field("ids", ListOf(kind=Uuid(), min=1), null=True),
    Field("host", Text(min=1), null=True),
    _DRY,
    unknown="refuse",
)
_ADOPT = Body(
    "adopt",
    Field("name", Text(), null=True),
    Field("share_type", Text(min=1), null=True),
    Field("project_id", Text(min=1, max=64), null=True),
    Field("pool", Text(min=1), null=True),
    _DRY,
    unknown="refuse",
)


@route(
    "GET",
    "/drift",
    id="drift.index",
    policy="drift:index",
    query=paged(Field("host", Text())),
    returns={"drift": [FINDING], "looks": [LOOK], "drift_links?": "array"},
    extension=True,
)
def index(req: Request) -> Answer:
    """List where backends differ from the database, each with the proposed action."""
    report = service.find(req.env, req.context, req.query.get("host"), req.page())
    return {
        **req.many("drift", FINDING, report.findings, links="drift_links"),
        **req.many("looks", LOOK, report.looks),
    }


@route(
    "POST",
    "/drift/repair",
    id="drift.repair",
    policy="drift:repair",
    success=202,
    also=(200,),
    body=_REPAIR,
    returns={"repairs": [STEP]},
    extension=True,
)
def repair(req: Request) -> Response:
    """Repair findings, or all of them; a dry run (the default) says what would be done."""
    given = dict(req.body)
    steps = service.repair(req.env, req.context, **given)
    return Response(req.many("repairs", STEP, steps), status=200 if given["dry_run"] else None)


@route(
    "POST",
    "/drift/{finding_id}/adopt",
    id="drift.adopt",
    policy="drift:adopt",
    success=202,
    also=(200,),
    body=_ADOPT,
    returns={"adoption": ADOPTION},
    extension=True,
)
def adopt(req: Request, finding_id: str) -> Response:
    """Give a row to what has none; a dry run (the default) says what would be done."""
    given = Adoption(**req.body)
    made = service.adopt(req.env, req.context, finding_id, given)
    return Response(req.one("adoption", ADOPTION, made), status=200 if given.dry_run else None)
