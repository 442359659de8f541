"""Use cases of the metadata of shares."""

from __future__ import annotations

from collections.abc import Mapping

from abaca.model.context import Context
from abaca.store import shares as store

from . import metadata
from .env import Env
from .metadata import MayWrite
from .shares import load


def add(
    env: Env, ctx: Context, share_id: str, pairs: Mapping[str, str], may_write: MayWrite
) -> dict[str, str]:
    """Add or replace these pairs; all pairs afterwards."""
    with env.store.transaction() as tx:
        share = load(tx, ctx, share_id, lock=True)
        protected = env.settings.admin_only_metadata
        changed = metadata.merged(share.metadata, pairs, protected, may_write)
        metadata.check_room(share.metadata, {**share.metadata, **changed})
        store.set_metadata(tx, share.id, changed)
        return {**share.metadata, **changed}


def replace(
    env: Env,
    ctx: Context,
    share_id: str,
    pairs: Mapping[str, str],
    may_write: MayWrite,
    *,
    is_admin: bool,
) -> dict[str, str]:
    """These pairs instead of all others; admin-only ones survive unless is_admin."""
    with env.store.transaction() as tx:
        share = load(tx, ctx, share_id, lock=True)
        protected = env.settings.admin_only_metadata
        changed = metadata.merged(share.metadata, pairs, protected, may_write)
        gone = metadata.gone(share.metadata, pairs, protected, is_admin)
        kept = {key: text for key, text in share.metadata.items() if key not in gone}
        metadata.check_room(share.metadata, {**kept, **changed})
        if gone:
            store.delete_metadata(tx, share.id, gone)
        store.set_metadata(tx, share.id, changed)
        return {**kept, **changed}


def delete(env: Env, ctx: Context, share_id: str, key: str, may_write: MayWrite) -> None:
    with env.store.transaction() as tx:
        share = load(tx, ctx, share_id, lock=True)
        metadata.one(share.metadata, key)
        if key in env.settings.admin_only_metadata:
            may_write()
        store.delete_metadata(tx, share.id, [key])
