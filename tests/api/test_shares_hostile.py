"""Every field of every body and query of shares, with values that nobody means well with."""

from __future__ import annotations

from typing import Any

import pytest

from abaca.api.registry import Route, load
from abaca.store.engine import Store
from support.shares import HOST, World

GROUPS = ("shares.", "share_metadata.", "share_access", "share_instances", "share_export")
VALUES: list[Any] = [
    None, True, 0, -1, 1.5, 2**31, 2**63, 2**64, 10**30, "", " ", "\x00", "a\x00b", "\ud7ff", "💩",
    "x" * 300, "x" * 10240, "../../etc/passwd", "$(id)", "'; DROP TABLE shares; --", "%", [], {},
    [None], {"a": {"b": ["c"]}}, {"path": "\x00"}, {"\x00": "x"}, {"k": "\x00"},
    "11111111-1111-4111-8111-111111111111",
]  # fmt: skip
GOOD: dict[str, Any] = {
    "size": 1,
    "share_proto": "NFS",
    "export_path": "10.0.0.1:/x",
    "service_host": HOST,
    "protocol": "NFS",
    "access_type": "ip",
    "access_to": "10.0.0.1",
    "access_level": "ro",
    "access_id": "11111111-1111-4111-8111-111111111111",
    "snapshot_id": "11111111-1111-4111-8111-111111111111",
    "new_size": 2,
    "status": "available",
    "task_state": None,
}


def routes() -> list[Route]:
    return [
        route
        for route in load().routes
        if route.id.startswith(GROUPS) and route.versions.last == 99
    ]


@pytest.mark.parametrize("route", routes(), ids=lambda route: route.id)
def test_no_accident(store: Store, route: Route) -> None:
    world = World(store)
    share = world.share()
    (location, *_) = world.admin.get(f"/shares/{share}/export_locations")["export_locations"]
    given = {"access_type": "ip", "access_to": "10.0.0.9"}
    rule = world.member.act(share, "allow_access", given)["access"]["id"]
    (instance,) = world.admin.get(f"/shares/{share}/instances")["share_instances"]
    names = {
        "share_id": share,
        "access_id": rule,
        "share_instance_id": instance["id"],
        "export_location_id": location["id"],
        "resource_id": location["id"] if "export_location" in route.id else share,
        "key": "k",
    }
    path = route.path.format(**names)
    for body in bodies(route):
        answer = world.admin(route.method, path, body, experimental=True)
        assert answer.status < 500, (body, answer.json)
    for param in route.query:
        for value in VALUES:
            answer = world.admin.get(path, **{param.name: value, "share_id": share})
            assert answer.status < 500, (param.name, value, answer.json)


def bodies(route: Route) -> list[Any]:
    if route.body is None:
        return [None]
    key = route.body.keys[0] if route.body.keys else None

    def whole(inner: Any) -> Any:
        return {key: inner} if key else inner

    good = {f.name: GOOD[f.name] for f in route.body.fields if f.name in GOOD}
    found = [whole({**good, f.name: value}) for f in route.body.fields for value in VALUES]
    return [None, [], {}, *VALUES, *(whole(value) for value in VALUES), *found]
