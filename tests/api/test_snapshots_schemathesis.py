"""Snapshots: schemathesis against the real handlers, a real store and the default policy."""

from __future__ import annotations

import pytest

from abaca.api.app import create_app
from abaca.api.registry import Registry, load
from abaca.api.request import NoAuth
from abaca.identity.policy import Enforcer
from abaca.store.engine import Store
from api import schema_walk
from api.snapshot_world import SnapshotWorld

ADMIN = "user:aaaa1111:admin,member,reader"
GROUPS = (
    "snapshots", "snapshot_metadata", "snapshots_export_locations", "snapshot_instances",
    "snapshot_instances_export_locations",
)  # fmt: skip


def own_routes() -> Registry:
    found = Registry()
    for route in load().routes:
        if route.id.partition(".")[0] in GROUPS:
            found.add(route)
    return found


@pytest.mark.parametrize("version", [6, 40, 99])
def test_answers_are_as_documented(store: Store, version: int) -> None:
    world = SnapshotWorld(store)
    world.export(world.taken(world.share(), metadata={"k": "v"}))
    app = create_app(world.env, auth=NoAuth(), policy=Enforcer(), registry=own_routes())
    assert schema_walk.walk(app, ADMIN, version=version, examples=12) == []
