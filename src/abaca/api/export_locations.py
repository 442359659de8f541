"""Export locations of shares and of share instances."""

from __future__ import annotations

from abaca.api.registry import route
from abaca.api.request import Body as Answer
from abaca.api.request import Request
from abaca.api.shares import reading_target
from abaca.api.views.export_locations import EXPORT_LOCATION, EXPORT_LOCATION_SUMMARY
from abaca.model.errors import Forbidden
from abaca.service import export_locations as service

_LIST = {"export_locations": [EXPORT_LOCATION_SUMMARY]}
_ONE = {"export_location": EXPORT_LOCATION}
_OF_SHARE = "/shares/{share_id}/export_locations"
_OF_INSTANCE = "/share_instances/{share_instance_id}/export_locations"


@route(
    "GET",
    _OF_SHARE,
    id="shares_export_locations.index",
    min="2.9",
    policy="share_export_location:index",
    policy_target="share",
    returns=_LIST,
)
def of_share(req: Request, share_id: str) -> Answer:
    """List where a share can be mounted."""
    found, share = service.of_share(req.env, req.context, share_id)
    req.authorize("share_export_location:index", reading_target(share))
    return req.many("export_locations", EXPORT_LOCATION_SUMMARY, found)


@route(
    "GET",
    f"{_OF_SHARE}/{{export_location_id}}",
    id="shares_export_locations.show",
    min="2.9",
    policy="share_export_location:show",
    policy_target="share",
    returns=_ONE,
)
def show(req: Request, share_id: str, export_location_id: str) -> Answer:
    """Show an export location of a share."""
    found, share = service.one(req.env, req.context, share_id, export_location_id)
    req.authorize("share_export_location:show", reading_target(share))
    if found is None:
        raise service.missing(export_location_id)
    if not service.visible(req.context, found):
        raise Forbidden(f"Export location {found.id} is for administrators only.")
    return req.one("export_location", EXPORT_LOCATION, found)


_INSTANCE_INDEX = ("share_instance:show", "share_instance_export_location:index")
_INSTANCE_SHOW = ("share_instance:show", "share_instance_export_location:show")


@route(
    "GET",
    _OF_INSTANCE,
    id="share_instances_export_locations.index",
    min="2.9",
    policy=_INSTANCE_INDEX,
    returns=_LIST,
)
def of_instance(req: Request, share_instance_id: str) -> Answer:
    """List where a share instance can be mounted."""
    found = service.of_instance(req.env, share_instance_id)
    return req.many("export_locations", EXPORT_LOCATION_SUMMARY, found)


@route(
    "GET",
    f"{_OF_INSTANCE}/{{export_location_id}}",
    id="share_instances_export_locations.show",
    min="2.9",
    policy=_INSTANCE_SHOW,
    returns=_ONE,
)
def show_of_instance(req: Request, share_instance_id: str, export_location_id: str) -> Answer:
    """Show an export location of a share instance."""
    for found in service.of_instance(req.env, share_instance_id):
        if found.id == export_location_id:
            return req.one("export_location", EXPORT_LOCATION, found)
    raise service.missing(export_location_id)
