"""Shares over HTTP: create, show, update, delete."""

from __future__ import annotations

from typing import Any

import pytest

from abaca.store.engine import Store
from support.shares import PROJECT, World


@pytest.fixture
def world(store: Store) -> World:
    return World(store)


def test_create_answers_at_once_and_leaves_the_work_to_its_operation(world: World) -> None:
    share = world.create(name="a", description="b\nc", size=3, metadata={"k": "v"})
    assert share["status"] == "creating"
    assert (share["name"], share["description"], share["size"]) == ("a", "b\nc", 3)
    assert share["metadata"] == {"k": "v"}
    assert share["share_type"] == world.type_id
    assert share["project_id"] == PROJECT
    operation = world.operation(share["id"])
    assert (operation.kind, operation.host) == ("create_share_instance", "")
    assert world.used() == {"shares": 1, "gigabytes": 3}


def test_what_create_answers_is_what_show_answers(world: World) -> None:
    zoned = {"availability_zone": "nova", "metadata": {"a": "1"}, "name": "x"}
    for given in ({}, zoned):
        for version in ("2.0", "2.8", "2.27", "2.53", "2.99"):
            body = {"share": {"size": 1, "share_proto": "nfs", **given}}
            made = world.member("POST", "/shares", body, version=version)["share"]
            shown = world.member.get(f"/shares/{made['id']}", version=version)["share"]
            assert made == shown


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"size": 0}, 400),
        ({"size": -1}, 400),
        ({"size": 10**12}, 400),
        ({"size": 2**64}, 400),
        ({"size": "1"}, 200),
        ({"size": "x"}, 400),
        ({"size": 1.5}, 400),
        ({"size": True}, 400),
        ({"size": None}, 400),
        ({"size": [1]}, 400),
        ({"size": 1001}, 413),
        ({"share_proto": "nfs"}, 200),
        ({"share_proto": "GLUSTERFS"}, 400),
        ({"share_proto": "FTP"}, 400),
        ({"share_proto": 7}, 400),
        ({"share_proto": None}, 400),
        ({"share_type": "nowhere"}, 404),
        ({"share_type": "x" * 256}, 400),
        ({"share_type": "default", "volume_type": "default"}, 400),
        ({"availability_zone": "mars"}, 404),
        ({"name": "x" * 255}, 200),
        ({"name": "x" * 256}, 400),
        ({"name": "x" * 10240}, 400),
        ({"name": "a\x00b"}, 400),
        ({"name": "a\nb"}, 400),
        ({"name": "a\x1b[31m"}, 400),
        ({"name": "$(reboot); `id` | ../../etc/passwd"}, 200),
        ({"name": 5}, 400),
        ({"name": None}, 200),
        ({"display_name": "d"}, 200),
        ({"name": "a", "display_name": "b"}, 400),
        ({"description": "x" * 256}, 400),
        ({"is_public": "maybe"}, 400),
        ({"is_public": True}, 403),
        ({"metadata": {"k": ""}}, 400),
        ({"metadata": {"": "v"}}, 400),
        ({"metadata": {"k": "\x00"}}, 400),
        ({"metadata": {"k" * 256: "v"}}, 400),
        ({"metadata": {"k": "v" * 1024}}, 400),
        ({"metadata": {"k": 1}}, 400),
        ({"metadata": ["k"]}, 400),
        ({"metadata": {"__affinity_same_host": "x"}}, 403),
        ({"snapshot_id": "no"}, 400),
        ({"snapshot_id": "11111111-1111-4111-8111-111111111111"}, 404),
        ({"share_network_id": "11111111-1111-4111-8111-111111111111"}, 404),
        ({"share_group_id": "11111111-1111-4111-8111-111111111111"}, 404),
        ({"mount_point_name": "x"}, 400),
        ({"encryption_key_ref": "11111111-1111-4111-8111-111111111111"}, 400),
        ({"encryption_key_ref": "key"}, 400),
        ({"scheduler_hints": {"same_host": "x"}}, 400),
        ({"scheduler_hints": {"same_host": "11111111-1111-4111-8111-111111111111"}}, 404),
        ({"scheduler_hints": {"only_host": ["x"]}}, 400),
        ({"scheduler_hints": "x"}, 400),
    ],
)
def test_create_bad_and_good_input(world: World, given: dict[str, Any], status: int) -> None:
    body = {"share": {"size": 1, "share_proto": "NFS", **given}}
    answer = world.member("POST", "/shares", body)
    assert answer.status == status, answer.json
    expected = 1 if status == 200 else 0
    assert world.used()["shares"] == expected
    assert len(world.member.get("/shares")["shares"]) == expected


