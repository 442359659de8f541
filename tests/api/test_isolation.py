"""Projects never see each other's private resources, whatever route they try.

The registry is walked, so that a new route is tried without a word here (it needs a recipe in
full_world).  Every text of the project that must stay unseen has the word "secret" in it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from abaca.api.registry import Route
from abaca.api.versions import MAX, text
from api.full_world import MASKED, SECRET, Answer, Call, FullWorld, Things, full_world

# routes without anything of a project in their path, or for everyone
OPEN = ("extensions", "availability_zones", "share_types.", "share_type_extra_specs", "services.")
OPEN += ("quota_class_sets", "limits", "scheduler_stats")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FullWorld]:
    with full_world(tmp_path_factory.mktemp("isolation")) as found:
        yield found


@pytest.fixture
def world(whole: FullWorld) -> Iterator[FullWorld]:
    yield whole
    whole.restore()


def versions(route: Route) -> list[int]:
    return sorted({route.versions.first, route.versions.last})


def leaks(world: FullWorld, call: Call, answer: Answer, things: Things | None = None) -> list[str]:
    """What of the project's is in the answer and was not in the request."""
    asked = json.dumps([call.path, call.body, dict(call.query)])
    hidden = [SECRET, MASKED, *(things or world.mine).ids(), world.public_snapshot]
    return [word for word in hidden if word in answer.text and word not in asked]


def attempt(world: FullWorld, call: Call, version: int) -> tuple[Answer, list[str]]:
    """As a member of another project; what is wrong with the answer."""
    before = world.version()
    answer = world.send(call, "stranger", text(version))
    found = [f"leaks {word}" for word in leaks(world, call, answer)]
    if world.version() != before:
        found.append("changed something")
        world.restore()
    return answer, found


# --- every route ----------------------------------------------------------------------------------
def of_project(route: Route) -> bool:
    return "{" in route.path and not route.id.startswith(OPEN)


def test_every_route_with_an_id_in_its_path_hides_private_resources(world: FullWorld) -> None:
    wrong = []
    for route in filter(of_project, world.registry.routes):
        for version in versions(route):
            answer, found = attempt(world, world.call(route), version)
            if route.id.endswith("defaults"):  # the same for every project
                good = answer.status == 200
            elif route.id.startswith("quota_sets"):
                good = answer.status == 403
            elif _for_admins(world, route, version):
                good = answer.status in (403, 404)
            else:
                good = answer.status == 404
            if not good or found:
                wrong.append(f"{route.id} at {text(version)}: {answer} {found}")
    assert wrong == []


def _for_admins(world: FullWorld, route: Route, version: int) -> bool:
    """Members may not do this even to what is their own."""
    call = world.call(route, world.theirs)
    before = world.version()
    answer = world.send(call, "stranger", text(version))
    if world.version() != before:
        world.restore()
    return answer.status == 403


def test_private_and_absent_resources_answer_alike(world: FullWorld) -> None:
    """Nobody can find out whether an id exists."""
    absent = "99999999-9999-4999-8999-999999999999"
    nothing = msgspec.structs.replace(
        world.mine,
        **{name: absent for name in Things.__struct_fields__ if name != "project"},
    )
    wrong = []
    for route in filter(of_project, world.registry.routes):
        version = route.versions.last
        one, _ = attempt(world, world.call(route), version)
        other, _ = attempt(world, world.call(route, nothing), version)
        said, absent_said = (_anonymous(world, a, nothing) for a in (one, other))
        if (one.status, said) != (other.status, absent_said):
            wrong.append(f"{route.id}: {one} differs from {other}")
    assert wrong == []


def _anonymous(world: FullWorld, answer: Answer, nothing: Things) -> str:
    said = answer.text
    for id in (*world.mine.ids(), *nothing.ids()):
        said = said.replace(id, "<id>")
    return said


def test_no_list_or_document_shows_anything_of_another_project(world: FullWorld) -> None:
    wrong = []
    for route in world.registry.routes:
        if route.method == "GET" and "{" not in route.path:
            for query in queries(world, route):
                call = Call(method="GET", path=route.path, query=query)
                for version in versions(route):
                    answer, found = attempt(world, call, version)
                    counted = answer.status == 200 and answer.json.get("count")
                    if "with_count" in query and len(query) > 1 and counted and found:
                        found.append(f"counts {counted}")
                    if found:
                        wrong.append(f"{route.id} at {text(version)} {query}: {answer} {found}")
    assert wrong == []


