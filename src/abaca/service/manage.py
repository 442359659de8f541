"""Use cases of shares that exist already on a backend: take one over, let one go."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from abaca.model.context import Context
from abaca.model.errors import BadRequest, Conflict, Forbidden, NotFound
from abaca.model.services import Service
from abaca.model.shares import Share
from abaca.model.status import CHANGES, SHARE_STATUSES, SHARE_TRANSITIONAL
from abaca.model.types import ShareType
from abaca.store import manage as store
from abaca.store import services as service_store
from abaca.store import shares as share_store
from abaca.store import snapshots as snapshot_store
from abaca.store.engine import Tx

from . import types
from .env import Env, enqueue
from .services import seen
from .shares import load, refuse_busy, refuse_soft_deleted
from .shares_create import mount_point

_LETTABLE = tuple(status for status in SHARE_STATUSES if status not in SHARE_TRANSITIONAL)


class Managed(msgspec.Struct, frozen=True, kw_only=True):
    """What an administrator says of a share that is there already."""

    export_path: str
    host: str  # host@backend#pool
    share_proto: str
    name: str | None = None
    description: str | None = None
    share_type: str | None = None  # id or name
    is_public: bool = False
    driver_options: Mapping[str, Any] = {}
    share_server_id: str | None = None
    mount_point_name: str | None = None
    instance_id: str | None = None  # the one it has on the backend, of a row that was lost


# --- take over ------------------------------------------------------------------------------------
def manage(env: Env, ctx: Context, given: Managed) -> Share:
    """A share in manage_starting.  Its size is unknown (0), and nothing is charged for it, until
    its operation has asked the backend."""
    try:
        with env.store.transaction() as tx:
            return _manage(env, tx, ctx, given)
    except share_store.Taken as taken:
        raise BadRequest(f"mount_point_name {taken} is taken; choose another one.") from taken
    except share_store.TypeGone as gone:
        raise NotFound(noun="Share type", id=gone) from gone


def _manage(env: Env, tx: Tx, ctx: Context, given: Managed) -> Share:
    service = _service(env, tx, given.host)
    share_type = _type(env, tx, ctx, given)
    _check_protocol(env, given)
    _refuse_known(tx, given)
    zone = service_store.zone(tx, service.zone)
    share_id, instance_id = share_store.new_id(), given.instance_id or share_store.new_id()
    name = given.mount_point_name
    share = {
        "id": share_id,
        "project_id": ctx.project_id,
        "user_id": ctx.user_id,
        "name": given.name,
        "description": given.description,
        "size": 0,
        "share_proto": given.share_proto.upper(),
        "is_public": given.is_public,
        "share_type_id": share_type.id,
        "instance_id": instance_id,
        **types.capabilities(share_type),
    }
    share_store.insert(tx, share, {})
    op_id = enqueue(
        tx,
        ctx,
        "manage_share",
        host=given.host,
        lock_key=instance_id,
        resource=("SHARE", share_id),
        project_id=ctx.project_id,
        payload={"instance_id": instance_id, "driver_options": dict(given.driver_options)},
    )
    instance = {
        "id": instance_id,
        "share_id": share_id,
        "status": CHANGES["manage_share"].during,
        "operation_id": op_id,
        "host": given.host,
        "availability_zone_id": zone.id if zone else None,
        "share_type_id": share_type.id,
        "mount_point_name": mount_point(env, ctx, name, share_type) if name else None,
        "scheduled_at": tx.now,
    }
    share_store.insert_instance(tx, instance)
    share_store.replace_locations(tx, instance_id, [{"path": given.export_path}])
    return load(tx, ctx.elevated(), share_id, locations=True)


def _service(env: Env, tx: Tx, host: str) -> Service:
    """The backend, kept as it is: of two requests for one path the second sees the first."""
    backend, _, pool = host.partition("#")
    if not pool or "@" not in backend:
        raise BadRequest(f"service_host is {host[:100]!a}; it must be host@backend#pool.")
    store.lock_backend(tx, backend)
    found = service_store.service(tx, backend, "manila-share")
    if found is None:
        raise NotFound(noun="Service host", id=backend)
    if seen(found, env.settings).state != "up":
        raise BadRequest(f"The service of {backend} is down; start it, or choose another host.")
    return found


def _type(env: Env, tx: Tx, ctx: Context, given: Managed) -> ShareType:
    name = given.share_type or env.settings.default_share_type
    if not name:
        raise NotFound("No share type was given and there is no default one: give share_type.")
    found = types.resolve(tx, ctx, name)
    if types.flag(found, "driver_handles_share_servers"):
        if given.share_server_id is None:
            raise BadRequest(f"Share type {found.name} needs a share server: give share_server_id.")
        raise BadRequest(f"Share server {given.share_server_id} could not be found.")
    if given.share_server_id is not None:
        raise BadRequest(f"Share type {found.name} has no share servers: leave it out.")
    return found


def _check_protocol(env: Env, given: Managed) -> None:
    enabled = env.settings.enabled_share_protocols
    if given.share_proto.upper() not in {name.upper() for name in enabled}:
        raise BadRequest(
            f"protocol {given.share_proto[:50]!a} is not offered; use one of {', '.join(enabled)}."
        )


def _refuse_known(tx: Tx, given: Managed) -> None:
    known = store.exported_at(tx, given.host.partition("#")[0], given.export_path)
    if known is not None:
        raise Conflict(f"{given.export_path} of {given.host} is share {known} already.")
    if given.instance_id and share_store.instance(tx, given.instance_id) is not None:
        raise Conflict(f"Share instance {given.instance_id} has a row already.")


# --- let go ---------------------------------------------------------------------------------------
def unmanage(env: Env, ctx: Context, share_id: str) -> None:
    """Forget a share; its data stays where it is."""
    with env.store.transaction() as tx:
        share = load(tx, ctx, share_id)
        refuse_soft_deleted(share)
        refuse_busy(share)
        _refuse_snapshots(tx, share)
        managed = share.status != "manage_error"
        during = CHANGES["unmanage_share"].during if managed else "manage_error_unmanage_starting"
        if not share_store.begin(tx, share.instance_id, during, _LETTABLE):
            raise Forbidden(f"Share {share.id} is {share.status}; try again when that is over.")
        _refuse_snapshots(tx, share)  # from now on none can come
        op_id = enqueue(
            tx,
            ctx,
            "unmanage_share",
            host=share.host,
            lock_key=share.instance_id,
            resource=("SHARE", share.id),
            project_id=share.project_id,
            payload={"instance_id": share.instance_id},
        )
        share_store.own(tx, share.instance_id, op_id)


def _refuse_snapshots(tx: Tx, share: Share) -> None:
    count = snapshot_store.count_of_share(tx, share.id)
    if count:
        raise Forbidden(
            f"Share {share.id} has {count} snapshot{'s' if count > 1 else ''}; unmanage or delete "
            "them first."
        )
