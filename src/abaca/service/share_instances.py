"""Use cases of share instances: the bodies of shares on backends, as administrators see them."""

from __future__ import annotations

from collections.abc import Mapping

from abaca.model.context import Context
from abaca.model.errors import Conflict, NotFound
from abaca.model.shares import Share, ShareInstance
from abaca.store import share_instances as store
from abaca.store import shares as share_store
from abaca.store.engine import Tx
from abaca.store.paging import Page

from .env import Env
from .shares import load as load_share
from .shares import start_delete
from .shares_state import set_status


def _missing(instance_id: str) -> NotFound:
    return NotFound(noun="Share instance", id=instance_id)


def get(env: Env, instance_id: str, *, locations: bool = False) -> ShareInstance:
    with env.store.read() as tx:
        found = store.get(tx, instance_id, locations=locations)
    if found is None:
        raise _missing(instance_id)
    return found


def find(
    env: Env,
    filters: Mapping[str, str],
    page: Page,
    *,
    soft_deleted: bool = False,
    locations: bool = False,
) -> list[ShareInstance]:
    """Of all projects."""
    with env.store.read() as tx:
        return store.find(tx, filters, page, soft_deleted=soft_deleted, locations=locations)


def of_share(
    env: Env, ctx: Context, share_id: str, *, locations: bool = False
) -> list[ShareInstance]:
    with env.store.read() as tx:
        share = load_share(tx, ctx, share_id)
        return store.of_share(tx, share.id, locations=locations)


def _share_of(tx: Tx, instance_id: str) -> Share:
    """The share of its only instance."""
    instance = store.get(tx, instance_id)
    share = share_store.get(tx, instance.share_id) if instance else None
    if share is None:
        raise _missing(instance_id)
    if share.instance_id != instance_id:
        raise Conflict(f"Share instance {instance_id} does not speak for its share {share.id}.")
    return share


def reset_status(env: Env, instance_id: str, status: str) -> None:
    with env.store.transaction() as tx:
        set_status(tx, _share_of(tx, instance_id), status)


def force_delete(env: Env, ctx: Context, instance_id: str) -> None:
    """In any state; the share goes with its last instance."""
    with env.store.transaction() as tx:
        start_delete(env, tx, ctx, _share_of(tx, instance_id), force=True)