@pytest.mark.parametrize("body", [{}, {"share": None}, {"share": []}, {"volume": {}}])
def test_a_body_without_a_share(world: World, body: Any) -> None:
    assert world.member("POST", "/shares", body).status == 422


@pytest.mark.parametrize("missing", ["size", "share_proto"])
def test_a_missing_key_is_named(world: World, missing: str) -> None:
    given = {"size": 1, "share_proto": "NFS"}
    del given[missing]
    answer = world.member("POST", "/shares", {"share": given})
    assert answer.status == 400
    assert missing in answer.message


def test_quota(world: World) -> None:
    for _ in range(50):
        world.create()
    answer = world.member("POST", "/shares", {"share": {"size": 1, "share_proto": "NFS"}})
    assert answer.status == 413
    assert "50 of 50" in answer.message


def test_type_limits(world: World) -> None:
    specs = {"driver_handles_share_servers": "False", "provisioning:max_share_size": "5"}
    world.type("small", specs | {"provisioning:min_share_size": "2"})
    for size, status in ((1, 400), (2, 200), (5, 200), (6, 400)):
        body = {"share": {"size": size, "share_proto": "NFS", "share_type": "small"}}
        assert world.member("POST", "/shares", body).status == status


def test_a_type_with_share_servers_needs_a_network(world: World) -> None:
    world.type("net", {"driver_handles_share_servers": "True"})
    body = {"share": {"size": 1, "share_proto": "NFS", "share_type": "net"}}
    assert world.member("POST", "/shares", body).status == 400


def test_a_private_type_does_not_exist_for_others(world: World) -> None:
    world.type("secret", {"driver_handles_share_servers": "False"}, is_public=False)
    body = {"share": {"size": 1, "share_proto": "NFS", "share_type": "secret"}}
    assert world.member("POST", "/shares", body).status == 404
    assert world.admin("POST", "/shares", body).status == 200


def test_zones_of_the_type_count_since_2_48(world: World) -> None:
    specs = {"driver_handles_share_servers": "False", "availability_zones": "mars"}
    world.type("martian", specs)
    given = {"size": 1, "share_proto": "NFS", "share_type": "martian", "availability_zone": "nova"}
    assert world.member("POST", "/shares", {"share": given}, version="2.47").status == 200
    assert world.member("POST", "/shares", {"share": given}, version="2.48").status == 400


def test_mount_point_names(world: World) -> None:
    specs = {"driver_handles_share_servers": "False", "mount_point_name_support": "True"}
    world.type("named", specs)
    for name, status in (("data", 200), ("data", 400), ("../x", 400), ("a b", 400), ("d-1", 200)):
        given = {"size": 1, "share_proto": "NFS", "share_type": "named", "mount_point_name": name}
        answer = world.member("POST", "/shares", {"share": given})
        assert answer.status == status, (name, answer.json)


def test_hints_are_remembered_by_both(world: World) -> None:
    first = world.share()
    second = world.create(scheduler_hints={"same_host": first, "only_host": "h@b#p"})
    assert second["metadata"] == {"__affinity_same_host": first}
    shown = world.member.get(f"/shares/{first}")["share"]
    assert shown["metadata"] == {"__affinity_same_host": second["id"]}
    assert world.operation(second["id"]).payload["hints"] == {"same_host": first}
    of_admin = world.create(world.admin, scheduler_hints={"only_host": "h@b#p"})
    assert world.operation(of_admin["id"]).payload["hints"] == {"only_host": "h@b#p"}


