"""Access rules: as actions of a share, and since 2.45 as a resource with metadata."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from abaca.api.kinds import Bool, DictText, Enum, Pairs, Text, Uuid
from abaca.api.registry import action, route
from abaca.api.request import Body as Answer
from abaca.api.request import Request, need
from abaca.api.schema import Body, Field, empty
from abaca.api.share_actions import FIRST_PLAIN, LAST_OS, PLACE, load
from abaca.api.shares import reading_target
from abaca.api.views.access import ACCESS_RULE, ACCESS_RULE_LIST_ITEM
from abaca.model.access import AccessRule
from abaca.model.errors import BadRequest, NotFound
from abaca.model.shares import Share
from abaca.service import access as service
from abaca.service import access_to

TYPE = Enum(access_to.TYPES, since={"cephx": "2.13"})
LEVEL = Enum(("rw", "ro"))
TO = Text(min=1, max=access_to.MAX)
_ONE, _LIST = {"access": ACCESS_RULE}, {"access_list": [ACCESS_RULE_LIST_ITEM]}
_RULE, _RULES = "/share-access-rules/{access_id}", "/share-access-rules"
_EARLY = {"syncing": "new"}  # words for states before 2.28


def _allow(word: str) -> Body:
    return Body(
        word,
        Field("access_type", TYPE, required=True),
        Field("access_to", TO, required=True),
        Field("access_level", LEVEL, null=True),
        Field("metadata", Pairs(), null=True, since="2.45"),
        Field("lock_visibility", Bool(), default=False, since="2.82"),
        Field("lock_deletion", Bool(), default=False, since="2.82"),
        Field("lock_reason", Text(max=1023), null=True, since="2.82"),
    )


def _deny(word: str) -> Body:
    return Body(
        word,
        Field("access_id", Uuid(), required=True),
        Field("unrestrict", Bool(), default=False, since="2.82"),
    )


# --- as actions of a share ------------------------------------------------------------------------
@action(
    PLACE,
    "os-allow_access",
    id="shares.action.os-allow_access",
    max=LAST_OS,
    success=200,
    policy="share:allow_access",
    policy_target="share",
    body=_allow("os-allow_access"),
    returns=_ONE,
)
@action(
    PLACE,
    "allow_access",
    id="shares.action.allow_access",
    min=FIRST_PLAIN,
    success=200,
    policy="share:allow_access",
    policy_target="share",
    body=_allow("allow_access"),
    returns=_ONE,
)
def allow(req: Request, share_id: str) -> Answer:
    """Let somebody reach a share."""
    share = load(req, share_id, "share:allow_access")
    given = req.body
    _refuse_locks(given)
    rule = service.allow(
        req.env,
        req.context,
        share_id,
        access_type=given["access_type"],
        access_to=access_to.check(given["access_type"], given["access_to"], ipv6=req.since("2.38")),
        access_level=given.get("access_level") or "rw",
        metadata=given.get("metadata") or {},
        allow_on_error=req.since("2.74"),
        allow_on_error_rules=req.since("2.28"),
    )
    share = msgspec.structs.replace(share, access_rules_status="syncing")
    return req.one("access", ACCESS_RULE, _as_of(req, share, [rule])[0])


def _refuse_locks(given: Mapping[str, object]) -> None:
    locked = [name for name in ("lock_visibility", "lock_deletion") if given.get(name)]
    need(not locked, f"{' and '.join(locked)}: resource locks are not served here; leave it out.")
    need(not given.get("lock_reason"), "lock_reason is given without a lock; leave it out.")


@action(
    PLACE,
    "os-deny_access",
    id="shares.action.os-deny_access",
    max=LAST_OS,
    policy=("share:deny_access", "share:access_get"),
    policy_target="share",
    body=_deny("os-deny_access"),
)
@action(
    PLACE,
    "deny_access",
    id="shares.action.deny_access",
    min=FIRST_PLAIN,
    policy=("share:deny_access", "share:access_get"),
    policy_target="share",
    body=_deny("deny_access"),
)
def deny(req: Request, share_id: str) -> None:
    """Take away an access rule."""
    load(req, share_id, "share:deny_access", "share:access_get")
    rule_id, on_error = req.body["access_id"], req.since("2.74")
    service.deny(req.env, req.context, share_id, rule_id, allow_on_error=on_error)


@action(
    PLACE,
    "os-access_list",
    id="shares.action.os-access_list",
    max=LAST_OS,
    success=200,
    policy=("share:get", "share:access_get_all"),
    policy_target="share",
    body=empty("os-access_list"),
    returns=_LIST,
)
@action(
    PLACE,
    "access_list",
    id="shares.action.access_list",
    min=FIRST_PLAIN,
    max="2.44",
    success=200,
    policy=("share:get", "share:access_get_all"),
    policy_target="share",
    body=empty("access_list"),
    returns=_LIST,
)
def of_share(req: Request, share_id: str) -> Answer:
    """List the access rules of a share."""
    rules, share = service.of_share(req.env, req.context, share_id)
    req.authorize("share:get", reading_target(share))
    req.authorize("share:access_get_all", share)
    return req.many("access_list", ACCESS_RULE_LIST_ITEM, _as_of(req, share, rules))


def _as_of(req: Request, share: Share, rules: Iterable[AccessRule]) -> list[AccessRule]:
    """Before 2.28 rules had no state of their own: what is shown is that of the share."""
    if req.since("2.28"):
        return list(rules)
    state = _EARLY.get(share.access_rules_status, share.access_rules_status)
    return [msgspec.structs.replace(rule, state=state) for rule in rules]


# --- as a resource --------------------------------------------------------------------------------
@route(
    "GET",
    _RULES,
    id="share_access_rules.index",
    min="2.45",
    policy=("share_access_rule:index", "share:access_get_all"),
    policy_target="share",
    query=(
        Field("share_id"),
        Field("metadata", DictText(), default={}),
        Field("access_type", TYPE, since="2.82"),
        Field("access_to", TO, since="2.82"),
        Field("access_level", LEVEL, since="2.82"),
        Field("access_key", since="2.82"),
        Field("id", since="2.82"),
    ),
    returns=_LIST,
)
def index(req: Request) -> Answer:
    """List the access rules of a share."""
    query = req.query
    need(query.get("share_id"), "share_id is missing: say whose access rules.")
    need("access_to" not in query or "access_type" in query, "access_to needs access_type.")
    try:
        rules, share = service.of_share(req.env, req.context, query["share_id"])
    except NotFound as error:
        raise BadRequest(error.message) from None
    req.authorize("share_access_rule:index", share)
    req.authorize("share:access_get_all", share)
    wanted = {k: v for k, v in query.items() if k not in ("share_id", "metadata", "access_to")}
    found = [
        rule
        for rule in rules
        if all(getattr(rule, name) == value for name, value in wanted.items())
        and query["metadata"].items() <= rule.metadata.items()
    ]
    if "access_to" in query:
        kind, to = query["access_type"], access_to.check(query["access_type"], query["access_to"])
        found = [rule for rule in found if access_to.same(kind, rule.access_to, to)]
    return req.many("access_list", ACCESS_RULE_LIST_ITEM, found)


def _load(req: Request, access_id: str, *rules: str) -> AccessRule:
    """A rule that all these policy rules allow; they look at its share."""
    found, share = service.get(req.env, req.context, access_id)
    for rule in rules:
        req.authorize(rule, share)
    return found


@route(
    "GET",
    _RULE,
    id="share_access_rules.show",
    min="2.45",
    policy=("share_access_rule:get", "share:access_get"),
    policy_target="share",
    returns=_ONE,
)
def show(req: Request, access_id: str) -> Answer:
    """Show an access rule."""
    rule = _load(req, access_id, "share_access_rule:get", "share:access_get")
    return req.one("access", ACCESS_RULE, rule)


@route(
    "PUT",
    _RULE,
    id="share_access_rules.update",
    min="2.88",
    policy=("share_access_rule:update", "share:access_get"),
    policy_target="share",
    body=Body("update_access", Field("access_level", LEVEL, required=True)),
    returns=_ONE,
)
def update(req: Request, access_id: str) -> Answer:
    """Change the level of an access rule."""
    _load(req, access_id, "share_access_rule:update", "share:access_get")
    level = req.body["access_level"]
    return req.one("access", ACCESS_RULE, service.set_level(req.env, req.context, access_id, level))


# --- metadata of rules ----------------------------------------------------------------------------
@route(
    "PUT",
    f"{_RULE}/metadata",
    id="share_access_rule_metadata.update",
    min="2.45",
    policy=("share_access_metadata:update", "share:access_get"),
    policy_target="share",
    body=Body("metadata", value=Pairs()),
    returns={"metadata": "object"},
)
def set_metadata(req: Request, access_id: str) -> Answer:
    """Add to the metadata of an access rule, or replace values."""
    _load(req, access_id, "share_access_metadata:update", "share:access_get")
    rule = service.set_metadata(req.env, req.context, access_id, req.body["value"])
    return {"metadata": rule.metadata}


@route(
    "DELETE",
    f"{_RULE}/metadata/{{key}}",
    id="share_access_rule_metadata.delete",
    min="2.45",
    policy=("share_access_metadata:delete", "share:access_get"),
    policy_target="share",
)
def delete_metadata(req: Request, access_id: str, key: str) -> None:
    """Delete one pair of the metadata of an access rule."""
    _load(req, access_id, "share_access_metadata:delete", "share:access_get")
    service.delete_metadata(req.env, req.context, access_id, key)
