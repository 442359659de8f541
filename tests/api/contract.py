"""What the fact tables say against what is registered: each function returns the differences.

    problems = declarations(registry) + availability(registry) + roles(registry, policy) + ...

Handlers are not run: their places are taken by stubs, so every row can be walked at all 100
microversions in a second.
"""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from abaca.api.app import Settings, create_app
from abaca.api.registry import Registry, Route, shape
from abaca.api.request import AllowAll, Enforcer, NoAuth, Request
from abaca.api.schema import Body
from abaca.api.versions import MAX, MIN, minor, text
from abaca.api.views.fields import REPRESENTATIONS, Field, Representation
from api import tables

VERSIONS = range(MIN, MAX + 1)
ROLES = ("admin", "member", "reader", "service", "none")
HELD = {  # Keystone makes whoever is admin also member and reader
    "admin": "admin,member,reader",
    "member": "member,reader",
    "reader": "reader",
    "service": "service",
    "none": "nothing",
}
PROJECT = "abcdef0123456789"
ID = "11111111-1111-4111-8111-111111111111"

Problems = list[str]


OWN_REPRESENTATIONS = {"operation", "operation_step"} | {
    f"drift_{what}" for what in ("finding", "look", "repair", "adoption")
}


def manila(registry: Registry) -> list[Route]:
    """Its routes without abaca's own."""
    return [route for route in registry.routes if not route.extension]


def not_implemented(registry: Registry) -> list[str]:
    """Ids of routes.yaml that no handler serves."""
    done = {route.id for route in registry.routes}
    return [id for id in tables.routes() if id not in done]


# declarations


def declarations(registry: Registry) -> Problems:
    """Ids, paths, ranges, success codes, policy rules, query parameters."""
    rows = tables.routes()
    found: Problems = []
    for route in manila(registry):
        row = rows.get(route.id)
        if row is None:
            found.append(f"{route.id} is not an id of routes.yaml")
        else:
            found += [f"{route.id}: {difference}" for difference in _differences(route, row)]
    return found


def _differences(route: Route, row: dict[str, Any]) -> Iterator[str]:
    experimental = row["experimental"]
    pairs: list[tuple[str, Any, Any]] = [
        ("method", route.method, row["method"]),
        ("path", shape(route.path), shape(row["path"])),
        ("action", route.action, row["action"]),
        ("min", text(route.versions.first), row["min"]),
        ("max", text(route.versions.last), row["max"] or text(MAX)),
        (
            "experimental",
            route.experimental and [text(route.experimental.first), text(route.experimental.last)],
            experimental and [experimental["min"], experimental["max"]],
        ),
        ("policy", sorted(route.policy), sorted({p["rule"] for p in tables.fixed_policies(row)})),
    ]
    success = re.match(r"\d+", str(row["success"]))
    if success:
        pairs.append(("success", route.success, int(success[0])))
    for what, ours, theirs in pairs:
        if ours != theirs:
            yield f"{what} is {ours}, the table says {theirs}"
    yield from _query_differences(route, row)


def _query_differences(route: Route, row: dict[str, Any]) -> Iterator[str]:
    ours = {name: param for param in route.query for name in (param.name, *param.alias)}
    for param in row["query"]:
        mine = ours.get(param["name"])
        if mine is None:
            yield f"query parameter {param['name']} is not declared"
        elif text(max(mine.versions.first, route.versions.first)) != param["since"]:
            yield (
                f"query parameter {param['name']} starts at {text(mine.versions.first)}, "
                f"the table says {param['since']}"
            )


# bodies


def bodies(registry: Registry) -> Problems:
    """Every declared body against requests.yaml: names, first versions, what is required."""
    rows, table = tables.routes(), tables.requests()
    found: Problems = []
    for route in registry.routes:
        name = rows.get(route.id, {}).get("request")
        if name is not None:
            found += [f"{route.id}: {said}" for said in _body_differences(route, table[name])]
    return found


