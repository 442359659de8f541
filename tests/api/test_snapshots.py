"""Snapshots over HTTP: create, show, update, delete, and their metadata."""

from __future__ import annotations

from typing import Any

import pytest

from abaca.store import quotas
from abaca.store.engine import Store
from api.snapshot_world import NASTY, NOWHERE, SnapshotWorld
from support.shares import PROJECT


@pytest.fixture
def world(store: Store) -> SnapshotWorld:
    return SnapshotWorld(store)


# --- create ---------------------------------------------------------------------------------------
def test_create_answers_at_once_and_leaves_the_work_to_its_operation(world: SnapshotWorld) -> None:
    share = world.share(size=3)
    snapshot = world.take(share, name="a", description="b\nc", metadata={"k": "v"})
    assert snapshot["status"] == "creating"
    assert (snapshot["name"], snapshot["description"]) == ("a", "b\nc")
    assert (snapshot["size"], snapshot["share_size"], snapshot["share_proto"]) == (3, 3, "NFS")
    assert (snapshot["share_id"], snapshot["project_id"]) == (share, PROJECT)
    assert snapshot["metadata"] == {"k": "v"}
    assert world.show(snapshot["id"])["snapshot"] == snapshot
    operation = world.operation(snapshot["id"])
    assert (operation.kind, operation.host) == ("create_snapshot", "node@local")
    assert operation.resource_type == "SHARE_SNAPSHOT"
    assert world.charged() == (1, 3)


def test_the_old_names_of_name_and_description(world: SnapshotWorld) -> None:
    made = world.take(world.share(), display_name="n", display_description="d")
    assert (made["name"], made["description"]) == ("n", "d")


def test_fields_by_version(world: SnapshotWorld) -> None:
    snapshot = world.taken(world.share())
    first = {
        "id", "share_id", "share_size", "created_at", "status", "name", "description", "size",
        "share_proto", "links",
    }  # fmt: skip
    for version, more in (
        ("2.0", set()),
        ("2.16", set()),
        ("2.17", {"user_id", "project_id"}),
        ("2.72", {"user_id", "project_id"}),
        ("2.73", {"user_id", "project_id", "metadata"}),
    ):
        assert set(world.show(snapshot, version=version)["snapshot"]) == first | more
    assert "provider_location" in world.show(snapshot, world.admin, "2.12")["snapshot"]
    assert "provider_location" not in world.show(snapshot, world.admin, "2.11")["snapshot"]


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"share_id": NOWHERE}, 404),
        ({"share_id": "nowhere"}, 400),
        ({"share_id": None}, 400),
        ({"name": "x" * 256}, 400),
        ({"name": "x" * 255}, 202),
        ({"name": None, "description": None}, 202),
        ({"name": "a\x00"}, 400),
        ({"name": 5}, 400),
        ({"description": "x" * 256}, 400),
        ({"metadata": {"": "v"}}, 400),
        ({"metadata": {"k": ""}}, 400),
        ({"metadata": {"k": 1}}, 400),
        ({"metadata": {"k" * 256: "v"}}, 400),
        ({"metadata": {"k": "v" * 1024}}, 400),
        ({"metadata": []}, 400),
        ({"metadata": None}, 202),
        ({"force": True, "unknown": 1}, 202),
    ],
)
def test_create_bad_and_good_input(world: SnapshotWorld, given: Any, status: int) -> None:
    body = {"snapshot": {"share_id": world.share(), **given}}
    answer = world.member("POST", "/snapshots", body)
    assert answer.status == status, answer.json
    assert world.charged() == ((1, 1) if status == 202 else (0, 0))


def test_create_needs_a_share(world: SnapshotWorld) -> None:
    """The incumbent answers 500 without share_id."""
    answer = world.member("POST", "/snapshots", {"snapshot": {}})
    assert (answer.status, "share_id" in answer.message) == (400, True)
    for body in ({}, {"snapshot": None}, {"snapshot": []}, {"share": {}}):
        assert world.member("POST", "/snapshots", body).status == 422
    for body in (None, [], "text"):
        assert world.member("POST", "/snapshots", body).status == 400


def test_create_refuses_shares_that_are_not_available(world: SnapshotWorld) -> None:
    share = world.share()
    for status in ("creating", "error", "deleting", "extending", "reverting", "ensuring"):
        world.settle(share, status)
        answer = world.member("POST", "/snapshots", {"snapshot": {"share_id": share}})
        assert (answer.status, status in answer.message) == (400, True)
    world.settle(share)
    world.set(share, task_state="migration_in_progress")
    answer = world.member("POST", "/snapshots", {"snapshot": {"share_id": share}})
    assert (answer.status, world.charged()) == (400, (0, 0))


def test_create_refuses_types_without_snapshots(world: SnapshotWorld) -> None:
    world.type("plain", {"driver_handles_share_servers": "False"})
    body = {"snapshot": {"share_id": world.share(share_type="plain")}}
    answer = world.member("POST", "/snapshots", body)
    assert (answer.status, "snapshot_support" in answer.message) == (422, True)


