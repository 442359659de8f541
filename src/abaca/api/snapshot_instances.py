"""Snapshot instances: what snapshots are on backends, for administrators."""

from __future__ import annotations

from abaca.api.bodies import snapshots as bodies
from abaca.api.registry import action, route
from abaca.api.request import Body as Answer
from abaca.api.request import Request
from abaca.api.schema import Field
from abaca.api.views.fields import Representation
from abaca.api.views.snapshots import SNAPSHOT_INSTANCE, SNAPSHOT_INSTANCE_SUMMARY
from abaca.service import snapshots as service
from abaca.service import snapshots_state

_FILTERS = (Field("snapshot_id"),)


def _list(req: Request, representation: Representation) -> Answer:
    found = service.instances(req.env, req.context, req.query.get("snapshot_id"))
    return req.many("snapshot_instances", representation, found)


@route(
    "GET",
    "/snapshot-instances",
    id="snapshot_instances.index",
    min="2.19",
    policy="share_snapshot_instance:index",
    query=_FILTERS,
    returns={"snapshot_instances": [SNAPSHOT_INSTANCE_SUMMARY]},
)
def index(req: Request) -> Answer:
    """List snapshot instances."""
    return _list(req, SNAPSHOT_INSTANCE_SUMMARY)


@route(
    "GET",
    "/snapshot-instances/detail",
    id="snapshot_instances.detail",
    min="2.19",
    policy="share_snapshot_instance:detail",
    query=_FILTERS,
    returns={"snapshot_instances": [SNAPSHOT_INSTANCE]},
)
def detail(req: Request) -> Answer:
    """List snapshot instances with details."""
    return _list(req, SNAPSHOT_INSTANCE)


@route(
    "GET",
    "/snapshot-instances/{instance_id}",
    id="snapshot_instances.show",
    min="2.19",
    policy="share_snapshot_instance:show",
    returns={"snapshot_instance": SNAPSHOT_INSTANCE},
)
def show(req: Request, instance_id: str) -> Answer:
    """Show a snapshot instance."""
    found = service.instance(req.env, req.context, instance_id)
    return req.one("snapshot_instance", SNAPSHOT_INSTANCE, found)


@action(
    "/snapshot-instances/{instance_id}/action",
    "reset_status",
    id="snapshot_instances.action.reset_status",
    min="2.19",
    policy="share_snapshot_instance:reset_status",
    body=bodies.RESET_INSTANCE,
)
def reset_status(req: Request, instance_id: str) -> None:
    """Set the status of a snapshot instance."""
    status = req.body["status"]
    snapshots_state.reset_instance_status(req.env, req.context, instance_id, status)
