"""Quota classes: the class `default` is what projects may use unless a limit is set for them."""

from __future__ import annotations

from abaca.api.bodies import quotas as bodies
from abaca.api.registry import route
from abaca.api.request import Body as Answer
from abaca.api.request import Request
from abaca.api.views.quotas import QUOTA_CLASS_SET
from abaca.service import quotas as service

_OLD, _NEW = "/os-quota-class-sets/{name}", "/quota-class-sets/{name}"
_ONE = {"quota_class_set": QUOTA_CLASS_SET}


@route(
    "GET",
    _OLD,
    id="quota_class_sets.legacy.show",
    max="2.6",
    policy="quota_class_set:show",
    returns=_ONE,
)
@route(
    "GET",
    _NEW,
    id="quota_class_sets.show",
    min="2.7",
    policy="quota_class_set:show",
    returns=_ONE,
)
def show(req: Request, name: str) -> Answer:
    """Show the quotas of a class."""
    quotas = service.show_class(req.env, req.context, name)
    return req.one("quota_class_set", QUOTA_CLASS_SET, quotas)


@route(
    "PUT",
    _OLD,
    id="quota_class_sets.legacy.update",
    max="2.6",
    policy="quota_class_set:update",
    body=bodies.UPDATE_CLASS,
    returns=bodies.CLASS_UPDATED,
)
@route(
    "PUT",
    _NEW,
    id="quota_class_sets.update",
    min="2.7",
    policy="quota_class_set:update",
    body=bodies.UPDATE_CLASS,
    returns=bodies.CLASS_UPDATED,
)
def update(req: Request, name: str) -> Answer:
    """Set quotas of a class."""
    changed = service.update_class(req.env, req.context, name, req.body)
    shown = req.view(QUOTA_CLASS_SET).one(changed)
    del shown["id"]
    return {"quota_class_set": shown}
