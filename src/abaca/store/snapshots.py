"""Snapshots, their instances, metadata, export locations and access rules."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from abaca.model.access import SnapshotAccessRule
from abaca.model.snapshots import Snapshot, SnapshotExportLocation, SnapshotInstance

from .engine import Tx
from .fixed import Fixed
from .schema import (
    share_instances,
    shares,
    snapshot_access_rules,
    snapshot_export_locations,
    snapshot_instances,
    snapshot_metadata,
    snapshots,
)
from .shares import new_id

_snapshot: Callable[..., Snapshot] = Snapshot
_n, _i, _m = snapshots.c, snapshot_instances.c, snapshot_metadata.c
_e, _r = snapshot_export_locations.c, snapshot_access_rules.c
COLUMNS = (
    _n.id, _n.share_id, _n.project_id, _n.user_id, _n.name, _n.description, _n.size,
    _n.share_size, _n.share_proto, _n.share_type_id, _n.share_group_snapshot_id, _n.created_at,
    _n.updated_at, _i.id.label("instance_id"), _i.share_instance_id, _i.status, _i.operation_id,
    _i.progress, _i.provider_location,
)  # fmt: skip
JOINED = snapshots.join(snapshot_instances, _i.id == _n.instance_id)
_GET = Fixed(sa.select(*COLUMNS).select_from(JOINED).where(_n.id == sa.bindparam("id")))
_METADATA = Fixed(sa.select(_m.key, _m.value).where(_m.snapshot_id == sa.bindparam("id")))


def get(tx: Tx, snapshot_id: str) -> Snapshot | None:
    row = tx.one(_GET, {"id": snapshot_id})
    if row is None:
        return None
    metadata: dict[str, str] = dict(tuple(r) for r in tx.all(_METADATA, {"id": snapshot_id}))
    return _snapshot(*row, metadata=metadata)


def of_share(tx: Tx, share_id: str) -> list[Snapshot]:
    """Oldest first, without metadata."""
    stmt = sa.select(*COLUMNS).select_from(JOINED).where(_n.share_id == share_id)
    return [Snapshot(*row) for row in tx.all(stmt.order_by(_n.created_at, _n.id))]


def count_of_share(tx: Tx, share_id: str) -> int:
    count: int = tx.scalar(
        sa.select(sa.func.count()).select_from(snapshots).where(_n.share_id == share_id)
    )
    return count


def being_cloned(tx: Tx, snapshot_id: str) -> bool:
    """Whether a share is being created from it.  Look after the row of the snapshot is changed:
    both hold it, so that of a clone and a deletion at once one comes first."""
    joined = shares.join(share_instances, share_instances.c.share_id == shares.c.id)
    under_way = ("creating", "creating_from_snapshot")
    stmt = (
        sa.select(shares.c.id)
        .select_from(joined)
        .where(shares.c.snapshot_id == snapshot_id, share_instances.c.status.in_(under_way))
    )
    return tx.scalar(stmt.limit(1)) is not None


def at_location(tx: Tx, share_id: str, provider_location: str) -> str | None:
    """The id of the share's snapshot that is found there on its backend."""
    stmt = sa.select(_n.id).select_from(JOINED)
    found: str | None = tx.scalar(
        stmt.where(_n.share_id == share_id, _i.provider_location == provider_location)
    )
    return found


def insert(
    tx: Tx, snapshot: Mapping[str, Any], instance: Mapping[str, Any], metadata: Mapping[str, str]
) -> None:
    """A snapshot with its first instance; both carry their ids already."""
    tx.run(sa.insert(snapshots), {"created_at": tx.now, **snapshot, "instance_id": instance["id"]})
    values = {"created_at": tx.now, "snapshot_id": snapshot["id"], **instance}
    tx.run(sa.insert(snapshot_instances), values)
    set_metadata(tx, snapshot["id"], metadata)


def update(tx: Tx, snapshot_id: str, **values: Any) -> None:
    tx.run(sa.update(snapshots).where(_n.id == snapshot_id).values(updated_at=tx.now, **values))


def delete(tx: Tx, snapshot_id: str) -> None:
    """With all that hangs on it."""
    tx.run(sa.delete(snapshots).where(_n.id == snapshot_id))


# --- status: compare and swap ---------------------------------------------------------------------
def begin(
    tx: Tx, instance_id: str, during: str, before: Sequence[str] | None, **values: Any
) -> bool:
    """See abaca.store.shares.begin."""
    stmt = sa.update(snapshot_instances).where(_i.id == instance_id)
    if before is not None:
        stmt = stmt.where(_i.status.in_(before), _i.operation_id.is_(None))
    return tx.run(stmt.values(status=during, updated_at=tx.now, **values)) == 1


def own(tx: Tx, instance_id: str, op_id: int) -> None:
    stmt = sa.update(snapshot_instances).where(_i.id == instance_id)
    tx.run(stmt.values(operation_id=op_id, updated_at=tx.now))


def settle(tx: Tx, instance_id: str, op_id: int, status: str, **values: Any) -> bool:
    """The end of an operation on an instance; False if it no longer owns it."""
    stmt = (
        sa.update(snapshot_instances)
        .where(_i.id == instance_id, _i.operation_id == op_id)
        .values(status=status, operation_id=None, updated_at=tx.now, **values)
    )
    return tx.run(stmt) == 1


