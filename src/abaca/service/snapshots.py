"""Use cases of snapshots: look, create, change, delete.

What administrators do to a status, and taking over and giving up, is in snapshots_state; rules are
in snapshot_access.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from abaca.model.context import Context
from abaca.model.errors import BadRequest, NotFound, RequestError, Unprocessable
from abaca.model.shares import Share
from abaca.model.snapshots import Snapshot, SnapshotExportLocation, SnapshotInstance
from abaca.model.status import CHANGES
from abaca.scheduler.text import listed
from abaca.store import shares as share_store
from abaca.store import snapshots as store
from abaca.store import snapshots_find
from abaca.store.engine import Tx
from abaca.store.paging import Page, like, total

from .env import Env, charge, enqueue
from .metadata import check_room
from .shares import load as load_share
from .shares import refuse_busy, refuse_soft_deleted


# --- look -----------------------------------------------------------------------------------------
def load(tx: Tx, ctx: Context, snapshot_id: str) -> Snapshot:
    """A snapshot of the caller's project; one of another project does not exist."""
    snapshot = store.get(tx, snapshot_id)
    if snapshot is None or not (ctx.is_admin or snapshot.project_id == ctx.project_id):
        raise NotFound(noun="Snapshot", id=snapshot_id)
    return snapshot


def get(env: Env, ctx: Context, snapshot_id: str) -> Snapshot:
    with env.store.read() as tx:
        return load(tx, ctx, snapshot_id)


def share_of(tx: Tx, snapshot: Snapshot) -> Share:
    """The share it was taken of, which cannot go before it."""
    share = share_store.get(tx, snapshot.share_id)
    if share is None:
        raise NotFound(noun="Share", id=snapshot.share_id)
    return share


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """Which snapshots, out of those that the caller may see."""

    filters: Mapping[str, Any] = {}  # keys of snapshots_find.CLAUSES
    metadata: Mapping[str, str] = {}
    everybody: bool = False  # of all projects


PARTS = {"name~": "name_part", "description~": "description_part"}


def find(
    env: Env, ctx: Context, asked: Asked, page: Page, *, count: bool = False
) -> tuple[list[Snapshot], int | None]:
    """One page, and how many there are on all pages if that is asked for."""
    if len(asked.metadata) > snapshots_find.MAX_PAIRS:
        raise BadRequest(f"metadata may ask for at most {snapshots_find.MAX_PAIRS} pairs at once.")
    wanted = _wanted(ctx, asked)
    with env.store.read() as tx:
        found = snapshots_find.find(tx, wanted, page)
        if found is None:
            raise BadRequest(f"marker {page.marker!a} is not the id of a snapshot; start again.")
        if not count:
            return found, None
        return found, total(page, len(found), lambda: snapshots_find.count(tx, wanted))


def _wanted(ctx: Context, asked: Asked) -> snapshots_find.Wanted:
    values: dict[str, Any] = {}
    for name, value in asked.filters.items():
        values[PARTS.get(name, name)] = like(value) if name in PARTS else value
    clauses = tuple(asked.filters)
    if not asked.everybody:
        clauses, values["project"] = ("project", *clauses), ctx.project_id
    return snapshots_find.Wanted(clauses=clauses, values=values, metadata=asked.metadata)


# --- create ---------------------------------------------------------------------------------------
def create(
    env: Env,
    ctx: Context,
    share_id: str,
    *,
    name: str | None = None,
    description: str | None = None,
    metadata: Mapping[str, str] | None = None,
) -> Snapshot:
    """A new snapshot in `creating`; it belongs to the caller's project, which pays for it."""
    with env.store.transaction() as tx:
        load_share(tx, ctx, share_id)
        share = hold_source(tx, ctx, share_id)
        change = CHANGES["create_snapshot"]
        values = {
            "name": name,
            "description": description,
            "size": share.size,
            "status": change.during,
        }
        snapshot = insert(tx, ctx, share, values, metadata or {})
        charge(
            env,
            tx,
            snapshot.deltas,
            project_id=snapshot.project_id,
            user_id=snapshot.user_id,
            share_type_id=snapshot.share_type_id,
        )
        start(tx, ctx, snapshot, share, "create_snapshot")
        return load(tx, ctx, snapshot.id)


def hold_source(tx: Tx, ctx: Context, share_id: str) -> Share:
    """The share, kept idle and available until the transaction ends: it can neither be deleted
    nor changed before the snapshot is in the database."""
    share = load_share(tx, ctx, share_id)
    held = share_store.begin(tx, share.instance_id, "available", ("available",))
    share = load_share(tx, ctx, share_id)
    refuse_soft_deleted(share)
    if not share.snapshot_support:
        raise Unprocessable(
            f"Share {share.id} is of a type without snapshot_support: it has no snapshots."
        )
    refuse_busy(share)
    if not held or not share.host:
        raise BadRequest(
            f"Share {share.id} is {share.status}; a snapshot can be taken when it is available."
        )
    return share


def insert(
    tx: Tx, ctx: Context, share: Share, values: Mapping[str, Any], metadata: Mapping[str, str]
) -> Snapshot:
    """The rows of a snapshot of a share; values: name, description, size, status and perhaps
    provider_location and instance_id."""
    check_room({}, metadata)
    snapshot_id = share_store.new_id()
    instance_id = values.get("instance_id") or share_store.new_id()
    row = {
        "id": snapshot_id,
        "share_id": share.id,
        "project_id": ctx.project_id,
        "user_id": ctx.user_id,
        "name": values["name"],
        "description": values["description"],
        "size": values["size"],
        "share_size": share.size,
        "share_proto": share.share_proto,
        "share_type_id": share.share_type_id,
    }
    instance = {
        "id": instance_id,
        "share_instance_id": share.instance_id,
        "status": values["status"],
        "progress": "0%",
        "provider_location": values.get("provider_location"),
    }
    store.insert(tx, row, instance, metadata)
    found = store.get(tx, snapshot_id)
    assert found is not None
    return found


