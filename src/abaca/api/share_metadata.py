"""Metadata of shares."""

from __future__ import annotations

from abaca.api.bodies.metadata import ITEM, SET, only_pair
from abaca.api.registry import route
from abaca.api.request import Body as Answer
from abaca.api.request import Request
from abaca.api.shares import reading_target
from abaca.model.shares import Share
from abaca.service import metadata as rules
from abaca.service import share_metadata as service
from abaca.service import shares as share_service
from abaca.service.metadata import MayWrite

PLACE = "/shares/{resource_id}/metadata"
_KEY = f"{PLACE}/{{key}}"
_SHOWN = {"metadata": "object"}
_UPDATE, _ADMIN = "share:update_share_metadata", "share:update_admin_only_metadata"


def _read(req: Request, share_id: str) -> Share:
    share = share_service.get(req.env, req.context, share_id)
    req.authorize("share:get_share_metadata", reading_target(share))
    return share


def _write(req: Request, share_id: str, rule: str) -> MayWrite:
    """Who may write at all; and, for later, who may write administrators' keys."""
    share = share_service.get(req.env, req.context, share_id)
    req.authorize(rule, share)
    return lambda: req.authorize(_ADMIN, share)


@route(
    "GET",
    PLACE,
    id="share_metadata.index_metadata",
    policy="share:get_share_metadata",
    policy_target="share",
    returns=_SHOWN,
)
def index(req: Request, resource_id: str) -> Answer:
    """List the metadata of a share."""
    return {"metadata": _read(req, resource_id).metadata}


@route(
    "GET",
    _KEY,
    id="share_metadata.show_metadata",
    policy="share:get_share_metadata",
    policy_target="share",
    returns={"meta": "object"},
)
def show(req: Request, resource_id: str, key: str) -> Answer:
    """Show one pair of the metadata of a share."""
    return {"meta": {key: rules.one(_read(req, resource_id).metadata, key)}}


@route(
    "POST",
    PLACE,
    id="share_metadata.create_metadata",
    policy=_UPDATE,
    policy_target="share",
    body=SET,
    returns=_SHOWN,
)
def add(req: Request, resource_id: str) -> Answer:
    """Add to the metadata of a share, or replace values."""
    may_write = _write(req, resource_id, _UPDATE)
    pairs = req.body["value"]
    return {"metadata": service.add(req.env, req.context, resource_id, pairs, may_write)}


@route(
    "PUT",
    PLACE,
    id="share_metadata.update_all_metadata",
    policy=_UPDATE,
    policy_target="share",
    body=SET,
    returns=_SHOWN,
)
def replace(req: Request, resource_id: str) -> Answer:
    """Replace the metadata of a share."""
    may_write = _write(req, resource_id, _UPDATE)
    pairs, is_admin = req.body["value"], req.allowed(_ADMIN)
    found = service.replace(req.env, req.context, resource_id, pairs, may_write, is_admin=is_admin)
    return {"metadata": found}


@route(
    "POST",
    _KEY,
    id="share_metadata.update_metadata_item",
    policy=_UPDATE,
    policy_target="share",
    body=ITEM,
    returns=_SHOWN,
)
def set_one(req: Request, resource_id: str, key: str) -> Answer:
    """Set one pair of the metadata of a share."""
    may_write = _write(req, resource_id, _UPDATE)
    pair = only_pair(req.body["value"], key)
    service.add(req.env, req.context, resource_id, pair, may_write)
    return {"metadata": pair}


@route(
    "DELETE",
    _KEY,
    id="share_metadata.delete_metadata",
    policy="share:delete_share_metadata",
    policy_target="share",
)
def delete(req: Request, resource_id: str, key: str) -> None:
    """Delete one pair of the metadata of a share."""
    may_write = _write(req, resource_id, "share:delete_share_metadata")
    service.delete(req.env, req.context, resource_id, key, may_write)
