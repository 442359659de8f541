"""Quota sets: the limits of a project, of a user in it, of a share type in it."""

from __future__ import annotations

from typing import Any

from abaca.api.bodies import quotas as bodies
from abaca.api.registry import route
from abaca.api.request import Body as Answer
from abaca.api.request import Request
from abaca.api.views.quotas import QUOTA_SET, SINCE, usages
from abaca.service import quotas as service
from abaca.service.quotas import NOT_FOR_TYPES, QuotaSet, Whose

_OLD, _NEW = "/os-quota-sets/{project_id}", "/quota-sets/{project_id}"
_SHOW = "quota_set:show"


def _whose(req: Request, project_id: str) -> Whose:
    query = req.query
    return Whose(
        project_id=project_id,
        user_id=query.get("user_id"),
        share_type=query.get("share_type"),
    )


def _shown(req: Request, quotas: QuotaSet) -> dict[str, Any]:
    shown = req.view(QUOTA_SET).one(quotas)
    if quotas.of_type:
        return {key: value for key, value in shown.items() if key not in NOT_FOR_TYPES}
    return shown


@route(
    "GET",
    f"{_OLD}/defaults",
    id="quota_sets.legacy.defaults",
    max="2.6",
    policy=_SHOW,
    returns={"quota_set": QUOTA_SET},
)
@route(
    "GET",
    f"{_NEW}/defaults",
    id="quota_sets.defaults",
    min="2.7",
    policy=_SHOW,
    returns={"quota_set": QUOTA_SET},
)
def defaults(req: Request, project_id: str) -> Answer:
    """Show the default quotas."""
    return req.one("quota_set", QUOTA_SET, service.defaults(req.env, project_id))


@route(
    "GET",
    _OLD,
    id="quota_sets.legacy.show",
    max="2.6",
    policy=_SHOW,
    query=bodies.QUERY,
    returns=bodies.SHOWN,
)
@route(
    "GET",
    _NEW,
    id="quota_sets.show",
    min="2.7",
    policy=_SHOW,
    query=bodies.QUERY,
    returns=bodies.SHOWN,
)
def show(req: Request, project_id: str) -> Answer:
    """Show the quotas of a project, of a user or of a share type."""
    return {"quota_set": _shown(req, service.show(req.env, req.context, _whose(req, project_id)))}


@route(
    "GET",
    f"{_NEW}/detail",
    id="quota_sets.detail",
    min="2.25",
    policy=_SHOW,
    query=bodies.QUERY,
    returns=bodies.DETAIL,
)
def detail(req: Request, project_id: str) -> Answer:
    """Show quotas and how much of them is in use."""
    quotas = service.show(req.env, req.context, _whose(req, project_id))
    return {"quota_set": usages(req.view_context, quotas, _shown(req, quotas))}


@route(
    "PUT",
    _OLD,
    id="quota_sets.legacy.update",
    max="2.6",
    policy="quota_set:update",
    query=bodies.QUERY,
    body=bodies.UPDATE,
    returns=bodies.SHOWN,
)
@route(
    "PUT",
    _NEW,
    id="quota_sets.update",
    min="2.7",
    policy="quota_set:update",
    query=bodies.QUERY,
    body=bodies.UPDATE,
    returns=bodies.SHOWN,
)
def update(req: Request, project_id: str) -> Answer:
    """Set quotas of a project, of a user or of a share type."""
    limits = {key: value for key, value in req.body.items() if key in SINCE}
    whose = _whose(req, project_id)
    changed = service.update(req.env, req.context, whose, limits, force=req.body["force"])
    shown = _shown(req, changed)
    del shown["id"]
    return {"quota_set": shown}


@route(
    "DELETE",
    _OLD,
    id="quota_sets.legacy.delete",
    max="2.6",
    policy="quota_set:delete",
    success=202,
    query=bodies.QUERY,
)
@route(
    "DELETE",
    _NEW,
    id="quota_sets.delete",
    min="2.7",
    policy="quota_set:delete",
    success=202,
    query=bodies.QUERY,
)
def delete(req: Request, project_id: str) -> None:
    """Put quotas back to the defaults."""
    service.delete(req.env, req.context, _whose(req, project_id))
