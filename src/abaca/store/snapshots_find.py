"""Lists of snapshots: two statements a page, each shape of a question compiled once.

See shares_find: `Wanted.clauses` names the rows of `CLAUSES` that hold, `Wanted.values` fills their
parameters.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.sql.expression import ColumnElement

from abaca.model.snapshots import Snapshot

from .engine import Tx
from .many import one_of
from .paging import Page, Window, beyond, ordered, window, windowed
from .schema import snapshot_instances, snapshot_metadata, snapshots
from .snapshots import COLUMNS, JOINED

_snapshot: Callable[..., Snapshot] = Snapshot
_n, _i, _m = snapshots.c, snapshot_instances.c, snapshot_metadata.c
MAX_PAIRS = 50  # of one metadata filter


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which snapshots: names of CLAUSES, and the values of their parameters."""

    clauses: tuple[str, ...] = ()
    values: Mapping[str, Any] = {}
    metadata: Mapping[str, str] = {}


def _is(column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    return column == sa.bindparam(name, type_=column.type)


def _has(column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """Contains text, without regard to case."""
    return column.ilike(sa.bindparam(name, type_=sa.String), escape="\\")


CLAUSES: dict[str, ColumnElement[bool]] = {
    "project": _is(_n.project_id, "project"),
    "project_id": _is(_n.project_id, "project_id"),
    "share_id": _is(_n.share_id, "share_id"),
    "size": _is(_n.size, "size"),
    "name": _is(_n.name, "name"),
    "name~": _has(_n.name, "name_part"),
    "description": _is(_n.description, "description"),
    "description~": _has(_n.description, "description_part"),
    "status": _is(_i.status, "status"),
}
SCOPES = ("project",)  # the clauses that say what a caller may see
OF_INSTANCE = frozenset({"status"})  # the others look at the snapshot's own row only

_TEXT = ""  # what NULL sorts as
SORT: dict[str, ColumnElement[Any]] = {
    "id": _n.id,
    "created_at": _n.created_at,
    "updated_at": sa.func.coalesce(_n.updated_at, _TEXT),
    "name": sa.func.coalesce(_n.name, _TEXT),
    "size": _n.size,
    "share_size": _n.share_size,
    "share_id": _n.share_id,
    "share_proto": _n.share_proto,
    "user_id": _n.user_id,
    "project_id": _n.project_id,
    "status": _i.status,
    "progress": sa.func.coalesce(_i.progress, _TEXT),
}
SORT["display_name"] = SORT["name"]


# --- statements by shape --------------------------------------------------------------------------
Shape = tuple[tuple[str, ...], int]  # clauses, pairs of metadata


def _conditions(shape: Shape) -> list[ColumnElement[bool]]:
    names, pairs = shape
    found = [CLAUSES[name] for name in names]
    for n in range(pairs):
        pair = (_is(_m.key, f"mk{n}"), _is(_m.value, f"mv{n}"))
        found.append(_n.id.in_(sa.select(_m.snapshot_id).where(*pair)))
    return found


@lru_cache(maxsize=512)
def _page_statement(
    shape: Shape, sort_key: str, descending: bool, marked: bool, part: Window
) -> sa.Select[Any]:
    by = SORT[sort_key]
    stmt = sa.select(*COLUMNS).select_from(JOINED).where(*_conditions(shape))
    if marked:
        stmt = stmt.where(beyond(by, _n.id, descending=descending))
    return windowed(ordered(stmt, by, _n.id, descending=descending), part)


@lru_cache(maxsize=512)
def _count_statement(shape: Shape) -> sa.Select[Any]:
    stmt = sa.select(sa.func.count()).where(*_conditions(shape))
    return stmt.select_from(JOINED if OF_INSTANCE & set(shape[0]) else snapshots)


@lru_cache(maxsize=128)
def _marker_statement(sort_key: str, scope: tuple[str, ...]) -> sa.Select[Any]:
    """Looked up only in what the caller may see, as in shares_find."""
    found = sa.select(SORT[sort_key]).select_from(JOINED)
    return found.where(_is(_n.id, "marker"), *(CLAUSES[name] for name in scope))


def _shape(wanted: Wanted) -> Shape:
    return wanted.clauses, len(wanted.metadata)


def _values(wanted: Wanted) -> dict[str, Any]:
    found = dict(wanted.values)
    for n, (key, value) in enumerate(wanted.metadata.items()):
        found[f"mk{n}"], found[f"mv{n}"] = key, value
    return found


# --- what callers use -----------------------------------------------------------------------------
def count(tx: Tx, wanted: Wanted) -> int:
    """How many there are on all pages."""
    found: int = tx.scalar(_count_statement(_shape(wanted)), _values(wanted))
    return found


def find(tx: Tx, wanted: Wanted, page: Page) -> list[Snapshot] | None:
    """One page, with metadata; None when the caller may see no snapshot with the marker's id."""
    values = _values(wanted)
    sort_key = page.sort_key or "created_at"
    if page.marker is not None:
        scope = tuple(name for name in wanted.clauses if name in SCOPES)
        marker = tx.one(_marker_statement(sort_key, scope), {**values, "marker": page.marker})
        if marker is None:
            return None
        values["marker"] = page.marker
        if sort_key != "id":
            values["marker_value"] = marker[0]
    values["page_offset"] = page.offset
    marked = page.marker is not None
    stmt = _page_statement(_shape(wanted), sort_key, page.descending, marked, window(page))
    return _records(tx, tx.all(stmt, values)[: page.limit])


_METADATA = sa.select(_m.snapshot_id, _m.key, _m.value).where(one_of(_m.snapshot_id, "ids"))


def _records(tx: Tx, rows: Sequence[Any]) -> list[Snapshot]:
    if not rows:
        return []
    metadata: dict[str, dict[str, str]] = defaultdict(dict)
    for snapshot_id, key, text in tx.all(_METADATA, {"ids": [row[0] for row in rows]}):
        metadata[snapshot_id][key] = text
    return [_snapshot(*row, metadata.get(row[0]) or {}) for row in rows]
