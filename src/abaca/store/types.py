"""Share types with their extra specs and the projects that may use them."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import exc

from abaca.model.types import ShareType

from .engine import Row, Tx
from .fixed import Fixed
from .schema import (
    quota_limits,
    share_instances,
    share_type_extra_specs,
    share_type_projects,
    share_types,
    shares,
)

_type: Callable[..., ShareType] = ShareType
_t, _x, _p = share_types.c, share_type_extra_specs.c, share_type_projects.c
COLUMNS = (_t.id, _t.name, _t.description, _t.is_public, _t.created_at, _t.updated_at)


class NameTaken(Exception):
    """Another share type has this name; the caller's transaction must roll back."""


@contextlib.contextmanager
def _one_name() -> Iterator[None]:
    try:
        yield
    except exc.IntegrityError as error:
        raise NameTaken from error


# --- look -----------------------------------------------------------------------------------------
_NAMED = Fixed(  # type, its specs, and whether it is the one of that id
    sa.select(*COLUMNS, _x.key, _x.value)
    .select_from(share_types.outerjoin(share_type_extra_specs, _x.share_type_id == _t.id))
    .where(sa.or_(_t.id == sa.bindparam("name"), _t.name == sa.bindparam("name")))
    .order_by(_t.id, _x.key)
)
_PROJECTS = Fixed(sa.select(_p.project_id).where(_p.share_type_id == sa.bindparam("id")))


def named(tx: Tx, name_or_id: str) -> ShareType | None:
    """By id or name (an id wins), in one statement for a public type."""
    rows = tx.all(_NAMED, {"name": name_or_id})
    mine = [row for row in rows if row[0] == name_or_id] or rows
    if not mine:
        return None
    specs = {row[-2]: row[-1] for row in mine if row[-2] is not None}
    first = mine[0]
    projects: list[str] = []
    if not first.is_public:
        projects = sorted(row[0] for row in tx.all(_PROJECTS, {"id": first.id}))
    return _type(*first[:-2], extra_specs=specs, projects=tuple(projects))


def _records(tx: Tx, rows: Sequence[Row]) -> list[ShareType]:
    ids = [row[0] for row in rows]
    specs: defaultdict[str, dict[str, str]] = defaultdict(dict)
    projects: defaultdict[str, list[str]] = defaultdict(list)
    if ids:
        stmt = sa.select(_x.share_type_id, _x.key, _x.value).where(_x.share_type_id.in_(ids))
        for type_id, key, text in tx.all(stmt.order_by(_x.key)):
            specs[type_id][key] = text
        found = sa.select(_p.share_type_id, _p.project_id).where(_p.share_type_id.in_(ids))
        for type_id, project in tx.all(found.order_by(_p.project_id)):
            projects[type_id].append(project)
    return [
        _type(*row, extra_specs=specs.get(row[0], {}), projects=tuple(projects.get(row[0], ())))
        for row in rows
    ]


def get(tx: Tx, type_id: str, *, lock: bool = False) -> ShareType | None:
    """lock: nobody else changes or deletes the type until this transaction ends."""
    stmt = sa.select(*COLUMNS).where(_t.id == type_id)
    found = _records(tx, tx.all(stmt.with_for_update() if lock else stmt))
    return found[0] if found else None


def by_name(tx: Tx, name: str) -> ShareType | None:
    found = _records(tx, tx.all(sa.select(*COLUMNS).where(_t.name == name)))
    return found[0] if found else None


def all_types(tx: Tx) -> list[ShareType]:
    return _records(tx, tx.all(sa.select(*COLUMNS).order_by(_t.created_at, _t.id)))


def in_use(tx: Tx, type_id: str) -> int:
    """How many shares (or instances of shares) are of the type."""
    direct = sa.select(shares.c.id).where(shares.c.share_type_id == type_id)
    through = sa.select(share_instances.c.share_id).where(
        share_instances.c.share_type_id == type_id
    )
    union = direct.union(through).subquery()
    count: int = tx.scalar(sa.select(sa.func.count()).select_from(union))
    return count


# --- change ---------------------------------------------------------------------------------------
def insert(tx: Tx, values: Mapping[str, Any], specs: Mapping[str, str]) -> None:
    """Raises NameTaken."""
    with _one_name():
        tx.run(sa.insert(share_types), {"created_at": tx.now, **values})
    set_specs(tx, values["id"], specs)


def update(tx: Tx, type_id: str, **values: Any) -> None:
    """Raises NameTaken."""
    with _one_name():
        tx.run(sa.update(share_types).where(_t.id == type_id).values(updated_at=tx.now, **values))


def delete(tx: Tx, type_id: str) -> None:
    """With its specs, its access list and the limits that were set for it."""
    tx.run(sa.delete(quota_limits).where(quota_limits.c.share_type_id == type_id))
    tx.run(sa.delete(share_types).where(_t.id == type_id))


_SET_SPEC = sa.text(
    "INSERT INTO share_type_extra_specs (share_type_id, key, value) VALUES (:type, :key, :value)"
    " ON CONFLICT (share_type_id, key) DO UPDATE SET value = excluded.value"
)


def set_specs(tx: Tx, type_id: str, specs: Mapping[str, str]) -> None:
    """Add or replace these extra specs."""
    if specs:
        rows = [{"type": type_id, "key": key, "value": text} for key, text in specs.items()]
        tx.run(_SET_SPEC, rows)


def delete_specs(tx: Tx, type_id: str, keys: Iterable[str]) -> int:
    stmt = sa.delete(share_type_extra_specs).where(
        _x.share_type_id == type_id, _x.key.in_(list(keys))
    )
    return tx.run(stmt)


_ALLOW = sa.text(
    "INSERT INTO share_type_projects (share_type_id, project_id) VALUES (:type, :project)"
    " ON CONFLICT (share_type_id, project_id) DO NOTHING"
)


def allow(tx: Tx, type_id: str, project_id: str) -> bool:
    """False when the project may use the type already."""
    return tx.run(_ALLOW, {"type": type_id, "project": project_id}) == 1


def deny(tx: Tx, type_id: str, project_id: str) -> bool:
    stmt = sa.delete(share_type_projects).where(
        _p.share_type_id == type_id, _p.project_id == project_id
    )
    return tx.run(stmt) == 1
