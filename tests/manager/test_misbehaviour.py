"""Drivers that misbehave, and what they may not bring about: orphans, open doors, stuck rows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from abaca.manager import access as handlers
from abaca.service import access, shares
from abaca.store.engine import Store
from store.test_operations import wait_for
from support.running import ADMIN, USER, Running, running


@pytest.fixture
def world(store: Store, tmp_path: Path) -> Iterator[Running]:
    with running(store, tmp_path / "array") as world:
        yield world
        world.array.clear_faults()
        world.settle()


def allow(world: Running, share_id: str, to: str = "10.0.0.1") -> str:
    return access.allow(world.env, USER, share_id, access_type="ip", access_to=to).id


def states(world: Running, share_id: str) -> list[str]:
    rules, _ = access.of_share(world.env, USER, share_id)
    return [rule.state for rule in rules]


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt()])
def test_a_driver_that_ends_the_thread_fails_the_operation(
    world: Running, error: BaseException
) -> None:
    def create_share(*_: Any, **__: Any) -> None:
        raise error

    world.manager.backends[0].driver.create_share = create_share  # type: ignore[method-assign]
    share = world.share()
    assert share.status == "error"
    assert world.violations() == []


def test_a_forced_delete_is_tried_again_when_contact_is_lost(world: Running) -> None:
    share = world.share()
    world.array.set_fault("delete_share", "error", 2, name="StorageCommunicationException")
    shares.delete(world.env, ADMIN, share.id, force=True)
    world.settle()
    assert world.is_gone(share.id) and world.array.shares() == {}
    assert world.violations() == []


def test_a_forced_delete_goes_on_when_doors_cannot_be_closed(world: Running) -> None:
    share = world.share()
    allow(world, share.id)
    world.settle()
    world.array.set_fault("update_access", "error", None, name="RuntimeError")
    shares.delete(world.env, ADMIN, share.id, force=True)
    world.settle()
    assert world.is_gone(share.id) and world.array.shares() == {}


def test_rules_of_a_share_that_could_not_be_deleted_are_in_error(world: Running) -> None:
    share = world.share()
    allow(world, share.id)
    world.settle()
    world.array.set_fault("delete_share", "error", None, name="RuntimeError")
    shares.delete(world.env, USER, share.id)
    world.settle()
    assert world.look(share.id).status == "error_deleting"
    assert world.look(share.id).access_rules_status == "error"
    assert states(world, share.id) == ["error"]


def test_a_forced_delete_waits_for_the_driver_call_that_creates(world: Running) -> None:
    """Else the share would be made after it was deleted: an orphan."""
    world.array.set_fault("create_share", "latency", seconds=1.0)
    settle, world.settle = world.settle, lambda: None  # type: ignore[method-assign]
    share = world.share()
    world.settle = settle  # type: ignore[method-assign]
    wait_for(lambda: bool(world.array.calls("create_share")))
    shares.delete(world.env, ADMIN, share.id, force=True)
    world.settle()
    wait_for(lambda: bool(world.array.calls("create_share")[0]["finished"]))
    assert world.is_gone(share.id) and world.array.shares() == {}
    assert world.violations() == []


def test_a_door_that_the_backend_could_not_close_is_not_forgotten(world: Running) -> None:
    share = world.share()
    rule = allow(world, share.id)
    world.settle()
    world.answers("update_access", {rule: {"state": "error"}})
    access.deny(world.env, USER, share.id, rule)
    world.settle()
    assert states(world, share.id) == ["error"]
    assert world.look(share.id).access_rules_status == "error"


def test_the_owner_of_a_rule_that_is_refused_is_told_why(world: Running) -> None:
    share = world.share()
    old = allow(world, share.id, "10.0.0.1")
    world.settle()
    new = allow(world, share.id, "10.0.0.2")
    world.settle()
    refused = {old: {"state": "error"}, new: {"state": "error", "reason": "no room for it"}}
    world.answers("update_access", refused)
    allow(world, share.id, "10.0.0.3")
    world.settle()
    assert sorted(states(world, share.id)) == ["active", "error", "error"]
    assert {message.user_message for message in world.messages(share.id)} == {
        "update access rules: this kind of access rule is not supported for this share. Remove it, "
        "and use another type or level.",
        "update access rules: the rule for 10.0.0.2 is not in force: no room for it.",
    }


def test_a_rule_that_is_denied_while_it_is_applied_is_denied(world: Running) -> None:
    share = world.share()
    world.array.set_fault("update_access", "latency", seconds=0.5)
    rule = allow(world, share.id)
    wait_for(lambda: states(world, share.id) == ["applying"])
    access.deny(world.env, USER, share.id, rule)
    assert states(world, share.id) == ["queued_to_deny"]
    world.settle()
    assert states(world, share.id) == [] and world.array.rules(share.instance_id) == []
    assert world.violations() == []


def test_failing_in_failing_leaves_rules_in_error(
    world: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    share = world.share()
    monkeypatch.setattr(handlers.messages, "tell", lambda *_: 1 / 0)
    world.array.set_fault("update_access", "error", None, name="RuntimeError")
    allow(world, share.id)
    world.settle()
    assert states(world, share.id) == ["error"]
    assert world.violations() == []
