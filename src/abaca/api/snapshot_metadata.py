"""Metadata of snapshots."""

from __future__ import annotations

from typing import Any

from abaca.api.bodies import snapshots as bodies
from abaca.api.registry import route
from abaca.api.request import Body as Answer
from abaca.api.request import Request, need
from abaca.model.errors import NotFound
from abaca.model.snapshots import Snapshot
from abaca.service import snapshots as service

_ALL, _ONE = "/snapshots/{snapshot_id}/metadata", "/snapshots/{snapshot_id}/metadata/{key}"
_LOOK: dict[str, Any] = {
    "min": "2.73", "policy": "share_snapshot:get_metadata", "policy_target": "snapshot",
}  # fmt: skip
_CHANGE = _LOOK | {"policy": "share_snapshot:update_metadata"}


def _load(req: Request, snapshot_id: str) -> Snapshot:
    snapshot = service.get(req.env, req.context, snapshot_id)
    for rule in req.route.policy:
        req.authorize(rule, snapshot)
    return snapshot


@route("GET", _ALL, id="snapshot_metadata.index_metadata", returns={"metadata": "object"}, **_LOOK)
def index(req: Request, snapshot_id: str) -> Answer:
    """Show the metadata of a snapshot."""
    return {"metadata": _load(req, snapshot_id).metadata}


@route("GET", _ONE, id="snapshot_metadata.show_metadata", returns={"meta": "object"}, **_LOOK)
def show(req: Request, snapshot_id: str, key: str) -> Answer:
    """Show one metadata item of a snapshot."""
    metadata = _load(req, snapshot_id).metadata
    if key not in metadata:
        raise NotFound(f"Snapshot {snapshot_id} has no metadata key {key[:60]!a}.")
    return {"meta": {key: metadata[key]}}


@route(
    "POST",
    _ALL,
    id="snapshot_metadata.create_metadata",
    body=bodies.SET_METADATA,
    returns={"metadata": "object"},
    **_CHANGE,
)
def create(req: Request, snapshot_id: str) -> Answer:
    """Add or replace metadata of a snapshot."""
    _load(req, snapshot_id)
    given = req.body["value"]
    service.set_metadata(req.env, req.context, snapshot_id, given)
    return {"metadata": given}


@route(
    "PUT",
    _ALL,
    id="snapshot_metadata.update_all_metadata",
    body=bodies.SET_METADATA,
    returns={"metadata": "object"},
    **_CHANGE,
)
def replace(req: Request, snapshot_id: str) -> Answer:
    """Replace all metadata of a snapshot."""
    _load(req, snapshot_id)
    given = req.body["value"]
    return {
        "metadata": service.set_metadata(req.env, req.context, snapshot_id, given, replace=True)
    }


@route(
    "POST",
    _ONE,
    id="snapshot_metadata.update_metadata_item",
    body=bodies.SET_ITEM,
    returns={"metadata": "object"},
    **_CHANGE,
)
def set_item(req: Request, snapshot_id: str, key: str) -> Answer:
    """Add or replace one metadata item of a snapshot."""
    _load(req, snapshot_id)
    given = req.body["value"]
    need(list(given) == [key], f"The body must have one pair, and its key must be {key[:60]!a}.")
    service.set_metadata(req.env, req.context, snapshot_id, given)
    return {"metadata": given}


@route(
    "DELETE",
    _ONE,
    id="snapshot_metadata.delete_metadata",
    **(_LOOK | {"policy": "share_snapshot:delete_metadata"}),
)
def delete(req: Request, snapshot_id: str, key: str) -> None:
    """Delete one metadata item of a snapshot."""
    _load(req, snapshot_id)
    service.delete_metadata(req.env, req.context, snapshot_id, key)
