"""Snapshots: list, show, create, update, delete.  What else is done to them: snapshot_actions."""

from __future__ import annotations

from abaca.api.bodies import snapshots as bodies
from abaca.api.bodies.names import named
from abaca.api.registry import route
from abaca.api.request import Body as Answer
from abaca.api.request import Request
from abaca.api.views.fields import Representation
from abaca.api.views.snapshots import SNAPSHOT, SNAPSHOT_SUMMARY
from abaca.service import shares as share_service
from abaca.service import snapshots as service
from abaca.store.snapshots_find import CLAUSES

_LISTED = {"count?": "integer", "share_snapshots_links?": "array"}


# --- list -----------------------------------------------------------------------------------------
@route(
    "GET",
    "/snapshots",
    id="snapshots.index",
    policy="share_snapshot:get_all_snapshots",
    query=bodies.FILTERS,
    returns={"snapshots": [SNAPSHOT_SUMMARY], **_LISTED},
)
def index(req: Request) -> Answer:
    """List snapshots."""
    return _list(req, SNAPSHOT_SUMMARY)


@route(
    "GET",
    "/snapshots/detail",
    id="snapshots.detail",
    policy="share_snapshot:get_all_snapshots",
    query=bodies.FILTERS,
    returns={"snapshots": [SNAPSHOT], **_LISTED},
)
def detail(req: Request) -> Answer:
    """List snapshots with details."""
    return _list(req, SNAPSHOT)


def _list(req: Request, representation: Representation) -> Answer:
    found, count = service.find(
        req.env,
        req.context,
        asked(req),
        req.page(),
        count=req.query.get("with_count", False),
    )
    return req.many("snapshots", representation, found, links="share_snapshots_links", count=count)


def asked(req: Request) -> service.Asked:
    """The filters of the query, as far as the caller may use them."""
    query = req.query
    if "deferred" in query.get("status", ""):
        req.authorize("share_snapshot:list_snapshots_in_deferred_deletion_states")
    return service.Asked(
        filters={name: query[name] for name in CLAUSES if name in query},
        metadata=query.get("metadata", {}),
        everybody=query["all_tenants"] and req.allowed("share_snapshot:list_all_projects"),
    )


# --- one snapshot ---------------------------------------------------------------------------------
@route(
    "GET",
    "/snapshots/{snapshot_id}",
    id="snapshots.show",
    policy="share_snapshot:get_snapshot",
    policy_target="snapshot",
    returns={"snapshot": SNAPSHOT},
)
def show(req: Request, snapshot_id: str) -> Answer:
    """Show a snapshot."""
    snapshot = service.get(req.env, req.context, snapshot_id)
    req.authorize("share_snapshot:get_snapshot", snapshot)
    return req.one("snapshot", SNAPSHOT, snapshot)


@route(
    "POST",
    "/snapshots",
    id="snapshots.create",
    policy=("share:create_snapshot", "share:get"),
    success=202,
    body=bodies.CREATE,
    returns={"snapshot": SNAPSHOT},
)
def create(req: Request) -> Answer:
    """Create a snapshot of a share."""
    given = req.body
    share = share_service.get(req.env, req.context, given["share_id"])
    req.authorize("share:create_snapshot", share)
    req.authorize("share:get", share)
    return req.one("snapshot", SNAPSHOT, service.create(req.env, req.context, **given))


@route(
    "PUT",
    "/snapshots/{snapshot_id}",
    id="snapshots.update",
    policy="share:snapshot_update",
    policy_target="snapshot",
    body=bodies.UPDATE,
    returns={"snapshot": SNAPSHOT},
)
def update(req: Request, snapshot_id: str) -> Answer:
    """Change the name or the description of a snapshot."""
    req.authorize("share:snapshot_update", service.get(req.env, req.context, snapshot_id))
    snapshot = service.update(req.env, req.context, snapshot_id, **named(req.body))
    return req.one("snapshot", SNAPSHOT, snapshot)


@route(
    "DELETE",
    "/snapshots/{snapshot_id}",
    id="snapshots.delete",
    policy="share:delete_snapshot",
    policy_target="snapshot",
    success=202,
)
def delete(req: Request, snapshot_id: str) -> None:
    """Delete a snapshot."""
    req.authorize("share:delete_snapshot", service.get(req.env, req.context, snapshot_id))
    service.delete(req.env, req.context, snapshot_id)
