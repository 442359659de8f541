"""Lists of shares: filters, order, pages, who sees what."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from abaca.store import services, shares
from abaca.store.engine import Store
from abaca.store.shares_find import SORT
from support.shares import HOST, PROJECT, Client, World


@pytest.fixture
def world(store: Store) -> World:
    return World(store)


def names(client: Client, *, path: str = "/shares", **asked: Any) -> list[str]:
    answer = client.get(path, **asked)
    assert answer.status == 200, answer.json
    return [share["name"] for share in answer["shares"]]


def three(world: World) -> list[str]:
    return [
        world.share(name="a", size=3, metadata={"k": "1", "x": "y"}, description="first one"),
        world.share(name="b", size=1, metadata={"k": "1"}),
        world.share(name="c", size=2, share_proto="CIFS"),
    ]


# --- order and pages ------------------------------------------------------------------------------
def test_newest_first(world: World) -> None:
    three(world)
    assert names(world.member) == ["c", "b", "a"]
    assert names(world.member, path="/shares/detail") == ["c", "b", "a"]


def test_order(world: World) -> None:
    three(world)
    assert names(world.member, sort_key="size", sort_dir="asc") == ["b", "c", "a"]
    assert names(world.member, sort_key="name", sort_dir="desc") == ["c", "b", "a"]
    assert names(world.member, sort_key="display_name", sort_dir="asc") == ["a", "b", "c"]
    assert world.member.get("/shares", sort_key="colour").status == 400
    assert world.member.get("/shares", sort_dir="up").status == 400


@pytest.mark.parametrize("sort_key", sorted(SORT))
@pytest.mark.parametrize("sort_dir", ["asc", "desc"])
def test_pages_by_marker_cover_everything_once(world: World, sort_key: str, sort_dir: str) -> None:
    made = {world.create(name=name, size=1 + n % 2)["id"] for n, name in enumerate("ababc")}
    found: list[str] = []
    reader = world.client(PROJECT, "admin") if sort_key == "host" else world.member
    asked = {"limit": "2", "sort_key": sort_key, "sort_dir": sort_dir}
    while True:
        answer = reader.get("/shares", **asked)
        found += [share["id"] for share in answer["shares"]]
        if "shares_links" not in answer.json:
            break
        (link,) = answer["shares_links"]
        asked = dict(parse_qsl(urlsplit(link["href"]).query))
    assert len(found) == 5
    assert set(found) == made
    whole = reader.get("/shares", sort_key=sort_key, sort_dir=sort_dir)["shares"]
    assert found == [share["id"] for share in whole]


def test_limit_and_offset(world: World) -> None:
    three(world)
    assert names(world.member, limit=2) == ["c", "b"]
    assert names(world.member, limit=2, offset=2) == ["a"]
    assert names(world.member, offset=1) == ["b", "a"]
    assert names(world.member, limit=5, offset=2**62) == []
    for wrong in ({"limit": -1}, {"limit": "x"}, {"offset": -1}, {"offset": 2**70}):
        assert world.member.get("/shares", **wrong).status == 400
    assert world.member.get("/shares", marker="nobody").status == 400
    assert world.member.get("/shares", marker="x" * 300).status == 400


def test_count(world: World) -> None:
    three(world)
    world.settle(world.share(name="d"), "deferred_deleting")
    for client, count in ((world.member, 3), (world.client(PROJECT, "admin"), 4)):
        answer = client.get("/shares/detail", limit=1, with_count="true")
        assert answer["count"] == count
        assert len(answer["shares"]) == 1
    assert world.member.get("/shares", with_count="true", **{"name~": "A"})["count"] == 1
    assert world.member.get("/shares", with_count=1, status="available")["count"] == 3
    assert "count" not in world.member.get("/shares", with_count=1, version="2.41").json
    assert world.member.get("/shares", with_count="perhaps").status == 400
    assert world.member.get("/shares", with_count=1, availability_zone="mars")["count"] == 0


@pytest.mark.parametrize("kept", [0, 3])
def test_every_page_tells_the_same_count(world: World, kept: int) -> None:
    """Counted, or told by the page itself when it is the last one."""
    ids = [world.share() for _ in range(kept)]
    pages: list[dict[str, Any]] = [{"limit": n, "offset": m} for n in range(5) for m in range(5)]
    pages += [{"limit": n, "marker": marker} for n in range(5) for marker in ids]
    for page in pages:
        assert world.member.get("/shares", with_count=1, **page)["count"] == kept, page


# --- who sees what --------------------------------------------------------------------------------
def test_projects(world: World) -> None:
    world.share(name="mine")
    world.share(world.stranger, name="theirs")
    shown = world.share(world.stranger, name="shown")
    world.set(shown, is_public=True)
    assert names(world.member) == ["mine"]
    assert names(world.member, is_public="true") == ["shown", "mine"]
    assert names(world.member, is_public="false") == ["mine"]
    assert names(world.member, all_tenants=1) == ["mine"]  # not for members: as if not asked
    assert names(world.admin) == []
    assert names(world.admin, all_tenants=1) == ["shown", "theirs", "mine"]
    assert names(world.admin, all_tenants="") == ["shown", "theirs", "mine"]
    assert names(world.admin, all_tenants=1, project_id=PROJECT) == ["mine"]
    assert names(world.admin, all_tenants=1, user_id="u1") == []
    assert names(world.member, user_id=world.member.user) == ["mine"]
    assert names(world.stranger, project_id=PROJECT) == ["shown", "theirs"]
    assert world.member.get("/shares", is_public="perhaps").status == 400
    assert world.client(PROJECT, "nothing").get("/shares").status == 403


def test_deferred_deletion_is_for_admins(world: World) -> None:
    world.settle(world.share(name="going"), "deferred_deleting")
    assert names(world.member) == []
    assert world.member.get("/shares", status="deferred_deleting").status == 403
    assert names(world.admin, all_tenants=1, status="deferred_deleting") == ["going"]
    assert names(world.admin, all_tenants=1) == ["going"]


# --- filters --------------------------------------------------------------------------------------
def test_filters_of_the_share(world: World) -> None:
    first, _, _ = three(world)
    member = world.member
    assert names(member, name="b") == ["b"]
    assert names(member, status="available") == ["c", "b", "a"]
    assert names(member, status="error") == []
    assert names(member, share_type_id=world.type_id) == ["c", "b", "a"]
    assert names(member, share_type_id="nothing") == []
    assert names(member, description="first one") == ["a"]
    assert names(member, snapshot_id="nothing") == []
    made = world.create(snapshot_id=world.snapshot(first), size=3, name="d")
    assert names(member, snapshot_id=made["snapshot_id"]) == ["d"]
    assert names(member, share_network_id="nothing") == []
    assert names(member, share_group_id="nothing") == []
    assert names(member, mount_point_name="nothing") == []
    assert names(member, colour="blue") == ["d", "c", "b", "a"]


def test_parts_of_text(world: World) -> None:
    world.share(name="50%_off", description="Big\\Sale")
    world.share(name="other", description="x")
    assert names(world.member, **{"name~": "%_"}) == ["50%_off"]
    assert names(world.member, **{"name~": "OFF"}) == ["50%_off"]
    assert names(world.member, **{"name~": "%o"}) == []
    assert names(world.member, **{"description~": "g\\s"}) == ["50%_off"]
    assert names(world.member, version="2.35", **{"name~": "zzz"}) == ["other", "50%_off"]


def test_metadata(world: World) -> None:
    three(world)
    assert names(world.member, metadata="{'k': '1'}") == ["b", "a"]
    assert names(world.member, metadata='{"k": "1", "x": "y"}') == ["a"]
    assert names(world.member, metadata="{'k': '2'}") == []
    assert names(world.member, metadata="{}") == ["c", "b", "a"]
    for wrong in ("k", "{'k': ['1']}", "['k']", "{'k': open('/etc/passwd')}", "{" * 100):
        assert world.member.get("/shares", metadata=wrong).status == 400
    many = "{" + ",".join(f"'{n}':'{n}'" for n in range(60)) + "}"
    assert world.member.get("/shares", metadata=many).status == 400


def test_extra_specs_are_for_admins(world: World) -> None:
    world.type("fast", {"driver_handles_share_servers": "False", "disk": "ssd"})
    world.share(name="quick", share_type="fast")
    world.share(name="slow")
    asked = {"extra_specs": "{'disk': 'ssd'}"}
    assert world.member.get("/shares", **asked).status == 403
    assert names(world.admin, all_tenants=1, **asked) == ["quick"]


def test_hosts_are_for_admins(world: World) -> None:
    world.share(name="here")
    world.settle(world.share(name="there"), host="node@local2#pool")
    for name in ("host", "share_server_id"):
        assert world.member.get("/shares", **{name: "x"}).status == 403
    assert names(world.admin, all_tenants=1, host=HOST) == ["here"]
    assert names(world.admin, all_tenants=1, host="node@local") == ["here"]
    assert names(world.admin, all_tenants=1, host="node@loc") == []
    assert names(world.admin, all_tenants=1, host="node@%") == []
    assert names(world.admin, share_server_id="nothing") == []


def test_export_locations(world: World) -> None:
    first, _, _ = three(world)
    with world.store.read() as tx:
        share = shares.get(tx, first, locations=True)
    assert share is not None
    location = share.export_locations[0]
    assert names(world.member, export_location_id=location.id) == ["a"]
    assert names(world.member, export_location_path=location.path) == ["a"]
    assert names(world.member, export_location_path="nowhere") == []
    assert names(world.member, export_location_path="nowhere", version="2.34") == ["c", "b", "a"]


def test_zones(world: World) -> None:
    with world.store.transaction() as tx:
        services.ensure_zone(tx, "mars")
    world.share(name="a", availability_zone="mars")
    world.share(name="b", availability_zone="nova")
    assert names(world.member, availability_zone="mars") == ["a"]
    assert names(world.member, availability_zone=world.zone_id) == ["b"]
    assert names(world.member, availability_zone="nowhere") == []


@pytest.mark.parametrize(
    "name",
    ["name", "status", "share_type_id", "snapshot_id", "description", "name~", "metadata", "host"],
)
@pytest.mark.parametrize("value", ["\x00", "x" * 10240, "\x1b", "' OR 1=1 --", "\\", "%", "💩"])
def test_hostile_values_are_no_accident(world: World, name: str, value: str) -> None:
    for path in ("/shares", "/shares/detail"):
        assert world.admin.get(path, **{name: value}).status in (200, 400)


def test_locations_in_old_lists(world: World) -> None:
    three(world)
    listed = world.member.get("/shares/detail", version="2.8")["shares"]
    assert all(share["export_locations"] == [share["export_location"]] for share in listed)
    assert listed[2]["metadata"] == {"k": "1", "x": "y"}
    assert listed[0]["metadata"] == {}


def test_the_list_says_what_show_says(world: World) -> None:
    three(world)
    for version in ("2.0", "2.8", "2.30", "2.99"):
        for share in world.admin.get("/shares/detail", version=version, all_tenants=1)["shares"]:
            shown = world.admin.get(f"/shares/{share['id']}", version=version)["share"]
            assert shown == share
