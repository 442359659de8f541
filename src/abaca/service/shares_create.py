"""Use case of shares: create one, also from a snapshot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from abaca.model.context import Context
from abaca.model.errors import BadRequest, NotFound
from abaca.model.shares import Share
from abaca.model.snapshots import Snapshot
from abaca.model.status import CHANGES
from abaca.model.types import ShareType
from abaca.scheduler.errors import NoValidHost
from abaca.store import services as service_store
from abaca.store import shares as store
from abaca.store import snapshots as snapshot_store
from abaca.store.engine import Tx

from . import placement, share_hints, types
from .env import Env, charge, enqueue
from .metadata import check_room
from .shares_resize import check_share_limit


class NewShare(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller asks for; checked for shape by the API, for sense here."""

    share_proto: str
    size: int | None = None  # GiB; None: that of the snapshot
    name: str | None = None
    description: str | None = None
    share_type: str | None = None  # id or name
    snapshot_id: str | None = None
    availability_zone: str | None = None  # id or name
    is_public: bool = False
    metadata: Mapping[str, str] = {}
    share_network_id: str | None = None
    share_group_id: str | None = None
    mount_point_name: str | None = None
    encryption_key_ref: str | None = None
    scheduler_hints: Mapping[str, Any] = {}
    check_type_zones: bool = True  # extra spec availability_zones is obeyed (2.48)
    check_from_snapshot: bool = True  # create_share_from_snapshot_support is obeyed (2.24)


def create(env: Env, ctx: Context, wanted: NewShare) -> Share:
    """A new share in `creating`; a backend is chosen, and driven by its operation."""
    try:
        with env.store.transaction() as tx:
            return _create(env, tx, ctx, wanted)
    except store.Taken as taken:
        raise BadRequest(f"mount_point_name {taken} is taken; choose another one.") from taken
    except store.TypeGone as gone:
        raise NotFound(noun="Share type", id=gone) from gone


def _create(env: Env, tx: Tx, ctx: Context, wanted: NewShare) -> Share:
    snapshot, source = _source(tx, ctx, wanted)
    share_type = _type_for(env, tx, ctx, wanted, source)
    size = _size_for(env, tx, ctx, wanted, share_type, snapshot)
    zone_id, zone_name = _zone_for(env, tx, wanted, share_type, source)
    _check_protocol(env, wanted, snapshot)
    _check_network(wanted, share_type)
    hints = share_hints.check(tx, ctx, wanted.scheduler_hints)
    check_room({}, wanted.metadata)
    share_id, instance_id = store.new_id(), store.new_id()
    metadata = {**wanted.metadata, **share_hints.metadata(hints)}
    row: dict[str, Any] = {
        "id": share_id,
        "project_id": ctx.project_id,
        "user_id": ctx.user_id,
        "name": wanted.name,
        "description": wanted.description,
        "size": size,
        "share_proto": wanted.share_proto.upper(),
        "is_public": wanted.is_public,
        "share_type_id": share_type.id,
        "snapshot_id": wanted.snapshot_id,
        "instance_id": instance_id,
        **types.capabilities(share_type),
    }
    instance: dict[str, Any] = {
        "id": instance_id,
        "share_id": share_id,
        "status": CHANGES["create_share_instance"].during,
        "availability_zone_id": zone_id,
        "share_type_id": share_type.id,
        "mount_point_name": _mount_point(env, ctx, wanted, share_type),
        "progress": None,
    }
    store.insert(tx, row, metadata)
    share_hints.tell_others(tx, ctx, hints, share_id)
    share = _new(tx, row, instance, metadata, share_type, zone_name)
    # last: other creates wait for these rows, of the project and of the pool, until we commit
    charge(
        env,
        tx,
        {"shares": 1, "gigabytes": size},
        project_id=ctx.project_id,
        user_id=ctx.user_id,
        share_type_id=share_type.id,
    )
    placed = _place(tx, ctx, share, share_type, hints)
    op_id = enqueue(
        tx,
        ctx,
        "create_share_instance",
        host=placed.get("host"),
        lock_key=instance_id,
        resource=("SHARE", share_id),
        project_id=ctx.project_id,
        payload={"instance_id": instance_id, "hints": hints, "is_admin": ctx.is_admin},
    )
    store.insert_instance(tx, {**instance, **placed, "operation_id": op_id})
    return share


def _place(
    tx: Tx, ctx: Context, share: Share, share_type: ShareType, hints: Mapping[str, str]
) -> dict[str, Any]:
    """Where the instance goes; nothing if that is left to its operation, which may wait, and tells
    the user why there is no place."""
    try:
        found = placement.place(tx, share, share_type, hints, is_admin=ctx.is_admin)
    except NoValidHost:
        return {}
    return {"host": found.host, "availability_zone_id": found.zone_id, "scheduled_at": tx.now}


_BLANK: dict[str, Any] = dict.fromkeys(
    (
        "task_state", "share_group_id", "source_share_group_snapshot_member_id",
        "source_backup_id", "scheduled_to_be_deleted_at", "updated_at", "host",
        "share_network_id", "share_server_id", "replica_state", "encryption_key_ref",
        "scheduled_at", "launched_at", "terminated_at",
    )
)  # fmt: skip


_OF_INSTANCE = ("id", "share_id", "share_type_id")  # named otherwise in the record, or not in it


def _new(
    tx: Tx,
    row: Mapping[str, Any],
    instance: Mapping[str, Any],
    metadata: Mapping[str, str],
    share_type: ShareType,
    zone: str | None,
) -> Share:
    """The record as it was asked for; no backend has been chosen yet."""
    values = {
        **_BLANK,
        **row,
        **{key: value for key, value in instance.items() if key not in _OF_INSTANCE},
        "share_type_name": share_type.name,
        "availability_zone": zone,
        "operation_id": None,
        "access_rules_status": "active",
        "cast_rules_to_readonly": False,
        "is_soft_deleted": False,
        "created_at": tx.now,
        "metadata": dict(metadata),
    }
    return Share(**values)


