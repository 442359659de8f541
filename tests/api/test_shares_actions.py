"""Actions on shares: sizes, revert, statuses by hand, the recycle bin."""

from __future__ import annotations

from typing import Any

import pytest

from abaca.store import quotas, services, shares, snapshots
from abaca.store.engine import Store
from support.shares import Answer, World

NOBODY = "11111111-1111-4111-8111-111111111111"


@pytest.fixture
def world(store: Store) -> World:
    return World(store)


def status(world: World, share: str) -> str:
    return str(world.admin.get(f"/shares/{share}")["share"]["status"])


def booked(world: World) -> int:
    with world.store.read() as tx:
        return services.pools_all(tx)[0].allocated_gb


# --- extend ---------------------------------------------------------------------------------------
@pytest.mark.parametrize(("word", "version"), [("os-extend", "2.6"), ("extend", "2.7")])
def test_extend(world: World, word: str, version: str) -> None:
    share = world.share(size=2)
    assert world.member.act(share, word, {"new_size": "5"}, version=version).status == 202
    operation = world.operation(share)
    assert (operation.kind, operation.host) == ("extend_share", "node@local")
    assert (operation.payload["old_size"], operation.payload["new_size"]) == (2, 5)
    assert status(world, share) == "extending"
    assert world.used() == {"shares": 1, "gigabytes": 5}
    assert booked(world) == 3


SIZES: list[tuple[Any, int]] = [
    (0, 400), (-1, 400), (2, 400), (1, 400), (10**12, 400), (2**31, 400), (2**64, 400),
    ("3", 202), (1.5, 400), ("x", 400), (None, 400), (True, 400), ([3], 400), ({}, 400),
    (1001, 403),
]  # fmt: skip


@pytest.mark.parametrize(("size", "code"), SIZES)
def test_extend_input(world: World, size: Any, code: int) -> None:
    share = world.share(size=2)
    answer = world.member.act(share, "extend", {"new_size": size})
    assert answer.status == code, answer.json
    if code != 202:
        assert world.operations(share) == []
        assert world.used() == {"shares": 1, "gigabytes": 2}
        assert booked(world) == 0
        assert status(world, share) == "available"


def test_extend_refuses(world: World) -> None:
    share = world.share()
    more = {"new_size": 2}
    assert world.member.act(share, "extend", {}).status == 400
    assert world.member.act(share, "extend", None).status == 400
    assert world.member.act(share, "os-extend", more).status == 404
    assert world.reader.act(share, "extend", more).status == 403
    assert world.stranger.act(share, "extend", more).status == 404
    assert world.member.act(share, "extend", {**more, "force": True}).status == 403
    assert world.member.act(share, "extend", {**more, "force": "perhaps"}).status == 400
    world.settle(share, "error")
    assert world.member.act(share, "extend", more).status == 400


def test_forced_extend_is_for_admins_since_2_64(world: World) -> None:
    share = world.share()
    given = {"new_size": 2, "force": True}
    assert world.admin.act(share, "extend", given).status == 202
    assert world.operation(share).payload["force"] is True
    world.settle(share)
    assert world.member.act(share, "extend", given, version="2.63").status == 202
    assert "force" not in world.operation(share).payload


def test_how_far_a_type_lets_extend(world: World) -> None:
    specs = {"provisioning:max_share_size": "3", "provisioning:max_share_extend_size": "5"}
    world.type("small", {"driver_handles_share_servers": "False", **specs})
    share = world.share(share_type="small")
    assert world.member.act(share, "extend", {"new_size": 4}).status == 400
    assert world.admin.act(share, "extend", {"new_size": 6}).status == 400
    assert world.admin.act(share, "extend", {"new_size": 4}).status == 202


@pytest.mark.parametrize("of", ["project", "user", "type"])
def test_the_limit_of_one_share(world: World, of: str) -> None:
    share = world.share()
    user = world.member.user if of == "user" else ""
    kind = world.type_id if of == "type" else ""
    with world.store.transaction() as tx:
        quotas.set_limits(tx, (world.member.project, user, kind), {"per_share_gigabytes": 4})
    assert world.member.act(share, "extend", {"new_size": 4}).status == 202
    world.settle(share)
    assert world.member.act(share, "extend", {"new_size": 5}).status == 413
    body = {"share": {"size": 5, "share_proto": "NFS"}}
    assert world.member("POST", "/shares", body).status == 413


