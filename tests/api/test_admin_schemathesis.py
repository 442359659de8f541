"""Types, services, pools, quotas, limits and messages: schemathesis against the real handlers."""

from __future__ import annotations

import pytest

from abaca.api.app import create_app
from abaca.api.registry import Registry, load
from abaca.api.request import NoAuth
from abaca.identity.policy import Enforcer
from abaca.service.env import Env, Settings
from abaca.store import messages, services
from abaca.store.engine import Store
from api import schema_walk
from api.service_client import ADMIN, PROJECT

GROUPS = (
    "availability_zones", "extensions", "limits", "messages", "quota_class_sets", "quota_sets",
    "scheduler_stats", "services", "share_type_extra_specs", "share_types",
)  # fmt: skip


def own_routes() -> Registry:
    found = Registry()
    for route in load().routes:
        if route.id.partition(".")[0] in GROUPS:
            found.add(route)
    return found


def fill(store: Store) -> None:
    with store.transaction() as tx:
        services.report_service(tx, host="h@b", binary="manila-share", topic="t", zone="z")
        services.report_pools(tx, "h@b", {"h@b#p": {"pool_name": "p"}})
        messages.insert(
            tx,
            project_id=PROJECT,
            request_id="req-1",
            resource_type="SHARE",
            resource_id="11111111-1111-4111-8111-111111111111",
            action_id="002",
            detail_id="009",
        )


@pytest.mark.parametrize("version", [6, 50, 99])
def test_answers_are_as_documented(store: Store, version: int) -> None:
    fill(store)
    env = Env(store=store, settings=Settings(default_share_type="gold"))
    app = create_app(env, auth=NoAuth(), policy=Enforcer(), registry=own_routes())
    assert schema_walk.walk(app, ADMIN, version=version, examples=12) == []