# --- what is checked ------------------------------------------------------------------------------
def _source(tx: Tx, ctx: Context, wanted: NewShare) -> tuple[Snapshot | None, Share | None]:
    if not wanted.snapshot_id:
        return None, None
    snapshot = snapshot_store.get(tx, wanted.snapshot_id)
    if snapshot is None or not (ctx.is_admin or snapshot.project_id == ctx.project_id):
        raise NotFound(noun="Snapshot", id=wanted.snapshot_id)
    # kept idle until the new share is in the database, so that it cannot be deleted before
    if not snapshot_store.hold(tx, snapshot.instance_id):
        raise BadRequest(
            f"Snapshot {snapshot.id} is {snapshot.status}; only an available one can be used."
        )
    source = store.get(tx, snapshot.share_id)
    if wanted.check_from_snapshot and source and not source.create_share_from_snapshot_support:
        raise BadRequest(
            f"Share {source.id} is of a type without create_share_from_snapshot_support: no share "
            "can be created from its snapshots."
        )
    return snapshot, source


def _type_for(env: Env, tx: Tx, ctx: Context, wanted: NewShare, source: Share | None) -> ShareType:
    if source is not None and source.share_type_id:
        of_source = types.load(tx, ctx.elevated(), source.share_type_id)
        if wanted.share_type not in (None, "", of_source.id, of_source.name):
            raise BadRequest(
                f"A share from a snapshot takes the type of its source, {of_source.name}; "
                f"{wanted.share_type} was given. Leave share_type out."
            )
        return of_source
    name = wanted.share_type or env.settings.default_share_type
    if not name:
        raise BadRequest(
            "No share type was given and no default one is configured: give share_type, or have "
            "default_share_type set."
        )
    return types.resolve(tx, ctx, name)


def _size_for(
    env: Env,
    tx: Tx,
    ctx: Context,
    wanted: NewShare,
    share_type: ShareType,
    snapshot: Snapshot | None,
) -> int:
    size = wanted.size if wanted.size is not None else snapshot.size if snapshot else None
    if size is None:
        raise BadRequest("size is missing: give the size of the share in GiB.")
    if snapshot and size < snapshot.size:
        raise BadRequest(f"size {size} is smaller than the snapshot's {snapshot.size} GiB.")
    types.check_size(share_type, size)
    check_share_limit(
        env,
        tx,
        size,
        project_id=ctx.project_id,
        user_id=ctx.user_id,
        share_type_id=share_type.id,
    )
    return size


def _zone_for(
    env: Env, tx: Tx, wanted: NewShare, share_type: ShareType, source: Share | None
) -> tuple[str | None, str | None]:
    """(id, name) of the zone that was asked for, or that the snapshot binds to."""
    bound = source is not None and not env.settings.use_scheduler_creating_share_from_snapshot
    if not wanted.availability_zone:
        if bound and source is not None:
            return source.availability_zone_id, source.availability_zone
        return None, None
    zone = service_store.zone(tx, wanted.availability_zone)
    if zone is None:
        raise NotFound(noun="Availability zone", id=wanted.availability_zone)
    if bound and source is not None and source.availability_zone_id not in (None, zone.id):
        raise BadRequest(
            f"A share from this snapshot must be in the zone of its source, "
            f"{source.availability_zone}; {zone.name} was given. Leave availability_zone out."
        )
    offered = types.zones(share_type) if wanted.check_type_zones else None
    if offered and zone.name not in offered:
        raise BadRequest(
            f"Share type {share_type.name} is not offered in zone {zone.name}, but in "
            f"{', '.join(sorted(offered))}."
        )
    return zone.id, zone.name


def _check_protocol(env: Env, wanted: NewShare, snapshot: Snapshot | None) -> None:
    proto, enabled = wanted.share_proto.upper(), env.settings.enabled_share_protocols
    if proto not in {name.upper() for name in enabled}:
        raise BadRequest(
            f"share_proto {wanted.share_proto!r} is not offered; use one of {', '.join(enabled)}."
        )
    if snapshot and snapshot.share_proto != proto:
        raise BadRequest(f"share_proto {proto} differs from the snapshot's {snapshot.share_proto}.")


def _check_network(wanted: NewShare, share_type: ShareType) -> None:
    if wanted.share_network_id:
        raise NotFound(noun="Share network", id=wanted.share_network_id)
    if wanted.share_group_id:
        raise NotFound(noun="Share group", id=wanted.share_group_id)
    if types.flag(share_type, "driver_handles_share_servers"):
        raise BadRequest(
            f"Share type {share_type.name} needs a share network: give share_network_id."
        )
    if wanted.encryption_key_ref:
        raise BadRequest(
            f"Share type {share_type.name} cannot encrypt: that takes a type with "
            "encryption_support and driver_handles_share_servers."
        )


def _mount_point(env: Env, ctx: Context, wanted: NewShare, share_type: ShareType) -> str | None:
    if not wanted.mount_point_name:
        return None
    return mount_point(env, ctx, wanted.mount_point_name, share_type)


def mount_point(env: Env, ctx: Context, name: str, share_type: ShareType) -> str:
    """The full mount point name, if the type allows one."""
    if not types.flag(share_type, "mount_point_name_support"):
        raise BadRequest(f"Share type {share_type.name} does not support mount_point_name.")
    return types.mount_point(share_type, ctx, name, env.settings)
