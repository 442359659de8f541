"""What is done to snapshots over HTTP: status by hand, manage, unmanage, rules, exports."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from abaca.operations import log as oplog
from abaca.store import shares, snapshots
from abaca.store.engine import Store
from api.snapshot_world import NASTY, NOWHERE, SnapshotWorld
from support.shares import OTHER, PROJECT, SPECS

RULE = {"access_type": "ip", "access_to": "10.0.0.1"}


@pytest.fixture
def world(store: Store) -> SnapshotWorld:
    return SnapshotWorld(store)


# --- force delete and reset -----------------------------------------------------------------------
def test_force_delete_takes_every_status(world: SnapshotWorld) -> None:
    share = world.share()
    for status in ("creating", "error_deleting", "manage_error", "restoring", "available"):
        snapshot = world.taken(share)
        world.settle_snapshot(snapshot, status)
        assert world.do(snapshot, "force_delete").status == 202
        assert world.show(snapshot)["snapshot"]["status"] == "deleting"
        assert world.operation(snapshot).payload["force"] is True


def test_force_delete_waits_for_what_is_going_on(world: SnapshotWorld) -> None:
    """The row belongs to the deletion at once; the creation ends first, without effect on it."""
    snapshot = world.take(world.share())["id"]
    assert world.do(snapshot, "force_delete").status == 202
    create, delete = world.operations(snapshot)
    assert (create.kind, delete.kind) == ("create_snapshot", "delete_snapshot")
    assert create.lock_key == delete.lock_key
    with world.store.read() as tx:
        found = snapshots.get(tx, snapshot)
    assert found is not None and found.operation_id == delete.id


def test_reset_status(world: SnapshotWorld) -> None:
    snapshot = world.take(world.share())["id"]
    operation = world.operation(snapshot)
    assert world.do(snapshot, "reset_status", {"status": "error"}).status == 202
    with world.store.read() as tx:
        found, op = snapshots.get(tx, snapshot), oplog.get(tx, operation.id)
    assert found is not None and (found.status, found.operation_id) == ("error", None)
    assert op is not None and op.cancel_requested
    for status in ("available", "restoring", "unmanage_error", "migrating_to"):
        assert world.do(snapshot, "reset_status", {"status": status}).status == 202
        assert world.show(snapshot)["snapshot"]["status"] == status
    for wrong in ("nonsense", "deferred_deleting", None, 5, ""):
        assert world.do(snapshot, "reset_status", {"status": wrong}).status == 400
    assert world.do(snapshot, "reset_status", {}).status == 400


def test_the_words_of_actions_by_version(world: SnapshotWorld) -> None:
    snapshot = world.taken(world.share())
    for version, there, gone in (("2.6", "os-", ""), ("2.7", "", "os-")):
        given = {"status": "error"}
        old = world.do(snapshot, f"{there}reset_status", given, version=version)
        assert old.status == 202
        assert world.do(snapshot, f"{gone}reset_status", given, version=version).status == 404
        assert world.do(snapshot, f"{gone}force_delete", version=version).status == 404
        assert world.do(snapshot, f"{there}force_delete", version=version).status == 202


def test_only_administrators_may(world: SnapshotWorld) -> None:
    share = world.share()
    snapshot = world.taken(share)
    for word in ("force_delete", "unmanage"):
        assert world.do(snapshot, word, by=world.member).status == 403
    given = {"status": "error"}
    assert world.do(snapshot, "reset_status", given, world.member).status == 403
    body = {"snapshot": {"share_id": share, "provider_location": "p"}}
    assert world.member("POST", "/snapshots/manage", body).status == 403


# --- manage and unmanage --------------------------------------------------------------------------
def manage(world: SnapshotWorld, share: str, **given: Any) -> Any:
    body = {"snapshot": {"share_id": share, "provider_location": "/fake/s", **given}}
    return world.admin("POST", "/snapshots/manage", body)


def test_manage(world: SnapshotWorld) -> None:
    share = world.share(size=3)
    answer = manage(world, share, name="n", driver_options={"a": "1", "n": 5}, metadata={"k": "v"})
    assert answer.status == 202
    found = answer["snapshot"]
    assert (found["status"], found["name"], found["metadata"]) == (
        "manage_starting",
        "n",
        {"k": "v"},
    )
    assert (found["size"], found["share_size"]) == (None, 3)
    assert found["provider_location"] == "/fake/s"
    operation = world.operation(found["id"])
    assert operation.kind == "manage_snapshot"
    assert operation.payload["driver_options"] == {"a": "1", "n": 5}
    assert world.charged("cccc3333") == (0, 0)
    world.settle_snapshot(found["id"], "manage_error")
    assert world.show(found["id"], world.admin)["snapshot"]["size"] == 1
    again = manage(world, share)
    assert (again.status, found["id"] in again.message) == (409, True)
    assert manage(world, world.share()).status == 202
    assert manage(world, share, provider_location="/fake/t").status == 202


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"share_id": None}, 422),
        ({"share_id": ""}, 422),
        ({"share_id": 5}, 422),
        ({"share_id": NOWHERE}, 404),
        ({"share_id": "nonsense"}, 404),
        ({"provider_location": None}, 422),
        ({"provider_location": ""}, 422),
        ({"provider_location": " "}, 422),
        ({"provider_location": ["p"]}, 422),
        ({"provider_location": "a\x00b"}, 400),
        ({"provider_location": "a\nb"}, 400),
        ({"provider_location": "x" * 2001}, 400),
        ({"provider_location": "../../etc"}, 400),
        ({"provider_location": "/fake/../../etc"}, 400),
        ({"provider_location": "a..b"}, 202),
        ({"name": "x" * 256}, 400),
        ({"driver_options": []}, 400),
        ({"driver_options": {"a": {"b": 1}}}, 400),
        ({"driver_options": {"a": 2**70}}, 400),
        ({"driver_options": {"a": "x" * 1024}}, 400),
        ({"driver_options": {"a\x00": "x"}}, 400),
        ({"driver_options": {"": "x"}}, 400),
        ({"driver_options": {str(n): n for n in range(101)}}, 400),
        ({"driver_options": {"a": True, "b": None, "c": -5}}, 202),
        ({"driver_options": None}, 202),
        ({"metadata": {"k": 1}}, 400),
    ],
)
def test_manage_bad_and_good_input(world: SnapshotWorld, given: Any, status: int) -> None:
    answer = manage(world, world.share(), **given)
    assert answer.status == status, answer.json


def test_manage_refuses(world: SnapshotWorld) -> None:
    assert world.admin("POST", "/snapshots/manage", {"snapshot": None}).status == 422
    assert world.admin("POST", "/snapshots/manage", {}).status == 422
    assert world.admin("POST", "/snapshots/manage", None).status == 400
    share = world.share()
    world.settle(share, "deleting")
    assert manage(world, share).status == 409
    world.settle(share)
    assert world.member.act(share, "soft_delete").status == 202
    assert manage(world, share).status == 403


def test_unmanage(world: SnapshotWorld) -> None:
    snapshot = world.taken(world.share())
    for status in ("creating", "deleting", "restoring", "manage_starting"):
        world.settle_snapshot(snapshot, status)
        assert world.do(snapshot, "unmanage").status == 403
    for status in ("available", "error", "manage_error", "unmanage_error"):
        world.settle_snapshot(snapshot, status)
        assert world.do(snapshot, "unmanage", version="2.12").status == 202
        assert world.show(snapshot)["snapshot"]["status"] == "unmanage_starting"
        assert world.operation(snapshot).kind == "unmanage_snapshot"
    assert world.do(snapshot, "unmanage", version="2.11").status == 404


def test_unmanage_on_share_servers_came_with_2_49(world: SnapshotWorld) -> None:
    share = world.share()
    snapshot = world.taken(share)
    with world.store.transaction() as tx:
        found = shares.get(tx, share)
        assert found is not None
        shares.update_instance(tx, found.instance_id, share_server_id=NOWHERE)
    assert world.do(snapshot, "unmanage", version="2.48").status == 403
    assert world.do(snapshot, "unmanage", version="2.49").status == 202


# --- access rules ---------------------------------------------------------------------------------
def rules(world: SnapshotWorld, snapshot: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = world.reader.get(f"/snapshots/{snapshot}/access-list")[
        "snapshot_access_list"
    ]
    return found


def test_allow_and_deny(world: SnapshotWorld) -> None:
    snapshot = world.taken(world.share())
    member = world.member
    answer = world.do(snapshot, "allow_access", RULE, member)
    assert answer.status == 202
    rule = answer["snapshot_access"]
    assert rule == {"id": rule["id"], **RULE, "state": "queued_to_apply"}
    assert rules(world, snapshot) == [rule]
    assert world.operation(snapshot).kind == "snapshot_update_access"
    for same in ("10.0.0.1", "10.0.0.1/32"):
        given = {"access_type": "ip", "access_to": same}
        assert world.do(snapshot, "allow_access", given, member).status == 400
    assert world.do(snapshot, "deny_access", {"access_id": rule["id"]}, member).status == 202
    assert rules(world, snapshot)[0]["state"] == "queued_to_deny"
    before = len(world.operations(snapshot))
    assert world.do(snapshot, "deny_access", {"access_id": rule["id"]}, member).status == 202
    assert len(world.operations(snapshot)) == before


@pytest.mark.parametrize(
    ("given", "version", "status"),
    [
        ({"access_type": "ip", "access_to": "10.0.0.0/8"}, "2.32", 202),
        ({"access_type": "ip", "access_to": "10.0.0.1/8"}, "2.99", 400),
        ({"access_type": "ip", "access_to": "fd00::1"}, "2.37", 400),
        ({"access_type": "ip", "access_to": "fd00::1"}, "2.38", 202),
        ({"access_type": "ip", "access_to": "fe80::1%eth0"}, "2.99", 400),
        ({"access_type": "ip", "access_to": "host.example"}, "2.99", 400),
        ({"access_type": "ip", "access_to": ""}, "2.99", 400),
        ({"access_type": "ip", "access_to": None}, "2.99", 400),
        ({"access_type": "ip"}, "2.99", 400),
        ({"access_to": "10.0.0.1"}, "2.99", 400),
        ({"access_type": "user", "access_to": "alice"}, "2.32", 202),
        ({"access_type": "user", "access_to": "../x"}, "2.99", 400),
        ({"access_type": "cert", "access_to": "client.example"}, "2.32", 202),
        ({"access_type": "cephx", "access_to": "alice"}, "2.99", 400),
        ({"access_type": "ip", "access_to": "x" * 10240}, "2.99", 400),
        (None, "2.99", 400),
        ({**RULE, "access_level": "rw"}, "2.99", 202),
    ],
)
def test_rules_bad_and_good(world: SnapshotWorld, given: Any, version: str, status: int) -> None:
    snapshot = world.taken(world.share())
    answer = world.do(snapshot, "allow_access", given, world.member, version=version)
    assert answer.status == status, answer.json


def test_rules_need_an_available_mountable_snapshot(world: SnapshotWorld) -> None:
    specs = {name: value for name, value in SPECS.items() if name != "mount_snapshot_support"}
    world.type("plain", specs)
    plain = world.taken(world.share(share_type="plain"))
    member = world.member
    assert world.do(plain, "allow_access", RULE, member).status == 400
    assert world.do(plain, "deny_access", {"access_id": NOWHERE}, member).status == 400
    assert member.get(f"/snapshots/{plain}/access-list").status == 400
    snapshot = world.taken(world.share())
    for status in ("creating", "error", "restoring", "deleting"):
        world.settle_snapshot(snapshot, status)
        assert world.do(snapshot, "allow_access", RULE, member).status == 400
    assert rules(world, snapshot) == []


def test_denying_what_is_not_there(world: SnapshotWorld) -> None:
    share = world.share()
    one, other = world.taken(share), world.taken(share)
    rule = world.do(other, "allow_access", RULE, world.member)["snapshot_access"]["id"]
    for access_id, status in ((NOWHERE, 404), (rule, 400), ("x", 400), (None, 400), (5, 400)):
        answer = world.do(one, "deny_access", {"access_id": access_id}, world.member)
        assert answer.status == status
    assert world.do(one, "deny_access", {}, world.member).status == 400
    assert world.do(other, "deny_access", {"access_id": rule}, world.reader).status == 403
    assert world.do(other, "allow_access", RULE, world.reader).status == 403
    assert world.do(other, "allow_access", RULE, world.stranger).status == 404


# --- export locations -----------------------------------------------------------------------------
def test_export_locations(world: SnapshotWorld) -> None:
    snapshot = world.taken(world.share())
    path = f"/snapshots/{snapshot}/export-locations"
    open_, hidden = world.export(snapshot)
    (found,) = world.reader.get(path)["share_snapshot_export_locations"]
    assert (set(found), found["id"]) == ({"id", "path", "links"}, open_)
    every = world.admin.get(path)["share_snapshot_export_locations"]
    assert [found["is_admin_only"] for found in every] == [False, True]
    shown = world.member.get(f"{path}/{open_}")["share_snapshot_export_location"]
    assert set(shown) == {"id", "path", "links", "created_at", "updated_at"}
    assert world.member.get(f"{path}/{hidden}").status == 404
    assert world.admin.get(f"{path}/{hidden}").status == 200
    assert world.admin.get(f"{path}/{NOWHERE}").status == 404
    assert world.stranger.get(path).status == 404
    assert world.member.get(path, version="2.31").status == 404


def test_export_locations_of_an_instance(world: SnapshotWorld) -> None:
    snapshot = world.taken(world.share())
    open_, hidden = world.export(snapshot)
    (found,) = world.admin.get("/snapshot-instances", snapshot_id=snapshot)["snapshot_instances"]
    path = f"/snapshot-instances/{found['id']}/export-locations"
    every = world.admin.get(path)["share_snapshot_export_locations"]
    assert [location["id"] for location in every] == [open_, hidden]
    assert every[0]["share_snapshot_instance_id"] == found["id"]
    assert world.admin.get(f"{path}/{hidden}").status == 200
    assert world.admin.get(f"{path}/{NOWHERE}").status == 404
    assert world.member.get(path).status == 403
    assert world.admin.get(f"/snapshot-instances/{NOWHERE}/export-locations").status == 404


# --- at once --------------------------------------------------------------------------------------
def test_a_share_is_deleted_or_has_a_snapshot(world: SnapshotWorld) -> None:
    """Both asked for at once: exactly one gets it, so no snapshot is left without its share."""
    for _ in range(8):
        share = world.share()
        statuses: dict[str, int] = {}

        def ask(method: str, path: str, body: Any, statuses: dict[str, int] = statuses) -> None:
            client = world.client(PROJECT, "member,reader")
            statuses[method] = client(method, path, body).status

        both = [
            threading.Thread(target=ask, args=("DELETE", f"/shares/{share}", None)),
            threading.Thread(
                target=ask, args=("POST", "/snapshots", {"snapshot": {"share_id": share}})
            ),
        ]
        for thread in both:
            thread.start()
        for thread in both:
            thread.join()
        assert sorted(status == 202 for status in statuses.values()) == [False, True], statuses


def test_a_snapshot_is_deleted_or_cloned(world: SnapshotWorld) -> None:
    for _ in range(8):
        snapshot = world.taken(world.share())
        statuses: dict[str, int] = {}

        def ask(method: str, path: str, body: Any, statuses: dict[str, int] = statuses) -> None:
            client = world.client(PROJECT, "member,reader")
            statuses[method] = client(method, path, body).status

        clone = {"share": {"snapshot_id": snapshot, "size": 1, "share_proto": "NFS"}}
        both = [
            threading.Thread(target=ask, args=("DELETE", f"/snapshots/{snapshot}", None)),
            threading.Thread(target=ask, args=("POST", "/shares", clone)),
        ]
        for thread in both:
            thread.start()
        for thread in both:
            thread.join()
        assert sorted(status < 300 for status in statuses.values()) == [False, True], statuses


def test_nothing_makes_an_error_of_ours(world: SnapshotWorld) -> None:
    share = world.share()
    snapshot = world.taken(share)
    for nasty in NASTY:
        for given in (
            {"share_id": nasty},
            {"provider_location": nasty},
            {"driver_options": nasty},
            {"driver_options": {"a": nasty}},
            {"driver_options": {str(nasty): "a"}},
            {"metadata": nasty},
            {"name": nasty},
        ):
            assert manage(world, share, **given).status < 500, given
        for word, given in (
            ("allow_access", {"access_type": "ip", "access_to": nasty}),
            ("allow_access", {"access_type": nasty, "access_to": "10.0.0.1"}),
            ("allow_access", {"access_type": "user", "access_to": nasty}),
            ("allow_access", {"access_type": "cert", "access_to": nasty}),
            ("deny_access", {"access_id": nasty}),
            ("reset_status", {"status": nasty}),
            ("allow_access", nasty),
        ):
            assert world.do(snapshot, word, given).status < 500, given
    assert world.charged(OTHER) == (0, 0)