def _body_differences(route: Route, row: dict[str, Any]) -> Iterator[str]:
    body = route.body
    if body is None:
        yield "no body is declared"
        return
    if "refused (400)" in row["unknown_keys"] and not body.empty and body.unknown != "refuse":
        yield "the table says that unknown keys are refused"
    ours = {name: field for field in body.fields for name in (field.name, *field.alias)}
    for field in row["fields"]:
        since = field.get("since", "2.0")
        if not re.match(r"\w", field["name"]) or minor(since) > route.versions.last:
            continue
        mine = ours.get(field["name"])
        if mine is None:
            if field["type"] != "any":
                yield f"{field['name']} is not in the body"
        elif max(mine.versions.first, route.versions.first) != max(
            minor(since), route.versions.first
        ):
            yield f"{field['name']} is there from {text(mine.versions.first)}, not {since}"
        elif mine.required != field["required"]:
            yield f"{field['name']}: required is {mine.required}"


# behaviour of the edge for every row


def stubbed(registry: Registry) -> Registry:
    """The same routes with handlers that only check their policy rules."""
    found = Registry()
    for route in registry.routes:
        body = Body(route.action, empty=True) if route.action else None
        found.add(msgspec.structs.replace(route, handler=_stub, body=body))
    return found


def _stub(req: Request, **path: str) -> None:
    for rule in req.route.policy:
        req.authorize(rule)


class Caller:
    """Calls a WSGI application in process and returns the status code."""

    def __init__(self, registry: Registry, policy: Enforcer) -> None:
        self.app = create_app(
            None,
            auth=NoAuth(),
            policy=policy,
            registry=stubbed(registry),
            settings=Settings(metrics=False),
        )

    def __call__(
        self, row: dict[str, Any], version: int, *, experimental: bool, roles: str = "admin"
    ) -> int:
        environ = self.environ(row)
        environ["HTTP_X_AUTH_TOKEN"] = f"user:{PROJECT}:{roles}"
        environ["HTTP_X_OPENSTACK_MANILA_API_VERSION"] = text(version)
        if experimental:
            environ["HTTP_X_OPENSTACK_MANILA_API_EXPERIMENTAL"] = "true"
        status: list[str] = []
        self.app(environ, lambda line, headers, exc=None: status.append(line))
        return int(status[0][:3])

    @staticmethod
    def environ(row: dict[str, Any]) -> dict[str, Any]:
        body = b'{"%s": null}' % row["action"].encode() if row["action"] else b""
        return {
            "REQUEST_METHOD": row["method"],
            "PATH_INFO": "/v2" + re.sub(r"\{\w+\}", ID, row["path"]),
            "SERVER_NAME": "test",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "CONTENT_TYPE": "application/json",
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": sys.stderr,
            "QUERY_STRING": "",
            "wsgi.url_scheme": "http",
        }


def expected(row: dict[str, Any], version: int, experimental: bool) -> bool:
    """Whether the table says that the route is there."""
    first, last = minor(row["min"]), minor(row["max"] or text(MAX))
    gate = row["experimental"]
    gated = gate is not None and minor(gate["min"]) <= version <= minor(gate["max"])
    return first <= version <= last and (experimental or not gated)


def availability(registry: Registry, ids: Iterable[str] | None = None) -> Problems:
    """Every row at every version, with and without the experimental header: 404 iff absent."""
    call = Caller(registry, AllowAll())
    done = {route.id: route for route in registry.routes}
    rows = tables.routes()
    found: Problems = []
    for id in rows if ids is None else ids:
        row = rows[id]
        for version in VERSIONS:
            for experimental in (False, True):
                there = id in done and expected(row, version, experimental)
                code = call(row, version, experimental=experimental)
                good = code < 300 if there else code == 404
                if not good and not _shadowed(row, done, version, experimental):
                    found.append(
                        f"{id} at {text(version)} experimental={experimental}: {code}, "
                        f"expected {'success' if there else '404'}"
                    )
    return found


