"""A tenant learns nothing of another tenant's objects from how a request is answered.

Every list of the registry is walked with an id of another project as its marker and as each of its
filters.  The answer must be the one for an id that nobody has: the same status and the same body,
apart from the id itself.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from abaca.api.registry import Route
from abaca.api.versions import text
from abaca.identity.embedded.http import ROUTES, Who
from api.full_world import SECRET, Answer, Call, FullWorld, Things, full_world
from attack.conftest import Wall
from support import identity as people

WALL = "what an answer tells of other tenants"
UNKNOWN = "5f4e3d2c-9999-4999-8999-{0:012x}"  # an id that nobody has


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FullWorld]:
    with full_world(tmp_path_factory.mktemp("oracles")) as found:
        yield found


def lists(world: FullWorld) -> Iterator[tuple[Route, Call]]:
    """Every route that takes parameters, with ids of the attacker's own in its path."""
    for route in world.registry.routes:
        if route.method == "GET" and route.query:
            yield route, world.call(route, world.theirs)


def foreign(world: FullWorld) -> list[str]:
    """Ids of another project."""
    return [*world.mine.ids(), world.public_snapshot, world.private_type, world.mine.project]


def foreign_texts(world: FullWorld) -> dict[str, list[str]]:
    """Values of another project that are no ids, by the parameter that compares them."""
    mine = world.mine
    return {
        "export_location_path": [f"10.0.0.1:/{mine.instance}", f"admin:/{mine.instance}"],
        "name": [f"{SECRET} share", f"{SECRET} snapshot", f"{SECRET}-type"],
        "name~": [SECRET],
        "description~": [SECRET],
        "metadata": [f"{{'k': '{SECRET}'}}"],
        "extra_specs": ["{'color': 'red'}"],
        "request_id": [f"req-{SECRET}"],
    }


def unlike(value: str, number: int) -> str:
    """A value of the same shape that nobody has."""
    if re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", value):
        return UNKNOWN.format(number)
    if re.fullmatch(r"[0-9a-f]{32}", value):
        return uuid.UUID(UNKNOWN.format(number)).hex
    return value.replace(SECRET, "s3cret").replace("color", "c0lor")


def same(world: FullWorld, call: Call, name: str, value: str, version: str, number: int) -> bool:
    """Whether the answer is that for a value which nobody has."""
    other = unlike(value, number)
    if other == value:  # an export path has the id of its instance inside
        other = value[:-12] + f"{number:012x}"
    one, two = (
        world.send(
            msgspec.structs.replace(call, query={**call.query, name: given}), "stranger", version
        )
        for given in (value, other)
    )
    return (one.status, _plain(one, value)) == (two.status, _plain(two, other))


def _plain(answer: Answer, value: str) -> str:
    """The body without the value that was asked for, however it is quoted."""
    said = answer.text
    for quoted in (value, ascii(value)[1:-1], value.replace("/", "%2F"), value[:60]):
        said = said.replace(quoted, "<value>")
    return said


def test_no_parameter_of_a_list_tells_an_id_of_another_tenant_from_none(
    world: FullWorld, wall: Wall
) -> None:
    texts = foreign_texts(world)
    for route, call in lists(world):
        for param in route.query:
            values = texts.get(param.name, []) + foreign(world)
            for number, value in enumerate(values):
                for version in {text(route.versions.first), text(route.versions.last)}:
                    wall.attempt(
                        f"{route.id} {version} {param.name}={value}",
                        not same(world, call, param.name, value, version, number),
                    )
    wall.assert_held()


def test_no_marker_reads_names_letter_by_letter(world: FullWorld, wall: Wall) -> None:
    """With an order and with everything that widens a list, a marker is still only one's own."""
    wide: list[dict[str, Any]] = [{}, {"all_tenants": 1}, {"is_public": 1}, {"is_soft_deleted": 1}]
    wide += [{"offset": world.mine.share}, {"with_count": 1}]
    ids = (world.mine.share, world.mine.bin, world.mine.snapshot, world.mine.message)
    for route, call in lists(world):
        keys = next((p.kind.words for p in route.query if p.name == "sort_key"), ("",))
        for number, key in enumerate(keys):
            for more in wide:
                for value in ids:
                    query = {**more, **({"sort_key": key, "sort_dir": "asc"} if key else {})}
                    asked = msgspec.structs.replace(call, query={**call.query, **query})
                    wall.attempt(
                        f"{route.id} {query} marker={value}",
                        not same(world, asked, "marker", value, "2.99", number),
                    )
    wall.assert_held()


