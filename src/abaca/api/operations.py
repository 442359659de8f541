"""The timeline of a share or snapshot: who asked for what, when, and how each step went."""

from __future__ import annotations

from abaca.api.registry import route
from abaca.api.request import Body as Answer
from abaca.api.request import Request
from abaca.api.schema import PAGING
from abaca.api.views.operations import OPERATION
from abaca.service import operations as service

_RETURNS = {"operations": [OPERATION], "operations_links?": "array"}


@route(
    "GET",
    "/shares/{share_id}/operations",
    id="operations.of_share",
    policy="share:list_operations",
    policy_target="share",
    query=PAGING,
    returns=_RETURNS,
    extension=True,
)
def of_share(req: Request, share_id: str) -> Answer:
    """List what was done to a share, oldest first."""
    return _list(req, service.SHARE, share_id, f"shares/{share_id}/operations")


@route(
    "GET",
    "/snapshots/{snapshot_id}/operations",
    id="operations.of_snapshot",
    policy="share_snapshot:list_operations",
    policy_target="snapshot",
    query=PAGING,
    returns=_RETURNS,
    extension=True,
)
def of_snapshot(req: Request, snapshot_id: str) -> Answer:
    """List what was done to a snapshot, oldest first."""
    return _list(req, service.SNAPSHOT, snapshot_id, f"snapshots/{snapshot_id}/operations")


def _list(req: Request, kind: str, resource_id: str, path: str) -> Answer:
    found = service.history(req.env, req.context, kind, resource_id, req.page())
    for rule in req.route.policy:
        req.authorize(rule, found)
    return req.many(
        "operations", OPERATION, found.operations, links="operations_links", collection=path
    )
