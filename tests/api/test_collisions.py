"""A request whose transaction met a deadlock is run again, and its client hears nothing of it."""

from __future__ import annotations

from typing import Any

import falcon.testing
import pytest

from abaca.api.app import COLLISIONS, create_app
from abaca.api.registry import Registry
from abaca.api.request import AllowAll, NoAuth, Request
from abaca.model.errors import Collision, Unavailable


def answer(error: type[Unavailable], times: int) -> tuple[int, int]:
    """Status, and how often the handler ran, when its first runs end like this."""
    registry, runs = Registry(), []

    @registry.route("GET", "/limits", id="limits.index")
    def limits(req: Request) -> Any:
        runs.append(req)
        if len(runs) <= times:
            raise error("deadlock detected")
        return {"limits": {}}

    app = create_app(None, auth=NoAuth(), policy=AllowAll(), registry=registry)
    client = falcon.testing.TestClient(app, headers={"X-Auth-Token": "user:project"})
    return client.simulate_get("/v2/limits").status_code, len(runs)


@pytest.mark.parametrize("times", range(COLLISIONS + 1))
def test_some_collisions_are_not_seen(times: int) -> None:
    assert answer(Collision, times) == (200, times + 1)


def test_too_many_are_503() -> None:
    assert answer(Collision, 100) == (503, COLLISIONS + 1)


def test_a_database_that_is_away_is_asked_once() -> None:
    assert answer(Unavailable, 1) == (503, 1)
