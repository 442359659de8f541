"""Snapshots end to end: a real manager, a simulated array, and what may go wrong between them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from abaca.model.errors import RequestError
from abaca.model.snapshots import Snapshot
from abaca.service import snapshot_access, snapshots, snapshots_state
from abaca.store import snapshots as store_of
from abaca.store.engine import Store
from support.running import ADMIN, USER, Running, running


@pytest.fixture
def world(store: Store, tmp_path: Path) -> Iterator[Running]:
    with running(store, tmp_path / "array") as world:
        yield world
        world.settle()


def locations(world: Running, snapshot: Snapshot) -> list[str]:
    with world.store.read() as tx:
        return [found.path for found in store_of.locations_of(tx, [snapshot.instance_id])]


def delete(world: Running, snapshot: Snapshot, *, force: bool = False) -> None:
    snapshots.delete(world.env, ADMIN, snapshot.id, force=force)
    world.settle()


# --- create and delete ----------------------------------------------------------------------------
def test_create_and_delete(world: Running) -> None:
    share = world.share(size=2)
    snapshot = world.snapshot(share)
    assert (snapshot.status, snapshot.progress) == ("available", "100%")
    there = world.array.snapshots()[snapshot.instance_id]
    assert snapshot.provider_location == there["path"]
    assert len(locations(world, snapshot)) == 2
    assert world.used("snapshots", "snapshot_gigabytes") == [1, 2]
    assert world.violations() == []
    delete(world, snapshot)
    assert world.is_gone(snapshot.id)
    assert world.array.snapshots() == {}
    assert world.used("snapshots", "snapshot_gigabytes") == [0, 0]
    assert world.violations() == []


def test_only_mountable_snapshots_are_exported(world: Running) -> None:
    world.type("plain", {"driver_handles_share_servers": "False", "snapshot_support": "True"})
    snapshot = world.snapshot(world.share(share_type="plain"))
    assert snapshot.status == "available"
    assert locations(world, snapshot) == []


def test_create_that_the_backend_refuses(world: Running) -> None:
    share = world.share()
    world.array.set_fault("create_snapshot", "error", name="ShareBackendException")
    snapshot = world.snapshot(share)
    assert snapshot.status == "error"
    assert world.told(snapshot.id) == [("002", "001")]
    assert world.used("snapshots") == [1]
    assert world.violations() == []
    delete(world, snapshot)
    assert world.is_gone(snapshot.id)
    assert world.used("snapshots", "snapshot_gigabytes") == [0, 0]


@pytest.mark.parametrize("kind", ["lost", "error"])
def test_create_is_tried_again_when_contact_is_lost(world: Running, kind: str) -> None:
    share = world.share()
    world.array.set_fault("create_snapshot", kind, times=2, name="StorageCommunicationException")
    snapshot = world.snapshot(share)
    assert snapshot.status == "available"
    assert len(world.array.snapshots()) == 1
    assert world.told(snapshot.id) == []
    assert world.violations() == []


@pytest.mark.parametrize("value", [{"status": "error"}, {"status": "creating"}, 5, ["x"]])
def test_create_with_a_strange_answer(world: Running, value: object) -> None:
    share = world.share()
    world.answers("create_snapshot", value)
    snapshot = world.snapshot(share)
    assert snapshot.status == "error"
    delete(world, snapshot)
    assert (world.is_gone(snapshot.id), world.array.snapshots()) == (True, {})


def test_delete_of_what_is_gone_already(world: Running) -> None:
    snapshot = world.snapshot(world.share())
    world.array.remove(snapshot.instance_id)
    world.array.set_fault("delete_snapshot", "error", name="SnapshotResourceNotFound")
    delete(world, snapshot)
    assert world.is_gone(snapshot.id)
    assert world.violations() == []


def test_delete_that_the_backend_refuses(world: Running) -> None:
    snapshot = world.snapshot(world.share())
    world.array.set_fault("delete_snapshot", "error", name="ShareSnapshotIsBusy")
    delete(world, snapshot)
    assert world.look_at(snapshot.id).status == "error_deleting"
    assert world.told(snapshot.id) == [("007", "001")]
    assert world.used("snapshots") == [1]
    delete(world, snapshot, force=True)
    assert (world.is_gone(snapshot.id), world.array.snapshots()) == (True, {})
    assert world.violations() == []


def test_force_delete_removes_the_row_in_any_case(world: Running) -> None:
    snapshot = world.snapshot(world.share())
    world.array.set_fault("delete_snapshot", "error", name="ShareSnapshotIsBusy")
    delete(world, snapshot, force=True)
    assert world.is_gone(snapshot.id)
    assert world.used("snapshots", "snapshot_gigabytes") == [0, 0]
    assert world.operations(snapshot.id)[-1].state == "failed"


def test_force_delete_while_it_is_being_created(world: Running) -> None:
    """The creation ends, then what it made is deleted: nothing is left on the array."""
    share = world.share()
    fault = world.array.set_fault("create_snapshot", "block")
    made = snapshots.create(world.env, USER, share.id)
    snapshots.delete(world.env, ADMIN, made.id, force=True)
    world.array.clear_faults(fault)
    world.settle()
    assert (world.is_gone(made.id), world.array.snapshots()) == (True, {})
    assert world.used("snapshots", "snapshot_gigabytes") == [0, 0]
    assert world.violations() == []


def test_reset_while_it_is_being_created(world: Running) -> None:
    share = world.share()
    fault = world.array.set_fault("create_snapshot", "block")
    made = snapshots.create(world.env, USER, share.id)
    snapshots_state.reset_status(world.env, ADMIN, made.id, "error")
    world.array.clear_faults(fault)
    world.settle()
    assert world.look_at(made.id).status == "error"
    delete(world, world.look_at(made.id))
    assert (world.is_gone(made.id), world.array.snapshots()) == (True, {})


def test_a_clone(world: Running) -> None:
    share = world.share(size=2)
    world.array.write_file(share.instance_id, "f", b"data")
    snapshot = world.snapshot(share)
    clone = world.share(size=3, snapshot_id=snapshot.id)
    assert (clone.status, clone.size, clone.snapshot_id) == ("available", 3, snapshot.id)
    assert world.array.read_file(clone.instance_id, "f") == b"data"
    assert world.violations() == []


def test_a_snapshot_is_not_deleted_under_a_clone(world: Running) -> None:
    snapshot = world.snapshot(world.share())
    fault = world.array.set_fault("create_share_from_snapshot", "block")
    from abaca.service import shares_create

    wanted = shares_create.NewShare(share_proto="NFS", snapshot_id=snapshot.id)
    clone = shares_create.create(world.env, USER, wanted)
    for force in (False, True):
        with pytest.raises(RequestError):
            snapshots.delete(world.env, ADMIN, snapshot.id, force=force)
    world.array.clear_faults(fault)
    world.settle()
    assert world.look(clone.id).status == "available"
    delete(world, snapshot)
    assert world.is_gone(snapshot.id)


# --- rules ----------------------------------------------------------------------------------------
def allow(world: Running, snapshot: Snapshot, to: str) -> str:
    rule = snapshot_access.allow(world.env, USER, snapshot.id, access_type="ip", access_to=to)
    return rule.id


def states(world: Running, snapshot: Snapshot) -> dict[str, str]:
    rules = snapshot_access.of_snapshot(world.env, USER, snapshot.id)
    return {rule.access_to: rule.state for rule in rules}


def in_force(world: Running, snapshot: Snapshot) -> list[tuple[str, str]]:
    rules = world.array.rules(snapshot.instance_id)
    return sorted((rule["access_to"], rule["access_level"]) for rule in rules)


def test_rules(world: Running) -> None:
    snapshot = world.snapshot(world.share())
    one = allow(world, snapshot, "10.0.0.1")
    allow(world, snapshot, "10.0.0.2")
    world.settle()
    assert states(world, snapshot) == {"10.0.0.1": "active", "10.0.0.2": "active"}
    assert in_force(world, snapshot) == [("10.0.0.1", "ro"), ("10.0.0.2", "ro")]
    snapshot_access.deny(world.env, USER, snapshot.id, one)
    world.settle()
    assert states(world, snapshot) == {"10.0.0.2": "active"}
    assert in_force(world, snapshot) == [("10.0.0.2", "ro")]
    assert world.violations() == []
    delete(world, snapshot)
    assert world.is_gone(snapshot.id)
    assert world.array.rules(snapshot.instance_id) == []


def test_rules_that_the_backend_refuses(world: Running) -> None:
    snapshot = world.snapshot(world.share())
    world.array.set_fault("snapshot_update_access", "error", name="InvalidSnapshotAccess")
    rule = allow(world, snapshot, "10.0.0.1")
    world.settle()
    assert states(world, snapshot) == {"10.0.0.1": "error"}
    assert world.told(snapshot.id) == [("010", "001")]
    snapshot_access.deny(world.env, USER, snapshot.id, rule)
    world.settle()
    assert (states(world, snapshot), in_force(world, snapshot)) == ({}, [])
    assert world.violations() == []


def test_a_rule_denied_while_it_is_applied(world: Running) -> None:
    snapshot = world.snapshot(world.share())
    fault = world.array.set_fault("snapshot_update_access", "block", when="after")
    rule = allow(world, snapshot, "10.0.0.1")
    while states(world, snapshot) != {"10.0.0.1": "applying"}:
        pass
    snapshot_access.deny(world.env, USER, snapshot.id, rule)
    world.array.clear_faults(fault)
    world.settle()
    assert (states(world, snapshot), in_force(world, snapshot)) == ({}, [])


def test_delete_goes_on_when_rules_cannot_be_removed(world: Running) -> None:
    snapshot = world.snapshot(world.share())
    allow(world, snapshot, "10.0.0.1")
    world.settle()
    world.array.set_fault("snapshot_update_access", "error", name="ShareBackendException")
    delete(world, snapshot)
    assert (world.is_gone(snapshot.id), world.array.snapshots()) == (True, {})
    assert world.array.rules(snapshot.instance_id) == []
