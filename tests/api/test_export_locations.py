"""Export locations of shares and of share instances."""

from __future__ import annotations

import pytest

from abaca.store.engine import Store
from support.shares import World

NOBODY = "11111111-1111-4111-8111-111111111111"


@pytest.fixture
def world(store: Store) -> World:
    return World(store)


def test_of_a_share(world: World) -> None:
    share = world.share()
    place = f"/shares/{share}/export_locations"
    (seen,) = world.member.get(place)["export_locations"]
    assert seen["path"].startswith("10.0.0.1:/")
    assert (seen["preferred"], seen["metadata"]) == (True, {})
    assert "is_admin_only" not in seen
    everything = world.admin.get(place)["export_locations"]
    assert [found["is_admin_only"] for found in everything] == [False, True]
    assert "preferred" not in world.member.get(place, version="2.13")["export_locations"][0]
    assert world.member.get(place, version="2.8").status == 404
    one = world.member.get(f"{place}/{seen['id']}")["export_location"]
    assert one.items() >= seen.items()
    assert one["created_at"]
    assert world.member.get(f"{place}/{everything[1]['id']}").status == 403
    assert world.admin.get(f"{place}/{everything[1]['id']}").status == 200
    assert world.member.get(f"{place}/{NOBODY}").status == 404
    other = world.share()
    assert world.member.get(f"/shares/{other}/export_locations/{seen['id']}").status == 404


def test_who(world: World) -> None:
    share = world.share()
    place = f"/shares/{share}/export_locations"
    assert world.reader.get(place).status == 200
    assert world.stranger.get(place).status == 404
    world.set(share, is_public=True)
    assert world.stranger.get(place).status == 200
    assert world.member.get(f"/shares/{NOBODY}/export_locations").status == 404


def test_of_an_instance(world: World) -> None:
    share, other = world.share(), world.share()
    instances = [
        world.admin.get(f"/shares/{found}/instances")["share_instances"][0]["id"]
        for found in (share, other)
    ]
    place = f"/share_instances/{instances[0]}/export_locations"
    found = world.admin.get(place)["export_locations"]
    assert len(found) == 2
    assert world.admin.get(f"{place}/{found[0]['id']}").status == 200
    elsewhere = f"/share_instances/{instances[1]}/export_locations/{found[0]['id']}"
    assert world.admin.get(elsewhere).status == 404
    assert world.admin.get(f"/share_instances/{NOBODY}/export_locations").status == 404
    assert world.member.get(place).status == 403
