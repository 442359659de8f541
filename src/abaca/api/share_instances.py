"""Share instances, for administrators."""

from __future__ import annotations

from abaca.api.bodies.shares import PATH, reset_status
from abaca.api.kinds import Bool
from abaca.api.registry import action, route
from abaca.api.request import Body as Answer
from abaca.api.request import Request
from abaca.api.schema import Field, empty, paged
from abaca.api.share_actions import FIRST_PLAIN, LAST_OS
from abaca.api.views.shares import LAST_WITH_PATHS, SHARE_INSTANCE
from abaca.service import share_instances as service

FIRST = "2.3"
_INSTANCE, _INSTANCES = "/share_instances/{share_instance_id}", "/share_instances"
_ACTION = f"{_INSTANCE}/action"
_LIST = {"share_instances": [SHARE_INSTANCE], "share_instances_links?": "array"}
_FORCE_DELETE = ("share_instance:force_delete", "share:delete")
_FILTERS = ("export_location_id", "export_location_path")


@route(
    "GET",
    _INSTANCES,
    id="share_instances.index",
    min=FIRST,
    policy="share_instance:index",
    query=paged(
        Field("export_location_id", since="2.35"),
        Field("export_location_path", PATH, since="2.35"),
        Field("is_soft_deleted", Bool(), default=False, since="2.69"),
    ),
    returns=_LIST,
)
def index(req: Request) -> Answer:
    """List the instances of all shares."""
    found = service.find(
        req.env,
        {name: req.query[name] for name in _FILTERS if name in req.query},
        req.page(),
        soft_deleted=req.query.get("is_soft_deleted", False),
        locations=req.version <= LAST_WITH_PATHS,
    )
    return req.many("share_instances", SHARE_INSTANCE, found, links="share_instances_links")


@route(
    "GET",
    _INSTANCE,
    id="share_instances.show",
    min=FIRST,
    policy="share_instance:show",
    returns={"share_instance": SHARE_INSTANCE},
)
def show(req: Request, share_instance_id: str) -> Answer:
    """Show a share instance."""
    locations = req.version <= LAST_WITH_PATHS
    found = service.get(req.env, share_instance_id, locations=locations)
    return req.one("share_instance", SHARE_INSTANCE, found)


@route(
    "GET",
    "/shares/{share_id}/instances",
    id="share_instances.get_share_instances",
    min=FIRST,
    policy="share_instance:index",
    returns={"share_instances": [SHARE_INSTANCE]},
)
def of_share(req: Request, share_id: str) -> Answer:
    """List the instances of a share."""
    locations = req.version <= LAST_WITH_PATHS
    found = service.of_share(req.env, req.context, share_id, locations=locations)
    return req.many("share_instances", SHARE_INSTANCE, found)


@action(
    _ACTION,
    "os-reset_status",
    id="share_instances.action.os-reset_status",
    min=FIRST,
    max=LAST_OS,
    policy="share_instance:reset_status",
    body=reset_status("os-reset_status"),
)
@action(
    _ACTION,
    "reset_status",
    id="share_instances.action.reset_status",
    min=FIRST_PLAIN,
    policy="share_instance:reset_status",
    body=reset_status("reset_status"),
)
def reset(req: Request, share_instance_id: str) -> None:
    """Set the status of a share instance; what was going on with it is called off."""
    service.reset_status(req.env, share_instance_id, req.body["status"])


@action(
    _ACTION,
    "os-force_delete",
    id="share_instances.action.os-force_delete",
    min=FIRST,
    max=LAST_OS,
    policy=_FORCE_DELETE,
    body=empty("os-force_delete"),
)
@action(
    _ACTION,
    "force_delete",
    id="share_instances.action.force_delete",
    min=FIRST_PLAIN,
    policy=_FORCE_DELETE,
    body=empty("force_delete"),
)
def force_delete(req: Request, share_instance_id: str) -> None:
    """Delete a share instance in any state."""
    service.force_delete(req.env, req.context, share_instance_id)
