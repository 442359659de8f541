"""Drivers of older contracts, run by the manager: rules come into force, change, and go."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from abaca.drivers.fake.backend import FakeBackend
from abaca.drivers.fake.driver import FakeShareDriver
from abaca.service import access, shares
from abaca.store.engine import Store
from abaca.testing import crash
from support.running import USER, Running, running


class SeedEra(FakeShareDriver):
    """Knows no update_rules."""

    def update_access(  # type: ignore[override]
        self, context: Any, share: Any, access_rules: Any, add_rules: Any, delete_rules: Any,
        share_server: Any = None,
    ) -> Any:  # fmt: skip
        wanted = list(access_rules)
        return super().update_access(context, share, wanted, add_rules, delete_rules, [])


class OneByOne(FakeShareDriver):
    """Knows no update_access at all, and complains of what is there already."""

    array: ClassVar[FakeBackend]

    def update_access(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError

    def allow_access(self, context: Any, share: Any, access: Any, share_server: Any = None) -> None:
        known = {rule["access_id"] for rule in self.array.rules(share["id"])}
        super().update_access(context, share, [access], [access], [], [])
        if access["access_id"] in known:
            raise type("ShareAccessExists", (Exception,), {})()

    def deny_access(self, context: Any, share: Any, access: Any, share_server: Any = None) -> None:
        super().update_access(context, share, [], [], [access], [])


@pytest.fixture(params=[SeedEra, OneByOne])
def world(
    request: pytest.FixtureRequest, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Running]:
    monkeypatch.setattr(crash, "FakeShareDriver", request.param)
    with running(store, tmp_path / "array") as world:
        OneByOne.array = world.array
        yield world
        world.array.clear_faults()
        world.settle()


def in_force(world: Running, instance_id: str) -> set[tuple[str, str]]:
    found = world.array.rules(instance_id)
    return {(rule["access_to"], rule["access_level"]) for rule in found}


def test_rules_come_change_and_go(world: Running) -> None:
    share = world.share()

    def allow(to: str) -> str:
        return access.allow(world.env, USER, share.id, access_type="ip", access_to=to).id

    first, second = allow("10.0.0.1"), allow("10.0.0.2")
    world.settle()
    assert in_force(world, share.instance_id) == {("10.0.0.1", "rw"), ("10.0.0.2", "rw")}
    access.set_level(world.env, USER, first, "ro")
    world.array.set_fault("update_access", "lost")  # done, and done again
    access.deny(world.env, USER, share.id, second)
    world.settle()
    assert in_force(world, share.instance_id) == {("10.0.0.1", "ro")}
    assert [rule.state for rule in access.of_share(world.env, USER, share.id)[0]] == ["active"]
    assert world.violations() == []
    shares.delete(world.env, USER, share.id)
    world.settle()
    assert world.is_gone(share.id) and world.violations() == []
