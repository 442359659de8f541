"""In which states each thing can be done to a share or snapshot, and what is said in the others.

The states are those of the fact table (statuses.yaml, operations: `pre`); every status is tried.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from abaca.model.status import SHARE_STATUSES, SHARE_TRANSITIONAL, SNAPSHOT_STATUSES
from abaca.model.status import SNAPSHOT_TRANSITIONAL as PASSING
from abaca.store import schema
from api.full_world import Answer, Call, FullWorld, full_world

IDLE = set(SHARE_STATUSES) - SHARE_TRANSITIONAL
GONE_SOON = {"deleting", "error_deleting"}
DELETABLE = {"available", "error", "inactive"}
RULES = IDLE | {"creating_from_snapshot", "replication_change"}  # access rules can be changed
# route: (share, from these statuses, what else it is refused with)
SHARES: dict[str, tuple[str, set[str], int]] = {
    "shares.delete": ("plain", DELETABLE, 403),
    "shares.action.soft_delete": ("plain", DELETABLE, 403),
    "shares.action.restore": ("bin", set(SHARE_STATUSES) - GONE_SOON, 403),
    "shares.action.force_delete": ("plain", set(SHARE_STATUSES), 0),
    "shares.action.extend": ("plain", {"available"}, 400),
    "shares.action.shrink": ("plain", {"available", "shrinking_possible_data_loss_error"}, 400),
    "shares.action.revert": ("share", {"available"}, 409),
    "shares.action.unmanage": ("plain", IDLE, 403),
    "shares.action.allow_access": ("share", RULES, 400),
    "shares.action.deny_access": ("share", RULES, 400),
    "share_access_rules.update": ("share", RULES, 400),
    "snapshots.create": ("share", {"available"}, 400),
    "snapshots.manage": ("share", IDLE, 409),
}
SNAPSHOTS: dict[str, tuple[set[str], int]] = {
    "snapshots.delete": ({"available", "error"}, 400),
    "snapshots.action.force_delete": (set(SNAPSHOT_STATUSES), 0),
    "snapshots.action.unmanage": (set(SNAPSHOT_STATUSES) - PASSING, 403),
    "snapshots.action.allow_access": ({"available"}, 400),
    "snapshots.action.deny_access": ({"available"}, 400),
    "shares.action.revert": ({"available"}, 409),
}
MIGRATING = "data_copying_in_progress"
# what is refused meanwhile, and how
BUSY = {
    "shares.delete": 400,
    "shares.action.force_delete": 400,
    "shares.action.soft_delete": 403,
    "shares.action.extend": 400,
    "shares.action.shrink": 400,
    "shares.action.unmanage": 400,
    "shares.action.revert": 409,
    "snapshots.create": 400,
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FullWorld]:
    with full_world(tmp_path_factory.mktemp("states")) as found:
        yield found


@pytest.fixture
def world(whole: FullWorld) -> Iterator[FullWorld]:
    yield whole
    whole.restore()


def call_of(world: FullWorld, id: str) -> Call:
    return world.call(next(route for route in world.registry.routes if route.id == id))


def write(world: FullWorld, table: sa.Table, condition: Any, **values: Any) -> None:
    with world.store.transaction() as tx:
        assert tx.run(sa.update(table).where(condition).values(**values)) == 1


def attempt(world: FullWorld, call: Call) -> tuple[Answer, list[str]]:
    """As an administrator; what is wrong with a refusal."""
    before = world.version()
    answer = world.send(call, "admin", "2.99")
    changed = world.version() != before
    wrong = ["refused, and yet something changed"] if changed and answer.status >= 400 else []
    if changed:
        world.restore()
    return answer, wrong


def problems(
    world: FullWorld, id: str, table: sa.Table, condition: Any, good: set[str], refusal: int
) -> Iterator[str]:
    """In every status: what is not as the table says, or not said."""
    call = call_of(world, id)
    for status in SHARE_STATUSES if table is schema.share_instances else SNAPSHOT_STATUSES:
        write(world, table, condition, status=status)
        answer, wrong = attempt(world, call)
        if answer.status >= 300 if status in good else answer.status != refusal:
            wrong.append("not as the table says")
        if answer.status >= 400 and status not in answer.message:
            wrong.append("the status is not named")
        yield from (f"{status}: {problem}: {answer}" for problem in wrong)


@pytest.mark.parametrize("id", SHARES)
def test_a_share_in_any_status(world: FullWorld, id: str) -> None:
    which, good, refusal = SHARES[id]
    table = schema.share_instances
    of_share = table.c.share_id == getattr(world.mine, which)
    assert list(problems(world, id, table, of_share, good, refusal)) == []


@pytest.mark.parametrize("id", SNAPSHOTS)
def test_a_snapshot_in_any_status(world: FullWorld, id: str) -> None:
    good, refusal = SNAPSHOTS[id]
    table = schema.snapshot_instances
    of_snapshot = table.c.snapshot_id == world.mine.snapshot
    assert list(problems(world, id, table, of_snapshot, good, refusal)) == []


@pytest.mark.parametrize("id", BUSY)
def test_a_share_that_is_being_migrated(world: FullWorld, id: str) -> None:
    write(world, schema.shares, schema.shares.c.id == world.mine.share, task_state=MIGRATING)
    write(world, schema.shares, schema.shares.c.id == world.mine.plain, task_state=MIGRATING)
    answer, wrong = attempt(world, call_of(world, id))
    assert (answer.status, wrong) == (BUSY[id], [])
    assert f"is busy with a migration ({MIGRATING}); wait for its end." in answer.message
