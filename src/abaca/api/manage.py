"""Shares that exist already on a backend: manage and unmanage."""

from __future__ import annotations

from abaca.api.bodies.shares import MANAGE
from abaca.api.registry import action, route
from abaca.api.request import Body as Answer
from abaca.api.request import Request
from abaca.api.schema import empty
from abaca.api.share_actions import FIRST_PLAIN, LAST_OS, PLACE, load
from abaca.api.views.shares import SHARE
from abaca.service import manage as service
from abaca.service.manage import Managed


@route(
    "POST",
    "/os-share-manage",
    id="shares.legacy.create",
    max=LAST_OS,
    policy="share:manage",
    body=MANAGE,
    returns={"share": SHARE},
)
@route(
    "POST",
    "/shares/manage",
    id="shares.manage",
    min=FIRST_PLAIN,
    policy="share:manage",
    body=MANAGE,
    returns={"share": SHARE},
)
def manage(req: Request) -> Answer:
    """Take over a share that exists on a backend."""
    given = dict(req.body)
    if given.get("is_public"):
        req.authorize("share:create_public_share")
    given["driver_options"] = given.get("driver_options") or {}
    given["host"], given["share_proto"] = given.pop("service_host"), given.pop("protocol")
    return req.one("share", SHARE, service.manage(req.env, req.context, Managed(**given)))


@route(
    "POST",
    "/os-share-unmanage/{share_id}/unmanage",
    id="shares.legacy.unmanage",
    max=LAST_OS,
    success=202,
    policy="share:unmanage",
    policy_target="share",
)
@action(
    PLACE,
    "unmanage",
    id="shares.action.unmanage",
    min=FIRST_PLAIN,
    policy="share:unmanage",
    policy_target="share",
    body=empty("unmanage"),
)
def unmanage(req: Request, share_id: str) -> None:
    """Forget a share; its data stays on the backend."""
    load(req, share_id, "share:unmanage")
    service.unmanage(req.env, req.context, share_id)