# --- shrink ---------------------------------------------------------------------------------------
@pytest.mark.parametrize(("word", "version"), [("os-shrink", "2.6"), ("shrink", "2.7")])
def test_shrink(world: World, word: str, version: str) -> None:
    share = world.share(size=5)
    assert world.member.act(share, word, {"new_size": 2}, version=version).status == 202
    assert world.operation(share).kind == "shrink_share"
    assert status(world, share) == "shrinking"
    assert world.used()["gigabytes"] == 5  # until the backend has let go


@pytest.mark.parametrize("size", [0, -1, 5, 6, 10**12, "x", 1.5, None])
def test_shrink_input(world: World, size: Any) -> None:
    share = world.share(size=5)
    assert world.member.act(share, "shrink", {"new_size": size}).status == 400
    assert world.operations(share) == []


def test_shrink_refuses(world: World) -> None:
    share = world.share(size=5)
    less = {"new_size": 2}
    assert world.reader.act(share, "shrink", less).status == 403
    world.settle(share, "extending_error")
    assert world.member.act(share, "shrink", less).status == 400
    world.settle(share, "shrinking_possible_data_loss_error")
    assert world.member.act(share, "shrink", less).status == 202


# --- revert ---------------------------------------------------------------------------------------
def revert(world: World, share: str, snapshot: str, **options: Any) -> Answer:
    return world.member.act(share, "revert", {"snapshot_id": snapshot}, **options)


def test_revert(world: World) -> None:
    share = world.share(size=2)
    snapshot = world.snapshot(share, size=3)
    assert revert(world, share, snapshot, version="2.26").status == 404
    assert revert(world, share, snapshot, version="2.27").status == 202
    operation = world.operation(share)
    assert operation.kind == "revert_to_snapshot"
    assert operation.payload["snapshot_id"] == snapshot
    assert (operation.payload["old_size"], operation.payload["new_size"]) == (2, 3)
    assert status(world, share) == "reverting"
    with world.store.read() as tx:
        found = snapshots.get(tx, snapshot)
    assert found is not None
    assert (found.status, found.operation_id) == ("restoring", operation.id)
    assert world.used()["gigabytes"] == 3


def test_a_revert_called_off_gives_everything_back(world: World) -> None:
    share = world.share(size=2)
    snapshot = world.snapshot(share, size=3)
    assert revert(world, share, snapshot).status == 202
    assert world.admin.act(share, "reset_status", {"status": "error"}).status == 202
    assert world.operations(share) == []
    assert world.used()["gigabytes"] == 2
    assert booked(world) == 0
    with world.store.read() as tx:
        found = snapshots.get(tx, snapshot)
    assert found is not None
    assert (found.status, found.operation_id) == ("available", None)


def test_revert_refuses(world: World) -> None:
    share, other = world.share(), world.share()
    first = world.snapshot(share)
    assert revert(world, share, NOBODY).status == 400
    assert revert(world, share, "x").status == 400
    assert revert(world, other, first).status == 400
    newer = world.snapshot(share)
    assert revert(world, share, first).status == 409
    with world.store.transaction() as tx:
        found = snapshots.get(tx, newer)
        assert found is not None
        snapshots.update_instance(tx, found.instance_id, status="error")
    assert revert(world, share, newer).status == 409
    with world.store.transaction() as tx:
        snapshots.update_instance(tx, found.instance_id, status="available")
        instance = shares.instances(tx, share)[0]
        shares.update_instance(tx, instance.id, access_rules_status="syncing")
    assert revert(world, share, newer).status == 409
    world.activate(share)
    world.settle(share, "error")
    assert revert(world, share, newer).status == 409
    world.settle(share)
    assert world.reader.act(share, "revert", {"snapshot_id": newer}).status == 403
    assert revert(world, share, newer).status == 202


def test_revert_beyond_the_quota_changes_nothing(world: World) -> None:
    share = world.share()
    snapshot = world.snapshot(share, size=2000)
    assert revert(world, share, snapshot).status == 403
    assert status(world, share) == "available"


def test_a_type_without_revert(world: World) -> None:
    world.type("plain", {"driver_handles_share_servers": "False"})
    share = world.share(share_type="plain")
    assert revert(world, share, world.snapshot(share)).status == 400


