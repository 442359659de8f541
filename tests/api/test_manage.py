"""Shares that exist already on a backend: manage and unmanage."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from abaca.model.status import SHARE_TRANSITIONAL
from abaca.service.env import Settings
from abaca.store import schema
from abaca.store.engine import Store
from support.shares import HOST, SETTINGS, Answer, World

NOBODY = "11111111-1111-4111-8111-111111111111"
GIVEN = {"export_path": "10.0.0.1:/data", "service_host": HOST, "protocol": "nfs"}


@pytest.fixture
def world(store: Store) -> World:
    return World(store)


def manage(world: World, version: str = "2.99", **given: Any) -> Answer:
    path = "/shares/manage" if int(version[2:]) >= 7 else "/os-share-manage"
    return world.admin("POST", path, {"share": {**GIVEN, **given}}, version=version)


@pytest.mark.parametrize("version", ["2.0", "2.6", "2.7", "2.99"])
def test_manage(world: World, version: str) -> None:
    options = {"volume_id": "x"}
    share = manage(world, version, name="old", driver_options=options)["share"]
    assert (share["status"], share["size"], share["share_proto"]) == (
        "manage_starting",
        None,
        "NFS",
    )
    assert (share["host"], share["availability_zone"]) == (HOST, "nova")
    operation = world.operation(share["id"])
    assert (operation.kind, operation.host) == ("manage_share", "node@local")
    assert operation.payload["driver_options"] == options
    assert world.used(world.admin.project) == {"shares": 0, "gigabytes": 0}
    locations = world.admin.get(f"/shares/{share['id']}/export_locations")["export_locations"]
    assert [location["path"] for location in locations] == ["10.0.0.1:/data"]


INPUT: list[tuple[dict[str, Any], int]] = [
    ({"export_path": None}, 422),
    ({"export_path": ""}, 422),
    ({"export_path": {}}, 422),
    ({"export_path": {"path": "10.0.0.1:/data"}}, 200),
    ({"export_path": 5}, 400),
    ({"export_path": "a\x00b"}, 400),
    ({"export_path": "x" * 10240}, 400),
    ({"export_path": "10.0.0.1:/data/../../etc"}, 400),
    ({"export_path": "10.0.0.1:..\\x"}, 400),
    ({"service_host": None}, 422),
    ({"service_host": ""}, 422),
    ({"service_host": "node@local"}, 400),
    ({"service_host": "node#pool"}, 400),
    ({"service_host": "other@local#pool"}, 404),
    ({"service_host": "\x00"}, 400),
    ({"service_host": 7}, 400),
    ({"protocol": None}, 422),
    ({"protocol": "FTP"}, 400),
    ({"protocol": "x" * 10240}, 400),
    ({"protocol": ["nfs"]}, 400),
    ({"share_type": "nowhere"}, 404),
    ({"share_type": "net"}, 400),
    ({"share_server_id": NOBODY}, 400),
    ({"share_server_id": NOBODY, "share_type": "net"}, 400),
    ({"share_server_id": "x"}, 400),
    ({"mount_point_name": "x"}, 400),
    ({"name": "x" * 256}, 400),
    ({"name": "a\x00"}, 400),
    ({"driver_options": "x"}, 400),
    ({"driver_options": None}, 200),
    ({"driver_options": {"a\x00": "b\x00"}}, 200),
    ({"is_public": "perhaps"}, 400),
    ({"is_public": True}, 200),
]


@pytest.mark.parametrize(("given", "code"), INPUT)
def test_manage_input(world: World, given: dict[str, Any], code: int) -> None:
    world.type("net", {"driver_handles_share_servers": "True"})
    answer = manage(world, **given)
    assert answer.status == code, answer.json
    assert len(world.admin.get("/shares")["shares"]) == (1 if code == 200 else 0)


@pytest.mark.parametrize("body", [{}, {"share": None}, {"share": {}}])
def test_no_share_in_the_body(world: World, body: Any) -> None:
    assert world.admin("POST", "/shares/manage", body).status == 422


def test_the_same_path_twice(world: World) -> None:
    assert manage(world).status == 200
    answer = manage(world)
    assert answer.status == 409
    assert manage(world, export_path="10.0.0.1:/other").status == 200


def test_a_backend_that_is_down(world: World) -> None:
    with world.store.transaction() as tx:
        tx.run(sa.update(schema.services).values(reported_at=0.0))
    assert manage(world).status == 400


def test_no_default_type(store: Store) -> None:
    world = World(store, Settings())
    assert SETTINGS.default_share_type
    assert manage(world).status == 404


def test_what_came_later(world: World) -> None:
    assert manage(world, "2.7", is_public=True)["share"]["is_public"] is False
    shown = manage(world, "2.8", is_public=True, export_path="b")["share"]
    assert shown["is_public"] is True
    assert manage(world, "2.48", share_server_id=NOBODY, export_path="c").status == 200
    assert manage(world, "2.91", mount_point_name="x", export_path="d").status == 200


def test_who(world: World) -> None:
    assert world.member("POST", "/shares/manage", {"share": GIVEN}).status == 403
    share = world.share()
    assert world.member.act(share, "unmanage").status == 403
    assert world.admin.act(NOBODY, "unmanage").status == 404


# --- unmanage -------------------------------------------------------------------------------------
def test_unmanage(world: World) -> None:
    share = world.share()
    assert world.admin.act(share, "unmanage").status == 202
    operation = world.operation(share)
    assert (operation.kind, operation.host) == ("unmanage_share", "node@local")
    assert world.admin.get(f"/shares/{share}")["share"]["status"] == "unmanage_starting"
    assert world.used()["shares"] == 1  # until it is let go


def test_unmanage_in_its_old_place(world: World) -> None:
    share = world.share()
    place = f"/os-share-unmanage/{share}/unmanage"
    assert world.admin("POST", place, version="2.7").status == 404
    assert world.member("POST", place, version="2.6").status == 403
    assert world.admin("POST", place, version="2.6").status == 202


def test_what_was_never_managed_is_let_go_too(world: World) -> None:
    share = manage(world)["share"]["id"]
    world.settle(share, "manage_error")
    assert world.admin.act(share, "unmanage").status == 202
    shown = world.admin.get(f"/shares/{share}")["share"]
    assert (shown["status"], shown["size"]) == ("manage_error_unmanage_starting", 0)


@pytest.mark.parametrize("status", sorted(SHARE_TRANSITIONAL))
def test_statuses_that_are_not_let_go(world: World, status: str) -> None:
    share = world.share()
    world.settle(share, status)
    assert world.admin.act(share, "unmanage").status == 403


def test_unmanage_refuses(world: World) -> None:
    share = world.share()
    world.snapshot(share)
    assert world.admin.act(share, "unmanage").status == 403
    assert world.operations(share) == []
