"""Where mountable snapshots, and the instances of snapshots, are exported."""

from __future__ import annotations

from abaca.api.registry import route
from abaca.api.request import Body as Answer
from abaca.api.request import Request
from abaca.api.views.snapshots import (
    SNAPSHOT_EXPORT_LOCATION,
    SNAPSHOT_EXPORT_LOCATION_SUMMARY,
)
from abaca.service import snapshots as service

_OF_SNAPSHOT = "/snapshots/{snapshot_id}/export-locations"
_OF_INSTANCE = "/snapshot-instances/{instance_id}/export-locations"
_MANY, _ONE = "share_snapshot_export_locations", "share_snapshot_export_location"


def _authorize(req: Request, snapshot_id: str) -> None:
    snapshot = service.get(req.env, req.context, snapshot_id)
    for rule in req.route.policy:
        req.authorize(rule, snapshot)


@route(
    "GET",
    _OF_SNAPSHOT,
    id="snapshots_export_locations.index",
    min="2.32",
    policy=("share:get", "share_snapshot_export_location:index"),
    policy_target="snapshot",
    returns={_MANY: [SNAPSHOT_EXPORT_LOCATION_SUMMARY]},
)
def index(req: Request, snapshot_id: str) -> Answer:
    """List the export locations of a snapshot."""
    _authorize(req, snapshot_id)
    found = service.locations(req.env, req.context, snapshot_id)
    return req.many(_MANY, SNAPSHOT_EXPORT_LOCATION_SUMMARY, found)


@route(
    "GET",
    _OF_SNAPSHOT + "/{location_id}",
    id="snapshots_export_locations.show",
    min="2.32",
    policy=("share:get", "share_snapshot_export_location:show"),
    policy_target="snapshot",
    returns={_ONE: SNAPSHOT_EXPORT_LOCATION},
)
def show(req: Request, snapshot_id: str, location_id: str) -> Answer:
    """Show an export location of a snapshot."""
    _authorize(req, snapshot_id)
    found = service.locations(req.env, req.context, snapshot_id)
    return req.one(_ONE, SNAPSHOT_EXPORT_LOCATION, service.the_location(found, location_id))


@route(
    "GET",
    _OF_INSTANCE,
    id="snapshot_instances_export_locations.index",
    min="2.32",
    policy=("share:get", "share_snapshot_instance_export_location:index"),
    returns={_MANY: [SNAPSHOT_EXPORT_LOCATION_SUMMARY]},
)
def instance_index(req: Request, instance_id: str) -> Answer:
    """List the export locations of a snapshot instance."""
    found = service.instance_locations(req.env, req.context, instance_id)
    return req.many(_MANY, SNAPSHOT_EXPORT_LOCATION_SUMMARY, found)


@route(
    "GET",
    _OF_INSTANCE + "/{location_id}",
    id="snapshot_instances_export_locations.show",
    min="2.32",
    policy=("share:get", "share_snapshot_instance_export_location:show"),
    returns={_ONE: SNAPSHOT_EXPORT_LOCATION},
)
def instance_show(req: Request, instance_id: str, location_id: str) -> Answer:
    """Show an export location of a snapshot instance."""
    found = service.instance_locations(req.env, req.context, instance_id)
    return req.one(_ONE, SNAPSHOT_EXPORT_LOCATION, service.the_location(found, location_id))
