"""Shares, their instances, metadata and export locations."""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from abaca.model.ids import new_id as new_id
from abaca.model.shares import ExportLocation, Share, ShareInstance
from abaca.model.status import BLOCKS_RULES

from .engine import Row, Tx
from .fixed import Fixed
from .many import one_of
from .schema import (
    availability_zones,
    export_location_metadata,
    export_locations,
    share_instances,
    share_metadata,
    share_types,
    shares,
)
from .services import of_backend

# the last fields of a record come from other tables than its row
_location: Callable[..., ExportLocation] = ExportLocation
_s, _i, _z = shares.c, share_instances.c, availability_zones.c
COLUMNS = (
    _s.id, _s.project_id, _s.user_id, _s.name, _s.description, _s.size, _s.share_proto,
    _s.is_public, _s.share_type_id, share_types.c.name.label("share_type_name"), _s.snapshot_id,
    _s.snapshot_support, _s.create_share_from_snapshot_support, _s.revert_to_snapshot_support,
    _s.mount_snapshot_support, _s.replication_type, _s.task_state, _s.share_group_id,
    _s.source_share_group_snapshot_member_id, _s.source_backup_id, _s.is_soft_deleted,
    _s.scheduled_to_be_deleted_at, _s.created_at, _s.updated_at,
    _i.id.label("instance_id"), _i.host, _i.status, _i.operation_id, _i.access_rules_status,
    _i.availability_zone_id, _z.name.label("availability_zone"), _i.share_network_id,
    _i.share_server_id, _i.replica_state, _i.cast_rules_to_readonly, _i.progress,
    _i.mount_point_name, _i.encryption_key_ref, _i.scheduled_at, _i.launched_at, _i.terminated_at,
)  # fmt: skip
JOINED = (
    shares.join(share_instances, _i.id == _s.instance_id)
    .outerjoin(share_types, share_types.c.id == _s.share_type_id)
    .outerjoin(availability_zones, _z.id == _i.availability_zone_id)
)
_GET = Fixed(sa.select(*COLUMNS).select_from(JOINED).where(_s.id == sa.bindparam("id")))
_METADATA = Fixed(
    sa.select(share_metadata.c.key, share_metadata.c.value).where(
        share_metadata.c.share_id == sa.bindparam("id")
    )
)

INSTANCE_COLUMNS = (
    _i.id, _i.share_id, _i.host, _i.status, _i.operation_id, _i.access_rules_status,
    _i.availability_zone_id, _z.name, _i.share_type_id, _i.share_network_id, _i.share_server_id,
    _i.replica_state, _i.cast_rules_to_readonly, _i.progress, _i.mount_point_name,
    _i.encryption_key_ref, _i.scheduled_at, _i.launched_at, _i.terminated_at, _i.created_at,
    _i.updated_at,
)  # fmt: skip
_INSTANCES = sa.select(*INSTANCE_COLUMNS).select_from(
    share_instances.outerjoin(availability_zones, _z.id == _i.availability_zone_id)
)


class Taken(Exception):
    """Another share has this mount point name; the transaction must roll back."""


class TypeGone(Exception):
    """The share type was deleted meanwhile; the transaction must roll back."""


# --- one share ------------------------------------------------------------------------------------
def get(tx: Tx, share_id: str, *, locations: bool = False) -> Share | None:
    """A share with its metadata, and its export locations if asked for."""
    row = tx.one(_GET, {"id": share_id})
    if row is None:
        return None
    metadata: dict[str, str] = dict(tuple(r) for r in tx.all(_METADATA, {"id": share_id}))
    found = tuple(locations_of(tx, [row.instance_id])) if locations else ()
    values = [*row, metadata, found]
    return Share(*values)


_LOCK = Fixed(sa.select(_s.id).where(_s.id == sa.bindparam("id")).with_for_update())


def lock(tx: Tx, share_id: str) -> None:
    """Nobody else changes or deletes the share until this transaction ends.  (SQLite has one
    writer and needs no lock.)"""
    tx.one(_LOCK, {"id": share_id})


_LOCK_INSTANCE = Fixed(sa.select(_i.id).where(_i.id == sa.bindparam("id")).with_for_update())


def lock_instance(tx: Tx, instance_id: str) -> None:
    """Nobody else changes its status, owner or rules until this transaction ends."""
    tx.one(_LOCK_INSTANCE, {"id": instance_id})


def ids_named(tx: Tx, name: str) -> list[str]:
    """Of every project; a look at each row, for commands."""
    return [row[0] for row in tx.all(sa.select(_s.id).where(_s.name == name).order_by(_s.id))]


def instances(tx: Tx, share_id: str) -> list[ShareInstance]:
    stmt = _INSTANCES.where(_i.share_id == share_id).order_by(_i.created_at, _i.id)
    return [ShareInstance(*row) for row in tx.all(stmt)]


def instance(tx: Tx, instance_id: str) -> ShareInstance | None:
    row = tx.one(_INSTANCES.where(_i.id == instance_id))
    return ShareInstance(*row) if row else None


