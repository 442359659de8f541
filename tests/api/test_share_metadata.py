"""Metadata of shares and of their export locations."""

from __future__ import annotations

from typing import Any

import pytest

from abaca.store.engine import Store
from support.shares import Client, World

NOBODY = "11111111-1111-4111-8111-111111111111"
SECRET = "__managed_at"


@pytest.fixture
def world(store: Store) -> World:
    return World(store)


class Place:
    """The metadata of one resource."""

    def __init__(self, world: World, path: str) -> None:
        self.world, self.path = world, path

    def get(self, client: Client | None = None) -> Any:
        return (client or self.world.member).get(self.path)["metadata"]

    def add(self, pairs: Any, client: Client | None = None) -> Any:
        return (client or self.world.member)("POST", self.path, {"metadata": pairs})

    def replace(self, pairs: Any, client: Client | None = None) -> Any:
        return (client or self.world.member)("PUT", self.path, {"metadata": pairs})

    def delete(self, key: str, client: Client | None = None) -> Any:
        return (client or self.world.member)("DELETE", f"{self.path}/{key}")


@pytest.fixture(params=["share", "location"])
def place(request: pytest.FixtureRequest, world: World) -> Place:
    share = world.share()
    if request.param == "share":
        return Place(world, f"/shares/{share}/metadata")
    path = f"/shares/{share}/export_locations"
    location = world.member.get(path)["export_locations"][0]["id"]
    assert (
        Place(world, f"{path}/{location}/metadata").delete("preferred", world.admin).status == 200
    )
    return Place(world, f"{path}/{location}/metadata")


def secret(place: Place) -> str:
    return SECRET if place.path.count("/") == 3 else "preferred"


def test_add_replace_delete(place: Place) -> None:
    assert place.get() == {}
    assert place.add({"a": "1"})["metadata"] == {"a": "1"}
    assert place.add({"b": "2", "a": "3"})["metadata"] == {"a": "3", "b": "2"}
    assert place.replace({"c": "4"})["metadata"] == {"c": "4"}
    assert place.get() == {"c": "4"}
    assert place.delete("c").status == 200
    assert place.delete("c").status == 404
    assert place.replace({})["metadata"] == {}


def test_one_pair(place: Place) -> None:
    place.add({"a": "1", "b": "2"})
    member = place.world.member
    assert member.get(f"{place.path}/a")["meta"] == {"a": "1"}
    assert member.get(f"{place.path}/z").status == 404
    for body in (
        {"metadata": {"a": "5"}},
        {"meta": {"a": "5"}},
        {"meta": {"a": "5"}, "metadata": {"a": "5"}},
    ):
        answer = member("POST", f"{place.path}/a", body)
        assert (answer.status, answer["metadata"]) == (200, {"a": "5"})
    assert place.get() == {"a": "5", "b": "2"}
    for wrong in ({}, {"metadata": {"b": "1"}}, {"metadata": {"a": "1", "b": "1"}}, {"meta": "a"}):
        assert member("POST", f"{place.path}/a", wrong).status == 400


@pytest.mark.parametrize(
    "pairs",
    [
        None,
        "a",
        ["a"],
        {"": "v"},
        {" ": "v"},
        {"k": ""},
        {"k": "  "},
        {"k": None},
        {"k": 5},
        {"k": {"a": "b"}},
        {"k" * 256: "v"},
        {"k": "v" * 1024},
        {"k\x00": "v"},
        {"k": "v\x00"},
        {"k": "\x1b[2J"},
        {"k": "v" * 10240},
    ],
)
def test_bad_pairs(place: Place, pairs: Any) -> None:
    assert place.add(pairs).status == 400
    assert place.replace(pairs).status == 400
    assert place.get() == {}


def test_pairs_with_special_characters(place: Place) -> None:
    pairs = {"a-b_c:d. e": "'; DROP TABLE shares; -- $(x) ../.. \\ % 💩"}
    assert place.add(pairs)["metadata"] == pairs
    assert place.get() == pairs


def test_keys_of_administrators(place: Place) -> None:
    key, admin = secret(place), place.world.admin
    assert place.add({key: "1"}).status == 403
    assert place.replace({key: "1"}).status == 403
    assert place.add({key: "true"}, admin).status == 200
    assert place.add({key: "true", "a": "1"}).status == 200  # as it is: nothing to forbid
    assert place.replace({"b": "2"})["metadata"] == {key: "true", "b": "2"}
    assert place.delete(key).status == 403
    assert place.replace({"b": "3"}, admin)["metadata"] == {"b": "3"}
    place.add({key: "true"}, admin)
    assert place.delete(key, admin).status == 200


def test_who(place: Place) -> None:
    world = place.world
    assert place.add({"a": "1"}, world.reader).status == 403
    assert place.replace({"a": "1"}, world.reader).status == 403
    assert place.get(world.reader) == {}
    for act in (place.add, place.replace):
        assert act({"a": "1"}, world.stranger).status == 404
    assert place.delete("a", world.stranger).status == 404
    assert place.delete("a", world.reader).status == 403


def test_public_shares_are_read_by_all(world: World) -> None:
    share = world.share(metadata={"a": "1"})
    world.set(share, is_public=True)
    place = Place(world, f"/shares/{share}/metadata")
    assert place.get(world.stranger) == {"a": "1"}
    assert place.add({"b": "1"}, world.stranger).status == 403


def test_nowhere(world: World) -> None:
    for path in (f"/shares/{NOBODY}", f"/shares/{world.share()}/export_locations/{NOBODY}"):
        place = Place(world, f"{path}/metadata")
        assert world.member.get(place.path).status == 404
        assert place.add({"a": "1"}).status == 404
        assert place.replace({"a": "1"}).status == 404
        assert place.delete("a").status == 404


def test_keys_of_export_locations(world: World) -> None:
    path = f"/shares/{world.share()}/export_locations"
    location = world.member.get(path)["export_locations"][0]["id"]
    place = Place(world, f"{path}/{location}/metadata")
    assert place.add({"a/b": "1"}).status == 400
    assert place.add({"a": "1"}, world.admin).status == 200
    shown = world.member.get(f"{path}/{location}")["export_location"]
    assert (shown["preferred"], shown["metadata"]) == (True, {"a": "1"})
    hidden = world.admin.get(path)["export_locations"][1]["id"]
    assert world.member.get(f"{path}/{hidden}/metadata").status == 404
    assert world.member.get(f"{place.path}", version="2.86").status == 404
