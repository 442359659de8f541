"""Share types: kinds of shares that administrators offer, and who may use them."""

from __future__ import annotations

from typing import Any

from abaca.api.bodies import types as bodies
from abaca.api.kinds import Bool, DictText, Text
from abaca.api.registry import action, route
from abaca.api.request import Body as Answer
from abaca.api.request import Request, need
from abaca.api.schema import Field
from abaca.api.views.types import SHARE_TYPE, SHARE_TYPE_ACCESS
from abaca.model.type_specs import ONCE_REQUIRED
from abaca.model.types import ShareType
from abaca.service import types as service

_ONE = {"share_type": SHARE_TYPE, "volume_type": SHARE_TYPE}
_TYPE, _TYPES = "/types/{type_id}", "/types"
_ACTION = "/types/{type_id}/action"
_EVERY = ("all", "none")  # values of is_public for no filter
_FILTERS = (
    Field("is_public", Text(), default="true"),
    Field("extra_specs", DictText(), since="2.43", before="refuse", default={}),
)


def _one(req: Request, share_type: ShareType) -> Answer:
    """One share type under its two names."""
    shown = req.view(SHARE_TYPE).one(share_type)
    return {"share_type": shown, "volume_type": shown}


# --- look -----------------------------------------------------------------------------------------
@route(
    "GET",
    _TYPES,
    id="share_types.index",
    policy="share_type:index",
    query=_FILTERS,
    returns={"share_types": [SHARE_TYPE], "volume_types": [SHARE_TYPE]},
)
def index(req: Request) -> Answer:
    """List the share types."""
    public = _public(req) if req.context.is_admin else True
    found = service.find(req.env, req.context, public=public, specs=req.query.get("extra_specs"))
    shown = req.view(SHARE_TYPE).many(found)
    return {"share_types": shown, "volume_types": shown}


def _public(req: Request) -> bool | None:
    """Which types an administrator asks for; the parameter counts for nobody else."""
    asked: str = req.query["is_public"]
    if asked.strip().lower() in _EVERY:
        return None
    return Bool().decode(asked, "is_public", req.version)


@route(
    "GET",
    "/types/default",
    id="share_types.default",
    policy="share_type:default",
    returns=_ONE,
)
def default(req: Request) -> Answer:
    """Show the default share type."""
    return _one(req, service.default(req.env, req.context))


@route("GET", _TYPE, id="share_types.show", policy="share_type:show", returns=_ONE)
def show(req: Request, type_id: str) -> Answer:
    """Show a share type."""
    return _one(req, service.get(req.env, req.context, type_id))


# --- change ---------------------------------------------------------------------------------------
@route(
    "POST",
    _TYPES,
    id="share_types.create",
    policy="share_type:create",
    body=bodies.CREATE,
    returns=_ONE,
)
def create(req: Request) -> Answer:
    """Create a share type."""
    given = req.body
    specs = bodies.texts(given["extra_specs"])
    if not req.since("2.24"):
        specs.setdefault(ONCE_REQUIRED, "True")
    public = given.get(bodies.LEGACY_PUBLIC, given.get(bodies.PUBLIC, True))
    share_type = service.create(
        req.env,
        req.context,
        name=given["name"],
        extra_specs=specs,
        description=given.get("description"),
        is_public=public,
    )
    return _one(req, share_type)


@route(
    "PUT",
    _TYPE,
    id="share_types.update",
    min="2.50",
    policy="share_type:update",
    body=bodies.UPDATE,
    returns=_ONE,
)
def update(req: Request, type_id: str) -> Answer:
    """Change the name, the description or the visibility of a share type."""
    given = {key: value for key, value in req.body.items() if value is not None}
    need(given, "Nothing to change: give name, description or share_type_access:is_public.")
    changes: dict[str, Any] = {key: given[key] for key in ("name",) if key in given}
    if "description" in given:
        changes["description"] = given["description"] or None  # empty text clears it
    if bodies.PUBLIC in given:
        changes["is_public"] = given[bodies.PUBLIC]
    return _one(req, service.update(req.env, req.context, type_id, changes))


