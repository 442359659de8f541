"""Share instances: administrators look at them and set their status."""

from __future__ import annotations

from typing import Any

import pytest

from abaca.store.engine import Store
from support.shares import HOST, World

NOBODY = "11111111-1111-4111-8111-111111111111"


@pytest.fixture
def world(store: Store) -> World:
    return World(store)


def instance(world: World, share: str, **options: Any) -> dict[str, Any]:
    (found,) = world.admin.get(f"/shares/{share}/instances", **options)["share_instances"]
    assert isinstance(found, dict)
    return found


def test_look(world: World) -> None:
    share = world.share()
    found = instance(world, share)
    assert (found["share_id"], found["host"], found["status"]) == (share, HOST, "available")
    place = f"/share_instances/{found['id']}"
    assert world.admin.get(place)["share_instance"] == found
    old = world.admin.get(place, version="2.8")["share_instance"]
    assert len(old["export_locations"]) == 2
    assert world.admin.get("/share_instances", version="2.8")["share_instances"] == [old]
    assert "host" in world.admin.get(place, version="2.3")["share_instance"]
    assert world.admin.get(place, version="2.2").status == 404
    assert world.admin.get(f"/share_instances/{NOBODY}").status == 404
    assert world.admin.get(f"/shares/{NOBODY}/instances").status == 404
    for path in (place, "/share_instances", f"/shares/{share}/instances"):
        assert world.member.get(path).status == 403


def test_list(world: World) -> None:
    shares = [world.share(), world.share(world.stranger), world.share()]
    world.member.act(shares[2], "soft_delete")

    def listed(**asked: Any) -> set[str]:
        answer = world.admin.get("/share_instances", **asked)
        return {found["share_id"] for found in answer["share_instances"]}

    assert listed() == set(shares[:2])
    assert listed(is_soft_deleted="true") == {shares[2]}
    locations = world.admin.get(f"/shares/{shares[1]}/export_locations")["export_locations"]
    assert listed(export_location_id=locations[0]["id"]) == {shares[1]}
    assert listed(export_location_path=locations[0]["path"]) == {shares[1]}
    assert listed(export_location_path="nowhere") == set()
    assert world.admin.get("/share_instances", is_soft_deleted="perhaps").status == 400
    first = world.admin.get("/share_instances", limit=1)
    assert len(first["share_instances"]) == 1
    assert first["share_instances_links"]


@pytest.mark.parametrize(("word", "version"), [("os-reset_status", "2.6"), ("reset_status", "2.7")])
def test_reset_status(world: World, word: str, version: str) -> None:
    share = world.create()["id"]
    place = f"/share_instances/{instance(world, share)['id']}/action"

    def reset(given: Any, **options: Any) -> int:
        return world.admin("POST", place, {word: given}, version=version).status

    assert reset({"status": "error"}) == 202
    assert instance(world, share)["status"] == "error"
    assert world.operations(share) == []
    for wrong in (None, {}, {"status": "extending"}, {"status": 5}):
        assert reset(wrong) == 400
    member = world.member("POST", place, {word: {"status": "error"}}, version=version)
    assert member.status == 403


@pytest.mark.parametrize(("word", "version"), [("os-force_delete", "2.6"), ("force_delete", "2.7")])
def test_force_delete(world: World, word: str, version: str) -> None:
    share = world.share()
    world.settle(share, "extending")
    place = f"/share_instances/{instance(world, share)['id']}/action"
    assert world.member("POST", place, {word: None}, version=version).status == 403
    assert world.admin("POST", place, {word: None}, version=version).status == 202
    assert world.operation(share).kind == "delete_share_instance"
    nowhere = f"/share_instances/{NOBODY}/action"
    assert world.admin("POST", nowhere, {word: None}, version=version).status == 404


def test_an_instance_with_snapshots_stays(world: World) -> None:
    share = world.share()
    world.snapshot(share)
    place = f"/share_instances/{instance(world, share)['id']}/action"
    assert world.admin("POST", place, {"force_delete": None}).status == 400
