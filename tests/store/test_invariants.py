"""The checker of the invariants finds each kind of violation that is planted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from abaca.service import access, snapshot_access
from abaca.store import schema as t
from abaca.store.engine import Store
from support.running import USER, Running, running

Plant = Callable[[Running], object]


@pytest.fixture
def world(store: Store, tmp_path: Path) -> Iterator[Running]:
    with running(store, tmp_path / "array") as world:
        yield world


def change(table: sa.Table, **values: object) -> Plant:
    def plant(world: Running) -> None:
        with world.store.transaction() as tx:
            assert tx.run(sa.update(table).values(**values))

    return plant


def in_array(statement: str) -> Plant:
    return lambda world: world.array._run(statement)


PLANTED: dict[str, tuple[str, Plant]] = {
    "a share is stuck": ("1: share_instances", change(t.share_instances, status="deleting")),
    "a share is stuck in ensuring": ("1: ", change(t.share_instances, status="ensuring")),
    "a snapshot is stuck": ("1: snapshot_inst", change(t.snapshot_instances, status="creating")),
    "a rule is stuck": ("1: access_rule", change(t.access_rule_states, state="queued_to_deny")),
    "a snapshot's rule is stuck": (
        "1: snapshot_access",
        change(t.snapshot_access_rules, state="applying"),
    ),
    "a dead owner": ("1: share_instances", change(t.share_instances, operation_id=1)),
    "an orphan": (
        "2: share orphan",
        lambda world: (
            world.array.add_share("orphan", "/x", 1)
            or in_array("UPDATE shares SET managed = 1")(world)
        ),
    ),
    "an orphaned snapshot": (
        "2: snapshot orphan",
        in_array(
            "INSERT INTO snapshots SELECT 'orphan', name, '/y', share_id, size, used, 1, created"
            " FROM snapshots"
        ),
    ),
    "a lost share": ("2: share", in_array("DELETE FROM shares")),
    "a lost snapshot": ("2: snapshot", in_array("DELETE FROM snapshots")),
    "another size": ("2: share", in_array("UPDATE shares SET size = 7")),
    "a quota leak": ("3: quota", change(t.quota_usages, in_use=9)),
    "a double booking": ("3: pool", change(t.bookings, gigabytes=99)),
    "a door that is open": (
        "4: share",
        in_array("UPDATE rules SET access_to = '10.9.9.9' WHERE access_level = 'rw'"),
    ),
    "a door that is shut": ("4: share", in_array("DELETE FROM rules WHERE access_level = 'rw'")),
    "a snapshot's door": ("4: snapshot", in_array("DELETE FROM rules WHERE access_level = 'ro'")),
}


@pytest.fixture
def full(world: Running) -> Running:
    """A share with a rule, and a snapshot with a rule."""
    share = world.share()
    access.allow(world.env, USER, share.id, access_type="ip", access_to="10.0.0.1")
    snapshot = world.snapshot(share)
    snapshot_access.allow(world.env, USER, snapshot.id, access_type="ip", access_to="10.0.0.2")
    world.settle()
    world.manager.stop(5)  # it would only repair what we break
    assert world.violations() == []
    return world


@pytest.mark.parametrize("name", PLANTED)
def test_it_is_found(full: Running, name: str) -> None:
    sign, plant = PLANTED[name]
    plant(full)
    found = full.violations()
    assert any(each.startswith(sign) for each in found), found


def test_of_a_rule_in_error_nobody_knows_the_level(full: Running) -> None:
    """Changing it has failed: the backend may have the old level or the new one."""
    change(t.access_rule_states, state="error")(full)
    in_array("UPDATE rules SET access_level = 'ro'")(full)
    assert full.violations() == []