def test_create_refuses_the_recycle_bin(world: SnapshotWorld) -> None:
    share = world.share()
    assert world.member.act(share, "soft_delete").status == 202
    answer = world.member("POST", "/snapshots", {"snapshot": {"share_id": share}})
    assert answer.status == 403


def test_create_is_limited_by_quota(world: SnapshotWorld) -> None:
    share = world.share(size=3)
    for limit, word in (({"snapshots": 0}, "snapshots"), ({"snapshot_gigabytes": 2}, "gigabytes")):
        with world.store.transaction() as tx:
            quotas.delete_limits(tx, (PROJECT, "", ""))
            quotas.set_limits(tx, (PROJECT, "", ""), limit)
        answer = world.member("POST", "/snapshots", {"snapshot": {"share_id": share}})
        assert (answer.status, word in answer.message) == (413, True)
        assert world.charged() == (0, 0)
        assert world.member.get("/snapshots")["snapshots"] == []


def test_who_may_create(world: SnapshotWorld) -> None:
    share = world.share()
    body = {"snapshot": {"share_id": share}}
    assert world.reader("POST", "/snapshots", body).status == 403
    assert world.stranger("POST", "/snapshots", body).status == 404
    world.set(share, is_public=True)
    assert world.stranger("POST", "/snapshots", body).status == 403
    assert world.admin("POST", "/snapshots", body).status == 202
    assert world.charged() == (0, 0)
    assert world.charged("cccc3333") == (1, 1)  # whoever asks owns it, and pays


# --- show and update ------------------------------------------------------------------------------
def test_a_snapshot_of_others_does_not_exist(world: SnapshotWorld) -> None:
    snapshot = world.taken(world.share())
    path = f"/snapshots/{snapshot}"
    assert world.show(snapshot, world.reader).status == 200
    assert world.show(snapshot, world.stranger).status == 404
    for who, id in ((world.stranger, snapshot), (world.member, NOWHERE), (world.member, "x")):
        path = f"/snapshots/{id}"
        assert who("PUT", path, {"snapshot": {"display_name": "x"}}).status == 404
        assert who("DELETE", path).status == 404
        assert who.get(f"{path}/metadata").status == 404
        assert who.get(f"{path}/access-list").status == 404
        assert who.get(f"{path}/export-locations").status == 404
        assert world.do(id, "deny_access", {"access_id": NOWHERE}, who).status == 404
    for word in ("reset_status", "force_delete", "unmanage", "allow_access"):
        assert world.do(NOWHERE, word, {"status": "error"}).status == 404


def test_update(world: SnapshotWorld) -> None:
    snapshot = world.taken(world.share(), name="a", description="b")
    path = f"/snapshots/{snapshot}"

    def put(given: Any) -> Any:
        return world.member("PUT", path, {"snapshot": given})

    changed = put({"display_name": "n"})["snapshot"]
    assert (changed["name"], changed["description"]) == ("n", "b")
    changed = put({"name": "from openstacksdk", "description": "c"})["snapshot"]
    assert (changed["name"], changed["description"]) == ("from openstacksdk", "c")
    both = {"display_description": None, "description": "x", "display_name": "n", "name": "y"}
    changed = put(both)["snapshot"]
    assert (changed["name"], changed["description"]) == ("n", None)
    assert put({}).status == 200
    assert put({"display_name": "x" * 256}).status == 400
    assert put({"display_name": "a\x00"}).status == 400
    assert put(None).status == 422
    assert world.reader("PUT", path, {"snapshot": {"display_name": "x"}}).status == 403


# --- delete ---------------------------------------------------------------------------------------
def test_delete(world: SnapshotWorld) -> None:
    snapshot = world.taken(world.share())
    assert world.reader("DELETE", f"/snapshots/{snapshot}").status == 403
    assert world.member("DELETE", f"/snapshots/{snapshot}").status == 202
    assert world.show(snapshot)["snapshot"]["status"] == "deleting"
    operation = world.operation(snapshot)
    assert (operation.kind, operation.payload["force"]) == ("delete_snapshot", False)
    assert world.charged() == (1, 1)  # until it is gone
    assert world.member("DELETE", f"/snapshots/{snapshot}").status == 400


def test_delete_takes_available_and_error_only(world: SnapshotWorld) -> None:
    snapshot = world.taken(world.share())
    for status in ("creating", "error_deleting", "manage_error", "restoring", "unmanage_starting"):
        world.settle_snapshot(snapshot, status)
        answer = world.member("DELETE", f"/snapshots/{snapshot}")
        assert (answer.status, status in answer.message) == (400, True)
    world.settle_snapshot(snapshot, "error")
    assert world.member("DELETE", f"/snapshots/{snapshot}").status == 202


