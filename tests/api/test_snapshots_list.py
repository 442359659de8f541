"""Lists of snapshots over HTTP: filters, order, pages, counts; and their instances."""

from __future__ import annotations

from typing import Any

import pytest

from abaca.store.engine import Store
from api.snapshot_world import NASTY, NOWHERE, SnapshotWorld
from support.shares import OTHER, PROJECT


@pytest.fixture
def world(store: Store) -> SnapshotWorld:
    return SnapshotWorld(store)


@pytest.fixture
def three(world: SnapshotWorld) -> list[str]:
    """Available snapshots of 1, 2 and 3 GiB, named a, b, c_d, of one share each."""
    return [
        world.taken(
            world.share(size=size), name=name, description=f"the {name}", metadata={"n": name}
        )
        for size, name in ((1, "a"), (2, "b"), (3, "c_d"))
    ]


def listed(world: SnapshotWorld, path: str = "/snapshots", **query: Any) -> list[str]:
    answer = world.member.get(path, **query)
    assert answer.status == 200, answer.json
    return [snapshot["id"] for snapshot in answer["snapshots"]]


def test_index_and_detail(world: SnapshotWorld, three: list[str]) -> None:
    answer = world.member.get("/snapshots")
    assert [set(found) for found in answer["snapshots"]] == [{"id", "name", "links"}] * 3
    assert set(answer.json) == {"snapshots"}
    detail = world.member.get("/snapshots/detail")["snapshots"]
    assert [found["id"] for found in detail] == three[::-1]  # the newest first
    assert detail[0] == world.show(three[2])["snapshot"]
    assert detail[0]["metadata"] == {"n": "c_d"}


def test_filters(world: SnapshotWorld, three: list[str]) -> None:
    one, two, last = three
    share = world.show(one)["snapshot"]["share_id"]
    world.settle_snapshot(two, "error")
    for query, found in (
        ({"name": "a"}, {one}),
        ({"display_name": "a"}, {one}),
        ({"name": "A"}, set()),
        ({"name~": "_"}, {last}),
        ({"name~": "C"}, {last}),
        ({"name~": "%"}, set()),
        ({"description": "the b"}, {two}),
        ({"description~": "THE"}, {one, two, last}),
        ({"status": "error"}, {two}),
        ({"status": "nonsense"}, set()),
        ({"size": "3"}, {last}),
        ({"size": "0"}, set()),
        ({"share_id": share}, {one}),
        ({"share_id": "nonsense"}, set()),
        ({"metadata": "{'n': 'b'}"}, {two}),
        ({"metadata": "{'n': 'b', 'm': 'x'}"}, set()),
        ({"project_id": PROJECT}, {one, two, last}),
        ({"project_id": OTHER}, set()),
        ({"unknown": "x"}, {one, two, last}),
        ({"name": "a", "size": "2"}, set()),
    ):
        for path in ("/snapshots", "/snapshots/detail"):
            assert set(listed(world, path, **query)) == found, query


def test_filters_by_version(world: SnapshotWorld, three: list[str]) -> None:
    for query, since in (
        ({"name~": "a"}, "2.36"),
        ({"description": "the a"}, "2.36"),
        ({"metadata": "{'n': 'a'}"}, "2.73"),
    ):
        before = f"2.{int(since[2:]) - 1}"
        assert listed(world, version=since, **query) == three[:1]
        assert len(listed(world, version=before, **query)) == 3


def test_bad_filters(world: SnapshotWorld) -> None:
    for name, values in {
        "size": ("x", "-1", "1.5", str(2**40)),
        "limit": ("x", "-1", "1.5"),
        "offset": ("x", "-1"),
        "metadata": ("x", "[1]", "{1", "{'a': {'b': 1}}", "{" * 3000),
        "sort_key": ("nonsense", "host", ""),
        "sort_dir": ("up", ""),
        "with_count": ("perhaps",),
        "marker": (NOWHERE, "x"),
    }.items():
        for value in values:
            assert world.member.get("/snapshots", **{name: value}).status == 400, (name, value)


def test_order(world: SnapshotWorld, three: list[str]) -> None:
    one, two, last = three
    for key in ("created_at", "name", "display_name", "size", "share_size"):
        assert listed(world, sort_key=key, sort_dir="asc") == [one, two, last]
        assert listed(world, sort_key=key, sort_dir="desc") == [last, two, one]
        assert listed(world, sort_key=key) == [last, two, one]
    for key in ("id", "status", "share_id", "user_id", "updated_at", "share_proto", "progress"):
        up = listed(world, sort_key=key, sort_dir="asc")
        assert sorted(up) == sorted(three)
        assert listed(world, sort_key=key) == up[::-1]


