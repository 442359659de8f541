"""What the framework itself costs: far below the goal of a quarter of a millisecond."""

from __future__ import annotations

import time

import falcon.testing

from api.sample import TOKEN, make_app

GOAL = 0.00025  # CPU-seconds of one GET; 20 us on a quiet machine


def test_cpu_of_one_get() -> None:
    app = make_app()
    environ = falcon.testing.create_environ(
        "/v2/shares/1",
        headers={"X-Auth-Token": TOKEN, "X-OpenStack-Manila-API-Version": "2.65"},
    )
    assert min(_cpu(app, environ) for _ in range(5)) < GOAL


def _cpu(app, environ) -> float:  # type: ignore[no-untyped-def]
    started = time.process_time()
    for _ in range(500):
        app(dict(environ), lambda status, headers, exc=None: None)
    return (time.process_time() - started) / 500
