"""Access rules of mountable snapshots."""

from __future__ import annotations

from abaca.api.bodies import snapshots as bodies
from abaca.api.registry import action, route
from abaca.api.request import Body as Answer
from abaca.api.request import Request
from abaca.api.views.snapshots import SNAPSHOT_ACCESS_RULE
from abaca.service import access_to
from abaca.service import snapshot_access as service
from abaca.service import snapshots as snapshot_service

_ACTION = "/snapshots/{snapshot_id}/action"


@route(
    "GET",
    "/snapshots/{snapshot_id}/access-list",
    id="snapshots.access_list",
    min="2.32",
    policy="share_snapshot:access_list",
    policy_target="snapshot",
    returns={"snapshot_access_list": [SNAPSHOT_ACCESS_RULE]},
)
def access_list(req: Request, snapshot_id: str) -> Answer:
    """List the access rules of a snapshot."""
    snapshot = snapshot_service.get(req.env, req.context, snapshot_id)
    req.authorize("share_snapshot:access_list", snapshot)
    found = service.of_snapshot(req.env, req.context, snapshot_id)
    return req.many("snapshot_access_list", SNAPSHOT_ACCESS_RULE, found)


@action(
    _ACTION,
    "allow_access",
    id="snapshots.action.allow_access",
    min="2.32",
    policy="share_snapshot:allow_access",
    policy_target="snapshot",
    body=bodies.ALLOW,
    returns={"snapshot_access": SNAPSHOT_ACCESS_RULE},
)
def allow(req: Request, snapshot_id: str) -> Answer:
    """Let a client read a snapshot."""
    snapshot = snapshot_service.get(req.env, req.context, snapshot_id)
    req.authorize("share_snapshot:allow_access", snapshot)
    kind = req.body["access_type"]
    to = access_to.check(kind, req.body["access_to"], ipv6=req.since("2.38"))
    rule = service.allow(req.env, req.context, snapshot_id, access_type=kind, access_to=to)
    return req.one("snapshot_access", SNAPSHOT_ACCESS_RULE, rule)


@action(
    _ACTION,
    "deny_access",
    id="snapshots.action.deny_access",
    min="2.32",
    policy="share_snapshot:deny_access",
    policy_target="snapshot",
    body=bodies.DENY,
)
def deny(req: Request, snapshot_id: str) -> None:
    """No longer let a client read a snapshot."""
    snapshot = snapshot_service.get(req.env, req.context, snapshot_id)
    req.authorize("share_snapshot:deny_access", snapshot)
    service.deny(req.env, req.context, snapshot_id, req.body["access_id"])