def test_a_snapshot_that_is_being_cloned_stays(world: SnapshotWorld) -> None:
    snapshot = world.taken(world.share())
    clone = world.create(snapshot_id=snapshot)["id"]
    for status in ("creating", "creating_from_snapshot"):
        world.settle(clone, status)
        assert "being created" in world.member("DELETE", f"/snapshots/{snapshot}").message
        assert world.do(snapshot, "force_delete").status == 400
        assert world.do(snapshot, "unmanage").status == 403
        assert world.show(snapshot)["snapshot"]["status"] == "available"
    world.settle(clone, "error")
    assert world.member("DELETE", f"/snapshots/{snapshot}").status == 202
    body = {"share": {"snapshot_id": snapshot, "size": 1, "share_proto": "NFS"}}
    assert world.member("POST", "/shares", body).status == 400


def test_a_share_with_snapshots_stays(world: SnapshotWorld) -> None:
    share = world.share()
    snapshot = world.take(share)["id"]
    assert world.member("DELETE", f"/shares/{share}").status == 403
    world.settle_snapshot(snapshot)
    assert world.member("DELETE", f"/shares/{share}").status == 403


# --- metadata -------------------------------------------------------------------------------------
def test_metadata(world: SnapshotWorld) -> None:
    path = f"/snapshots/{world.taken(world.share(), metadata={'a': '1'})}/metadata"
    member = world.member
    assert member.get(path).json == {"metadata": {"a": "1"}}
    # an answer to a change holds what was sent; the stored set is merged
    assert member("POST", path, {"metadata": {"b": "2"}}).json == {"metadata": {"b": "2"}}
    assert member.get(path)["metadata"] == {"a": "1", "b": "2"}
    assert member("PUT", path, {"metadata": {"c": "3"}}).json == {"metadata": {"c": "3"}}
    assert member.get(path)["metadata"] == {"c": "3"}
    assert member.get(f"{path}/c").json == {"meta": {"c": "3"}}
    assert member("POST", f"{path}/c", {"metadata": {"c": "4"}}).json == {"metadata": {"c": "4"}}
    assert member.get(f"{path}/c").json == {"meta": {"c": "4"}}
    gone = member("DELETE", f"{path}/c")
    assert (gone.status, gone.json) == (200, None)
    assert member("DELETE", f"{path}/c").status == 404
    assert member.get(f"{path}/c").status == 404
    assert member("PUT", path, {"metadata": {}}).json == {"metadata": {}}


def test_bad_metadata(world: SnapshotWorld) -> None:
    path = f"/snapshots/{world.taken(world.share(), metadata={'a': '1'})}/metadata"
    wrong: list[Any] = [
        None, {}, [], {"metadata": None}, {"metadata": []}, {"metadata": {"": "v"}},
        {"metadata": {"k": ""}}, {"metadata": {"k": " "}}, {"metadata": {"k": 1}},
        {"metadata": {"k": None}}, {"metadata": {"k" * 256: "v"}},
        {"metadata": {"k": "v" * 1024}}, {"metadata": {"k\x00": "v"}},
    ]  # fmt: skip
    for body in wrong:
        for method in ("POST", "PUT"):
            assert world.member(method, path, body).status == 400, body
    for body in ({"metadata": {"b": "1"}}, {"metadata": {"a": "1", "b": "2"}}, {"metadata": {}}):
        assert world.member("POST", f"{path}/a", body).status == 400
    assert world.member.get(path)["metadata"] == {"a": "1"}


def test_who_may_change_metadata(world: SnapshotWorld) -> None:
    path = f"/snapshots/{world.taken(world.share())}/metadata"
    assert world.reader.get(path).status == 200
    assert world.reader("POST", path, {"metadata": {"a": "1"}}).status == 403
    assert world.reader("DELETE", f"{path}/a").status == 403
    assert world.stranger("POST", path, {"metadata": {"a": "1"}}).status == 404
    assert world.member.get(path, version="2.72").status == 404


# --- whatever comes -------------------------------------------------------------------------------
def test_nothing_makes_an_error_of_ours(world: SnapshotWorld) -> None:
    share = world.share()
    snapshot = world.taken(share)
    for nasty in NASTY:
        for given in (
            {"share_id": nasty},
            {"share_id": share, "name": nasty},
            {"share_id": share, "description": nasty},
            {"share_id": share, "metadata": {"k": nasty}},
            {"share_id": share, "metadata": nasty},
        ):
            assert world.member("POST", "/snapshots", {"snapshot": given}).status < 500
        assert world.member("POST", "/snapshots", {"snapshot": nasty}).status < 500
        for given in ({"display_name": nasty}, {"display_description": nasty}):
            path = f"/snapshots/{snapshot}"
            assert world.member("PUT", path, {"snapshot": given}).status < 500
        answer = world.member(
            "POST", f"/snapshots/{snapshot}/metadata", {"metadata": {str(nasty): "v"}}
        )
        assert answer.status < 500
