"""Shares: list, show, create, update, delete.  Their actions are in share_actions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from abaca.api.bodies import shares as bodies
from abaca.api.bodies.names import named
from abaca.api.registry import route
from abaca.api.request import Body as Answer
from abaca.api.request import Request, need
from abaca.api.schema import Field
from abaca.api.views.fields import Representation
from abaca.api.views.shares import LAST_WITH_PATHS, SHARE, SHARE_SUMMARY
from abaca.model.errors import NotFound
from abaca.model.shares import Share
from abaca.service import shares as service
from abaca.service import shares_create, shares_list
from abaca.service.shares_create import NewShare

DEFERRED_RULE = "share:list_shares_in_deferred_deletion_states"
_LISTED = {"count?": "integer", "shares_links?": "array"}
# filters, and keys to sort by, that only those whom a rule allows may use
RULES = {
    "host": "share:list_by_host",
    "share_server_id": "share:list_by_share_server_id",
    "extra_specs": "share_types_extra_spec:index",
}
ADMIN_ONLY = ("project_id", "encryption_key_ref")  # filters that are ignored for others
FILTERS = (*shares_list.PLAIN, *shares_list.PARTS, "host", "availability_zone")


# --- list -----------------------------------------------------------------------------------------
@route(
    "GET",
    "/shares",
    id="shares.index",
    policy="share:get_all",
    query=bodies.FILTERS,
    returns={"shares": [SHARE_SUMMARY], **_LISTED},
)
def index(req: Request) -> Answer:
    """List shares."""
    return _list(req, SHARE_SUMMARY, metadata=False, locations=False)


@route(
    "GET",
    "/shares/detail",
    id="shares.detail",
    policy="share:get_all",
    query=bodies.FILTERS,
    returns={"shares": [SHARE], **_LISTED},
)
def detail(req: Request) -> Answer:
    """List shares with details."""
    return _list(req, SHARE, locations=req.version <= LAST_WITH_PATHS)


def _list(
    req: Request, representation: Representation, *, metadata: bool = True, locations: bool
) -> Answer:
    found, count = shares_list.find(
        req.env,
        req.context,
        asked(req),
        req.page(),
        metadata=metadata,
        locations=locations,
        count=req.query.get("with_count", False),
    )
    return req.many("shares", representation, found, links="shares_links", count=count)


def asked(req: Request) -> shares_list.Asked:
    """The filters of the query, as far as the caller may use them."""
    query = req.query
    for name, rule in RULES.items():
        if name in query or name == query["sort_key"]:
            req.authorize(rule)
    ignored = () if req.context.is_admin else ADMIN_ONLY
    return shares_list.Asked(
        filters={name: query[name] for name in FILTERS if name in query and name not in ignored},
        metadata=query.get("metadata", {}),
        extra_specs=query.get("extra_specs", {}),
        everybody=query["all_tenants"] and req.allowed("share:list_all_projects"),
        public=query["is_public"],
        soft_deleted=query.get("is_soft_deleted", False),
        deferred=_deferred(req),
    )


def _deferred(req: Request) -> bool:
    """Whether shares in deferred deletion are listed; who asks for them must be allowed to."""
    if "deferred" in req.query.get("status", ""):
        req.authorize(DEFERRED_RULE)
        return True
    return req.allowed(DEFERRED_RULE)


# --- one share ------------------------------------------------------------------------------------
def reading_target(share: Share) -> Share | None:
    """Public shares are read as if they were the caller's own."""
    return None if share.is_public else share


@route(
    "GET",
    "/shares/{share_id}",
    id="shares.show",
    policy="share:get",
    policy_target="share",
    returns={"share": SHARE},
)
def show(req: Request, share_id: str) -> Answer:
    """Show a share."""
    locations = req.version <= LAST_WITH_PATHS
    share = service.get(req.env, req.context, share_id, locations=locations)
    req.authorize("share:get", reading_target(share))
    if service.deferred(share) and not req.allowed(DEFERRED_RULE):
        raise NotFound(noun="Share", id=share_id)
    return req.one("share", SHARE, share)


@route(
    "POST",
    "/shares",
    id="shares.create",
    policy="share:create",
    body=bodies.CREATE,
    returns={"share": SHARE},
)
def create(req: Request) -> Answer:
    """Create a share."""
    given = req.body
    if given["is_public"]:
        req.authorize("share:create_public_share")
    metadata = given.get("metadata") or {}
    check_admin_only(req, metadata, None)
    kind = given.pop("volume_type", None)
    need(
        not (kind and given.get("share_type")), "share_type and volume_type are the same: give one."
    )
    wanted = NewShare(
        **{
            **given,
            "metadata": metadata,
            "share_type": given.get("share_type") or kind,
            "scheduler_hints": _hints(req, given.get("scheduler_hints")),
            "check_from_snapshot": req.since("2.24"),
            "check_type_zones": req.since("2.48"),
        }
    )
    return req.one("share", SHARE, shares_create.create(req.env, req.context, wanted))


def _hints(req: Request, hints: Mapping[str, Any] | None) -> dict[str, Any]:
    """only_host is known since 2.67."""
    late = () if req.since("2.67") else ("only_host",)
    return {name: value for name, value in (hints or {}).items() if name not in late}


def check_admin_only(req: Request, keys: Mapping[str, str], share: Share | None) -> None:
    """403 for metadata that only administrators may write."""
    if any(key in req.env.settings.admin_only_metadata for key in keys):
        req.authorize("share:update_admin_only_metadata", share)


@route(
    "PUT",
    "/shares/{share_id}",
    id="shares.update",
    policy="share:update",
    policy_target="share",
    body=bodies.UPDATE,
    returns={"share": SHARE},
)
def update(req: Request, share_id: str) -> Answer:
    """Change name, description or visibility of a share."""
    share = service.get(req.env, req.context, share_id)
    req.authorize("share:update", share)
    if req.body.get("is_public"):
        req.authorize("share:set_public_share", share)
    changed = service.update(req.env, req.context, share_id, **named(req.body))
    return req.one("share", SHARE, changed)


@route(
    "DELETE",
    "/shares/{share_id}",
    id="shares.delete",
    policy="share:delete",
    policy_target="share",
    success=202,
    query=(Field("share_group_id", since="2.31"),),
)
def delete(req: Request, share_id: str) -> None:
    """Delete a share."""
    req.authorize("share:delete", service.get(req.env, req.context, share_id))
    service.delete(req.env, req.context, share_id)