def on_backend(tx: Tx, backend: str) -> list[ShareInstance]:
    """All instances of host@backend, in whatever pool."""
    stmt = _INSTANCES.where(of_backend(_i.host)).order_by(_i.created_at, _i.id)
    return [ShareInstance(*row) for row in tx.all(stmt, {"backend": backend})]


_INSERT = Fixed(sa.insert(shares))
_INSERT_INSTANCE = Fixed(sa.insert(share_instances))
_INSERT_METADATA = Fixed(sa.insert(share_metadata))


def insert(tx: Tx, share: Mapping[str, Any], metadata: Mapping[str, str]) -> None:
    """A share, whose instance (instance_id) must follow in the transaction.  Raises TypeGone."""
    try:
        tx.run(_INSERT, {"created_at": tx.now, **share})
    except IntegrityError as error:
        raise TypeGone(share["share_type_id"]) from error
    if metadata:
        set_metadata(tx, share["id"], metadata)


def insert_instance(tx: Tx, instance: Mapping[str, Any]) -> None:
    """An instance of a share (share_id), with its operation.  Raises Taken."""
    try:
        tx.run(_INSERT_INSTANCE, {"created_at": tx.now, **instance})
    except IntegrityError as error:
        if instance.get("mount_point_name") is None:
            raise
        raise Taken(instance["mount_point_name"]) from error


def update(tx: Tx, share_id: str, **values: Any) -> None:
    tx.run(sa.update(shares).where(_s.id == share_id).values(updated_at=tx.now, **values))


_RELEASE = Fixed(sa.delete(share_instances).where(_i.id == sa.bindparam("which")))
_DELETE = Fixed(sa.delete(shares).where(_s.id == sa.bindparam("which")))


def delete_instance(tx: Tx, instance_id: str) -> None:
    """The instance with its export locations and rule states."""
    tx.run(_RELEASE, {"which": instance_id})


def delete(tx: Tx, share_id: str) -> None:
    """The share with all that hangs on it but snapshots, which must be gone."""
    tx.run(_DELETE, {"which": share_id})


# --- status: compare and swap ---------------------------------------------------------------------
_OWN = Fixed(
    sa.update(share_instances)
    .where(_i.id == sa.bindparam("which"))
    .values(operation_id=sa.bindparam("op"), updated_at=sa.bindparam("now"))
)


def begin(
    tx: Tx, instance_id: str, during: str, before: Sequence[str] | None, **values: Any
) -> bool:
    """Take an idle instance into a transitional status; own() must follow in the same
    transaction.  False if it is in another status, or some operation owns it."""
    params = {"which": instance_id, **_new(values | {"status": during, "updated_at": tx.now})}
    if before is not None:
        params["before"] = list(before)
    names = (*values, "status", "updated_at")
    return tx.run(_change(names, idle=before is not None), params) == 1


def own(tx: Tx, instance_id: str, op_id: int) -> None:
    tx.run(_OWN, {"which": instance_id, "op": op_id, "now": tx.now})


@functools.cache
def _change(names: tuple[str, ...], *, owned: bool = False, idle: bool = False) -> Fixed:
    """Write these columns of an instance; owned: if this operation owns it; idle: if none does,
    and in one of the statuses `before`."""
    stmt = sa.update(share_instances).where(_i.id == sa.bindparam("which"))
    if owned:
        stmt = stmt.where(_i.operation_id == sa.bindparam("owner"))
    if idle:
        stmt = stmt.where(one_of(_i.status, "before"), _i.operation_id.is_(None))
    return Fixed(stmt.values({_i[name]: sa.bindparam(f"new_{name}") for name in names}))


def _new(values: Mapping[str, Any]) -> dict[str, Any]:
    return {f"new_{name}": value for name, value in values.items()}


def settle(tx: Tx, instance_id: str, op_id: int, status: str, **values: Any) -> bool:
    """The end of an operation on an instance; False if it no longer owns it."""
    values |= {"status": status, "operation_id": None, "updated_at": tx.now}
    stmt = _change(tuple(values), owned=True)
    return tx.run(stmt, {"which": instance_id, "owner": op_id, **_new(values)}) == 1


_BEGIN_RULES = Fixed(
    sa.update(share_instances)
    .where(_i.id == sa.bindparam("which"), ~one_of(_i.status, "blocking"))
    .values(access_rules_status="syncing", updated_at=sa.bindparam("now"))
)


def begin_rules(tx: Tx, instance_id: str) -> bool:
    """Announce a change of access rules; False in a status in which they must not change."""
    values = {"which": instance_id, "blocking": sorted(BLOCKS_RULES), "now": tx.now}
    return tx.run(_BEGIN_RULES, values) == 1


def update_instance(tx: Tx, instance_id: str, **values: Any) -> None:
    values["updated_at"] = tx.now
    tx.run(_change(tuple(values)), {"which": instance_id, **_new(values)})


def hold(tx: Tx, instance_id: str, *, not_in: Collection[str]) -> bool:
    """Keep the instance as it is until this transaction ends; False if it is gone or in one of
    these statuses."""
    stmt = (
        sa.update(share_instances)
        .where(_i.id == instance_id, _i.status.not_in(sorted(not_in)))
        .values(updated_at=tx.now)
    )
    return tx.run(stmt) == 1


