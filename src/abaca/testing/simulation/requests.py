"""Asking for something: what the model expects of it, how it is asked, and what it changes.

Each verb is a function of the model and two numbers from the plan; it chooses its target and gives
a Request, or None where there is nothing to ask it of.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from abaca.model.context import Context
from abaca.model.idempotency import Answer
from abaca.service import (
    access,
    idempotency,
    manage,
    services,
    shares,
    shares_create,
    shares_resize,
    shares_state,
    snapshot_access,
    snapshots,
)
from abaca.service.env import Env

from .model import RULES_CHANGE, Model, Op, Rule, Share, Snapshot, Thing
from .world import HOST, POOL

PROJECTS = ("p1", "p2")
LEVELS = ("rw", "ro")
ADDRESSES = 2  # few, so that rules collide
T = TypeVar("T")


@dataclass(frozen=True)
class Request:
    text: str
    allowed: bool | None  # None: it depends on how far something is
    call: Callable[[Env], Any]
    accepted: Callable[[Op | None, str], None]  # its operation; the newest rule of its resource
    quiet: bool = False  # it may need no operation
    trace: str = ""  # of one that never has any: finds a row if and only if it has happened
    rules_of: str = ""  # the resource whose rule it makes
    repeats: bool = False  # it has an Idempotency-Key: asked again when the answer is lost


Verb = Callable[[Model, int, int], Request | None]
VERBS: dict[str, Verb] = {}


def verb(function: Verb) -> Verb:
    VERBS[function.__name__] = function
    return function


def user(project: str) -> Context:
    return Context(user_id=f"user of {project}", project_id=project, roles=("member", "reader"))


def admin(project: str = "admin") -> Context:
    return Context(user_id="root", project_id=project, roles=("admin",), is_admin=True)


def _pick(things: Sequence[T], number: int) -> T | None:
    return things[number % len(things)] if things else None


def _share(model: Model, number: int) -> Share | None:
    return _pick(list(model.shares.values()), number)


def _snapshot(model: Model, number: int) -> tuple[Share, Snapshot] | None:
    found = [(share, each) for share in model.shares.values() for each in share.snapshots.values()]
    return _pick(found, number)


# --- shares ---------------------------------------------------------------------------------------
@verb
def create(model: Model, a: int, b: int) -> Request:
    project, size = PROJECTS[a % 5 == 4], 1 + b % 3
    wanted = shares_create.NewShare(share_proto="NFS", size=size)
    return _creation(model, project, wanted, size, None, True)


@verb
def clone(model: Model, a: int, b: int) -> Request | None:
    found = _snapshot(model, a)
    if found is None:
        return None
    share, snapshot = found
    size = snapshot.size + b % 2
    wanted = shares_create.NewShare(share_proto="NFS", size=size, snapshot_id=snapshot.id)
    return _creation(model, share.project, wanted, size, snapshot.id, snapshot.idle)


def _creation(
    model: Model,
    project: str,
    wanted: shares_create.NewShare,
    size: int,
    source: str | None,
    right: bool,
) -> Request:
    def accepted(op: Op | None, _: str) -> None:
        assert op
        made = Share(op.resource_id, op.instance_id, size, "creating", op, project=project)
        made.source = source
        model.shares[made.id] = made

    return Request(
        f"create {size} GiB{' from ' + source[:8] if source else ''}",
        right and model.fits(project, shares=1, gigabytes=size),
        _once(user(project), lambda env: shares_create.create(env, user(project), wanted)),
        accepted,
        repeats=True,
    )


@verb
def delete(model: Model, a: int, b: int) -> Request | None:
    share = _share(model, a)
    if share is None:
        return None
    idle = share.status in ("available", "error") and share.op is None
    return Request(
        f"delete {share.id[:8]}",
        model.sure(idle and not share.snapshots) if not share.snapshots else False,
        lambda env: shares.delete(env, user(share.project), share.id),
        lambda op, _: _begin(share, "deleting", op),
    )


@verb
def soft_delete(model: Model, a: int, b: int) -> Request | None:
    """Into the recycle bin."""
    share = _share(model, a)
    if share is None:
        return None
    idle = share.status in ("available", "error") and share.op is None and not share.binned

    def accepted(op: Op | None, _: str) -> None:
        share.binned = True

    return Request(
        f"soft delete {share.id[:8]}",
        model.sure(idle and not share.snapshots) if not share.snapshots else False,
        lambda env: shares_state.soft_delete(env, user(share.project), share.id),
        accepted,
        quiet=True,
        trace=f"SELECT 1 FROM shares WHERE id = '{share.id}' AND is_soft_deleted",
    )


@verb
def restore(model: Model, a: int, b: int) -> Request | None:
    """Out of the recycle bin, if it is there."""
    share = _share(model, a)
    if share is None:
        return None

    def accepted(op: Op | None, _: str) -> None:
        share.binned = False

    return Request(
        f"restore {share.id[:8]}",
        share.status not in ("deleting", "error_deleting"),
        lambda env: shares_state.restore(env, user(share.project), share.id),
        accepted,
        quiet=True,
        trace=f"SELECT 1 FROM shares WHERE id = '{share.id}' AND NOT is_soft_deleted",
    )


@verb
def force_delete(model: Model, a: int, b: int) -> Request | None:
    share = _share(model, a)
    if share is None:
        return None

    def accepted(op: Op | None, _: str) -> None:
        model.force(share)
        _begin(share, "deleting", op)

    return Request(
        f"force delete {share.id[:8]}",
        not share.snapshots,
        lambda env: shares.delete(env, admin(), share.id, force=True),
        accepted,
    )


@verb
def extend(model: Model, a: int, b: int) -> Request | None:
    share = _share(model, a)
    if share is None:
        return None
    size = share.size + b % 4
    more = size - share.size
    right = share.idle and more > 0 and model.fits(share.project, gigabytes=more)
    return Request(
        f"extend {share.id[:8]} to {size}",
        model.sure(right) if right else False,
        lambda env: shares_resize.extend(env, user(share.project), share.id, size),
        lambda op, _: _resize(share, "extending", op, size),
    )


@verb
def shrink(model: Model, a: int, b: int) -> Request | None:
    share = _share(model, a)
    if share is None:
        return None
    size = share.size - 1 - b % 2
    right = share.idle and size > 0
    return Request(
        f"shrink {share.id[:8]} to {size}",
        model.sure(right) if right else False,
        lambda env: shares_resize.shrink(env, user(share.project), share.id, size),
        lambda op, _: _resize(share, "shrinking", op, size),
    )


@verb
def revert(model: Model, a: int, b: int) -> Request | None:
    found = _snapshot(model, a)
    if found is None:
        return None
    share, snapshot = found
    newest = list(share.snapshots)[-1] == snapshot.id
    more = max(0, snapshot.size - share.size)
    right = newest and share.idle and snapshot.idle and model.fits(share.project, gigabytes=more)

    def accepted(op: Op | None, _: str) -> None:
        _resize(share, "reverting", op, snapshot.size)
        share.restoring, snapshot.status = snapshot.id, "restoring"

    return Request(
        f"revert {share.id[:8]} to {snapshot.id[:8]}",
        # the state of rules matters too, and a failed one is told in several ways
        (model.sure(right) if not share.rules else None) if right else False,
        lambda env: shares_resize.revert(env, user(share.project), share.id, snapshot.id),
        accepted,
    )


@verb
def reset(model: Model, a: int, b: int) -> Request | None:
    """An administrator has a failed share counted as in error, so that it can be deleted."""
    share = _share(model, a)
    if share is None or "error" not in share.status:
        return None

    def accepted(op: Op | None, _: str) -> None:
        share.status = "error"

    return Request(
        f"reset {share.id[:8]}",
        not share.binned,
        lambda env: shares_state.reset_status(env, admin(), share.id, "error"),
        accepted,
        quiet=True,
        trace=f"SELECT 1 FROM share_instances WHERE id = '{share.instance_id}'"
        " AND status = 'error'",
    )


@verb
def ensure(model: Model, a: int, b: int) -> Request:
    return Request(
        "ensure shares",
        None,  # only while the service has reported
        lambda env: services.ensure_shares(env, admin(), HOST),
        lambda op, _: None,
    )


# --- what abaca did not make ----------------------------------------------------------------------
@verb
def unmanage_share(model: Model, a: int, b: int) -> Request | None:
    """Forget a share; it stays on the backend."""
    share = _share(model, a)
    if share is None:
        return None
    right = share.op is None and not share.binned and not share.snapshots

    def call(env: Env) -> None:
        found = shares.get(env, admin(), share.id, locations=True).export_locations
        share.path = found[0].path if found else ""
        manage.unmanage(env, admin(), share.id)

    return Request(
        f"unmanage {share.id[:8]}",
        model.sure(right) if right else False,
        call,
        lambda op, _: _begin(share, "unmanage_starting", op),
    )


@verb
def manage_share(model: Model, a: int, b: int) -> Request | None:
    """Take over what was forgotten."""
    left = _pick(model.left, a)
    if left is None:
        return None
    context = admin(PROJECTS[b % 2])
    given = manage.Managed(export_path=left.path, host=POOL, share_proto="NFS")

    def accepted(op: Op | None, _: str) -> None:
        assert op
        model.left.remove(left)
        made = Share(op.resource_id, op.instance_id, 0, "manage_starting", op)
        made.project, made.path, made.target = context.project_id, left.path, left.size
        model.shares[made.id] = made

    return Request(
        f"manage {left.path}",
        None,  # only while the service has reported
        lambda env: manage.manage(env, context, given),
        accepted,
    )


# --- snapshots ------------------------------------------------------------------------------------
@verb
def snapshot(model: Model, a: int, b: int) -> Request | None:
    share = _share(model, a)
    if share is None:
        return None
    right = share.idle and model.fits(share.project, snapshots=1, snapshot_gigabytes=share.size)

    def accepted(op: Op | None, _: str) -> None:
        assert op
        made = Snapshot(op.resource_id, op.instance_id, share.size, "creating", op)
        share.snapshots[made.id] = made

    return Request(
        f"snapshot {share.id[:8]}",
        model.sure(right) if right else False,
        lambda env: snapshots.create(env, user(share.project), share.id),
        accepted,
    )


@verb
def delete_snapshot(model: Model, a: int, b: int) -> Request | None:
    found = _snapshot(model, a)
    if found is None:
        return None
    share, snapshot = found
    force = b % 4 == 0
    idle = snapshot.status in ("available", "error") and snapshot.op is None
    cloned = model.being_cloned(snapshot)

    def accepted(op: Op | None, _: str) -> None:
        if force:
            model.force(snapshot)
        _begin(snapshot, "deleting", op)

    context = admin() if force else user(share.project)
    return Request(
        f"{'force ' if force else ''}delete snapshot {snapshot.id[:8]}",
        not cloned and (idle or force),
        lambda env: snapshots.delete(env, context, snapshot.id, force=force),
        accepted,
    )


# --- rules ----------------------------------------------------------------------------------------
def _allow(model: Model, share: Share, thing: Thing, b: int, right: bool | None) -> Request:
    to, level = f"10.0.0.{1 + b % ADDRESSES}", LEVELS[b % 2] if thing is share else "ro"
    same = thing.rule_to(to)
    of_share = thing is share
    context = user(share.project)

    def call(env: Env) -> object:
        if of_share:
            return access.allow(
                env, context, thing.id, access_type="ip", access_to=to, access_level=level
            )
        return snapshot_access.allow(env, context, thing.id, access_type="ip", access_to=to)

    def accepted(op: Op | None, newest: str) -> None:
        assert op
        for rule in [rule for rule in thing.rules.values() if rule.to == to]:
            del thing.rules[rule.id]
        thing.rules[newest] = Rule(newest, to, level)
        thing.updates.add(op.id)

    allowed = right if same is None else None if same.denied and right is not False else False
    return Request(
        f"allow {to} {level} at {thing.id[:8]}", allowed, call, accepted, rules_of=thing.id
    )


def _deny(model: Model, share: Share, thing: Thing, b: int, right: bool | None) -> Request | None:
    rule = _pick(list(thing.rules.values()), b)
    if rule is None:
        return None
    context = user(share.project)
    ask = access.deny if thing is share else snapshot_access.deny

    def accepted(op: Op | None, _: str) -> None:
        rule.denied = True
        if op:
            model.denied[rule.id] = (thing.instance_id, op.id)
            thing.updates.add(op.id)

    return Request(
        f"deny {rule.to} at {thing.id[:8]}",
        None if rule.denied else right,
        lambda env: ask(env, context, thing.id, rule.id),
        accepted,
        quiet=True,
    )


def _may_change(model: Model, share: Share) -> bool | None:
    if share.binned:
        return False
    if share.op is not None or share.status not in RULES_CHANGE:
        return None if share.source else False  # of a clone, rules can be changed before its end
    return model.sure(True) if share.status == "available" else None


@verb
def allow(model: Model, a: int, b: int) -> Request | None:
    share = _share(model, a)
    return _allow(model, share, share, b, _may_change(model, share)) if share else None


@verb
def deny(model: Model, a: int, b: int) -> Request | None:
    share = _share(model, a)
    return _deny(model, share, share, b, _may_change(model, share)) if share else None


@verb
def allow_snapshot(model: Model, a: int, b: int) -> Request | None:
    found = _snapshot(model, a)
    return _allow(model, *found, b, found[1].idle) if found else None


@verb
def deny_snapshot(model: Model, a: int, b: int) -> Request | None:
    found = _snapshot(model, a)
    return _deny(model, *found, b, found[1].idle) if found else None


@verb
def set_level(model: Model, a: int, b: int) -> Request | None:
    share = _share(model, a)
    rule = _pick(list(share.rules.values()), a) if share else None
    if share is None or rule is None:
        return None
    level = rule.level if b % 4 == 0 else LEVELS[rule.level == "rw"]

    def accepted(op: Op | None, _: str) -> None:
        rule.level = level
        if op:
            rule.denied = False  # its denial has failed, and it is wanted again
            model.denied.pop(rule.id, None)
            share.updates.add(op.id)

    return Request(
        f"set {rule.to} at {share.id[:8]} to {level}",
        None,  # depends on the state of the rule
        lambda env: access.set_level(env, user(share.project), rule.id, level),
        accepted,
        quiet=True,
    )


def _once(context: Context, call: Callable[[Env], Any]) -> Callable[[Env], Any]:
    """With an Idempotency-Key, as the API does it."""
    key = context.request_id

    def answer(env: Env) -> Answer:
        return Answer(200, {}, call(env).id.encode())

    return lambda env: idempotency.once(env, context, key, "the same body", answer)


# --- what is common -------------------------------------------------------------------------------
def _begin(thing: Thing, status: str, op: Op | None) -> None:
    assert op
    thing.status, thing.op = status, op


def _resize(share: Share, status: str, op: Op | None, size: int) -> None:
    _begin(share, status, op)
    share.target, share.booked = size, max(0, size - share.size)
