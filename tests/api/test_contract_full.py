"""The whole API against the fact tables, with real handlers, a real store and the default policy.

Every route, at each edge of its versions and both neighbours, for every role: the status is the
success of the table or the right refusal, and what comes back has the fields of the table.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from abaca.api.registry import Route
from abaca.api.versions import MAX, MIN, minor, text
from abaca.web.faults import NAMES, OTHER_NAME
from api import contract, tables
from api.full_world import TOKENS, Answer, FullWorld, full_world

HELD = {"norole": "none", "reader": "reader", "member": "member", "admin": "admin"}
GOES_NOWHERE = ("extensions.show", "extensions.create", "extensions.delete")  # always 404
OF_OTHERS = {  # what strangers get where it is not 404; see docs/decisions/api-quirks.md
    "quota_sets.defaults": 200,
    "quota_sets.legacy.defaults": 200,
    "quota_sets": 403,
    "share_access_rules.index": 400,
}
FOR_ADMINS = ("quota_class_sets.show", "quota_class_sets.legacy.show")  # the policy lets all pass
NOT_OF_A_PROJECT = ("share_types", "share_type_extra_specs", "services", "quota_class_sets")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FullWorld]:
    with full_world(tmp_path_factory.mktemp("contract")) as found:
        yield found


def around(edges: set[int]) -> list[int]:
    """Each edge and its neighbours, as far as there are such versions."""
    return sorted({v for edge in edges for v in (edge - 1, edge, edge + 1) if MIN <= v <= MAX})


def edges(route: Route) -> set[int]:
    found = {route.versions.first, route.versions.last}
    if route.experimental is not None:
        found |= {route.experimental.first, route.experimental.last}
    return found


def field_edges(row: dict[str, Any]) -> set[int]:
    """First and last versions of all fields of what a route answers."""
    rows = tables.representations()
    names = [name for name in re.findall(r"\w+", row["response"] or "") if name in rows]
    limits = [f[limit] for name in names for f in rows[name]["fields"] for limit in ("min", "max")]
    return {minor(limit) for limit in limits if limit}


# --- status codes ---------------------------------------------------------------------------------
def expected(world: FullWorld, route: Route, row: dict[str, Any], who: str) -> tuple[int, ...]:
    """The good answers where the route is available."""
    if who == "nobody":
        return (401,)
    if route.id in GOES_NOWHERE:
        return (404,)
    if route.id in FOR_ADMINS and who != "admin":
        return (403,)
    success = int(re.findall(r"\d+", str(row["success"]))[0])
    rules = tables.fixed_policies(row)
    if who != "stranger":
        may = all(contract._may(HELD[who], rule["roles"]) for rule in rules)
        return (success,) if may else (403,)
    may = all(contract._may("member", rule["roles"]) for rule in rules)
    if not _of_a_project(world, route):
        return (success,) if may else (403,)
    for prefix, status in OF_OTHERS.items():
        if route.id.startswith(prefix) and route.method == "GET" and may:
            return (status,)
    return (404,) if may else (403, 404)


def _of_a_project(world: FullWorld, route: Route) -> bool:
    """Whether the request names something that belongs to a project."""
    if route.id.startswith(NOT_OF_A_PROJECT):
        return False
    return "{" in route.path or "share_id" in repr(world.call(route))


def status_problems(world: FullWorld, route: Route) -> Iterator[str]:
    row = tables.routes()[route.id]
    call = world.call(route)
    for version in around(edges(route)):
        for who in TOKENS:
            for experimental in (True, False) if route.experimental else (True,):
                there = contract.expected(row, version, experimental)
                good = expected(world, route, row, who) if there or who == "nobody" else (404,)
                before = world.version()
                answer = world.send(call, who, text(version), experimental=experimental)
                where = f"{route.id} at {text(version)} as {who}"
                if answer.status not in good:
                    yield f"{where}: {answer}, expected {good}"
                if world.version() != before:
                    if answer.status >= 400:
                        yield f"{where}: refused, and yet it changed something"
                    world.restore()
                yield from (f"{where}: {problem}" for problem in _envelope(answer, version))


def _envelope(answer: Answer, version: int) -> Iterator[str]:
    """What every answer has, whatever was asked."""
    if not re.fullmatch(r"req-[0-9a-f-]{36}", answer.headers.get("x-compute-request-id", "")):
        yield "no x-compute-request-id"
    if answer.status == 401:
        return
    if answer.headers.get("x-openstack-manila-api-version") != text(version):
        yield "the version is not echoed"
    if answer.status >= 400:
        ((name, fault),) = answer.json.items()
        if name != NAMES.get(answer.status, OTHER_NAME) or fault["code"] != answer.status:
            yield f"fault {name} with code {fault['code']} for {answer.status}"
        if not re.fullmatch(r"[A-Z\"'\w].{10,}\.", fault["message"], re.DOTALL):
            yield f"not a sentence: {fault['message']!r}"


def test_every_route_answers_each_role_as_the_table_says_at_the_edges_of_its_versions(
    world: FullWorld,
) -> None:
    assert [
        p for route in contract.manila(world.registry) for p in status_problems(world, route)
    ] == []


def test_every_route_answers_with_the_project_in_its_url_and_with_a_suffix(
    world: FullWorld,
) -> None:
    wrong = []
    for route in contract.manila(world.registry):
        call, version = world.call(route), text(route.versions.last)
        good = expected(world, route, tables.routes()[route.id], "admin")
        forms = {"/cccc3333{}": good, "{}.json": good, "/bbbb2222{}": (400,), "{}/": (404,)}
        for form, codes in forms.items():
            changed = msgspec.structs.replace(call, path=form.format(call.path))
            before = world.version()
            answer = world.send(changed, "admin", version)
            if answer.status not in codes:
                wrong.append(f"{route.id} as {form}: {answer}, expected {codes}")
            if world.version() != before:
                world.restore()
    assert wrong == []


# --- fields ---------------------------------------------------------------------------------------
CHECKS = {
    "string": lambda v: isinstance(v, str),
    "string(uuid)": lambda v: isinstance(v, str) and re.fullmatch(r"[0-9a-f-]{36}", v),
    "string(ISO8601 utc, microseconds, no offset)": lambda v: (
        isinstance(v, str) and re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}", v)
    ),
    "integer": lambda v: isinstance(v, int) and not isinstance(v, bool),
    "boolean": lambda v: isinstance(v, bool),
    "null": lambda v: v is None,
    "object": lambda v: isinstance(v, dict),
    "object(string->string)": lambda v: (
        isinstance(v, dict) and all(isinstance(t, str) for pair in v.items() for t in pair)
    ),
    "array(string)": lambda v: isinstance(v, list) and all(isinstance(t, str) for t in v),
    "array(link)": lambda v: (
        isinstance(v, list) and [link["rel"] for link in v] == ["self", "bookmark"]
    ),
}


class Shape:
    """What a response text of routes.yaml says: `{shares: [share], count?, shares_links?}`."""

    def __init__(self, said: str, version: int, admin: bool) -> None:
        self.said, self.version, self.admin = said, version, admin

    def problems(self, found: Any) -> Iterator[str]:
        said = self.said
        if said in ("{key: value}", "echo of request body", "{extensions: []}"):
            return
        if said == "service_update":
            yield from self.record(found, "service_update")
            return
        body = re.fullmatch(r"\{(.*)\}", said)
        assert body is not None, said
        keys: set[str] = set()
        last = ""
        for part in re.split(r",\s*(?![^{\[]*[}\]])", body[1]):
            key, _, what = part.partition(": ")
            optional, key = key.endswith("?"), key.rstrip("?")
            keys.add(key)
            if key not in found:
                if not optional:
                    yield f"{key} is missing"
                continue
            what = what.replace("same", last) if "same" in what else what
            last = what.strip("[]")
            yield from (f"{key}: {problem}" for problem in self.value(found[key], what))
        if set(found) - keys:
            yield f"{sorted(set(found) - keys)} are not in the table"

    def value(self, found: Any, what: str) -> Iterator[str]:
        if not what or what.startswith("{key"):
            return
        if what.startswith("["):
            if not isinstance(found, list):
                yield "is not a list"
                return
            for item in found:
                yield from self.record(item, what.strip("[]"))
        elif what.startswith("{"):
            yield from Shape(what, self.version, self.admin).problems(found)
        else:
            name, _, note = what.partition(" ")
            yield from self.record(found, name, note)

    def record(self, found: Any, name: str, note: str = "") -> Iterator[str]:
        early = name == "access_rule" and self.version < minor("2.45")
        if early:  # the later one does not exist yet
            name = "access_rule_list_item"
        row, version = tables.representations()[name], self.version
        fields = {
            field["name"]: field
            for field in row["fields"]
            if minor(field["min"]) <= version <= minor(field["max"] or text(MAX))
            and (self.admin or not field.get("visible_to"))
            and not (note == "without id" and field["name"] == "id")
        }
        names = set(found) - ({"share_id"} if early else set())
        if name != "limits_absolute" and names != set(fields):
            yield f"{name} has {sorted(names ^ set(fields))} too much or too little"
        for key in fields.keys() & found.keys():
            field, value = fields[key], found[key]
            if note.startswith("with {limit") and key != "id":
                if {"limit", "in_use", "reserved"} - set(value):
                    yield f"{name}.{key} is {value!r}"
            elif value is None and field["nullable"]:
                continue
            elif not CHECKS[field["type"]](value):
                yield f"{name}.{key} is {value!r}, not {field['type']}"


def field_problems(world: FullWorld, route: Route) -> Iterator[str]:
    row = tables.routes()[route.id]
    if row["response"] is None or route.id in GOES_NOWHERE:
        return
    call = world.call(route)
    for version in around(edges(route) | field_edges(row)):
        if not route.available(version, True):
            continue
        for who in ("admin", "member"):
            if expected(world, route, row, who)[0] >= 400:
                continue
            before = world.version()
            answer = world.send(call, who, text(version))
            where = f"{route.id} at {text(version)} as {who}"
            if answer.status >= 400:
                yield f"{where}: {answer}"
                continue
            shape = Shape(row["response"], version, who == "admin")
            yield from (f"{where}: {problem}" for problem in shape.problems(answer.json))
            if world.version() != before:
                world.restore()


def test_every_answer_has_the_fields_of_the_table_at_their_versions(world: FullWorld) -> None:
    assert [
        p for route in contract.manila(world.registry) for p in field_problems(world, route)
    ] == []


def test_lists_have_something_in_them(world: FullWorld) -> None:
    """Else the test of their fields would say nothing."""
    empty = []
    for route in contract.manila(world.registry):
        response = tables.routes()[route.id]["response"] or ""
        if "[" in response:
            call = world.call(route)
            for who in ("admin", "member"):
                answer = world.send(call, who, text(route.versions.last))
                if answer.status < 400 and any(v for v in answer.json.values()):
                    break
            else:
                empty.append(route.id)
    assert empty == ["extensions.index"]
