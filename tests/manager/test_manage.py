"""Taking over what is on the array, and letting it go, end to end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from abaca.model.shares import Share
from abaca.model.snapshots import Snapshot
from abaca.service import access, manage, shares, snapshot_access, snapshots, snapshots_state
from abaca.service.manage import Managed
from abaca.store import types
from abaca.store.engine import Store
from abaca.testing import crash
from support.running import ADMIN, SPECS, USER, Running, running

PATH = "192.0.2.10:/fake/theirs"


@pytest.fixture
def options() -> dict[str, Any]:
    """Of the backend; a test class or parameter may say more."""
    return {}


@pytest.fixture
def world(store: Store, tmp_path: Path, options: dict[str, Any]) -> Iterator[Running]:
    with running(store, tmp_path / "array", **options) as world:
        world.array.add_share("theirs", "/fake/theirs", 4)
        yield world
        world.settle()


def take_over(world: Running, **given: Any) -> Share:
    asked = Managed(**{"export_path": PATH, "host": crash.POOL, "share_proto": "NFS", **given})
    made = manage.manage(world.env, ADMIN, asked)
    world.settle()
    return world.look(made.id)


def let_go(world: Running, share: Share) -> None:
    manage.unmanage(world.env, ADMIN, share.id)
    world.settle()


# --- shares ---------------------------------------------------------------------------------------
def test_manage_and_unmanage(world: Running) -> None:
    share = take_over(world)
    assert (share.status, share.size) == ("available", 4)
    assert share.launched_at is not None
    assert share.metadata["__managed_at"] == share.created_at
    assert share.export_locations[0].path == PATH
    assert world.array.shares()[share.instance_id]["managed"] == 1
    assert world.used("shares", "gigabytes") == [1, 4]
    assert world.violations() == []
    let_go(world, share)
    assert world.is_gone(share.id)
    assert [there["managed"] for there in world.array.shares().values()] == [0]
    assert world.used("shares", "gigabytes") == [0, 0]
    assert world.violations() == []
    assert take_over(world).status == "available"


def test_manage_what_is_not_there(world: Running) -> None:
    share = take_over(world, export_path="192.0.2.10:/fake/other")
    assert (share.status, share.size) == ("manage_error", 0)
    assert world.used("shares", "gigabytes") == [0, 0]
    assert world.violations() == []


def test_a_share_that_could_not_be_managed_costs_nothing(world: Running) -> None:
    """Whichever way it goes, no quota is given back that was never taken."""
    world.share()
    one = take_over(world, export_path="192.0.2.10:/fake/other")
    shares.delete(world.env, ADMIN, one.id, force=True)
    world.settle()
    two = take_over(world, export_path="192.0.2.10:/fake/other")
    let_go(world, two)
    assert world.is_gone(one.id) and world.is_gone(two.id)
    assert world.used("shares", "gigabytes") == [1, 1]
    assert world.violations() == []


@pytest.mark.parametrize("limit", ["provisioning:max_share_size", "provisioning:min_share_size"])
def test_manage_obeys_the_limits_of_the_type(world: Running, limit: str) -> None:
    world.type("limited", {**SPECS, limit: "3" if "max" in limit else "5"})
    share = take_over(world, share_type="limited")
    assert (share.status, world.used("shares")) == ("manage_error", [0])
    let_go(world, share)
    assert world.is_gone(share.id)


def test_manage_is_not_limited_by_quota(world: Running) -> None:
    from abaca.store import quotas

    with world.store.transaction() as tx:
        quotas.set_limits(tx, (ADMIN.project_id, "", ""), {"shares": 0, "gigabytes": 0})
    assert take_over(world).status == "available"
    assert world.used("shares", "gigabytes") == [1, 4]


@pytest.mark.parametrize("value", [{}, {"size": 0}, {"size": "4"}, None, {"size": -1}])
def test_manage_with_a_strange_answer(world: Running, value: object) -> None:
    world.answers("manage_existing", value)
    assert take_over(world).status == "manage_error"
    assert world.violations() == []


def test_manage_of_a_type_for_another_mode(world: Running) -> None:
    """The type is changed after the request was taken."""
    type_id = world.type("servers", SPECS)
    fault = world.array.set_fault("create_share", "block")
    share = world.look(take_over(world, share_type="servers").id)
    assert share.status == "available"
    let_go(world, share)
    world.array.clear_faults(fault)
    with world.store.transaction() as tx:
        types.set_specs(tx, type_id, {"driver_handles_share_servers": "maybe"})
    assert take_over(world, share_type="servers").status == "manage_error"


def test_contact_is_lost(world: Running) -> None:
    world.array.set_fault("manage_existing", "lost")
    share = take_over(world)
    assert (share.status, share.size) == ("available", 4)
    world.array.set_fault("unmanage", "lost")
    let_go(world, share)
    assert world.is_gone(share.id)
    assert world.violations() == []


@pytest.mark.parametrize("name", ["UnmanageInvalidShare", "RuntimeError"])
def test_unmanage_that_the_backend_refuses(world: Running, name: str) -> None:
    share = take_over(world)
    world.array.set_fault("unmanage", "error", name=name)
    let_go(world, share)
    assert world.look(share.id).status == "unmanage_error"
    assert world.used("shares", "gigabytes") == [1, 4]
    assert world.violations() == []
    let_go(world, share)
    assert world.is_gone(share.id)


def allow(world: Running, share: Share) -> None:
    access.allow(world.env, ADMIN, share.id, access_type="ip", access_to="10.0.0.1")
    world.settle()


def test_clients_of_a_share_that_is_managed_again_are_those_of_the_list(world: Running) -> None:
    share = take_over(world)
    access.allow(world.env, USER, share.id, access_type="ip", access_to="10.0.0.1")
    world.settle()
    let_go(world, share)
    again = take_over(world)
    assert world.array.rules(again.instance_id) == []
    rules, _ = access.of_share(world.env, ADMIN, again.id)
    assert rules == []
    assert world.violations() == []


def test_clients_stay(world: Running) -> None:
    share = take_over(world)
    allow(world, share)
    let_go(world, share)
    assert len(world.array.rules(share.instance_id)) == 1


class TestRulesAreRemoved:
    @pytest.fixture
    def options(self) -> dict[str, Any]:
        return {"unmanage_remove_access_rules": True}

    def test_of_a_share(self, world: Running) -> None:
        share = take_over(world)
        allow(world, share)
        let_go(world, share)
        assert world.is_gone(share.id)
        assert world.array.rules(share.instance_id) == []

    def test_of_a_share_in_vain(self, world: Running) -> None:
        share = take_over(world)
        allow(world, share)
        world.array.set_fault("update_access", "error", name="ShareBackendException")
        let_go(world, share)
        assert world.look(share.id).status == "unmanage_error"

    def test_of_a_snapshot(self, world: Running) -> None:
        snapshot = world.snapshot(world.share())
        snapshot_access.allow(world.env, USER, snapshot.id, access_type="ip", access_to="10.0.0.1")
        world.settle()
        world.array.set_fault("snapshot_update_access", "error", name="ShareBackendException")
        let_snapshot_go(world, snapshot)
        assert world.look_at(snapshot.id).status == "unmanage_error"
        let_snapshot_go(world, snapshot)
        assert world.is_gone(snapshot.id)
        assert world.array.rules(snapshot.instance_id) == []


# --- snapshots ------------------------------------------------------------------------------------
def let_snapshot_go(world: Running, snapshot: Snapshot) -> None:
    snapshots_state.unmanage(world.env, ADMIN, snapshot.id)
    world.settle()


def take_snapshot_over(world: Running, share: Share, location: str, **given: Any) -> Snapshot:
    made = snapshots_state.manage(world.env, ADMIN, share.id, location, **given)
    world.settle()
    return world.look_at(made.id)


def test_a_snapshot(world: Running) -> None:
    share = world.share(size=2)
    first = world.snapshot(share)
    assert first.provider_location is not None
    let_snapshot_go(world, first)
    assert world.is_gone(first.id)
    assert world.array.snapshots()[first.instance_id]["managed"] == 0
    assert world.used("snapshots", "snapshot_gigabytes") == [0, 0]
    again = take_snapshot_over(world, share, first.provider_location, metadata={"k": "v"})
    assert (again.status, again.size, again.progress) == ("available", 2, "100%")
    assert again.metadata == {"k": "v", "__managed_at": again.created_at}
    assert list(world.array.snapshots()) == [again.instance_id]
    assert world.used("snapshots", "snapshot_gigabytes") == [1, 2]
    assert world.violations() == []
    snapshots.delete(world.env, ADMIN, again.id)
    world.settle()
    assert world.used("snapshots", "snapshot_gigabytes") == [0, 0]
    assert world.violations() == []


def test_a_snapshot_that_is_not_there(world: Running) -> None:
    snapshot = take_snapshot_over(world, world.share(), "/fake/nowhere")
    assert (snapshot.status, snapshot.known_size) == ("manage_error", 1)
    assert world.used("snapshots", "snapshot_gigabytes") == [0, 0]
    assert world.violations() == []
    let_snapshot_go(world, snapshot)
    assert world.is_gone(snapshot.id)
    assert world.used("snapshots", "snapshot_gigabytes") == [0, 0]


def test_a_snapshot_whose_size_the_driver_does_not_tell(world: Running) -> None:
    driver = world.manager.backends[0].driver
    driver.manage_existing_snapshot = lambda snapshot, options: None  # type: ignore[method-assign]
    snapshot = take_snapshot_over(world, world.share(size=3), "/fake/x")
    assert (snapshot.status, snapshot.size) == ("available", 3)
    assert snapshot.provider_location == "/fake/x"
    world.array.set_fault("delete_snapshot", "error", name="SnapshotResourceNotFound")
    snapshots.delete(world.env, ADMIN, snapshot.id)


def test_unmanage_of_a_snapshot_that_the_backend_refuses(world: Running) -> None:
    snapshot = world.snapshot(world.share())
    world.array.set_fault("unmanage_snapshot", "error", name="UnmanageInvalidShareSnapshot")
    let_snapshot_go(world, snapshot)
    assert world.look_at(snapshot.id).status == "unmanage_error"
    assert world.used("snapshots") == [1]
    assert world.violations() == []
