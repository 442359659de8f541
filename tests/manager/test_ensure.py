"""Ensuring the shares of a backend: one bad share, busy ones, ones that go meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from abaca.model.operations import Operation
from abaca.model.shares import Share
from abaca.operations import log as oplog
from abaca.service import access, services, shares, shares_resize
from abaca.store import schema as t
from abaca.store.engine import Store
from abaca.testing import crash
from store.test_operations import wait_for
from support.running import ADMIN, USER, Running, running


@pytest.fixture
def world(store: Store, tmp_path: Path) -> Iterator[Running]:
    with running(store, tmp_path / "array") as world:
        yield world
        world.array.clear_faults()
        world.settle()


def allow(world: Running, share: Share) -> None:
    access.allow(world.env, USER, share.id, access_type="ip", access_to="10.0.0.1")
    world.settle()


def doubt_rules(world: Running) -> None:
    with world.store.transaction() as tx:
        tx.run(sa.update(t.share_instances).values(access_rules_status="error"))


def ensure(world: Running) -> None:
    services.ensure_shares(world.env, ADMIN, crash.HOST)


def last(world: Running) -> Operation:
    with world.store.read() as tx:
        kind = t.operations.c.kind == "ensure_driver_resources"
        op_id = tx.scalar(sa.select(sa.func.max(t.operations.c.id)).where(kind))
        found = oplog.get(tx, op_id)
    assert found
    return found


def ensuring(world: Running) -> bool:
    with world.store.read() as tx:
        return bool(tx.scalar(sa.select(t.services.c.ensuring).where(t.services.c.ensuring)))


def test_one_bad_share_does_not_stop_the_others(world: Running) -> None:
    bad, good = sorted((world.share(), world.share()), key=lambda share: share.id)
    for share in (bad, good):
        allow(world, share)
    doubt_rules(world)
    world.array.set_fault("update_access", "error", None, bad.instance_id, name="OSError")
    ensure(world)
    world.settle()
    assert last(world).state == "done" and not ensuring(world)
    looks = [world.look(share.id) for share in (bad, good)]
    assert [share.status for share in looks] == ["available"] * 2
    assert [share.access_rules_status for share in looks] == ["error", "active"]
    assert world.violations() == []


def test_what_the_driver_says_of_rules_applied_again_is_kept(world: Running) -> None:
    """A new password, and a rule that is no longer in force."""
    share = world.share()
    allow(world, share)
    access.allow(world.env, USER, share.id, access_type="ip", access_to="10.0.0.2")
    world.settle()
    first, second = access.of_share(world.env, USER, share.id)[0]
    said = {first.id: {"state": "error", "reason": "no room"}, second.id: {"access_key": "new"}}
    world.answers("update_access", said)
    doubt_rules(world)
    ensure(world)
    world.settle()
    first, second = access.of_share(world.env, USER, share.id)[0]
    assert (first.state, second.state, second.access_key) == ("error", "active", "new")
    assert world.look(share.id).access_rules_status == "error"


def test_a_share_that_is_deleted_meanwhile_is_left_alone(world: Running) -> None:
    gone, other = world.share(), world.share()
    world.array.set_fault("ensure_shares", "latency", seconds=1.0, when="after")
    ensure(world)
    wait_for(lambda: world.look(gone.id).status == "ensuring" and ensuring(world))
    shares.delete(world.env, ADMIN, gone.id, force=True)
    world.settle()
    assert world.is_gone(gone.id) and last(world).state == "done"
    assert world.look(other.id).status == "available"
    assert world.violations() == []


@pytest.mark.parametrize(("said", "status"), [("creating", "available"), ("error", "error")])
def test_only_settled_statuses_are_believed(world: Running, said: str, status: str) -> None:
    share = world.share()
    doubt_rules(world)
    world.answers("ensure_shares", {share.instance_id: {"status": said}})
    ensure(world)
    world.settle()
    assert last(world).state == "done"
    assert world.look(share.id).status == status
    assert world.violations() == []


def test_junk_of_one_share_does_not_stop_the_others(world: Running) -> None:
    share = world.share()

    def no_bulk(*_: Any) -> None:
        raise NotImplementedError

    driver = world.manager.backends[0].driver
    driver.ensure_shares = no_bulk  # type: ignore[method-assign]
    world.answers("ensure_share", 17)
    ensure(world)
    world.settle()
    assert last(world).state == "done" and world.look(share.id).status == "available"


def test_a_busy_share_is_passed_over(world: Running) -> None:
    busy, idle = world.share(), world.share()
    world.array.set_fault("extend_share", "latency", seconds=1.5)
    shares_resize.extend(world.env, USER, busy.id, 2)
    wait_for(lambda: bool(world.array.calls("extend_share")))
    ensure(world)
    wait_for(lambda: last(world).state == "done")
    assert world.look(busy.id).status == "extending"
    world.settle()
    assert [world.look(share.id).status for share in (busy, idle)] == ["available"] * 2
    assert world.violations() == []


def test_a_bulk_call_that_fails_leaves_nothing_behind(world: Running) -> None:
    share = world.share()
    world.array.set_fault("ensure_shares", "error", name="RuntimeError")
    ensure(world)
    world.settle()
    assert last(world).state == "failed" and not ensuring(world)
    assert world.look(share.id).status == "available"
    assert world.violations() == []