def expired(tx: Tx) -> list[str]:
    """Shares whose time in the recycle bin is over."""
    due = _s.is_soft_deleted & (_s.scheduled_to_be_deleted_at < tx.now)
    return [row[0] for row in tx.all(sa.select(_s.id).where(due).order_by(_s.id))]


# --- metadata -------------------------------------------------------------------------------------
def set_metadata(tx: Tx, share_id: str, metadata: Mapping[str, str]) -> None:
    """Add or replace these keys."""
    if not metadata:
        return
    delete_metadata(tx, share_id, metadata)
    rows = [{"share_id": share_id, "key": key, "value": text} for key, text in metadata.items()]
    tx.run(_INSERT_METADATA, rows)


def delete_metadata(tx: Tx, share_id: str, keys: Iterable[str] | None = None) -> int:
    """These keys, or all."""
    stmt = sa.delete(share_metadata).where(share_metadata.c.share_id == share_id)
    if keys is not None:
        stmt = stmt.where(share_metadata.c.key.in_(list(keys)))
    return tx.run(stmt)


# --- export locations -----------------------------------------------------------------------------
_e, _m = export_locations.c, export_location_metadata.c
_LOCATION = sa.select(
    _e.id, _e.share_instance_id, _e.path, _e.is_admin_only, _e.created_at, _e.updated_at
)
_LOCATIONS = Fixed(
    _LOCATION.where(one_of(_e.share_instance_id, "ids")).order_by(_e.share_instance_id, _e.position)
)
_LOCATION_BY_ID = Fixed(_LOCATION.where(_e.id == sa.bindparam("id")))
_LOCATION_METADATA = Fixed(
    sa.select(_m.export_location_id, _m.key, _m.value).where(one_of(_m.export_location_id, "ids"))
)


def locations_of(tx: Tx, instance_ids: Sequence[str]) -> list[ExportLocation]:
    """Export locations of these instances, in the driver's order, with metadata."""
    return _locations(tx, tx.all(_LOCATIONS, {"ids": list(instance_ids)}))


def location(tx: Tx, location_id: str) -> ExportLocation | None:
    found = _locations(tx, tx.all(_LOCATION_BY_ID, {"id": location_id}))
    return found[0] if found else None


def _locations(tx: Tx, rows: Sequence[Row]) -> list[ExportLocation]:
    if not rows:
        return []
    found: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for location_id, key, text in tx.all(_LOCATION_METADATA, {"ids": [row[0] for row in rows]}):
        found[location_id][key] = text
    return [_location(*row, metadata=found.get(row[0], {})) for row in rows]


def replace_locations(tx: Tx, instance_id: str, locations: Sequence[Mapping[str, Any]]) -> None:
    """Make these [{path, is_admin_only, metadata}] the export locations of an instance.
    A path that was there keeps its id and what users wrote into its metadata."""
    old = {location.path: location.id for location in locations_of(tx, [instance_id])}
    gone = [location_id for path, location_id in old.items() if path not in _paths(locations)]
    if gone:
        tx.run(sa.delete(export_locations).where(_e.id.in_(gone)))
    rows, pairs = [], []
    for position, new in enumerate(locations):
        values = {"is_admin_only": bool(new.get("is_admin_only")), "position": position}
        location_id, metadata = old.get(new["path"]), new.get("metadata") or {}
        if location_id is not None:
            tx.run(sa.update(export_locations).where(_e.id == location_id).values(**values))
            set_location_metadata(tx, location_id, metadata)
            continue
        location_id = str(new.get("id") or new_id())
        here = {"share_instance_id": instance_id, "path": new["path"], "created_at": tx.now}
        rows.append({"id": location_id, **here, **values})
        pairs += [
            {"export_location_id": location_id, "key": key, "value": str(text)}
            for key, text in metadata.items()
        ]
    if rows:
        tx.run(_INSERT_LOCATION, rows)
    if pairs:
        tx.run(_INSERT_LOCATION_METADATA, pairs)


_INSERT_LOCATION = Fixed(sa.insert(export_locations))
_INSERT_LOCATION_METADATA = Fixed(sa.insert(export_location_metadata))


def _paths(locations: Sequence[Mapping[str, Any]]) -> set[str]:
    return {location["path"] for location in locations}


def set_location_metadata(tx: Tx, location_id: str, metadata: Mapping[str, str]) -> None:
    """Add or replace these keys."""
    if not metadata:
        return
    delete_location_metadata(tx, location_id, metadata)
    rows = [
        {"export_location_id": location_id, "key": key, "value": str(text)}
        for key, text in metadata.items()
    ]
    tx.run(sa.insert(export_location_metadata), rows)


def delete_location_metadata(tx: Tx, location_id: str, keys: Iterable[str] | None = None) -> int:
    stmt = sa.delete(export_location_metadata).where(_m.export_location_id == location_id)
    if keys is not None:
        stmt = stmt.where(_m.key.in_(list(keys)))
    return tx.run(stmt)