def hold(tx: Tx, instance_id: str) -> bool:
    """Keep an idle available snapshot as it is until this transaction ends; False if it is not."""
    return begin(tx, instance_id, "available", ("available",))


def update_instance(tx: Tx, instance_id: str, **values: Any) -> None:
    stmt = sa.update(snapshot_instances).where(_i.id == instance_id)
    tx.run(stmt.values(updated_at=tx.now, **values))


# --- instances ------------------------------------------------------------------------------------
_INSTANCES = (
    sa.select(
        _i.id, _i.snapshot_id, _n.share_id, _i.share_instance_id, _i.status, _i.progress,
        _i.provider_location, _i.created_at, _i.updated_at,
    )
    .select_from(snapshot_instances.join(snapshots, _n.id == _i.snapshot_id))
    .order_by(_i.created_at, _i.id)
)  # fmt: skip


def instance(tx: Tx, instance_id: str) -> SnapshotInstance | None:
    row = tx.one(_INSTANCES.where(_i.id == instance_id))
    return SnapshotInstance(*row) if row else None


def instances(tx: Tx, snapshot_id: str | None = None) -> list[SnapshotInstance]:
    """Of one snapshot, or all."""
    stmt = _INSTANCES if snapshot_id is None else _INSTANCES.where(_i.snapshot_id == snapshot_id)
    return [SnapshotInstance(*row) for row in tx.all(stmt)]


# --- metadata -------------------------------------------------------------------------------------
def set_metadata(tx: Tx, snapshot_id: str, metadata: Mapping[str, str]) -> None:
    """Add or replace these keys."""
    if not metadata:
        return
    delete_metadata(tx, snapshot_id, metadata)
    rows = [
        {"snapshot_id": snapshot_id, "key": key, "value": text} for key, text in metadata.items()
    ]
    tx.run(sa.insert(snapshot_metadata), rows)


def delete_metadata(tx: Tx, snapshot_id: str, keys: Iterable[str] | None = None) -> int:
    """These keys, or all."""
    stmt = sa.delete(snapshot_metadata).where(_m.snapshot_id == snapshot_id)
    if keys is not None:
        stmt = stmt.where(_m.key.in_(list(keys)))
    return tx.run(stmt)


# --- export locations -----------------------------------------------------------------------------
def locations_of(tx: Tx, instance_ids: Sequence[str]) -> list[SnapshotExportLocation]:
    stmt = sa.select(
        _e.id, _e.snapshot_instance_id, _e.path, _e.is_admin_only, _e.created_at, _e.updated_at
    ).where(_e.snapshot_instance_id.in_(instance_ids))
    return [SnapshotExportLocation(*row) for row in tx.all(stmt.order_by(_e.position))]


def replace_locations(tx: Tx, instance_id: str, locations: Sequence[Mapping[str, Any]]) -> None:
    """Make these [{path, is_admin_only}] the export locations; known paths keep their ids."""
    old = {location.path: location.id for location in locations_of(tx, [instance_id])}
    tx.run(sa.delete(snapshot_export_locations).where(_e.snapshot_instance_id == instance_id))
    for position, new in enumerate(locations):
        tx.run(
            sa.insert(snapshot_export_locations).values(
                id=old.get(new["path"]) or new_id(),
                snapshot_instance_id=instance_id,
                path=new["path"],
                is_admin_only=bool(new.get("is_admin_only")),
                position=position,
                created_at=tx.now,
            )
        )


# --- access rules ---------------------------------------------------------------------------------
RULE_COLUMNS = (
    _r.id, _r.snapshot_id, _r.access_type, _r.access_to, _r.state, _r.operation_id, _r.created_at,
    _r.updated_at,
)  # fmt: skip


def rules(tx: Tx, snapshot_id: str) -> list[SnapshotAccessRule]:
    stmt = sa.select(*RULE_COLUMNS).where(_r.snapshot_id == snapshot_id)
    return [SnapshotAccessRule(*row) for row in tx.all(stmt.order_by(_r.created_at, _r.id))]


def rule(tx: Tx, rule_id: str) -> SnapshotAccessRule | None:
    row = tx.one(sa.select(*RULE_COLUMNS).where(_r.id == rule_id))
    return SnapshotAccessRule(*row) if row else None


def insert_rule(tx: Tx, values: Mapping[str, Any]) -> None:
    tx.run(sa.insert(snapshot_access_rules), {"created_at": tx.now, **values})


def set_rules(
    tx: Tx,
    snapshot_id: str,
    state: str,
    op_id: int | None,
    *,
    rule_ids: Sequence[str] | None = None,
    before: Sequence[str] | None = None,
) -> int:
    """Put rules of a snapshot into a state, owned by an operation or by none."""
    stmt = sa.update(snapshot_access_rules).where(_r.snapshot_id == snapshot_id)
    if rule_ids is not None:
        stmt = stmt.where(_r.id.in_(rule_ids))
    if before is not None:
        stmt = stmt.where(_r.state.in_(before))
    return tx.run(stmt.values(state=state, operation_id=op_id, updated_at=tx.now))


def delete_rules(tx: Tx, rule_ids: Sequence[str]) -> None:
    tx.run(sa.delete(snapshot_access_rules).where(_r.id.in_(rule_ids)))