# --- by hand --------------------------------------------------------------------------------------
@pytest.mark.parametrize(("word", "version"), [("os-reset_status", "2.6"), ("reset_status", "2.7")])
def test_reset_status_calls_off_what_goes_on(world: World, word: str, version: str) -> None:
    share = world.share(size=2)
    world.member.act(share, "extend", {"new_size": 4})
    given = {"status": "error"}
    assert world.member.act(share, word, given, version=version).status == 403
    assert world.admin.act(share, word, given, version=version).status == 202
    assert status(world, share) == "error"
    assert world.operations(share) == []
    assert world.used() == {"shares": 1, "gigabytes": 2}
    assert booked(world) == 0


@pytest.mark.parametrize(
    "given",
    [None, {}, {"status": "extending"}, {"status": 1}, {"status": None}, {"os-status": "error"}],
)
def test_reset_status_input(world: World, given: Any) -> None:
    assert world.admin.act(world.share(), "reset_status", given).status == 400


def test_reset_status_of_nothing(world: World) -> None:
    assert world.admin.act(NOBODY, "reset_status", {"status": "error"}).status == 404


def test_reset_task_state(world: World) -> None:
    share = world.share()

    def reset(given: Any, **options: Any) -> Answer:
        return world.admin.act(share, "reset_task_state", given, **options)

    def shown() -> Any:
        return world.admin.get(f"/shares/{share}")["share"]["task_state"]

    state = {"task_state": "migration_error"}
    assert reset(state, version="2.95").status == 404
    assert reset(state, version="2.95", experimental=True).status == 202
    assert shown() == "migration_error"
    assert reset({"task_state": None}).status == 202
    assert shown() is None
    assert reset({"task_state": "idle"}).status == 400
    assert reset({}).status == 400
    given = {"reset_task_state": state}
    assert world.member("POST", f"/shares/{share}/action", given).status == 403


# --- the recycle bin ------------------------------------------------------------------------------
def test_into_the_recycle_bin_and_out(world: World) -> None:
    share = world.share()
    assert world.member.act(share, "restore").status == 200
    assert world.member.act(share, "soft_delete", version="2.68").status == 404
    assert world.member.act(share, "soft_delete").status == 202
    shown = world.member.get(f"/shares/{share}")["share"]
    assert shown["is_soft_deleted"] is True
    assert shown["scheduled_to_be_deleted_at"] > shown["created_at"]
    assert world.member.get("/shares")["shares"] == []
    (listed,) = world.member.get("/shares", is_soft_deleted="true")["shares"]
    assert listed["id"] == share
    assert world.member.act(share, "soft_delete").status == 403
    for word, given in (
        ("extend", {"new_size": 2}),
        ("shrink", {"new_size": 1}),
        ("allow_access", {"access_type": "ip", "access_to": "10.0.0.1"}),
    ):
        assert world.member.act(share, word, given).status == 403, word
    for word, given in (("reset_status", {"status": "error"}), ("unmanage", None)):
        assert world.admin.act(share, word, given).status == 403, word
    assert world.member.act(share, "restore").status == 202
    shown = world.member.get(f"/shares/{share}")["share"]
    assert (shown["is_soft_deleted"], shown["scheduled_to_be_deleted_at"]) == (False, None)
    assert len(world.member.get("/shares")["shares"]) == 1


def test_what_does_not_go_into_the_recycle_bin(world: World) -> None:
    share = world.share()
    assert world.reader.act(share, "soft_delete").status == 403
    world.settle(share, "extending")
    assert world.member.act(share, "soft_delete").status == 403
    world.settle(share, "error")
    snapshot = world.snapshot(share)
    assert world.member.act(share, "soft_delete").status == 403
    with world.store.transaction() as tx:
        snapshots.delete(tx, snapshot)
    assert world.member.act(share, "soft_delete").status == 202
    world.settle(share, "error_deleting")
    assert world.member.act(share, "restore").status == 403


# --- malformed ------------------------------------------------------------------------------------
@pytest.mark.parametrize("body", [{}, {"a": 1, "b": 2}, {"fly": None}, [], None, "extend"])
def test_actions_that_are_none(world: World, body: Any) -> None:
    assert world.member("POST", f"/shares/{world.share()}/action", body).status == 400
