"""Use cases of export locations: where a share can be mounted, and what is noted about it."""

from __future__ import annotations

from collections.abc import Mapping

from abaca.model.context import Context
from abaca.model.errors import NotFound
from abaca.model.shares import ExportLocation, Share, ShareInstance
from abaca.store import shares as store
from abaca.store.engine import Tx

from . import metadata
from .env import Env
from .metadata import MayWrite
from .shares import load as load_share


def of_share(env: Env, ctx: Context, share_id: str) -> tuple[list[ExportLocation], Share]:
    """In the order of the backend; those for administrators only are hidden from others."""
    with env.store.read() as tx:
        share = load_share(tx, ctx, share_id, locations=True)
    return [found for found in share.export_locations if visible(ctx, found)], share


def visible(ctx: Context, location: ExportLocation) -> bool:
    return ctx.is_admin or not location.is_admin_only


def one(
    env: Env, ctx: Context, share_id: str, location_id: str
) -> tuple[ExportLocation | None, Share]:
    """A location of this share, visible or not; None when there is none with this id."""
    with env.store.read() as tx:
        share = load_share(tx, ctx, share_id, locations=True)
    return next((e for e in share.export_locations if e.id == location_id), None), share


def missing(location_id: str) -> NotFound:
    return NotFound(noun="Export location", id=location_id)


# --- of an instance -------------------------------------------------------------------------------
def instance(tx: Tx, instance_id: str) -> ShareInstance:
    found = store.instance(tx, instance_id)
    if found is None:
        raise NotFound(noun="Share instance", id=instance_id)
    return found


def of_instance(env: Env, instance_id: str) -> list[ExportLocation]:
    with env.store.read() as tx:
        return store.locations_of(tx, [instance(tx, instance_id).id])


# --- metadata -------------------------------------------------------------------------------------
def _load(tx: Tx, ctx: Context, share_id: str, location_id: str) -> ExportLocation:
    """To be changed: nobody else changes the share meanwhile."""
    share = load_share(tx, ctx, share_id, lock=True, locations=True)
    for location in share.export_locations:
        if location.id == location_id and visible(ctx, location):
            return location
    raise missing(location_id)


def add_metadata(
    env: Env,
    ctx: Context,
    share_id: str,
    location_id: str,
    pairs: Mapping[str, str],
    may_write: MayWrite,
) -> dict[str, str]:
    """Add or replace these pairs; all pairs afterwards."""
    with env.store.transaction() as tx:
        location = _load(tx, ctx, share_id, location_id)
        protected = env.settings.admin_only_el_metadata
        changed = metadata.merged(location.metadata, pairs, protected, may_write)
        metadata.check_room(location.metadata, {**location.metadata, **changed})
        store.set_location_metadata(tx, location.id, changed)
        return {**location.metadata, **changed}


def replace_metadata(
    env: Env,
    ctx: Context,
    share_id: str,
    location_id: str,
    pairs: Mapping[str, str],
    may_write: MayWrite,
    *,
    is_admin: bool,
) -> dict[str, str]:
    """These pairs instead of all others; admin-only ones survive unless is_admin."""
    with env.store.transaction() as tx:
        location = _load(tx, ctx, share_id, location_id)
        protected = env.settings.admin_only_el_metadata
        changed = metadata.merged(location.metadata, pairs, protected, may_write)
        gone = metadata.gone(location.metadata, pairs, protected, is_admin)
        kept = {key: text for key, text in location.metadata.items() if key not in gone}
        metadata.check_room(location.metadata, {**kept, **changed})
        if gone:
            store.delete_location_metadata(tx, location.id, gone)
        store.set_location_metadata(tx, location.id, changed)
        return {**kept, **changed}


def delete_metadata(
    env: Env, ctx: Context, share_id: str, location_id: str, key: str, may_write: MayWrite
) -> None:
    with env.store.transaction() as tx:
        location = _load(tx, ctx, share_id, location_id)
        metadata.one(location.metadata, key)
        if key in env.settings.admin_only_el_metadata:
            may_write()
        store.delete_location_metadata(tx, location.id, [key])