def start(
    tx: Tx,
    ctx: Context,
    snapshot: Snapshot,
    share: Share,
    kind: str,
    payload: Mapping[str, Any] | None = None,
) -> None:
    """The operation that owns the snapshot from now on.  It waits for what goes on with the
    share: they have one lock key."""
    op_id = enqueue(
        tx,
        ctx,
        kind,
        host=share.host,
        lock_key=snapshot.share_instance_id,
        resource=("SHARE_SNAPSHOT", snapshot.id),
        project_id=snapshot.project_id,
        payload={"snapshot_instance_id": snapshot.instance_id, **(payload or {})},
    )
    store.own(tx, snapshot.instance_id, op_id)


# --- change ---------------------------------------------------------------------------------------
def update(env: Env, ctx: Context, snapshot_id: str, **values: Any) -> Snapshot:
    """name, description: those that are given."""
    with env.store.transaction() as tx:
        snapshot = load(tx, ctx, snapshot_id)
        if values:
            store.update(tx, snapshot.id, **values)
        return load(tx, ctx, snapshot_id)


def set_metadata(
    env: Env, ctx: Context, snapshot_id: str, metadata: Mapping[str, str], *, replace: bool = False
) -> dict[str, str]:
    """Add or replace these keys; replace: the others go."""
    with env.store.transaction() as tx:
        store.update(tx, snapshot_id)  # two changes at once come one after the other
        snapshot = load(tx, ctx, snapshot_id)
        check_room(snapshot.metadata, metadata if replace else {**snapshot.metadata, **metadata})
        if replace:
            store.delete_metadata(tx, snapshot.id)
        store.set_metadata(tx, snapshot.id, metadata)
        return load(tx, ctx, snapshot_id).metadata


def delete_metadata(env: Env, ctx: Context, snapshot_id: str, key: str) -> None:
    with env.store.transaction() as tx:
        snapshot = load(tx, ctx, snapshot_id)
        if not store.delete_metadata(tx, snapshot.id, [key]):
            raise NotFound(f"Snapshot {snapshot.id} has no metadata key {key[:60]!a}.")


# --- delete ---------------------------------------------------------------------------------------
def delete(env: Env, ctx: Context, snapshot_id: str, *, force: bool = False) -> None:
    """force: in any status, and the row goes even if the backend fails.  What is going on with
    the snapshot ends first, but its end no longer counts."""
    with env.store.transaction() as tx:
        snapshot = load(tx, ctx, snapshot_id)
        change = CHANGES["force_delete_snapshot" if force else "delete_snapshot"]
        take(tx, snapshot, change.during, change.before, verb="deleted")
        start(tx, ctx, snapshot, share_of(tx, snapshot), "delete_snapshot", {"force": force})


def take(
    tx: Tx,
    snapshot: Snapshot,
    during: str,
    before: Sequence[str] | None,
    *,
    verb: str,
    error: type[RequestError] = BadRequest,
) -> None:
    """Into a transitional status, unless it is in another one or a share is being made of it."""
    if not store.begin(tx, snapshot.instance_id, during, before):
        if before is None:
            raise NotFound(noun="Snapshot", id=snapshot.id)
        raise error(
            f"Snapshot {snapshot.id} is {snapshot.status}; it can be {verb} when it is "
            f"{listed(before, 'or')}."
        )
    if store.being_cloned(tx, snapshot.id):
        raise error(
            f"A share is being created from snapshot {snapshot.id}; it can be {verb} when that "
            "is done."
        )


# --- instances and export locations ---------------------------------------------------------------
def instances(env: Env, ctx: Context, snapshot_id: str | None = None) -> list[SnapshotInstance]:
    """For administrators: of one snapshot, or of all."""
    with env.store.read() as tx:
        return store.instances(tx, snapshot_id)


def load_instance(tx: Tx, instance_id: str) -> SnapshotInstance:
    found = store.instance(tx, instance_id)
    if found is None:
        raise NotFound(noun="Snapshot instance", id=instance_id)
    return found


def instance(env: Env, ctx: Context, instance_id: str) -> SnapshotInstance:
    with env.store.read() as tx:
        return load_instance(tx, instance_id)


def locations(env: Env, ctx: Context, snapshot_id: str) -> list[SnapshotExportLocation]:
    """Where a snapshot is exported, without what only administrators may see."""
    with env.store.read() as tx:
        snapshot = load(tx, ctx, snapshot_id)
        found = store.locations_of(tx, [snapshot.instance_id])
    return [each for each in found if ctx.is_admin or not each.is_admin_only]


def instance_locations(env: Env, ctx: Context, instance_id: str) -> list[SnapshotExportLocation]:
    with env.store.read() as tx:
        return store.locations_of(tx, [load_instance(tx, instance_id).id])


def the_location(found: list[SnapshotExportLocation], location_id: str) -> SnapshotExportLocation:
    """The one with this id."""
    for location in found:
        if location.id == location_id:
            return location
    raise NotFound(noun="Export location", id=location_id)
