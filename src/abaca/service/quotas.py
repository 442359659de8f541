"""Use cases of quotas: how much a project, a user or a share type of a project may use."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from abaca.model.context import Context
from abaca.model.errors import BadRequest, Forbidden
from abaca.model.quotas import DEFAULT_LIMITS, UNLIMITED
from abaca.store import quotas as store
from abaca.store.engine import Tx
from abaca.store.quotas import Scope

from . import types
from .env import Env

NOT_FOR_TYPES = ("share_networks", "share_groups", "share_group_snapshots")
LONGEST_ID = 64  # characters of the id of a project or user
LONGEST_CLASS = 255


class QuotaSet(msgspec.Struct, frozen=True, kw_only=True):
    """The limits in force for a project, a user or a share type (or the defaults)."""

    id: str  # of the project; the name of a class
    limits: Mapping[str, int]
    in_use: Mapping[str, int] = {}
    of_type: bool = False  # without those that are not counted for share types


class Whose(msgspec.Struct, frozen=True, kw_only=True):
    """Whose quota is meant: a project's, or that of one user or one share type of it."""

    project_id: str
    user_id: str | None = None
    share_type: str | None = None  # id or name


# --- look -----------------------------------------------------------------------------------------
def show(env: Env, ctx: Context, whose: Whose) -> QuotaSet:
    """The limits and the use.  A user sees those of the own project only."""
    if not ctx.is_admin and whose.project_id != ctx.project_id:
        raise Forbidden(
            f"The quotas of project {whose.project_id[:64]!a} are shown to it and to "
            "administrators only."
        )
    with env.store.read() as tx:
        return _set(env, tx, whose, _scope(tx, ctx, whose))


def defaults(env: Env, project_id: str) -> QuotaSet:
    """What a project may use as long as nothing was set for it."""
    with env.store.read() as tx:
        limits = store.project_default(tx, env.settings.quota_defaults)
    return QuotaSet(id=project_id, limits=limits)


def _scope(tx: Tx, ctx: Context, whose: Whose) -> Scope:
    user, share_type = whose.user_id or "", whose.share_type or ""
    if user and share_type:
        raise BadRequest(
            "user_id and share_type were both given; quotas are for a user or for a share type, "
            "not for both at once."
        )
    for name, value in (("The project id", whose.project_id), ("user_id", user)):
        if len(value) > LONGEST_ID:
            raise BadRequest(f"{name} has {len(value)} characters; at most {LONGEST_ID} can be.")
    if share_type:
        share_type = types.resolve(tx, ctx, share_type).id
    return (whose.project_id, user, share_type)


def _set(env: Env, tx: Tx, whose: Whose, scope: Scope) -> QuotaSet:
    in_force = store.limits_of(tx, whose.project_id, env.settings.quota_defaults)
    of_project = in_force[(whose.project_id, "", "")]
    return QuotaSet(
        id=whose.project_id,
        limits={**of_project, **in_force.get(scope, {})},
        in_use=store.in_use(tx, scope),
        of_type=bool(scope[2]),
    )


# --- change ---------------------------------------------------------------------------------------
def update(
    env: Env, ctx: Context, whose: Whose, limits: Mapping[str, int], *, force: bool = False
) -> QuotaSet:
    """Set these limits.  force: also below what is in use, or above the project's limit."""
    if not limits:
        raise BadRequest("No quota was given; give at least one, such as shares.")
    if whose.share_type:
        _refuse_uncounted(limits)
    with env.store.transaction() as tx:
        scope = _scope(tx, ctx, whose)
        if not force:
            _check(env, tx, scope, limits)
        store.set_limits(tx, scope, limits)
        return _set(env, tx, whose, scope)


def _refuse_uncounted(limits: Mapping[str, int]) -> None:
    uncounted = [resource for resource in NOT_FOR_TYPES if resource in limits]
    if uncounted:
        raise BadRequest(f"{uncounted[0]} cannot be limited for a share type; leave it out.")


def _check(env: Env, tx: Tx, scope: Scope, limits: Mapping[str, int]) -> None:
    """What is in use must fit, and what a user or type may use must fit into its project."""
    project = (scope[0], "", "")
    whole = store.limits_of(tx, scope[0], env.settings.quota_defaults)[project]
    in_use = store.in_use(tx, scope)
    for resource, limit in limits.items():
        most = whole[resource] if scope != project else UNLIMITED
        if most != UNLIMITED and (limit == UNLIMITED or limit > most):
            raise BadRequest(
                f"{resource} {limit} is more than the {most} that the whole project may use; give "
                "less, raise the project's quota first, or use force."
            )
        if limit != UNLIMITED and limit < in_use[resource]:
            raise BadRequest(
                f"{resource} {limit} is less than the {in_use[resource]} in use; give more, or "
                "use force."
            )


def delete(env: Env, ctx: Context, whose: Whose) -> None:
    """Back to the defaults; for a project, those of its users and types as well."""
    with env.store.transaction() as tx:
        store.delete_limits(tx, _scope(tx, ctx, whose))


# --- classes --------------------------------------------------------------------------------------
def show_class(env: Env, ctx: Context, name: str) -> QuotaSet:
    """The class `default` holds for all projects; others hold for nobody."""
    if not ctx.is_admin:
        raise Forbidden("Quota classes are shown to administrators only.")
    with env.store.read() as tx:
        return _class(env, tx, name)


def _class(env: Env, tx: Tx, name: str) -> QuotaSet:
    configured = {**DEFAULT_LIMITS, **env.settings.quota_defaults}
    return QuotaSet(id=name, limits={**configured, **store.class_limits(tx, name)})


def update_class(env: Env, ctx: Context, name: str, limits: Mapping[str, int]) -> QuotaSet:
    if len(name) > LONGEST_CLASS:
        raise BadRequest(
            f"The class name has {len(name)} characters; at most {LONGEST_CLASS} can be."
        )
    with env.store.transaction() as tx:
        store.set_class_limits(tx, name, limits)
        return _class(env, tx, name)
