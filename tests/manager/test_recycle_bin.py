"""What has been in the recycle bin for its time is deleted for good."""

from __future__ import annotations

from pathlib import Path

import msgspec

from abaca.service import shares_state
from abaca.service.env import Env
from abaca.store import shares as share_store
from abaca.store.engine import Store
from support.running import USER, running


def _put_in(env: Env, share_id: str, seconds: int) -> None:
    settings = msgspec.structs.replace(env.settings, soft_deleted_share_retention_time=seconds)
    shares_state.soft_delete(Env(env.store, settings), USER, share_id)


def test_a_share_is_deleted_when_its_time_in_the_bin_is_over_and_not_before(
    store: Store, tmp_path: Path
) -> None:
    with running(store, tmp_path) as world:
        old, new = world.share().id, world.share().id
        _put_in(world.env, old, -1)
        _put_in(world.env, new, 3600)
        assert shares_state.delete_expired(world.env) == 1
        world.settle()
        with store.read() as tx:
            assert share_store.get(tx, old) is None
            kept = share_store.get(tx, new)
        assert kept is not None
        assert kept.is_soft_deleted
        assert world.violations() == []


def test_a_share_with_a_snapshot_stays_in_the_bin(store: Store, tmp_path: Path) -> None:
    with running(store, tmp_path) as world:
        share = world.share()
        _put_in(world.env, share.id, -1)
        with store.transaction() as tx:  # a snapshot that came by another way
            share_store.update(tx, share.id, is_soft_deleted=False)
        world.snapshot(share)
        with store.transaction() as tx:
            share_store.update(tx, share.id, is_soft_deleted=True)
        assert shares_state.delete_expired(world.env) == 0
        assert world.violations() == []
