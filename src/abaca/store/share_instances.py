"""Lists of share instances, for administrators."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from abaca.model.shares import ExportLocation, ShareInstance

from .engine import Tx
from .paging import Page
from .schema import availability_zones, export_locations, share_instances, shares
from .shares import INSTANCE_COLUMNS, locations_of

_instance: Callable[..., ShareInstance] = ShareInstance
_s, _i, _e = shares.c, share_instances.c, export_locations.c
_FIND = sa.select(*INSTANCE_COLUMNS).select_from(
    share_instances.join(shares, _s.id == _i.share_id).outerjoin(
        availability_zones, availability_zones.c.id == _i.availability_zone_id
    )
)
_EXPORTED = {"export_location_id": _e.id, "export_location_path": _e.path}


def find(
    tx: Tx,
    filters: Mapping[str, str],
    page: Page,
    *,
    soft_deleted: bool = False,
    locations: bool = False,
) -> list[ShareInstance]:
    """In order of id.  filters: export_location_id, export_location_path."""
    stmt = _FIND.where(_s.is_soft_deleted if soft_deleted else ~_s.is_soft_deleted)
    for name, value in filters.items():
        column = _EXPORTED[name]
        stmt = stmt.where(_i.id.in_(sa.select(_e.share_instance_id).where(column == value)))
    if page.marker is not None:
        stmt = stmt.where(_i.id > page.marker)
    stmt = stmt.order_by(_i.id).limit(page.limit).offset(page.offset)
    return with_locations(tx, tx.all(stmt), locations=locations)


def with_locations(tx: Tx, rows: Sequence[Any], *, locations: bool) -> list[ShareInstance]:
    found: defaultdict[str, list[ExportLocation]] = defaultdict(list)
    if locations:
        for location in locations_of(tx, [row[0] for row in rows]):
            found[location.share_instance_id].append(location)
    return [_instance(*row, export_locations=tuple(found.get(row[0], ()))) for row in rows]


def of_share(tx: Tx, share_id: str, *, locations: bool = False) -> list[ShareInstance]:
    rows = tx.all(_FIND.where(_i.share_id == share_id).order_by(_i.created_at, _i.id))
    return with_locations(tx, rows, locations=locations)


def get(tx: Tx, instance_id: str, *, locations: bool = False) -> ShareInstance | None:
    found = with_locations(tx, tx.all(_FIND.where(_i.id == instance_id)), locations=locations)
    return found[0] if found else None
