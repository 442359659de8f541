"""Use cases of access rules: who may reach a share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from abaca.model.access import AccessRule, SnapshotAccessRule
from abaca.model.context import Context
from abaca.model.errors import BadRequest, NotFound, OverQuota
from abaca.model.shares import Share
from abaca.model.status import BLOCKS_RULES
from abaca.store import access as store
from abaca.store import shares as share_store
from abaca.store.engine import Tx

from .access_to import same
from .env import Env, enqueue
from .metadata import check_room
from .shares import load as load_share
from .shares import refuse_soft_deleted

# states out of which a rule can be changed again
_SETTLED = ("active", "error")
_GOING = ("queued_to_deny", "denying")  # asked for already


def load(tx: Tx, ctx: Context, rule_id: str) -> tuple[AccessRule, Share]:
    """A rule with its share; a rule of somebody else's share does not exist."""
    rule = store.get(tx, rule_id)
    share = share_store.get(tx, rule.share_id) if rule else None
    if rule is None or share is None or not (ctx.is_admin or share.project_id == ctx.project_id):
        raise NotFound(noun="Access rule", id=rule_id)
    return rule, share


def get(env: Env, ctx: Context, rule_id: str) -> tuple[AccessRule, Share]:
    with env.store.read() as tx:
        return load(tx, ctx, rule_id)


def of_share(env: Env, ctx: Context, share_id: str) -> tuple[list[AccessRule], Share]:
    """The rules of a share, oldest first, and the share."""
    with env.store.read() as tx:
        share = load_share(tx, ctx, share_id)
        return store.of_share(tx, share.id), share


def allow(
    env: Env,
    ctx: Context,
    share_id: str,
    *,
    access_type: str,
    access_to: str,
    access_level: str = "rw",
    metadata: Mapping[str, str] | None = None,
    allow_on_error: bool = True,
    allow_on_error_rules: bool = True,
) -> AccessRule:
    """A new rule, queued.  access_to has been checked for shape.

    allow_on_error: also on a share in error (2.74).  allow_on_error_rules: also while other rules
    are in error (2.28).
    """
    with env.store.transaction() as tx:
        share = load_share(tx, ctx, share_id)
        refuse_soft_deleted(share)
        _check_changeable(share, allow_on_error=allow_on_error)
        check_room({}, metadata or {})
        if share.access_rules_status == "error" and not allow_on_error_rules:
            raise BadRequest(
                f"Access rules of share {share.id} are in error; remove the failed rules first."
            )
        _begin(tx, share)  # two equal rules at once cannot both pass the next line
        rules = store.of_share(tx, share.id)
        refuse_duplicate("Share", rules, access_type, access_to)
        refuse_more("share", share.id, len(rules), env.settings.rules_per_share)
        return store.insert(
            tx,
            {
                "id": share_store.new_id(),
                "share_id": share.id,
                "access_type": access_type,
                "access_to": access_to,
                "access_level": access_level,
            },
            [share.instance_id],
            metadata or {},
            _enqueue(tx, ctx, share),
        )


def deny(
    env: Env, ctx: Context, share_id: str, rule_id: str, *, allow_on_error: bool = True
) -> None:
    """Remove a rule; it is gone when the backend has closed the door."""
    with env.store.transaction() as tx:
        share = load_share(tx, ctx, share_id)
        refuse_soft_deleted(share)
        _of_share(tx, ctx, rule_id, share)
        _check_changeable(share, allow_on_error=allow_on_error)
        _begin(tx, share)
        rule = store.get(tx, rule_id)  # as it is now that it cannot change
        if rule is None or rule.state in _GOING:
            return
        op_id = _enqueue(tx, ctx, share)
        store.queue(tx, share.instance_id, "queued_to_deny", op_id, rule_id=rule_id)


def set_level(env: Env, ctx: Context, rule_id: str, access_level: str) -> AccessRule:
    """Change rw to ro or back; nothing happens when it is so already."""
    with env.store.transaction() as tx:
        rule, share = load(tx, ctx, rule_id)
        if rule.access_level == access_level:
            return rule
        refuse_soft_deleted(share)
        _check_changeable(share, allow_on_error=True)
        _begin(tx, share)
        store.update(tx, rule_id, access_level=access_level)
        op_id = _enqueue(tx, ctx, share)
        changed = store.queue(
            tx, share.instance_id, "queued_to_update", op_id, rule_id=rule_id, before=_SETTLED
        )
        if not changed:
            raise BadRequest(f"Access rule {rule_id} is {rule.state}; wait until it is active.")
        return load(tx, ctx, rule_id)[0]


def set_metadata(env: Env, ctx: Context, rule_id: str, metadata: Mapping[str, str]) -> AccessRule:
    with env.store.transaction() as tx:
        store.lock(tx, rule_id)
        rule, _ = load(tx, ctx, rule_id)
        check_room(rule.metadata, {**rule.metadata, **metadata})
        store.set_metadata(tx, rule_id, metadata)
        return load(tx, ctx, rule_id)[0]


def delete_metadata(env: Env, ctx: Context, rule_id: str, key: str) -> None:
    with env.store.transaction() as tx:
        load(tx, ctx, rule_id)
        if not store.delete_metadata(tx, rule_id, [key]):
            raise NotFound(noun="Access rule metadata", id=key)


def _check_changeable(share: Share, *, allow_on_error: bool) -> None:
    if not share.host:
        raise BadRequest(f"Share {share.id} has no backend yet; wait until it is available.")
    if share.status in BLOCKS_RULES or (share.status == "error" and not allow_on_error):
        raise BadRequest(
            f"Share {share.id} is {share.status}; its access rules can be changed when it is "
            "available."
        )


def refuse_duplicate(
    whose: str,
    rules: Iterable[AccessRule | SnapshotAccessRule],
    access_type: str,
    access_to: str,
) -> None:
    """Two rules for the same clients, however they are written, could contradict each other."""
    for rule in rules:
        if rule.access_type == access_type and same(access_type, rule.access_to, access_to):
            raise BadRequest(
                f"{whose} access {access_type}:{access_to} exists already (rule {rule.id}, "
                f"{rule.access_level}, {rule.state})."
            )


def refuse_more(whose: str, resource_id: str, there: int, most: int) -> None:
    """As many rules as can be; servers look through all of them for each client."""
    if there >= most:
        raise OverQuota(
            f"The {whose} {resource_id} has {there} access rules and may have at most {most}; "
            "delete some, or use networks instead of addresses."
        )


def _begin(tx: Tx, share: Share) -> None:
    """Changes of one share's rules queue up behind its instance row, and the share's status is
    looked at once more while it cannot change."""
    if not share_store.begin_rules(tx, share.instance_id):
        raise BadRequest(f"Share {share.id} is being changed; try again when it is available.")


def _of_share(tx: Tx, ctx: Context, rule_id: str, share: Share) -> AccessRule:
    rule, _ = load(tx, ctx, rule_id)
    if rule.share_id != share.id:
        raise NotFound(noun="Access rule", id=rule_id)
    return rule


def _enqueue(tx: Tx, ctx: Context, share: Share) -> int:
    return enqueue(
        tx,
        ctx,
        "update_access",
        host=share.host,
        lock_key=share.instance_id,
        resource=("SHARE", share.id),
        project_id=share.project_id,
        payload={"instance_id": share.instance_id},
    )