# --- from a snapshot ------------------------------------------------------------------------------
def test_from_a_snapshot(world: World) -> None:
    source = world.share(size=2, availability_zone="nova")
    snapshot = world.snapshot(source)
    made = world.create(snapshot_id=snapshot, size=None)
    assert (made["size"], made["snapshot_id"]) == (2, snapshot)
    assert made["availability_zone"] == "nova"
    assert world.create(snapshot_id=snapshot, size=5)["size"] == 5


@pytest.mark.parametrize("given", [{"size": 1}, {"share_proto": "CIFS"}, {"share_type": "other"}])
def test_what_a_snapshot_binds(world: World, given: dict[str, Any]) -> None:
    world.type("other", {"driver_handles_share_servers": "False"})
    snapshot = world.snapshot(world.share(size=2))
    body = {"share": {"size": 2, "share_proto": "NFS", "snapshot_id": snapshot, **given}}
    assert world.member("POST", "/shares", body).status == 400


def test_a_type_that_gives_no_shares_from_snapshots(world: World) -> None:
    world.type("plain", {"driver_handles_share_servers": "False", "snapshot_support": "True"})
    snapshot = world.snapshot(world.share(share_type="plain"))
    body = {"share": {"size": 1, "share_proto": "NFS", "snapshot_id": snapshot}}
    assert world.member("POST", "/shares", body, version="2.24").status == 400
    assert world.member("POST", "/shares", body, version="2.23").status == 200


def test_a_snapshot_of_another_project_does_not_exist(world: World) -> None:
    snapshot = world.snapshot(world.share())
    body = {"share": {"size": 1, "share_proto": "NFS", "snapshot_id": snapshot}}
    assert world.stranger("POST", "/shares", body).status == 404


# --- show -----------------------------------------------------------------------------------------
def test_who_sees_a_share(world: World) -> None:
    share = world.share()
    place = f"/shares/{share}"
    assert world.member.get(place).status == 200
    assert world.reader.get(place).status == 200
    assert world.admin.get(place).status == 200
    assert world.stranger.get(place).status == 404
    assert "host" not in world.member.get(place)["share"]
    assert world.admin.get(place)["share"]["host"] == "node@local#pool"
    world.set(share, is_public=True)
    assert world.stranger.get(place).status == 200
    assert world.stranger("DELETE", place).status == 403


def test_export_locations_in_the_body_end_at_2_8(world: World) -> None:
    place = f"/shares/{world.share()}"
    old = world.member.get(place, version="2.8")["share"]
    assert old["export_locations"] == [old["export_location"]]
    assert old["export_location"].startswith("10.0.0.1:/")
    assert len(world.admin.get(place, version="2.8")["share"]["export_locations"]) == 2
    assert "export_location" not in world.member.get(place, version="2.9")["share"]


def test_names_of_the_type(world: World) -> None:
    place = f"/shares/{world.share()}"
    old = world.member.get(place, version="2.5")["share"]
    new = world.member.get(place, version="2.6")["share"]
    assert (old["share_type"], old["volume_type"]) == ("default", "default")
    assert (new["share_type"], new["volume_type"]) == (world.type_id, "default")
    assert new["share_type_name"] == "default"


def test_old_words_for_statuses(world: World) -> None:
    share = world.share()
    world.settle(share, "creating_from_snapshot")
    place = f"/shares/{share}"
    assert world.member.get(place, version="2.53")["share"]["status"] == "creating"
    assert world.member.get(place, version="2.54")["share"]["status"] == "creating_from_snapshot"


def test_deferred_deletion_is_hidden(world: World) -> None:
    share = world.share()
    world.settle(share, "error_deferred_deleting")
    assert world.member.get(f"/shares/{share}").status == 404
    assert world.admin.get(f"/shares/{share}").status == 200


@pytest.mark.parametrize("name", ["nothing", "x" * 5000, "%00", "..", "%F0%9F%92%A9", "' OR 1=1"])
def test_ids_that_are_none(world: World, name: str) -> None:
    assert world.member.get(f"/shares/{name}").status == 404


