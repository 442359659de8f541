"""Quotas: limits, and use counted in the transaction that changes the rows.

Use is kept for the whole project, for each user, and for each share type of the project.  A charge
changes all three in one go, and is refused in the database itself: of two requests at once that
would exceed a limit together, one gets it.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping

import sqlalchemy as sa

from abaca.model.quotas import DEFAULT_LIMITS, PER_TYPE, UNLIMITED

from .engine import Tx
from .fixed import Fixed
from .schema import quota_class_limits, quota_limits, quota_usages

Scope = tuple[str, str, str]  # project, user or '', share type or ''
_u, _q, _k = quota_usages.c, quota_limits.c, quota_class_limits.c


class Exceeded(Exception):
    """A limit would be exceeded: (scope, resource, limit, in use, asked for)."""

    def __init__(self, scope: Scope, resource: str, limit: int, in_use: int, delta: int) -> None:
        super().__init__(f"{resource}: {in_use} of {limit} in use, {delta} more asked for")
        self.scope, self.resource, self.limit = scope, resource, limit
        self.in_use, self.delta = in_use, delta


def scopes(project_id: str, user_id: str, share_type_id: str | None) -> list[Scope]:
    """In the order in which they are locked, always the same."""
    found: list[Scope] = [(project_id, "", "")]
    if share_type_id:
        found.append((project_id, "", share_type_id))
    if user_id:
        found.append((project_id, user_id, ""))
    return found


@functools.cache
def _add(rows: int) -> Fixed:
    """One statement for all counters: they are locked in the order of the rows."""
    values = ", ".join(f"(:p{n}, :u{n}, :t{n}, :r{n}, :d{n})" for n in range(rows))
    return Fixed(
        sa.text(
            "INSERT INTO quota_usages (project_id, user_id, share_type_id, resource, in_use)"
            f" VALUES {values}"
            " ON CONFLICT (project_id, user_id, share_type_id, resource)"
            " DO UPDATE SET in_use = quota_usages.in_use + excluded.in_use"
            " RETURNING project_id, user_id, share_type_id, resource, in_use"
        )
    )


def charge(
    tx: Tx,
    deltas: Mapping[str, int],
    *,
    project_id: str,
    user_id: str,
    share_type_id: str | None,
    defaults: Mapping[str, int] | None = None,
    enforce: bool = True,
) -> None:
    """Add to the use (negative: give back).  Raises Exceeded; the caller's transaction must then
    roll back.  enforce=False counts without asking (manage, giving back)."""
    wanted = {resource: delta for resource, delta in sorted(deltas.items()) if delta}
    rows = [
        (*scope, resource, delta)
        for scope in scopes(project_id, user_id, share_type_id)
        for resource, delta in wanted.items()
        if not scope[2] or resource in PER_TYPE
    ]
    if not rows:
        return
    values = {f"{name}{n}": row[i] for n, row in enumerate(rows) for i, name in enumerate("putrd")}
    counted = tx.all(_add(len(rows)), values)
    if enforce and any(delta > 0 for delta in wanted.values()):
        limits = limits_of(tx, project_id, defaults)
        for project, user, kind, resource, used in counted:
            _check(limits, (project, user, kind), resource, used, wanted[resource])


def _check(
    limits: Mapping[Scope, Mapping[str, int]], scope: Scope, resource: str, used: int, delta: int
) -> None:
    limit = limits.get(scope, {}).get(resource, UNLIMITED)
    if delta > 0 and limit != UNLIMITED and used > limit:
        raise Exceeded(scope, resource, limit, used - delta, delta)


_CLASS = Fixed(sa.select(_k.resource, _k.hard_limit).where(_k.class_name == sa.bindparam("name")))


def class_limits(tx: Tx, name: str) -> dict[str, int]:
    return dict(tuple(row) for row in tx.all(_CLASS, {"name": name}))


_LIMITS = Fixed(
    sa.union_all(  # in force in a project: those of the class 'default' first
        sa.select(
            sa.literal("class").label("of"),
            sa.literal("").label("user_id"),
            sa.literal("").label("share_type_id"),
            _k.resource,
            _k.hard_limit,
        ).where(_k.class_name == "default"),
        sa.select(
            sa.literal("project"), _q.user_id, _q.share_type_id, _q.resource, _q.hard_limit
        ).where(_q.project_id == sa.bindparam("project")),
    )
)


def project_default(tx: Tx, defaults: Mapping[str, int] | None = None) -> dict[str, int]:
    """What a project may use unless a limit is set for it: the class 'default' over the
    configured defaults."""
    return {**DEFAULT_LIMITS, **(defaults or {}), **class_limits(tx, "default")}


def limits_of(
    tx: Tx, project_id: str, defaults: Mapping[str, int] | None = None
) -> dict[Scope, dict[str, int]]:
    """All limits in force in a project, by scope.  Users and types have only those that were set
    for them."""
    rows = tx.memo.get(("limits", project_id))
    if rows is None:
        rows = tx.memo["limits", project_id] = tx.all(_LIMITS, {"project": project_id})
    whole = {**DEFAULT_LIMITS, **(defaults or {})}
    whole.update((row[3], row[4]) for row in rows if row[0] == "class")
    found: dict[Scope, dict[str, int]] = {(project_id, "", ""): whole}
    for of, user, kind, resource, limit in rows:
        if of == "project":
            found.setdefault((project_id, user, kind), {})[resource] = limit
    return found


_SET = Fixed(
    sa.text(
        "INSERT INTO quota_limits (project_id, user_id, share_type_id, resource, hard_limit)"
        " VALUES (:project, :user, :type, :resource, :limit)"
        " ON CONFLICT (project_id, user_id, share_type_id, resource)"
        " DO UPDATE SET hard_limit = excluded.hard_limit"
    )
)


def set_limits(tx: Tx, scope: Scope, limits: Mapping[str, int]) -> None:
    """Add or replace these limits of a scope."""
    project, user, kind = scope
    tx.memo.pop(("limits", project), None)
    for resource, limit in sorted(limits.items()):
        row = {"project": project, "user": user, "type": kind, "resource": resource}
        tx.run(_SET, {**row, "limit": limit})


def delete_limits(tx: Tx, scope: Scope) -> None:
    """Back to the defaults.  The whole project: its users' and types' limits go as well."""
    project, user, kind = scope
    stmt = sa.delete(quota_limits).where(_q.project_id == project)
    if user:
        stmt = stmt.where(_q.user_id == user)
    if kind:
        stmt = stmt.where(_q.share_type_id == kind)
    tx.run(stmt)


_SET_CLASS = Fixed(
    sa.text(
        "INSERT INTO quota_class_limits (class_name, resource, hard_limit)"
        " VALUES (:name, :resource, :limit)"
        " ON CONFLICT (class_name, resource) DO UPDATE SET hard_limit = excluded.hard_limit"
    )
)


def set_class_limits(tx: Tx, name: str, limits: Mapping[str, int]) -> None:
    for resource, limit in sorted(limits.items()):
        tx.run(_SET_CLASS, {"name": name, "resource": resource, "limit": limit})


_USE = Fixed(
    sa.select(_u.resource, _u.in_use).where(
        _u.project_id == sa.bindparam("project"),
        _u.user_id == sa.bindparam("user"),
        _u.share_type_id == sa.bindparam("type"),
    )
)


def in_use(tx: Tx, scope: Scope, resources: Iterable[str] = DEFAULT_LIMITS) -> dict[str, int]:
    project, user, kind = scope
    rows = tx.all(_USE, {"project": project, "user": user, "type": kind})
    found: dict[str, int] = dict(tuple(row) for row in rows)
    return {resource: found.get(resource, 0) for resource in resources}