def _shadowed(
    row: dict[str, Any], done: dict[str, Route], version: int, experimental: bool
) -> bool:
    """Another route serves this place at this version (legacy and current forms of one path)."""
    return any(
        (route.method, shape(route.path), route.action)
        == (row["method"], shape(row["path"]), row["action"])
        and route.id != row["id"]
        and route.available(version, experimental)
        for route in done.values()
    )


# roles


def roles(registry: Registry, policy: Enforcer) -> Problems:
    """Every implemented route for every role, on a resource of the caller's own project."""
    call = Caller(registry, policy)
    done = {route.id: route for route in registry.routes}
    found: Problems = []
    for id, row in tables.routes().items():
        if id not in done:
            continue
        for role in ROLES:
            code = call(row, done[id].versions.last, experimental=True, roles=HELD[role])
            may = all(_may(role, rule["roles"]) for rule in tables.fixed_policies(row))
            if (code != 403) != may:
                found.append(f"{id} as {role}: {code}, the table says {'yes' if may else 'no'}")
    return found


def _may(role: str, allowed: list[str] | None) -> bool:
    """Whether a role is in a list such as [admin, reader(own project)]; null lets everyone in."""
    if allowed is None:
        return True
    words = [word.split("(")[0] for word in allowed]
    if "owner user" in words:
        return True
    return any(held in words for held in HELD[role].split(","))


# fields


def fields(names: Iterable[str] | None = None) -> Problems:
    """Every registered representation against fields.yaml."""
    rows = tables.representations()
    found: Problems = []
    for name, representation in sorted(REPRESENTATIONS.items()):
        if name in rows and (names is None or name in names):
            found += _field_differences(representation, rows[name])
    return found


def unknown_representations() -> list[str]:
    ours = {name for name in REPRESENTATIONS if not name.startswith("test_")}
    return sorted(ours - set(tables.representations()) - OWN_REPRESENTATIONS)


def representations_not_implemented() -> list[str]:
    return [name for name in tables.representations() if name not in REPRESENTATIONS]


def _field_differences(representation: Representation, row: dict[str, Any]) -> Problems:
    theirs = {field["name"]: field for field in row["fields"]}
    ours = {field.name: field for field in representation.fields}
    found = [f"{representation.name}.{name} is missing" for name in theirs if name not in ours]
    found += [f"{representation.name}.{n} is not in the table" for n in ours if n not in theirs]
    for name in theirs.keys() & ours.keys():
        found += [
            f"{representation.name}.{name}: {difference}"
            for difference in _one_field(ours[name], theirs[name])
        ]
    return found + _presence(representation, row)


def _one_field(ours: Field, theirs: dict[str, Any]) -> Iterator[str]:
    pairs = (
        ("type", ours.type, theirs["type"]),
        ("nullable", ours.nullable, theirs["nullable"]),
        ("admin", ours.admin, bool(theirs.get("visible_to"))),
    )
    for what, mine, table in pairs:
        if mine != table:
            yield f"{what} is {mine}, the table says {table}"


def _presence(representation: Representation, row: dict[str, Any]) -> Problems:
    """The fields of the compiled view, version by version and for both roles."""
    first, last = (minor(v) for v in row["available"].split("-"))
    found: Problems = []
    for admin in (False, True):
        for version in range(first, last + 1):
            shown = {field.name for field in representation.at(version, admin)}
            should = {
                field["name"]
                for field in row["fields"]
                if minor(field["min"]) <= version <= minor(field["max"] or text(MAX))
                and (admin or not field.get("visible_to"))
            }
            if shown != should:
                found.append(
                    f"{representation.name} at {text(version)} admin={admin}: "
                    f"{sorted(shown ^ should)} differ"
                )
    return found