def test_nobody_sorts_by_what_he_may_not_see(world: FullWorld, wall: Wall) -> None:
    """The order of shares by host would tell which of them are together."""
    for key, path in (("host", "/shares"), ("host", "/shares/detail")):
        call = Call(method="GET", path=path, query={"sort_key": key})
        wall.attempt(f"sort by {key}", world.send(call, "stranger", "2.99").status != 403)
        assert world.send(call, "admin", "2.99").status == 200
    wall.assert_held()


def test_no_route_with_an_id_in_its_path_tells_a_foreign_id_from_none(
    world: FullWorld, wall: Wall
) -> None:
    """Also the actions, in every version in which their answer may differ."""
    for route in world.registry.routes:
        if "{" not in route.path:
            continue
        nothing = Things(**{name: UNKNOWN.format(0) for name in Things.__struct_fields__})
        nothing.project = world.mine.project
        for version in {text(route.versions.first), text(route.versions.last)}:
            one = world.send(world.call(route), "stranger", version)
            two = world.send(world.call(route, nothing), "stranger", version)
            said = one.text
            for id in world.mine.ids():
                said = said.replace(id, UNKNOWN.format(0))
            wall.attempt(f"{route.id} {version}", (one.status, said) != (two.status, two.text))
    world.restore()
    wall.assert_held()


# --- identity -------------------------------------------------------------------------------------
@pytest.fixture
def client(tmp_path: Path) -> Iterator[people.Client]:
    with people.logged_in(f"sqlite:///{tmp_path}/abaca.sqlite") as found:
        yield found


def test_identity_tells_a_foreign_id_from_none_by_nothing(
    client: people.Client, wall: Wall
) -> None:
    foreign_user, foreign_project = people.new_user(client, "bob")
    bobs = client.must_login("bob", people.USER_PASSWORD)[0]
    credential = people.make_credential(client, foreign_user, bobs)["id"]
    own_user, _ = people.new_user(client, "ann")
    token = client.must_login("ann", people.USER_PASSWORD)[0]
    real = {
        "user_id": foreign_user,
        "project_id": foreign_project,
        "domain_id": "default",
        "role_id": people.role_id(client, "admin"),
        "credential_id": credential,
    }
    for route in ROUTES:
        for fixed in ({}, {"user_id": own_user}) if route.who is not Who.ANYONE else ():
            names = [name for name in re.findall(r"\{(\w+)\}", route.path) if name not in fixed]
            unknown = uuid.UUID(UNKNOWN.format(1)).hex
            given = {**dict.fromkeys(("service_id", "region_id"), unknown), **real, **fixed}
            if not names or "domain_id" in names:  # everybody knows his own domain
                continue
            absent = {**given, **dict.fromkeys(names, unknown)}
            answers = []
            for ids in (given, absent):
                path = re.sub(r"\{(\w+)\}", lambda m, of=ids: of[m[1]], route.path)
                status, body, _ = client(route.method, path[3:], {}, token=token)
                said = str(body)
                for name in names:
                    said = said.replace(ids[name], "<id>")
                answers.append((status, said))
            wall.attempt(f"{route.method} {route.path} {fixed}", answers[0] != answers[1])
    wall.assert_held()


def test_a_login_tells_an_unknown_user_project_or_credential_from_none(
    client: people.Client, wall: Wall
) -> None:
    user, project = people.new_user(client, "bob")
    people.new_user(client, "ann")
    bobs = client.must_login("bob", people.USER_PASSWORD)[0]
    credential = people.make_credential(client, user, bobs)["id"]
    domain = {"id": "default"}
    wall.attempt(
        "user by name", client.login("bob", "wrong")[:2] != client.login("nobody", "wrong")[:2]
    )
    for real, absent in (
        ({"id": project}, {"id": "f" * 32}),
        ({"name": "bob", "domain": domain}, {"name": "none", "domain": domain}),
    ):
        answers = [
            client.login("ann", people.USER_PASSWORD, scope={"project": each})[:2]
            for each in (real, absent)
        ]
        wall.attempt(f"project {real}", answers[0] != answers[1])
    for real, absent in (
        ({"id": credential}, {"id": "f" * 32}),
        ({"name": "ci", "user": {"id": user}}, {"name": "ci", "user": {"id": "f" * 32}}),
        ({"name": "ci", "user": {"id": user}}, {"name": "no", "user": {"id": user}}),
    ):
        answers = [
            client.auth(
                {
                    "methods": ["application_credential"],
                    "application_credential": {**each, "secret": "wrong"},
                }
            )[:2]
            for each in (real, absent)
        ]
        wall.attempt(f"credential {real}", answers[0] != answers[1])
    wall.assert_held()