# --- update ---------------------------------------------------------------------------------------
def test_update(world: World) -> None:
    place = f"/shares/{world.share(name='old')}"
    given = {"display_name": "new", "display_description": "text"}
    share = world.member("PUT", place, {"share": given})["share"]
    assert (share["name"], share["description"]) == ("new", "text")
    share = world.member("PUT", place, {"share": {"display_name": None, "name": "y"}})["share"]
    assert share["name"] is None
    both = {"description": "x", "display_description": "wins"}
    assert world.member("PUT", place, {"share": both})["share"]["description"] == "wins"
    share = world.member("PUT", place, {"share": {"name": "z"}})["share"]
    assert share["name"] == "z"
    assert world.member("PUT", place, {"share": {}}).status == 200


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"display_name": "x" * 256}, 400),
        ({"display_name": "a\x00"}, 400),
        ({"display_description": 5}, 400),
        ({"is_public": "maybe"}, 400),
        ({"is_public": True}, 403),
        ({"is_public": False}, 200),
        ({"size": 7}, 200),
    ],
)
def test_update_input(world: World, given: dict[str, Any], status: int) -> None:
    place = f"/shares/{world.share()}"
    assert world.member("PUT", place, {"share": given}).status == status


def test_who_updates(world: World) -> None:
    share = world.share()
    place, body = f"/shares/{share}", {"share": {"display_name": "x"}}
    assert world.reader("PUT", place, body).status == 403
    assert world.stranger("PUT", place, body).status == 404
    assert world.member("PUT", place, {}).status == 422
    assert world.admin("PUT", place, {"share": {"is_public": "yes"}}).status == 200
    assert world.stranger("PUT", place, body).status == 403
    assert world.member("POST", f"{place}/action", {"soft_delete": None}).status == 202
    assert world.member("PUT", place, body).status == 403


# --- delete ---------------------------------------------------------------------------------------
def test_delete(world: World) -> None:
    share = world.share()
    assert world.member("DELETE", f"/shares/{share}").status == 202
    operation = world.operation(share)
    assert (operation.kind, operation.host) == ("delete_share_instance", "node@local")
    assert world.member.get(f"/shares/{share}")["share"]["status"] == "deleting"
    assert world.used()["shares"] == 1  # until it is gone
    assert world.member("DELETE", f"/shares/{share}").status == 403


@pytest.mark.parametrize("status", ["creating", "deleting", "extending", "error_deleting"])
def test_statuses_that_cannot_be_deleted(world: World, status: str) -> None:
    share = world.share()
    world.settle(share, status)
    answer = world.member("DELETE", f"/shares/{share}")
    assert answer.status == 403
    assert status in answer.message


def test_delete_refuses(world: World) -> None:
    share = world.share()
    assert world.reader("DELETE", f"/shares/{share}").status == 403
    assert world.stranger("DELETE", f"/shares/{share}").status == 404
    world.snapshot(share)
    answer = world.member("DELETE", f"/shares/{share}")
    assert answer.status == 403
    assert "1 snapshot;" in answer.message
    assert world.operations(share) == []


@pytest.mark.parametrize(("word", "version"), [("os-force_delete", "2.6"), ("force_delete", "2.7")])
def test_force_delete(world: World, word: str, version: str) -> None:
    share = world.create()["id"]
    assert world.member.act(share, word, version=version).status == 403
    (before,) = world.operations(share)
    assert world.admin.act(share, word, version=version).status == 202
    after = world.operation(share)
    assert after.id != before.id
    assert (after.kind, after.payload["force"]) == ("delete_share_instance", True)


def test_force_delete_gives_back_what_an_extension_took(world: World) -> None:
    share = world.share(size=2)
    assert world.member.act(share, "extend", {"new_size": 5}).status == 202
    assert world.used() == {"shares": 1, "gigabytes": 5}
    assert world.admin.act(share, "force_delete").status == 202
    assert world.used() == {"shares": 1, "gigabytes": 2}
    world.settle(share, "error")
    world.snapshot(share)
    assert world.admin.act(share, "force_delete").status == 400