def test_pages(world: SnapshotWorld, three: list[str]) -> None:
    one, two, last = three
    assert listed(world, limit="2") == [last, two]
    assert listed(world, limit="2", offset="2") == [one]
    assert listed(world, limit="0") == [last, two, one]
    assert listed(world, limit="2", marker=last) == [two, one]
    for key in ("size", "name", "id", "status"):
        whole = listed(world, sort_key=key)
        assert listed(world, sort_key=key, marker=whole[0]) == whole[1:]
    answer = world.member.get("/snapshots", limit="2", name="a")
    assert "share_snapshots_links" not in answer.json
    answer = world.member.get("/snapshots/detail", limit="2", sort_key="size")
    (link,) = answer["share_snapshots_links"]
    assert link["rel"] == "next"
    path = "/snapshots" + link["href"].partition("/snapshots")[2]
    assert [found["id"] for found in world.member.get(path)["snapshots"]] == [one]


def test_count(world: SnapshotWorld, three: list[str]) -> None:
    answer = world.member.get("/snapshots", with_count="true", limit="1")
    assert (answer["count"], len(answer["snapshots"])) == (3, 1)
    assert world.member.get("/snapshots/detail", with_count="1", status="error")["count"] == 0
    for path in ("/snapshots", "/snapshots/detail"):
        assert "count" not in world.member.get(path, with_count="true", version="2.78").json


def test_whose_snapshots_are_listed(world: SnapshotWorld, three: list[str]) -> None:
    assert world.stranger.get("/snapshots")["snapshots"] == []
    assert world.admin.get("/snapshots")["snapshots"] == []
    assert len(world.admin.get("/snapshots", all_tenants="1")["snapshots"]) == 3
    assert len(world.admin.get("/snapshots", all_tenants="0")["snapshots"]) == 0
    assert world.stranger.get("/snapshots", all_tenants="1")["snapshots"] == []
    of_one = world.admin.get("/snapshots", all_tenants="1", project_id=PROJECT)
    assert len(of_one["snapshots"]) == 3
    assert world.member.get("/snapshots", status="deferred_deleting").status == 403
    assert world.admin.get("/snapshots", status="deferred_deleting").status == 200


def test_nothing_makes_an_error_of_ours(world: SnapshotWorld, three: list[str]) -> None:
    for nasty in map(str, NASTY):
        for name in (
            "name", "name~", "description", "description~", "status", "share_id", "size",
            "project_id", "metadata", "limit", "offset", "marker", "sort_key", "sort_dir",
            "with_count", "all_tenants",
        ):  # fmt: skip
            assert world.admin.get("/snapshots/detail", **{name: nasty}).status < 500
        quoted = repr({nasty: nasty})
        assert world.member.get("/snapshots", metadata=quoted).status < 500


# --- instances ------------------------------------------------------------------------------------
def test_instances(world: SnapshotWorld, three: list[str]) -> None:
    get = world.admin.get
    every = get("/snapshot-instances")["snapshot_instances"]
    assert [set(found) for found in every] == [{"id", "snapshot_id", "status"}] * 3
    assert {found["snapshot_id"] for found in every} == set(three)
    (one,) = get("/snapshot-instances/detail", snapshot_id=three[0])["snapshot_instances"]
    assert one == get(f"/snapshot-instances/{one['id']}")["snapshot_instance"]
    assert (one["snapshot_id"], one["status"]) == (three[0], "available")
    assert one["share_id"] == world.show(three[0])["snapshot"]["share_id"]
    assert get("/snapshot-instances", snapshot_id=NOWHERE)["snapshot_instances"] == []
    assert get(f"/snapshot-instances/{NOWHERE}").status == 404
    assert get("/snapshot-instances", version="2.18").status == 404
    for path in ("/snapshot-instances", "/snapshot-instances/detail"):
        assert world.member.get(path).status == 403


def test_status_of_an_instance(world: SnapshotWorld, three: list[str]) -> None:
    (found,) = world.admin.get("/snapshot-instances", snapshot_id=three[0])["snapshot_instances"]
    path = f"/snapshot-instances/{found['id']}/action"
    assert world.admin("POST", path, {"reset_status": {"status": "error"}}).status == 202
    assert world.show(three[0])["snapshot"]["status"] == "error"
    for wrong in ({"status": "nonsense"}, {}, None, {"status": None}):
        assert world.admin("POST", path, {"reset_status": wrong}).status == 400
    assert world.member("POST", path, {"reset_status": {"status": "error"}}).status == 403
    gone = f"/snapshot-instances/{NOWHERE}/action"
    assert world.admin("POST", gone, {"reset_status": {"status": "error"}}).status == 404