@route("DELETE", _TYPE, id="share_types.delete", policy="share_type:delete", success=202)
def delete(req: Request, type_id: str) -> None:
    """Delete a share type that no share is of."""
    service.delete(req.env, req.context, type_id)


# --- who may use it -------------------------------------------------------------------------------
@route(
    "GET",
    "/types/{type_id}/os-share-type-access",
    id="share_types.os-share-type-access",
    policy="share_type:list_project_access",
    returns={"share_type_access": [SHARE_TYPE_ACCESS]},
)
@route(
    "GET",
    "/types/{type_id}/share_type_access",
    id="share_types.share_type_access",
    policy="share_type:list_project_access",
    returns={"share_type_access": [SHARE_TYPE_ACCESS]},
)
def access(req: Request, type_id: str) -> Answer:
    """List the projects that may use a private share type."""
    projects = service.projects(req.env, req.context, type_id)
    pairs = [(type_id, project) for project in projects]
    return req.many("share_type_access", SHARE_TYPE_ACCESS, pairs)


@action(
    _ACTION,
    "addProjectAccess",
    id="share_types.action.addProjectAccess",
    policy="share_type:add_project_access",
    body=bodies.ADD_ACCESS,
)
def add_access(req: Request, type_id: str) -> None:
    """Let a project use a private share type."""
    service.allow(req.env, req.context, type_id, req.body["project"])


@action(
    _ACTION,
    "removeProjectAccess",
    id="share_types.action.removeProjectAccess",
    policy="share_type:remove_project_access",
    body=bodies.REMOVE_ACCESS,
)
def remove_access(req: Request, type_id: str) -> None:
    """No longer let a project use a private share type."""
    service.deny(req.env, req.context, type_id, req.body["project"])


# --- extra specs ----------------------------------------------------------------------------------
_SPECS, _SPEC = "/types/{type_id}/extra_specs", "/types/{type_id}/extra_specs/{key}"


@route(
    "GET",
    _SPECS,
    id="share_type_extra_specs.index",
    policy="share_types_extra_spec:index",
    returns={"extra_specs": "object"},
)
def specs(req: Request, type_id: str) -> Answer:
    """List the extra specs of a share type."""
    return {"extra_specs": service.get(req.env, req.context, type_id).extra_specs}


@route(
    "GET",
    _SPEC,
    id="share_type_extra_specs.show",
    policy="share_types_extra_spec:show",
    returns={},
)
def spec(req: Request, type_id: str, key: str) -> Answer:
    """Show an extra spec of a share type."""
    return {key: service.spec(req.env, req.context, type_id, key)}


@route(
    "POST",
    _SPECS,
    id="share_type_extra_specs.create",
    policy="share_types_extra_spec:create",
    body=bodies.SET_SPECS,
    returns={"extra_specs": "object"},
)
def set_specs(req: Request, type_id: str) -> Answer:
    """Add or replace extra specs of a share type."""
    given = req.body["value"]
    service.set_specs(req.env, req.context, type_id, bodies.texts(given))
    return {"extra_specs": given}


@route(
    "PUT",
    _SPEC,
    id="share_type_extra_specs.update",
    policy="share_types_extra_spec:update",
    body=bodies.SET_SPEC,
    returns={},
)
def set_spec(req: Request, type_id: str, key: str) -> Answer:
    """Add or replace one extra spec of a share type."""
    given: dict[str, Any] = req.body["value"]
    need(key in given, f"The body names {next(iter(given))[:60]!a}, the URL {key[:60]!a}.")
    service.set_specs(req.env, req.context, type_id, bodies.texts(given))
    return given


@route(
    "DELETE",
    _SPEC,
    id="share_type_extra_specs.delete",
    policy="share_types_extra_spec:delete",
    success=202,
)
def delete_spec(req: Request, type_id: str, key: str) -> None:
    """Delete an extra spec of a share type."""
    once = () if req.since("2.24") else (ONCE_REQUIRED,)
    service.delete_spec(req.env, req.context, type_id, key, also_required=once)
