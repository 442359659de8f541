"""A backend that stands still while many shares are asked for: `python -m bench backlog`,
scaled down to what needs no clock."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from abaca.model.context import Context
from abaca.operations import timeline
from abaca.service import shares_create
from abaca.store import quotas
from abaca.store.engine import Store
from support.running import USER, Running, running

MANY = 80
OTHER = msgspec.structs.replace(USER, project_id="p2", user_id="bob")


@pytest.fixture
def world(store: Store, tmp_path: Path) -> Iterator[Running]:
    with running(store, tmp_path / "array") as world:
        yield world
        world.array.clear_faults()
        world.settle()


def ask(world: Running, ctx: Context) -> str:
    wanted = shares_create.NewShare(share_proto="NFS", size=1)
    return shares_create.create(world.env, ctx, wanted).id


def test_a_backlog_is_worked_off_in_fair_order_with_exact_quota_and_few_threads(
    world: Running,
) -> None:
    with world.store.transaction() as tx:
        for name in ("shares", "gigabytes"):
            quotas.set_limits(tx, ("p1", "", ""), {name: MANY})
    world.array.set_fault("create_share", "block", None)
    threads = threading.active_count()
    mine = [ask(world, USER) for _ in range(MANY)]
    single = ask(world, OTHER)
    assert world.used("shares", "gigabytes") == [MANY, MANY]
    with pytest.raises(Exception, match="Quota exceeded"):
        ask(world, USER)
    assert threading.active_count() <= threads + 4, "what waits takes no thread"

    world.array.clear_faults()
    world.settle()
    assert {world.look(share).status for share in (*mine, single)} == {"available"}
    assert world.used("shares", "gigabytes") == [MANY, MANY]
    assert world.violations() == []
    with world.store.read() as tx:
        done = sorted(
            (op.finished_at or "", op.resource_id)
            for op in timeline.recent(tx, MANY + 5)
            if op.kind == "create_share_instance"
        )
    place = [resource for _, resource in done].index(single)
    assert place < MANY // 4, f"it was done after {place} others"
