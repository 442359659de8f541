"""Metadata of export locations."""

from __future__ import annotations

from abaca.api.bodies.metadata import only_pair
from abaca.api.kinds import Pairs
from abaca.api.registry import route
from abaca.api.request import Body as Answer
from abaca.api.request import Request
from abaca.api.schema import Body
from abaca.api.shares import reading_target
from abaca.service import export_locations as service
from abaca.service import metadata as rules
from abaca.service import shares as share_service
from abaca.service.metadata import MayWrite

PLACE = "/shares/{share_id}/export_locations/{resource_id}/metadata"
FIRST = "2.87"
_KEY = f"{PLACE}/{{key}}"
_SHOWN = {"metadata": "object"}
_UPDATE = "share_export_location:update_metadata"
_READ = "share_export_location:get_metadata"
_ADMIN = "share_export_location:update_admin_only_metadata"
_PAIRS = Pairs(key=r"[a-zA-Z0-9\-_:. ]{1,255}")
_SET = Body("metadata", value=_PAIRS)
_ITEM = Body(("metadata", "meta"), value=_PAIRS)


def _metadata(req: Request, share_id: str, location_id: str) -> dict[str, str]:
    found, share = service.one(req.env, req.context, share_id, location_id)
    req.authorize(_READ, reading_target(share))
    if found is None or not service.visible(req.context, found):
        raise service.missing(location_id)
    return found.metadata


def _write(req: Request, share_id: str, rule: str) -> MayWrite:
    """Who may write at all; and, for later, who may write administrators' keys."""
    share = share_service.get(req.env, req.context, share_id)
    req.authorize(rule, share)
    return lambda: req.authorize(_ADMIN, share)


@route(
    "GET",
    PLACE,
    id="share_export_location_metadata.index_metadata",
    min=FIRST,
    policy=_READ,
    policy_target="share",
    returns=_SHOWN,
)
def index(req: Request, share_id: str, resource_id: str) -> Answer:
    """List the metadata of an export location."""
    return {"metadata": _metadata(req, share_id, resource_id)}


@route(
    "GET",
    _KEY,
    id="share_export_location_metadata.show_metadata",
    min=FIRST,
    policy=_READ,
    policy_target="share",
    returns={"meta": "object"},
)
def show(req: Request, share_id: str, resource_id: str, key: str) -> Answer:
    """Show one pair of the metadata of an export location."""
    return {"meta": {key: rules.one(_metadata(req, share_id, resource_id), key)}}


@route(
    "POST",
    PLACE,
    id="share_export_location_metadata.create_metadata",
    min=FIRST,
    policy=_UPDATE,
    policy_target="share",
    body=_SET,
    returns=_SHOWN,
)
def add(req: Request, share_id: str, resource_id: str) -> Answer:
    """Add to the metadata of an export location, or replace values."""
    may_write = _write(req, share_id, _UPDATE)
    found = service.add_metadata(
        req.env, req.context, share_id, resource_id, req.body["value"], may_write
    )
    return {"metadata": found}


@route(
    "PUT",
    PLACE,
    id="share_export_location_metadata.update_all_metadata",
    min=FIRST,
    policy=_UPDATE,
    policy_target="share",
    body=_SET,
    returns=_SHOWN,
)
def replace(req: Request, share_id: str, resource_id: str) -> Answer:
    """Replace the metadata of an export location."""
    may_write = _write(req, share_id, _UPDATE)
    found = service.replace_metadata(
        req.env,
        req.context,
        share_id,
        resource_id,
        req.body["value"],
        may_write,
        is_admin=req.allowed(_ADMIN),
    )
    return {"metadata": found}


@route(
    "POST",
    _KEY,
    id="share_export_location_metadata.update_metadata_item",
    min=FIRST,
    policy=_UPDATE,
    policy_target="share",
    body=_ITEM,
    returns=_SHOWN,
)
def set_one(req: Request, share_id: str, resource_id: str, key: str) -> Answer:
    """Set one pair of the metadata of an export location."""
    may_write = _write(req, share_id, _UPDATE)
    pair = only_pair(req.body["value"], key)
    service.add_metadata(req.env, req.context, share_id, resource_id, pair, may_write)
    return {"metadata": pair}


@route(
    "DELETE",
    _KEY,
    id="share_export_location_metadata.delete_metadata",
    min=FIRST,
    policy="share_export_location:delete_metadata",
    policy_target="share",
)
def delete(req: Request, share_id: str, resource_id: str, key: str) -> None:
    """Delete one pair of the metadata of an export location."""
    may_write = _write(req, share_id, "share_export_location:delete_metadata")
    service.delete_metadata(req.env, req.context, share_id, resource_id, key, may_write)