def queries(world: FullWorld, route: Route) -> Iterator[dict[str, Any]]:
    """Every parameter of a list, with values that fit the project's things, alone and together
    with what widens the list."""
    mine = world.mine
    values: dict[str, list[Any]] = {
        "name": [f"{SECRET} share"],
        "name~": [SECRET, "e"],
        "description": [f"{SECRET}\nlines"],
        "description~": [SECRET],
        "status": ["available", "error"],
        "share_type_id": [world.small.type_id, world.private_type],
        "snapshot_id": [mine.snapshot],
        "share_id": [mine.share],
        "project_id": [mine.project],
        "metadata": [f"{{'k': '{SECRET}'}}"],
        "export_location_id": [mine.location, mine.admin_location],
        "export_location_path": [f"10.0.0.1:/{mine.instance}", f"admin:/{mine.instance}"],
        "access_to": [MASKED],
        "access_type": ["ip"],
        "id": [mine.rule],
        "resource_id": [mine.share],
        "request_id": [f"req-{SECRET}"],
        "marker": [mine.share, mine.snapshot, mine.message],
        "is_public": [True],
        "is_soft_deleted": [True],
        "size": [2],
    }
    wide = [
        {},
        {"all_tenants": 1},
        {"all_projects": 1, "is_public": 1},
        {"project_id": mine.project},
    ]
    yield from wide
    for param in route.query:
        for value in values.get(param.name, []):
            for more in wide:
                yield {param.name: value, "with_count": True, **more}


def test_counts_count_only_what_is_listed(world: FullWorld) -> None:
    for path in ("/shares", "/snapshots"):
        for more in ({}, {"all_tenants": 1}, {"project_id": world.mine.project}, {"name~": SECRET}):
            call = Call(method="GET", path=path, query={"with_count": True, **more})
            answer = world.send(call, "stranger", "2.99")
            assert answer.json["count"] == len(answer.json[path[1:]])


# --- ids of others in bodies and behind one's own -------------------------------------------------
def inner(world: FullWorld) -> list[tuple[str, Call]]:
    """Requests about one's own things that name a thing of another project."""
    own, other = world.theirs, world.mine
    share, snapshot = f"/shares/{own.share}", f"/snapshots/{own.snapshot}"
    foreign_location = f"/export_locations/{other.location}"
    deny_snapshots_rule = {"deny_access": {"access_id": other.snapshot_rule}}
    return [
        ("deny a rule", _post(f"{share}/action", {"deny_access": {"access_id": other.rule}})),
        ("deny a snapshot's rule", _post(f"{share}/action", deny_snapshots_rule)),
        ("deny another snapshot's rule", _post(f"{snapshot}/action", deny_snapshots_rule)),
        ("revert", _post(f"{share}/action", {"revert": {"snapshot_id": other.snapshot}})),
        ("clone", _new(snapshot_id=other.snapshot)),
        ("clone a public share's snapshot", _new(snapshot_id=world.public_snapshot)),
        ("snapshot a share", _post("/snapshots", {"snapshot": {"share_id": other.share}})),
        ("use a private type", _new(share_type=world.private_type)),
        ("use a private type by name", _new(share_type=f"{SECRET}-type")),
        ("look at a private type", _get(f"/types/{world.private_type}")),
        ("go to a share's host", _new(scheduler_hints={"same_host": other.share})),
        ("avoid a share's host", _new(scheduler_hints={"different_host": other.share})),
        ("another's location behind one's own share", _get(share + foreign_location)),
        (
            "one's own location behind another's share",
            _get(f"/shares/{other.share}/export_locations/{own.location}"),
        ),
        (
            "metadata of another's location behind one's own share",
            _post(f"{share}{foreign_location}/metadata", {"metadata": {"a": "1"}}),
        ),
        (
            "a location of another's snapshot behind one's own",
            _get(f"{snapshot}/export-locations/{other.snapshot_location}"),
        ),
        ("another's rules", _get("/share-access-rules", share_id=other.share)),
    ]


def _get(path: str, **query: Any) -> Call:
    return Call(method="GET", path=path, query=query)


def _new(**given: Any) -> Call:
    return _post("/shares", {"share": {"size": 2, "share_proto": "NFS", **given}})


def _post(path: str, body: Any) -> Call:
    return Call(method="POST", path=path, body=body)


