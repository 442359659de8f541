"""Lists of shares: three statements a page, whatever is asked for.

A statement depends on which filters are given, not on their values: each shape is built and
compiled once.  `Wanted.clauses` names the rows of `CLAUSES` that hold; `Wanted.values` fills their
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

from abaca.model.shares import ExportLocation, Share
from abaca.model.status import AVAILABLE, SHARE_STATUSES

from .engine import Tx
from .many import one_of
from .paging import Page, Window, beyond, ordered, window, windowed
from .schema import (
    IN_DEFERRED_DELETION,
    export_locations,
    share_instances,
    share_metadata,
    share_type_extra_specs,
    shares,
)
from .shares import COLUMNS, JOINED

_share: Callable[..., Share] = Share
_s, _i = shares.c, share_instances.c
_m, _e, _x = share_metadata.c, export_locations.c, share_type_extra_specs.c
MAX_PAIRS = 50  # of one metadata or extra_specs filter


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which shares: names of CLAUSES, and the values of their parameters."""

    clauses: tuple[str, ...] = ()
    values: dict[str, Any] = {}
    metadata: Mapping[str, str] = {}
    extra_specs: Mapping[str, str] = {}


def _is(column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    return column == sa.bindparam(name, type_=column.type)


def _has(column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """Contains text, without regard to case (as MySQL compares, on both databases)."""
    return column.ilike(sa.bindparam(name, type_=sa.String), escape="\\")


def _exported(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """Some export location of the share's instances is so."""
    inner = share_instances.alias("exported")
    joined = export_locations.join(inner, inner.c.id == _e.share_instance_id)
    return _s.id.in_(sa.select(inner.c.share_id).select_from(joined).where(condition))


def status_clause(status: str) -> str:
    """The name of the clause for one of SHARE_STATUSES."""
    return f"status={status}"


# text, as above: few rows, by a partial index, before any join
_DEFERRED = f"SELECT share_id FROM share_instances WHERE {IN_DEFERRED_DELETION}"
CLAUSES: dict[str, ColumnElement[bool]] = {
    # whose
    "project": _is(_s.project_id, "project"),
    "project_or_public": sa.or_(_is(_s.project_id, "project"), sa.text("shares.is_public")),
    # the recycle bin; text, because it must read like the condition of the partial indexes
    "kept": sa.text("NOT shares.is_soft_deleted"),  # type: ignore[dict-item]
    # the same in other words, so that a page is read in its order, and not sorted, from this index
    "kept_in_order": sa.text("shares.is_soft_deleted IS NOT TRUE"),  # type: ignore[dict-item]
    "soft_deleted": sa.text("shares.is_soft_deleted"),  # type: ignore[dict-item]
    "deferred": sa.text(f"shares.id IN ({_DEFERRED})"),  # type: ignore[dict-item]
    "not_deferred": sa.text(f"shares.id NOT IN ({_DEFERRED})"),  # type: ignore[dict-item]
    # of the share
    "name": _is(_s.name, "name"),
    "name~": _has(_s.name, "name_part"),
    "description": _is(_s.description, "description"),
    "description~": _has(_s.description, "description_part"),
    "project_id": _is(_s.project_id, "project_id"),
    "user_id": _is(_s.user_id, "user_id"),
    "share_type_id": _is(_s.share_type_id, "share_type_id"),
    "snapshot_id": _is(_s.snapshot_id, "snapshot_id"),
    "share_group_id": _is(_s.share_group_id, "share_group_id"),
    # of its instance
    "status": _is(_i.status, "status"),
    "host": _is(_i.host, "host"),
    "backend": _i.host.like(sa.bindparam("backend", type_=sa.String), escape="\\"),
    "share_network_id": _is(_i.share_network_id, "share_network_id"),
    "share_server_id": _is(_i.share_server_id, "share_server_id"),
    "mount_point_name": _is(_i.mount_point_name, "mount_point_name"),
    "encryption_key_ref": _is(_i.encryption_key_ref, "encryption_key_ref"),
    "availability_zone": _is(_i.availability_zone_id, "availability_zone"),  # id
    # of its export locations
    "export_location_id": _exported(_is(_e.id, "export_location_id")),
    "export_location_path": _exported(_is(_e.path, "export_location_path")),
    # administrators' locations do not count
    "open_location_id": _exported(_is(_e.id, "export_location_id") & ~_e.is_admin_only),
    "open_location_path": _exported(_is(_e.path, "export_location_path") & ~_e.is_admin_only),
}
# In the text of the statement, so that the planner can know whether few shares or most have it.
CLAUSES |= {
    status_clause(name): _i.status == sa.literal_column(f"'{name}'") for name in SHARE_STATUSES
}
# Most shares have this one: its index would lead through all of them.
CLAUSES[status_clause(AVAILABLE)] = (_i.status + "") == sa.literal_column(f"'{AVAILABLE}'")
# clauses that look at the share's own row only: counting needs no join
ALONE = frozenset(
    {
        "project", "project_or_public", "kept", "soft_deleted", "deferred", "not_deferred", "name",
        "name~", "description",
        "description~", "project_id", "user_id", "share_type_id", "snapshot_id", "share_group_id",
        "export_location_id", "export_location_path", "open_location_id", "open_location_path",
    }
)  # fmt: skip

SCOPES = ("project", "project_or_public")  # the clauses that say what a caller may see

_TEXT = ""  # what NULL sorts as
SORT: dict[str, ColumnElement[Any]] = {
    "id": _s.id,
    "created_at": _s.created_at,
    "updated_at": sa.func.coalesce(_s.updated_at, _TEXT),
    "name": sa.func.coalesce(_s.name, _TEXT),
    "size": _s.size,
    "share_proto": _s.share_proto,
    "user_id": _s.user_id,
    "project_id": _s.project_id,
    "share_type_id": sa.func.coalesce(_s.share_type_id, _TEXT),
    "snapshot_id": sa.func.coalesce(_s.snapshot_id, _TEXT),
}
SORT |= {
    "display_name": SORT["name"],
    "share_type": SORT["share_type_id"],
    "snapshot": SORT["snapshot_id"],
}
SORT_BY_INSTANCE: dict[str, ColumnElement[Any]] = {
    "status": _i.status,
    "host": sa.func.coalesce(_i.host, _TEXT),
    "availability_zone_id": sa.func.coalesce(_i.availability_zone_id, _TEXT),
    "share_network_id": sa.func.coalesce(_i.share_network_id, _TEXT),
}
SORT_BY_INSTANCE |= {
    "share_network": SORT_BY_INSTANCE["share_network_id"],
    "availability_zone": SORT_BY_INSTANCE["availability_zone_id"],
}
SORT |= SORT_BY_INSTANCE


_PAGE = sa.select(*COLUMNS).select_from(JOINED)


# --- statements by shape --------------------------------------------------------------------------
Shape = tuple[tuple[str, ...], int, int]  # clauses, pairs of metadata, pairs of extra specs


def _conditions(shape: Shape) -> list[ColumnElement[bool]]:
    names, metadata, specs = shape
    found = [CLAUSES[name] for name in names]
    for n in range(metadata):
        pair = (_is(_m.key, f"mk{n}"), _is(_m.value, f"mv{n}"))
        found.append(sa.exists().where(_m.share_id == _s.id, *pair))
    for n in range(specs):
        pair = (_is(_x.key, f"xk{n}"), _is(_x.value, f"xv{n}"))
        found.append(_s.share_type_id.in_(sa.select(_x.share_type_id).where(*pair)))
    return found


@lru_cache(maxsize=512)
def _page_statement(
    shape: Shape, sort_key: str, descending: bool, marked: bool, part: Window
) -> sa.Select[Any]:
    """What is skipped is skipped before any join, where the share's own row tells the order."""
    by = SORT[sort_key]
    names = tuple("kept_in_order" if name == "kept" else name for name in shape[0])
    early = part.skips and {*shape[0]} <= ALONE and sort_key not in SORT_BY_INSTANCE
    stmt = sa.select(_s.id).select_from(shares) if early else _PAGE
    stmt = stmt.where(*_conditions((names, *shape[1:])))
    if marked:
        stmt = stmt.where(beyond(by, _s.id, descending=descending))
    stmt = windowed(ordered(stmt, by, _s.id, descending=descending), part)
    if not early:
        return stmt
    chosen = _PAGE.where(_s.id.in_(stmt.correlate(None)))
    return ordered(chosen, by, _s.id, descending=descending)


@lru_cache(maxsize=512)
def _count_statement(shape: Shape) -> sa.Select[Any]:
    """Shares in deferred deletion are few: counting them and taking them off is cheaper than
    looking at the id of every share."""
    names, metadata, specs = shape
    rest = tuple(name for name in names if name != "not_deferred")
    if rest == names or not {*rest} <= ALONE:
        return _counted(shape)
    hidden = _counted(((*rest, "deferred"), metadata, specs)).scalar_subquery()
    return sa.select(_counted((rest, metadata, specs)).scalar_subquery() - hidden)


def _counted(shape: Shape) -> sa.Select[Any]:
    stmt = sa.select(sa.func.count()).where(*_conditions(shape))
    return stmt.select_from(shares if {*shape[0]} <= ALONE else JOINED)


@lru_cache(maxsize=128)
def _marker_statement(sort_key: str, scope: tuple[str, ...]) -> sa.Select[Any]:
    """Looked up only in what the caller may see; the other filters of the list do not count,
    because the record may have changed since its page was read."""
    found = sa.select(SORT[sort_key]).select_from(JOINED)
    return found.where(_is(_s.id, "marker"), *(CLAUSES[name] for name in scope))


def _shape(wanted: Wanted) -> Shape:
    return wanted.clauses, len(wanted.metadata), len(wanted.extra_specs)


def _values(wanted: Wanted) -> dict[str, Any]:
    found = dict(wanted.values)
    for letter, pairs in (("m", wanted.metadata), ("x", wanted.extra_specs)):
        for n, (key, value) in enumerate(pairs.items()):
            found[f"{letter}k{n}"], found[f"{letter}v{n}"] = key, value
    return found


# --- what callers use -----------------------------------------------------------------------------
def count(tx: Tx, wanted: Wanted) -> int:
    """How many there are on all pages."""
    found: int = tx.scalar(_count_statement(_shape(wanted)), _values(wanted))
    return found


def find(
    tx: Tx, wanted: Wanted, page: Page, *, metadata: bool = True, locations: bool = False
) -> list[Share] | None:
    """One page, with metadata and export locations if asked for (their metadata left out).
    None when the caller may see no share with the id of the marker."""
    values = _values(wanted)
    sort_key = page.sort_key or "created_at"
    if page.marker is not None:
        scope = tuple(name for name in wanted.clauses if name in SCOPES)
        marker = tx.one(_marker_statement(sort_key, scope), {**values, "marker": page.marker})
        if marker is None:
            return None
        values |= {"marker": page.marker, "marker_value": marker[0]}
        if sort_key == "id":
            del values["marker_value"]
    values["page_offset"] = page.offset
    marked = page.marker is not None
    stmt = _page_statement(_shape(wanted), sort_key, page.descending, marked, window(page))
    return _records(tx, tx.all(stmt, values)[: page.limit], metadata=metadata, locations=locations)


_METADATA = sa.select(_m.share_id, _m.key, _m.value).where(one_of(_m.share_id, "ids"))
_LOCATIONS = (
    sa.select(_e.share_instance_id, _e.id, _e.path, _e.is_admin_only, _e.created_at, _e.updated_at)
    .where(one_of(_e.share_instance_id, "ids"))
    .order_by(_e.share_instance_id, _e.position)
)
_INSTANCE_ID = COLUMNS.index(next(c for c in COLUMNS if c.name == "instance_id"))


def _records(tx: Tx, rows: Sequence[Any], *, metadata: bool, locations: bool) -> list[Share]:
    if not rows:
        return []
    pairs: dict[str, dict[str, str]] = defaultdict(dict)
    if metadata:
        for share_id, key, text in tx.all(_METADATA, {"ids": [row[0] for row in rows]}):
            pairs[share_id][key] = text
    exports: dict[str, list[ExportLocation]] = defaultdict(list)
    if locations:
        for row in tx.all(_LOCATIONS, {"ids": [row[_INSTANCE_ID] for row in rows]}):
            exports[row[0]].append(ExportLocation(row[1], row[0], *row[2:]))
    return [
        _share(*row, pairs.get(row[0]) or {}, tuple(exports.get(row[_INSTANCE_ID], ())))
        for row in rows
    ]


def named(tx: Tx, share_ids: Sequence[str]) -> list[Share]:
    """The shares with these ids, in no order, without metadata or locations."""
    stmt = sa.select(*COLUMNS).select_from(JOINED).where(one_of(_s.id, "ids"))
    return [_share(*row) for row in tx.all(stmt, {"ids": list(share_ids)})]