def test_ids_of_another_project_do_not_work_behind_ones_own(world: FullWorld) -> None:
    wrong = []
    for name, call in inner(world):
        answer, found = attempt(world, call, MAX)
        if answer.status not in (400, 404) or found:
            wrong.append(f"{name}: {answer} {found}")
    assert wrong == []


def test_ids_in_bodies_answer_as_if_they_did_not_exist(world: FullWorld) -> None:
    """The same code and sentence for what is another's and for what is not there."""
    absent = "99999999-9999-4999-8999-999999999999"
    wrong = []
    for name, call in inner(world):
        one, _ = attempt(world, call, MAX)
        said, raw = one.text, msgspec.json.encode(call).decode()
        for id in (*world.mine.ids(), world.public_snapshot, world.private_type, f"{SECRET}-type"):
            raw, said = raw.replace(id, absent), said.replace(id, absent)
        other, _ = attempt(world, msgspec.json.decode(raw, type=Call), MAX)
        if (one.status, said) != (other.status, other.text):
            wrong.append(f"{name}: {one} differs from {other}")
    assert wrong == []


def test_the_project_in_the_url_does_not_help(world: FullWorld) -> None:
    for project, status in ((world.mine.project, 400), (world.theirs.project, 404)):
        call = Call(method="GET", path=f"/{project}/shares/{world.mine.share}")
        assert world.send(call, "stranger", "2.99").status == status


# --- public shares --------------------------------------------------------------------------------
def test_public_shares_can_be_looked_at_by_all(world: FullWorld) -> None:
    at = f"/shares/{world.public}"
    listed = Call(method="GET", path="/shares", query={"is_public": True})
    assert world.public in world.send(listed, "stranger", "2.99").text
    for version in ("2.0", "2.8", "2.99"):
        shown = world.send(Call(method="GET", path=at), "stranger", version)
        assert shown.status == 200
        assert "host" not in shown.json["share"]
        assert "admin:/" not in shown.text
    for path in (f"{at}/metadata", f"{at}/export_locations"):
        answer = world.send(Call(method="GET", path=path), "stranger", "2.99")
        assert answer.status == 200
        assert "admin:/" not in answer.text


def test_public_shares_are_changed_by_nobody_else(world: FullWorld) -> None:
    """Whatever is not a plain look at them is refused, and says nothing of their rules or
    snapshots."""
    public = msgspec.structs.replace(
        world.mine,
        share=world.public,
        plain=world.public,
        bin=world.public,
    )
    wrong = []
    for route in world.registry.routes:
        if "{share_id}" in route.path or route.id.startswith(
            ("share_metadata", "snapshots.create")
        ):
            for version in versions(route):
                answer, found = attempt(world, world.call(route, public), version)
                reads = route.method == "GET" and "instances" not in route.path
                if (not reads and answer.status not in (403, 404)) or found:
                    wrong.append(f"{route.id} at {text(version)}: {answer} {found}")
    query = {"share_id": world.public}
    call = Call(method="GET", path="/share-access-rules", query=query)
    assert world.send(call, "stranger", "2.99").status in (403, 404)
    assert wrong == []


# --- one's own project ----------------------------------------------------------------------------
def test_locations_for_administrators_are_hidden_from_the_owner_too(world: FullWorld) -> None:
    for path in (
        f"/shares/{world.mine.share}/export_locations",
        f"/shares/{world.mine.share}/export_locations/{world.mine.admin_location}",
        f"/shares/{world.mine.share}/export_locations/{world.mine.admin_location}/metadata",
        f"/shares/{world.mine.share}",
        f"/snapshots/{world.mine.snapshot}/export-locations",
    ):
        for version in ("2.0", "2.8", "2.87", "2.99"):
            answer = world.send(Call(method="GET", path=path), "member", version)
            assert "admin:/" not in answer.text, (path, version)
    query = {"export_location_path": f"admin:/{world.mine.instance}"}
    call = Call(method="GET", path="/shares", query=query)
    assert world.send(call, "member", "2.99").json["shares"] == []


def test_readers_change_nothing(world: FullWorld) -> None:
    wrong = []
    for route in world.registry.routes:
        if route.method == "GET" or route.action in ("access_list", "os-access_list"):
            continue
        before = world.version()
        answer = world.send(world.call(route), "reader", text(route.versions.last))
        if answer.status < 400 or world.version() != before:
            wrong.append(f"{route.id}: {answer}")
            world.restore()
    assert wrong == []
